"""Linked accounts, their states, and attempts to link one."""

from enum import StrEnum

import msgspec

from postroom.domain.proxies import Proxy
from postroom.domain.remote import Json, Profile
from postroom.domain.syncs import SyncProgress


class AccountStatus(StrEnum):
    """Where a linked account stands. `unlinking` and gone are final.

    `connected`: its session is good and, where it has chats, what happens there is heard. `reconnecting`: the session is
    believed to be good, but nothing is heard at the moment; calls are made. `paused`: nothing is heard and no call is
    made until it is resumed.
    """

    LINKING = "linking"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    PAUSED = "paused"
    ACTION_REQUIRED = "action_required"
    DISCONNECTED = "disconnected"
    UNLINKING = "unlinking"


IN_USE = (AccountStatus.CONNECTED, AccountStatus.RECONNECTING)
"""Those of which the network may be asked."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A linked social account. Moments are milliseconds since 1970."""

    id: str
    workspace_id: str
    user_id: str
    """The user it belongs to: the workspace's owner, or a managed user."""
    provider: str
    provider_id: str
    """The network's id of the person or page, such as `ACoAA...` or a DID."""
    status: AccountStatus
    status_detail: str | None
    profile: Profile
    created_at: int
    last_synced_at: int | None
    last_used_at: int
    synced: bool
    """Whether the first sync has finished."""
    has_chats: bool = False
    """Whether it was linked in a way that gives its chats."""
    takes_posts: bool = False
    """Whether it was linked in a way that lets it post."""
    flow: str | None = None
    """The network's login flow by which it was linked last; None: nobody noted it."""
    credentials_expire_at: int | None = None
    """When it ends unless it is linked again, as far as its network says."""
    sync: SyncProgress | None = None
    """How far the last sync of everything is; None: there was none."""
    proxy_changes: int = 0
    """How often its proxy was set or removed."""


class LoginAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """A link under way. `state` is the step that its owner was told last."""

    id: str
    workspace_id: str
    user_id: str
    provider: str
    flow: str
    state: Json
    created_at: int
    expires_at: int
    nonce: str | None = None
    """What the owner comes back with from a page that was visited. Only its hash is kept: None when read."""
    account_id: str | None = None
    """The account's id, once it is linked; known before."""
    relinks: bool = False
    """Whether that account is there, and no other one will do."""
    subject: str | None = None
    """Whose login it is, as far as it was said. Only its hash is kept: None when read."""
    superseded: bool = False
    """Whether a later attempt at the same login began."""
    proxy: Proxy | None = None
    """By what all of its steps go out, and then the account, as it was given; None: see `relinks`."""
