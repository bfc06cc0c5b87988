"""Pure: PostPost's settings and drafts to TikTok's JSON, and TikTok's answers to Remote*."""

import hashlib
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any
from urllib.parse import quote

import msgspec

from postroom.domain.remote import PostDraft, Profile, PublishedPost
from postroom.errors import Unprocessable

Json = Any

# Source: TikTok for Developers, Content Posting API, media transfer guide, checked 2026-11-21: chunks of 5 MB to 64 MB,
# the last one up to 128 MB; as many as the size holds whole chunks.
CHUNK_BYTES = 10_000_000

# Source: PostPost "Create post", platformSettings.tiktok (March 2026): what holds where nothing was said.
_DEFAULTS = {
    "viewerSetting": "PUBLIC_TO_EVERYONE",
    "allowComments": True,
    "allowDuet": False,
    "allowStitch": False,
    "commercialContent": False,
    "brandOrganic": False,
    "brandedContent": False,
}


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What the next attempt needs of this one."""

    publish_id: str
    upload_url: str
    size_bytes: int
    digest: str
    """Of what was announced: a post that was changed meanwhile is announced anew."""


class Phase(Enum):
    """Where an upload stands, as far as it matters here."""

    UPLOADING = auto()
    """Bytes are missing: it publishes nothing as it is."""
    PROCESSING = auto()
    PUBLISHED = auto()
    FAILED = auto()


class State(msgspec.Struct, frozen=True, kw_only=True):
    phase: Phase
    received_bytes: int = 0
    post_id: str | None = None
    """Known once the video was moderated, and only where everybody may see it."""
    reason: str = ""


def upload(note: Json) -> Upload | None:
    """The upload that an earlier attempt wrote down."""
    return None if note is None else msgspec.convert(note, Upload)


def digest(draft: PostDraft) -> str:
    """The same as long as the post is: text, settings, file."""
    told = [draft.text, dict(draft.settings), [item.etag for item in draft.media]]
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


def source_info(size_bytes: int) -> Json:
    """How the file is cut."""
    chunk, count = CHUNK_BYTES, size_bytes // CHUNK_BYTES
    if count < 2:
        chunk, count = size_bytes, 1
    return {"source": "FILE_UPLOAD", "video_size": size_bytes, "chunk_size": chunk, "total_chunk_count": count}


def chunks(size_bytes: int, received_bytes: int = 0) -> list[tuple[int, int]]:
    """First and last byte of each chunk that is yet to be sent, in order."""
    cut = source_info(size_bytes)
    size, count = cut["chunk_size"], cut["total_chunk_count"]
    ends = [*(size * number for number in range(1, count)), size_bytes]
    starts = [0, *ends[:-1]]
    return [(start, end - 1) for start, end in zip(starts, ends, strict=True) if end > received_bytes]


def post_info(text: str, settings: Mapping[str, Json], creator: Json) -> Json:
    """What the post is to be, of what the creator may do.

    Raises:
        Unprocessable: the settings contradict each other, or what the creator may do.
    """
    wanted = {**_DEFAULTS, **{name: settings[name] for name in _DEFAULTS if name in settings}}
    options = creator.get("privacy_level_options")
    allowed = [each for each in options if isinstance(each, str)] if isinstance(options, list) else []
    if wanted["viewerSetting"] not in allowed:
        raise Unprocessable(
            f"This TikTok account cannot post to {str(wanted['viewerSetting'])[:50]}; it can to: {', '.join(allowed)}."
        )
    commercial = bool(wanted["commercialContent"])
    if commercial and not (wanted["brandOrganic"] or wanted["brandedContent"]):
        raise Unprocessable(
            "Commercial content on TikTok is one's own brand (brandOrganic) or another's (brandedContent)."
        )
    return {
        "title": text,
        "privacy_level": wanted["viewerSetting"],
        "disable_comment": not wanted["allowComments"] or bool(creator.get("comment_disabled")),
        "disable_duet": not wanted["allowDuet"] or bool(creator.get("duet_disabled")),
        "disable_stitch": not wanted["allowStitch"] or bool(creator.get("stitch_disabled")),
        "brand_organic_toggle": commercial and bool(wanted["brandOrganic"]),
        "brand_content_toggle": commercial and bool(wanted["brandedContent"]),
    }


def state(data: Json, size_bytes: int) -> State:
    """What TikTok says of an upload. A status that nobody knows is work in progress."""
    status, received = data.get("status"), data.get("uploaded_bytes")
    received = received if isinstance(received, int) else 0
    if status == "PUBLISH_COMPLETE":
        # The name is TikTok's own spelling.
        posts = data.get("publicaly_available_post_id")
        post_id = str(posts[0]) if isinstance(posts, list) and posts else None
        return State(phase=Phase.PUBLISHED, received_bytes=received, post_id=post_id)
    if status == "FAILED":
        return State(phase=Phase.FAILED, received_bytes=received, reason=str(data.get("fail_reason") or "")[:80])
    if status == "PROCESSING_UPLOAD" and received < size_bytes:
        return State(phase=Phase.UPLOADING, received_bytes=received)
    return State(phase=Phase.PROCESSING, received_bytes=received)


def published(publish_id: str, post_id: str | None, username: str) -> PublishedPost:
    """A post by its own id where TikTok tells it, and otherwise by the id of its upload."""
    if post_id is None:
        return PublishedPost(provider_id=publish_id, url=None)
    url = f"https://www.tiktok.com/@{quote(username)}/video/{post_id}" if username else None
    return PublishedPost(provider_id=post_id, url=url)


def profile(user: Json, creator: Json) -> Profile | None:
    """Whose account it is; None where TikTok does not say."""
    open_id, name = user.get("open_id"), user.get("display_name")
    username, picture = creator.get("creator_username"), user.get("avatar_url")
    if not isinstance(open_id, str) or not open_id:
        return None
    handle = username if isinstance(username, str) else ""
    return Profile(
        provider_id=open_id,
        username=handle or str(name or open_id),
        name=str(name or handle or open_id),
        picture_url=picture if isinstance(picture, str) else None,
        profile_url=f"https://www.tiktok.com/@{quote(handle)}" if handle else None,
    )
