"""Rows of messages as values, with their content opened."""

from collections.abc import Iterable

import msgspec

from postroom.domain.messages import NO_CONTENT, Content, Message, MessageKind
from postroom.store.database import Row
from postroom.store.keyring import Keyring, NoKey

COLUMNS = (
    "id, account_id, chat_id, provider, provider_id, chat_provider_id, message_key, sender_id, sender_attendee_id, "
    "sent_at, is_sender, seen, delivered, edited, hidden, is_event, kind, deleted_at, quoted_id, content"
)
# The copies of one network in a workspace, found through the accounts' own indexes.
COPIES = "account_id in (select a.id from accounts a where a.workspace_id = $1 and a.provider = $2)"


encode = msgspec.json.Encoder().encode
decode_content = msgspec.json.Decoder(Content).decode
_KINDS: dict[str | None, MessageKind | None] = {None: None, **{kind.value: kind for kind in MessageKind}}


def to_messages(rows: Iterable[Row], keyring: Keyring) -> list[Message]:
    """Rows of `COLUMNS` as messages. Where an account's key was destroyed, what is left is without content."""
    found = []
    for row in rows:
        try:
            found.append(to_message(row, keyring))
        except NoKey:
            found.append(to_message((*row[:19], None), keyring))
    return found


def to_message(row: Row, keyring: Keyring) -> Message:
    """A row of `COLUMNS` as a message.

    Raises:
        NoKey: its account's key was destroyed.
    """
    (
        id,
        account_id,
        chat_id,
        provider,
        provider_id,
        chat_provider_id,
        key,
        sender_id,
        sender_attendee_id,
        sent_at,
        is_sender,
        seen,
        delivered,
        edited,
        hidden,
        is_event,
        kind,
        deleted_at,
        quoted_id,
        sealed,
    ) = row
    content = NO_CONTENT
    if sealed is not None:
        content = decode_content(keyring.seal(account_id).open(sealed, f"messages.content:{id}"))
    return Message(
        id=id,
        account_id=account_id,
        chat_id=chat_id,
        provider=provider,
        provider_id=provider_id,
        chat_provider_id=chat_provider_id,
        key=key,
        sender_id=sender_id,
        sender_attendee_id=sender_attendee_id,
        sent_at=sent_at,
        is_sender=is_sender == 1,
        seen=seen == 1,
        delivered=delivered == 1,
        edited=edited == 1,
        hidden=hidden == 1,
        is_event=is_event == 1,
        kind=_KINDS[kind],
        deleted_at=deleted_at,
        quoted_id=quoted_id,
        content=content,
    )
