"""Uploaded media: images at once, videos in pieces, and processed while they are asked for."""

from __future__ import annotations

from typing import Any

from postroom_sim.feed import Feed, File
from postroom_sim.multipart import parts
from postroom_sim.network import Answer, Call, Ground, json_answer
from postroom_sim.twitter.people import invalid, problem

Json = dict[str, Any]

# Source: X API v2 documentation, media, checked 2026-11-21.
_MB = 1024 * 1024
_TYPES = {
    "tweet_image": ({"image/jpeg", "image/png", "image/gif", "image/webp"}, 5 * _MB),
    "tweet_gif": ({"image/gif"}, 15 * _MB),
    "tweet_video": ({"video/mp4", "video/quicktime"}, 512 * _MB),
}
_LIVES_SECONDS = 86_400
_MOST_SEGMENT_BYTES = 5 * _MB


class Media:
    def __init__(self, ground: Ground, feed: Feed) -> None:
        self._ground = ground
        self._database = ground.database
        self._feed = feed

    def upload(self, call: Call, account: str) -> Answer:
        """One shot, for images."""
        fields = parts(call)
        file, category = fields.get("media"), _text(fields, "media_category")
        if file is None or category not in _TYPES:
            raise invalid("$.media_category: is missing or not allowed", "media_category", category)
        self._check(category, file.media_type, len(file.content))
        kept = self._keep(account, file.media_type, file.content, {"category": category, "state": "succeeded"})
        return json_answer({"data": self._shown(kept)})

    def initialize(self, call: Call, account: str) -> Answer:
        tree = call.json()
        tree = tree if isinstance(tree, dict) else {}
        kind, size, category = tree.get("media_type"), tree.get("total_bytes"), tree.get("media_category")
        if category not in _TYPES or not isinstance(kind, str) or not isinstance(size, int):
            raise invalid("$.media_category: is missing or not allowed", "media_category", category)
        self._check(category, kind, size)
        kept = self._keep(account, kind, b"", {"category": category, "state": "open", "size": size, "segments": []})
        return json_answer({"data": {"id": kept.id, "media_key": _key(kept), "expires_after_secs": _LIVES_SECONDS}})

    def append(self, id: str, call: Call, account: str) -> Answer:
        file = self._open(id, account)
        fields = parts(call)
        index, segment = _text(fields, "segment_index"), fields.get("media")
        if not index.isdecimal() or int(index) > 999 or segment is None:
            raise invalid("segment_index: must be between 0 and 999", "segment_index", index)
        if len(segment.content) > _MOST_SEGMENT_BYTES:
            raise problem(413, "Payload Too Large", "The segment is too large.")
        self._feed.keep_file(f"{id}.{index}", account, "application/octet-stream", segment.content)
        segments = sorted({*file.more["segments"], int(index)})
        self._feed.keep_file(id, account, file.media_type, b"", {**file.more, "segments": segments})
        return json_answer({"data": {"expires_at": int(self._ground.clock.now()) + _LIVES_SECONDS}})

    def finalize(self, id: str, account: str) -> Answer:
        file = self._open(id, account)
        held = [self._feed.file(f"{id}.{index}") for index in file.more["segments"]]
        content = b"".join(each.content for each in held if each)
        if len(content) != file.more["size"] or file.more["segments"] != list(range(len(held))):
            raise invalid("Segments do not add up to provided total file size.", "media_id", id)
        self._database.execute(
            "DELETE FROM feed_files WHERE network = 'twitter' AND account = ? AND id LIKE ?", (account, f"{id}.%")
        )
        kept = self._feed.keep_file(id, account, file.media_type, content, {**file.more, "state": "pending"})
        return json_answer({"data": self._shown(kept)})

    def status(self, id: str, account: str) -> Answer:
        file = self.of(id, account)
        if file is None or file.more["state"] == "open":
            raise problem(404, "Not Found Error", f"Could not find media with id: [{id}].")
        after = {"pending": "in_progress", "in_progress": "succeeded"}.get(file.more["state"], file.more["state"])
        kept = self._feed.keep_file(id, account, file.media_type, file.content, {**file.more, "state": after})
        return json_answer({"data": self._shown(kept)})

    def describe(self, call: Call, account: str) -> Answer:
        tree = call.json()
        id = tree.get("id") if isinstance(tree, dict) else None
        file = self.of(str(id), account)
        try:
            text = tree["metadata"]["alt_text"]["text"]
        except (KeyError, TypeError):
            text = None
        if file is None or not isinstance(text, str) or len(text) > 1000:
            raise invalid("$.metadata.alt_text.text: must be at most 1000 characters long", "id", id)
        self._feed.keep_file(file.id, account, file.media_type, file.content, {**file.more, "alt": text})
        return json_answer({"data": {"id": file.id, "associated_metadata": {"alt_text": {"text": text}}}})

    def of(self, id: str, account: str) -> File | None:
        """A file of this account that has not expired."""
        file = self._feed.file(id)
        if file is None or file.account != account or "category" not in file.more:
            return None
        return None if file.more["until"] <= self._ground.clock.now() else file

    def attached(self, ids: Any, account: str) -> list[File]:
        """The files of a new post. Raises Refused as X refuses."""
        if not isinstance(ids, list) or not ids:
            raise invalid("$.media.media_ids: there must be a minimum of 1 item in the array", "media.media_ids", ids)
        if len(ids) > 4:
            raise invalid("$.media.media_ids: there must be a maximum of 4 items in the array", "media.media_ids", ids)
        found = [self.of(str(id), account) for id in ids]
        files = [each for each in found if each is not None and each.more["state"] == "succeeded"]
        if len(files) < len(ids):
            raise invalid("Your media IDs are invalid.", "media.media_ids", ",".join(map(str, ids)))
        if len(files) > 1 and any(file.more["category"] != "tweet_image" for file in files):
            raise invalid("Your media IDs are invalid: a video or GIF stands alone.", "media.media_ids", ids)
        return files

    def _open(self, id: str, account: str) -> File:
        file = self.of(id, account)
        if file is None or file.more["state"] != "open":
            raise invalid("Your media ID is invalid.", "media_id", id)
        return file

    def _check(self, category: str, kind: str, size: int) -> None:
        types, most = _TYPES[category]
        if kind not in types:
            raise invalid(f"$.media_type: {kind} is not allowed for {category}", "media_type", kind)
        if size > most:
            raise problem(413, "Payload Too Large", f"File size exceeds {most} bytes.")

    def _keep(self, account: str, kind: str, content: bytes, more: Json) -> File:
        id = str((1 << 60) + (int(self._ground.clock.now() * 1000) << 16) + self._feed.next("media"))
        until = self._ground.clock.now() + _LIVES_SECONDS
        return self._feed.keep_file(id, account, kind, content, {**more, "alt": "", "until": until})

    def _shown(self, file: File) -> Json:
        shown: Json = {
            "id": file.id,
            "media_key": _key(file),
            "size": len(file.content),
            "expires_after_secs": _LIVES_SECONDS,
        }
        state = file.more["state"]
        if "segments" in file.more:
            shown["processing_info"] = {"state": state, "progress_percent": 100 if state == "succeeded" else 50}
            if state != "succeeded":
                shown["processing_info"]["check_after_secs"] = 1
        return shown


def _key(file: File) -> str:
    return f"{7 if file.media_type.startswith('video/') else 3}_{file.id}"


def _text(fields: dict[str, Any], name: str) -> str:
    return fields[name].content.decode("utf-8", "replace") if name in fields else ""
