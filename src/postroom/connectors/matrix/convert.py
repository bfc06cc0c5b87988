"""Matrix events to what the core knows, and drafts to events. Pure; what cannot be understood is None, never an error.

Source: Matrix specification v1.14, client-server API (room events, instant messaging, event relationships, rich
replies, redactions), checked 2026-11-21.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from postroom.clock import from_ms
from postroom.domain.messages import AnyAttachment, Audio, File, Image, Quote, Size, Video
from postroom.domain.remote import ChatKey, MessageFile, MessageKey, Profile, RemoteAttendee, RemoteMessage
from postroom.errors import InvalidParameters, Kind

Json = Any

MESSAGES = ("m.room.message", "m.room.encrypted", "m.sticker")
REACTION = "m.reaction"
REDACTION = "m.room.redaction"
TIMELINE = (*MESSAGES, REACTION, REDACTION)
"""The types of events in which something is said, or taken back."""

_MXC = re.compile(r"mxc://([^/\s]+)/([A-Za-z0-9_.~-]+)")
_ROOM = re.compile(r"![\x21-\x7e]{1,254}")
_EVENT = re.compile(r"\$[\x21-\x7e]{1,254}")
_QUOTED_SENDER = re.compile(r"^> (?:\* )?<(@[^>\s]+)>")
_QUOTED_HTML = re.compile(r"<mx-reply>.*?</mx-reply>", re.DOTALL | re.IGNORECASE)


def message_key(provider_id: str) -> MessageKey:
    """An event's id is the same for everybody in its room.

    Raises:
        InvalidParameters: (kind URN) this is none.
    """
    if not _EVENT.fullmatch(provider_id):
        raise InvalidParameters("This is not the id of a message on Matrix.", kind=Kind.URN)
    return MessageKey(provider_id)


def chat_key(provider_id: str) -> ChatKey:
    """A room's id is the same for everybody in it.

    Raises:
        InvalidParameters: (kind URN) this is none.
    """
    if not _ROOM.fullmatch(provider_id):
        raise InvalidParameters("This is not the id of a room on Matrix.", kind=Kind.URN)
    return ChatKey(provider_id)


def as_object(tree: Json) -> dict[str, Json]:
    """The object that this is, or an empty one."""
    return tree if isinstance(tree, dict) else {}


def as_list(tree: Json) -> list[dict[str, Json]]:
    """The objects in a list."""
    return [item for item in tree if isinstance(item, dict)] if isinstance(tree, list) else []


def text_of(tree: Json) -> str | None:
    """The text that this is, unless it is empty."""
    return tree if isinstance(tree, str) and tree else None


def moment(event: Mapping[str, Json]) -> datetime | None:
    """When an event was sent, by the homeserver of its sender."""
    ms = event.get("origin_server_ts")
    # A homeserver may claim any moment: one that is none is no reason to lose the message.
    if not isinstance(ms, int) or isinstance(ms, bool):
        return None
    return from_ms(min(max(ms, 0), 253_402_300_799_000))


def profile(user: str, tree: Mapping[str, Json]) -> Profile:
    """Whose account it is."""
    return Profile(
        provider_id=user,
        username=user,
        name=text_of(tree.get("displayname")) or user,
        profile_url=f"https://matrix.to/#/{quote(user)}",
    )


def person(user: str, me: str, name: Json = None) -> RemoteAttendee:
    """Somebody in a room; without a name nothing new is said of theirs."""
    return RemoteAttendee(
        provider_id=user,
        name=text_of(name) or "",
        is_self=user == me,
        profile_url=f"https://matrix.to/#/{quote(user)}",
    )


# What an event is about.


def related(event: Mapping[str, Json], kind: str) -> str | None:
    """The event that this one relates to in this way."""
    relation = as_object(as_object(event.get("content")).get("m.relates_to"))
    target = relation.get("event_id")
    return target if relation.get("rel_type") == kind and isinstance(target, str) else None


def edited_by(event: Mapping[str, Json]) -> str | None:
    """The message to which this event gives another text."""
    return related(event, "m.replace")


def reacted(event: Mapping[str, Json]) -> tuple[str, str] | None:
    """The message to which this event reacts, and how."""
    target = related(event, "m.annotation")
    emoji = as_object(as_object(event.get("content")).get("m.relates_to")).get("key")
    if event.get("type") != REACTION or target is None or not isinstance(emoji, str) or not emoji:
        return None
    return target, emoji


def redacts(event: Mapping[str, Json]) -> str | None:
    """The event that this one takes back; newer rooms say so in the content."""
    target = as_object(event.get("content")).get("redacts") or event.get("redacts")
    return target if event.get("type") == REDACTION and isinstance(target, str) else None


def is_redacted(event: Mapping[str, Json]) -> bool:
    return "redacted_because" in as_object(event.get("unsigned"))


def current(event: Mapping[str, Json]) -> tuple[dict[str, Json], bool]:
    """A message's content as it stands, and whether it was edited: by the newest edit, if that is its sender's own."""
    content = as_object(event.get("content"))
    relations = as_object(as_object(event.get("unsigned")).get("m.relations"))
    edit = as_object(relations.get("m.replace"))
    fresh = as_object(as_object(edit.get("content")).get("m.new_content"))
    if not fresh or edit.get("sender") != event.get("sender") or edit.get("type") != event.get("type"):
        return content, False
    answers = {"m.relates_to": content["m.relates_to"]} if "m.relates_to" in content else {}
    return {**fresh, **answers}, True


# Messages.


def message(
    event: Mapping[str, Json], room: str, me: str, names: Mapping[str, Json], senders: Mapping[str, str]
) -> RemoteMessage | None:
    """An event as the message that it is; None: it is none, or only changes another.

    `names`: what people are called here; `senders`: who sent which message, for those that are answered.
    """
    id, sender, sent_at = event.get("event_id"), event.get("sender"), moment(event)
    if event.get("type") not in MESSAGES or edited_by(event) is not None or event.get("state_key") is not None:
        return None
    if not isinstance(id, str) or not _EVENT.fullmatch(id) or not isinstance(sender, str) or sent_at is None:
        return None
    found = RemoteMessage(
        provider_id=id,
        key=MessageKey(id),
        chat_provider_id=room,
        chat_key=ChatKey(room),
        sender=person(sender, me, names.get(sender)),
        sent_at=sent_at,
        recalled=True,
    )
    if is_redacted(event):
        return found
    content, edited = current(event)
    if event["type"] == "m.room.encrypted":
        return _replace(found, attachments=(unreadable(id),), original=_original(event, {}))
    quoted = text_of(as_object(as_object(content.get("m.relates_to")).get("m.in_reply_to")).get("event_id"))
    if quoted is not None and not _EVENT.fullmatch(quoted):
        quoted = None
    quote_of = None
    if quoted is not None:
        author = senders.get(quoted) or _quoted_sender(as_object(event.get("content")).get("body")) or ""
        quote_of = Quote(provider_id=quoted, key=quoted, sender_id=author)
        content = without_fallback(content)
    file = attachment(event["type"], content)
    # What a message is called where it is a file; a caption stands where both are given.
    body, name = text_of(content.get("body")), text_of(content.get("filename"))
    text = body if file is None or (name is not None and name != body) else None
    return _replace(
        found,
        text=text,
        attachments=() if file is None else (file,),
        quote=quote_of,
        edited=edited,
        original=_original(event, content),
    )


def _replace(found: RemoteMessage, **values: Json) -> RemoteMessage:
    known = {name: getattr(found, name) for name in found.__struct_fields__}
    return RemoteMessage(**{**known, "recalled": False, **values})


def unreadable(id: str) -> AnyAttachment:
    """What stands in place of a message that is encrypted from end to end."""
    return File(id=id.removeprefix("$"), unavailable=True, file_name="encrypted message")


def without_fallback(content: Mapping[str, Json]) -> dict[str, Json]:
    """An answer's content without what it repeats of the message that it answers."""
    cleaned = dict(content)
    body = cleaned.get("body")
    if isinstance(body, str) and _QUOTED_SENDER.match(body):
        lines = body.split("\n")
        while lines and lines[0].startswith(">"):
            lines.pop(0)
        if lines and not lines[0]:
            lines.pop(0)
        cleaned["body"] = "\n".join(lines)
    html = cleaned.get("formatted_body")
    if isinstance(html, str):
        cleaned["formatted_body"] = _QUOTED_HTML.sub("", html)
    return cleaned


def _quoted_sender(body: Json) -> str | None:
    found = _QUOTED_SENDER.match(body) if isinstance(body, str) else None
    return found[1] if found else None


def _original(event: Mapping[str, Json], content: Mapping[str, Json]) -> str:
    """The event as it stands: with its newest text, without what it repeats of others."""
    kept = {name: event[name] for name in ("event_id", "type", "sender", "origin_server_ts") if name in event}
    return json.dumps({**kept, "content": content}, ensure_ascii=False, separators=(",", ":"))


def content_of(original: str) -> dict[str, Json]:
    """The content in what `message` gave as `original`; empty where there is none."""
    try:
        tree = json.loads(original)
    except ValueError:
        return {}
    return as_object(as_object(tree).get("content"))


def attachment(kind: Json, content: Mapping[str, Json]) -> AnyAttachment | None:
    """The file of a message."""
    encrypted = as_object(content.get("file"))
    address = mxc(content.get("url")) or mxc(encrypted.get("url"))
    msgtype = "m.image" if kind == "m.sticker" else content.get("msgtype")
    if address is None or msgtype not in ("m.image", "m.video", "m.audio", "m.file"):
        return None
    info = as_object(content.get("info"))
    size, width, height = (_number(info.get(name)) for name in ("size", "w", "h"))
    common: dict[str, Any] = {
        "id": address[1],
        "unavailable": bool(encrypted),
        "file_size": size,
        "mimetype": text_of(info.get("mimetype")),
    }
    if msgtype == "m.image":
        return Image(**common, size=Size(width or 0, height or 0), sticker=kind == "m.sticker")
    if msgtype == "m.video":
        return Video(**common, size=Size(width or 0, height or 0))
    if msgtype == "m.audio":
        duration = _number(info.get("duration"))
        return Audio(
            **common,
            duration=None if duration is None else duration / 1000,
            voice_note="org.matrix.msc3245.voice" in content,
        )
    return File(**common, file_name=text_of(content.get("filename")) or text_of(content.get("body")) or "file")


def mxc(address: Json) -> tuple[str, str] | None:
    """The server and the id of a file in a homeserver's keeping."""
    found = _MXC.fullmatch(address) if isinstance(address, str) else None
    return (found[1], found[2]) if found else None


def _number(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


# What we send.

_MSGTYPES = {"image": "m.image", "video": "m.video", "audio": "m.audio", "voice": "m.audio"}


def text_content(text: str) -> dict[str, Json]:
    return {"msgtype": "m.text", "body": text}


def file_content(file: MessageFile, address: str, text: str) -> dict[str, Json]:
    """A file that was uploaded to `address`, with a caption where there is a text."""
    content: dict[str, Json] = {
        "msgtype": _MSGTYPES.get(file.kind, "m.file"),
        "body": text or file.name,
        "filename": file.name,
        "url": address,
        "info": {"mimetype": file.content_type, "size": file.size_bytes},
    }
    if file.kind == "voice":
        content["org.matrix.msc3245.voice"] = {}
    return content


def edit_content(id: str, was: Mapping[str, Json], text: str) -> dict[str, Json]:
    """Another text for a message; a file keeps its file, and the text is its caption."""
    fresh = {name: value for name, value in was.items() if name not in ("m.relates_to", "format", "formatted_body")}
    if mxc(fresh.get("url")) is not None:
        fresh = {**fresh, "filename": fresh.get("filename") or fresh.get("body"), "body": text}
    else:
        fresh = {**text_content(text), "msgtype": fresh.get("msgtype") or "m.text"}
    shown = {**fresh, "body": f"* {text}"}
    return {**shown, "m.new_content": fresh, "m.relates_to": {"rel_type": "m.replace", "event_id": id}}


def forwarded(content: Mapping[str, Json]) -> dict[str, Json]:
    """A message's content for another room: without what it said to this one."""
    return {name: value for name, value in content.items() if name not in ("m.relates_to", "m.mentions")}


def members(state: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """What people are called, of member events."""
    found = {}
    for event in state:
        user = event.get("state_key")
        if event.get("type") == "m.room.member" and isinstance(user, str):
            found[user] = as_object(event.get("content")).get("displayname")
    return found
