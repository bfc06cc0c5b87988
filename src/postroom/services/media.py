"""Media: upload addresses, the bytes that arrive there, and their removal. What is not referenced is purged."""

import hmac
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Literal
from urllib.parse import quote

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.jobs import Job, Task
from postroom.domain.media import MediaItem, MediaKind, MediaStatus
from postroom.errors import Kind, NotFound, NotPermitted
from postroom.ids import new_id, new_object_id, new_ulid
from postroom.store import jobs, media, posts
from postroom.store.blobs import Blobs
from postroom.store.database import Database, Tx
from postroom.store.notify import Notifier

_ADDRESS_LIVES = timedelta(hours=1)
_UPLOAD_TAKES = timedelta(minutes=15)
"""An upload that began in time may go on this long after its address expired."""
_PURGED_AFTER = _UPLOAD_TAKES + timedelta(minutes=5)
"""Then nothing can arrive any more, and what is left of uploads that did not end is purged."""


class UploadAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where to PUT the bytes, with the same Content-Type; and where they will be."""

    media_id: str
    upload_url: str
    file_url: str


class Media:
    """Files of post groups."""

    def __init__(
        self, database: Database, notifier: Notifier, blobs: Blobs, now: Clock, *, public_url: str, most_bytes: int
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._blobs = blobs
        self._now = now
        self._public_url = public_url.rstrip("/")
        self.most_bytes = most_bytes

    async def upload_address(
        self,
        caller: Caller,
        group_id: str,
        *,
        file_name: str,
        content_type: str,
        kind: MediaKind,
        alt_text: str = "",
    ) -> UploadAddress:
        """Attach a file to a post group, and give out the address where its bytes are to be PUT within an hour.

        Raises:
            NotFound: no such post group of the user's.

        Source: PostPost "Upload media" (March 2026): the file is attached now, not when its bytes arrive.
        """
        now = self._now()
        item = MediaItem(
            id=new_object_id(now),
            workspace_id=caller.workspace_id,
            post_group_id=group_id,
            kind=kind,
            status=MediaStatus.AWAITING,
            file_name=file_name,
            content_type=content_type,
            blob_key=None,
            size_bytes=None,
            alt_text=alt_text,
            created_at=to_ms(now),
            upload_expires_at=to_ms(now + _ADDRESS_LIVES),
        )
        async with self._database.begin() as tx:
            if await posts.hold_group(tx, caller.workspace_id, caller.user_id, group_id) is None:
                raise NotFound("No such post group.", kind=Kind.POST_GROUP)
            await media.add(tx, item)
            job = Job(
                id=new_id("job", now),
                workspace_id=caller.workspace_id,
                task=Task.EXPIRE_UPLOAD,
                args={"media_id": item.id},
                lock=None,
                attempts=0,
                scheduled_at=to_ms(now + _ADDRESS_LIVES + _PURGED_AFTER),
            )
            await jobs.enqueue(tx, job)
        signature = self._upload_signature(item.id, item.upload_expires_at, content_type)
        upload_url = f"{self._public_url}/media/{item.id}?expires={item.upload_expires_at}&signature={signature}"
        return UploadAddress(media_id=item.id, upload_url=upload_url, file_url=self.file_url(item))

    def file_url(self, item: MediaItem) -> str:
        """The file's address. Whoever has it may read the file, as the networks that fetch media must."""
        return f"{self._public_url}/media/{item.id}/{quote(item.file_name)}?signature={self._file_signature(item.id)}"

    async def receive(
        self, media_id: str, expires: int, signature: str, content_type: str, chunks: AsyncIterator[bytes]
    ) -> None:
        """Take the bytes that arrive at an upload address. Sent again, they replace what was there.

        Raises:
            NotPermitted: the address was changed, has expired, or was given out for another Content-Type.
            NotFound: the file's post group is gone.
        """
        good = hmac.compare_digest(signature, self._upload_signature(media_id, expires, content_type))
        if not good:
            raise NotPermitted("The address or the Content-Type is not the one that was given out.", kind=Kind.MEDIA)
        if to_ms(self._now()) > expires:
            raise NotPermitted("The upload address has expired.", kind=Kind.MEDIA)
        async with self._database.read() as reader:
            item = await media.find_any(reader, media_id)
        if item is None:
            raise NotFound("The file's post group is gone.", kind=Kind.MEDIA)
        key = f"{item.workspace_id}/{item.id}/{new_ulid(self._now())}"
        until = expires + _UPLOAD_TAKES // timedelta(milliseconds=1)
        size = await self._blobs.put(key, self._in_time(chunks, until))
        async with self._database.begin() as tx:
            arrived = to_ms(self._now())
            earlier: str | Literal[False] | None = False
            if arrived <= until:
                earlier = await media.set_stored(
                    tx, item.workspace_id, item.id, blob_key=key, size_bytes=size, content_type=content_type
                )
            unwanted = key if earlier is False else earlier
            if unwanted is not None:
                await self.purge_later(tx, item.workspace_id, [unwanted])
        _check_time(arrived, until)
        if earlier is False:
            raise NotFound("The file's post group is gone.", kind=Kind.MEDIA)

    async def _in_time(self, chunks: AsyncIterator[bytes], until: int) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            _check_time(to_ms(self._now()), until)
            yield chunk

    async def open(self, media_id: str, signature: str) -> tuple[MediaItem, AsyncIterator[bytes]]:
        """A stored file and its bytes.

        Raises:
            NotFound: the address was changed, or no bytes are there (any more).
        """
        if not hmac.compare_digest(signature, self._file_signature(media_id)):
            raise NotFound("No such file.", kind=Kind.MEDIA)
        async with self._database.read() as reader:
            item = await media.find_any(reader, media_id)
        if item is None or item.blob_key is None:
            raise NotFound("No such file.", kind=Kind.MEDIA)
        return item, self._blobs.stream(item.blob_key)

    async def purge_later(self, tx: Tx, workspace_id: str, keys: list[str]) -> None:
        """Have blobs deleted, for certain, once this transaction is durable."""
        now = self._now()
        job = Job(
            id=new_id("job", now),
            workspace_id=workspace_id,
            task=Task.PURGE_BLOBS,
            args={"keys": keys},
            lock=None,
            attempts=0,
            scheduled_at=to_ms(now),
        )
        await jobs.enqueue(tx, job)
        tx.on_commit(lambda: self._notifier.wake("jobs"))

    async def purge(self, keys: list[str]) -> None:
        """Delete blobs (a job; safe to repeat)."""
        await self._blobs.delete(keys)

    async def expire_upload(self, workspace_id: str, media_id: str) -> None:
        """After an upload address has expired: purge what came too late, and forget a file that never came (a job)."""
        async with self._database.begin() as tx:
            await media.remove_awaiting(tx, workspace_id, media_id)
            item = await media.find(tx, workspace_id, media_id)
        held = None if item is None else item.blob_key
        folder = f"{workspace_id}/{media_id}"
        await self._blobs.delete([key for key in await self._blobs.list(f"{folder}/") if key != held])
        await self._blobs.sweep(folder)

    async def orphans(self) -> list[str]:
        """Blobs that no stored file refers to. Empty once all jobs have run and given-out addresses have expired."""
        stored = set(await self._blobs.list(""))
        async with self._database.read() as reader:
            return sorted(stored - await media.stored_keys(reader))

    def _upload_signature(self, media_id: str, expires: int, content_type: str) -> str:
        return self._database.keyring.hash(f"upload\n{media_id}\n{expires}\n{content_type}").hex()

    def _file_signature(self, media_id: str) -> str:
        return self._database.keyring.hash(f"file\n{media_id}").hex()[:32]


def _check_time(now: int, until: int) -> None:
    if now > until:
        raise NotPermitted("The upload address expired while the bytes came, too long ago.", kind=Kind.MEDIA)
