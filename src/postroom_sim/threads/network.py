"""The simulated Threads: graph.threads.net and the page at which owners approve, under /threads.

Source: Threads API documentation, "Posts", "Publishing", "Delete Posts" and "Overview", checked 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from postroom_sim.containers import Container, Containers, File, fetch
from postroom_sim.feed import Post
from postroom_sim.graph import (
    GraphNetwork,
    Json,
    Person,
    chosen,
    error,
    invalid,
    no_such_object,
    page,
    parameters,
)
from postroom_sim.moments import from_seconds
from postroom_sim.network import Answer, Call, Ground, Refused, json_answer

_VERSION = "/v1.0/"
_PEOPLE = [
    Person("user_good", "26400000000000001", "ada.threads", "Ada Moss", "user_good: the default account."),
    Person("user_second", "26400000000000002", "bea.threads", "Bea Reed", "user_second: another account."),
    Person(
        "user_banned",
        "26400000000000003",
        "cleo.threads",
        "Cleo Fenn",
        "user_banned: 190/459 until Cleo confirms.",
        True,
    ),
]
_CONTROLS = {"everyone", "accounts_you_follow", "mentioned_only", "parent_post_author_only", "followers_only"}
_LINK = re.compile(r"https?://\S+")
_MOST_BYTES = 8 * 1024 * 1024


class Threads(GraphNetwork):
    name = "threads"

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground, _PEOPLE)
        self._containers = Containers(ground, self.name)
        self._pages: dict[tuple[str, str], tuple[str, Callable[[Call], Answer]]] = {
            ("GET", "/oauth/authorize"): ("authorize", self._tokens.short.authorize),
            ("POST", "/oauth/access_token"): ("access_token", self._access_token),
            ("GET", "/access_token"): ("exchange_token", partial(self._long_token, "th_exchange_token")),
            ("GET", "/refresh_access_token"): ("refresh_token", partial(self._long_token, "th_refresh_token")),
        }

    def identify(self, call: Call) -> None:
        call.account = self._whose(call)
        found = self._pages.get((call.method, call.path))
        call.operation = found[0] if found else self._operation(call)

    def answer(self, call: Call) -> Answer:
        found = self._pages.get((call.method, call.path))
        if found is not None:
            return found[1](call)
        if not call.path.startswith(_VERSION):
            raise Refused(Answer(404, b"Not Found", {"content-type": "text/plain"}))
        account = self._tokens.check(self._tokens.of(call)).account
        return self._with_usage(call, account, lambda: self._versioned(call, account))

    def _operation(self, call: Call) -> str:
        first, _, edge = call.path.removeprefix(_VERSION).partition("/")
        if edge:
            named = {"threads": "posts", "replies": "posts", "threads_publishing_limit": "limit"}
            writes = {"threads": "create", "threads_publish": "publish"}
            return (writes if call.method == "POST" else named).get(edge, "unknown")
        if call.method == "DELETE":
            return "delete"
        if first == "me" or any(person.id == first for person in self._people):
            return "me"
        return "container" if self._containers.find(first) else "post"

    def _versioned(self, call: Call, account: str) -> Answer:
        first, _, edge = call.path.removeprefix(_VERSION).partition("/")
        if edge and first not in (account, "me"):
            raise no_such_object(first, call.method)
        asked = parameters(call)
        match call.operation:
            case "me":
                return self._me(account, asked)
            case "create":
                return self._create(account, asked)
            case "publish":
                return self._publish(account, asked.get("creation_id", ""))
            case "container":
                return self._container(account, first, asked)
            case "post":
                return self._post(account, first, asked)
            case "posts":
                return self._posts(account, asked, replies=edge == "replies")
            case "delete":
                return self._delete(account, first)
            case "limit":
                return self._limit(account)
            case _:
                raise error(f"Unknown path components: /{edge}", 2500)

    # tokens

    def _access_token(self, call: Call) -> Answer:
        made = self._tokens.exchange(call)
        return json_answer({"access_token": made["access_token"], "user_id": int(made["_account"])})

    def _long_token(self, grant_type: str, call: Call) -> Answer:
        asked = parameters(call)
        if asked.get("grant_type") != grant_type:
            raise invalid("Invalid parameter: grant_type")
        if grant_type == "th_exchange_token" and "client_secret" not in asked:
            raise invalid("The parameter client_secret is required")
        return json_answer(self._tokens.lengthen(call, asked.get("access_token")))

    # nodes and edges

    def _me(self, account: str, asked: dict[str, str]) -> Answer:
        person = self._person(account)
        node = {
            "id": account,
            "username": person.username,
            "name": person.name,
            "threads_profile_picture_url": f"https://scontent.example/{account}.jpg",
        }
        return json_answer(chosen(node, asked.get("fields")))

    def _create(self, account: str, asked: dict[str, str]) -> Answer:
        kind = asked.get("media_type", "")
        if kind not in ("TEXT", "IMAGE", "VIDEO", "CAROUSEL"):
            raise invalid(f"Param media_type must be one of TEXT, IMAGE, VIDEO, CAROUSEL - got {kind!r}.")
        self._check_words(asked, kind)
        if asked.get("reply_control", "everyone") not in _CONTROLS:
            raise invalid("Param reply_control is not one of its values.")
        if "reply_to_id" in asked and self._feed.find(asked["reply_to_id"]) is None:
            raise no_such_object(asked["reply_to_id"], "post")
        reason = None
        if kind == "CAROUSEL":
            files = self._children(account, asked)
        elif kind == "TEXT":
            files = []
        else:
            shown, reason = self._file(kind, asked)
            files = [shown]
        id = f"178{self._feed.next('container'):014d}"
        kept = {name: value for name, value in asked.items() if name != "access_token"}
        self._containers.add(id, account, kind, kept, files, reason)
        return json_answer({"id": id})

    def _check_words(self, asked: dict[str, str], kind: str) -> None:
        text = asked.get("text", "")
        if kind == "TEXT" and not text:
            raise invalid("The parameter text is required.")
        if _length(text) > 500:
            raise invalid("Param text must be at most 500 characters long.")
        if len(set(_LINK.findall(text))) > 5:
            raise error("THREADS_API__LINK_LIMIT_EXCEEDED", 100)

    def _file(self, kind: str, asked: dict[str, str]) -> tuple[Json, str | None]:
        """What the container holds, and why it cannot be used, where it cannot."""
        name = "image_url" if kind == "IMAGE" else "video_url"
        if not asked.get(name):
            raise invalid(f"The parameter {name} is required.")
        found = fetch(asked[name], self._ground.origin)
        shown = {
            "type": kind.lower(),
            "alt": asked.get("alt_text", ""),
            "size": found.size_bytes if found else 0,
            "content_type": found.content_type if found else None,
        }
        if kind == "IMAGE":
            return shown, None if found and _is_usable(found) else "UNKNOWN"
        if found is None:
            return shown, "FAILED_DOWNLOADING_VIDEO"
        return shown, None if found.content_type in ("video/mp4", "video/quicktime") else "FAILED_PROCESSING_VIDEO"

    def _children(self, account: str, asked: dict[str, str]) -> list[Json]:
        ids = [each for each in asked.get("children", "").split(",") if each]
        if not 2 <= len(ids) <= 20:
            raise invalid("Param children must have between 2 and 20 items.")
        files: list[Json] = []
        for id in ids:
            child = self._own(account, id)
            if child.fields.get("is_carousel_item") != "true" or child.status != "FINISHED":
                raise error("The requested resource does not exist", 24, 4279009, said="A child is not ready.")
            files += child.files
        return files

    def _publish(self, account: str, id: str) -> Answer:
        container = self._own(account, id)
        if container.status != "FINISHED" or container.fields.get("is_carousel_item") == "true":
            raise error(
                "The requested resource does not exist",
                24,
                4279009,
                said="The media with this id cannot be found, or is not ready to be published.",
            )
        reply_to = container.fields.get("reply_to_id")
        self._day("replies" if reply_to else "posts", account, 1000 if reply_to else 250)
        media_id = f"180{self._feed.next('media'):014d}"
        more = {"kind": container.kind, "reply_control": container.fields.get("reply_control", "everyone")}
        self._feed.add(
            media_id,
            account,
            container.fields.get("text", ""),
            media=container.files,
            reply_to=reply_to,
            more=more,
        )
        self._containers.published(id, media_id)
        return json_answer({"id": media_id})

    def _own(self, account: str, id: str) -> Container:
        found = self._containers.find(id)
        if found is None or found.account != account:
            raise error("The requested resource does not exist", 24, 4279009)
        return found

    def _container(self, account: str, id: str, asked: dict[str, str]) -> Answer:
        found = self._containers.find(id)
        if found is None or found.account != account:
            raise no_such_object(id)
        node = {"id": id, "status": found.status}
        if found.status == "ERROR":
            node["error_message"] = found.error or "UNKNOWN"
        return json_answer(chosen(node, asked.get("fields")))

    def _post(self, account: str, id: str, asked: dict[str, str]) -> Answer:
        found = self._feed.find(id)
        if found is None or found.account != account:
            raise no_such_object(id)
        return json_answer(chosen(self._shown(found), asked.get("fields")))

    def _posts(self, account: str, asked: dict[str, str], *, replies: bool) -> Answer:
        since = float(asked["since"]) if asked.get("since", "").isdigit() else None
        found = [post for post in self._feed.live(account, since=since) if (post.reply_to is not None) is replies]
        return page([self._shown(post) for post in reversed(found)], asked)

    def _delete(self, account: str, id: str) -> Answer:
        found = self._feed.find(id)
        if found is None or found.account != account:
            raise no_such_object(id, "delete")
        self._day("deletes", account, 100)
        self._feed.remove(id)
        return json_answer({"success": True, "deleted_id": id})

    def _limit(self, account: str) -> Answer:
        used = len(self._feed.live(account, since=self._ground.clock.now() - 86_400))
        config = {"quota_total": 250, "quota_duration": 86_400}
        return json_answer({"data": [{"quota_usage": used, "config": config}]})

    def _shown(self, post: Post) -> Json:
        username = self._person(post.account).username
        kind = {"TEXT": "TEXT_POST", "CAROUSEL": "CAROUSEL_ALBUM"}.get(post.more["kind"], post.more["kind"])
        return {
            "id": post.id,
            "media_product_type": "THREADS",
            "media_type": kind,
            "text": post.text or None,
            "permalink": f"https://www.threads.com/@{username}/post/C{post.id[-8:]}",
            "timestamp": from_seconds(post.created_at)[:19] + "+0000",
            "username": username,
            "is_reply": post.reply_to is not None,
            "replied_to": {"id": post.reply_to} if post.reply_to else None,
        }


def _is_usable(found: File) -> bool:
    return found.content_type in ("image/jpeg", "image/png") and found.size_bytes <= _MOST_BYTES


def _length(text: str) -> int:
    """Characters, of which an emoji counts its UTF-8 bytes."""
    return sum(len(each.encode()) if ord(each) >= 0x1F000 or 0x2600 <= ord(each) <= 0x27BF else 1 for each in text)
