"""Media: upload addresses, the bytes that arrive there, and their removal. What is not referenced is purged.

What a file is, its bytes say: not its name, nor what was announced. The same bytes are kept once in a workspace.
"""

import asyncio
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.capabilities import MIB, ImageLimits
from postroom.domain.jobs import Job, Task, purge_of
from postroom.domain.media import HEAD_BYTES, MediaItem, MediaKind, MediaStatus, kind_of, type_of
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotFound, NotPermitted, PostroomError
from postroom.ids import new_id, new_object_id, new_ulid
from postroom.services.images import Fitted, Images
from postroom.store import jobs, media, posts
from postroom.store.blobs import Blobs
from postroom.store.database import Database, Tx
from postroom.store.notify import Notifier

_ADDRESS_LIVES = timedelta(hours=1)
_UPLOAD_TAKES = timedelta(minutes=15)
"""An upload that began in time may go on this long after its address expired."""
_PURGED_AFTER = _UPLOAD_TAKES + timedelta(minutes=5)
"""Then nothing can arrive any more, and what is left of uploads that did not end is purged."""
_PUBLIC_LIVES = timedelta(hours=6)
"""How long a network may take to fetch a file."""
_MOST_FITTED_BYTES = 32 * MIB
"""What is kept of re-encoded images: one is asked for several times while its post goes out."""
_UNWANTED = re.compile(r"[^\w.\- ]")
_MOST_NAME = 200
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/gif": ".gif"}


class UploadAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where to PUT the bytes, with the same Content-Type; and where they will be."""

    media_id: str
    upload_url: str
    file_url: str


class Bytes(msgspec.Struct, frozen=True, kw_only=True):
    """Where a file's bytes are, and what they are."""

    blob_key: str
    content_hash: str
    size_bytes: int
    content_type: str
    width: int | None
    height: int | None


class Staged(msgspec.Struct, frozen=True, kw_only=True):
    """A file whose bytes are kept, and which is to become a post group's."""

    item: MediaItem
    bytes: Bytes


class MediaLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What is taken, whatever a network would take."""

    most_bytes: int
    most_image_bytes: int


class File:
    """A stored file as whoever reads it gets it: as it was uploaded, or, for a network, as that takes it."""

    def __init__(
        self, media: "Media", item: MediaItem, blob_key: str, fitted: Fitted | None = None, network: str = ""
    ) -> None:
        assert item.size_bytes is not None
        self.kind = item.kind.value
        self.alt_text = item.alt_text
        self.file_name = item.file_name
        self.content_type = item.content_type
        self.size_bytes = item.size_bytes
        self.width, self.height = item.width, item.height
        self.etag = f'"{blob_key[-26:]}"'
        if fitted is not None:
            self.content_type = fitted.content_type
            self.size_bytes = len(fitted.content)
            self.width, self.height = fitted.width, fitted.height
            self.file_name = str(PurePosixPath(item.file_name).with_suffix(_SUFFIXES[fitted.content_type]))
            self.etag = f'"{hashlib.sha256(fitted.content).hexdigest()[:32]}"'
        self._media = media
        self._item = item
        self._key = blob_key
        self._is_fitted = fitted is not None
        self._network = network

    async def read(self) -> bytes:
        """All of it: for images.

        Raises:
            Unavailable: the store does not answer, or the bytes are gone.
        """
        if not self._is_fitted:
            return await self._media.blobs.read(self._key)
        # Not held meanwhile: a file waits for its turn as long as its network takes.
        return (await self._media.fitted(self._item, self._key, self._network)).content

    async def chunks(self, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` to before `end`, piece by piece.

        Raises:
            Unavailable: the store does not answer, or the bytes are gone.
        """
        if self._is_fitted:
            yield (await self.read())[start:end]
            return
        async for chunk in self._media.blobs.stream(self._key, start, end):
            yield chunk

    async def url(self) -> str:
        """A signed public address of it, good for some hours: for networks that fetch."""
        return self._media.public_url_of(self._item, self._network)


class Media:
    """Files of post groups."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        blobs: Blobs,
        images: Images,
        taken_by: Callable[[str], ImageLimits | None],
        now: Clock,
        *,
        public_url: str,
        limits: MediaLimits,
    ) -> None:
        """`taken_by` says what images the network of this name takes."""
        self._database = database
        self._notifier = notifier
        self.blobs = blobs
        self._images = images
        self._taken_by = taken_by
        self._now = now
        self._public_url = public_url.rstrip("/")
        self.limits = limits
        self._kept: OrderedDict[tuple[str, str], Fitted] = OrderedDict()
        self._making: dict[tuple[str, str], asyncio.Task[Fitted]] = {}

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
        item = self._item(caller.workspace_id, group_id, file_name, content_type, kind, alt_text)
        async with self._database.begin() as tx:
            if await posts.hold_group(tx, caller.workspace_id, caller.user_id, group_id) is None:
                raise NotFound("No such post group.", kind=Kind.POST_GROUP)
            await media.add(tx, item)
            await self._expire_later(tx, item)
        signature = self._upload_signature(item.id, item.upload_expires_at, content_type)
        upload_url = f"{self._public_url}/media/{item.id}?expires={item.upload_expires_at}&signature={signature}"
        return UploadAddress(media_id=item.id, upload_url=upload_url, file_url=self.file_url(item))

    def file_url(self, item: MediaItem) -> str:
        """The file's address. Whoever has it may read the file, as the networks that fetch media must."""
        return f"{self._public_url}/media/{item.id}/{quote(item.file_name, safe='')}?signature={self._file_signature(item.id)}"

    def public_url_of(self, item: MediaItem, network: str) -> str:
        """The address where a network fetches the file as it takes it, for some hours."""
        expires = to_ms(self._now() + _PUBLIC_LIVES)
        signature = self._public_signature(item.id, network, expires)
        name = quote(item.file_name, safe="")
        return f"{self._public_url}/media/{item.id}/{name}?for={network}&expires={expires}&signature={signature}"

    async def receive(
        self, media_id: str, expires: int, signature: str, content_type: str, chunks: AsyncIterator[bytes]
    ) -> None:
        """Take the bytes that arrive at an upload address. Sent again, they replace what was there.

        Raises:
            NotPermitted: the address was changed, has expired, or was given out for another Content-Type.
            NotFound: the file's post group is gone.
            InvalidParameters: the bytes are no image or video known here, or not what was announced
                (`unsupported_media_type`); they are too many, or the image's pixels are (`content_too_large`); the image
                is damaged or cut short. What was there before stays.
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
        until = expires + _UPLOAD_TAKES // timedelta(milliseconds=1)
        head, chunks = await begun(self._in_time(chunks, until))
        found = _announced(type_of(head), item.kind)
        kept = await self._keep(item, found, chunks)
        async with self._database.begin() as tx:
            arrived = to_ms(self._now())
            unneeded: list[str] | None = None
            if arrived <= until:
                unneeded = await media.set_stored(tx, item.workspace_id, item.id, **msgspec.structs.asdict(kept))
            let_go = [kept.blob_key] if unneeded is None else unneeded
            if let_go:
                await self.purge_later(tx, item.workspace_id, let_go)
        _check_time(arrived, until)
        if unneeded is None:
            raise NotFound("The file's post group is gone.", kind=Kind.MEDIA)

    async def stage(
        self, workspace_id: str, chunks: AsyncIterator[bytes], *, file_name: str, content_type: str
    ) -> Staged:
        """Keep the bytes of a file that `join` gives to a post group; what is not joined soon is purged by a job.

        Raises as `receive` does where the bytes are no good. `content_type` is what their beginning says they are.
        """
        item = self._item(workspace_id, "", file_name, content_type, kind_of(content_type), "")
        async with self._database.begin() as tx:
            await self._expire_later(tx, item)
        return Staged(item=item, bytes=await self._keep(item, content_type, chunks))

    async def join(self, tx: Tx, group_id: str, staged: Sequence[Staged]) -> None:
        """Give files to a post group which the transaction made or holds, in this order."""
        for each in staged:
            await media.add(tx, msgspec.structs.replace(each.item, post_group_id=group_id))
            kept = msgspec.structs.asdict(each.bytes)
            unneeded = await media.set_stored(tx, each.item.workspace_id, each.item.id, **kept)
            if unneeded:
                await self.purge_later(tx, each.item.workspace_id, unneeded)

    async def drop(self, staged: Sequence[Staged]) -> None:
        """Purge files that were not joined."""
        if staged:
            workspace_id = staged[0].item.workspace_id
            async with self._database.begin() as tx:
                await self.purge_later(tx, workspace_id, [each.bytes.blob_key for each in staged])

    def _item(
        self, workspace_id: str, group_id: str, file_name: str, content_type: str, kind: MediaKind, alt_text: str
    ) -> MediaItem:
        now = self._now()
        return MediaItem(
            id=new_object_id(now),
            workspace_id=workspace_id,
            post_group_id=group_id,
            kind=kind,
            status=MediaStatus.AWAITING,
            file_name=_plain(file_name),
            content_type=content_type,
            blob_key=None,
            size_bytes=None,
            alt_text=alt_text,
            created_at=to_ms(now),
            upload_expires_at=to_ms(now + _ADDRESS_LIVES),
        )

    async def _expire_later(self, tx: Tx, item: MediaItem) -> None:
        now = self._now()
        job = Job(
            id=new_id("job", now),
            workspace_id=item.workspace_id,
            task=Task.EXPIRE_UPLOAD,
            args={"media_id": item.id},
            lock=None,
            attempts=0,
            scheduled_at=to_ms(now + _ADDRESS_LIVES + _PURGED_AFTER),
        )
        await jobs.enqueue(tx, job)

    async def _keep(self, item: MediaItem, content_type: str, chunks: AsyncIterator[bytes]) -> Bytes:
        """Put the bytes into the store and look at them; what is no good is purged."""
        key = f"{item.workspace_id}/{item.id}/{new_ulid(self._now())}"
        content = hashlib.sha256()
        size = await self.blobs.put(key, self._counted(chunks, item.kind, content))
        try:
            width, height = await self._look(key, item.kind)
        except PostroomError:
            async with self._database.begin() as tx:
                await self.purge_later(tx, item.workspace_id, [key])
            raise
        return Bytes(
            blob_key=key,
            content_hash=self._content_hash(item.workspace_id, content.hexdigest()),
            size_bytes=size,
            content_type=content_type,
            width=width,
            height=height,
        )

    async def _in_time(self, chunks: AsyncIterator[bytes], until: int) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            _check_time(to_ms(self._now()), until)
            yield chunk

    async def _counted(self, chunks: AsyncIterator[bytes], kind: MediaKind, content: Any) -> AsyncIterator[bytes]:
        most = self.limits.most_image_bytes if kind is MediaKind.IMAGE else self.limits.most_bytes
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            if size > most:
                raise InvalidParameters(
                    f"A file of type {kind} has at most {most} bytes.",
                    code=ErrorCode.CONTENT_TOO_LARGE,
                    kind=Kind.MEDIA,
                )
            content.update(chunk)
            yield chunk

    async def _look(self, key: str, kind: MediaKind) -> tuple[int | None, int | None]:
        if kind is MediaKind.VIDEO:
            return None, None
        return await self._images.look(lambda: self.blobs.read(key))

    async def open(self, media_id: str, signature: str, *, network: str = "", expires: int = 0) -> File:
        """A stored file; with `network`, as that network takes it, at an address that expires.

        Raises:
            NotFound: the address was changed or has expired, or no bytes are there (any more).
            InvalidParameters: no image that the network takes can be made of it.
            Unavailable: the store does not answer.
        """
        good = self._public_signature(media_id, network, expires) if network else self._file_signature(media_id)
        if not hmac.compare_digest(signature, good) or (network and to_ms(self._now()) > expires):
            raise NotFound("No such file.", kind=Kind.MEDIA)
        async with self._database.read() as reader:
            item = await media.find_any(reader, media_id)
        if item is None or item.blob_key is None:
            raise NotFound("No such file.", kind=Kind.MEDIA)
        return await self.file(item, network)

    async def file(self, item: MediaItem, network: str = "") -> File:
        """A stored file; with `network`, as that network takes it: an image re-encoded, a video as it is.

        Raises:
            InvalidParameters: no image that the network takes can be made of it.
            Unavailable: the store does not answer.
        """
        assert item.blob_key is not None
        fitted = None
        if network and item.kind is MediaKind.IMAGE and self._taken_by(network) is not None:
            fitted = await self.fitted(item, item.blob_key, network)
        return File(self, item, item.blob_key, fitted, network)

    async def fitted(self, item: MediaItem, blob_key: str, network: str) -> Fitted:
        """An image as a network takes it, from what is kept of those made lately. Raises as `file` does."""
        kept = self._kept.get((blob_key, network))
        if kept is not None:
            self._kept.move_to_end((blob_key, network))
            return kept
        making = self._making.get((blob_key, network))
        if making is None:
            making = asyncio.create_task(self._make(blob_key, network))
            self._making[(blob_key, network)] = making
            making.add_done_callback(lambda done: self._made((blob_key, network), done))
        # Who waits for it may go away; others wait as well.
        return await asyncio.shield(making)

    async def _make(self, blob_key: str, network: str) -> Fitted:
        limits = self._taken_by(network)
        assert limits is not None
        return await self._images.fit(lambda: self.blobs.read(blob_key), limits)

    def _made(self, key: tuple[str, str], done: asyncio.Task[Fitted]) -> None:
        self._making.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        self._kept[key] = done.result()
        while sum(len(each.content) for each in self._kept.values()) > _MOST_FITTED_BYTES:
            self._kept.popitem(last=False)

    async def purge_later(self, tx: Tx, workspace_id: str, keys: list[str]) -> None:
        """Have blobs deleted, for certain, once this transaction is durable."""
        now = self._now()
        await jobs.enqueue(tx, purge_of(new_id("job", now), workspace_id, keys, to_ms(now)))
        tx.on_commit(lambda: self._notifier.wake("jobs"))

    async def purge(self, workspace_id: str, keys: list[str]) -> None:
        """Delete those of these blobs that no file shares (any more); a job, safe to repeat.

        First nobody can come to share them, then they go: an upload of the same content that comes between keeps its own.
        """
        async with self._database.begin() as tx:
            free = await media.let_go(tx, workspace_id, keys)
        await self.blobs.delete(free)
        for kept in [kept for kept in self._kept if kept[0] in free]:
            self._kept.pop(kept, None)

    async def expire_upload(self, workspace_id: str, media_id: str) -> None:
        """After an upload address has expired: purge what came too late, and forget a file that never came (a job)."""
        async with self._database.begin() as tx:
            await media.remove_awaiting(tx, workspace_id, media_id)
        folder = f"{workspace_id}/{media_id}"
        found = await self.blobs.list(f"{folder}/")
        async with self._database.read() as reader:
            # Known ones may be shared by other files, whatever became of this one.
            known = await media.known_keys(reader, workspace_id, found)
        await self.blobs.delete([key for key in found if key not in known])
        await self.blobs.sweep(folder)

    async def stored(self) -> set[str]:
        """The blobs that stored files refer to."""
        async with self._database.read() as reader:
            return await media.stored_keys(reader)

    async def orphans(self) -> list[str]:
        """Blobs that no stored file refers to. Empty once all jobs have run and given-out addresses have expired."""
        stored = set(await self.blobs.list(""))
        async with self._database.read() as reader:
            return sorted(stored - await media.stored_keys(reader))

    def _upload_signature(self, media_id: str, expires: int, content_type: str) -> str:
        return self._database.keyring.hash(f"upload\n{media_id}\n{expires}\n{content_type}").hex()

    def _file_signature(self, media_id: str) -> str:
        return self._database.keyring.hash(f"file\n{media_id}").hex()[:32]

    def _public_signature(self, media_id: str, network: str, expires: int) -> str:
        return self._database.keyring.hash(f"public file\n{media_id}\n{network}\n{expires}").hex()

    def _content_hash(self, workspace_id: str, digest: str) -> str:
        # Keyed: whoever has the database cannot try which files it speaks of.
        return self._database.keyring.hash(f"content\n{workspace_id}\n{digest}").hex()


def _plain(file_name: str) -> str:
    """The name without its folders and without what is no name's in an address, a header or a folder."""
    name = _UNWANTED.sub("", re.split(r"[/\\]", file_name)[-1]).strip()[-_MOST_NAME:]
    return name if name.strip(".") else "file"


def _check_time(now: int, until: int) -> None:
    if now > until:
        raise NotPermitted("The upload address expired while the bytes came, too long ago.", kind=Kind.MEDIA)


async def begun(chunks: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """The first bytes, and all of them."""
    first: list[bytes] = []
    size = 0
    async for chunk in chunks:
        first.append(chunk)
        size += len(chunk)
        if size >= HEAD_BYTES:
            break

    async def every() -> AsyncIterator[bytes]:
        for chunk in first:
            yield chunk
        async for chunk in chunks:
            yield chunk

    return b"".join(first), every()


def _announced(found: str | None, kind: MediaKind) -> str:
    """What the bytes are, if that is what was announced."""
    if found is None:
        detail = "These bytes are no image or video that is known here, whatever the file's name says."
    elif kind_of(found) is not kind:
        detail = f"The bytes are {found}, and the file was announced as {kind}."
    else:
        return found
    raise InvalidParameters(detail, code=ErrorCode.UNSUPPORTED_MEDIA_TYPE, kind=Kind.MEDIA)
