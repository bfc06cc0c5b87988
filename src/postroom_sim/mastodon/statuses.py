"""Statuses: made once for an Idempotency-Key, deleted for good."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from postroom_sim.feed import Feed, Post
from postroom_sim.mastodon.media import Media
from postroom_sim.mastodon.people import BY_ID, HOST, refusal
from postroom_sim.moments import from_seconds
from postroom_sim.network import Answer, Call, Ground, json_answer
from postroom_sim.oauth import form

Json = dict[str, Any]

# Source: Mastodon documentation, entities/Instance (configuration.statuses), checked 2026-11-21.
LONGEST, LINK = 500, 23
# Source: Mastodon documentation, methods/statuses (Idempotency-Key is kept for one hour), checked 2026-11-21.
_KEY_SECONDS = 3600
_VISIBILITIES = ("public", "unlisted", "private", "direct")
_URL = re.compile(r"https?://\S+")
_MENTION = re.compile(r"(@\w+)@[\w.-]+\w")


class Statuses:
    def __init__(self, ground: Ground, feed: Feed, media: Media) -> None:
        self._ground = ground
        self._database = ground.database
        self._feed = feed
        self._media = media

    def create(self, call: Call, account: str) -> Answer:
        tree = call.json() if "json" in call.headers.get("content-type", "") else form(call)
        tree = tree if isinstance(tree, dict) else {}
        parent = tree.get("in_reply_to_id")
        # As Mastodon does: the parent is looked for before the key, the key before anything else.
        if parent is not None and self._feed.find(str(parent)) is None:
            raise refusal(404, "The post you are trying to reply to does not appear to exist.")
        key = call.headers.get("idempotency-key")
        held = self._made(account, key) if key else None
        if held is not None:
            return json_answer(self._shown(held))
        post = self._create(tree, account, None if parent is None else str(parent))
        if key:
            until = self._ground.clock.now() + _KEY_SECONDS
            self._database.execute(
                "INSERT OR REPLACE INTO mastodon_keys VALUES (?, ?, ?, ?)", (account, key, post.id, until)
            )
        return json_answer(self._shown(post))

    def get(self, id: str) -> Answer:
        post = self._feed.find(id)
        if post is None:
            raise refusal(404, "Record not found")
        return json_answer(self._shown(post))

    def delete(self, id: str, account: str) -> Answer:
        post = self._feed.find(id)
        if post is None or post.account != account:
            raise refusal(404, "Record not found")
        self._feed.remove(id)
        return json_answer(self._shown(post) | {"text": post.text})

    def posts(self, account: str | None) -> list[Json]:
        """What other people see; an account by its id or name."""
        ids = {person.username: person.id for person in BY_ID.values()}
        wanted = ids.get(account or "", account)
        live = {post.id: post for post in self._feed.live(wanted)}
        return [
            shown
            | {"url": _url(live[shown["id"]])}
            | {name: live[shown["id"]].more[name] for name in ("visibility", "sensitive", "spoiler_text")}
            for shown in self._feed.shown(wanted)
        ]

    def _made(self, account: str, key: str) -> Post | None:
        row = self._database.one(
            "SELECT status FROM mastodon_keys WHERE account = ? AND key = ? AND expires_at > ?",
            (account, key, self._ground.clock.now()),
        )
        if row is None:
            return None
        post = self._feed.find(row[0])
        if post is None:
            raise refusal(404, "Record not found")
        return post

    def _create(self, tree: Json, account: str, parent: str | None) -> Post:
        text = str(tree.get("status") or "")
        spoiler = str(tree.get("spoiler_text") or "")
        ids = tree.get("media_ids") or []
        files = self._media.attached([str(id) for id in ids], account) if isinstance(ids, list) else []
        if not text.strip() and not files:
            raise refusal(422, "Validation failed: Text can't be blank")
        if _length(text) + len(spoiler) > LONGEST:
            raise refusal(422, f"Validation failed: Text character limit of {LONGEST} exceeded")
        visibility = tree.get("visibility") or "public"
        if visibility not in _VISIBILITIES:
            raise refusal(422, "Validation failed: Visibility is not included in the list")
        id = str(int(self._ground.clock.now() * 1000) << 16 | self._feed.next("status") % 65536)
        more = {
            "visibility": visibility,
            "sensitive": bool(tree.get("sensitive")) or bool(spoiler),
            "spoiler_text": spoiler,
            "language": tree.get("language"),
            "media": [self._media.shown(file) for file in files],
        }
        media = [
            {"type": self._media.kind(file), "alt": file.more["description"], "size": len(file.content)}
            for file in files
        ]
        post = self._feed.add(id, account, text, media=media, reply_to=parent, more=more)
        self._media.attach(files, id)
        return post

    def _shown(self, post: Post) -> Json:
        person = BY_ID[post.account]
        return {
            "id": post.id,
            "created_at": from_seconds(post.created_at),
            "in_reply_to_id": post.reply_to,
            "sensitive": post.more["sensitive"],
            "spoiler_text": post.more["spoiler_text"],
            "visibility": post.more["visibility"],
            "language": post.more["language"],
            "uri": f"https://{HOST}/users/{person.username}/statuses/{post.id}",
            "url": _url(post),
            "content": f"<p>{escape(post.text)}</p>",
            "account": account(post.account),
            "media_attachments": post.more["media"],
        }


def account(id: str) -> Json:
    """An Account."""
    person = BY_ID[id]
    return {
        "id": person.id,
        "username": person.username,
        "acct": person.username,
        "display_name": person.name,
        "url": f"https://{HOST}/@{person.username}",
        "avatar": f"https://{HOST}/avatars/{person.username}.png",
    }


def _url(post: Post) -> str:
    return f"https://{HOST}/@{BY_ID[post.account].username}/{post.id}"


def _length(text: str) -> int:
    rest, links = _URL.subn("", text)
    return links * LINK + len(_MENTION.sub(r"\1", rest))
