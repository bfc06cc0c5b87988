"""ConnectSafely's accounts as they stand on the wire: their state, their plan, what is left of their day, and their sync.

Source: ConnectSafely "Account status", "Account quota", "Sync status" (2026). What LinkedIn has not told is null.
"""

from collections.abc import Sequence

import msgspec

from postroom.clock import iso
from postroom.dialects.connectsafely import wire
from postroom.domain.accounts import Account as DomainAccount
from postroom.domain.people import Person
from postroom.services.outreach import Starts
from postroom.services.refreshing import Held, Synced


class Plan(msgspec.Struct, kw_only=True, rename="camel"):
    """LinkedIn's own plan. Null: it was not asked for."""

    premium_type: str | None = None
    is_premium: bool | None = None
    has_sales_navigator: bool | None = None
    has_recruiter: bool | None = None
    has_away_messages: bool | None = None
    has_advertise_badge: bool | None = None
    has_hiring_manager: bool | None = None


class Status(msgspec.Struct, kw_only=True, rename="camel"):
    id: str
    first_name: str
    last_name: str
    public_id: str
    platform: str
    status: str
    enabled: bool
    last_used: str
    has_tokens: bool
    linkedin_plan: Plan


class Premium(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    account_id: str
    linkedin_plan: Plan


class OneQuota(msgspec.Struct, kw_only=True, rename="camel"):
    feature: str
    window: str
    used: int
    limit: int | None
    """Null: there is none."""
    linkedin_limit: int | None
    remaining: int | None
    limit_reached: bool
    limit_reached_at: str | None
    reset_at: str


class Quota(msgspec.Struct, kw_only=True, rename="camel"):
    account_id: str
    quotas: list[OneQuota]


class Sync(msgspec.Struct, kw_only=True, rename="camel"):
    """Which account, and whether all of it anew."""

    account_id: str | None = None
    force: bool = False


class SyncDone(msgspec.Struct, kw_only=True, rename="camel"):
    success: bool = True
    account_id: str
    conversations_processed: int
    """How many are held now."""
    messages_processed: int
    """How many are new."""
    duration_ms: int
    duration_seconds: str
    error: str | None = None


class SyncState(msgspec.Struct, kw_only=True, rename="camel"):
    last_sync_at: str | None
    sync_in_progress: bool
    total_conversations: int
    total_messages: int
    consecutive_failures: int
    last_error: str | None
    initial_sync_completed: bool


class SyncedAccount(msgspec.Struct, kw_only=True, rename="camel"):
    account_id: str
    account_name: str
    account_picture: str | None
    sync_state: SyncState


class SyncStatus(msgspec.Struct, kw_only=True):
    success: bool = True
    accounts: list[SyncedAccount]


def status(found: DomainAccount) -> Status:
    """Where an account stands."""
    first, _, last = found.profile.name.partition(" ")
    state = wire.status(found)
    return Status(
        id=found.id,
        first_name=first,
        last_name=last,
        public_id=found.profile.username,
        platform="LINKEDIN",
        status=state,
        enabled=wire.is_enabled(found),
        last_used=iso(found.last_used_at),
        has_tokens=state not in ("ERROR", "UNKNOWN"),
        linkedin_plan=Plan(),
    )


def premium(found: DomainAccount, owner: Person) -> Premium:
    """What LinkedIn says of an account's plan: that there is one or not, and no more."""
    return Premium(account_id=found.id, linkedin_plan=Plan(is_premium=owner.is_premium))


def quota(found: DomainAccount, starts: Starts) -> Quota:
    """What is left of an account's day."""
    reached = starts.limit is not None and starts.used >= starts.limit
    begun = OneQuota(
        feature="NEW_CONVERSATION",
        window="daily",
        used=starts.used,
        limit=starts.limit,
        linkedin_limit=None,
        remaining=None if starts.limit is None else max(0, starts.limit - starts.used),
        limit_reached=reached,
        limit_reached_at=None,
        reset_at=iso(starts.resets_at),
    )
    return Quota(account_id=found.id, quotas=[begun])


def sync_done(account: DomainAccount, done: Synced) -> SyncDone:
    """What a sync brought."""
    return SyncDone(
        account_id=account.id,
        conversations_processed=done.chats,
        messages_processed=done.messages,
        duration_ms=round(done.seconds * 1000),
        duration_seconds=f"{done.seconds:.2f}",
        error=None if done.finished else "It is not over, and goes on by itself: see /conversations/sync/status.",
    )


def _wrong(account: DomainAccount) -> str | None:
    """The code of what keeps an account from being in step."""
    return account.status_detail or (None if account.sync is None else account.sync.error)


def sync_status(found: Sequence[tuple[DomainAccount, Held]]) -> SyncStatus:
    """How far each account is in step with LinkedIn."""
    return SyncStatus(
        accounts=[
            SyncedAccount(
                account_id=account.id,
                account_name=account.profile.name,
                account_picture=account.profile.picture_url,
                sync_state=SyncState(
                    last_sync_at=None if account.last_synced_at is None else iso(account.last_synced_at),
                    sync_in_progress=wire.is_syncing(account),
                    total_conversations=held.chats,
                    total_messages=held.messages,
                    consecutive_failures=0 if _wrong(account) is None else 1,
                    last_error=_wrong(account),
                    initial_sync_completed=account.synced,
                ),
            )
            for account, held in found
        ]
    )
