"""The workspace, its keys, users, receipts, webhooks, and the log of events."""

from datetime import datetime
from typing import Any

import msgspec

from postroom_client.types.accounts import Account
from postroom_client.types.messages import Chat, Message
from postroom_client.types.posts import Post


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """Something was done to the thing of this id."""

    id: str
    done: str


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """An API key. `secret` is shown once, when it is made."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    managed_user_id: str | None
    created_at: datetime
    revoked_at: datetime | None
    deletes_per_hour: int | None
    """How many deletions it may ask for in any hour; None: as many as it likes."""
    deletes_per_day: int | None
    secret: str | None = None


class Entitlements(msgspec.Struct, frozen=True, kw_only=True):
    """What a workspace may use."""

    api: bool
    mcp: bool
    managed_users: bool


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """The workspace of a key, and the user whom it acts for."""

    id: str
    name: str
    sandbox: bool
    entitlements: Entitlements
    user_id: str


class ManagedUser(msgspec.Struct, frozen=True, kw_only=True):
    """Someone whom the workspace acts for."""

    id: str
    username: str
    display_name: str
    created_at: datetime


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt's place in the chain: the hash of the one before, its own, and the server's signature."""

    sequence: int
    previous: str
    hash: str
    signature: str


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, what the network answered, what was read back, what was erased here. Never content."""

    id: str
    kind: str
    target_id: str
    created_at: datetime
    document: dict[str, Any]
    sealed: bool
    seal: Seal | None


class ReceiptsKey(msgspec.Struct, frozen=True, kw_only=True):
    """The public key that receipts are signed for, in hexadecimal digits."""

    algorithm: str
    key: str


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint that is told of events; `events` empty: of all types."""

    id: str
    name: str
    url: str
    events: list[str]
    active: bool
    disabled_reason: str | None
    failure_count: int
    last_failure: str | None
    position: int
    last_attempt_at: datetime | None
    created_at: datetime
    updated_at: datetime
    secret: str | None = None
    """Shown once, when it is made."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One try to tell a webhook. `occasion`: event, replay or test. `failure` None: it arrived."""

    id: str
    webhook_id: str
    event_id: str
    event_type: str
    position: int | None
    occasion: str
    failure: str | None
    status: int | None
    took_ms: int
    tried_at: datetime


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook's new secret, shown this once."""

    id: str
    secret: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. `data` has ids; what it is about is joined as it now stands."""

    position: int
    """Its place in the log: to go on after it, ask for what is after this."""
    id: str
    type: str
    """Such as message.received."""
    created_at: datetime
    data: dict[str, Any]
    message: Message | None = None
    account: Account | None = None
    chat: Chat | None = None
    post: Post | None = None


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the log. `position`: ask for more after this."""

    items: list[Event]
    position: int


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """The place in the log after which only what is yet to happen follows."""

    position: int


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """`ok`, or `failing`."""

    status: str
