"""Conversations: one row for each account that sees it, its name and subject sealed."""

from typing import NamedTuple

import msgspec

from postroom.domain.chats import Chat, ChatContent, ChatKind, ChatMark, ChatRequest
from postroom.store.attendees import find_attendees as find_attendees
from postroom.store.attendees import list_attendees as list_attendees
from postroom.store.attendees import put_attendees as put_attendees
from postroom.store.burials import is_buried, settle_with_burials
from postroom.store.database import Reader, Row, Tx
from postroom.store.keyring import Keyring, NoKey
from postroom.store.where import Where

_COLUMNS = (
    "id, account_id, provider, provider_id, chat_key, kind, attendee_provider_id, last_message_at, unread_count, "
    "archived, muted, read_only, pinned, folders, content_type, content, subject_key, starred, request"
)
_encode = msgspec.json.Encoder().encode
_decode_content = msgspec.json.Decoder(ChatContent).decode
_decode_folders = msgspec.json.Decoder(tuple[str, ...]).decode
_KINDS = {int(kind): kind for kind in ChatKind}


class Put(NamedTuple):
    """What became of a chat that was put."""

    id: str
    """The one that it is stored with."""
    is_new: bool
    is_changed: bool
    """Whether its owner marked it otherwise, or read what was unread; new messages change no chat."""


async def put(tx: Tx, workspace_id: str, chat: Chat) -> Put:
    """Keep a chat as it is now. Safe to repeat.

    A chat is known by its account and key, and keeps the id it was first stored with. One without `last_message_at`
    leaves the stored moment as it is. The subject of a message that was buried is left out.
    """
    if chat.subject_key is not None:
        await settle_with_burials(tx, workspace_id, chat.provider, exclusive=False)
        if await is_buried(tx, workspace_id, chat.provider, chat.subject_key):
            chat = msgspec.structs.replace(
                chat, subject_key=None, content=msgspec.structs.replace(chat.content, subject=None)
            )
    known = await tx.fetch_one(
        """
        select id, archived, muted, read_only, pinned, starred, unread_count, request
        from chats where workspace_id = $1 and account_id = $2 and chat_key = $3
        """,
        workspace_id,
        chat.account_id,
        chat.key,
    )
    stored_id = known[0] if known else chat.id
    values = (
        workspace_id,
        stored_id,
        chat.provider_id,
        int(chat.kind),
        chat.attendee_provider_id,
        chat.last_message_at or 0,
        chat.unread_count,
        int(chat.archived),
        int(chat.muted),
        int(chat.read_only),
        int(chat.pinned),
        _encode(chat.folders).decode(),
        chat.content_type,
        tx.keyring.seal(chat.account_id).close(_encode(chat.content), f"chats.content:{stored_id}"),
        chat.subject_key,
        int(chat.starred),
        chat.request,
    )
    if known:
        await tx.execute(
            """
            update chats set
                provider_id = $3, kind = $4, attendee_provider_id = $5,
                last_message_at = coalesce(nullif(cast($6 as bigint), 0), last_message_at), unread_count = $7,
                archived = $8, muted = $9, read_only = $10, pinned = $11, folders = $12, content_type = $13,
                content = $14, subject_key = $15, starred = $16, request = $17
            where workspace_id = $1 and id = $2
            """,
            *values,
        )
    else:
        await tx.execute(
            """
            insert into chats (
                workspace_id, id, provider_id, kind, attendee_provider_id, last_message_at, unread_count,
                archived, muted, read_only, pinned, folders, content_type, content, subject_key, starred, request,
                account_id, provider, chat_key
            ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
            """,
            *values,
            chat.account_id,
            chat.provider,
            chat.key,
        )
    marks = (int(chat.archived), int(chat.muted), int(chat.read_only), int(chat.pinned), int(chat.starred))
    changed = known is not None and (
        tuple(known[1:6]) != marks or (known[6] > 0 and chat.unread_count == 0) or known[7] != chat.request
    )
    return Put(stored_id, known is None, changed)


_MARKS = {
    ChatMark.ARCHIVED: "archived",
    ChatMark.MUTED: "muted",
    ChatMark.PINNED: "pinned",
    ChatMark.STARRED: "starred",
}


async def set_mark(tx: Tx, workspace_id: str, chat_id: str, mark: ChatMark, *, on: bool) -> bool:
    """Mark a chat, or take a mark back; whether that changed it. One that is not read has at least one unread message."""
    if mark is ChatMark.READ:
        change = "unread_count = 0" if on else "unread_count = 1"
        otherwise = "unread_count > 0" if on else "unread_count = 0"
    elif mark is ChatMark.ACCEPTED:
        word = ChatRequest.ACCEPTED if on else ChatRequest.DECLINED
        change, otherwise = f"request = '{word}'", f"coalesce(request, '') <> '{word}'"
    else:
        change, otherwise = f"{_MARKS[mark]} = {int(on)}", f"{_MARKS[mark]} <> {int(on)}"
    changed = await tx.execute(
        f"update chats set {change} where workspace_id = $1 and id = $2 and {otherwise}", workspace_id, chat_id
    )
    return changed > 0


async def find(reader: Reader, workspace_id: str, chat_id: str) -> Chat | None:
    """The chat, if this workspace has it."""
    row = await reader.look_up(
        f"select {_COLUMNS} from chats where workspace_id = $1 and id = $2", workspace_id, chat_id
    )
    return None if row is None else _chat(row, reader.keyring)


async def find_by_key(reader: Reader, workspace_id: str, account_id: str, key: str) -> Chat | None:
    """An account's chat by its key."""
    row = await reader.fetch_one(
        f"select {_COLUMNS} from chats where workspace_id = $1 and account_id = $2 and chat_key = $3",
        workspace_id,
        account_id,
        key,
    )
    return None if row is None else _chat(row, reader.keyring)


async def find_with(reader: Reader, workspace_id: str, account_id: str, person: str) -> Chat | None:
    """An account's conversation with just this person, by the network's id; the one that was last active."""
    row = await reader.fetch_one(
        f"""
        select {_COLUMNS} from chats
        where workspace_id = $1 and account_id = $2 and attendee_provider_id = $3
        order by last_message_at desc, id limit 1
        """,
        workspace_id,
        account_id,
        person,
    )
    return None if row is None else _chat(row, reader.keyring)


async def count(reader: Reader, workspace_id: str, account_id: str) -> int:
    """How many an account has."""
    row = await reader.fetch_one(
        "select count(*) from chats where workspace_id = $1 and account_id = $2", workspace_id, account_id
    )
    return int(row[0]) if row else 0


async def list_page(
    reader: Reader,
    workspace_id: str,
    *,
    account_ids: list[str] | None = None,
    people: list[str] | None = None,
    provider: str | None = None,
    unread: bool | None = None,
    starred: bool | None = None,
    before: int | None = None,
    after_time: int | None = None,
    after: tuple[int, str] | None = None,
    limit: int,
) -> list[Chat]:
    """A page, the latest message first; chats without one come last.

    `after` is the last one's (last_message_at or 0, id). `before` and `after_time` are strict, and leave out chats
    without a message. `people`: only chats of two with one of these, by the network's id.
    """
    where = Where(reader, "workspace_id = {}", workspace_id)
    if account_ids is not None:
        where.any_of("account_id", account_ids)
    if people is not None:
        where.any_of("attendee_provider_id", people)
    if provider is not None:
        where.also("provider = {}", provider)
    if unread is not None:
        where.also("unread_count > 0" if unread else "unread_count = 0")
    if starred is not None:
        where.also("starred = {}", int(starred))
    if before is not None:
        where.also("last_message_at < {} and last_message_at > 0", before)
    if after_time is not None:
        where.also("last_message_at > {}", after_time)
    if after is not None:
        where.also("(last_message_at, id) < ({}, {})", *after)
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from chats where {where}
        order by last_message_at desc, id desc limit {where.argument(limit)}
        """,
        *where.args,
    )
    return [_chat(row, reader.keyring) for row in rows]


def note_message_at(tx: Tx, workspace_id: str, chat_id: str, at: int) -> None:
    """A message was sent then: the chat was active at that moment at the earliest."""
    tx.later(
        """
        update chats set last_message_at = $3
        where workspace_id = $1 and id = $2 and (last_message_at is null or last_message_at < $3)
        """,
        workspace_id,
        chat_id,
        at,
    )


async def remove(tx: Tx, workspace_id: str, chat_id: str) -> None:
    """Remove a chat and its messages. Tombstones stay; so do its attendees, who may be in other chats."""
    await tx.execute("delete from messages where workspace_id = $1 and chat_id = $2", workspace_id, chat_id)
    await tx.execute("delete from chats where workspace_id = $1 and id = $2", workspace_id, chat_id)


def _chat(row: Row, keyring: Keyring) -> Chat:
    try:
        content = _decode_content(keyring.seal(row[1]).open(row[15], f"chats.content:{row[0]}"))
    except NoKey:
        content = ChatContent()
    return Chat(
        id=row[0],
        account_id=row[1],
        provider=row[2],
        provider_id=row[3],
        key=row[4],
        kind=_KINDS[row[5]],
        attendee_provider_id=row[6],
        last_message_at=row[7] or None,
        unread_count=row[8],
        archived=row[9] == 1,
        muted=row[10] == 1,
        read_only=row[11] == 1,
        pinned=row[12] == 1,
        folders=_decode_folders(row[13]),
        content_type=row[14],
        content=content,
        subject_key=row[16],
        starred=row[17] == 1,
        request=None if row[18] is None else ChatRequest(row[18]),
    )
