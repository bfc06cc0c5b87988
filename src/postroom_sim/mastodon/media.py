"""Uploaded files: images are ready at once, videos when they were asked for a second time."""

from __future__ import annotations

from typing import Any

from postroom_sim.feed import Feed, File
from postroom_sim.mastodon.people import refusal
from postroom_sim.multipart import parts
from postroom_sim.network import Answer, Call, Ground, json_answer

Json = dict[str, Any]

# Source: Mastodon documentation, entities/Instance (configuration.media_attachments), checked 2026-11-21.
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp", "image/heic", "image/heif", "image/avif")
VIDEOS = ("video/webm", "video/mp4", "video/quicktime", "video/ogg")
IMAGE_BYTES, VIDEO_BYTES, DESCRIPTION = 16_777_216, 103_809_024, 1500


class Media:
    def __init__(self, ground: Ground, feed: Feed) -> None:
        self._ground = ground
        self._feed = feed

    def upload(self, call: Call, account: str) -> Answer:
        fields = parts(call)
        file = fields.get("file")
        if file is None or not file.content:
            raise refusal(422, "Validation failed: File can't be blank")
        if file.media_type not in (*IMAGES, *VIDEOS):
            raise refusal(422, "Validation failed: File content type is invalid, File is invalid")
        video = file.media_type in VIDEOS
        most = VIDEO_BYTES if video else IMAGE_BYTES
        if len(file.content) > most:
            raise refusal(422, f"Validation failed: File file size must be less than {most // 1_048_576} MB")
        description = fields["description"].content.decode("utf-8", "replace") if "description" in fields else ""
        if len(description) > DESCRIPTION:
            raise refusal(422, f"Validation failed: Description character limit of {DESCRIPTION} exceeded")
        id = str(int(self._ground.clock.now() * 1000) << 16 | self._feed.next("media") % 65536)
        slow = video or file.media_type == "image/gif"
        more = {"description": description, "looks_left": 1 if slow else 0, "status": None}
        kept = self._feed.keep_file(id, account, file.media_type, file.content, more)
        return json_answer(self.shown(kept), status=202 if slow else 200)

    def look(self, id: str, account: str) -> Answer:
        file = self.of(id, account)
        left = file.more["looks_left"]
        if left:
            # The look after this one finds it ready.
            self._change(file, looks_left=left - 1)
            return json_answer(self.shown(file), status=206)
        return json_answer(self.shown(file))

    def of(self, id: str, account: str) -> File:
        """Raises Refused (404) where the account has no such file that no status shows yet."""
        file = self._feed.file(id)
        if file is None or file.account != account or file.more["status"] is not None:
            raise refusal(404, "Record not found")
        return file

    def attached(self, ids: list[str], account: str) -> list[File]:
        """The files of a new status. Raises Refused as Mastodon refuses."""
        if len(ids) > 4:
            raise refusal(422, "Validation failed: Cannot attach more than 4 files")
        found = [self._feed.file(id) for id in ids]
        files = [each for each in found if each and each.account == account and each.more["status"] is None]
        lacking = [id for id in ids if id not in {file.id for file in files}]
        if lacking:
            raise refusal(
                422, f"Validation failed: Media {', '.join(lacking)} not found or already attached to another post"
            )
        if any(file.media_type in VIDEOS for file in files) and len(files) > 1:
            raise refusal(422, "Validation failed: Cannot attach a video to a post that already contains images")
        if any(file.more["looks_left"] for file in files):
            words = "Cannot attach files that have not finished processing. Try again in a moment!"
            raise refusal(422, f"Validation failed: {words}")
        return files

    def attach(self, files: list[File], status: str) -> None:
        for file in files:
            self._change(file, status=status)

    def kind(self, file: File) -> str:
        return "video" if file.media_type in VIDEOS else "gifv" if file.media_type == "image/gif" else "image"

    def shown(self, file: File) -> Json:
        """A MediaAttachment."""
        url = f"{self._ground.origin}/mastodon/media/{file.id}"
        ready = not file.more["looks_left"]
        return {
            "id": file.id,
            "type": self.kind(file),
            "url": url if ready else None,
            "preview_url": url,
            "remote_url": None,
            "meta": {},
            "description": file.more["description"] or None,
            "blurhash": None,
        }

    def _change(self, file: File, **changes: Any) -> None:
        self._feed.keep_file(file.id, file.account, file.media_type, file.content, {**file.more, **changes})
