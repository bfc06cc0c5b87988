"""PostPost's connections, the tests of them, and the logs of post groups, as they stand on the wire.

Source: PostPost "Platform connections", "Test connection", "Post logs" (March 2026).
"""

from typing import TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.domain.accounts import AccountStatus
from postroom.domain.posts import LogDetail, LogEntry
from postroom.domain.posts import PostError as DomainError
from postroom.services.checkups import Checkup, Standing

T = TypeVar("T")
_HOUR = 3_600_000
_DAY = 24 * _HOUR


class LastError(msgspec.Struct, kw_only=True, rename="camel"):
    message: str
    occurred_at: str


class Connection(msgspec.Struct, kw_only=True, rename="camel"):
    platform_id: str
    username: str
    display_name: str | None
    profile_image_url: str | None
    profile_url: str | None
    access_token_expires_at: str | None
    token_status: str
    token_expires_in: str | None
    last_successful_post: str | None
    last_error: LastError | None


class ConnectionTest(msgspec.Struct, kw_only=True, rename="camel"):
    """HTTP 200 whatever came of it: `status` is `ok` or `error`."""

    platform: str
    platform_id: str
    username: str
    status: str
    message: str
    permissions: list[str]
    token_expires_in: str | None
    last_successful_post: str | None
    last_error: LastError | None


class LogMetadata(msgspec.Struct, kw_only=True, rename="camel"):
    """`from` and `to`: of a status that changed."""

    error_code: str | UnsetType = UNSET
    retryable: bool | UnsetType = UNSET
    was: str | UnsetType = msgspec.field(name="from", default=UNSET)
    becomes: str | UnsetType = msgspec.field(name="to", default=UNSET)


class Log(msgspec.Struct, kw_only=True, rename="camel"):
    """What there is nothing to say about is absent. Without `postId` it is about the group."""

    id: str = msgspec.field(name="_id")
    post_group_id: str
    post_id: str | UnsetType = UNSET
    platform: str | UnsetType = UNSET
    event: str
    error: str | UnsetType = UNSET
    http_status: int | UnsetType = UNSET
    retry_count: int | UnsetType = UNSET
    metadata: LogMetadata | UnsetType = UNSET
    created_at: str
    updated_at: str
    version: int = msgspec.field(name="__v", default=0)


class Logs(msgspec.Struct, kw_only=True):
    success: bool = True
    logs: list[Log]


class Connections(msgspec.Struct, kw_only=True):
    success: bool = True
    connections: list[Connection]


def connection(found: Standing) -> Connection:
    """A linked account that takes posts."""
    account = found.account
    return Connection(
        platform_id=f"{account.provider}-{account.provider_id}",
        username=account.profile.username,
        display_name=account.profile.name or None,
        profile_image_url=account.profile.picture_url,
        profile_url=account.profile.profile_url,
        access_token_expires_at=moment_or_null(found.expires_at),
        token_status=_token_status(found),
        token_expires_in=_expires_in(found),
        last_successful_post=moment_or_null(found.last_success_at),
        last_error=_last_error(found.last_error),
    )


def connection_test(platform_id: str, found: Checkup) -> ConnectionTest:
    """What a network said of an account's session."""
    standing = found.standing
    ended = found.problem is not None
    return ConnectionTest(
        platform=platform_id.partition("-")[0],
        platform_id=platform_id,
        username="unknown" if standing is None else found.name or standing.account.profile.username,
        status="error" if ended else "ok",
        message=found.problem or f"Connected as {found.name}",
        permissions=[] if standing is None or ended else list(standing.permissions),
        token_expires_in=None if standing is None else _expires_in(standing),
        last_successful_post=None if standing is None else moment_or_null(standing.last_success_at),
        last_error=None if standing is None else _last_error(standing.last_error),
    )


def log(entry: LogEntry) -> Log:
    """An entry of a group's log."""
    at, more = iso(entry.created_at), entry.detail or LogDetail()
    told = LogMetadata(
        error_code=or_unset(more.error_code),
        retryable=or_unset(more.retryable),
        was=or_unset(more.was),
        becomes=or_unset(more.becomes),
    )
    return Log(
        id=entry.id,
        post_group_id=entry.group_id,
        post_id=or_unset(entry.post_id),
        platform=or_unset(entry.platform),
        event=entry.event,
        error=or_unset(more.error),
        http_status=or_unset(more.http_status),
        retry_count=or_unset(more.retry_count),
        metadata=UNSET if told == LogMetadata() else told,
        created_at=at,
        updated_at=at,
    )


def or_unset(value: T | None) -> T | UnsetType:
    """Absent on the wire, where there is none."""
    return UNSET if value is None else value


def moment_or_null(ms: int | None) -> str | None:
    """A moment, or null."""
    return None if ms is None else iso(ms)


def _last_error(error: DomainError | None) -> LastError | None:
    return None if error is None else LastError(message=error.message, occurred_at=iso(error.failed_at))


def _is_over(found: Standing) -> bool:
    over = found.account.status in (AccountStatus.DISCONNECTED, AccountStatus.ACTION_REQUIRED)
    return over or (found.expires_at is not None and found.expires_at <= found.at)


def _token_status(found: Standing) -> str:
    if _is_over(found):
        return "expired"
    if found.expires_at is None:
        return "unknown"
    return "expiring_soon" if found.expires_at - found.at < 7 * _DAY else "valid"


def _expires_in(found: Standing) -> str | None:
    """`82d 4h`, `5h` on the last day, `< 1h` in the last hour."""
    if _is_over(found):
        return "expired"
    if found.expires_at is None:
        return None
    days, rest = divmod(found.expires_at - found.at, _DAY)
    hours = rest // _HOUR
    if days:
        return f"{days}d {hours}h"
    return f"{hours}h" if hours else "< 1h"
