"""What PostPost's answers say beside a success: what was done otherwise, and what will not go out as it stands.

Source: PostPost "Validation" (March 2026) for codes and sentences, "Create post" of Publora (2026) for `warnings`.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import iso
from postroom.dialects.postpost.wire_connections import or_unset
from postroom.domain.fitting import Misfit, Problem
from postroom.domain.posts import PostGroup

NAMES = {
    "twitter": "Twitter/X",
    "linkedin": "LinkedIn",
    "instagram": "Instagram",
    "threads": "Threads",
    "tiktok": "TikTok",
    "youtube": "YouTube",
    "facebook": "Facebook",
    "bluesky": "Bluesky",
    "mastodon": "Mastodon",
    "telegram": "Telegram",
}


class Warning(msgspec.Struct, kw_only=True, rename="camel"):
    """Something that was done otherwise than it was asked, or that will not go out as it stands."""

    code: str
    message: str
    platform: str | UnsetType = UNSET
    platform_id: str | UnsetType = UNSET
    max_value: int | UnsetType = UNSET
    current_value: int | UnsetType = UNSET
    requested: str | UnsetType = UNSET
    effective: str | UnsetType = UNSET


_SENTENCES = {
    Misfit.CONTENT_TOO_LONG: "Content exceeds {name}'s {most} character limit (currently {current})",
    Misfit.MEDIA_REQUIRED: "{name} posts require media",
    Misfit.VIDEO_REQUIRED: "{name} posts require a video",
    Misfit.MEDIA_COUNT_EXCEEDED: "{name} takes {most} files of this kind in a post (currently {current})",
    Misfit.MEDIA_SIZE_EXCEEDED: "Video ({current}) exceeds {name}'s {most} limit",
    Misfit.MEDIA_DIMENSIONS_INVALID: "{name} takes no image of the shape {shape}",
    Misfit.MEDIA_TYPE_NOT_SUPPORTED: 'Video format "{content_type}" is not supported on {name}',
    Misfit.IMAGES_NOT_SUPPORTED: "{name} takes no images",
    Misfit.VIDEO_NOT_SUPPORTED: "{name} takes no videos",
    Misfit.PLATFORM_NOT_SUPPORTED: "Unknown platform: {name}",
    Misfit.INVALID_PLATFORM_CONNECTION: "No account that takes posts has the id {platform_id}",
}


# PostPost takes an id of nobody's without a word, and a client of its own may count on the bare answer.
_NEWER_ONLY = (Misfit.PLATFORM_NOT_SUPPORTED, Misfit.INVALID_PLATFORM_CONNECTION)


def warnings(
    group: PostGroup, asked_for: int | None, problems: Sequence[Problem], *, newer: bool = False
) -> list[Warning]:
    """What there is to say of a group that was created or updated. `asked_for` is the time that it was to go out at."""
    found = [_problem(each) for each in problems if newer or each.code not in _NEWER_ONLY]
    effective = group.scheduled_at
    if asked_for is not None and effective is not None and effective > asked_for:
        found.insert(
            0,
            Warning(
                code="SCHEDULED_TIME_COERCED",
                message="scheduledTime has passed: it was set to the current time",
                requested=iso(asked_for),
                effective=iso(effective),
            ),
        )
    return found


def _problem(found: Problem) -> Warning:
    platform = found.platform_id.partition("-")[0]
    shown = _size if found.code is Misfit.MEDIA_SIZE_EXCEEDED else str
    message = _SENTENCES[found.code].format(
        name=NAMES.get(platform, platform),
        most=None if found.most is None else shown(found.most),
        current=None if found.current is None else shown(found.current),
        content_type=found.content_type,
        shape=found.shape,
        platform_id=found.platform_id,
    )
    return Warning(
        code=found.code,
        message=message,
        platform=platform,
        platform_id=found.platform_id,
        max_value=or_unset(found.most),
        current_value=or_unset(found.current),
    )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / (1024 * 1024):.1f}MB"
