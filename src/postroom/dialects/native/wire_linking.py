"""What networks can do, and linking an account, as objects of our own API."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.domain.accounts import Account, LoginAttempt
from postroom.domain.capabilities import Capabilities
from postroom.domain.logins import Checkpoint


class Network(msgspec.Struct, kw_only=True):
    """What a network can do here. A power that is null is one it has not. Windows are in seconds."""

    name: str
    flows: list[str]
    send: dict[str, Any] | None
    start: dict[str, Any] | None
    edit: dict[str, Any] | None
    react: dict[str, Any] | None
    recall: dict[str, Any] | None
    forward: bool
    typing: bool
    marks: list[str]
    publish: dict[str, Any] | None
    unpublish: bool


class Networks(msgspec.Struct, kw_only=True):
    items: list[Network]


class NewLink(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`flow` is one of the network's, as capabilities list them."""

    provider: str
    flow: str


class Answers(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The owner's answers to the last step, by field."""

    answers: dict[str, str]


class Link(msgspec.Struct, kw_only=True):
    """An attempt to link, five minutes long. `step` says what is next: `ask` for these fields, `visit` this page,
    `show` this code and answer again, `wait` for what the owner does at the network, or `linked`."""

    id: str
    step: str
    expires_at: str
    fields: dict[str, str] | UnsetType = UNSET
    choices: dict[str, dict[str, str]] | UnsetType = UNSET
    """The values that a field can have, each with its label, where they are known."""
    url: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    checkpoint: Checkpoint | UnsetType = UNSET
    """What the network wants to see before it lets the owner in."""
    account_id: str | UnsetType = UNSET
    notice: str | UnsetType = UNSET


def networks(powers: Mapping[str, Capabilities], flows: Mapping[str, Sequence[str]]) -> Networks:
    """What each network can do, by name."""
    return Networks(
        items=[
            Network(
                name=name,
                flows=list(flows.get(name, ())),
                send=_power(found.send),
                start=_power(found.start),
                edit=_power(found.edit),
                react=_power(found.react),
                recall=_power(found.recall),
                forward=found.forward,
                typing=found.typing,
                marks=sorted(found.marks),
                publish=_power(found.publish),
                unpublish=found.unpublish,
            )
            for name, found in sorted(powers.items())
        ]
    )


_LINKEDIN = "LinkedIn's User Agreement forbids automating an account; whoever links one answers for it."
NOTICES = {("linkedin", "cookie"): _LINKEDIN, ("linkedin", "password"): _LINKEDIN}


def link(attempt: LoginAttempt, step: Any) -> Link:
    """Where an attempt stands: the connector's step, or the account that was linked."""
    made = Link(id=attempt.id, step=type(step).__name__.lower(), expires_at=iso(attempt.expires_at))
    if isinstance(step, Account):
        return msgspec.structs.replace(made, step="linked", account_id=step.id)
    made.fields = dict(getattr(step, "fields", None) or {}) or UNSET
    made.choices = {name: dict(each) for name, each in (getattr(step, "choices", None) or {}).items()} or UNSET
    made.url = getattr(step, "url", UNSET)
    made.code = getattr(step, "code", UNSET)
    made.checkpoint = getattr(step, "checkpoint", None) or UNSET
    made.notice = NOTICES.get((attempt.provider, attempt.flow), UNSET)
    return made


def _power(found: msgspec.Struct | None) -> dict[str, Any] | None:
    if found is None:
        return None
    built: dict[str, Any] = msgspec.to_builtins(found, builtin_types=(), enc_hook=str)
    window = getattr(found, "window", None)
    return built if window is None else built | {"window": window.total_seconds()}
