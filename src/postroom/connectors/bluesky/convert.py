"""Drafts as Bluesky's records, and its sessions as ours. Pure."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit

import msgspec
import regex

from postroom.domain.remote import Credentials, PostDraft, Profile, PublishedPost

Json = Any

POSTS = "app.bsky.feed.post"

_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"
# Record keys are timestamps in microseconds. Ours are spread over these years, which are past everywhere.
_FIRST_US = 1_672_531_200_000_000  # 2023-01-01
_SPAN_US = 3 * 365 * 86_400_000_000
_LANGUAGE = regex.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*\Z")

_LINK = regex.compile(r"(?<![^\s(\[\"'])https?://[^\s<>\"]+", regex.IGNORECASE)
_MENTION = regex.compile(
    r"(?<![^\s(])@((?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z][a-zA-Z0-9-]*[a-zA-Z0-9])"
)
_TAG = regex.compile(r"(?<!\S)[#＃]((?!\ufe0f)[^\s#＃\u00AD\u2060\u200A-\u200D\u20e2]+)")
_TAIL = ".,;:!?'\""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a text that becomes more than text; the offsets count UTF-8 bytes."""

    kind: str
    """`link`, `mention` or `tag`."""
    value: str
    start: int
    end: int


def record_key(token: str) -> str:
    """The record's key, the same for one token on every attempt: what makes two tries one post."""
    digest = int.from_bytes(hashlib.sha256(b"postroom post " + token.encode()).digest())
    clock, rest = digest % 1024, digest // 1024
    number = (_FIRST_US + rest % _SPAN_US) << 10 | clock
    return "".join([_SORTABLE[number >> shift & 31] for shift in range(60, -1, -5)])


def spans(text: str) -> list[Span]:
    """Links, mentions and hashtags, in the order of the text; none overlaps another."""
    found: list[Span] = []
    for kind, start, end, value in sorted([*_links(text), *_mentions(text), *_tags(text)], key=lambda item: item[1]):
        first, last = len(text[:start].encode()), len(text[:end].encode())
        if not found or first >= found[-1].end:
            found.append(Span(kind=kind, value=value, start=first, end=last))
    return found


def _links(text: str) -> Iterator[tuple[str, int, int, str]]:
    for match in _LINK.finditer(text):
        url = match[0].rstrip(_TAIL)
        # A closing bracket belongs to the address only if it was opened there.
        while url.endswith((")", "]")) and url.count(url[-1]) > url.count("(" if url[-1] == ")" else "["):
            url = url[:-1].rstrip(_TAIL)
        try:
            host = urlsplit(url).hostname
        except ValueError:
            continue
        if host:
            yield "link", match.start(), match.start() + len(url), url


def _mentions(text: str) -> Iterator[tuple[str, int, int, str]]:
    for match in _MENTION.finditer(text):
        yield "mention", match.start(), match.end(), match[1]


def _tags(text: str) -> Iterator[tuple[str, int, int, str]]:
    for match in _TAG.finditer(text):
        tag = regex.sub(r"\p{P}+$", "", match[1])
        if tag and not tag.isdecimal() and len(regex.findall(r"\X", tag)) <= 64 and len(tag.encode()) <= 640:
            yield "tag", match.start(), match.start() + 1 + len(tag), tag


def facets(found: Sequence[Span], dids: Mapping[str, str]) -> list[Json]:
    """Spans as facets; a mention of nobody stays text."""
    made: list[Json] = []
    for span in found:
        match span.kind:
            case "link":
                feature = {"$type": "app.bsky.richtext.facet#link", "uri": span.value}
            case "tag":
                feature = {"$type": "app.bsky.richtext.facet#tag", "tag": span.value}
            case _ if span.value in dids:
                feature = {"$type": "app.bsky.richtext.facet#mention", "did": dids[span.value]}
            case _:
                continue
        made.append({"index": {"byteStart": span.start, "byteEnd": span.end}, "features": [feature]})
    return made


def reply(parent: str, found: Json) -> Json:
    """What a post says of the one that it answers, whose record was `found`: that one, and where the thread began."""
    answered = {"uri": parent, "cid": found.get("cid")}
    value = found.get("value")
    above = value.get("reply") if isinstance(value, dict) else None
    root = above.get("root") if isinstance(above, dict) else None
    return {"root": root if isinstance(root, dict) else answered, "parent": answered}


def record(draft: PostDraft, found: Sequence[Json], images: Sequence[Json], answered: Json = None) -> Json:
    """The record of a post."""
    at = draft.created_at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    made: Json = {"$type": POSTS, "text": draft.text, "createdAt": at}
    languages = draft.settings.get("langs")
    if isinstance(languages, Sequence) and not isinstance(languages, str):
        made["langs"] = [name for name in languages if isinstance(name, str) and _LANGUAGE.match(name)][:3]
    if found:
        made["facets"] = list(found)
    if answered is not None:
        made["reply"] = answered
    if images:
        made["embed"] = {"$type": "app.bsky.embed.images", "images": list(images)}
    return made


def published(did: str, rkey: str) -> PublishedPost:
    """A post by its address in the network, and by that of the page that shows it."""
    return PublishedPost(provider_id=f"at://{did}/{POSTS}/{rkey}", url=f"https://bsky.app/profile/{did}/post/{rkey}")


def credentials(session: Json, service: str) -> Credentials | None:
    """What a new or renewed session holds."""
    tree = session if isinstance(session, dict) else {}
    values = {name: tree.get(name) for name in ("accessJwt", "refreshJwt", "did")}
    if not all(
        isinstance(value, str) and value and value.isascii() and value.isprintable() for value in values.values()
    ):
        return None
    return Credentials(values={**{name: str(value) for name, value in values.items()}, "service": service})


def profile(session: Json, about: Json, service: str) -> Profile | None:
    """Who signed in; `about` is their profile record, where they have one."""
    tree = session if isinstance(session, dict) else {}
    did, handle = tree.get("did"), tree.get("handle")
    if not isinstance(did, str) or not did.startswith("did:"):
        return None
    username = handle if isinstance(handle, str) and handle else did
    value = about.get("value") if isinstance(about, dict) else None
    name = value.get("displayName") if isinstance(value, dict) else None
    avatar = value.get("avatar") if isinstance(value, dict) else None
    link = (
        avatar.get("ref", {}).get("$link") if isinstance(avatar, dict) and isinstance(avatar.get("ref"), dict) else None
    )
    return Profile(
        provider_id=did,
        username=username,
        name=name if isinstance(name, str) and name.strip() else username,
        picture_url=f"{service}/xrpc/com.atproto.sync.getBlob?did={did}&cid={link}" if isinstance(link, str) else None,
        profile_url=f"https://bsky.app/profile/{did}",
    )


def pds_of(session: Json, service: str, *, trusted: bool) -> str:
    """Where this account's data live: as its DID document says, if that may be trusted, else where it signed in.

    An address is followed over HTTPS, or on the very host that was signed in to.
    """
    document = session.get("didDoc") if isinstance(session, dict) else None
    entries = document.get("service") if isinstance(document, dict) else None
    for entry in entries if trusted and isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not str(entry.get("id", "")).endswith("#atproto_pds"):
            continue
        endpoint = entry.get("serviceEndpoint")
        if isinstance(endpoint, str) and _may_follow(endpoint, service):
            return endpoint.rstrip("/")
    return service.rstrip("/")


def _may_follow(endpoint: str, service: str) -> bool:
    try:
        there, here = urlsplit(endpoint), urlsplit(service)
        same_place = (there.scheme, there.hostname, there.port) == (here.scheme, here.hostname, here.port)
    except ValueError:
        return False
    if there.username is not None or there.query or there.fragment or not there.hostname:
        return False
    return there.scheme == "https" or same_place


def split_uri(provider_id: str) -> tuple[str, str, str] | None:
    """Repository, collection and key of an at-uri."""
    parts = provider_id.removeprefix("at://").split("/")
    if not provider_id.startswith("at://") or len(parts) != 3 or not all(parts):
        return None
    return parts[0], parts[1], parts[2]
