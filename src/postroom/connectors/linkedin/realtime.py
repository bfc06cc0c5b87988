"""From the bytes of LinkedIn's event stream to remote events. Pure; both the decorated and the old format."""

from collections.abc import Iterator
from typing import Any

import msgspec

from postroom.connectors.linkedin import convert, keys
from postroom.connectors.linkedin.people import as_list, as_object, as_text, attendee, id_of, mini_attendee
from postroom.domain.messages import MessageKind
from postroom.domain.remote import (
    ChatChanged,
    ChatGone,
    ChatKey,
    Gap,
    MessageGone,
    MessageKey,
    MessageSeen,
    ReactionChanged,
    ReadUpTo,
    RemoteEvent,
    RemoteMessage,
)
from postroom.errors import InvalidParameters

Json = Any

MAX_FRAME_BYTES = 8 * 1024 * 1024
_FRONTEND = "com.linkedin.realtimefrontend."
_MESSAGE_EVENT = "com.linkedin.voyager.messaging.event.MessageEvent"


class FrameTooLong(Exception):
    """A frame that never ends."""


class Frames:
    """Puts the chunks of a stream together again; frames may be cut anywhere, even inside a character."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._held = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The data of every frame that this chunk completes.

        Raises:
            FrameTooLong: more than 8 MiB without an end.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._held += len(chunk)
        for line in lines:
            line = line.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                data, self._data = b"\n".join(self._data), []
                self._held = len(self._rest)
                yield data
        if self._held > MAX_FRAME_BYTES:
            raise FrameTooLong


class Connected(msgspec.Struct, frozen=True):
    """The first frame of a stream: LinkedIn's id for it."""

    id: str | None


def news(data: bytes, me: str) -> list[RemoteEvent] | Connected:
    """What one frame tells. A frame that cannot be read may have been a message, so it is a `Gap`."""
    try:
        frame = as_object(msgspec.json.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [Gap(reason="a realtime frame could not be read")]
    if _FRONTEND + "ClientConnection" in frame:
        return Connected(as_text(as_object(frame[_FRONTEND + "ClientConnection"]).get("id")))
    event = as_object(frame.get(_FRONTEND + "DecoratedEvent"))
    if not event:
        return []
    payload = as_object(event.get("payload"))
    data_tree = payload.get("data")
    try:
        if isinstance(data_tree, dict):
            return _decorated(_topic(event.get("topic")), data_tree, me)
        return _undecorated(payload, me)
    except InvalidParameters:
        return [Gap(reason="a realtime event named something unknown")]


def _topic(urn: Json) -> str:
    parts = urn.split(":") if isinstance(urn, str) else []
    return parts[2].replace("BroadcastTopic", "Topic") if len(parts) > 2 else ""


def _decorated(topic: str, data: dict[str, Json], me: str) -> list[RemoteEvent]:
    result = next((as_object(as_object(value).get("result")) for name, value in data.items() if name[:1] != "_"), {})
    match topic:
        case "messagesTopic":
            return _message(result, me)
        case "conversationsTopic":
            chat = convert.chat(result, me)
            return [ChatChanged(chat=chat)] if chat is not None else [Gap(reason="a conversation changed unseen")]
        case "conversationDeletesTopic":
            urn = as_text(result.get("entityUrn"))
            return [ChatGone(key=keys.chat_key(urn))] if urn else []
        case "messageSeenReceiptsTopic":
            reader = attendee(result.get("seenByParticipant"), me)
            return _read_up_to(result.get("message"), reader.provider_id if reader else None, result.get("seenAt"))
        case "messageReactionSummariesTopic":
            actor = attendee(result.get("actor"), me)
            emoji = as_object(result.get("reactionSummary")).get("emoji")
            message = as_object(result.get("message"))
            return _reaction(message.get("entityUrn"), emoji, actor.provider_id if actor else None, result, me)
        case _:
            return []


def _message(result: dict[str, Json], me: str) -> list[RemoteEvent]:
    message = convert.message(result, me)
    if message is not None:
        chat = convert.chat(result.get("conversation"), me)
        return [MessageSeen(message=message, chat=chat)]
    urn = as_text(result.get("entityUrn"))
    if urn and result.get("messageBodyRenderFormat") == "RECALLED":
        # A tombstone so bare that no message can be made of it still says that the message is gone.
        return [MessageGone(key=keys.message_key(urn), chat_key=None)]
    return [Gap(reason="a message came without its essentials")]


def _read_up_to(message: Json, reader: str | None, seen_at: Json) -> list[RemoteEvent]:
    tree = as_object(message)
    urn, at = as_text(tree.get("entityUrn")), convert.moment(seen_at)
    if not urn or reader is None or at is None:
        return []
    return [ReadUpTo(key=keys.message_key(urn), chat_key=_event_chat(urn), reader_id=reader, seen_at=at)]


def _reaction(urn: Json, emoji: Json, actor: str | None, tree: dict[str, Json], me: str) -> list[RemoteEvent]:
    added = tree.get("reactionAdded")
    if not isinstance(urn, str) or not isinstance(emoji, str) or actor is None or not isinstance(added, bool):
        return []
    return [
        ReactionChanged(
            key=keys.message_key(urn),
            chat_key=_event_chat(urn),
            emoji=emoji,
            sender_id=actor,
            is_sender=actor == me,
            added=added,
        )
    ]


# The old format, which LinkedIn sends where the query map is not understood.


def _undecorated(payload: dict[str, Json], me: str) -> list[RemoteEvent]:
    if event := as_object(payload.get("event")):
        message = _old_message(event, me)
        if message is not None:
            return [MessageSeen(message=message)]
        return [Gap(reason="a message came without its essentials")]
    if "reactionAdded" in payload:
        emoji = as_object(payload.get("reactionSummary")).get("emoji")
        return _reaction(payload.get("eventUrn"), emoji, id_of(payload.get("actorMiniProfileUrn")), payload, me)
    if "seenReceipt" in payload:
        receipt = as_object(payload.get("seenReceipt"))
        named = {"entityUrn": receipt.get("eventUrn")}
        return _read_up_to(named, id_of(payload.get("fromEntity")), receipt.get("seenAt"))
    if "action" in payload and "conversation" in payload:
        named_chat = payload["conversation"]
        urn = as_text(named_chat) or as_text(as_object(named_chat).get("entityUrn"))
        if payload["action"] == "DELETE" and urn:
            return [ChatGone(key=keys.chat_key(urn))]
        return [Gap(reason="a conversation changed unseen")]
    return []


def _old_message(event: dict[str, Json], me: str) -> RemoteMessage | None:
    """An event entity: gone where `recalledAt` is set, edited where `lastEditedAt` is."""
    urn = as_text(event.get("entityUrn"))
    chat_key = _event_chat(urn)
    sender = mini_attendee(event.get("from"), me)
    sent_at = convert.moment(event.get("createdAt"))
    if urn is None or chat_key is None or sender is None:
        return None
    key = keys.message_key(urn)
    sent_at = sent_at or convert.moment(keys.sent_ms(key))
    if sent_at is None:
        return None
    content = as_object(as_object(event.get("eventContent")).get(_MESSAGE_EVENT))
    format_ = content.get("messageBodyRenderFormat")
    message = RemoteMessage(
        provider_id=convert.message_provider_id(key),
        key=key,
        chat_provider_id=keys.padded(chat_key),
        chat_key=chat_key,
        sender=sender,
        sent_at=sent_at,
        recalled=bool(content.get("recalledAt")) or format_ == "RECALLED",
    )
    if message.recalled:
        return message
    return msgspec.structs.replace(
        message,
        text=as_text(content.get("attributedBody")) or as_text(content.get("body")),
        subject=as_text(content.get("subject")),
        edited=bool(content.get("lastEditedAt")) or format_ == "EDITED",
        is_event=format_ == "SYSTEM" or not content,
        kind=MessageKind.INMAIL if as_text(content.get("subject")) else MessageKind.MESSAGE,
        original=convert.original(event),
    )


def _event_chat(urn: str | None) -> ChatKey | None:
    """The conversation that an old event's URN names beside the message."""
    owner = keys.thread_of_event(urn) if urn else None
    return keys.chat_key(owner) if owner else None


def sync_events(collection: dict[str, Json], me: str) -> list[RemoteEvent]:
    """What a sync answer about conversations tells: each conversation, its latest message, and what is gone."""
    events: list[RemoteEvent] = []
    for entity in as_list(collection.get("elements")):
        chat = convert.chat(entity, me)
        if chat is None:
            continue
        events.append(ChatChanged(chat=chat))
        latest = convert.latest_message(entity, me)
        if latest is not None:
            events.append(MessageSeen(message=latest, chat=chat))
    for urn in convert.deleted(as_list(as_object(collection.get("metadata")).get("deletedUrns"))):
        events.extend(_gone(urn))
    return events


def _gone(urn: str) -> list[RemoteEvent]:
    try:
        return [MessageGone(key=MessageKey(keys.message_key(urn)), chat_key=_event_chat(urn))]
    except InvalidParameters:
        pass
    try:
        return [ChatGone(key=keys.chat_key(urn))]
    except InvalidParameters:
        return []
