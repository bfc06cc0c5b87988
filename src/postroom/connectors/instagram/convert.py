"""Drafts as Instagram's containers, and its accounts and posts as ours. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from postroom.domain.remote import MediaSource, PostDraft, Profile, PublishedPost

Json = Any

DELETES = "instagram_manage_contents"
"""The permission without which nothing can be deleted."""


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """An Instagram account that belongs to a page of the owner's, with what opens it."""

    id: str
    username: str
    name: str
    picture_url: str | None
    token: str


def is_story(draft: PostDraft) -> bool:
    """Whether this is a story: one video, by its settings."""
    return _is_video(draft) and draft.settings.get("videoType") == "STORIES"


def _is_video(draft: PostDraft) -> bool:
    return len(draft.media) == 1 and draft.media[0].kind == "video"


def caption(draft: PostDraft) -> str:
    """The words that the post will show: a story has none."""
    return "" if is_story(draft) else draft.text


def container(draft: PostDraft, url: str) -> dict[str, str]:
    """The container of one file with its words; `url` is where it is fetched."""
    if _is_video(draft):
        fields = {"media_type": "STORIES" if is_story(draft) else "REELS", "video_url": url}
    else:
        fields = _image(draft.media[0], url)
    return fields | words(draft)


def child(item: MediaSource, url: str) -> dict[str, str]:
    """The container of one of several files."""
    fields = {"media_type": "VIDEO", "video_url": url} if item.kind == "video" else _image(item, url)
    return fields | {"is_carousel_item": "true"}


def carousel(draft: PostDraft, children: Sequence[str]) -> dict[str, str]:
    """The container of several files."""
    return {"media_type": "CAROUSEL", "children": ",".join(children)} | words(draft)


def words(draft: PostDraft) -> dict[str, str]:
    """The caption, where there is one."""
    found = caption(draft)
    return {"caption": found} if found else {}


def _image(item: MediaSource, url: str) -> dict[str, str]:
    return {"image_url": url} | ({"alt_text": item.alt_text} if item.alt_text else {})


def published(found: Mapping[str, Json]) -> PublishedPost | None:
    """A post as the network shows it; None where it says no id."""
    id, permalink = found.get("id"), found.get("permalink")
    if not isinstance(id, str) or not id:
        return None
    return PublishedPost(provider_id=id, url=permalink if isinstance(permalink, str) else None)


def profile(id: Json, found: Mapping[str, Json]) -> Profile | None:
    """An account; None where the network does not say whose it is."""
    username, name, picture = found.get("username"), found.get("name"), found.get("profile_picture_url")
    # A number where a login gives it, a string everywhere else.
    id = str(id) if isinstance(id, int) and not isinstance(id, bool) else id
    if not isinstance(id, str) or not id:
        return None
    username = username if isinstance(username, str) and username else id
    return Profile(
        provider_id=id,
        username=username,
        name=name if isinstance(name, str) and name.strip() else username,
        picture_url=picture if isinstance(picture, str) else None,
        profile_url=f"https://www.instagram.com/{username}/",
    )


def offered(rows: Sequence[Json]) -> list[Offered]:
    """The Instagram accounts of the pages on which the owner may create content."""
    found: list[Offered] = []
    for row in rows:
        account = row.get("instagram_business_account") if isinstance(row, Mapping) else None
        token, tasks = (row.get("access_token"), row.get("tasks")) if isinstance(row, Mapping) else (None, None)
        may = not isinstance(tasks, Sequence) or "CREATE_CONTENT" in tasks
        who = profile(account.get("id"), account) if isinstance(account, Mapping) else None
        if may and who is not None and isinstance(token, str) and token:
            found.append(
                Offered(
                    id=who.provider_id, username=who.username, name=who.name, picture_url=who.picture_url, token=token
                )
            )
    return found


def granted(rows: Sequence[Json]) -> list[str]:
    """The permissions that the owner gave."""
    return [
        row["permission"]
        for row in rows
        if isinstance(row, Mapping) and row.get("status") == "granted" and isinstance(row.get("permission"), str)
    ]
