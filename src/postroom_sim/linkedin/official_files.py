"""Files of the official API: announced, uploaded, put together, and only then of use."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import unquote

from postroom_sim.feed import Feed, File
from postroom_sim.linkedin.official_people import Person, may_post_as
from postroom_sim.linkedin.official_refusals import denied, invalid
from postroom_sim.network import Answer, Call, Ground, Json, json_answer

_PART_BYTES = 4 * 1024 * 1024
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8")
_PUT = re.compile(r"/dms-uploads/posts/(image|video):(\w+)/(\d+)")


class Files:
    def __init__(self, ground: Ground, feed: Feed) -> None:
        self._ground = ground
        self._feed = feed

    def begin(self, call: Call, person: Person, scope: str, kind: str) -> Answer:
        """`?action=initializeUpload` of images or videos."""
        tree = call.json()
        request = tree.get("initializeUploadRequest") if isinstance(tree, dict) else None
        if not isinstance(request, dict):
            raise invalid("initializeUploadRequest is required")
        owner = request.get("owner")
        if not may_post_as(person, owner, scope):
            raise denied(f"{kind}.ACTION-initializeUpload.202601")
        id = f"C5{self._feed.next('file'):08}"
        name = kind.removesuffix("s")
        urn = f"urn:li:{name}:{id}"
        size = request.get("fileSizeBytes")
        count = 1
        if kind == "videos":
            if not isinstance(size, int) or size < 1:
                raise invalid("fileSizeBytes is required")
            count = -(-size // _PART_BYTES)
        more: Json = {"kind": name, "parts": count, "tags": {}, "size": size, "token": f"token-{id}", "done": False}
        self._feed.keep_file(urn, str(owner), "", b"", more)
        urls = [f"{self._ground.origin}/linkedin/dms-uploads/posts/{name}:{id}/{part}?app=1" for part in range(count)]
        expires = int((self._ground.clock.now() + 3600) * 1000)
        if kind == "images":
            return json_answer({"value": {"uploadUrlExpiresAt": expires, "uploadUrl": urls[0], "image": urn}})
        instructions = [
            {
                "uploadUrl": url,
                "firstByte": part * _PART_BYTES,
                "lastByte": min((part + 1) * _PART_BYTES, int(size or 0)) - 1,
            }
            for part, url in enumerate(urls)
        ]
        value = {
            "uploadUrlsExpireAt": expires,
            "video": urn,
            "uploadInstructions": instructions,
            "uploadToken": more["token"],
        }
        return json_answer({"value": value})

    def put(self, call: Call, person: Person, scope: str) -> Answer:
        """The bytes, or one part of them."""
        found = _PUT.fullmatch(unquote(call.path))
        file = self._feed.file(f"urn:li:{found[1]}:{found[2]}") if found else None
        if found is None or file is None or not may_post_as(person, file.account, scope):
            raise invalid("This upload does not exist", 404)
        part = int(found[3])
        if part >= file.more["parts"]:
            raise invalid("This part does not exist", 404)
        if file.more["kind"] == "image":
            if not call.body.startswith(_IMAGES):
                raise invalid("The file is no image")
            self._keep(file, call.body, done=True)
            return Answer(201)
        wanted = min(_PART_BYTES, file.more["size"] - part * _PART_BYTES)
        if len(call.body) != wanted:
            raise invalid(f"The part has {len(call.body)} bytes, not {wanted}")
        tag = hashlib.sha256(call.body).hexdigest()[:32]
        file.more["tags"][str(part)] = tag
        self._keep(file, b"", done=False)
        return Answer(200, headers={"etag": tag})

    def finish(self, call: Call, person: Person, scope: str) -> Answer:
        """`?action=finalizeUpload` of a video."""
        tree = call.json()
        request = tree.get("finalizeUploadRequest") if isinstance(tree, dict) else None
        file = self._feed.file(str(request.get("video"))) if isinstance(request, dict) else None
        if request is None or file is None or not may_post_as(person, file.account, scope):
            raise invalid("The video does not exist", 404)
        tags = [file.more["tags"].get(str(part)) for part in range(file.more["parts"])]
        if request.get("uploadToken") != file.more["token"] or request.get("uploadedPartIds") != tags:
            raise invalid("The parts are not those that were uploaded")
        self._keep(file, b"", done=True)
        return Answer(200)

    def status(self, urn: str) -> Answer:
        file = self._feed.file(urn)
        if file is None:
            raise invalid("The file does not exist", 404)
        return json_answer({"id": urn, "owner": file.account, "status": self._standing(file)})

    def usable(self, urn: object, owner: str, kinds: tuple[str, ...]) -> File:
        """A file that may be posted. Raises Refused."""
        file = self._feed.file(urn) if isinstance(urn, str) else None
        if file is None or file.account != owner or file.more["kind"] not in kinds:
            raise invalid(f"Media {urn} is not found for the owner")
        if self._standing(file) != "AVAILABLE":
            raise invalid(f"Media {urn} is not available: {self._standing(file)}")
        return file

    def _standing(self, file: File) -> str:
        if not file.more["done"]:
            return "WAITING_UPLOAD"
        wait = self._ground.switches["linkedin_video_seconds"] if file.more["kind"] == "video" else 0
        return "PROCESSING" if self._ground.clock.now() < file.created_at + wait else "AVAILABLE"

    def _keep(self, file: File, content: bytes, *, done: bool) -> None:
        more: Json = {**file.more, "done": done, "size": len(content) or file.more["size"]}
        self._feed.keep_file(file.id, file.account, file.media_type, content, more)
