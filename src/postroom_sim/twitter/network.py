"""The simulated X, put together: pages and API v2 under /twitter."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs

import msgspec

from postroom_sim.feed import Feed
from postroom_sim.network import Answer, Call, Ground, Quiet, Refused, Scenario, json_answer
from postroom_sim.oauth import OAuth, bearer, form
from postroom_sim.twitter.media import Media
from postroom_sim.twitter.people import BY_ID, LOGINS, PROBLEMS, forbidden, problem, scenarios, unauthorized
from postroom_sim.twitter.posts import Posts

# What is called how: method, path, operation, the scope that it needs.
_ROUTES = (
    ("GET", re.compile(r"/i/oauth2/authorize"), "authorize", None),
    ("POST", re.compile(r"/2/oauth2/token"), "token", None),
    ("POST", re.compile(r"/2/oauth2/revoke"), "revoke", None),
    ("GET", re.compile(r"/2/users/me"), "me", "users.read"),
    ("GET", re.compile(r"/2/users/(\d+)/tweets"), "user_tweets", "tweet.read"),
    ("POST", re.compile(r"/2/tweets"), "create_tweet", "tweet.write"),
    ("DELETE", re.compile(r"/2/tweets/(\d+)"), "delete_tweet", "tweet.write"),
    ("POST", re.compile(r"/2/media/upload"), "media_upload", "media.write"),
    ("GET", re.compile(r"/2/media/upload"), "media_status", "media.write"),
    ("POST", re.compile(r"/2/media/upload/initialize"), "media_initialize", "media.write"),
    ("POST", re.compile(r"/2/media/upload/(\d+)/append"), "media_append", "media.write"),
    ("POST", re.compile(r"/2/media/upload/(\d+)/finalize"), "media_finalize", "media.write"),
    ("POST", re.compile(r"/2/media/metadata"), "media_metadata", "media.write"),
)
# Source: X API v2 documentation, rate limits, checked 2026-11-21: in 15 minutes for each user.
_LIMITS = {
    "me": 75,
    "user_tweets": 900,
    "create_tweet": 100,
    "delete_tweet": 50,
    "media_upload": 500,
    "media_status": 1000,
    "media_initialize": 1875,
    "media_append": 1875,
    "media_finalize": 1875,
    "media_metadata": 500,
}
_ACCESS_SECONDS = 7200
_SECRET = ("client_secret", "code", "code_verifier", "token", "refresh_token")


class Twitter(Quiet):
    name = "twitter"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._feed = Feed(ground, self.name)
        self._oauth = OAuth(ground, self.name, LOGINS, access_seconds=_ACCESS_SECONDS, refresh=True)
        self._media = Media(ground, self._feed)
        self._posts = Posts(ground, self._feed, self._media)

    def identify(self, call: Call) -> None:
        call.account = self._oauth.account_of(bearer(call))
        for method, path, operation, _ in _ROUTES:
            if call.method == method and path.fullmatch(call.path):
                call.operation = operation

    def answer(self, call: Call) -> Answer:
        for method, path, operation, scope in _ROUTES:
            found = path.fullmatch(call.path)
            if call.method == method and found:
                if scope is None:
                    return self._open(operation, call)
                return self._for_somebody(operation, scope, found[1] if path.groups else "", call)
        raise problem(404, "Not Found", "Not Found")

    def _open(self, operation: str, call: Call) -> Answer:
        if operation == "authorize":
            return self._oauth.authorize(call)
        if operation == "revoke":
            self._oauth.revoke(form(call).get("token", ""))
            return json_answer({"revoked": True})
        made = self._oauth.exchange(call)
        del made["_account"]
        if "offline.access" not in made["scope"]:
            made.pop("refresh_token", None)
        return json_answer(made)

    def _for_somebody(self, operation: str, scope: str, id: str, call: Call) -> Answer:
        token = self._oauth.look(bearer(call))
        if token is None or token.ended or token.expired:
            raise unauthorized()
        if scope not in token.scope.split():
            raise forbidden("You are not permitted to perform this action.")
        spent = self._feed.spend(f"{operation}:{token.account}", _LIMITS[operation], 900)
        headers = {
            "x-rate-limit-limit": str(spent.limit),
            "x-rate-limit-remaining": str(spent.remaining),
            "x-rate-limit-reset": str(spent.resets_at),
        }
        try:
            if spent.exceeded:
                raise problem(429, "Too Many Requests", "Too Many Requests")
            if BY_ID[token.account].suspended and operation != "me":
                raise forbidden("Your account is suspended and is not permitted to access this feature.")
            answer = self._done(operation, id, token.account, call)
        except Refused as refused:
            refused.answer.headers |= headers
            raise
        answer.headers |= headers
        return answer

    def _done(self, operation: str, id: str, who: str, call: Call) -> Answer:
        match operation:
            case "me":
                person = BY_ID[who]
                picture = f"https://pbs.quillfern.test/{person.username}.png"
                data = {"id": who, "name": person.name, "username": person.username, "profile_image_url": picture}
                return json_answer({"data": data})
            case "user_tweets":
                return self._posts.timeline(id, call)
            case "create_tweet":
                return self._posts.create(call, who)
            case "delete_tweet":
                return self._posts.delete(id, who)
            case "media_upload":
                return self._media.upload(call, who)
            case "media_status":
                return self._media.status(parse_qs(call.query).get("media_id", [""])[0], who)
            case "media_initialize":
                return self._media.initialize(call, who)
            case "media_append":
                return self._media.append(id, call, who)
            case "media_finalize":
                return self._media.finalize(id, who)
            case _:
                return self._media.describe(call, who)

    def posts(self, account: str | None) -> list[dict[str, Any]]:
        """Live posts, oldest first, of one account (id or name) or of all."""
        return self._posts.posts(account)

    def expired_session(self) -> Answer:
        return unauthorized().answer

    def challenge(self) -> Answer:
        detail = "Your account is temporarily locked. Please log in to https://x.com to unlock your account."
        return problem(403, "Forbidden", detail, f"{PROBLEMS}/client-forbidden").answer

    def truncate_page(self, answer: Answer, length: int) -> Answer:
        if answer.status != 200 or b'"result_count"' not in answer.body:
            return answer
        tree = msgspec.json.decode(answer.body)
        tree["data"] = tree.get("data", [])[:length]
        return json_answer(tree)

    def journal_body(self, call: Call) -> Any:
        if not call.body:
            return None
        if call.operation in ("media_upload", "media_append"):
            return {"size_bytes": len(call.body)}
        if "json" in call.headers.get("content-type", ""):
            return call.json()
        return {name: "(hidden)" if name in _SECRET else value for name, value in form(call).items()}

    def scenarios(self) -> list[Scenario]:
        return scenarios(self._ground.origin)
