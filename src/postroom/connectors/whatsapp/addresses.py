"""WhatsApp's addresses and ids: people by telephone number or by hidden id, groups, and the keys of messages."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from postroom.domain.remote import ChatKey, MessageKey
from postroom.errors import ErrorCode, InvalidParameters, Kind

PERSON = "s.whatsapp.net"
HIDDEN = "lid"
GROUP = "g.us"

_PERSON = r"\d{3,20}@(?:s\.whatsapp\.net|lid)"
_GROUP = r"\d{3,32}(?:-\d{3,32})?@g\.us"
_MESSAGE = re.compile(rf"(?:(?P<group>{_GROUP})/)?(?P<author>{_PERSON})/(?P<id>[A-Za-z0-9._-]{{1,128}})", re.ASCII)
_CHAT = re.compile(rf"{_PERSON}|{_GROUP}", re.ASCII)
_DEVICE = re.compile(r"^(\d+)(?:\.\d+)?(?::\d+)?@(?:c\.us|s\.whatsapp\.net)$|^(\d+)(?:\.\d+)?(?::\d+)?@lid$", re.ASCII)


def plain(address: str) -> str:
    """An address without device and agent: `4917:12@s.whatsapp.net` is `4917@s.whatsapp.net`."""
    found = _DEVICE.match(address)
    if found is None:
        return address
    return f"{found[1]}@{PERSON}" if found[1] else f"{found[2]}@{HIDDEN}"


def of_jid(jid: Mapping[str, Any] | None) -> str:
    """The library's JID as an address without device; empty: it names nobody."""
    if not jid or not jid.get("User"):
        return ""
    return plain(f"{jid['User']}@{jid.get('Server', '')}")


def is_group(address: str) -> bool:
    return address.endswith(f"@{GROUP}")


def is_person(address: str) -> bool:
    return address.endswith((f"@{PERSON}", f"@{HIDDEN}"))


def make_key(chat: str, author: str, id: str) -> MessageKey:
    """A message's key: who wrote it is part of it, so that nobody names another's by its id alone."""
    return MessageKey(f"{chat}/{author}/{id}" if is_group(chat) else f"{author}/{id}")


def parts(key: str) -> tuple[str | None, str, str]:
    """(group, author, id) of a message's key.

    Raises:
        InvalidParameters: (kind URN) this is no message's id here.
    """
    found = _MESSAGE.fullmatch(key)
    if found is None:
        raise _no_id("a message's")
    return found["group"], found["author"], found["id"]


def message_key(provider_id: str) -> MessageKey:
    """As the connector's method of this name."""
    parts(provider_id)
    return MessageKey(provider_id)


def chat_key(provider_id: str) -> ChatKey:
    """As the connector's method of this name."""
    address = plain(provider_id)
    if _CHAT.fullmatch(address) is None:
        raise _no_id("a chat's")
    return ChatKey(address)


def _no_id(whose: str) -> InvalidParameters:
    return InvalidParameters(
        f"This is not {whose} id at WhatsApp.",
        kind=Kind.URN,
        code=ErrorCode.INVALID_PARAMETERS,
        context={"reason": "malformed"},
    )


class People:
    """What one account knows of people: which hidden id is which number, and their names."""

    def __init__(self, me: str, my_hidden: str = "") -> None:
        self.me = me
        self._number: dict[str, str] = {}
        self._hidden: dict[str, str] = {}
        self._names: dict[str, str] = {}
        if my_hidden:
            self.learn(my_hidden, me)

    def learn(self, one: str, other: str) -> None:
        """These two addresses are one person, if one is hidden and the other is not."""
        for hidden, number in ((one, other), (other, one)):
            if hidden.endswith(f"@{HIDDEN}") and number.endswith(f"@{PERSON}"):
                self._number[hidden] = number
                self._hidden[number] = hidden

    def learn_name(self, address: str, name: str) -> None:
        if address and name:
            self._names[self.one(address)] = name

    def one(self, address: str) -> str:
        """The address by which a person is known here: the number, where it is known."""
        return self._number.get(address, address)

    def all(self, address: str) -> tuple[str, ...]:
        """Every address of this person, that of `one` first."""
        number = self.one(address)
        hidden = self._hidden.get(number)
        return (number,) if hidden is None or hidden == number else (number, hidden)

    def keys(self, chat: str, author: str, id: str) -> tuple[MessageKey, ...]:
        """The keys by which a message may be known, the first of which it is kept by."""
        return tuple(make_key(chat, address, id) for address in self.all(author))

    def is_me(self, address: str) -> bool:
        return self.one(address) == self.me

    def same(self, one: str, other: str) -> bool:
        return self.one(one) == self.one(other)

    def name(self, address: str) -> str:
        """What to call a person: their name where it is known, else the number."""
        address = self.one(address)
        number = f"+{address.partition('@')[0]}" if address.endswith(f"@{PERSON}") else address.partition("@")[0]
        return self._names.get(address, number)

    def learn_all(self, pairs: Iterable[tuple[str, str]], names: Mapping[str, str]) -> None:
        for hidden, number in pairs:
            self.learn(plain(hidden), plain(number))
        for address, name in names.items():
            self.learn_name(plain(address), name)
