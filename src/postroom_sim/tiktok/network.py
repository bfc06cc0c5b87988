"""The simulated TikTok: its tokens, the Content Posting API, and the address that takes videos.

Source: TikTok for Developers, Content Posting API, Login Kit and Display API, checked 2026-11-21.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from postroom_sim.feed import Feed, File, Spent
from postroom_sim.network import Answer, Call, Ground, Quiet, Refused, Scenario, json_answer
from postroom_sim.oauth import OAuth, bearer, form
from postroom_sim.tiktok.people import NAMES, PEOPLE, scenarios

Json = dict[str, Any]

_MIB = 1_000_000
_URL_SECONDS = 3600
_DAY_SECONDS = 86_400
_DAILY_POSTS = 15
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")
_STATUS = {
    "access_token_invalid": 401,
    "scope_not_authorized": 401,
    "rate_limit_exceeded": 429,
    "spam_risk_too_many_posts": 403,
    "spam_risk_user_banned_from_posting": 403,
    "unaudited_client_can_only_post_to_private_accounts": 403,
    "internal_error": 500,
}
# Calls in a minute for each user.
_LIMITS = {"creator_info": 20, "begin": 6, "status": 30}


class TikTok(Quiet):
    name = "tiktok"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._feed = Feed(ground, self.name)
        logins = {login: person.open_id for login, person in PEOPLE.items()}
        self._oauth = OAuth(
            ground,
            self.name,
            logins,
            access_seconds=_DAY_SECONDS,
            refresh=True,
            pkce=False,
            client_id_name="client_key",
        )
        self._calls: dict[tuple[str, str], tuple[str, Callable[[Call], Answer]]] = {
            ("GET", "/v2/auth/authorize/"): ("authorize", self._oauth.authorize),
            ("POST", "/v2/oauth/token/"): ("token", self._token),
            ("POST", "/v2/oauth/revoke/"): ("revoke", self._revoke),
            ("GET", "/v2/user/info/"): ("user_info", self._user_info),
            ("POST", "/v2/post/publish/creator_info/query/"): ("creator_info", self._creator_info),
            ("POST", "/v2/post/publish/video/init/"): ("begin", self._begin),
            ("POST", "/v2/post/publish/status/fetch/"): ("status", self._status),
            ("PUT", "/video/"): ("send", self._send),
        }

    def identify(self, call: Call) -> None:
        call.operation = self._calls.get((call.method, call.path), ("unknown", None))[0]
        call.account = self._oauth.account_of(bearer(call))
        if call.operation == "send":
            upload = self._upload_of(call)
            call.account = upload.account if upload else None

    def answer(self, call: Call) -> Answer:
        _, method = self._calls.get((call.method, call.path), (None, None))
        if method is None:
            return Answer(404, b"404 page not found", {"content-type": "text/plain"})
        if call.operation in _LIMITS and call.account:
            self._check(self._feed.spend(f"{call.operation}:{call.account}", _LIMITS[call.operation], 60))
        return method(call)

    # tokens and people

    def _token(self, call: Call) -> Answer:
        made = self._oauth.exchange(call)
        account = made.pop("_account")
        return json_answer({**made, "token_type": "Bearer", "open_id": account, "refresh_expires_in": 31_536_000})

    def _revoke(self, call: Call) -> Answer:
        fields = form(call)
        if not self._oauth.revoke(fields.get("token", "")):
            raise Refused(
                json_answer({"error": "invalid_request", "error_description": "Token is invalid"}, status=400)
            )
        return json_answer({})

    def _user_info(self, call: Call) -> Answer:
        person = NAMES[self._caller(call)]
        user = {"open_id": person.open_id, "display_name": person.name, "avatar_url": f"{self._origin}/avatars/1.jpeg"}
        return _ok({"user": user})

    def _creator_info(self, call: Call) -> Answer:
        person = NAMES[self._caller(call)]
        if person.banned:
            raise _no("spam_risk_user_banned_from_posting", "The user is banned from making new posts")
        return _ok(
            {
                "creator_avatar_url": f"{self._origin}/avatars/1.jpeg",
                "creator_username": person.username,
                "creator_nickname": person.name,
                "privacy_level_options": list(person.options),
                "comment_disabled": False,
                "duet_disabled": person.duet_disabled,
                "stitch_disabled": False,
                "max_video_post_duration_sec": 600,
            }
        )

    def _caller(self, call: Call, scope: str = "") -> str:
        token = self._oauth.look(bearer(call))
        if token is None or token.ended or token.expired:
            raise _no("access_token_invalid", "The access token is invalid or not found in the request.")
        if scope and scope not in token.scope.split(","):
            raise _no(
                "scope_not_authorized", "The user did not authorize the scope required for completing this request."
            )
        return token.account

    # posting

    def _begin(self, call: Call) -> Answer:
        account = self._caller(call, "video.publish")
        tree = call.json()
        post, source = (tree.get(name) if isinstance(tree, dict) else None for name in ("post_info", "source_info"))
        if not isinstance(post, dict) or not isinstance(source, dict):
            raise _no("invalid_params", "The post_info or source_info is missing")
        self._check_post(account, post)
        size, chunk, count = (_number(source, name) for name in ("video_size", "chunk_size", "total_chunk_count"))
        if source.get("source") != "FILE_UPLOAD":
            raise _no("invalid_params", "The source_info is invalid")
        _check_chunks(size, chunk, count)
        live = self._feed.live(account, since=self._ground.clock.now() - _DAY_SECONDS)
        if len(live) >= _DAILY_POSTS and self._ground.switches["enforce_rate_limits"]:
            raise _no("spam_risk_too_many_posts", "The daily post cap from the API is reached for the current user.")
        number = self._feed.next("upload")
        publish_id = f"v_pub_file~v2-1.{7_350_000_000_000_000_000 + number * 7919}"
        more = {"post": post, "size": size, "chunk": chunk, "count": count, "token": f"upload-token-{number}"}
        self._feed.keep_file(publish_id, account, "", b"", more)
        url = f"{self._origin}/video/?upload_id={publish_id}&upload_token={more['token']}"
        return _ok({"publish_id": publish_id, "upload_url": url})

    def _check_post(self, account: str, post: Json) -> None:
        person = NAMES[account]
        if person.banned:
            raise _no("spam_risk_user_banned_from_posting", "The user is banned from making new posts")
        title = post.get("title", "")
        if not isinstance(title, str) or len(title.encode("utf-16-le")) // 2 > 2200:
            raise _no("invalid_params", "The title is too long")
        if post.get("privacy_level") not in person.options:
            raise _no("privacy_level_option_mismatch", "privacy_level is not specified or not among the options")
        if person.unaudited and post["privacy_level"] != "SELF_ONLY":
            raise _no(
                "unaudited_client_can_only_post_to_private_accounts",
                "Unaudited clients can only post to private accounts.",
            )
        if person.duet_disabled and not post.get("disable_duet"):
            raise _no("invalid_params", "The creator does not allow duets")

    def _send(self, call: Call) -> Answer:
        """One chunk, in order. The last one publishes."""
        upload = self._upload_of(call)
        if upload is None:
            return Answer(404, b"upload task not found", {"content-type": "text/plain"})
        if self._ground.clock.now() > upload.more.get("begun_at", upload.created_at) + _URL_SECONDS:
            return Answer(403, b"upload url expired", {"content-type": "text/plain"})
        found = _RANGE.fullmatch(call.headers.get("content-range", ""))
        first, last, total = (int(each) for each in found.groups()) if found else (-1, -1, -1)
        if total != upload.more["size"] or len(call.body) != last - first + 1:
            return Answer(400, b"invalid content-range", {"content-type": "text/plain"})
        received = len(upload.content)
        chunk, count = upload.more["chunk"], upload.more["count"]
        ends = [*(chunk * number for number in range(1, count)), total]
        if first != received or last + 1 not in ends:
            return Answer(416, b"range not satisfiable", {"content-type": "text/plain"})
        more = {"begun_at": upload.created_at, **upload.more}
        if last + 1 == total:
            more["complete_at"] = self._ground.clock.now()
        content = upload.content + call.body
        self._feed.keep_file(upload.id, upload.account, call.headers.get("content-type", ""), content, more)
        if last + 1 < total:
            return Answer(206, b"", {"content-range": f"bytes 0-{last}/{total}"})
        if not self._ground.switches["processing_seconds"]:
            self._publish(upload.id)
        return Answer(201)

    def _status(self, call: Call) -> Answer:
        account = self._caller(call, "video.publish")
        tree = call.json()
        publish_id = tree.get("publish_id") if isinstance(tree, dict) else None
        upload = self._feed.file(str(publish_id))
        if upload is None or upload.account != account:
            raise _no("invalid_publish_id", "The publish_id does not exist")
        done_at = upload.more.get("complete_at")
        if done_at is not None and self._ground.clock.now() >= done_at + self._ground.switches["processing_seconds"]:
            self._publish(upload.id)
            upload = self._feed.file(upload.id) or upload
        data: Json = {"status": "PROCESSING_UPLOAD", "uploaded_bytes": len(upload.content), "downloaded_bytes": 0}
        if "fail_reason" in upload.more:
            data |= {"status": "FAILED", "fail_reason": upload.more["fail_reason"]}
        elif "post_id" in upload.more:
            public = upload.more["post"]["privacy_level"] == "PUBLIC_TO_EVERYONE"
            ids = [int(upload.more["post_id"])] if public else []
            data |= {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": ids}
        return _ok(data)

    def _publish(self, publish_id: str) -> None:
        """TikTok is done with a video; at most once."""
        upload = self._feed.file(publish_id)
        if upload is None or "post_id" in upload.more or "fail_reason" in upload.more:
            return
        more = dict(upload.more)
        if b"ftyp" not in upload.content[:32] and not upload.content.startswith(b"\x1aE\xdf\xa3"):
            more["fail_reason"] = "file_format_check_failed"
        else:
            post_id = str(7_400_000_000_000_000_000 + self._feed.next("post") * 104_729)
            more["post_id"] = post_id
            video = {"type": "video", "alt": "", "size": len(upload.content), "content_type": upload.media_type}
            self._feed.add(post_id, upload.account, more["post"].get("title", ""), media=[video], more=more["post"])
        self._feed.keep_file(upload.id, upload.account, upload.media_type, upload.content, more)

    def _upload_of(self, call: Call) -> File | None:
        fields = form(Call(call.method, call.path, call.query, call.headers, b""))
        upload = self._feed.file(fields.get("upload_id", ""))
        return upload if upload is not None and upload.more["token"] == fields.get("upload_token") else None

    def _check(self, spent: Spent) -> None:
        if spent.exceeded:
            raise _no("rate_limit_exceeded", "The API rate limit was exceeded. Please try again later.")

    @property
    def _origin(self) -> str:
        return f"{self._ground.origin}/{self.name}"

    # what every network has

    def expired_session(self) -> Answer:
        return _no("access_token_invalid", "The access token is invalid or not found in the request.").answer

    def challenge(self) -> Answer:
        return _no("scope_not_authorized", "The user did not authorize the scope required.").answer

    def journal_body(self, call: Call) -> Any:
        if call.operation == "send":
            return {"content_range": call.headers.get("content-range"), "size_bytes": len(call.body)}
        return call.json() if call.operation in ("begin", "status", "creator_info") else None

    def journal_query(self, call: Call) -> str:
        return "" if call.operation in ("send", "authorize") else call.query

    def scenarios(self) -> list[Scenario]:
        return scenarios(self._ground.origin)

    def posts(self, account: str | None) -> list[Json]:
        """Live posts, oldest first, with what was said of each; those for oneself as well."""
        person = PEOPLE.get(account or "")
        live = self._feed.live(person.open_id if person else account)
        shown = self._feed.shown(person.open_id if person else account)
        return [{**each, **post.more} for each, post in zip(shown, live, strict=True)]


def _number(source: Json, name: str) -> int:
    value = source.get(name)
    return value if isinstance(value, int) else 0


def _check_chunks(size: int, chunk: int, count: int) -> None:
    """The cut that TikTok takes: from 5 to 64 MB, the last one up to 128 MB; what is smaller than 5 MB in one."""
    whole = count == 1 and chunk == size
    right = 1 <= count <= 1000 and chunk > 0 and count == size // chunk and 5 * _MIB <= chunk <= 64 * _MIB
    if size <= 0 or size > 4 * 1024**3 or not (right or (whole and size <= 64 * _MIB)):
        raise _no("invalid_params", "The chunk size or the chunk count is invalid")


def _ok(data: Json) -> Answer:
    return json_answer({"data": data, "error": {"code": "ok", "message": "", "log_id": "2026112112000000"}})


def _no(code: str, message: str) -> Refused:
    error = {"code": code, "message": message, "log_id": "2026112112000000"}
    return Refused(json_answer({"data": {}, "error": error}, status=_STATUS.get(code, 400)))
