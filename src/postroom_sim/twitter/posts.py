"""Posts: never the same text twice, links made short, one's own timeline."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qs

import regex

from postroom_sim.feed import Feed, Post
from postroom_sim.moments import from_seconds
from postroom_sim.network import Answer, Call, Ground, json_answer
from postroom_sim.twitter.media import Media
from postroom_sim.twitter.people import BY_ID, PROBLEMS, forbidden, invalid, problem

Json = dict[str, Any]

# Source: X API v2 documentation, counting characters, and twitter-text configuration v3, checked 2026-11-21.
LONGEST, LINK = 280, 23
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
_URL = re.compile(r"https?://[^\s]+[^\s.,;:!?')\]]")
_GRAPHEME = regex.compile(r"\X")
_EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}|\N{COMBINING ENCLOSING KEYCAP}")
_FIELDS = {"text", "media", "reply", "quote_tweet_id", "reply_settings", "poll", "made_with_ai"}
_REPLY_SETTINGS = ("following", "mentionedUsers", "subscribers", "verified")
# How long the same text counts as a duplicate.
_DUPLICATE_SECONDS = 86_400


class Posts:
    def __init__(self, ground: Ground, feed: Feed, media: Media) -> None:
        self._ground = ground
        self._feed = feed
        self._media = media

    def create(self, call: Call, account: str) -> Answer:
        tree = call.json()
        if not isinstance(tree, dict):
            raise invalid("The body is no object.")
        for name in tree.keys() - _FIELDS:
            raise invalid(
                f"[$.{name}] is not defined in the schema and the schema does not allow additional properties"
            )
        text = unicodedata.normalize("NFC", str(tree.get("text", "")).strip())
        media = tree.get("media")
        files = self._media.attached(media.get("media_ids"), account) if isinstance(media, dict) else []
        if not text and not files:
            raise invalid("Requires either text, or media.", "text", text)
        if _weight(text) > LONGEST:
            raise invalid("Your post text is too long.", "text", text[:50])
        if tree.get("reply_settings") not in (None, *_REPLY_SETTINGS):
            raise invalid("$.reply_settings: does not have a value in the enumeration", "reply_settings", "")
        reply = tree.get("reply")
        parent = str(reply.get("in_reply_to_tweet_id")) if isinstance(reply, dict) else None
        self._check_target(parent, account)
        quoted = tree.get("quote_tweet_id")
        if quoted is not None and self._feed.find(str(quoted)) is None:
            raise invalid("The post you are trying to quote is not there.", "quote_tweet_id", quoted)
        since = self._ground.clock.now() - _DUPLICATE_SECONDS
        if text and any(post.text == text for post in self._feed.live(account, since=since)):
            raise forbidden("You are not allowed to create a Tweet with duplicate content.")
        id = str((1 << 60) + (int(self._ground.clock.now() * 1000) << 16) + self._feed.next("post"))
        shown = [
            {
                "type": "video" if file.media_type.startswith("video/") else "image",
                "alt": file.more["alt"],
                "size": len(file.content),
            }
            for file in files
        ]
        self._feed.add(id, account, text, media=shown, reply_to=parent, more={"quote": quoted})
        return json_answer({"data": {"id": id, "text": text, "edit_history_tweet_ids": [id]}}, status=201)

    def delete(self, id: str, account: str) -> Answer:
        post = self._feed.find(id)
        if post is None:
            detail = f"Could not find tweet with id: [{id}]."
            raise problem(404, "Not Found Error", detail, f"{PROBLEMS}/resource-not-found", resource_type="tweet")
        if post.account != account:
            raise forbidden("You are not authorized to delete this Tweet.")
        self._feed.remove(id)
        return json_answer({"data": {"deleted": True}})

    def timeline(self, owner: str, call: Call) -> Answer:
        """Newest first, a page at a time."""
        query = {name: values[0] for name, values in parse_qs(call.query).items()}
        wanted = query.get("max_results", "10")
        most = int(wanted) if wanted.isdecimal() else 0
        if not 5 <= most <= 100:
            raise invalid("The `max_results` query parameter value is not between 5 and 100", "max_results", most)
        since = self._moment(query.get("start_time"))
        stale = call.effects.get("stale_read")
        until = self._ground.clock.now() - (60 if stale is True else float(stale or 0))
        # A look at what was posted at this very moment sees it, as a timeline that is up to date does.
        posts = [post for post in self._feed.live(owner, since=since) if not stale or post.created_at <= until]
        posts.reverse()
        start = int(query.get("pagination_token", "0"))
        page = posts[start : start + most]
        meta: Json = {"result_count": len(page)}
        if start + most < len(posts):
            meta["next_token"] = str(start + most)
        return json_answer({"data": [self._shown(post) for post in page], "meta": meta} if page else {"meta": meta})

    def posts(self, account: str | None) -> list[Json]:
        """What other people see; an account by its id or name."""
        ids = {person.username: person.id for person in BY_ID.values()}
        wanted = ids.get(account or "", account)
        quotes = {post.id: post.more["quote"] for post in self._feed.live(wanted)}
        return [shown | {"quote": quotes[shown["id"]]} for shown in self._feed.shown(wanted)]

    def _check_target(self, parent: str | None, account: str) -> None:
        if parent is None:
            return
        post = self._feed.find(parent)
        if post is None:
            raise forbidden("You attempted to reply to a Tweet that is deleted or not visible to you.")
        if post.account != account and f"@{BY_ID[account].username}" not in post.text:
            raise forbidden(
                "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by"
                " the author of the post you are replying to."
            )

    def _moment(self, text: str | None) -> float | None:
        if text is None:
            return None
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError as error:
            raise invalid("The `start_time` query parameter value is not a moment", "start_time", text) from error

    def _shown(self, post: Post) -> Json:
        """As a timeline shows it: HTML-escaped, each address a short one, one more for the media."""
        urls: list[Json] = []

        def shorten(found: re.Match[str]) -> str:
            url = _short(found[0])
            urls.append({"url": url, "expanded_url": found[0], "display_url": found[0].partition("://")[2]})
            return url

        text = escape(_URL.sub(shorten, post.text), quote=False)
        if post.media:
            url = _short(post.id)
            kind = "video" if post.media[0]["type"] == "video" else "photo"
            name = BY_ID[post.account].username
            page = f"https://x.com/{name}/status/{post.id}/{kind}/1"
            urls.append({"url": url, "expanded_url": page, "display_url": f"pic.x.com/{post.id}", "media_key": "3_1"})
            text = f"{text} {url}".strip()
        shown: Json = {"id": post.id, "text": text, "created_at": from_seconds(post.created_at)}
        if urls:
            shown["entities"] = {"urls": urls}
        referenced = []
        if post.reply_to:
            referenced.append({"type": "replied_to", "id": post.reply_to})
        if post.more["quote"]:
            referenced.append({"type": "quoted", "id": post.more["quote"]})
        return shown | ({"referenced_tweets": referenced} if referenced else {})


def _short(text: str) -> str:
    return f"https://t.co/{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def _weight(text: str) -> int:
    rest, links = _URL.subn("", text)
    return links * LINK + sum(map(_grapheme_weight, _GRAPHEME.findall(rest)))


def _grapheme_weight(grapheme: str) -> int:
    if _EMOJI.search(grapheme):
        return 2
    return sum(1 if any(low <= ord(each) <= high for low, high in _LIGHT) else 2 for each in grapheme)
