"""WhatsApp's messages, as the library gives them in dictionaries, as ours; and our drafts as theirs. Pure.

A dictionary is a protobuf message with its own field names; 64-bit numbers and bytes are text in it. Every field may be
missing. What cannot be understood becomes None, never an exception.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from postroom.connectors.whatsapp.addresses import People, is_group, make_key, plain
from postroom.domain.messages import AnyAttachment, Audio, File, Image, Quote, Size, Video
from postroom.domain.remote import MessageDraft, RemoteAttendee

Json = Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_000
MAX_ORIGINAL_BYTES = 32 * 1024

# Envelopes around the message itself.
_WRAPPERS = (
    "deviceSentMessage",
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "editedMessage",
)
# What carries a file, and may carry a caption.
MEDIA = ("imageMessage", "videoMessage", "ptvMessage", "audioMessage", "documentMessage", "stickerMessage")
# What is left out of `original`: previews, what is quoted, and key material.
_LEFT_OUT = frozenset({"JPEGThumbnail", "quotedMessage", "messageContextInfo", "senderKeyDistributionMessage"})


def as_object(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def as_text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def as_number(value: Json) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def moment(ms: int) -> datetime | None:
    """A moment, in milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=ms) if 0 < ms <= _LAST_MS else None


def unwrapped(message: Json) -> dict[str, Json]:
    """The message inside its envelopes."""
    tree = as_object(message)
    for _ in range(6):
        inner = next((as_object(tree[name]).get("message") for name in _WRAPPERS if name in tree), None)
        if inner is None:
            return tree
        tree = as_object(inner)
    return tree


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says."""

    text: str | None
    attachments: tuple[AnyAttachment, ...]
    context: dict[str, Json]
    """`contextInfo`: what is quoted, and whether it was forwarded."""


def shown(message: dict[str, Json], key: str) -> Shown | None:
    """What an unwrapped message says; None: nothing that is shown to people."""
    for name in MEDIA:
        if name in message:
            tree = as_object(message[name])
            return Shown(
                text=as_text(tree.get("caption")) or None,
                attachments=(_attachment(name, tree, f"{key}#0"),),
                context=as_object(tree.get("contextInfo")),
            )
    if "extendedTextMessage" in message:
        tree = as_object(message["extendedTextMessage"])
        return Shown(text=as_text(tree.get("text")), attachments=(), context=as_object(tree.get("contextInfo")))
    if "conversation" in message:
        return Shown(text=as_text(message["conversation"]), attachments=(), context={})
    for name in ("locationMessage", "liveLocationMessage"):
        if name in message:
            tree = as_object(message[name])
            place = f"{tree.get('degreesLatitude', 0)},{tree.get('degreesLongitude', 0)}"
            words = (as_text(tree.get("name")), as_text(tree.get("address")), f"geo:{place}")
            return Shown(
                text="\n".join(filter(None, words)), attachments=(), context=as_object(tree.get("contextInfo"))
            )
    if "contactMessage" in message:
        tree = as_object(message["contactMessage"])
        return Shown(
            text=as_text(tree.get("displayName")) or None, attachments=(), context=as_object(tree.get("contextInfo"))
        )
    for name in ("pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3"):
        if name in message:
            tree = as_object(message[name])
            lines = [as_text(tree.get("name"))]
            lines += [f"- {as_text(as_object(each).get('optionName'))}" for each in as_list(tree.get("options"))]
            return Shown(text="\n".join(lines), attachments=(), context=as_object(tree.get("contextInfo")))
    return None


def _attachment(name: str, tree: dict[str, Json], id: str) -> AnyAttachment:
    size = as_number(tree.get("fileLength")) or None
    mimetype = as_text(tree.get("mimetype")) or None
    shape = Size(as_number(tree.get("width")), as_number(tree.get("height")))
    match name:
        case "imageMessage" | "stickerMessage":
            return Image(id=id, file_size=size, mimetype=mimetype, size=shape, sticker=name == "stickerMessage")
        case "videoMessage" | "ptvMessage":
            return Video(id=id, file_size=size, mimetype=mimetype, size=shape, gif=tree.get("gifPlayback") is True)
        case "audioMessage":
            seconds = float(as_number(tree.get("seconds"))) or None
            return Audio(id=id, file_size=size, mimetype=mimetype, duration=seconds, voice_note=tree.get("PTT") is True)
        case _:
            file_name = as_text(tree.get("fileName")) or as_text(tree.get("title")) or "file"
            return File(id=id, file_size=size, mimetype=mimetype, file_name=file_name)


def quote(context: dict[str, Json], chat: str, people: People) -> Quote | None:
    """The message that this one answers, if it does."""
    id, author = as_text(context.get("stanzaID")), plain(as_text(context.get("participant")))
    if not id or not author or "quotedMessage" not in context:
        return None
    author = people.one(author)
    # A private answer quotes a message of another chat.
    key = make_key(plain(as_text(context.get("remoteJID"))) or chat, author, id)
    quoted = shown(unwrapped(context["quotedMessage"]), key)
    return Quote(
        provider_id=key,
        key=key,
        sender_id=author,
        text=None if quoted is None else quoted.text,
        attachments=() if quoted is None else quoted.attachments,
    )


def attendee(address: str, people: People) -> RemoteAttendee:
    address = people.one(address)
    return RemoteAttendee(
        provider_id=address,
        name=people.name(address),
        is_self=people.is_me(address),
        kind="other" if is_group(address) else "member",
    )


def original(message: dict[str, Json]) -> str:
    """The message as text, to be forwarded and its file to be found by; too long a one is left out."""
    text = msgspec.json.encode({"message": _without(message)}).decode()
    return text if len(text) <= MAX_ORIGINAL_BYTES else ""


def _without(tree: Json) -> Json:
    if isinstance(tree, dict):
        return {name: _without(value) for name, value in tree.items() if name not in _LEFT_OUT}
    return [_without(value) for value in tree] if isinstance(tree, list) else tree


def from_original(text: str) -> dict[str, Json] | None:
    """What `original` keeps; None: it is kept of no message like that."""
    try:
        message = as_object(as_object(msgspec.json.decode(text)).get("message")) if text else {}
    except msgspec.DecodeError:
        return None
    return message or None


# Drafts.


def text_message(draft: MessageDraft) -> dict[str, Json]:
    """A text, with what it answers."""
    context = context_of(draft)
    if not context:
        return {"conversation": draft.text}
    return {"extendedTextMessage": {"text": draft.text, "contextInfo": context}}


def context_of(draft: MessageDraft) -> dict[str, Json]:
    """What a draft quotes."""
    if draft.quote is None:
        return {}
    return {
        "stanzaID": draft.quote.key.rpartition("/")[2],
        "participant": draft.quote.sender_id,
        "quotedMessage": {"conversation": draft.quote.text or ""},
    }


_FIELDS = {
    "image": "imageMessage",
    "video": "videoMessage",
    "audio": "audioMessage",
    "voice": "audioMessage",
    "file": "documentMessage",
}


def media_message(
    kind: str, name: str, content_type: str, uploaded: Mapping[str, Json], draft: MessageDraft
) -> dict[str, Json]:
    """A file that was uploaded, with its caption where it can have one."""
    tree: dict[str, Json] = {**uploaded, "mimetype": content_type}
    if kind in ("image", "video", "file") and draft.text:
        tree["caption"] = draft.text
    if kind == "file":
        tree["fileName"] = name
        tree["title"] = name
    if kind == "voice":
        tree["PTT"] = True
    if context := context_of(draft):
        tree["contextInfo"] = context
    return {_FIELDS[kind]: tree}


def revoke_message(chat: str, id: str) -> dict[str, Json]:
    """Takes one's own message back for everyone.

    Always as `fromMe`: with a hidden id in the place of one's number it would be an administrator's removal.
    """
    return {"protocolMessage": {"key": {"remoteJID": chat, "fromMe": True, "ID": id}, "type": "REVOKE"}}


def edit_message(chat: str, id: str, text: str, held: dict[str, Json] | None, at_ms: int) -> dict[str, Json]:
    """Gives one's own message another text; of one with a file, another caption."""
    new: dict[str, Json] = {"conversation": text}
    for name in ("imageMessage", "videoMessage", "documentMessage"):
        if held is not None and name in held:
            new = {name: {**as_object(held[name]), "caption": text}}
    key = {"remoteJID": chat, "fromMe": True, "ID": id}
    inner = {"key": key, "type": "MESSAGE_EDIT", "editedMessage": new, "timestampMS": str(at_ms)}
    return {"editedMessage": {"message": {"protocolMessage": inner}}}


def reaction_message(chat: str, author: str, id: str, emoji: str, *, own: bool, at_ms: int) -> dict[str, Json]:
    """A reaction; no emoji takes it back."""
    key: dict[str, Json] = {"remoteJID": chat, "fromMe": own, "ID": id}
    if is_group(chat) and not own:
        key["participant"] = author
    return {"reactionMessage": {"key": key, "text": emoji, "senderTimestampMS": str(at_ms)}}


def forwarded(message: dict[str, Json]) -> dict[str, Json] | None:
    """A message as it goes to another chat; None: it says nothing."""
    found = shown(message, "x")
    if found is None:
        return None
    mark = {"isForwarded": True, "forwardingScore": 1}
    for name in MEDIA:
        if name in message:
            return {name: {**as_object(message[name]), "contextInfo": mark}}
    return {"extendedTextMessage": {"text": found.text or "", "contextInfo": mark}}
