"""The people and organisations in chats, their names sealed."""

from collections.abc import Sequence

import msgspec

from postroom.domain.chats import Attendee, AttendeeContent, Chat, Speaker, name_of
from postroom.store.database import Reader, Row, Tx
from postroom.store.keyring import Keyring, NoKey
from postroom.store.where import Where

_COLUMNS = "id, account_id, provider, provider_id, is_self, kind, member_urn, distance, content"
_encode = msgspec.json.Encoder().encode
_decode_content = msgspec.json.Decoder(AttendeeContent).decode


async def put_attendees(tx: Tx, workspace_id: str, chat_id: str | None, attendees: list[Attendee]) -> dict[str, str]:
    """Keep people as they are now, and that they are in the chat, if one is given; provider id to stored id.

    Someone is known by account and provider id, and keeps the id first stored. An empty name keeps the stored one.
    All are of one account. Safe to repeat; what has not changed is not written.
    """
    if not attendees:
        return {}
    account_id = attendees[0].account_id
    seal = tx.keyring.seal(account_id)
    wanted = {attendee.provider_id: attendee for attendee in attendees}
    known = await find_attendees(tx, workspace_id, account_id, list(wanted))
    ids = {provider_id: found.id for provider_id, found in known.items()}
    added, changed = [], []
    for provider_id, attendee in wanted.items():
        stored = known.get(provider_id)
        if stored is None:
            ids[provider_id] = attendee.id
            added.append(attendee)
            continue
        content = attendee.content
        if not content.name:
            content = msgspec.structs.replace(content, name=stored.content.name)
        now = msgspec.structs.replace(attendee, id=stored.id, content=content)
        if now != stored:
            changed.append(now)
    rows = [
        (
            workspace_id,
            attendee.id,
            int(attendee.is_self),
            attendee.kind,
            attendee.member_urn,
            attendee.distance,
            seal.close(_encode(attendee.content), f"attendees.content:{attendee.id}"),
            account_id,
            attendee.provider,
            attendee.provider_id,
        )
        for attendee in [*added, *changed]
    ]
    if added:
        await tx.execute_many(
            """
            insert into attendees (
                workspace_id, id, is_self, kind, member_urn, distance, content, account_id, provider, provider_id
            ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            """,
            rows[: len(added)],
        )
    if changed:
        await tx.execute_many(
            """
            update attendees set is_self = $3, kind = $4, member_urn = $5, distance = $6, content = $7
            where workspace_id = $1 and id = $2
            """,
            [row[:7] for row in rows[len(added) :]],
        )
    if chat_id is not None:
        await tx.execute_many(
            """
            insert into chat_attendees (chat_id, attendee_id, workspace_id) values ($1, $2, $3)
            on conflict (chat_id, attendee_id) do nothing
            """,
            [(chat_id, ids[provider_id], workspace_id) for provider_id in wanted],
        )
    return ids


async def list_attendees(reader: Reader, workspace_id: str, chat_id: str) -> list[Attendee]:
    """Who is in a chat, in the order in which they became known."""
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from attendees
        where workspace_id = $1 and id in (select attendee_id from chat_attendees where chat_id = $2) order by id
        """,
        workspace_id,
        chat_id,
    )
    return [_attendee(row, reader.keyring) for row in rows]


async def list_of_chats(reader: Reader, workspace_id: str, chat_ids: list[str]) -> dict[str, list[Attendee]]:
    """The same of several chats, by chat id."""
    pairs = await reader.fetch(
        f"select chat_id, attendee_id from chat_attendees where workspace_id = $1 and {reader.any_of('chat_id', 2)}",
        workspace_id,
        reader.array(chat_ids),
    )
    # In two steps: SQLite would join them by going through everybody of the workspace.
    rows = await reader.fetch(
        f"select {_COLUMNS} from attendees where workspace_id = $1 and {reader.any_of('id', 2)} order by id",
        workspace_id,
        reader.array({pair[1] for pair in pairs}),
    )
    chats: dict[str, list[str]] = {}
    for chat_id, attendee_id in pairs:
        chats.setdefault(attendee_id, []).append(chat_id)
    found: dict[str, list[Attendee]] = {chat_id: [] for chat_id in chat_ids}
    for row in rows:
        attendee = _attendee(row, reader.keyring)
        for chat_id in chats[attendee.id]:
            found[chat_id].append(attendee)
    return found


async def names_of_chats(reader: Reader, workspace_id: str, chats: Sequence[Chat]) -> dict[str, str | None]:
    """What people call each chat, by chat id. However many there are, it takes two statements at most."""
    nameless = [chat.id for chat in chats if not chat.content.name]
    people = await list_of_chats(reader, workspace_id, nameless) if nameless else {}
    return {chat.id: name_of(chat, people.get(chat.id, ())) for chat in chats}


async def list_page(
    reader: Reader, workspace_id: str, *, account_ids: list[str] | None, after: str | None, limit: int
) -> list[Attendee]:
    """A page of the people whom these accounts know (None: all accounts), newest first. `after` is the last one's id."""
    where = Where(reader, "workspace_id = {}", workspace_id)
    if account_ids is not None:
        where.any_of("account_id", account_ids)
    if after is not None:
        where.also("id < {}", after)
    rows = await reader.fetch(
        f"select {_COLUMNS} from attendees where {where} order by id desc limit {where.argument(limit)}", *where.args
    )
    return [_attendee(row, reader.keyring) for row in rows]


async def list_of_account(reader: Reader, workspace_id: str, account_id: str) -> list[Attendee]:
    """Everybody whom an account knows."""
    rows = await reader.fetch(
        f"select {_COLUMNS} from attendees where workspace_id = $1 and account_id = $2 order by id",
        workspace_id,
        account_id,
    )
    return [_attendee(row, reader.keyring) for row in rows]


async def find_by_id(
    reader: Reader,
    workspace_id: str,
    *,
    attendee_id: str | None = None,
    provider_id: str | None = None,
    account_ids: list[str] | None,
) -> list[Attendee]:
    """Who has this id, ours or the network's, as these accounts know them (None: all accounts)."""
    column, value = ("id", attendee_id) if attendee_id is not None else ("provider_id", provider_id)
    where = Where(reader, f"workspace_id = {{}} and {column} = {{}}", workspace_id, value)
    if account_ids is not None:
        where.any_of("account_id", account_ids)
    rows = await reader.fetch(f"select {_COLUMNS} from attendees where {where} order by id", *where.args)
    return [_attendee(row, reader.keyring) for row in rows]


async def find_attendees(
    reader: Reader, workspace_id: str, account_id: str, provider_ids: list[str]
) -> dict[str, Attendee]:
    """Those of these people whom the account knows, by provider id."""
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from attendees
        where workspace_id = $1 and account_id = $2 and {reader.any_of("provider_id", 3)}
        """,
        workspace_id,
        account_id,
        reader.array(provider_ids),
    )
    return {row[3]: _attendee(row, reader.keyring) for row in rows}


async def find_speakers(
    reader: Reader, workspace_id: str, account_id: str, provider_ids: list[str]
) -> dict[str, Speaker]:
    """The same people, with what a message shows of them: nothing is opened."""
    rows = await reader.fetch(
        f"""
        select id, kind, member_urn, distance, provider_id from attendees
        where workspace_id = $1 and account_id = $2 and {reader.any_of("provider_id", 3)}
        """,
        workspace_id,
        account_id,
        reader.array(provider_ids),
    )
    return {row[4]: to_speaker(row) for row in rows}


def to_speaker(row: Row) -> Speaker:
    """A row of id, kind, member_urn and distance."""
    return Speaker(id=row[0], kind=row[1], member_urn=row[2], distance=row[3])


def _attendee(row: Row, keyring: Keyring) -> Attendee:
    try:
        content = _decode_content(keyring.seal(row[1]).open(row[8], f"attendees.content:{row[0]}"))
    except NoKey:
        content = AttendeeContent()
    return Attendee(
        id=row[0],
        account_id=row[1],
        provider=row[2],
        provider_id=row[3],
        is_self=row[4] == 1,
        kind=row[5],
        member_urn=row[6],
        distance=row[7],
        content=content,
    )
