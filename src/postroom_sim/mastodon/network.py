"""The simulated Mastodon, put together: one server under /mastodon."""

from __future__ import annotations

import re
from typing import Any

from postroom_sim.feed import Feed
from postroom_sim.mastodon.media import DESCRIPTION, IMAGE_BYTES, IMAGES, VIDEO_BYTES, VIDEOS, Media
from postroom_sim.mastodon.people import BY_ID, HOST, LOGINS, refusal, scenarios
from postroom_sim.mastodon.statuses import LINK, LONGEST, Statuses, account
from postroom_sim.moments import from_seconds
from postroom_sim.network import Answer, Call, Ground, Quiet, Refused, Scenario, json_answer
from postroom_sim.oauth import CLIENT_ID, CLIENT_SECRET, OAuth, bearer, form

# What is called how: method, path, operation, the scope that it needs.
_ROUTES = (
    ("POST", re.compile(r"/api/v1/apps"), "apps", None),
    ("GET", re.compile(r"/oauth/authorize"), "authorize", None),
    ("POST", re.compile(r"/oauth/token"), "token", None),
    ("POST", re.compile(r"/oauth/revoke"), "revoke", None),
    ("GET", re.compile(r"/api/v2/instance"), "instance", None),
    ("GET", re.compile(r"/api/v1/accounts/verify_credentials"), "verify_credentials", "read:accounts"),
    ("POST", re.compile(r"/api/v2/media"), "upload", "write:media"),
    ("GET", re.compile(r"/api/v1/media/(\w+)"), "media", "write:media"),
    ("POST", re.compile(r"/api/v1/statuses"), "create_status", "write:statuses"),
    ("GET", re.compile(r"/api/v1/statuses/(\w+)"), "status", None),
    ("DELETE", re.compile(r"/api/v1/statuses/(\w+)"), "delete_status", "write:statuses"),
)
# Source: Mastodon documentation, api/rate-limits, checked 2026-11-21: in 300 and 1800 seconds.
_LIMITS = {"upload": (30, 1800), "delete_status": (30, 1800)}
_SECRET = ("client_secret", "code", "code_verifier", "token", "access_token", "refresh_token")


class Mastodon(Quiet):
    name = "mastodon"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._feed = Feed(ground, self.name)
        self._oauth = OAuth(ground, self.name, LOGINS, access_seconds=None, refresh=False, pkce=False)
        self._media = Media(ground, self._feed)
        self._statuses = Statuses(ground, self._feed, self._media)

    def identify(self, call: Call) -> None:
        call.account = self._oauth.account_of(bearer(call))
        for method, path, operation, _ in _ROUTES:
            if call.method == method and path.fullmatch(call.path):
                call.operation = operation

    def answer(self, call: Call) -> Answer:
        for method, path, operation, scope in _ROUTES:
            found = path.fullmatch(call.path)
            if call.method == method and found:
                if operation in ("apps", "authorize", "token", "revoke", "instance"):
                    return self._open(operation, call)
                id = found[1] if path.groups else ""
                return self._for_somebody(operation, scope, id, call)
        raise refusal(404, "Record not found")

    def _open(self, operation: str, call: Call) -> Answer:
        match operation:
            case "apps":
                return self._register(call)
            case "authorize":
                return self._oauth.authorize(call)
            case "token":
                made = self._oauth.exchange(call)
                del made["_account"]
                return json_answer(made | {"token_type": "Bearer", "created_at": int(self._ground.clock.now())})
            case "revoke":
                fields = form(call) | _object(call)
                if (fields.get("client_id"), fields.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
                    words = "You are not authorized to revoke this token"
                    raise Refused(json_answer({"error": "unauthorized_client", "error_description": words}, status=403))
                self._oauth.revoke(str(fields.get("token", "")))
                return json_answer({})
            case _:
                return json_answer(_INSTANCE)

    def _register(self, call: Call) -> Answer:
        fields = form(call) | _object(call)
        name, address = fields.get("client_name"), fields.get("redirect_uris")
        if not name or not isinstance(address, str) or ":" not in address:
            raise refusal(422, "Validation failed: Redirect URI must be an absolute URI.")
        return json_answer(
            {
                "id": "1",
                "name": name,
                "website": fields.get("website"),
                "redirect_uri": address,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
            }
        )

    def _for_somebody(self, operation: str, scope: str | None, id: str, call: Call) -> Answer:
        token = self._oauth.look(bearer(call))
        if token is None or token.ended:
            raise refusal(401, "The access token was revoked" if token else "The access token is invalid")
        granted = token.scope.split()
        if scope is not None and scope not in granted and scope.partition(":")[0] not in granted:
            raise refusal(403, "This action is outside the authorized scopes")
        if BY_ID[token.account].disabled:
            raise refusal(403, "Your login is currently disabled")
        headers = self._spend(operation, token.account)
        try:
            answer = self._done(operation, id, token.account, call)
        except Refused as refused:
            refused.answer.headers |= headers
            raise
        answer.headers |= headers
        return answer

    def _done(self, operation: str, id: str, who: str, call: Call) -> Answer:
        match operation:
            case "verify_credentials":
                return json_answer(account(who))
            case "upload":
                return self._media.upload(call, who)
            case "media":
                return self._media.look(id, who)
            case "create_status":
                return self._statuses.create(call, who)
            case "status":
                return self._statuses.get(id)
            case _:
                return self._statuses.delete(id, who)

    def _spend(self, operation: str, who: str) -> dict[str, str]:
        limit, window = _LIMITS.get(operation, (300, 300))
        subject = operation if operation in _LIMITS else "all"
        spent = self._feed.spend(f"{subject}:{who}", limit, window)
        headers = {
            "x-ratelimit-limit": str(spent.limit),
            "x-ratelimit-remaining": str(spent.remaining),
            "x-ratelimit-reset": from_seconds(spent.resets_at),
        }
        if spent.exceeded:
            refused = refusal(429, "Too many requests")
            refused.answer.headers |= headers
            raise refused
        return headers

    def posts(self, account: str | None) -> list[dict[str, Any]]:
        """Live statuses, oldest first, of one account (id or name) or of all."""
        return self._statuses.posts(account)

    def expired_session(self) -> Answer:
        return refusal(401, "The access token is invalid").answer

    def challenge(self) -> Answer:
        return refusal(403, "Your login is missing a confirmed e-mail address").answer

    def journal_body(self, call: Call) -> Any:
        if not call.body:
            return None
        if call.operation == "upload":
            return {"size_bytes": len(call.body)}
        fields = _object(call) or form(call)
        shown = {name: "(hidden)" if name in _SECRET else value for name, value in fields.items()}
        key = call.headers.get("idempotency-key")
        return shown if key is None else shown | {"Idempotency-Key": key}

    def scenarios(self) -> list[Scenario]:
        return scenarios(self._ground.origin)


def _object(call: Call) -> dict[str, Any]:
    tree = call.json() if "json" in call.headers.get("content-type", "") else None
    return tree if isinstance(tree, dict) else {}


_INSTANCE = {
    "domain": HOST,
    "title": "Quillfern",
    "version": "4.4.0",
    "configuration": {
        "statuses": {"max_characters": LONGEST, "max_media_attachments": 4, "characters_reserved_per_url": LINK},
        "media_attachments": {
            "supported_mime_types": [*IMAGES, *VIDEOS],
            "description_limit": DESCRIPTION,
            "image_size_limit": IMAGE_BYTES,
            "image_matrix_limit": 33_177_600,
            "video_size_limit": VIDEO_BYTES,
        },
    },
}
