"""Drafts as Mastodon's statuses, and its accounts as ours. Pure."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from postroom.connectors.mastodon.servers import account_id
from postroom.domain.remote import PostDraft, Profile, PublishedPost

Json = Any

# Source: Mastodon documentation, methods/statuses, checked 2026-11-21.
VISIBILITIES = ("public", "unlisted", "private", "direct")


def status(draft: PostDraft, media_ids: Sequence[str]) -> Json:
    """A status as it is sent. Settings that are not there are the account's own defaults."""
    made: Json = {"status": draft.text}
    if media_ids:
        made["media_ids"] = list(media_ids)
    if draft.reply_to is not None:
        made["in_reply_to_id"] = draft.reply_to
    settings = draft.settings
    for name in ("visibility", "spoiler_text", "language"):
        value = settings.get(name)
        if isinstance(value, str) and value:
            made[name] = value
    if isinstance(settings.get("sensitive"), bool):
        made["sensitive"] = settings["sensitive"]
    return made


def published(tree: Json) -> PublishedPost | None:
    """What the server made."""
    id = tree.get("id")
    if not is_id(id):
        return None
    url = tree.get("url") or tree.get("uri")
    return PublishedPost(provider_id=id, url=url if isinstance(url, str) else None)


def is_id(id: Any) -> bool:
    """Whether this can be the id of something at a server: it becomes part of addresses."""
    return isinstance(id, str) and id.isascii() and id.isalnum()


def profile(tree: Json, server: str, home: str) -> Profile | None:
    """Whose account it is."""
    id, username = tree.get("id"), tree.get("username")
    if not is_id(id) or not isinstance(username, str) or not username:
        return None
    url, name, avatar = tree.get("url"), tree.get("display_name"), tree.get("avatar")
    host = _host(url) or _host(server)
    return Profile(
        provider_id=account_id(id, server, home),
        username=f"{username}@{host}",
        name=name if isinstance(name, str) and name.strip() else username,
        picture_url=avatar if isinstance(avatar, str) else None,
        profile_url=url if isinstance(url, str) else None,
    )


def _host(url: Any) -> str:
    try:
        return urlsplit(url).hostname or "" if isinstance(url, str) else ""
    except ValueError:
        return ""
