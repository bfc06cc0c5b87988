"""Networks, accounts, and how they are linked."""

from datetime import datetime
from typing import Any

import msgspec


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """What a network can do at this server. A power that is null is one it has not. Windows are in seconds."""

    name: str
    flows: list[str]
    """The ways to link an account."""
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


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy by which an account goes out. Its password is shown to nobody."""

    protocol: str
    """`http`, `https` (TLS to the proxy itself) or `socks5`."""
    host: str
    port: int
    username: str | None


class ProxyOf(msgspec.Struct, frozen=True, kw_only=True):
    """By what an account goes out; None: by the server's own address."""

    proxy: Proxy | None


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a network wants to see before it lets an owner in: `kind` is qr_code, pairing_code, two_factor and so on."""

    kind: str
    source: str | None = None
    """Where the second factor comes from; None: the network does not say."""
    public_key: str | None = None
    data: str | None = None
    can_resend: bool = False


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt to link an account. `step` says what is next: `ask` for these fields, `visit` this page, `show` this
    code and answer again, `wait` for what the owner does at the network, or `linked`."""

    id: str
    step: str
    expires_at: datetime
    fields: dict[str, str] = {}
    """What the owner is asked, by name, each with its label."""
    choices: dict[str, dict[str, str]] = {}
    """The values that a field can have, each with its label, where they are known."""
    url: str | None = None
    code: str | None = None
    checkpoint: Checkpoint | None = None
    account_id: str | None = None
    """The account, once it is `linked`."""
    notice: str | None = None


class Sync(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is that all chats of an account, or one of them, are read."""

    state: str
    """`queued`, `running`, `resting`, `done` or `failed`, which is tried again."""
    started_at: datetime
    finished_at: datetime | None
    chats_known: int
    all_chats_known: bool
    chats_done: int
    chats_failed: int
    messages: int
    error: str | None


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A linked account. `status`: linking, connected, action_required, disconnected or unlinking."""

    id: str
    provider: str
    """The network, such as bluesky."""
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
    created_at: datetime
    last_synced_at: datetime | None
    last_used_at: datetime
    credentials_expire_at: datetime | None
    flow: str | None
    """By which of the network's flows it was linked last; None: that was not noted yet."""

    @property
    def platform_id(self) -> str:
        """How posts name it: the network, a dash, and the network's id of the account."""
        return f"{self.provider}-{self.provider_id}"
