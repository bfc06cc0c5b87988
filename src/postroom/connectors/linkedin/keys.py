"""LinkedIn's spellings of messages and conversations, and the one identity behind each. Pure.

A spelling names a type, often a mailbox, and an id. The key is the id alone, unescaped and without base64 padding, so
that the copies of one message in several mailboxes have one key.

Source: URNs and their payloads as published clients and test data show them, checked 2026-11-20.
"""

import base64
import binascii
import re
from urllib.parse import unquote

from postroom.domain.remote import ChatKey, MessageKey
from postroom.errors import InvalidParameters, Kind

_MAX_LENGTH = 2048
_MAX_ROUNDS = 3
_MESSAGE_TYPES = frozenset({"msg_message", "fs_message", "messagingMessage", "fsd_message", "fs_event", "msg"})
_CHAT_TYPES = frozenset(
    {"msg_conversation", "messagingThread", "fsd_conversation", "fs_conversation", "salesNav_thread"}
)
SALES_NAVIGATOR = "sn:"

_PRINTABLE = re.compile(r"[!-~]+\Z")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_URN = re.compile(r"urn:li:([A-Za-z_]+):(.+)\Z", re.IGNORECASE)
_OWNER = re.compile(r"urn:li:[A-Za-z_]+:[A-Za-z0-9_-]+\Z")
_MODERN = re.compile(r"([0-9])-([A-Za-z0-9+/_-]{4,1024})={0,2}\Z")
_LEGACY_MESSAGE = re.compile(r"S\d{5,20}(_\d{1,4})?\Z", re.ASCII)
_LEGACY_THREAD = re.compile(r"\d{10,20}\Z", re.ASCII)
_THREAD_PAYLOAD = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}_\d{3}\Z")
_MESSAGE_PAYLOAD = re.compile(rb"(\d{13})b\d{5}-\d{3}(&.*)?\Z", re.DOTALL)

_SENTENCES = {
    "empty": "The URN is empty.",
    "too_long": f"The URN has more than {_MAX_LENGTH} characters.",
    "bad_character": "The URN has a character that no URN has.",
    "bad_percent_escape": "The URN has a percent sign that escapes nothing.",
    "too_many_encodings": "The URN is percent-encoded too many times.",
    "foreign_urn": "This is not a LinkedIn URN.",
    "wrong_type": "This URN names something else.",
    "malformed": "The URN is malformed.",
    "bad_base64": "The id in the URN is not whole.",
}


def message_key(spelling: str) -> MessageKey:
    """The identity of a message, in any of LinkedIn's spellings or ours (`urn:li:msg:...`).

    Raises:
        InvalidParameters: (kind URN) with the reason in `context`.
    """
    _, _, tail = _parts(spelling, _MESSAGE_TYPES)
    if _LEGACY_MESSAGE.match(tail):
        return MessageKey(tail)
    if _LEGACY_THREAD.match(tail):
        raise _invalid("wrong_type")
    key, payload = _modern(tail)
    if _THREAD_PAYLOAD.match(payload):
        raise _invalid("wrong_type")
    return MessageKey(key)


def chat_key(spelling: str) -> ChatKey:
    """The identity of a conversation; those of Sales Navigator have a namespace of their own.

    Raises:
        InvalidParameters: (kind URN) with the reason in `context`.
    """
    type_, _, tail = _parts(spelling, _CHAT_TYPES)
    prefix = ""
    if type_ == "salesNav_thread" or (not type_ and tail.startswith(SALES_NAVIGATOR)):
        prefix, tail = SALES_NAVIGATOR, tail.removeprefix(SALES_NAVIGATOR)
    if _LEGACY_THREAD.match(tail):
        return ChatKey(prefix + tail)
    if _LEGACY_MESSAGE.match(tail):
        raise _invalid("wrong_type")
    key, payload = _modern(tail)
    if _MESSAGE_PAYLOAD.match(payload):
        raise _invalid("wrong_type")
    return ChatKey(prefix + key)


def mailbox_of(spelling: str) -> str | None:
    """The id of the member or organisation whose copy this spelling names, where it names one."""
    try:
        _, owner, _ = _parts(spelling, _MESSAGE_TYPES | _CHAT_TYPES)
    except InvalidParameters:
        return None
    return owner.rpartition(":")[2] if owner is not None and owner[:4].lower() == "urn:" else None


def thread_of_event(spelling: str) -> str | None:
    """The thread's id in an old event's URN, the only spelling of a message that names its conversation."""
    try:
        type_, owner, _ = _parts(spelling, _MESSAGE_TYPES)
    except InvalidParameters:
        return None
    return owner if type_ == "fs_event" else None


def sent_ms(key: str) -> int | None:
    """When LinkedIn took the message, in milliseconds since 1970, as its id says; None for an id of before 2020."""
    found = _MODERN.match(key)
    payload = _MESSAGE_PAYLOAD.match(_decoded(found[2])) if found else None
    return int(payload[1]) if payload else None


def padded(key: str) -> str:
    """An id with the base64 padding that LinkedIn writes."""
    found = _MODERN.match(key)
    return f"{found[1]}-{found[2]}{'=' * (-len(found[2]) % 4)}" if found else key


def message_urn(mailbox: str, key: str) -> str:
    """The URN of the copy of a message in this member's mailbox."""
    return f"urn:li:msg_message:(urn:li:fsd_profile:{mailbox},{padded(key)})"


def chat_urn(mailbox: str, key: str) -> str:
    """The URN of a conversation in this member's mailbox."""
    return f"urn:li:msg_conversation:(urn:li:fsd_profile:{mailbox},{padded(key)})"


def _parts(spelling: str, types: frozenset[str]) -> tuple[str, str | None, str]:
    """Type ("" for a bare id), first member of the tuple if there is one, and the id."""
    text = _plain(spelling)
    if text[:4].lower() != "urn:":
        return "", None, text
    urn = _URN.match(text)
    if urn is None:
        raise _invalid("malformed" if text[:7].lower() == "urn:li:" else "foreign_urn")
    type_, body = urn[1], urn[2]
    if type_ not in types:
        raise _invalid("wrong_type")
    if not body.startswith("("):
        return type_, None, body
    members = body[1:-1].split(",")
    if not body.endswith(")") or any(mark in body[1:-1] for mark in "()") or len(members) != 2:
        raise _invalid("malformed")
    owner, tail = members
    if not (_LEGACY_THREAD.match(owner) or _MODERN.match(owner) if type_ == "fs_event" else _OWNER.match(owner)):
        raise _invalid("malformed")
    return type_, owner, tail


def _plain(spelling: str) -> str:
    """Without space around it, and unescaped as often as it was escaped. A plus sign stays one."""
    if len(spelling) > _MAX_LENGTH:
        raise _invalid("too_long")
    text = spelling.strip(" \t\r\n\f\v")
    if not text:
        raise _invalid("empty")
    for _ in range(_MAX_ROUNDS):
        _check_characters(text)
        if "%" not in text:
            return text
        text = unquote(text, encoding="latin-1")
    _check_characters(text)
    if "%" in text:
        raise _invalid("too_many_encodings")
    return text


def _check_characters(text: str) -> None:
    if not _PRINTABLE.match(text):
        raise _invalid("bad_character")
    if _STRAY_PERCENT.search(text):
        raise _invalid("bad_percent_escape")


def _modern(tail: str) -> tuple[str, bytes]:
    """The key and the payload of an id such as `2-...`."""
    found = _MODERN.match(tail)
    if found is None:
        raise _invalid("malformed")
    text = found[2].replace("-", "+").replace("_", "/")
    payload = _decoded(text)
    if not payload or base64.b64encode(payload).rstrip(b"=").decode() != text:
        raise _invalid("bad_base64")
    return f"{found[1]}-{text}", payload


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def _invalid(reason: str) -> InvalidParameters:
    return InvalidParameters(_SENTENCES[reason], kind=Kind.URN, context={"reason": reason})
