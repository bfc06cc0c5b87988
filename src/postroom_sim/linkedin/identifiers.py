"""How LinkedIn spells and mints the names of members, threads, messages and media."""

from __future__ import annotations

import base64
import binascii
import random
import re
import uuid

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TUPLE = re.compile(
    r"urn:li:(msg_message|msg_conversation):\((urn:li:fsd_profile:[A-Za-z0-9_-]+),(2-[A-Za-z0-9+/=]+)\)"
)
_TAIL = re.compile(r"2-[A-Za-z0-9+/_-]{4,}={0,2}")


def new_member_id(source: random.Random) -> str:
    return "ACoAA" + "".join(source.choices(_ALPHABET, k=34))


def new_thread_id(source: random.Random) -> str:
    return _id(f"{uuid.UUID(int=source.getrandbits(128), version=4)}_{source.choice((100, 10)):03d}")


def new_message_id(source: random.Random, *, delivered_at: int, thread_id: str) -> str:
    """Newer threads append their own payload to each message's: both lengths, hence both paddings, occur."""
    payload = f"{delivered_at}b{source.randrange(100_000):05d}-{source.choice((100, 500)):03d}"
    thread_payload = payload_of(thread_id)
    return _id(f"{payload}&{thread_payload}" if int(thread_payload[0], 16) % 2 else payload)


def _id(payload: str) -> str:
    return "2-" + base64.b64encode(payload.encode()).decode()


def payload_of(id: str) -> str:
    """What is inside a thread or message id. Raises ValueError when it is not one."""
    try:
        text = id.removeprefix("2-").replace("-", "+").replace("_", "/").rstrip("=")
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError(f"not an id: {id!r}") from error


def profile(member_id: str) -> str:
    return f"urn:li:fsd_profile:{member_id}"


def participant(member_id: str) -> str:
    return f"urn:li:msg_messagingParticipant:urn:li:fsd_profile:{member_id}"


def conversation(mailbox: str, thread_id: str) -> str:
    return f"urn:li:msg_conversation:({profile(mailbox)},{thread_id})"


def message(mailbox: str, message_id: str) -> str:
    return f"urn:li:msg_message:({profile(mailbox)},{message_id})"


def member_of_profile(urn: object) -> str | None:
    """The member id in a profile or participant URN."""
    if not isinstance(urn, str):
        return None
    text = urn.removeprefix("urn:li:msg_messagingParticipant:")
    return text.removeprefix("urn:li:fsd_profile:") if text.startswith("urn:li:fsd_profile:") else None


def split(urn: object, type: str) -> tuple[str, str] | None:
    """Mailbox owner and id of a two-part URN of that type, or None if it is no such URN."""
    found = _TUPLE.fullmatch(urn) if isinstance(urn, str) else None
    if found is None or found[1] != type:
        return None
    return found[2].removeprefix("urn:li:fsd_profile:"), found[3]


def canonical(spelling: str) -> str | None:
    """The padded id behind any spelling a person may paste: bare, a URN, with or without padding."""
    tail = spelling.strip().removesuffix(")").rpartition(",")[2].rpartition(":")[2]
    if not _TAIL.fullmatch(tail):
        return None
    try:
        return _id(payload_of(tail))
    except ValueError:
        return None
