"""Pure: PostPost's settings and drafts to YouTube's JSON, and YouTube's answers to Remote*."""

import hashlib
from typing import Any

import msgspec

from postroom.domain.remote import PostDraft, Profile, PublishedPost
from postroom.errors import Unprocessable

Json = Any

# Source: YouTube Data API, videos, snippet.title, checked 2026-11-21.
MAX_TITLE = 100
_PRIVACY = ("public", "unlisted", "private")
# Source: PostPost "Create post", platformSettings.youtube (March 2026): an empty title is the content's first 70.
_TITLE_OF_TEXT = 70


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What the next attempt needs of this one."""

    session: str
    size_bytes: int
    digest: str
    """Of what was announced: a post that was changed meanwhile is announced anew."""


def upload(note: Json) -> Upload | None:
    """The upload that an earlier attempt wrote down."""
    return None if note is None else msgspec.convert(note, Upload)


def digest(draft: PostDraft) -> str:
    """The same as long as the post is: text, settings, file."""
    told = [draft.text, dict(draft.settings), [item.etag for item in draft.media]]
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def video(draft: PostDraft) -> Json:
    """What the video is to be called, and who may see it.

    Raises:
        Unprocessable: a setting is not one of YouTube's.
    """
    privacy = draft.settings.get("privacy") or "public"
    if privacy not in _PRIVACY:
        raise Unprocessable(f"A video on YouTube is public, unlisted or private, and not {str(privacy)[:50]!r}.")
    title = draft.settings.get("title")
    title = title.strip() if isinstance(title, str) else ""
    if len(title) > MAX_TITLE:
        raise Unprocessable(
            f"The title has {len(title)} characters; YouTube takes {MAX_TITLE}.", context={"too_large": True}
        )
    return {
        "snippet": {"title": title or title_of(draft.text), "description": draft.text},
        "status": {"privacyStatus": privacy},
    }


def title_of(text: str) -> str:
    """A title made of the text, without what YouTube takes in none."""
    plain = " ".join(text.replace("<", " ").replace(">", " ").split())
    return plain[:_TITLE_OF_TEXT].strip() or "Video"


def published(found: Json) -> PublishedPost | None:
    """A video that has arrived; None where YouTube does not say which."""
    video_id = found.get("id") if isinstance(found, dict) else None
    if not isinstance(video_id, str) or not video_id:
        return None
    return PublishedPost(provider_id=video_id, url=f"https://www.youtube.com/watch?v={video_id}")


def profile(channel: Json) -> Profile | None:
    """Whose account it is; None where YouTube does not say."""
    channel_id = channel.get("id") if isinstance(channel, dict) else None
    snippet = channel.get("snippet") if isinstance(channel, dict) else None
    if not isinstance(channel_id, str) or not isinstance(snippet, dict):
        return None
    title, handle = snippet.get("title"), snippet.get("customUrl")
    thumbnail = (snippet.get("thumbnails") or {}).get("default") or {}
    return Profile(
        provider_id=channel_id,
        username=handle if isinstance(handle, str) else channel_id,
        name=str(title or channel_id),
        picture_url=thumbnail.get("url"),
        profile_url=f"https://www.youtube.com/channel/{channel_id}",
    )
