"""What a message of LinkedIn's carries beside its text. Pure."""

from typing import Any

import msgspec

from postroom.connectors.linkedin.people import as_list, as_number, as_object, as_text, largest_artifact
from postroom.domain.messages import AnyAttachment, Audio, File, Image, LinkedPost, Size, Video, VideoMeeting

Json = Any

_INMAILS = frozenset({"SALES_INMAIL", "PREMIUM_INMAIL"})


class Extras(msgspec.Struct, frozen=True, kw_only=True):
    """What of the render content is no attachment."""

    replied: Json = None
    forwarded: bool = False
    forwarded_text: str | None = None
    inmail: bool = False


def extras(content: list[Json]) -> Extras:
    """The quoted message, the forwarded text, and whether it is an InMail."""
    found = Extras()
    for item in content:
        union = as_object(item)
        if replied := as_object(union.get("repliedMessageContent")):
            found = msgspec.structs.replace(found, replied=replied)
        if forwarded := as_object(union.get("forwardedMessageContent")):
            found = msgspec.structs.replace(
                found, forwarded=True, forwarded_text=as_text(forwarded.get("forwardedBody"))
            )
        if as_object(union.get("hostUrnData")).get("type") in _INMAILS:
            found = msgspec.structs.replace(found, inmail=True)
    return found


def attachments(content: list[Json], key: str) -> tuple[AnyAttachment, ...]:
    """The files and cards of a message. An id is the message's key and a place in it, so it never changes."""
    found = (_attachment(as_object(item), f"{key}.{place}") for place, item in enumerate(content))
    return tuple(item for item in found if item is not None)


def _attachment(union: dict[str, Json], id: str) -> AnyAttachment | None:
    for name, value in union.items():
        tree = as_object(value)
        if not tree:
            continue
        match name:
            case "vectorImage":
                return _image(tree, id)
            case "file":
                return _file(tree, id)
            case "audio":
                return _audio(tree, id)
            case "video":
                return _video(tree, id)
            case "externalMedia":
                return _gif(tree, id)
            case "videoMeeting":
                return _meeting(tree, id)
            case "hostUrnData" if tree.get("type") == "FEED_UPDATE" and as_text(tree.get("hostUrn")):
                return LinkedPost(id=id, url=f"https://www.linkedin.com/feed/update/{tree['hostUrn']}")
            case "unavailableContent":
                return File(id=id, unavailable=True, file_name="")
            case _:
                pass
    return None


def _image(tree: dict[str, Json], id: str) -> Image:
    best = largest_artifact(tree)
    if best is None:
        return Image(id=id, unavailable=True)
    url, size, expires_at = best
    return Image(id=id, url=url, url_expires_at=expires_at, size=size)


def _file(tree: dict[str, Json], id: str) -> File:
    url = as_text(tree.get("url"))
    return File(
        id=id,
        unavailable=url is None,
        url=url,
        file_size=as_number(tree.get("byteSize")),
        mimetype=as_text(tree.get("mediaType")),
        file_name=as_text(tree.get("name")) or "",
    )


def _audio(tree: dict[str, Json], id: str) -> Audio:
    url = as_text(tree.get("url"))
    duration_ms = as_number(tree.get("duration"))
    return Audio(
        id=id,
        unavailable=url is None,
        url=url,
        file_size=as_number(tree.get("byteSize")),
        mimetype=as_text(tree.get("mediaType")),
        duration=duration_ms / 1000 if duration_ms is not None else None,
        # LinkedIn's only sound is the voice message.
        voice_note=True,
    )


def _video(tree: dict[str, Json], id: str) -> Video:
    streams = [as_object(item) for item in as_list(tree.get("progressiveStreams"))]
    stream = max(streams, key=lambda item: as_number(item.get("width")) or 0, default={})
    place = as_object(next(iter(as_list(stream.get("streamingLocations"))), None))
    url = as_text(place.get("url"))
    return Video(
        id=id,
        unavailable=url is None,
        url=url,
        url_expires_at=as_number(place.get("expiresAt")),
        file_size=as_number(stream.get("size")),
        mimetype=as_text(stream.get("mediaType")),
        size=Size(as_number(stream.get("width")) or 0, as_number(stream.get("height")) or 0),
    )


def _gif(tree: dict[str, Json], id: str) -> Video:
    media = as_object(tree.get("media")) or as_object(tree.get("previewMedia"))
    url = as_text(media.get("url"))
    return Video(
        id=id,
        unavailable=url is None,
        url=url,
        mimetype="image/gif",
        size=Size(as_number(media.get("originalWidth")) or 0, as_number(media.get("originalHeight")) or 0),
        gif=True,
    )


def _meeting(tree: dict[str, Json], id: str) -> VideoMeeting:
    starts_at, ends_at = as_number(tree.get("startAt")), as_number(tree.get("endAt"))
    lasts = (ends_at - starts_at) // 1000 if starts_at is not None and ends_at is not None else None
    return VideoMeeting(
        id=id, url=as_text(tree.get("joinUrl")), starts_at=starts_at, expires_at=ends_at, time_range=lasts
    )
