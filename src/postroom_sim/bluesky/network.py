"""The simulated Bluesky, put together: one PDS under /bluesky/xrpc."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import msgspec

from postroom_sim.bluesky import posts
from postroom_sim.bluesky.limits import Limits
from postroom_sim.bluesky.records import Records
from postroom_sim.bluesky.refusals import invalid, refusal
from postroom_sim.bluesky.scenarios import ACCOUNTS, scenarios
from postroom_sim.bluesky.sessions import SERVER_DID, Sessions
from postroom_sim.moments import from_seconds
from postroom_sim.network import Answer, Call, Ground, Refused, Scenario, json_answer

_XRPC = "/xrpc/"


class Bluesky:
    name = "bluesky"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._database = ground.database
        self._sessions = Sessions(ground)
        self._records = Records(ground, self._sessions)
        self._limits = Limits(ground)
        self._methods: dict[str, tuple[str, Callable[[Call], Answer]]] = {
            "com.atproto.server.createSession": ("POST", self._sessions.create),
            "com.atproto.server.refreshSession": ("POST", self._sessions.refresh),
            "com.atproto.server.getSession": ("GET", self._sessions.get),
            "com.atproto.server.deleteSession": ("POST", self._sessions.delete),
            "com.atproto.server.describeServer": ("GET", self._describe_server),
            "com.atproto.identity.resolveHandle": ("GET", self._resolve_handle),
            "com.atproto.repo.uploadBlob": ("POST", self._records.upload_blob),
            "com.atproto.repo.createRecord": ("POST", self._records.create),
            "com.atproto.repo.putRecord": ("POST", self._records.put),
            "com.atproto.repo.getRecord": ("GET", self._records.get),
            "com.atproto.repo.listRecords": ("GET", self._records.page),
            "com.atproto.repo.deleteRecord": ("POST", self._records.delete),
            "com.atproto.sync.getBlob": ("GET", self._records.get_blob),
        }

    def identify(self, call: Call) -> None:
        nsid = call.path.removeprefix(_XRPC)
        call.operation = nsid.rpartition(".")[2] if nsid in self._methods else "unknown"
        call.account = self._sessions.did_of(call)
        if call.operation == "createSession":
            tree = call.json()
            account = self._sessions.find_account(tree.get("identifier")) if isinstance(tree, dict) else None
            call.account = account.did if account else None

    def answer(self, call: Call) -> Answer:
        verb, method = self._methods.get(call.path.removeprefix(_XRPC), (None, None))
        if verb is None or method is None:
            if not call.path.startswith(_XRPC):
                raise Refused(Answer(404, b"Not Found", {"content-type": "text/plain"}))
            raise refusal("MethodNotImplemented", "Method Not Implemented")
        if call.method != verb:
            raise invalid(f"Incorrect HTTP method ({call.method}) expected {verb}")
        headers = self._limits.spend(call)
        try:
            answer = method(call)
        except Refused as refused:
            refused.answer.headers |= headers
            raise
        answer.headers |= headers
        return answer

    def _describe_server(self, call: Call) -> Answer:
        return json_answer(
            {
                "did": SERVER_DID,
                "availableUserDomains": [".test"],
                "inviteCodeRequired": True,
                "links": {},
                "contact": {},
            }
        )

    def _resolve_handle(self, call: Call) -> Answer:
        handle = parse_qs(call.query).get("handle", [""])[0].lower()
        account = self._sessions.find_account(handle)
        if account is None or account.handle != handle:
            raise invalid("Unable to resolve handle")
        return json_answer({"did": account.did})

    def commit_done(self) -> None:
        """Nobody listens."""

    def forget_pending(self) -> None:
        """Nothing is pending."""

    def expired_session(self) -> Answer:
        return refusal("ExpiredToken", "Token has expired").answer

    def challenge(self) -> Answer:
        return refusal("AuthFactorTokenRequired", "A sign in code has been sent to your email address").answer

    def truncate_page(self, answer: Answer, length: int) -> Answer:
        if answer.status != 200 or b'"records"' not in answer.body:
            return answer
        tree = msgspec.json.decode(answer.body)
        tree["records"] = tree["records"][:length]
        return json_answer(tree)

    def journal_body(self, call: Call) -> Any:
        if not call.body:
            return None
        if call.operation == "uploadBlob":
            return {"size_bytes": len(call.body)}
        tree = call.json()
        if not isinstance(tree, dict):
            return call.body.decode("utf-8", "replace")[:10_000]
        secret = ("password", "authFactorToken")
        return {name: "(hidden)" if name in secret else value for name, value in tree.items()}

    def journal_query(self, call: Call) -> str:
        return call.query

    def seed(self) -> None:
        source = random.Random(f"{self._ground.seed}:bluesky")
        for handle, password, taken_down, factor, _ in ACCOUNTS:
            did = "did:plc:" + "".join(source.choices("abcdefghijklmnopqrstuvwxyz234567", k=24))
            email = f"{handle.partition('.')[0]}@mail.test"
            self._database.execute(
                "INSERT INTO bluesky_accounts VALUES (?, ?, ?, ?, ?, ?)",
                (did, handle, password, email, taken_down, factor),
            )

    def freshen(self) -> None:
        """A PDS has nothing to say by itself."""

    def scenarios(self) -> list[Scenario]:
        return scenarios(self._ground.origin)

    def end_streams(self, wanted: Callable[[str], bool]) -> int:
        return 0

    def stop(self) -> None:
        """No streams to end."""

    # what the control plane shows

    def posts(self, account: str | None) -> list[dict[str, Any]]:
        """Live posts, oldest first, of one account (handle or DID) or of all."""
        wanted = self._sessions.find_account(account) if account else None
        if account and wanted is None:
            return []
        sql = (
            "SELECT did, rkey, cid, value FROM bluesky_records"
            " WHERE collection = ? AND (? IS NULL OR did = ?) ORDER BY rkey"
        )
        did = wanted.did if wanted else None
        found = []
        for owner, rkey, cid, value in self._database.all(sql, (posts.COLLECTION, did, did)):
            record = json.loads(value)
            embed = record.get("embed") or {}
            found.append(
                {
                    "id": f"at://{owner}/{posts.COLLECTION}/{rkey}",
                    "uri": f"at://{owner}/{posts.COLLECTION}/{rkey}",
                    "cid": cid,
                    "account": owner,
                    "text": record.get("text", ""),
                    "created_at": record.get("createdAt"),
                    "images": [
                        {
                            "cid": image["image"]["ref"]["$link"],
                            "alt": image.get("alt", ""),
                            "size": image["image"]["size"],
                        }
                        for image in embed.get("images", [])
                    ],
                    "facets": record.get("facets", []),
                    "reply": record.get("reply"),
                    "reply_to": ((record.get("reply") or {}).get("parent") or {}).get("uri"),
                    "media": [
                        {"type": "image", "alt": image.get("alt", ""), "size": image["image"]["size"]}
                        for image in embed.get("images", [])
                    ],
                }
            )
        return found

    def blobs(self, account: str | None) -> list[dict[str, Any]]:
        wanted = self._sessions.find_account(account) if account else None
        if account and wanted is None:
            return []
        did = wanted.did if wanted else None
        sql = (
            "SELECT did, cid, media_type, size, uploaded_at, EXISTS (SELECT 1 FROM bluesky_record_blobs r"
            " WHERE r.did = b.did AND r.cid = b.cid) FROM bluesky_blobs b"
            " WHERE ? IS NULL OR did = ? ORDER BY uploaded_at"
        )
        return [
            {
                "account": row[0],
                "cid": row[1],
                "media_type": row[2],
                "size": row[3],
                "uploaded_at": from_seconds(row[4]),
                "referenced": bool(row[5]),
            }
            for row in self._database.all(sql, (did, did))
        ]
