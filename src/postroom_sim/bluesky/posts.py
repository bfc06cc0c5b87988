"""The rules of app.bsky.feed.post, in the words a PDS uses."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import pairwise
from typing import Any

import regex

from postroom_sim.bluesky import content_ids
from postroom_sim.bluesky.refusals import invalid

COLLECTION = "app.bsky.feed.post"

# Source: the lexicons app.bsky.feed.post, app.bsky.richtext.facet, app.bsky.embed.images (bsky-docs 390c1e9).
_TEXT_BYTES, _TEXT_GRAPHEMES = 3000, 300
_IMAGES, _LANGS, _TAGS, _TAG_GRAPHEMES, _TAG_BYTES = 4, 3, 8, 64, 640

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,20})?(Z|[+-]\d\d:\d\d)")
_GRAPHEME = regex.compile(r"\X")
_FEATURES = {
    "app.bsky.richtext.facet#mention": "did",
    "app.bsky.richtext.facet#link": "uri",
    "app.bsky.richtext.facet#tag": "tag",
}


def graphemes(text: str) -> int:
    return len(_GRAPHEME.findall(text))


def _fail(detail: str) -> Exception:
    return invalid(f"Invalid {COLLECTION} record: {detail}")


def check(record: dict[str, Any]) -> None:
    """Raises Refused with the first thing that is wrong."""
    if record.get("$type", COLLECTION) != COLLECTION:
        raise invalid(f"Invalid $type: expected {COLLECTION}, got {record['$type']}")
    text = _text(record, "text", "Record")
    if len(text.encode()) > _TEXT_BYTES:
        raise _fail(f"Record/text must not be longer than {_TEXT_BYTES} characters")
    if graphemes(text) > _TEXT_GRAPHEMES:
        raise _fail(f"Record/text must not be longer than {_TEXT_GRAPHEMES} graphemes")
    if not _is_moment(_text(record, "createdAt", "Record")):
        raise _fail("Record/createdAt must be an valid atproto datetime (both RFC-3339 and ISO-8601)")
    _strings(record.get("langs"), "langs", _LANGS)
    for tag in _strings(record.get("tags"), "tags", _TAGS):
        if graphemes(tag) > _TAG_GRAPHEMES or len(tag.encode()) > _TAG_BYTES:
            raise _fail(f"Record/tags must not be longer than {_TAG_GRAPHEMES} graphemes")
    _facets(record.get("facets"), text)
    reply = record.get("reply")
    if reply is not None:
        for name in ("root", "parent"):
            _reference(reply.get(name) if isinstance(reply, dict) else None, f"Record/reply/{name}")
    _embed(record.get("embed"))


def _text(tree: dict[str, Any], name: str, path: str) -> str:
    if name not in tree:
        raise _fail(f'{path} must have the property "{name}"')
    if not isinstance(tree[name], str):
        raise _fail(f"{path}/{name} must be a string")
    return str(tree[name])


def _is_moment(text: str) -> bool:
    if not _MOMENT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(re.sub(r"\.\d+", "", text))
    except ValueError:
        return False
    return True


def _strings(value: Any, name: str, most: int) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _fail(f"Record/{name} must be an array")
    if len(value) > most:
        raise _fail(f"Record/{name} must not have more than {most} elements")
    return value


def _facets(facets: Any, text: str) -> None:
    if facets is None:
        return
    if not isinstance(facets, list):
        raise _fail("Record/facets must be an array")
    raw = text.encode()
    spans = []
    for number, facet in enumerate(facets):
        path = f"Record/facets/{number}"
        if not isinstance(facet, dict):
            raise _fail(f"{path} must be an object")
        spans.append((*_span(facet.get("index"), raw, path), path))
        features = facet.get("features")
        if not isinstance(features, list):
            raise _fail(f'{path} must have the property "features"')
        for feature in features:
            kind = feature.get("$type") if isinstance(feature, dict) else None
            if isinstance(kind, str) and kind in _FEATURES and not isinstance(feature.get(_FEATURES[kind]), str):
                raise _fail(f'{path}/features must have the property "{_FEATURES[kind]}"')
    spans.sort()
    for (_, end, _), (start, _, path) in pairwise(spans):
        if start < end:
            raise _fail(f"{path}/index must not overlap another facet")


def _span(index: Any, raw: bytes, path: str) -> tuple[int, int]:
    """Offsets count UTF-8 bytes, must lie on characters, and the end is exclusive."""
    start, end = (index.get("byteStart"), index.get("byteEnd")) if isinstance(index, dict) else (None, None)
    if not isinstance(start, int) or not isinstance(end, int):
        raise _fail(f"{path}/index must have byteStart and byteEnd")
    if not 0 <= start < end <= len(raw):
        raise _fail(f"{path}/index must lie within the text")
    try:
        raw[:start].decode()
        raw[start:end].decode()
    except UnicodeDecodeError as error:
        raise _fail(f"{path}/index must not cut a character") from error
    return start, end


def _reference(value: Any, path: str) -> None:
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("uri"), str)
        or content_ids.parse(value.get("cid")) is None
    ):
        raise _fail(f"{path} must be a strong reference")


def _embed(embed: Any) -> None:
    if embed is None:
        return
    if not isinstance(embed, dict) or not isinstance(embed.get("$type"), str):
        raise _fail('Record/embed must be an object which includes the "$type" property')
    match embed["$type"]:
        case "app.bsky.embed.images":
            _images(embed)
        case "app.bsky.embed.external":
            external = embed.get("external")
            if not isinstance(external, dict):
                raise _fail('Record/embed must have the property "external"')
            for name in ("uri", "title", "description"):
                _text(external, name, "Record/embed/external")
        case "app.bsky.embed.video":
            if not is_blob(embed.get("video")):
                raise _fail('Record/embed must have the property "video"')
        case "app.bsky.embed.record":
            _reference(embed.get("record"), "Record/embed/record")
        case "app.bsky.embed.recordWithMedia":
            record = embed.get("record")
            _reference(record.get("record") if isinstance(record, dict) else None, "Record/embed/record/record")
            _embed(embed.get("media"))


def _images(embed: dict[str, Any]) -> None:
    images = embed.get("images")
    if not isinstance(images, list):
        raise _fail('Record/embed must have the property "images"')
    if len(images) > _IMAGES:
        raise _fail(f"Record/embed/images must not have more than {_IMAGES} elements")
    for number, image in enumerate(images):
        path = f"Record/embed/images/{number}"
        if not isinstance(image, dict) or "image" not in image:
            raise _fail(f'{path} must have the property "image"')
        if not is_blob(image["image"]):
            raise _fail(f"{path}/image should be a blob ref")
        _text(image, "alt", path)


def is_blob(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.get("$type") == "blob"
        and isinstance(value.get("ref"), dict)
        and content_ids.parse(value["ref"].get("$link")) is not None
        and isinstance(value.get("mimeType"), str)
        and isinstance(value.get("size"), int)
    )


# Source: the same lexicons: images and thumbnails up to 1,000,000 bytes, video up to 100,000,000.
_LARGEST = {"image": 1_000_000, "thumb": 1_000_000, "video": 100_000_000}


def blobs_in(value: Any, name: str = "") -> list[tuple[dict[str, Any], int | None]]:
    """Every blob in a record with the size its place allows."""
    if is_blob(value):
        return [(value, _LARGEST.get(name))]
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in blobs_in(item, key)]
    if isinstance(value, list):
        return [found for item in value for found in blobs_in(item, name)]
    return []
