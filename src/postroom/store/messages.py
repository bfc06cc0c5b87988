"""Messages: one row for each account that sees it, its content sealed as one document."""

import msgspec

from postroom.domain.chats import Speaker
from postroom.domain.messages import Content, Message
from postroom.store.attendees import to_speaker
from postroom.store.burials import bury as bury
from postroom.store.burials import is_buried as is_buried
from postroom.store.burials import remove_tombstones as remove_tombstones
from postroom.store.burials import settle_with_burials, tombstone, without_quoted
from postroom.store.database import Reader, Tx
from postroom.store.keyring import NoKey
from postroom.store.message_rows import COLUMNS, COPIES, encode, to_message, to_messages
from postroom.store.where import Where

_FIND = f"select {COLUMNS} from messages where workspace_id = $1 and id = $2"


async def find(reader: Reader, workspace_id: str, message_id: str) -> Message | None:
    """The message, tombstone or not. None too where its account's key was destroyed: nobody can read it any more."""
    row = await reader.look_up(_FIND, workspace_id, message_id)
    if row is None:
        return None
    try:
        return to_message(row, reader.keyring)
    except NoKey:
        return None


_COLUMNS_OF_M = COLUMNS.replace(", ", ", m.")
_FIND_WITH_SPEAKER = f"""
    select m.{_COLUMNS_OF_M}, a.id, a.kind, a.member_urn, a.distance from messages m
    left join attendees a on a.account_id = m.account_id and a.provider_id = m.sender_id
    where m.workspace_id = $1 and m.id = $2
"""


async def find_with_speaker(
    reader: Reader, workspace_id: str, message_id: str
) -> tuple[Message | None, Speaker | None]:
    """The message as `find` has it, and who wrote it, where the account knows them: in one statement."""
    row = await reader.look_up(_FIND_WITH_SPEAKER, workspace_id, message_id)
    if row is None:
        return None, None
    try:
        return to_message(row[:20], reader.keyring), None if row[20] is None else to_speaker(row[20:])
    except NoKey:
        return None, None


async def find_by_keys(reader: Reader, workspace_id: str, account_id: str, keys: list[str]) -> dict[str, Message]:
    """An account's copies of these messages, by key, tombstones too."""
    rows = await reader.fetch(
        f"""
        select {COLUMNS} from messages
        where workspace_id = $1 and account_id = $2 and {reader.any_of("message_key", 3)}
        """,
        workspace_id,
        account_id,
        reader.array(keys),
    )
    return {message.key: message for message in to_messages(rows, reader.keyring)}


async def find_copies(reader: Reader, workspace_id: str, provider: str, key: str) -> list[Message]:
    """Every account's copy of a message in the workspace, tombstones too."""
    rows = await reader.fetch(
        f"select {COLUMNS} from messages where {COPIES} and message_key = $3 order by id", workspace_id, provider, key
    )
    return to_messages(rows, reader.keyring)


async def add_many(tx: Tx, workspace_id: str, messages: list[Message]) -> list[Message]:
    """Keep new messages of accounts that are held; those that were not there before. Safe to repeat.

    A message that the account has stays as it is. One that was buried is left out, and so is what others quote of it.
    `quoted_id` is filled in where the account has the quoted message, whichever of the two comes first.
    In one transaction, bury before adding: the other way round two transactions may wait for each other.
    """
    added: list[Message] = []
    for account_id, provider in dict.fromkeys((message.account_id, message.provider) for message in messages):
        batch = [message for message in messages if (message.account_id, message.provider) == (account_id, provider)]
        added += await _add_batch(tx, workspace_id, account_id, provider, batch)
    return added


async def _add_batch(tx: Tx, workspace_id: str, account_id: str, provider: str, batch: list[Message]) -> list[Message]:
    keyring = tx.keyring
    quoted_keys = {message.content.quote.key for message in batch if message.content.quote}
    hashes = {key: tombstone(keyring, provider, key) for key in {message.key for message in batch} | quoted_keys}
    await settle_with_burials(tx, workspace_id, provider, exclusive=False)
    rows = await tx.fetch(
        f"""
        select message_key, id from messages where account_id = $2 and {tx.any_of("message_key", 4)}
        union all
        select key_hash, null from tombstones
        where workspace_id = $1 and provider = $3 and {tx.any_of("key_hash", 5)}
        """,
        workspace_id,
        account_id,
        provider,
        tx.array(hashes),
        tx.array(hashes.values()),
    )
    held = {row[0]: row[1] for row in rows if row[1] is not None}
    buried = {row[0] for row in rows if row[1] is None}
    new: dict[str, Message] = {}
    for message in batch:
        if message.key not in held and message.key not in new and hashes[message.key] not in buried:
            new[message.key] = message
    if not new:
        return []
    ids = {key: message.id for key, message in new.items()} | held
    added = [
        _with_quote_settled(message, ids, hashes, buried) if message.content.quote else message
        for message in new.values()
    ]
    await _insert(tx, workspace_id, account_id, added)
    # Answers that came before what they answer.
    tx.later(
        f"""
        update messages set quoted_id = (
            select m.id from messages m
            where m.account_id = messages.account_id and m.message_key = messages.quoted_key
        )
        where account_id = $1 and quoted_id is null and {tx.any_of("quoted_key", 2)}
        """,
        account_id,
        tx.array(new),
    )
    return added


def _with_quote_settled(message: Message, ids: dict[str, str], hashes: dict[str, str], buried: set[str]) -> Message:
    quote = message.content.quote
    assert quote is not None
    if hashes[quote.key] in buried:
        return msgspec.structs.replace(message, content=without_quoted(message.content))
    return msgspec.structs.replace(message, quoted_id=ids.get(quote.key))


async def _insert(tx: Tx, workspace_id: str, account_id: str, messages: list[Message]) -> None:
    close = tx.keyring.seal(account_id).close
    rows = [
        (
            workspace_id,
            message.id,
            account_id,
            message.chat_id,
            message.provider,
            message.provider_id,
            message.chat_provider_id,
            message.key,
            message.sender_id,
            message.sender_attendee_id,
            message.sent_at,
            int(message.is_sender),
            int(message.seen),
            int(message.delivered),
            int(message.edited),
            int(message.hidden),
            int(message.is_event),
            message.kind,
            message.deleted_at,
            message.content.quote.key if message.content.quote else None,
            message.quoted_id,
            None if message.is_tombstone else close(encode(message.content), f"messages.content:{message.id}"),
        )
        for message in messages
    ]
    await tx.execute_many(_INSERT, rows)


_INSERT = """
    insert into messages (
        workspace_id, id, account_id, chat_id, provider, provider_id, chat_provider_id, message_key, sender_id,
        sender_attendee_id, sent_at, is_sender, seen, delivered, edited, hidden, is_event, kind, deleted_at,
        quoted_key, quoted_id, content
    ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
"""


async def replace_content(
    tx: Tx,
    workspace_id: str,
    message_id: str,
    *,
    content: Content | None = None,
    seen: bool | None = None,
    delivered: bool | None = None,
    edited: bool | None = None,
) -> None:
    """Keep a message as it is now; what is None stays. A tombstone stays one, and what is quoted of one is left out."""
    row = await tx.fetch_one(
        "select account_id, provider from messages where workspace_id = $1 and id = $2 and deleted_at is null",
        workspace_id,
        message_id,
    )
    if row is None:
        return
    account_id, provider = row
    sealed = quoted_key = None
    if content is not None:
        if content.quote is not None:
            quoted_key = content.quote.key
            await settle_with_burials(tx, workspace_id, provider, exclusive=False)
            if await is_buried(tx, workspace_id, provider, quoted_key):
                content = without_quoted(content)
        sealed = tx.keyring.seal(account_id).close(encode(content), f"messages.content:{message_id}")
    await tx.execute(
        """
        update messages set
            content = coalesce($3, content),
            quoted_key = case when $3 is null then quoted_key else $4 end,
            quoted_id = case when $3 is null then quoted_id
                else (select m.id from messages m where m.account_id = messages.account_id and m.message_key = $4) end,
            seen = coalesce($5, seen), delivered = coalesce($6, delivered), edited = coalesce($7, edited)
        where workspace_id = $1 and id = $2 and deleted_at is null
        """,
        workspace_id,
        message_id,
        sealed,
        quoted_key,
        None if seen is None else int(seen),
        None if delivered is None else int(delivered),
        None if edited is None else int(edited),
    )


async def count(reader: Reader, workspace_id: str, account_id: str) -> int:
    """How many an account has, without tombstones."""
    row = await reader.fetch_one(
        "select count(*) from messages where workspace_id = $1 and account_id = $2 and deleted_at is null",
        workspace_id,
        account_id,
    )
    return int(row[0]) if row else 0


async def list_page(
    reader: Reader,
    workspace_id: str,
    *,
    chat_id: str | None = None,
    account_id: str | None = None,
    account_ids: list[str] | None = None,
    sender_id: str | None = None,
    before: int | None = None,
    after_time: int | None = None,
    after: tuple[int, str] | None = None,
    limit: int,
    newest_first: bool = True,
) -> list[Message]:
    """A page, by the moment of sending, tombstones too. `after` is the last one's (sent_at, id).

    `before` and `after_time` are strict. Where no chat is named, the accounts are: `account_id`, or those of the user.
    """
    wanted = account_ids if account_id is None else [account_id]
    way, order = ("<", "desc") if newest_first else (">", "")
    where = Where(reader, "workspace_id = {}", workspace_id)
    if sender_id is not None:
        where.also("sender_id = {}", sender_id)
    if before is not None:
        where.also("sent_at < {}", before)
    if after_time is not None:
        where.also("sent_at > {}", after_time)
    if after is not None:
        where.also(f"(sent_at, id) {way} ({{}}, {{}})", *after)
    if chat_id is not None:
        where.also("chat_id = {}", chat_id)
    if wanted is not None and (chat_id is not None or len(wanted) == 1):
        where.any_of("account_id", wanted) if len(wanted) != 1 else where.also("account_id = {}", wanted[0])
        wanted = None
    ordered = f"order by sent_at {order}, id {order} limit {where.argument(limit)}"
    if chat_id is not None or wanted is None:
        rows = await reader.fetch(f"select {COLUMNS} from messages where {where} {ordered}", *where.args)
        return to_messages(rows, reader.keyring)
    return await _list_page_of_many(reader, where, wanted, ordered)


async def _list_page_of_many(reader: Reader, where: Where, account_ids: list[str], ordered: str) -> list[Message]:
    """The newest of each account, then the newest of those: each read from its account's index, in order."""
    accounts = where.argument(reader.array(account_ids))
    if reader.dialect == "postgres":
        source = f"""
            unnest({accounts}::text[]) as a (value) cross join lateral
            (select * from messages where {where} and account_id = a.value {ordered}) as m
        """
    else:
        source = f"""
            json_each({accounts}) as a cross join messages as m
            on m.rowid in (select rowid from messages where {where} and account_id = a.value {ordered})
        """
    columns = ", ".join(f"m.{column}" for column in COLUMNS.split(", "))
    final = ordered.replace("sent_at", "m.sent_at").replace(", id", ", m.id")
    return to_messages(await reader.fetch(f"select {columns} from {source} {final}", *where.args), reader.keyring)


async def latest(reader: Reader, workspace_id: str, chat_id: str) -> Message | None:
    """The newest message of a chat that can be shown: no tombstone, not hidden."""
    row = await reader.fetch_one(
        f"""
        select {COLUMNS} from messages
        where workspace_id = $1 and chat_id = $2 and deleted_at is null and hidden = 0
        order by sent_at desc, id desc limit 1
        """,
        workspace_id,
        chat_id,
    )
    return None if row is None else to_messages([row], reader.keyring)[0]


async def latest_of(reader: Reader, workspace_id: str, chat_ids: list[str]) -> dict[str, Message]:
    """The same of several chats, by chat id: in one statement, each read from its chat's index."""
    rows = await reader.fetch(
        f"""
        select {COLUMNS} from messages where workspace_id = $1 and id in (
            select (
                select m.id from messages m
                where m.workspace_id = $1 and m.chat_id = c.id and m.deleted_at is null and m.hidden = 0
                order by m.sent_at desc, m.id desc limit 1
            ) from chats c where c.workspace_id = $1 and {reader.any_of("c.id", 2)}
        )
        """,
        workspace_id,
        reader.array(chat_ids),
    )
    return {message.chat_id: message for message in to_messages(rows, reader.keyring)}


async def remove_of_account(tx: Tx, workspace_id: str, account_id: str, limit: int) -> int:
    """Remove some of an account's messages; how many. Repeated until 0 before the account goes, no removal is long."""
    return await tx.execute(
        """
        delete from messages where workspace_id = $1 and id in
            (select id from messages where workspace_id = $1 and account_id = $2 limit $3)
        """,
        workspace_id,
        account_id,
        limit,
    )
