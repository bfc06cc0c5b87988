"""The simulated Facebook pages: graph.facebook.com and the login dialog, under /facebook.

Source: Pages API documentation, "Posts"; Graph API documentation, "Handle Errors", checked 2026-11-21.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from postroom_sim import multipart
from postroom_sim.containers import fetch, measured
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
from postroom_sim.oauth import CLIENT_ID, Token

_VERSION = "/v25.0/"
_PEOPLE = [
    Person("user_good", "10000000000000001", "ada.moss", "Ada Moss", "user_good: manages two pages."),
    Person("user_second", "10000000000000002", "bea.reed", "Bea Reed", "user_second: manages one page."),
    Person("user_nopage", "10000000000000003", "dora.pell", "Dora Pell", "user_nopage: manages none."),
    Person(
        "user_banned", "10000000000000009", "cleo.fenn", "Cleo Fenn", "user_banned: 190/459 until Cleo confirms.", True
    ),
]
_MOST_PHOTO_BYTES = 4_000_000
_DUPLICATE_SECONDS = 600
_LONG_SECONDS = 7200


@dataclass(frozen=True, slots=True)
class Page:
    id: str
    name: str
    username: str
    owner: str
    tasks: tuple[str, ...] = ("MANAGE", "CREATE_CONTENT", "MODERATE")


_PAGES = [
    Page("112233445566001", "Harbour Books", "harbourbooks", "10000000000000001"),
    Page("112233445566002", "Moth Society", "mothsociety", "10000000000000001"),
    Page("112233445566003", "Read only", "readonly", "10000000000000001", ("ANALYZE",)),
    Page("112233445566004", "Lighthouse", "lighthouse", "10000000000000002"),
]


class Facebook(GraphNetwork):
    name = "facebook"
    authorize_path = "/v25.0/dialog/oauth"
    calls_an_hour = 200
    limit_code = 32

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground, _PEOPLE)
        self._pages = {each.id: each for each in _PAGES}
        self._edges: dict[tuple[str, str], tuple[str, Callable[[Page, Call], Answer]]] = {
            ("POST", "feed"): ("feed", self._post),
            ("GET", "feed"): ("posts", self._posts),
            ("POST", "photos"): ("photo", self._photo),
            ("POST", "videos"): ("video", self._video),
            ("GET", "videos"): ("videos", self._videos),
        }

    def identify(self, call: Call) -> None:
        call.account = self._whose(call)
        call.operation = self._operation(call)

    def _operation(self, call: Call) -> str:
        path = call.path.removeprefix(_VERSION)
        if path == "dialog/oauth":
            return "authorize"
        if path == "oauth/access_token":
            return "exchange_token" if parameters(call).get("grant_type") == "fb_exchange_token" else "access_token"
        first, _, edge = path.partition("/")
        if (first, edge) == ("me", "accounts"):
            return "pages"
        if edge == "permissions":
            return "permissions"
        if edge:
            return self._edges.get((call.method, edge), ("unknown", None))[0]
        if call.method == "DELETE":
            return "delete"
        return "page" if first == "me" or first in self._pages else "object"

    def answer(self, call: Call) -> Answer:
        if not call.path.startswith(_VERSION):
            raise Refused(Answer(404, b"Not Found", {"content-type": "text/plain"}))
        if call.operation == "authorize":
            return self._tokens.short.authorize(call)
        if call.operation == "access_token":
            made = self._tokens.exchange(_as_form(call))
            return json_answer({name: made[name] for name in ("access_token", "token_type", "expires_in")})
        if call.operation == "exchange_token":
            return self._lengthen(call)
        token = self._tokens.check(self._tokens.of(call))
        return self._with_usage(call, token.account.partition("@")[0], lambda: self._versioned(call, token))

    def _lengthen(self, call: Call) -> Answer:
        asked = parameters(call)
        if asked.get("client_id") != CLIENT_ID:
            raise error("Error validating application. Cannot get application info due to a system error.", 101)
        return json_answer(self._tokens.lengthen(call, asked.get("fb_exchange_token")))

    def _versioned(self, call: Call, token: Token) -> Answer:
        first, _, edge = call.path.removeprefix(_VERSION).partition("/")
        page_id, _, user_id = token.account.rpartition("@")
        match call.operation:
            case "pages":
                return self._managed(user_id, token, call)
            case "permissions":
                return self._permissions(call, user_id)
            case "page":
                return self._node(first, page_id or user_id, call)
            case "delete":
                return self._delete(page_id, first)
            case "object":
                return self._object(page_id, first, call)
            case "unknown":
                raise error(f"Unknown path components: /{edge}", 2500)
        mine = self._pages.get(page_id)
        if mine is None or first not in (mine.id, "me"):
            raise error(
                "(#200) If posting to a page, requires both pages_read_engagement and pages_manage_posts as an admin"
                " with sufficient administrative permission",
                200,
                status=403,
            )
        return self._edges[(call.method, edge)][1](mine, call)

    # users and pages

    def _managed(self, user_id: str, token: Token, call: Call) -> Answer:
        """Pages, each with its token: one that does not end where the user's is a long one."""
        now = self._ground.clock.now()
        is_long = token.expires_at is not None and token.expires_at - now > _LONG_SECONDS
        made_by = self._tokens.lasting if is_long else self._tokens.short
        rows = [
            {
                "id": each.id,
                "name": each.name,
                "username": each.username,
                "access_token": made_by.grant(f"{each.id}@{user_id}", token.scope)["access_token"],
                "tasks": list(each.tasks),
                "category": "Local service",
            }
            for each in _PAGES
            if each.owner == user_id
        ]
        return page(rows, parameters(call))

    def _permissions(self, call: Call, user_id: str) -> Answer:
        if call.method != "DELETE":
            return json_answer({"data": [{"permission": "pages_manage_posts", "status": "granted"}]})
        self._ground.database.execute(
            "UPDATE oauth_tokens SET ended = 1 WHERE network = ? AND (account = ? OR account LIKE ?)",
            (self.name, user_id, f"%@{user_id}"),
        )
        return json_answer({"success": True})

    def _node(self, id: str, own: str, call: Call) -> Answer:
        found = self._pages.get(own if id == "me" else id)
        if found is None:
            return json_answer({"id": own, "name": self._person(own).name})
        node = {"id": found.id, "name": found.name, "username": found.username}
        return json_answer(chosen(node, parameters(call).get("fields"), "id,name"))

    # posts

    def _post(self, mine: Page, call: Call) -> Answer:
        asked = parameters(call)
        text, link = asked.get("message", ""), asked.get("link")
        photos = self._attached(mine, asked.get("attached_media", "[]"))
        if not text and not link and not photos:
            raise invalid("The parameter message is required")
        if link is not None and "unreadable" in link:
            raise error("(#1609005) There was a problem scraping data from the provided link.", 1609005)
        since = self._ground.clock.now() - _DUPLICATE_SECONDS
        if not photos and any(post.text == text and not post.media for post in self._feed.live(mine.id, since=since)):
            raise error("(#506) Duplicate status message", 506, 1455006)
        for photo in photos:
            self._attach(photo["id"], mine)
        id = f"{mine.id}_{1220000000000 + self._feed.next('post')}"
        self._feed.add(id, mine.id, text, media=photos, more={"kind": "feed", "link": link})
        return json_answer({"id": id})

    def _attached(self, mine: Page, given: str) -> list[Json]:
        try:
            ids = [str(each["media_fbid"]) for each in json.loads(given)]
        except (ValueError, TypeError, KeyError) as wrong:
            raise invalid("param attached_media must be an array.") from wrong
        files = [(id, self._feed.file(id)) for id in ids]
        shown = []
        for id, file in files:
            if file is None or file.account != mine.id or file.more["attached"]:
                raise invalid(f"Invalid parameter: attached_media {id}")
            shown.append({"type": "image", "id": id, "alt": file.more["alt"], "size": len(file.content)})
        return shown

    def _attach(self, id: str, mine: Page) -> None:
        file = self._feed.file(id)
        assert file is not None
        self._feed.keep_file(id, mine.id, file.media_type, file.content, file.more | {"attached": True})

    def _photo(self, mine: Page, call: Call) -> Answer:
        asked = parameters(call)
        part = multipart.parts(call).get("source")
        if part is None:
            raise error("(#324) Requires upload file", 324)
        file = measured(part.content, "")
        if file.content_type not in ("image/png", "image/jpeg") or file.size_bytes > _MOST_PHOTO_BYTES:
            raise error(
                "Your photos couldn't be uploaded. Photos should be smaller than 4 MB and saved as JPG or PNG.",
                1,
                1366046,
            )
        hidden = asked.get("published") == "false"
        id = str(1220000000000 + self._feed.next("post"))
        more = {"alt": asked.get("alt_text_custom", ""), "attached": not hidden}
        self._feed.keep_file(id, mine.id, file.content_type, part.content, more)
        if hidden:
            return json_answer({"id": id})
        shown = [{"type": "image", "id": id, "alt": more["alt"], "size": file.size_bytes}]
        self._feed.add(f"{mine.id}_{id}", mine.id, asked.get("message", ""), media=shown, more={"kind": "feed"})
        return json_answer({"id": id, "post_id": f"{mine.id}_{id}"})

    def _video(self, mine: Page, call: Call) -> Answer:
        asked = parameters(call)
        found = fetch(asked.get("file_url", ""), self._ground.origin)
        if found is None:
            raise error("(#389) Unable to fetch video file from URL.", 389)
        if not found.content_type.startswith("video/"):
            raise error("(#352) Video file has unsupported format.", 352, 1363024)
        id = str(1220000000000 + self._feed.next("post"))
        shown = [{"type": "video", "alt": "", "size": found.size_bytes}]
        self._feed.add(id, mine.id, asked.get("description", ""), media=shown, more={"kind": "video"})
        return json_answer({"id": id})

    def _posts(self, mine: Page, call: Call) -> Answer:
        return page([self._shown(post) for post in self._listed(mine, call, "feed")], parameters(call))

    def _videos(self, mine: Page, call: Call) -> Answer:
        rows = [
            {"id": post.id, "description": post.text or None, "created_time": _moment(post)}
            for post in self._listed(mine, call, "video")
        ]
        return page(rows, parameters(call))

    def _listed(self, mine: Page, call: Call, kind: str) -> list[Post]:
        since = parameters(call).get("since", "")
        found = self._feed.live(mine.id, since=float(since) if since.isdigit() else None)
        return [post for post in reversed(found) if post.more["kind"] == kind]

    def _object(self, page_id: str, id: str, call: Call) -> Answer:
        found = self._feed.find(id)
        if found is None or found.account != page_id:
            raise no_such_object(id)
        return json_answer(chosen(self._shown(found), parameters(call).get("fields"), "id,created_time,message"))

    def _delete(self, page_id: str, id: str) -> Answer:
        found = self._feed.find(id)
        if found is None or found.account != page_id:
            raise no_such_object(id, "delete")
        self._feed.remove(id)
        return json_answer({"success": True})

    def _shown(self, post: Post) -> Json:
        rows = [{"target": {"id": each["id"]}, "type": "photo"} for each in post.media if "id" in each]
        attachments: Json | None = None
        if len(rows) == 1:
            attachments = {"data": rows}
        elif rows:
            attachments = {"data": [{"target": {"id": post.id}, "type": "album", "subattachments": {"data": rows}}]}
        return {
            "id": post.id,
            "message": post.text or None,
            "created_time": _moment(post),
            "from": {"id": post.account, "name": self._pages[post.account].name},
            "permalink_url": f"https://www.facebook.com/{post.id.replace('_', '/posts/')}",
            "attachments": attachments,
        }

    def posts(self, account: str | None) -> list[Json]:
        """Live posts, oldest first, of one page (id or username) or of all."""
        ids = {each.username: each.id for each in _PAGES}
        return self._feed.shown(ids.get(account, account) if account else None)


def _moment(post: Post) -> str:
    return from_seconds(post.created_at)[:19] + "+0000"


def _as_form(call: Call) -> Call:
    """A code is exchanged by GET here, without the grant type that OAuth asks for."""
    query = call.query if "grant_type=" in call.query else f"{call.query}&grant_type=authorization_code"
    return Call(call.method, call.path, query, call.headers, call.body)
