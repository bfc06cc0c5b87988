"""Drafts as X's posts, and what its timeline shows as the text that was sent. Pure."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import unescape
from typing import Any

from postroom.connectors import oauth
from postroom.domain.remote import Credentials, PostDraft, Profile, PublishedPost

Json = Any

_ADDRESS_OF_A_POST = re.compile(r"https?://(?:www\.|mobile\.)?(?:x|twitter)\.com/\w+/(?:web/)?status/(\d{1,19})\b.*")
_ID = re.compile(r"\d{1,19}")


def is_id(id: Any) -> bool:
    """Whether this can be the id of something at X: it becomes part of addresses."""
    return isinstance(id, str) and _ID.fullmatch(id) is not None and id.isascii()


def post_id(value: Any) -> str | None:
    """The id of a post that is named by its id or its address; None: it is neither."""
    text = str(value).strip() if isinstance(value, str | int) else ""
    found = _ADDRESS_OF_A_POST.fullmatch(text)
    id = found[1] if found else text
    return id if is_id(id) else None


def post(draft: PostDraft, media_ids: Sequence[str]) -> Json:
    """A post as it is sent. What it answers or quotes beside a thread is said of the first part only."""
    made: Json = {"text": draft.text}
    if media_ids:
        made["media"] = {"media_ids": list(media_ids)}
    answered = target(draft)
    if answered is not None:
        made["reply"] = {"in_reply_to_tweet_id": answered}
    quoted = post_id(draft.settings.get("quoteTweet")) if draft.reply_to is None else None
    if quoted is not None:
        made["quote_tweet_id"] = quoted
    return made


def target(draft: PostDraft) -> str | None:
    """What a draft answers: the part before, or what its owner named."""
    return draft.reply_to if draft.reply_to is not None else post_id(draft.settings.get("replyTo"))


def published(id: str) -> PublishedPost:
    """A post by its id, and by the page that shows it, whoever wrote it."""
    return PublishedPost(provider_id=id, url=f"https://x.com/i/web/status/{id}")


def is_draft(shown: Json, draft: PostDraft) -> bool:
    """Whether what a timeline shows is this draft: the same text, answering the same post."""
    if not isinstance(shown, dict) or not is_id(shown.get("id")):
        return False
    referenced = shown.get("referenced_tweets")
    answered = None
    for each in referenced if isinstance(referenced, list) else []:
        if isinstance(each, dict) and each.get("type") == "replied_to":
            answered = each.get("id")
    return answered == target(draft) and _plain(_sent(shown)) == _plain(draft.text)


def _sent(shown: Mapping[str, Json]) -> str:
    """The text as it was sent: X escapes it, makes its addresses short, and adds one of the media."""
    text = str(shown.get("text", ""))
    entities = shown.get("entities")
    urls = entities.get("urls") if isinstance(entities, dict) else None
    for each in urls if isinstance(urls, list) else []:
        if not isinstance(each, dict) or not isinstance(each.get("url"), str):
            continue
        expanded = each.get("expanded_url")
        is_media = "media_key" in each or str(each.get("display_url", "")).startswith(("pic.x.com", "pic.twitter.com"))
        text = text.replace(each["url"], "" if is_media or not isinstance(expanded, str) else expanded)
    return unescape(text)


def _plain(text: str) -> str:
    """A text without what X may change in it: forms of one character, spaces, how an address begins and ends."""
    words = unicodedata.normalize("NFC", text).split()
    return " ".join(re.sub(r"^https?://", "", word, flags=re.IGNORECASE).rstrip("/") for word in words)


def moment(at: datetime) -> str:
    """As X takes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def credentials(tree: Mapping[str, Json], now: datetime, before: Credentials | None = None) -> Credentials:
    """What new tokens hold; a refresh token that is not renewed stays."""
    refresh = tree.get("refresh_token") or (before.values.get("refresh_token") if before is not None else None)
    values = {"access_token": str(tree["access_token"])}
    if isinstance(refresh, str):
        values["refresh_token"] = refresh
    return Credentials(values=values, expires_at=oauth.expires_at(tree, now))


def profile(tree: Mapping[str, Json]) -> Profile | None:
    """Whose account it is."""
    id, username, name = tree.get("id"), tree.get("username"), tree.get("name")
    if not is_id(id) or not isinstance(username, str) or not username:
        return None
    picture = tree.get("profile_image_url")
    return Profile(
        provider_id=str(id),
        username=username,
        name=name if isinstance(name, str) and name.strip() else username,
        picture_url=picture if isinstance(picture, str) else None,
        profile_url=f"https://x.com/{username}",
    )
