"""Syncs under way: how far each is, from where it goes on, and the chats that it has yet to read.

`scope` is a chat's id where only its history is synced, and empty where the whole account is.
"""

import msgspec

from postroom.domain.syncs import SyncProgress
from postroom.store.database import Reader, Tx

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(SyncProgress).decode

WHOLE = ""
OF_ACCOUNT = """
    (select s.progress from account_syncs s
     where s.workspace_id = accounts.workspace_id and s.account_id = accounts.id and s.chat_id = '')
"""
"""SQL for the progress of an account's own sync, where accounts are selected."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """From where a sync goes on."""

    token: str | None
    """What the network will tell changes from, once all is read; None: it was not asked yet."""
    cursor: str | None
    """The next page of chats; None: the first, or all are listed."""


class ChatToSync(msgspec.Struct, frozen=True, kw_only=True):
    """A chat whose history is not read to its start."""

    position: int
    key: str
    cursor: str | None
    restarts: int


def progress_of(text: str | None) -> SyncProgress | None:
    """The document as it is stored; None: there was no sync yet."""
    return None if text is None else _decode(text)


async def find(reader: Reader, workspace_id: str, account_id: str, scope: str = WHOLE) -> SyncProgress | None:
    """How far the last sync of that scope is; None: there was none."""
    row = await reader.fetch_one(
        "select progress from account_syncs where workspace_id = $1 and account_id = $2 and chat_id = $3",
        workspace_id,
        account_id,
        scope,
    )
    return None if row is None else _decode(row[0])


async def find_place(reader: Reader, workspace_id: str, account_id: str, scope: str) -> Place:
    """From where it goes on.

    Raises:
        NoKey: the account's key was destroyed.
    """
    row = await reader.fetch_one(
        """
        select token_sealed, cursor_sealed from account_syncs
        where workspace_id = $1 and account_id = $2 and chat_id = $3
        """,
        workspace_id,
        account_id,
        scope,
    )
    if row is None:
        return Place(token=None, cursor=None)
    return Place(
        token=_opened(reader, account_id, "token", row[0]), cursor=_opened(reader, account_id, "cursor", row[1])
    )


async def start(tx: Tx, workspace_id: str, account_id: str, scope: str, progress: SyncProgress) -> None:
    """Begin a sync, from the start of everything: where an earlier one stood is forgotten."""
    await remove_chats(tx, workspace_id, account_id, scope)
    await tx.execute(
        """
        insert into account_syncs (workspace_id, account_id, chat_id, progress) values ($1, $2, $3, $4)
        on conflict (workspace_id, account_id, chat_id)
        do update set progress = excluded.progress, token_sealed = null, cursor_sealed = null
        """,
        workspace_id,
        account_id,
        scope,
        _encode(progress).decode(),
    )


async def set_progress(tx: Tx, workspace_id: str, account_id: str, scope: str, progress: SyncProgress) -> None:
    """Keep how far it is."""
    await tx.execute(
        """
        update account_syncs set progress = $4 where workspace_id = $1 and account_id = $2 and chat_id = $3
        """,
        workspace_id,
        account_id,
        scope,
        _encode(progress).decode(),
    )


async def set_place(tx: Tx, workspace_id: str, account_id: str, scope: str, place: Place) -> None:
    """Keep from where it goes on."""
    await tx.execute(
        """
        update account_syncs set token_sealed = $4, cursor_sealed = $5
        where workspace_id = $1 and account_id = $2 and chat_id = $3
        """,
        workspace_id,
        account_id,
        scope,
        _sealed(tx, account_id, "token", place.token),
        _sealed(tx, account_id, "cursor", place.cursor),
    )


async def add_chats(tx: Tx, workspace_id: str, account_id: str, scope: str, keys: list[str], *, first: int) -> int:
    """Chats to be read, in this order, after those that are there; how many are new. `first`: their first position."""
    rows = await tx.fetch(
        f"""
        select chat_key from sync_chats
        where workspace_id = $1 and account_id = $2 and chat_id = $3 and {tx.any_of("chat_key", 4)}
        """,
        workspace_id,
        account_id,
        scope,
        tx.array(keys),
    )
    held = {row[0] for row in rows}
    new = [key for key in dict.fromkeys(keys) if key not in held]
    await tx.execute_many(
        """
        insert into sync_chats (workspace_id, account_id, chat_id, position, chat_key, rank, restarts)
        values ($1, $2, $3, $4, $5, 0, 0)
        """,
        [(workspace_id, account_id, scope, first + place, key) for place, key in enumerate(new)],
    )
    return len(new)


async def next_chat(reader: Reader, workspace_id: str, account_id: str, scope: str) -> ChatToSync | None:
    """What to read next: first the newest page of every chat, then each to its start. None: all is read."""
    row = await reader.fetch_one(
        """
        select position, chat_key, cursor_sealed, restarts from sync_chats
        where workspace_id = $1 and account_id = $2 and chat_id = $3 and rank < 2 order by rank, position limit 1
        """,
        workspace_id,
        account_id,
        scope,
    )
    if row is None:
        return None
    return ChatToSync(
        position=row[0], key=row[1], cursor=_opened(reader, account_id, "cursor", row[2]), restarts=row[3]
    )


async def set_chat(tx: Tx, workspace_id: str, account_id: str, scope: str, chat: ChatToSync, *, over: bool) -> None:
    """Keep from where a chat is read on, or that it is over."""
    await tx.execute(
        """
        update sync_chats set cursor_sealed = $5, restarts = $6, rank = $7
        where workspace_id = $1 and account_id = $2 and chat_id = $3 and position = $4
        """,
        workspace_id,
        account_id,
        scope,
        chat.position,
        _sealed(tx, account_id, "cursor", chat.cursor),
        chat.restarts,
        2 if over else 1,
    )


async def remove_chats(tx: Tx, workspace_id: str, account_id: str, scope: str) -> None:
    """A sync is over: which chats it read is of no use any more."""
    await tx.execute(
        "delete from sync_chats where workspace_id = $1 and account_id = $2 and chat_id = $3",
        workspace_id,
        account_id,
        scope,
    )


def _sealed(tx: Tx, account_id: str, what: str, value: str | None) -> bytes | None:
    if value is None:
        return None
    return tx.keyring.seal(account_id).close(value.encode(), f"syncs.{what}:{account_id}")


def _opened(reader: Reader, account_id: str, what: str, sealed: bytes | None) -> str | None:
    if sealed is None:
        return None
    return reader.keyring.seal(account_id).open(sealed, f"syncs.{what}:{account_id}").decode()
