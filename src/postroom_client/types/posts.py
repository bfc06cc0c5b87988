"""Posts, their files, and take-downs."""

from datetime import datetime

import msgspec


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A post group's copy for one account. `error` is a stable word for why it failed.

    `status`: draft, pending, processing, published, failed, or unconfirmed (it may be live, and nobody can tell).
    """

    id: str
    post_group_id: str
    platform: str
    platform_id: str
    status: str
    scheduled_at: datetime | None
    provider_id: str | None
    url: str | None
    error: str | None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One post at one network. `outcome`: asked, done, unsupported, refused or in_doubt; final where `settled_at` is."""

    post_id: str | None
    platform: str
    platform_id: str
    provider_id: str | None
    url: str | None
    """Where it is, or was: where it can be removed by hand."""
    outcome: str
    detail: str | None
    settled_at: datetime | None


class TakeDown(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked to be removed from its networks, and what came of it so far. Final where `settled_at` is."""

    id: str
    href: str
    post_group_id: str
    asked_at: datetime
    settled_at: datetime | None
    targets: list[Target]
