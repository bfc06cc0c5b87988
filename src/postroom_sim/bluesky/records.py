"""Records and blobs of a repository."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

from postroom_sim.bluesky import content_ids, posts
from postroom_sim.bluesky.refusals import invalid, refusal
from postroom_sim.bluesky.sessions import Account, Sessions
from postroom_sim.network import Answer, Call, Ground, json_answer

Json = dict[str, Any]

_BASE32_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"
_RKEY = re.compile(r"[A-Za-z0-9_~.:-]{1,512}")
_NSID = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z0-9-]+)+\.[a-zA-Z][a-zA-Z0-9]*")
# Source: bsky-docs 390c1e9: any blob up to 52,428,800 bytes on Bluesky's servers.
LARGEST_BLOB_BYTES = 52_428_800


class Records:
    def __init__(self, ground: Ground, sessions: Sessions) -> None:
        self._ground = ground
        self._database = ground.database
        self._sessions = sessions

    def new_tid(self) -> str:
        """A timestamp key, always later than the one before."""
        micros = max(
            int(self._ground.clock.now() * 1_000_000), int(self._ground.database.setting("bluesky_tid", 0)) + 1
        )
        self._ground.database.set_setting("bluesky_tid", micros)
        number = micros << 10 | 7
        return "".join(_BASE32_SORTABLE[number >> shift & 31] for shift in range(60, -1, -5))

    # writes

    def create(self, call: Call) -> Answer:
        account, tree = self._write(call)
        record = self._record(tree)
        rkey = tree.get("rkey")
        if rkey is None:
            rkey = self.new_tid()
        self._check_key(tree["collection"], rkey)
        if self._find(account.did, tree["collection"], rkey) is not None:
            raise invalid(f"There is already a value at key: {tree['collection']}/{rkey}")
        return self._put(account, tree, rkey, record)

    def put(self, call: Call) -> Answer:
        account, tree = self._write(call)
        record, rkey = self._record(tree), tree.get("rkey")
        self._check_key(tree["collection"], rkey)
        known = self._find(account.did, tree["collection"], str(rkey))
        if "swapRecord" in tree and tree["swapRecord"] != (known[0] if known else None):
            raise refusal("InvalidSwap", f"Record was at {known[0] if known else 'null'}")
        return self._put(account, tree, str(rkey), record)

    def delete(self, call: Call) -> Answer:
        """Ensures that the record is not there; a repeat is fine."""
        account, tree = self._write(call)
        collection, rkey = tree["collection"], tree.get("rkey")
        self._check_key(collection, rkey)
        known = self._find(account.did, collection, str(rkey))
        if known is None:
            return json_answer({})
        if tree.get("swapRecord") not in (None, known[0]):
            raise refusal("InvalidSwap", f"Record was at {known[0]}")
        where = (account.did, collection, str(rkey))
        self._database.execute("DELETE FROM bluesky_records WHERE did = ? AND collection = ? AND rkey = ?", where)
        self._release_blobs(where)
        return json_answer({"commit": self._commit(account.did)})

    def _put(self, account: Account, tree: Json, rkey: str, record: Json) -> Answer:
        collection = tree["collection"]
        self._check_blobs(account.did, record)
        try:
            cid = content_ids.of_record(record)
        except ValueError as error:
            raise invalid(f"Invalid record: {error}") from error
        where = (account.did, collection, rkey)
        self._database.execute(
            "INSERT OR REPLACE INTO bluesky_records VALUES (?, ?, ?, ?, ?)",
            (*where, cid, json.dumps(record, ensure_ascii=False)),
        )
        kept = {blob["ref"]["$link"] for blob, _ in posts.blobs_in(record)}
        self._release_blobs(where, kept)
        self._database.execute_many(
            "INSERT OR IGNORE INTO bluesky_record_blobs VALUES (?, ?, ?, ?)", ((*where, blob) for blob in kept)
        )
        status = "valid" if collection == posts.COLLECTION and tree.get("validate") is not False else "unknown"
        answer = {"uri": f"at://{account.did}/{collection}/{rkey}", "cid": cid, "commit": self._commit(account.did)}
        return json_answer({**answer, "validationStatus": status})

    def _write(self, call: Call) -> tuple[Account, Json]:
        account, _ = self._sessions.caller(call)
        tree = call.json()
        if not isinstance(tree, dict):
            raise invalid("A request body was expected but none was provided")
        for name in ("repo", "collection"):
            if not isinstance(tree.get(name), str):
                raise invalid(f'Input must have the property "{name}"')
        if not _NSID.fullmatch(tree["collection"]):
            raise invalid("Input/collection must be a valid nsid")
        repo = self._sessions.find_account(tree["repo"])
        if repo is None:
            raise invalid(f"Could not find repo: {tree['repo']}")
        if repo.did != account.did:
            raise refusal("AuthenticationRequired", "Authentication Required")
        if "swapCommit" in tree and tree["swapCommit"] != self._last_commit(account.did):
            raise refusal("InvalidSwap", f"Commit was at {self._last_commit(account.did)}")
        return account, tree

    def _record(self, tree: Json) -> Json:
        record = tree.get("record")
        if not isinstance(record, dict):
            raise invalid('Input must have the property "record"')
        if tree["collection"] == posts.COLLECTION and tree.get("validate") is not False:
            posts.check(record)
        elif tree.get("validate") is True:
            raise invalid(f"Lexicon not found: lex:{tree['collection']}")
        return {"$type": tree["collection"], **record}

    def _check_key(self, collection: str, rkey: Any) -> None:
        if not isinstance(rkey, str):
            raise invalid('Input must have the property "rkey"')
        if not _RKEY.fullmatch(rkey) or rkey in (".", ".."):
            raise invalid("Input/rkey must be a valid record key")

    def _check_blobs(self, did: str, record: Json) -> None:
        for blob, most in posts.blobs_in(record):
            cid = blob["ref"]["$link"]
            row = self._database.one("SELECT size, media_type FROM bluesky_blobs WHERE did = ? AND cid = ?", (did, cid))
            if row is None:
                raise refusal("BlobNotFound", f"Could not find blob: {cid}")
            if most is not None and row[0] > most:
                raise refusal(
                    "BlobTooLarge",
                    f"This file is too large. It is {_size(row[0])} but the maximum size is {_size(most)}.",
                )
            if blob["mimeType"] != row[1]:
                raise refusal(
                    "InvalidMimeType",
                    f"Referenced Mimetype does not match stored blob. Expected: {row[1]}, Got: {blob['mimeType']}",
                )
            if blob["size"] != row[0]:
                raise refusal(
                    "InvalidSize",
                    f"Referenced blob size does not match stored blob. Expected: {row[0]}, Got: {blob['size']}",
                )

    def _release_blobs(self, where: tuple[str, str, str], kept: set[str] | None = None) -> None:
        """A blob that no record names any more is gone."""
        sql = "SELECT cid FROM bluesky_record_blobs WHERE did = ? AND collection = ? AND rkey = ?"
        for (cid,) in self._database.all(sql, where):
            if cid in (kept or ()):
                continue
            self._database.execute(
                "DELETE FROM bluesky_record_blobs WHERE did = ? AND collection = ? AND rkey = ? AND cid = ?",
                (*where, cid),
            )
            self._database.execute(
                "DELETE FROM bluesky_blobs WHERE did = ? AND cid = ? AND NOT EXISTS"
                " (SELECT 1 FROM bluesky_record_blobs r WHERE r.did = bluesky_blobs.did AND r.cid = bluesky_blobs.cid)",
                (where[0], cid),
            )

    def _commit(self, did: str) -> Json:
        rev = self.new_tid()
        commit = {"cid": content_ids.of_record({"did": did, "rev": rev, "version": 3}), "rev": rev}
        self._database.set_setting(f"bluesky_commit:{did}", commit["cid"])
        return commit

    def _last_commit(self, did: str) -> str | None:
        found: str | None = self._database.setting(f"bluesky_commit:{did}")
        return found

    def _find(self, did: str, collection: str, rkey: str) -> tuple[str, Json] | None:
        sql = "SELECT cid, value FROM bluesky_records WHERE did = ? AND collection = ? AND rkey = ?"
        row = self._database.one(sql, (did, collection, rkey))
        return (row[0], json.loads(row[1])) if row else None

    # reads

    def get(self, call: Call) -> Answer:
        wanted = _parameters(call, "repo", "collection", "rkey")
        account = self._sessions.find_account(wanted["repo"])
        if account is None:
            raise invalid(f"Could not find repo: {wanted['repo']}")
        known = self._find(account.did, wanted["collection"], wanted["rkey"])
        uri = f"at://{account.did}/{wanted['collection']}/{wanted['rkey']}"
        if known is None or wanted.get("cid", known[0]) != known[0] or "stale_read" in call.effects:
            raise refusal("RecordNotFound", f"Could not locate record: {uri}")
        return json_answer({"uri": uri, "cid": known[0], "value": known[1]})

    def page(self, call: Call) -> Answer:
        wanted = _parameters(call, "repo", "collection")
        account = self._sessions.find_account(wanted["repo"])
        if account is None:
            raise invalid(f"Could not find repo: {wanted['repo']}")
        limit = wanted.get("limit", "50")
        if not limit.isdecimal() or not 1 <= int(limit) <= 100:
            raise invalid("Error: Params must be between 1 and 100")
        upwards = wanted.get("reverse") == "true"
        sql = "SELECT rkey, cid, value FROM bluesky_records WHERE did = ? AND collection = ?"
        values: list[Any] = [account.did, wanted["collection"]]
        if "cursor" in wanted:
            sql += " AND rkey > ?" if upwards else " AND rkey < ?"
            values.append(wanted["cursor"])
        rows = self._database.all(f"{sql} ORDER BY rkey {'ASC' if upwards else 'DESC'} LIMIT ?", (*values, int(limit)))
        records = [
            {"uri": f"at://{account.did}/{wanted['collection']}/{rkey}", "cid": cid, "value": json.loads(value)}
            for rkey, cid, value in rows
        ]
        cursor = {"cursor": rows[-1][0]} if rows else {}
        return json_answer({**cursor, "records": records})

    # blobs

    def upload_blob(self, call: Call) -> Answer:
        account, _ = self._sessions.caller(call)
        if len(call.body) > LARGEST_BLOB_BYTES:
            raise refusal("PayloadTooLarge", "request entity too large")
        media_type = call.headers.get("content-type")
        if not media_type:
            raise invalid("Request encoding (Content-Type) required but not provided")
        media_type = _sniffed(call.body) or media_type.partition(";")[0].strip()
        cid = content_ids.of_bytes(call.body)
        self._database.execute(
            "INSERT OR REPLACE INTO bluesky_blobs VALUES (?, ?, ?, ?, ?, ?)",
            (account.did, cid, media_type, len(call.body), call.body, self._ground.clock.now()),
        )
        blob = {"$type": "blob", "ref": {"$link": cid}, "mimeType": media_type, "size": len(call.body)}
        return json_answer({"blob": blob})

    def get_blob(self, call: Call) -> Answer:
        """Only what a record names is served."""
        wanted = _parameters(call, "did", "cid")
        row = self._database.one(
            "SELECT bytes, media_type FROM bluesky_blobs b WHERE did = ? AND cid = ? AND EXISTS"
            " (SELECT 1 FROM bluesky_record_blobs r WHERE r.did = b.did AND r.cid = b.cid)",
            (wanted["did"], wanted["cid"]),
        )
        if row is None:
            raise refusal("BlobNotFound", "Blob not found")
        headers = {
            "content-type": row[1],
            "x-content-type-options": "nosniff",
            "content-security-policy": "default-src 'none'; sandbox",
        }
        return Answer(200, row[0], headers)


def _parameters(call: Call, *required: str) -> dict[str, str]:
    found = {name: values[0] for name, values in parse_qs(call.query, keep_blank_values=True).items()}
    for name in required:
        if name not in found:
            raise invalid(f'Error: Params must have the property "{name}"')
    return found


def _size(size: int) -> str:
    """As the server words it: 1.21MB, 976.56KB."""
    kilobytes = size / 1024
    return f"{kilobytes / 1024:.2f}MB" if kilobytes >= 1024 else f"{kilobytes:.2f}KB"


_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def _sniffed(content: bytes) -> str | None:
    """The server trusts the bytes before the header."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for start, media_type in _SIGNATURES if content.startswith(start)), None)
