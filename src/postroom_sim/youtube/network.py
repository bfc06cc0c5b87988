"""The simulated YouTube: Google's tokens, the channel, and videos that come up in sessions.

Source: YouTube Data API v3 (channels, videos, resumable uploads, errors), Google Identity (OAuth 2.0 for web server
applications), checked 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from postroom_sim.feed import Feed, File
from postroom_sim.network import Answer, Call, Ground, Quiet, Refused, Scenario, json_answer
from postroom_sim.oauth import OAuth, bearer, form
from postroom_sim.youtube.people import CHANNELS, PEOPLE, scenarios

Json = dict[str, Any]

_SCOPE = "https://www.googleapis.com/auth/youtube"
_UPLOADS = "/upload/youtube/v3/videos"
_HOUR_SECONDS = 3600
_WEEK_SECONDS = 7 * 86_400
_QUARTER_MIB = 256 * 1024
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+)")
# Units a day of one project, and what calls cost.
_QUOTA = 10_000
_COSTS = {"begin": 1600, "delete": 50, "channel": 1, "videos": 1}


class YouTube(Quiet):
    name = "youtube"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._feed = Feed(ground, self.name)
        logins = {login: person.channel for login, person in PEOPLE.items()}
        self._oauth = OAuth(ground, self.name, logins, access_seconds=_HOUR_SECONDS, refresh=True, rotates=False)
        self._calls: dict[tuple[str, str], tuple[str, Callable[[Call], Answer]]] = {
            ("GET", "/o/oauth2/v2/auth"): ("authorize", self._oauth.authorize),
            ("POST", "/token"): ("token", self._token),
            ("POST", "/revoke"): ("revoke", self._revoke),
            ("GET", "/youtube/v3/channels"): ("channel", self._channel),
            ("GET", "/youtube/v3/videos"): ("videos", self._videos),
            ("DELETE", "/youtube/v3/videos"): ("delete", self._delete),
            ("POST", _UPLOADS): ("begin", self._begin),
            ("PUT", _UPLOADS): ("send", self._send),
        }

    def identify(self, call: Call) -> None:
        call.operation = self._calls.get((call.method, call.path), ("unknown", None))[0]
        if call.operation == "send" and call.headers.get("content-range", "").startswith("bytes */"):
            call.operation = "progress"
        call.account = self._oauth.account_of(bearer(call))

    def answer(self, call: Call) -> Answer:
        _, method = self._calls.get((call.method, call.path), (None, None))
        if method is None:
            raise _no(404, "notFound", "Not Found")
        cost = _COSTS.get(call.operation)
        if cost and self._feed.spend("project", _QUOTA, 86_400, cost).exceeded:
            raise _no(
                403,
                "quotaExceeded",
                'The request cannot be completed because you have exceeded your <a href="/youtube/v3/getting-started#quota">'
                "quota</a>.",
                "youtube.quota",
            )
        return method(call)

    # tokens and channels

    def _token(self, call: Call) -> Answer:
        made = self._oauth.exchange(call)
        made.pop("_account")
        return json_answer({**made, "token_type": "Bearer"})

    def _revoke(self, call: Call) -> Answer:
        if not self._oauth.revoke(form(call).get("token", "")):
            body = {"error": "invalid_token", "error_description": "Token expired or revoked"}
            raise Refused(json_answer(body, status=400))
        return json_answer({})

    def _channel(self, call: Call) -> Answer:
        person = CHANNELS[self._caller(call)]
        listed: Json = {"kind": "youtube#channelListResponse", "pageInfo": {"totalResults": 1, "resultsPerPage": 5}}
        if person.channel.startswith("none"):
            return json_answer({**listed, "pageInfo": {"totalResults": 0, "resultsPerPage": 5}})
        thumbnail = {"url": f"{self._ground.origin}/{self.name}/avatars/1.jpg", "width": 88, "height": 88}
        snippet = {"title": person.name, "customUrl": person.handle, "thumbnails": {"default": thumbnail}}
        item = {"kind": "youtube#channel", "id": person.channel, "snippet": snippet}
        return json_answer({**listed, "items": [item]})

    def _caller(self, call: Call) -> str:
        token = self._oauth.look(bearer(call))
        if token is None or token.ended or token.expired:
            raise _unauthorised()
        if _SCOPE not in token.scope.split():
            raise _no(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
        person = CHANNELS[token.account]
        if person.suspended:
            raise _no(
                403,
                "authenticatedUserAccountSuspended",
                "The YouTube account of the authenticated user is suspended.",
                "youtube.common",
            )
        return token.account

    # videos

    def _begin(self, call: Call) -> Answer:
        account = self._caller(call)
        tree = call.json()
        if parse_qs(call.query).get("uploadType") != ["resumable"] or not isinstance(tree, dict):
            raise _no(400, "mediaBodyRequired", "The request does not include the video content.", "youtube.video")
        snippet, status = tree.get("snippet") or {}, tree.get("status") or {}
        title, description = snippet.get("title"), snippet.get("description", "")
        if not isinstance(title, str) or not title or len(title) > 100 or re.search("[<>]", title):
            raise _no(400, "invalidTitle", "The request metadata specifies an invalid or empty video title.")
        if not isinstance(description, str) or len(description.encode()) > 5000 or re.search("[<>]", description):
            raise _no(400, "invalidDescription", "The request metadata specifies an invalid video description.")
        if status.get("privacyStatus") not in ("public", "unlisted", "private"):
            raise _no(400, "invalidVideoMetadata", "The request metadata is invalid.")
        if CHANNELS[account].limited:
            raise _no(400, "uploadLimitExceeded", "The user has exceeded the number of videos they may upload.")
        length = call.headers.get("x-upload-content-length", "")
        session = f"AAANsU{self._feed.next('upload'):06d}simulated"
        more = {"video": tree, "size": int(length) if length.isdigit() else None}
        self._feed.keep_file(session, account, call.headers.get("x-upload-content-type", ""), b"", more)
        url = (
            f"{self._ground.origin}/{self.name}{_UPLOADS}?uploadType=resumable&part=snippet,status&upload_id={session}"
        )
        return Answer(200, b"", {"location": url, "x-guploader-uploadid": session})

    def _send(self, call: Call) -> Answer:
        """Bytes for a session, or (`bytes */n`) a question how many there are. The last byte publishes."""
        session = self._feed.file(parse_qs(call.query).get("upload_id", [""])[0])
        if session is None or self._ground.clock.now() > session.more.get("at", session.created_at) + _WEEK_SECONDS:
            return Answer(404, b"Not Found", {"content-type": "text/plain"})
        if self._caller(call) != session.account:
            raise _no(403, "forbidden", "Forbidden")
        if "video_id" in session.more:
            return json_answer(self._resource(session))
        found = _RANGE.fullmatch(call.headers.get("content-range", ""))
        received = len(session.content)
        if found is None or (session.more["size"] is not None and int(found.group(3)) != session.more["size"]):
            return Answer(400, b"Invalid Content-Range", {"content-type": "text/plain"})
        if found.group(1) is None or int(found.group(1)) != received:
            return _more(received)
        first, last, total = int(found.group(1)), int(found.group(2)), int(found.group(3))
        if len(call.body) != last - first + 1 or last >= total:
            return Answer(400, b"Failed to parse Content-Range header.", {"content-type": "text/plain"})
        taken = call.body if last + 1 == total else call.body[: len(call.body) // _QUARTER_MIB * _QUARTER_MIB]
        more = {"at": session.created_at, **session.more}
        content = session.content + taken
        if len(content) < total:
            self._feed.keep_file(session.id, session.account, session.media_type, content, more)
            return _more(len(content))
        more["video_id"] = f"sim{self._feed.next('video'):08d}"
        kept = self._feed.keep_file(session.id, session.account, session.media_type, content, more)
        snippet = more["video"]["snippet"]
        facts = {
            "title": snippet["title"],
            "description": snippet.get("description", ""),
            "privacy": more["video"]["status"]["privacyStatus"],
        }
        media = [{"type": "video", "alt": "", "size": total, "content_type": session.media_type}]
        text = facts["description"] or facts["title"]
        self._feed.add(more["video_id"], session.account, text, media=media, more=facts)
        return json_answer(self._resource(kept))

    def _resource(self, session: File) -> Json:
        video = session.more["video"]
        return {
            "kind": "youtube#video",
            "id": session.more["video_id"],
            "snippet": {**video["snippet"], "channelId": session.account},
            "status": {**video["status"], "uploadStatus": "uploaded"},
        }

    def _videos(self, call: Call) -> Answer:
        account = self._caller(call)
        wanted = parse_qs(call.query).get("id", [""])[0].split(",")
        found = [post for post in map(self._feed.find, wanted) if post is not None]
        shown = [post for post in found if post.account == account or post.more["privacy"] != "private"]
        items = [{"kind": "youtube#video", "id": post.id, "snippet": {"title": post.more["title"]}} for post in shown]
        return json_answer({"kind": "youtube#videoListResponse", "items": items})

    def _delete(self, call: Call) -> Answer:
        account = self._caller(call)
        video = self._feed.find(parse_qs(call.query).get("id", [""])[0])
        if video is None:
            words = "The video that you are trying to delete cannot be found."
            raise _no(404, "videoNotFound", words, "youtube.video")
        if video.account != account:
            raise _no(403, "forbidden", "The video that you are trying to delete cannot be deleted.", "youtube.video")
        self._feed.remove(video.id)
        return Answer(204)

    # what every network has

    def expired_session(self) -> Answer:
        return _unauthorised().answer

    def challenge(self) -> Answer:
        return _no(401, "youtubeSignupRequired", "Unauthorized", "youtube.header").answer

    def journal_body(self, call: Call) -> Any:
        if call.operation in ("send", "progress"):
            return {"content_range": call.headers.get("content-range"), "size_bytes": len(call.body)}
        return call.json() if call.operation == "begin" else None

    def journal_query(self, call: Call) -> str:
        return "" if call.operation in ("send", "progress", "authorize") else call.query

    def scenarios(self) -> list[Scenario]:
        return scenarios(self._ground.origin)

    def posts(self, account: str | None) -> list[Json]:
        """Videos, oldest first, with title and privacy; private ones as well."""
        person = PEOPLE.get(account or "")
        channel = person.channel if person else account
        return [
            {**each, **post.more}
            for each, post in zip(self._feed.shown(channel), self._feed.live(channel), strict=True)
        ]


def _more(received: int) -> Answer:
    """308: go on from there."""
    return Answer(308, b"", {"range": f"bytes=0-{received - 1}"} if received else {})


def _unauthorised() -> Refused:
    words = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid."
    )
    return _no(401, "authError", words)


def _no(status: int, reason: str, message: str, domain: str = "global") -> Refused:
    error = {"code": status, "message": message, "errors": [{"message": message, "domain": domain, "reason": reason}]}
    return Refused(json_answer({"error": error}, status=status))
