"""PostPost's managed users as they stand on the wire, and how their requests are read.

Source: PostPost "Workspace / B2B API" (March 2026).
"""

from datetime import timedelta
from typing import Any

import msgspec

from postroom.clock import iso
from postroom.domain.access import ManagedUser
from postroom.errors import InvalidParameters, Kind
from postroom.ids import is_object_id

_LONGEST_NAME = 320
_LONGEST_DAYS = 36_500


class User(msgspec.Struct, kw_only=True, rename="camel"):
    """`dailyPostsLeft` is of no consequence, as it is at the vendor."""

    id: str = msgspec.field(name="_id")
    username: str
    display_name: str
    role: str = "managed"
    daily_posts_left: int = 100
    connections_page_url: str | None
    connections_page_token_expires_at: str | None


class Users(msgspec.Struct, kw_only=True):
    users: list[User]


class UserCreated(msgspec.Struct, kw_only=True):
    user: User


class Detached(msgspec.Struct, kw_only=True):
    success: bool = True


class UserKey(msgspec.Struct, kw_only=True, rename="camel"):
    message: str = "API key generated successfully"
    api_key: str | None
    user_id: str


class ConnectionUrl(msgspec.Struct, kw_only=True, rename="camel"):
    url: str | None
    token_expires_at: str | None


class NewUser(msgspec.Struct, kw_only=True, rename="camel"):
    """Read as it comes; `names` says what is wrong with it."""

    username: Any = None
    display_name: Any = None


class NewUserDocs(msgspec.Struct, kw_only=True, rename="camel"):
    """`username` is an email address; without `displayName` it is shown as well."""

    username: str
    display_name: str | None = None


class NewPage(msgspec.Struct, kw_only=True, rename="camel"):
    """Read as it comes; `page` says what is wrong with it."""

    expires_in_days: Any = None
    rotate: Any = None


class NewPageDocs(msgspec.Struct, kw_only=True, rename="camel"):
    """`expiresInDays` is above 0, and 90 if not said; `rotate` ends the address that was given out before."""

    expires_in_days: float | None = None
    rotate: bool | None = None


def names(body: NewUser) -> tuple[str, str | None]:
    """The user's name, which is an email address, and how they are shown."""
    if not isinstance(body.username, str) or not body.username.strip():
        raise InvalidParameters("Email is required", kind=Kind.MANAGED_USER)
    if len(body.username) > _LONGEST_NAME:
        raise InvalidParameters(f"Email is longer than {_LONGEST_NAME} characters", kind=Kind.MANAGED_USER)
    shown = body.display_name.strip()[:_LONGEST_NAME] if isinstance(body.display_name, str) else ""
    return body.username.strip(), shown or None


def user_id(text: str) -> str:
    """A user's id. The vendor refuses another shape with 400, in words that it does not tell."""
    if not is_object_id(text):
        raise InvalidParameters("Invalid userId", kind=Kind.MANAGED_USER_ID)
    return text.lower()


def page(body: NewPage) -> tuple[timedelta, bool]:
    """How long a page lives, and whether it is to be a fresh one."""
    days = 90 if body.expires_in_days is None else body.expires_in_days
    if isinstance(days, bool) or not isinstance(days, int | float) or days <= 0:
        raise InvalidParameters("expiresInDays must be a positive number", kind=Kind.MANAGED_USER)
    return timedelta(days=min(days, _LONGEST_DAYS)), body.rotate is True


def user(found: ManagedUser, url: str | None, *, shown: bool = True) -> User:
    """A managed user, with the page at which it links accounts where it has one and it may be `shown`."""
    at = found.page_expires_at
    return User(
        id=found.id,
        username=found.username,
        display_name=found.display_name,
        connections_page_url=url if shown else None,
        connections_page_token_expires_at=None if url is None or at is None or not shown else iso(at),
    )


def connection_url(found: ManagedUser, url: str | None) -> ConnectionUrl:
    """The address of a user's page."""
    assert found.page_expires_at is not None
    return ConnectionUrl(url=url, token_expires_at=iso(found.page_expires_at))


def without_key(made: UserKey) -> UserKey:
    """What may be stored of it."""
    return UserKey(api_key=None, user_id=made.user_id)


def without_url(made: ConnectionUrl) -> ConnectionUrl:
    """What may be stored of it."""
    return ConnectionUrl(url=None, token_expires_at=made.token_expires_at)
