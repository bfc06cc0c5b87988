"""The official side of the simulated LinkedIn: OAuth, the versioned Posts API, and files for it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from postroom_sim import oauth
from postroom_sim.feed import Feed
from postroom_sim.linkedin import little, official_people, official_social
from postroom_sim.linkedin.official_files import Files
from postroom_sim.linkedin.official_people import BY_ID, LOGINS, Person, may_post_as
from postroom_sim.linkedin.official_refusals import (
    denied,
    duplicate,
    expired,
    invalid,
    invalid_token,
    no_token,
    refusal,
    revoked,
)
from postroom_sim.network import Answer, Call, Ground, Json, Refused, json_answer

_PREFIXES = ("/rest/", "/v2/", "/oauth/v2/", "/dms-uploads/posts/")
_VERSIONS = {f"{year}{month:02}" for year in (2025, 2026) for month in range(1, 13)} - {
    f"2025{month:02}" for month in range(1, 11)
}
# Source: "LinkedIn OAuth 2.0": access tokens live 60 days.
_ACCESS_SECONDS = 60 * 86_400
_LONGEST, _IMAGES = 3000, (2, 20)
_REMEMBERS_SECONDS = 48 * 3600
# Source: common experience; LinkedIn publishes no numbers.
_A_DAY = 100
_SECRETS = ("client_secret", "code", "refresh_token", "token", "code_verifier")
_VISIBILITIES = ("PUBLIC", "CONNECTIONS", "LOGGED_IN")


class Official:
    """What is not the web client's."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._feed = Feed(ground, "linkedin")
        self._files = Files(ground, self._feed)
        self._social = official_social.Social(ground, self._feed)
        self._oauth = oauth.OAuth(
            ground, "linkedin", LOGINS, access_seconds=_ACCESS_SECONDS, refresh=True, rotates=False, pkce=False
        )

    def concerns(self, call: Call) -> bool:
        """Whether this call is for the official API."""
        return call.path.startswith(_PREFIXES)

    def identify(self, call: Call) -> None:
        call.operation = _operation(call)
        call.account = self._oauth.account_of(oauth.bearer(call))

    def answer(self, call: Call) -> Answer:
        match call.operation:
            case "authorize":
                return self._oauth.authorize(call)
            case "accessToken" | "refreshToken":
                return self._exchange(call)
            case "revoke":
                return self._revoke(call)
        person, scope = self._caller(call)
        if call.path.startswith("/rest/"):
            _check_headers(call)
        table: dict[str, Callable[[], Answer]] = {
            "me": lambda: _me(call, person, scope),
            "organizationAcls": lambda: _acls(person, scope),
            "organizationsLookup": lambda: json_answer(official_people.lookup(re.findall(r"\d+", unquote(call.query)))),
            "initializeUpload": lambda: self._files.begin(call, person, scope, call.path.split("/")[2]),
            "finalizeUpload": lambda: self._files.finish(call, person, scope),
            "upload": lambda: self._files.put(call, person, scope),
            "fileStatus": lambda: self._files.status(unquote(call.path.rpartition("/")[2])),
            "createPost": lambda: self._create(call, person, scope),
            "deletePost": lambda: self._delete(call, person, scope),
            "createReaction": lambda: self._social.react(call, person, scope),
            "deleteReaction": lambda: self._social.unreact(call, person, scope),
            "createComment": lambda: self._social.comment(call, person, scope),
            "deleteComment": lambda: self._social.delete_comment(call, person, scope),
        }
        if call.operation not in table and official_social.operation_of(call) is not None:
            return self._social.figures(call, person)
        found = table.get(call.operation)
        if found is None:
            raise refusal(404, "RESOURCE_NOT_FOUND", f"No virtual resource found for {call.path}")
        return found()

    def journal_body(self, call: Call) -> Any:
        if call.operation == "upload":
            return {"size_bytes": len(call.body)}
        if call.path.startswith("/oauth/"):
            return {name: "(hidden)" if name in _SECRETS else value for name, value in oauth.form(call).items()}
        return call.json()

    def posts(self, account: str | None) -> list[Json]:
        """Live posts, oldest first, of one author (id, URN or login) or of all."""
        wanted = None
        if account:
            wanted = account if account.startswith("urn:") else f"urn:li:organization:{account}"
            person = BY_ID.get(LOGINS.get(account, account))
            wanted = person.urn if person else wanted
        shown = self._feed.shown(wanted)
        more = {post.id: post.more for post in self._feed.live(wanted)}
        return [
            {**post, "named": more[post["id"]]["named"], "visibility": more[post["id"]]["visibility"]} for post in shown
        ]

    def _exchange(self, call: Call) -> Answer:
        if "code_verifier" in oauth.form(call):
            # Source: UsefulSoftwareCo/executor issue 2087 (September 2026), a comparison against LinkedIn itself.
            raise Refused(json_answer({"error": "invalid_client", "error_description": "Client authentication failed"},
                                      status=401))  # fmt: skip
        made = self._oauth.exchange(call)
        del made["_account"]
        made["scope"] = made["scope"].replace(" ", ",")
        if not self._ground.switches["linkedin_refresh_tokens"]:
            made.pop("refresh_token", None)
        return json_answer(made)

    def _revoke(self, call: Call) -> Answer:
        self._oauth.revoke(oauth.form(call).get("token", ""))
        return Answer(200)

    def _caller(self, call: Call) -> tuple[Person, str]:
        token = oauth.bearer(call)
        found = self._oauth.look(token)
        if token is None:
            raise no_token()
        if found is None:
            raise invalid_token()
        if found.ended:
            raise revoked()
        if found.expired:
            raise expired()
        return BY_ID[found.account], found.scope

    def _create(self, call: Call, person: Person, scope: str) -> Answer:
        tree = call.json()
        if not isinstance(tree, dict):
            raise invalid("The body is no JSON object")
        author = tree.get("author")
        if person.login == "user_banned" or not may_post_as(person, author, scope):
            raise denied("posts.CREATE.202601")
        commentary = tree.get("commentary")
        if not isinstance(commentary, str) or tree.get("lifecycleState") != "PUBLISHED":
            raise invalid("/commentary and /lifecycleState are required", 422)
        if tree.get("visibility") not in _VISIBILITIES or not isinstance(tree.get("distribution"), dict):
            raise invalid("/visibility and /distribution are required", 422)
        text, named = little.read(commentary)
        if len(text) > _LONGEST:
            raise invalid(f"/commentary :: length of {len(text)} exceeds {_LONGEST}", 422)
        media = self._media(tree.get("content"), str(author))
        self._spend(person)
        fingerprint = hashlib.sha256(json.dumps([author, commentary, tree.get("content")]).encode()).hexdigest()
        known = self._known(fingerprint)
        if known is not None:
            raise duplicate(known)
        number = (int(self._ground.clock.now() * 1000) << 22) + self._feed.next("post")
        urn = f"urn:li:{'ugcPost' if media else 'share'}:{number}"
        more = {
            "fingerprint": fingerprint,
            "named": named,
            "visibility": tree["visibility"],
            "reshared": (tree.get("reshareContext") or {}).get("parent"),
        }
        self._feed.add(urn, str(author), text, media=media, more=more)
        return Answer(201, headers={"x-restli-id": urn, "x-linkedin-id": urn})

    def _media(self, content: Any, owner: str) -> list[Json]:
        if content is None:
            return []
        tree = content if isinstance(content, dict) else {}
        several = tree.get("multiImage")
        if isinstance(several, dict):
            images = several.get("images")
            least, most = _IMAGES
            if not isinstance(images, list) or not least <= len(images) <= most:
                raise invalid("multiImage has 2 to 20 images", 422)
            return [self._shown(image, owner, ("image",)) for image in images]
        if isinstance(tree.get("media"), dict):
            return [self._shown(tree["media"], owner, ("image", "video"))]
        raise invalid("/content is of no known kind", 422)

    def _shown(self, item: Any, owner: str, kinds: tuple[str, ...]) -> Json:
        named = item if isinstance(item, dict) else {}
        file = self._files.usable(named.get("id"), owner, kinds)
        return {
            "type": file.more["kind"],
            "alt": named.get("altText", ""),
            "size": file.more["size"],
            "urn": file.id,
        }

    def _known(self, fingerprint: str) -> str | None:
        """The same post of the last two days, taken down or not."""
        row = self._ground.database.one(
            "SELECT id FROM feed_posts WHERE network = 'linkedin' AND created_at > ?"
            " AND json_extract(more, '$.fingerprint') = ? ORDER BY created_at DESC LIMIT 1",
            (self._ground.clock.now() - _REMEMBERS_SECONDS, fingerprint),
        )
        return row[0] if row else None

    def _spend(self, person: Person) -> None:
        spent = self._feed.spend(f"posts:{person.id}", _A_DAY, 86_400)
        if spent.exceeded:
            words = "Resource level throttle MEMBER DAY limit for calls to this resource is reached."
            raise refusal(429, "TOO_MANY_REQUESTS", words, 101)

    def _delete(self, call: Call, person: Person, scope: str) -> Answer:
        raw = call.path.removeprefix("/rest/posts/")
        if ":" in raw:
            raise invalid("Syntax exception in path variables")
        post = self._feed.find(unquote(raw))
        if post is not None and not may_post_as(person, post.account, scope):
            raise denied("posts.DELETE.202601")
        self._feed.remove(unquote(raw))
        return Answer(204)


def _check_headers(call: Call) -> None:
    version = call.headers.get("linkedin-version")
    if version is None:
        words = "A version must be present. Please specify a version by adding the LinkedIn-Version header."
        raise refusal(400, "VERSION_MISSING", words)
    if version not in _VERSIONS:
        raise refusal(426, "NONEXISTENT_VERSION", f"Requested version {version} is not active")
    if call.headers.get("x-restli-protocol-version") != "2.0.0":
        raise invalid("X-Restli-Protocol-Version must be 2.0.0")


def _me(call: Call, person: Person, scope: str) -> Answer:
    if call.path == "/v2/userinfo":
        if "openid" not in scope:
            raise denied("userinfo.GET.NO_VERSION")
        name = f"{person.first_name} {person.last_name}"
        return json_answer({"sub": person.id, "name": name, "given_name": person.first_name})
    if "r_basicprofile" not in scope:
        raise denied("me.GET.NO_VERSION")
    tree = {"id": person.id, "localizedFirstName": person.first_name, "localizedLastName": person.last_name}
    return json_answer(tree)


def _acls(person: Person, scope: str) -> Answer:
    if "organization_admin" not in scope:
        raise denied("organizationAcls.FINDER-roleAssignee.202601")
    return json_answer(official_people.acls(person))


def _operation(call: Call) -> str:
    action = parse_qs(call.query).get("action", [""])[0]
    if call.path.startswith("/dms-uploads/posts/"):
        return "upload"
    refreshes = call.path == "/oauth/v2/accessToken" and oauth.form(call).get("grant_type") == "refresh_token"
    fixed = {
        ("GET", "/oauth/v2/authorization", ""): "authorize",
        ("POST", "/oauth/v2/accessToken", ""): "refreshToken" if refreshes else "accessToken",
        ("POST", "/oauth/v2/revoke", ""): "revoke",
        ("GET", "/v2/userinfo", ""): "me",
        ("GET", "/v2/me", ""): "me",
        ("GET", "/rest/organizationAcls", ""): "organizationAcls",
        ("GET", "/rest/organizationsLookup", ""): "organizationsLookup",
        ("POST", "/rest/images", "initializeUpload"): "initializeUpload",
        ("POST", "/rest/videos", "initializeUpload"): "initializeUpload",
        ("POST", "/rest/videos", "finalizeUpload"): "finalizeUpload",
        ("POST", "/rest/posts", ""): "createPost",
    }
    found = fixed.get((call.method, call.path, action))
    if found is not None:
        return found
    if call.method == "DELETE" and call.path.startswith("/rest/posts/"):
        return "deletePost"
    if call.method == "GET" and call.path.startswith(("/rest/images/", "/rest/videos/")):
        return "fileStatus"
    return official_social.operation_of(call) or "unknown"
