"""Drafts as Facebook's parameters, and its pages and posts as ours. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import regex

from postroom.connectors.graph import words
from postroom.domain.remote import MediaSource, Profile, PublishedPost

Json = Any

_LINK = regex.compile(r"(?<![\w@])https?://[^\s<>\"]*[^\s<>\".,;:!?')\]]", regex.IGNORECASE)
_PAGES = "https://www.facebook.com"


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page that the owner may post to, with what opens it."""

    id: str
    name: str
    username: str | None
    token: str


def pages(rows: Sequence[Json]) -> list[Page]:
    """The pages on which the owner may create content."""
    found: list[Page] = []
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        id, name, token, tasks = row.get("id"), row.get("name"), row.get("access_token"), row.get("tasks")
        may = not isinstance(tasks, Sequence) or "CREATE_CONTENT" in tasks
        if may and isinstance(id, str) and id and isinstance(token, str) and token:
            username = row.get("username")
            found.append(
                Page(
                    id=id,
                    name=name if isinstance(name, str) and name.strip() else id,
                    username=username if isinstance(username, str) and username else None,
                    token=token,
                )
            )
    return found


def profile(id: str, name: str, username: str | None) -> Profile:
    """A page as an account."""
    return Profile(provider_id=id, username=username or name, name=name, profile_url=f"{_PAGES}/{username or id}")


def link(text: str) -> str | None:
    """The address that is shown with a preview: the first one."""
    found = _LINK.search(text)
    return None if found is None else found[0]


def feed(text: str, photos: Sequence[str]) -> dict[str, str]:
    """What a post in the page's feed says."""
    fields = {"message": text} if text else {}
    if photos:
        return fields | {"attached_media": msgspec.json.encode([{"media_fbid": id} for id in photos]).decode()}
    address = link(text)
    return fields | ({"link": address} if address else {})


def photo(item: MediaSource) -> dict[str, str]:
    """What an uploaded picture says, which no one sees before it is attached."""
    fields = {"published": "false"}
    return fields | ({"alt_text_custom": item.alt_text} if item.alt_text else {})


def published(id: str) -> PublishedPost:
    """A post of the feed by its id, which names page and post."""
    return PublishedPost(provider_id=id, url=f"{_PAGES}/{id}")


def published_video(page_id: str, id: str) -> PublishedPost:
    """A video, which has an id of its own."""
    return PublishedPost(provider_id=id, url=f"{_PAGES}/{page_id}/videos/{id}")


def is_of(page_id: str, provider_id: str) -> bool:
    """Whether an id can be that of a post or a video of this page."""
    before, mark, post = provider_id.rpartition("_")
    digits = post.isascii() and post.isdigit()
    return digits and (before == page_id if mark else True)


def find(
    rows: Sequence[Json], field: str, noted: str, photos: Sequence[str], begun_at: datetime, page_id: str
) -> str | None:
    """The id of the post with the `noted` words, or with these pictures, since then; None: the page does not show it."""
    for row in rows:
        if not isinstance(row, Mapping) or not isinstance(row.get("id"), str):
            continue
        author = row.get("from")
        at = _moment(row.get("created_time"))
        theirs = isinstance(author, Mapping) and author.get("id") not in (None, page_id)
        if theirs or at is None or at < begun_at.replace(microsecond=0):
            continue
        shown = set(_attached(row.get("attachments")))
        if photos and shown:
            if shown & set(photos):
                return str(row["id"])
        elif isinstance(row.get(field), str) and words(row[field]) == noted:
            return str(row["id"])
    return None


def _attached(tree: Json) -> Iterator[str]:
    """The ids of what a post shows, and of what that consists of."""
    rows = tree.get("data") if isinstance(tree, Mapping) else None
    for row in rows if isinstance(rows, Sequence) else ():
        target = row.get("target") if isinstance(row, Mapping) else None
        if isinstance(target, Mapping) and isinstance(target.get("id"), str):
            yield target["id"]
        if isinstance(row, Mapping):
            yield from _attached(row.get("subattachments"))


def _moment(value: Json) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo is not None else None
