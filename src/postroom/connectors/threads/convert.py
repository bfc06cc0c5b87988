"""Drafts as Threads' containers, and its answers as ours. Pure."""

from collections.abc import Mapping
from typing import Any

from postroom.domain.remote import MediaSource, PostDraft, Profile, PublishedPost

Json = Any

REPLY_CONTROLS = frozenset(
    {"everyone", "accounts_you_follow", "mentioned_only", "parent_post_author_only", "followers_only"}
)


def container(draft: PostDraft) -> dict[str, str]:
    """What every container of a post says, whatever is in it."""
    fields = {"text": draft.text} if draft.text else {}
    control = draft.settings.get("replyControl")
    if isinstance(control, str) and control in REPLY_CONTROLS:
        fields["reply_control"] = control
    if draft.reply_to is not None:
        fields["reply_to_id"] = draft.reply_to
    return fields


def file(item: MediaSource, url: str) -> dict[str, str]:
    """What a container says of its one file."""
    fields = (
        {"media_type": "VIDEO", "video_url": url} if item.kind == "video" else {"media_type": "IMAGE", "image_url": url}
    )
    return fields | ({"alt_text": item.alt_text} if item.alt_text else {})


def published(found: Mapping[str, Json]) -> PublishedPost | None:
    """A post as the network shows it; None where it says no id."""
    id, permalink = found.get("id"), found.get("permalink")
    if not isinstance(id, str) or not id:
        return None
    return PublishedPost(provider_id=id, url=permalink if isinstance(permalink, str) else None)


def profile(found: Mapping[str, Json]) -> Profile | None:
    """Whose token it is; None where the network does not say."""
    id, username, name = found.get("id"), found.get("username"), found.get("name")
    picture = found.get("threads_profile_picture_url")
    if not isinstance(id, str) or not id:
        return None
    username = username if isinstance(username, str) and username else id
    return Profile(
        provider_id=id,
        username=username,
        name=name if isinstance(name, str) and name.strip() else username,
        picture_url=picture if isinstance(picture, str) else None,
        profile_url=f"https://www.threads.com/@{username}",
    )
