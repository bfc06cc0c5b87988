"""Who is asking: workspaces, the users they act for, their keys, and the caller that a key resolves to."""

from enum import StrEnum

import msgspec


class Scope(StrEnum):
    """What a key may do. A key without scopes listed may do everything but administer."""

    READ = "read"
    SEND = "send"
    DELETE = "delete"
    PUBLISH = "publish"
    LINK = "link"
    ADMIN = "admin"


EVERYDAY_SCOPES = frozenset(Scope) - {Scope.ADMIN}


class Entitlements(msgspec.Struct, frozen=True, kw_only=True):
    """What a workspace may use at all."""

    api: bool = True
    mcp: bool = True
    managed_users: bool = True


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant: owns accounts, keys and posts. Its id (24 hexadecimal digits) is also its owner's user id."""

    id: str
    name: str
    entitlements: Entitlements = Entitlements()
    sandbox: bool = False
    """Only simulated accounts may be linked, and only test keys open it."""


class ManagedUser(msgspec.Struct, frozen=True, kw_only=True):
    """Someone a workspace acts for. 24 hexadecimal digits."""

    id: str
    workspace_id: str
    username: str
    display_name: str
    created_at: int
    page_nonce: str | None = None
    """What the token of the page at which the user links accounts is made of; None: there is no such page."""
    page_expires_at: int | None = None


class DeleteBudget(msgspec.Struct, frozen=True, kw_only=True):
    """How many deletions a key may ask for in any hour, and in any day; None: as many as it likes."""

    per_hour: int | None = None
    per_day: int | None = None

    @property
    def is_set(self) -> bool:
        return self.per_hour is not None or self.per_day is not None


NO_BUDGET = DeleteBudget()


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its secret: only a keyed hash of that is stored."""

    id: str
    workspace_id: str
    managed_user_id: str | None
    name: str
    prefix: str
    """The first characters of the secret, enough to recognise it."""
    scopes: frozenset[Scope]
    created_at: int
    revoked_at: int | None = None
    per_user: bool = False
    """Whether it is the one key of a managed user that its workspace makes anew."""
    budget: DeleteBudget = NO_BUDGET


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signed in to the dashboard with a key. Its token is in their browser only."""

    workspace_id: str
    key_id: str
    created_at: int
    expires_at: int


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, resolved once for each request."""

    workspace: Workspace
    key_id: str
    scopes: frozenset[Scope]
    key_user_id: str
    """The user who owns the key: the workspace's owner, or a managed user."""
    user_id: str
    """The user acted for: `key_user_id` unless the request named a managed user."""
    budgeted: bool = False
    """Whether the key has a budget of deletions: each is counted before it is done."""

    @property
    def workspace_id(self) -> str:
        return self.workspace.id

    @property
    def only_user(self) -> str | None:
        """The one user whose accounts, chats, events and receipts are seen; None: the owner sees those of all."""
        return None if self.user_id == self.workspace.id else self.user_id
