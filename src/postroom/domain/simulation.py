"""What the simulated networks tell of themselves: their clock, their people, what goes wrong there on purpose."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class Moment(msgspec.Struct, frozen=True):
    """Their clock, and how far it is ahead of this machine's."""

    now: str
    offset_seconds: float


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A rule by which calls go wrong. None stands for any."""

    do: Mapping[str, Any]
    id: str = ""
    network: str | None = None
    operation: str | None = None
    account: str | None = None
    nth: int = 1
    times: int | None = 1
    seen: int = 0
    hits: int = 0


class Scenario(msgspec.Struct, frozen=True):
    """Somebody who can be linked, and what is peculiar about them."""

    network: str
    login: str
    description: str
    example: str


class Call(msgspec.Struct, frozen=True):
    """A request that a network was sent."""

    network: str
    operation: str
    status: int | None = None


class Person(msgspec.Struct, frozen=True):
    id: str
    name: str = ""


class Reaction(msgspec.Struct, frozen=True):
    emoji: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A message as one of a chat's people sees it."""

    id: str
    sender: str
    sender_name: str = ""
    text: str | None = None
    sent_at: str = ""
    state: str = ""
    """RECALLED and EDITED are what their names say."""
    reactions: Sequence[Reaction] = ()
    attachments: Sequence[Mapping[str, Any]] = ()


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """A chat as one of its people sees it."""

    id: str
    title: str | None = None
    participants: Sequence[Person] = ()
    last_message_at: str | None = None
    viewer: str = ""
    messages: Sequence[Said] = ()


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A post as everybody sees it."""

    id: str
    text: str | None = None
    created_at: str | float | None = None
    media: Sequence[Any] = ()
    url: str | None = None
