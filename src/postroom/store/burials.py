"""Burials: what keeps a message that was taken back from coming back.

A tombstone belongs to a workspace and a network's message key, of which it holds a keyed hash and nothing else. It
outlives message, chat and account.
"""

import msgspec

from postroom.domain.chats import ChatContent
from postroom.domain.messages import Content, Message
from postroom.store.database import Reader, Tx
from postroom.store.graves import Grave, message_kind
from postroom.store.keyring import Keyring, NoKey
from postroom.store.message_rows import COLUMNS, COPIES, decode_content, encode, to_messages

_decode_chat = msgspec.json.Decoder(ChatContent).decode


async def bury(tx: Tx, workspace_id: str, provider: str, key: str, chat_key: str, at: int) -> list[Message]:
    """Record for good that a message was taken back; the copies that are tombstones only now. Safe to repeat.

    Whether or not the workspace has the message: it will not be added later. Every copy loses its content, and every
    message of the workspace that quotes it loses what it quotes, and what the network sent (which repeats it); a chat
    that shows its subject loses that.
    """
    await settle_with_burials(tx, workspace_id, provider, exclusive=True)
    key_hash = tombstone(tx.keyring, provider, key)
    await add_tombstone(tx, workspace_id, provider, key_hash, chat_key, at)
    graves = tx.keyring.graves
    tx.on_commit(lambda: graves.dig(Grave(workspace_id, message_kind(provider), key_hash, at)))
    rows = await tx.fetch(
        f"""
        update messages set content = null, deleted_at = $4, quoted_key = null, quoted_id = null
        where {COPIES} and message_key = $3 and deleted_at is null returning {COLUMNS}
        """,
        workspace_id,
        provider,
        key,
        at,
    )
    quoting = await tx.fetch(
        f"select id, account_id, content from messages where {COPIES} and quoted_key = $3 and content is not null",
        workspace_id,
        provider,
        key,
    )
    blanked = []
    for message_id, account_id, sealed in quoting:
        try:
            seal = tx.keyring.seal(account_id)
        except NoKey:
            continue
        context = f"messages.content:{message_id}"
        content = without_quoted(decode_content(seal.open(sealed, context)))
        blanked.append((workspace_id, message_id, seal.close(encode(content), context)))
    if blanked:
        await tx.execute_many("update messages set content = $3 where workspace_id = $1 and id = $2", blanked)
    await _blank_subjects(tx, workspace_id, provider, key)
    return to_messages(rows, tx.keyring)


async def add_tombstone(tx: Tx, workspace_id: str, provider: str, key_hash: str, chat_key: str, at: int) -> None:
    """Keep a message that has this hash from being added. One that is there already is left as it is."""
    await tx.execute(
        """
        insert into tombstones (workspace_id, provider, key_hash, chat_key, buried_at) values ($1, $2, $3, $4, $5)
        on conflict (workspace_id, provider, key_hash) do nothing
        """,
        workspace_id,
        provider,
        key_hash,
        chat_key,
        at,
    )


async def _blank_subjects(tx: Tx, workspace_id: str, provider: str, key: str) -> None:
    """Every chat that shows this message's subject shows none."""
    showing = await tx.fetch(
        f"select id, account_id, content from chats where {COPIES} and subject_key = $3", workspace_id, provider, key
    )
    for chat_id, account_id, sealed in showing:
        try:
            seal = tx.keyring.seal(account_id)
        except NoKey:
            continue
        context = f"chats.content:{chat_id}"
        content = msgspec.structs.replace(_decode_chat(seal.open(sealed, context)), subject=None)
        await tx.execute(
            "update chats set content = $3, subject_key = null where workspace_id = $1 and id = $2",
            workspace_id,
            chat_id,
            seal.close(encode(content), context),
        )


async def is_buried(reader: Reader, workspace_id: str, provider: str, key: str) -> bool:
    """Whether a message with this key was taken back."""
    row = await reader.fetch_one(
        "select 1 from tombstones where workspace_id = $1 and provider = $2 and key_hash = $3",
        workspace_id,
        provider,
        tombstone(reader.keyring, provider, key),
    )
    return row is not None


async def remove_tombstones(tx: Tx, before: int) -> int:
    """Forget what was buried before this moment; how many. For upkeep."""
    return await tx.execute("delete from tombstones where buried_at < $1", before)


async def settle_with_burials(tx: Tx, workspace_id: str, provider: str, *, exclusive: bool) -> None:
    """Make additions and burials of a workspace's network wait for each other, to the commit.

    Each holds its own account, but a burial reaches the copies of all: without this one on PostgreSQL could miss a copy
    that is being added, while the addition misses the tombstone. SQLite has one writer.
    """
    await tx.agree(f"burials:{workspace_id}:{provider}", exclusive=exclusive)


def tombstone(keyring: Keyring, provider: str, key: str) -> str:
    """What a tombstone holds of a message's key: a keyed hash, in hexadecimal."""
    return keyring.hash(f"message:{provider}:{key}").hex()


def without_quoted(content: Content) -> Content:
    """The content without what it repeats of another message."""
    quote = content.quote
    assert quote is not None
    return msgspec.structs.replace(
        content, quote=msgspec.structs.replace(quote, text=None, attachments=()), original=""
    )
