"""The simulated Instagram: graph.instagram.com, graph.facebook.com for its accounts, and both logins, under /instagram.

Source: Instagram Platform documentation, "Content Publishing", "IG Container" and "Error Codes", checked 2026-11-21.
"""

from __future__ import annotations

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
from postroom_sim.oauth import Token

_VERSION = "/v25.0/"
_PEOPLE = [
    Person("user_good", "17841400000000001", "ada.moss", "Ada Moss", "user_good: the default account."),
    Person("user_second", "17841400000000002", "bea.reed", "Bea Reed", "user_second: another account."),
    Person("user_partial", "17841400000000003", "dora.pell", "Dora Pell", "user_partial: does not let an app delete."),
    Person(
        "user_restricted", "17841400000000004", "emil.wick", "Emil Wick", "user_restricted: 25/2207050 to every post."
    ),
    Person("user_nopage", "17841400000000005", "fay.lund", "Fay Lund", "user_nopage: has no page on Facebook."),
    Person(
        "user_banned", "17841400000000009", "cleo.fenn", "Cleo Fenn", "user_banned: 190/459 until Cleo confirms.", True
    ),
]
# Whose pages have which Instagram accounts, where that is not just their own.
_MANAGES = {"17841400000000002": ("17841400000000002", "17841400000000003"), "17841400000000005": ()}
_DELETES = "instagram_manage_contents"
_MOST_BYTES = 8 * 1024 * 1024


class Instagram(GraphNetwork):
    name = "instagram"

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground, _PEOPLE)
        self._containers = Containers(ground, self.name)
        authorize = self._tokens.short.authorize
        self._pages: dict[tuple[str, str], tuple[str, Callable[[Call], Answer]]] = {
            ("GET", "/oauth/authorize"): ("authorize", authorize),
            ("POST", "/oauth/access_token"): ("access_token", self._access_token),
            ("GET", "/access_token"): ("exchange_token", partial(self._long_token, "ig_exchange_token")),
            ("GET", "/refresh_access_token"): ("refresh_token", partial(self._long_token, "ig_refresh_token")),
            ("GET", f"{_VERSION}dialog/oauth"): ("authorize", authorize),
            ("GET", f"{_VERSION}oauth/access_token"): ("access_token", self._facebook_token),
        }

    def identify(self, call: Call) -> None:
        call.account = self._whose(call)
        found = self._pages.get((call.method, call.path))
        call.operation = found[0] if found else self._operation(call)
        if call.operation == "access_token" and parameters(call).get("grant_type") == "fb_exchange_token":
            call.operation = "exchange_token"

    def answer(self, call: Call) -> Answer:
        found = self._pages.get((call.method, call.path))
        if found is not None:
            return found[1](call)
        if not call.path.startswith(_VERSION):
            raise Refused(Answer(404, b"Not Found", {"content-type": "text/plain"}))
        token = self._tokens.check(self._tokens.of(call))
        return self._with_usage(call, token.account, lambda: self._versioned(call, token))

    def _operation(self, call: Call) -> str:
        first, _, edge = call.path.removeprefix(_VERSION).partition("/")
        if edge:
            reads = {"media": "posts", "stories": "posts", "content_publishing_limit": "limit"}
            reads |= {"accounts": "accounts", "permissions": "permissions"}
            writes = {"media": "create", "media_publish": "publish"}
            return (writes if call.method == "POST" else reads).get(edge, "unknown")
        if call.method == "DELETE":
            return "delete"
        if first == "me":
            return "me"
        if any(person.id == first for person in self._people):
            return "account"
        return "container" if self._containers.find(first) else "post"

    def _versioned(self, call: Call, token: Token) -> Answer:
        first, _, edge = call.path.removeprefix(_VERSION).partition("/")
        asked, account = parameters(call), token.account
        if call.operation in ("create", "publish", "posts", "limit", "account") and first not in (account, "me"):
            raise no_such_object(first, call.method)
        match call.operation:
            case "me":
                return json_answer(chosen(self._node(account) | {"user_id": account}, asked.get("fields")))
            case "account":
                return json_answer(chosen(self._node(account), asked.get("fields")))
            case "accounts":
                return self._managed(token, asked)
            case "permissions":
                return json_answer({"data": [self._permission(account, each) for each in token.scope.split(",")]})
            case "create":
                return self._create(account, asked)
            case "publish":
                return self._publish(account, asked.get("creation_id", ""))
            case "container":
                return self._container(account, first, asked)
            case "post":
                return json_answer(chosen(self._shown(self._live(account, first)), asked.get("fields")))
            case "posts":
                return self._posts(account, asked, stories=edge == "stories")
            case "delete":
                return self._delete(token, first)
            case "limit":
                return self._limit(account)
            case _:
                raise error(f"Unknown path components: /{edge}", 2500)

    # tokens and people

    def _access_token(self, call: Call) -> Answer:
        made = self._tokens.exchange(call)
        row = {"access_token": made["access_token"], "user_id": made["_account"], "permissions": made["scope"]}
        return json_answer({"data": [row]})

    def _facebook_token(self, call: Call) -> Answer:
        asked = parameters(call)
        if asked.get("grant_type") == "fb_exchange_token":
            return json_answer(self._tokens.lengthen(call, asked.get("fb_exchange_token")))
        query = f"{call.query}&grant_type=authorization_code"
        made = self._tokens.exchange(Call(call.method, call.path, query, call.headers, call.body))
        return json_answer({name: made[name] for name in ("access_token", "token_type", "expires_in")})

    def _long_token(self, grant_type: str, call: Call) -> Answer:
        asked = parameters(call)
        if asked.get("grant_type") != grant_type:
            raise invalid("Invalid parameter: grant_type")
        if grant_type == "ig_exchange_token" and "client_secret" not in asked:
            raise invalid("The parameter client_secret is required")
        return json_answer(self._tokens.lengthen(call, asked.get("access_token")))

    def _node(self, id: str) -> Json:
        person = self._person(id)
        picture = f"https://scontent.example/{id}.jpg"
        return {"id": id, "username": person.username, "name": person.name, "profile_picture_url": picture}

    def _managed(self, token: Token, asked: dict[str, str]) -> Answer:
        rows: list[Json] = [{"id": "990", "name": "A page without Instagram", "access_token": "x", "tasks": ["MANAGE"]}]
        rows += [self._page_of(id, token.scope) for id in _MANAGES.get(token.account, (token.account,))]
        return page(rows, asked)

    def _page_of(self, id: str, scope: str) -> Json:
        return {
            "id": f"99{id}",
            "name": f"The page of {self._person(id).name}",
            "access_token": self._tokens.lasting.grant(id, scope)["access_token"],
            "tasks": ["MANAGE", "CREATE_CONTENT"],
            "instagram_business_account": self._node(id),
        }

    def _permission(self, account: str, name: str) -> Json:
        declined = name == _DELETES and self._person(account).login == "user_partial"
        return {"permission": name, "status": "declined" if declined else "granted"}

    # containers

    def _create(self, account: str, asked: dict[str, str]) -> Answer:
        kind = asked.get("media_type", "IMAGE")
        if len(asked.get("caption", "")) > 2200:
            raise error("The caption was too long.", 36004, 2207010)
        reason = None
        if kind == "CAROUSEL":
            files = self._children(account, asked)
        elif kind == "IMAGE":
            files = [self._image(asked)]
        elif kind in ("REELS", "STORIES") or (kind == "VIDEO" and asked.get("is_carousel_item") == "true"):
            shown, reason = self._video(asked)
            files = [shown]
        else:
            raise invalid(f"Param media_type must be one of IMAGE, REELS, STORIES, CAROUSEL - got {kind!r}.")
        id = f"179{self._feed.next('container'):014d}"
        kept = {name: value for name, value in asked.items() if name != "access_token"}
        self._containers.add(id, account, kind, kept, files, reason)
        return json_answer({"id": id})

    def _image(self, asked: dict[str, str]) -> Json:
        if not asked.get("image_url"):
            raise invalid("The parameter image_url is required.")
        found = fetch(asked["image_url"], self._ground.origin)
        if found is None:
            raise error(
                "Only photo or video can be accepted as media type.",
                9004,
                2207052,
                said="The media could not be fetched from this URI.",
            )
        _check_image(found)
        return {"type": "image", "alt": asked.get("alt_text", ""), "size": found.size_bytes}

    def _video(self, asked: dict[str, str]) -> tuple[Json, str | None]:
        if not asked.get("video_url"):
            raise invalid("The parameter video_url is required.")
        found = fetch(asked["video_url"], self._ground.origin)
        shown = {"type": "video", "alt": "", "size": found.size_bytes if found else 0}
        if found is None:
            return shown, "Error: Media upload has failed with error code 2207052"
        usable = found.content_type in ("video/mp4", "video/quicktime")
        return shown, None if usable else "Error: Media upload has failed with error code 2207026"

    def _children(self, account: str, asked: dict[str, str]) -> list[Json]:
        ids = [each for each in asked.get("children", "").split(",") if each]
        if not 2 <= len(ids) <= 10:
            raise error("The carousel has too few or too many items.", 100, 2207028)
        files: list[Json] = []
        for id in ids:
            child = self._own(account, id)
            if child.fields.get("is_carousel_item") != "true":
                raise error("The carousel has an item that is none.", 100, 2207028)
            if child.status != "FINISHED":
                raise _not_ready()
            files += child.files
        return files

    def _publish(self, account: str, id: str) -> Answer:
        if self._person(account).login == "user_restricted":
            raise error("The Instagram account is restricted.", 25, 2207050)
        container = self._own(account, id)
        if container.status in ("EXPIRED", "PUBLISHED", "ERROR"):
            raise error("The media does not exist or was published.", 24, 2207008)
        if container.status != "FINISHED" or container.fields.get("is_carousel_item") == "true":
            raise _not_ready()
        self._day("posts", account, 50)
        media_id = f"181{self._feed.next('media'):014d}"
        story = container.kind == "STORIES"
        text = "" if story else container.fields.get("caption", "")
        self._feed.add(media_id, account, text, media=container.files, more={"kind": container.kind})
        self._containers.published(id, media_id)
        return json_answer({"id": media_id})

    def _own(self, account: str, id: str) -> Container:
        found = self._containers.find(id)
        if found is None or found.account != account:
            raise error("The requested resource does not exist", 24, 2207006)
        return found

    def _container(self, account: str, id: str, asked: dict[str, str]) -> Answer:
        found = self._containers.find(id)
        if found is None or found.account != account:
            raise no_such_object(id)
        node = {"id": id, "status_code": found.status, "status": found.error or found.status.title()}
        return json_answer(chosen(node, asked.get("fields")))

    # posts

    def _live(self, account: str, id: str, method: str = "get") -> Post:
        found = self._feed.find(id)
        if found is None or found.account != account:
            raise no_such_object(id, method)
        return found

    def _posts(self, account: str, asked: dict[str, str], *, stories: bool) -> Answer:
        since = float(asked["since"]) if asked.get("since", "").isdigit() else None
        found = [post for post in self._feed.live(account, since=since) if (post.more["kind"] == "STORIES") is stories]
        return page([self._shown(post) for post in reversed(found)], asked)

    def _delete(self, token: Token, id: str) -> Answer:
        allowed = self._permission(token.account, _DELETES)["status"] == "granted"
        if _DELETES not in token.scope.split(",") or not allowed:
            raise no_such_object(id, "delete")
        self._live(token.account, id, "delete")
        self._feed.remove(id)
        return json_answer({"success": True})

    def _limit(self, account: str) -> Answer:
        used = len(self._feed.live(account, since=self._ground.clock.now() - 86_400))
        config = {"quota_total": 50, "quota_duration": 86_400}
        return json_answer({"data": [{"quota_usage": used, "config": config}]})

    def _shown(self, post: Post) -> Json:
        kind = {"CAROUSEL": "CAROUSEL_ALBUM", "IMAGE": "IMAGE"}.get(post.more["kind"], "VIDEO")
        where = "stories/x" if post.more["kind"] == "STORIES" else "p"
        return {
            "id": post.id,
            "media_type": kind,
            "caption": post.text or None,
            "permalink": f"https://www.instagram.com/{where}/C{post.id[-8:]}/",
            "timestamp": from_seconds(post.created_at)[:19] + "+0000",
            "username": self._person(post.account).username,
        }


def _check_image(found: File) -> None:
    """Raises Refused: not a picture that Instagram takes."""
    if found.size_bytes > _MOST_BYTES:
        raise error("The image size is too large.", 36000, 2207004, said="It should be less than 8 MiB.")
    if found.content_type != "image/jpeg":
        raise error("The image format is not supported.", 36001, 2207005, said="Supported formats: JPEG.")
    if found.width and found.height and not 0.79 <= found.width / found.height <= 1.92:
        raise error("The submitted image with aspect ratio cannot be published.", 36003, 2207009)


def _not_ready() -> Refused:
    return error("Media ID is not available", 9007, 2207027, said="The media is not ready for publishing.")
