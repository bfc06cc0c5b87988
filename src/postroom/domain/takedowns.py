"""Take-downs: what was asked to be removed from its networks, and what came of it for each target."""

from enum import StrEnum

import msgspec

from postroom.domain.capabilities import Capabilities
from postroom.domain.posts import GroupStatus, PostGroup
from postroom.errors import InvalidParameters


class TargetOutcome(StrEnum):
    ASKED = "asked"
    """It is on record, and not done yet."""
    DONE = "done"
    """The network accepted it, or says that the post is gone."""
    UNSUPPORTED = "unsupported"
    """The network takes no deletions from others: its link leads to where it is done by hand."""
    REFUSED = "refused"
    """The network, or nobody, did it; the detail says why."""
    IN_DOUBT = "in_doubt"
    """It may be gone. As long as it is not settled, it is asked again, which is safe."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One post at one network."""

    position: int
    post_id: str | None
    account_id: str | None
    platform: str
    platform_id: str
    provider_id: str | None
    """None: it is being published, or nobody knows whether it was."""
    url: str | None
    outcome: TargetOutcome = TargetOutcome.ASKED
    detail: str | None = None
    settled_at: int | None = None
    """When the outcome became final."""
    called: bool = False
    """Whether its network is being called: who finds that after a crash knows that it may be gone."""


class Takedown(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    workspace_id: str
    user_id: str
    group_id: str
    """The group may be gone."""
    delete_group: bool
    """Whether the group is deleted once all targets are settled."""
    asked_at: int
    settled_at: int | None
    targets: tuple[Target, ...]


def why_by_hand(powers: Capabilities) -> str:
    """Why a network is not asked to remove a post, and what to do."""
    ways = " or ".join(sorted(powers.unpublish_flows))
    if not powers.unpublish or not ways:
        return "This network takes no deletions from others: remove it there."
    return f"This network lets only accounts that were linked by {ways} delete: link it once more by that, or remove it there."


def check_expiry(at: int, group: PostGroup) -> None:
    """A group is taken down after it went out: before, nothing would be live, and what goes out later would stay.

    Raises:
        InvalidParameters: the moment is before the group's own.
    """
    if group.status is GroupStatus.SCHEDULED and at <= (group.scheduled_at or 0):
        raise InvalidParameters("deleteAt must be after scheduledTime")
