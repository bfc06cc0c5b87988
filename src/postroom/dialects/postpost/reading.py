"""How PostPost reads what it is sent: tolerant where its pages say so, and with their sentences where they do not.

Source: PostPost "Create post", "Update post", "List posts", "Upload media" (March 2026).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from postroom.clock import to_ms
from postroom.dialects.postpost import dates
from postroom.domain.media import MediaKind
from postroom.domain.posts import GroupStatus
from postroom.errors import InvalidParameters, Kind
from postroom.ids import is_object_id
from postroom.services import posts as update
from postroom.services.attachments import MOST_URLS
from postroom.services.composing import Expiry, Extras
from postroom.services.post_lists import Wanted

# The vendor's pattern, and beside it Bluesky's ids, which have colons: it would refuse its own connections.
_PLATFORM_ID = re.compile(r"(?:[a-z]+-[a-zA-Z0-9_-]+|bluesky-did:[a-z]+:[a-zA-Z0-9._:%-]+)\Z")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?\Z")
_LEADING_INTEGER = re.compile(r"\s*([+-]?\d{1,9})")
_UNWANTED = re.compile(r"[^A-Za-z0-9_.-]")
_CONTENT_TYPE = re.compile(r"[\x20-\x7e]{1,255}\Z")
_SORTS = ("createdAt", "updatedAt", "scheduledTime")
_MOST_FILE_NAME = 120

_NOTHING_NEWER = (
    "At least one of status, scheduledTime, content, platforms, platformSettings, or mediaUrls must be provided"
)

# The vendors know seven platforms with settings; a network of ours may have some too.
_WITH_SETTINGS = frozenset(
    ["tiktok", "instagram", "youtube", "threads", "telegram", "linkedin", "twitter", "facebook", "mastodon", "bluesky"]
)

# Stored with every post group; what the caller says is laid over them, platform by platform.
DEFAULTS: dict[str, dict[str, Any]] = {
    "tiktok": {
        "viewerSetting": "PUBLIC_TO_EVERYONE",
        "allowComments": True,
        "allowDuet": False,
        "allowStitch": False,
        "commercialContent": False,
        "brandOrganic": False,
        "brandedContent": False,
    },
    "instagram": {"videoType": "REELS"},
    "youtube": {"privacy": "public", "title": ""},
    "threads": {"replyControl": ""},
}


class NewPost(msgspec.Struct, kw_only=True, rename="camel"):
    """A post for several platforms. Without `scheduledTime` it is a draft; a time without zone is UTC; one that has
    passed is now. `platforms` are ids as platform-connections gives them."""

    content: Any = None
    platforms: Any = None
    scheduled_time: Any = None
    platform_settings: Any = msgspec.UNSET
    media_urls: Any = None
    delete_at: Any = None
    delete_then: Any = None


class Change(msgspec.Struct, kw_only=True, rename="camel"):
    """`status` is `draft` or `scheduled`. What is empty counts as absent."""

    status: Any = None
    scheduled_time: Any = None
    content: Any = msgspec.UNSET
    platforms: Any = msgspec.UNSET
    platform_settings: Any = msgspec.UNSET
    media_urls: Any = None
    delete_at: Any = msgspec.UNSET
    delete_then: Any = None


class Upload(msgspec.Struct, kw_only=True, rename="camel"):
    """A file to come. `type` is `image` or `video`; if not said, it follows the content type."""

    file_name: Any = None
    content_type: Any = None
    post_group_id: Any = None
    type: Any = None
    alt_text: Any = None


def new_post(post: NewPost) -> dict[str, Any]:
    """What `Posts.create` asks for. The first thing that is wrong is said, in the order of the page."""
    return {
        "content": content(post),
        "platforms": platforms(post),
        "scheduled_at": scheduled_time(post.scheduled_time),
        "platform_settings": platform_settings(post),
    }


def extras(body: NewPost | Change) -> Extras:
    """The files and the take-down that come with a post."""
    return Extras(media_urls=_media_urls(body.media_urls), expiry=_expiry(body))


def _media_urls(value: Any) -> list[str]:
    """Source: Publora "Create Post" (2026)."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidParameters("mediaUrls must be an array of public https URLs", kind=Kind.MEDIA)
    if not value:
        raise InvalidParameters("mediaUrls must contain at least one URL when provided", kind=Kind.MEDIA)
    if len(value) > MOST_URLS:
        raise InvalidParameters(f"mediaUrls supports at most {MOST_URLS} URLs per request", kind=Kind.MEDIA)
    if not all(isinstance(each, str) and each.strip() for each in value):
        raise InvalidParameters("Every mediaUrls entry must be a non-empty string", kind=Kind.MEDIA)
    return [each.strip() for each in value]


def _expiry(body: NewPost | Change) -> Expiry | None:
    if body.delete_then not in (None, "keep", "delete"):
        raise InvalidParameters("deleteThen must be either 'keep' or 'delete'")
    if body.delete_at is msgspec.UNSET or (body.delete_at is None and isinstance(body, NewPost)):
        if body.delete_then is not None:
            raise InvalidParameters("deleteThen needs deleteAt")
        return None
    if body.delete_at is None:
        return Expiry(at=None, delete_group=False)
    if not isinstance(body.delete_at, str) or not _MOMENT.match(body.delete_at):
        raise InvalidParameters("Invalid deleteAt format")
    return Expiry(at=_moment(body.delete_at, "Invalid deleteAt format"), delete_group=body.delete_then == "delete")


def attachment(body: dict[str, Any]) -> tuple[str, str]:
    """The address of a file, and its name.

    Source: Publora "Attach Media" (2026).
    """

    def wrong(sentence: str) -> InvalidParameters:
        return InvalidParameters(sentence, kind=Kind.ADDRESS)

    if set(body) - {"file", "fileName"}:
        raise wrong("Only file and fileName are accepted; attaching media leaves the post in draft")
    file = body.get("file")
    if not isinstance(file, dict):
        raise wrong("file must be a file object with download_url and file_id, not a local path or base64 string")
    if set(file) - {"download_url", "file_id", "mime_type", "file_name"}:
        raise wrong("file only accepts download_url, file_id, mime_type and file_name")
    for name in ("download_url", "file_id"):
        if not isinstance(file.get(name), str) or not file[name].strip():
            raise wrong(f"file.{name} must be a non-empty string")
    if len(file["file_id"]) > 512:
        raise wrong("file.file_id must be at most 512 characters")
    given = body.get("fileName", file.get("file_name", "media"))
    if not isinstance(given, str) or not given.strip() or len(given) > 255:
        raise wrong("fileName must be a non-empty string of at most 255 characters")
    clean = file_name(re.split(r"[/\\]", given)[-1])
    if clean == "file" and "file" not in given:
        raise wrong("fileName must contain a valid file name")
    return file["download_url"], clean


def same_attachment(body: dict[str, Any]) -> Any:
    """What makes two requests to attach the same: not the address, which is given out anew for each try."""
    file = body.get("file")
    if not isinstance(file, dict):
        return body
    return {**body, "file": {name: each for name, each in file.items() if name in ("file_id", "file_name")}}


def group_id(text: str) -> str:
    """A post group's id, where the newer pages refuse a malformed one with 400."""
    if not is_object_id(text):
        raise InvalidParameters("Invalid post group ID")
    return text.lower()


def content(post: NewPost) -> str:
    """The text. What is true and no text is taken as its JSON, as the vendor takes it."""
    value = post.content
    if not value or (isinstance(value, str) and not value.strip()):
        raise InvalidParameters("Content is required", kind=Kind.CONTENT)
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def platforms(post: NewPost) -> list[str]:
    """The platforms' ids: a list, or a list as JSON text."""
    value = post.platforms
    if value is None or value in ("", 0, False):
        raise InvalidParameters("Platforms are required", kind=Kind.PLATFORMS)
    if isinstance(value, str):
        value = _json(value, "Invalid platforms JSON format", Kind.PLATFORMS)
    if not isinstance(value, list):
        raise InvalidParameters("Platforms must be an array", kind=Kind.PLATFORMS)
    if not value:
        raise InvalidParameters("At least one platform is required", kind=Kind.PLATFORMS)
    for each in value:
        if not isinstance(each, str) or not _PLATFORM_ID.match(each):
            shown = each if isinstance(each, str) else msgspec.json.encode(each).decode()
            raise InvalidParameters(f"Invalid platform ID format: {shown[:200]}", kind=Kind.PLATFORM_ID)
    return value


def scheduled_time(value: Any) -> int | None:
    """A moment in milliseconds since 1970; None where it is absent. Without zone it is UTC."""
    if not value:
        return None
    if not isinstance(value, str) or not _MOMENT.match(value):
        raise InvalidParameters("Invalid scheduled time format", kind=Kind.SCHEDULED_TIME)
    return _moment(value, "Invalid scheduled time format")


def platform_settings(post: NewPost) -> dict[str, dict[str, Any]]:
    """The settings with the defaults under them. Unknown platforms, and what is no object, are dropped."""
    given = _settings({} if post.platform_settings is msgspec.UNSET else post.platform_settings)
    defaults = {name: each | given.pop(name, {}) for name, each in DEFAULTS.items()}
    return defaults | given


def _settings(value: Any) -> dict[str, dict[str, Any]]:
    if isinstance(value, str):
        value = _json(value, "Invalid platformSettings JSON", Kind.PLATFORM_SETTINGS)
    if not isinstance(value, dict):
        raise InvalidParameters("platformSettings must be an object", kind=Kind.PLATFORM_SETTINGS)
    return {name: each for name, each in value.items() if isinstance(each, dict) and name in _WITH_SETTINGS}


def change(body: Change, *, newer: bool = False) -> update.Change:
    """What an update changes. `newer`: asked as Publora's newer clients do, who are told of all that there is."""
    written = {"content": body.content, "platforms": body.platforms, "platform_settings": body.platform_settings}
    written = {name: value for name, value in written.items() if value is not msgspec.UNSET}
    extra = body.media_urls is not None or body.delete_at is not msgspec.UNSET
    if not body.status and not body.scheduled_time and not written and not extra:
        sentence = _NOTHING_NEWER if newer else "Either status or scheduledTime must be provided"
        raise InvalidParameters(sentence, kind=Kind.STATUS)
    if body.status and body.status not in ("draft", "scheduled"):
        raise InvalidParameters("Status must be either 'draft' or 'scheduled'", kind=Kind.STATUS)
    if "content" in written and not isinstance(body.content, str):
        raise InvalidParameters("content must be a string", kind=Kind.CONTENT, context={"field": "content"})
    return update.Change(
        status=GroupStatus(body.status) if body.status else None,
        scheduled_at=scheduled_time(body.scheduled_time),
        content=written.get("content"),
        platforms=_new_platforms(body.platforms) if "platforms" in written else None,
        platform_settings=_settings(body.platform_settings) if "platform_settings" in written else None,
    )


def _new_platforms(value: Any) -> tuple[str, ...]:
    def wrong(sentence: str) -> InvalidParameters:
        return InvalidParameters(sentence, kind=Kind.PLATFORMS, context={"field": "platforms"})

    if not isinstance(value, list):
        raise wrong("platforms must be an array")
    if not all(isinstance(each, str) for each in value):
        raise wrong("platforms must be an array of strings")
    if len(set(value)) < len(value):
        raise wrong("Platforms must not contain duplicates")
    for each in value:
        if not _PLATFORM_ID.match(each):
            raise InvalidParameters(
                f"Invalid platform ID format: {each[:200]}", kind=Kind.PLATFORM_ID, context={"newer": True}
            )
    return tuple(value)


def compound(platform_id: str) -> tuple[str, str]:
    """Platform and account of an id such as `linkedin-Tz9W5i6ZYG`: all that is asked for is a dash."""
    platform, dash, raw_id = platform_id.partition("-")
    if not dash:
        raise InvalidParameters("Invalid platformId format", kind=Kind.PLATFORM_ID)
    return platform, raw_id


def media_id(text: str) -> str:
    """A file's id, as get-upload-url gave it."""
    if not is_object_id(text):
        raise InvalidParameters("Invalid media file ID", kind=Kind.MEDIA_ID)
    return text.lower()


def upload(body: Upload) -> dict[str, Any]:
    """What `upload_address` asks for, but for the post group."""
    name, content_type = body.file_name, body.content_type
    if not all(isinstance(each, str) and each for each in (name, content_type, body.post_group_id)):
        raise InvalidParameters("fileName, contentType, and postGroupId are required", kind=Kind.MEDIA)
    if not _CONTENT_TYPE.match(content_type):
        raise InvalidParameters("contentType has characters that no header can carry", kind=Kind.MEDIA)
    video = body.type == "video" or (body.type != "image" and content_type.startswith("video/"))
    return {
        "file_name": file_name(name),
        "content_type": content_type,
        "kind": MediaKind.VIDEO if video else MediaKind.IMAGE,
        "alt_text": body.alt_text if isinstance(body.alt_text, str) else "",
    }


def file_name(name: str) -> str:
    """`my photo (1).jpg` is `my_photo_1.jpg`."""
    clean = _UNWANTED.sub("", re.sub(r"\s", "_", name.strip()))[-_MOST_FILE_NAME:]
    return clean if clean.strip(".") else "file"


def listing(query: Mapping[str, str]) -> tuple[Wanted, dict[str, Any]]:
    """Which groups, and which part of them. Numbers out of range are brought into it; other values are refused."""
    status = query.get("status") or None
    if status is not None and status not in [each.value for each in GroupStatus]:
        names = ", ".join(GroupStatus)
        raise InvalidParameters(f"Invalid status. Must be one of: {names}", kind=Kind.STATUS)
    sort_by = query.get("sortBy") or "createdAt"
    if sort_by not in _SORTS:
        raise InvalidParameters(f"Invalid sortBy. Must be one of: {', '.join(_SORTS)}")
    wanted = Wanted(
        status=None if status is None else GroupStatus(status),
        platform=(query.get("platform") or "").lower() or None,
        sort_by=sort_by,  # type: ignore[arg-type]
        descending=(query.get("sortOrder") or "").lower() != "asc",
        from_ms=_date(query.get("fromDate"), "Invalid fromDate format"),
        to_ms=_date(query.get("toDate"), "Invalid toDate format"),
    )
    return wanted, {
        "page": max(1, _integer(query.get("page")) or 1),
        "limit": min(100, max(1, _integer(query.get("limit")) or 20)),
        # A plus that nobody encoded came as a space.
        "cursor": (query.get("cursor") or "").replace(" ", "+") or None,
    }


def _integer(value: str | None) -> int:
    found = _LEADING_INTEGER.match(value or "")
    return int(found.group(1)) if found else 0


def _date(value: str | None, sentence: str) -> int | None:
    if not value:
        return None
    moment = dates.parsed(value)
    if moment is None:
        raise InvalidParameters(sentence)
    return to_ms(moment)


def _moment(value: str, sentence: str) -> int:
    try:
        moment = datetime.fromisoformat(value)
        # In UTC it must be a date too: a zone can carry the last hours of the year 9999 beyond it.
        return to_ms(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise InvalidParameters(sentence, kind=Kind.SCHEDULED_TIME) from None


def _json(text: str, sentence: str, kind: Kind) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise InvalidParameters(sentence, kind=kind) from None
