"""Post groups: written once, published at several networks, taken down."""

import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from msgspec import UNSET, UnsetType

from postroom_client.calls import Call, Flow, Open, Page, at, change, get, moment
from postroom_client.flow import perform, put_bytes
from postroom_client.nouns import D, Noun, flowing, operation, paged
from postroom_client.types import Done, LibraryFile, LogLine, MediaFile, PostGroup, TakeDown, UploadAddress

_WAIT_SECONDS = 10
_PIECE_BYTES = 256 * 1024


class Posts(Noun[D]):
    """Post groups of the user that the key acts for."""

    @operation("create_post_group")
    def create(
        self,
        content: str,
        platforms: Sequence[str],
        *,
        scheduled_at: datetime | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        media_urls: Sequence[str] = (),
        files: Sequence[str] = (),
        delete_at: datetime | None = None,
        then: str = "keep",
    ) -> Call[PostGroup]:
        """Write a post for several platforms: a draft, or to go out at a moment; one that has passed is now.

        `platforms`: accounts by their `platform_id`. `settings`: by network, what only that one knows. `media_urls`:
        files that the server fetches. `files`: ids of files that it has already. `delete_at`: when its live posts are
        taken down, and `then` it is kept, or deleted.
        """
        body = {
            "content": content,
            "platforms": list(platforms),
            "scheduled_at": _said(scheduled_at),
            "settings": dict(settings or {}),
            "media_urls": list(media_urls),
            "files": list(files),
            "delete_at": _said(delete_at),
            "then": then,
        }
        return change("POST", at("post-groups"), PostGroup, body)

    @paged("list_post_groups")
    def list(
        self,
        *,
        status: str | None = None,
        platform: str | None = None,
        scheduled_from: datetime | None = None,
        scheduled_to: datetime | None = None,
        sort: str | None = None,
        descending: bool | None = None,
        limit: int | None = None,
    ) -> Call[Page[PostGroup]]:
        """List post groups, those that were written last first; `sort`: by created, updated or scheduled."""
        query = {
            "status": status,
            "platform": platform,
            "scheduled_from": scheduled_from,
            "scheduled_to": scheduled_to,
            "sort": sort,
            "descending": descending,
            "limit": limit,
        }
        return get(at("post-groups"), Page[PostGroup], query)

    @operation("get_post_group")
    def get(self, id: str) -> Call[PostGroup]:
        """Get a post group: how each of its posts stands, and its files."""
        return get(at("post-groups", id), PostGroup)

    @operation("update_post_group")
    def update(
        self,
        id: str,
        *,
        content: str | UnsetType = UNSET,
        platforms: Sequence[str] | UnsetType = UNSET,
        scheduled_at: datetime | UnsetType | None = UNSET,
        settings: Mapping[str, Mapping[str, Any]] | UnsetType = UNSET,
        media_urls: Sequence[str] = (),
        files: Sequence[str] = (),
        without: Sequence[str] = (),
    ) -> Call[PostGroup]:
        """Write it anew, schedule it, move it in time, or make it a draft (`scheduled_at` None), before it goes out.

        `media_urls` and `files` come to the files that it has; those of `without`, ids of its own, go.
        """
        body = {
            "content": content,
            "platforms": platforms,
            "scheduled_at": UNSET if scheduled_at is UNSET else _said(scheduled_at),
            "settings": settings,
            "media_urls": [*media_urls],
            "files": [*files],
            "without": [*without],
        }
        return change("PATCH", at("post-groups", id), PostGroup, body)

    @operation("retry_post_group")
    def retry(self, id: str, *, looked: bool = False) -> Call[PostGroup]:
        """Have what failed published after all. `looked`: also what is unconfirmed; you have looked, and it is not live."""
        return change("POST", at("post-groups", id, "retry"), PostGroup, {"looked": looked})

    @operation("delete_post_group")
    def delete(self, id: str) -> Call[Done]:
        """Delete a post group with its posts and files, whatever its status. What is live at a network stays live:
        take it down first, or by the receipt of this."""
        return change("DELETE", at("post-groups", id), Done)

    @paged("get_post_group_log")
    def log(self, id: str) -> Call[Page[LogLine]]:
        """Read what happened to a post group on its way out, oldest first."""
        return get(at("post-groups", id, "log"), Page[LogLine])

    @operation("add_media")
    def upload_address(self, id: str, file_name: str, content_type: str, *, alt_text: str = "") -> Call[UploadAddress]:
        """Attach a file, and get the address to PUT its bytes to; `upload` does both."""
        body = {"file_name": file_name, "content_type": content_type, "alt_text": alt_text}
        return change("POST", at("post-groups", id, "media"), UploadAddress, body)

    @flowing("add_media", "get_post_group")
    def upload(
        self,
        id: str,
        file: Path | bytes,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        alt_text: str = "",
    ) -> Flow[MediaFile]:
        """Attach a file: an image or a video, from a path (it is read piece by piece) or from memory.

        Raises:
            ValueError: what it is follows neither from its name nor from `content_type`.
            OSError: there is no such file; nothing was attached.
        """
        if isinstance(file, Path):
            file.stat()
        name = file_name or (file.name if isinstance(file, Path) else "file")
        kind = content_type or mimetypes.guess_type(name)[0]
        if kind is None:
            raise ValueError(f"What is {name!r}? Say it by `content_type`, such as image/png.")
        options = self._door.options
        body = {"file_name": name, "content_type": kind, "alt_text": alt_text}
        address: UploadAddress = yield from perform(
            change("POST", at("post-groups", id, "media"), UploadAddress, body), options
        )
        yield from put_bytes(address.upload_url, kind, _opened(file), options)
        group: PostGroup = yield from perform(get(at("post-groups", id), PostGroup), options)
        return next(each for each in group.media if each.id == address.media_id)

    @operation("take_down_post_group")
    def take_down(self, id: str, *, wait_seconds: int = _WAIT_SECONDS) -> Call[TakeDown]:
        """Remove a post group's live posts from their networks, with an outcome for each. The group stays.

        `wait_seconds`: how long to wait until all is settled; ask `take_downs.get` for what is not by then.
        """
        path = at("post-groups", id, "take-down")
        return change("POST", path, TakeDown, query={"wait_seconds": wait_seconds}, waits_seconds=wait_seconds)

    @operation("set_delete_at")
    def delete_at(self, id: str, when: datetime | None, *, then: str = "keep") -> Call[Done]:
        """Have the live posts taken down at a moment, and `then` the group kept, or deleted; None: not any more."""
        return change("PUT", at("post-groups", id, "delete-at"), Done, {"delete_at": _said(when), "then": then})


class Library(Noun[D]):
    """Files kept for posts to come, beside those that posts have."""

    @paged("list_media")
    def list(self, *, limit: int | None = None) -> Call[Page[LibraryFile]]:
        """List all files, newest first; those of the same content are one. `limit`: how many a page has."""
        return get(at("media"), Page[LibraryFile], {"limit": limit})

    @operation("upload_media")
    def upload(self, data: bytes, *, file_name: str = "file", alt_text: str = "") -> Call[MediaFile]:
        """Keep an image or a video of at most 20 MiB; content that is there already is that file."""
        query = {"file_name": file_name, "alt_text": alt_text or None}
        return change("POST", at("media"), MediaFile, query=query, data=data)

    @operation("get_media")
    def get(self, id: str) -> Call[MediaFile]:
        """Get what is known of a file."""
        return get(at("media", id), MediaFile)

    @operation("get_media_file")
    def file(self, id: str) -> Call[bytes]:
        """Get its bytes, as it was uploaded."""
        return get(at("media", id, "file"), bytes)

    @operation("delete_media")
    def delete(self, id: str) -> Call[Done]:
        """Delete a file from the library; posts that have it keep it."""
        return change("DELETE", at("media", id), Done)


class TakeDowns(Noun[D]):
    """Removals of live posts, and what came of them."""

    @operation("get_take_down")
    def get(self, id: str) -> Call[TakeDown]:
        """Get a take-down: what came of it so far."""
        return get(at("take-downs", id), TakeDown)


def _said(value: datetime | None) -> str | None:
    return None if value is None else moment(value)


def _opened(file: Path | bytes) -> Open:
    def pieces() -> Iterator[bytes]:
        if isinstance(file, bytes):
            yield file
            return
        with file.open("rb") as opened:
            while piece := opened.read(_PIECE_BYTES):
                yield piece

    return pieces
