"""Networks and accounts as our own API shows them."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.domain.accounts import Account as DomainAccount
from postroom.domain.accounts import LoginAttempt
from postroom.domain.capabilities import Capabilities as DomainCapabilities
from postroom.domain.logins import Checkpoint
from postroom.domain.pages import Listing
from postroom.domain.proxies import Proxy, make_proxy
from postroom.domain.syncs import SyncProgress


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
    """Whether it takes down a live post that it is asked to."""
    unpublish_flows: list[str]
    """Where it does that only for accounts that were linked by one of these flows; empty: for all."""
    proxies: bool
    """Whether an account can go out by a proxy of its own."""


class Networks(msgspec.Struct, kw_only=True):
    items: list[Network]


class NewProxy(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`protocol` is `http`, `https` (TLS to the proxy itself) or `socks5`. The password is shown to nobody again."""

    host: str
    port: int
    protocol: str = "http"
    username: str | None = None
    password: str | None = None


class ShownProxy(msgspec.Struct, kw_only=True):
    protocol: str
    host: str
    port: int
    username: str | None


class ProxyOf(msgspec.Struct, kw_only=True):
    proxy: ShownProxy | None


class NewLink(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`flow` is one of the network's, as capabilities list them. `proxy`: the account goes out by it from the first step."""

    provider: str
    flow: str
    proxy: NewProxy | None = None


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


class Sync(msgspec.Struct, kw_only=True):
    """How far it is that all chats of an account, or one of them, are read: figures of chats and messages so far."""

    state: str
    """`queued`, `running`, `resting` (a chunk is done), `done` or `failed`, which is tried again."""
    started_at: str
    finished_at: str | None
    chats_known: int
    all_chats_known: bool
    """Whether all are listed; until then there may be more."""
    chats_done: int
    chats_failed: int
    """Of those done, how many the network did not show."""
    messages: int
    error: str | None


class Account(msgspec.Struct, kw_only=True):
    id: str
    provider: str
    provider_id: str
    user_id: str
    username: str
    name: str
    picture_url: str | None
    profile_url: str | None
    status: str
    status_detail: str | None
    synced: bool
    sync: Sync | None
    """How far the last reading of all chats is; null: it has not begun."""
    created_at: str
    last_synced_at: str | None
    last_used_at: str
    credentials_expire_at: str | None
    """When it ends unless it is linked again, as far as its network says."""
    flow: str | None
    """By which of the network's flows it was linked last; null: that was not noted yet."""


class Accounts(msgspec.Struct, kw_only=True):
    items: list[Account]
    cursor: str | None


def networks(powers: Mapping[str, DomainCapabilities], flows: Mapping[str, Sequence[str]]) -> Networks:
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
                unpublish_flows=sorted(found.unpublish_flows),
                proxies=found.proxies,
            )
            for name, found in sorted(powers.items())
        ]
    )


_LINKEDIN = "LinkedIn's User Agreement forbids automating an account; whoever links one answers for it."
NOTICES = {("linkedin", "cookie"): _LINKEDIN, ("linkedin", "password"): _LINKEDIN}


def without_code(made: Link) -> Link:
    """What of it is kept for its Idempotency-Key: what lets somebody in is not."""
    return msgspec.structs.replace(made, url=UNSET, code=UNSET)


def link(attempt: LoginAttempt, step: Any) -> Link:
    """Where an attempt stands: the connector's step, or the account that was linked."""
    made = Link(id=attempt.id, step=type(step).__name__.lower(), expires_at=iso(attempt.expires_at))
    if isinstance(step, DomainAccount):
        return msgspec.structs.replace(made, step="linked", account_id=step.id)
    made.fields = dict(getattr(step, "fields", None) or {}) or UNSET
    made.choices = {name: dict(each) for name, each in (getattr(step, "choices", None) or {}).items()} or UNSET
    made.url = getattr(step, "url", UNSET)
    made.code = getattr(step, "code", UNSET)
    made.checkpoint = getattr(step, "checkpoint", None) or UNSET
    made.notice = NOTICES.get((attempt.provider, attempt.flow), UNSET)
    return made


def given_proxy(body: NewProxy) -> Proxy:
    """A proxy as it was described.

    Raises:
        InvalidParameters: that is none.
    """
    return make_proxy(body.protocol, body.host, body.port, body.username, body.password)


def proxy_of(found: Proxy | None) -> ProxyOf:
    """A proxy as it is shown."""
    if found is None:
        return ProxyOf(proxy=None)
    shown = ShownProxy(protocol=found.protocol, host=found.host, port=found.port, username=found.username)
    return ProxyOf(proxy=shown)


def account(found: DomainAccount) -> Account:
    """A linked account."""
    return Account(
        id=found.id,
        provider=found.provider,
        provider_id=found.provider_id,
        user_id=found.user_id,
        username=found.profile.username,
        name=found.profile.name,
        picture_url=found.profile.picture_url,
        profile_url=found.profile.profile_url,
        status=found.status,
        status_detail=found.status_detail,
        synced=found.synced,
        sync=None if found.sync is None else sync(found.sync),
        created_at=iso(found.created_at),
        last_synced_at=moment(found.last_synced_at),
        last_used_at=iso(found.last_used_at),
        credentials_expire_at=moment(found.credentials_expire_at),
        flow=found.flow,
    )


def sync(found: SyncProgress) -> Sync:
    """How far a sync is."""
    return Sync(
        state=found.state,
        started_at=iso(found.started_at),
        finished_at=moment(found.finished_at),
        chats_known=found.chats_known,
        all_chats_known=found.listed,
        chats_done=found.chats_done,
        chats_failed=found.chats_failed,
        messages=found.messages,
        error=found.error,
    )


def accounts(found: Listing[DomainAccount]) -> Accounts:
    """A page of accounts."""
    return Accounts(items=[account(each) for each in found.items], cursor=found.next)


def _power(found: msgspec.Struct | None) -> dict[str, Any] | None:
    if found is None:
        return None
    built: dict[str, Any] = msgspec.to_builtins(found, builtin_types=(), enc_hook=str)
    window = getattr(found, "window", None)
    return built if window is None else built | {"window": window.total_seconds()}


def moment(at: int | None) -> str | None:
    """A moment in milliseconds as it is shown."""
    return None if at is None else iso(at)
