"""The library: a user's files, kept for posts to come, and those that are in posts already; their bytes are shared."""

from collections.abc import AsyncIterator, Sequence
from itertools import groupby

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.capabilities import ImageLimits
from postroom.domain.media import MediaItem, MediaKind, MediaStatus, type_of
from postroom.domain.pages import Listing, decode_cursor, listing
from postroom.domain.posts import PostGroup
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotFound
from postroom.ids import is_object_id, new_object_id
from postroom.services.images import Fitted, Images
from postroom.services.media import File, Media, begun
from postroom.services.posts import Along
from postroom.services.spending import counted
from postroom.store import library, media, unwritten
from postroom.store.database import Database, Tx
from postroom.store.graves import FILE, Grave
from postroom.store.library import Use
from postroom.store.media import Place

MOST_FILES = 20
"""How many files one post group is given at once."""
_SMALL = ImageLimits(
    max_count=1,
    types=frozenset({"image/jpeg", "image/png", "image/webp"}),
    max_bytes=60_000,
    max_width=480,
    max_height=480,
)


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a user's, and the post groups that have it."""

    file: MediaItem
    uses: Sequence[Use]

    @property
    def in_library(self) -> bool:
        """Whether it is kept also when no post has it."""
        return not self.file.post_group_id


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How many files a workspace has in the store, and how many of them nobody needs: that is 0 once all jobs have run."""

    stored: int
    orphans: int


class Library:
    """What a caller may do with the files of the user it acts for."""

    def __init__(self, database: Database, media: Media, images: Images, now: Clock) -> None:
        self._database = database
        self._media = media
        self._images = images
        self._now = now

    async def list(self, caller: Caller, *, cursor: str | None = None, limit: int = 48) -> Listing[Kept]:
        """A page of the user's files, newest first; those of the same content are one.

        Raises:
            InvalidParameters: (kind CURSOR) the cursor is none that was given out.
        """
        before = None if cursor is None else decode_cursor(cursor, type(None)).cursor
        async with self._database.read() as reader:
            files = await library.list_files(
                reader, caller.workspace_id, caller.user_id, before=before, limit=limit + 1
            )
            keys = [each.blob_key for each in files if each.blob_key is not None]
            uses = await library.list_uses(reader, caller.workspace_id, caller.user_id, keys)
        ordered = sorted(uses, key=lambda use: use.blob_key)
        by_key = {key: list(found) for key, found in groupby(ordered, key=lambda use: use.blob_key)}
        found = [Kept(file=each, uses=by_key.get(each.blob_key or "", [])) for each in files]
        return listing(found, limit, None, lambda last: (last.file.created_at, last.file.id))

    async def get(self, caller: Caller, file_ids: Sequence[str]) -> Sequence[MediaItem]:
        """Stored files of the user's, of the library or of a post group, in this order.

        Raises:
            NotFound: one of them is none.
        """
        async with self._database.read() as reader:
            found = [
                await library.find(reader, caller.workspace_id, caller.user_id, file_id)
                for file_id in map(_checked, file_ids)
            ]
        return [_there(each) for each in found]

    async def upload(
        self, caller: Caller, chunks: AsyncIterator[bytes], *, file_name: str, alt_text: str = ""
    ) -> MediaItem:
        """Keep a file in the library. What it is, its bytes say; content that is there already is that file.

        Raises:
            InvalidParameters: the bytes are no image or video known here (`unsupported_media_type`), too many
                (`content_too_large`), or damaged. Nothing was kept.
        """
        head, chunks = await begun(chunks)
        content_type = type_of(head)
        if content_type is None:
            raise InvalidParameters(
                "These bytes are no image or video that is known here, whatever the file's name says.",
                code=ErrorCode.UNSUPPORTED_MEDIA_TYPE,
                kind=Kind.MEDIA,
            )
        staged = await self._media.stage(caller.workspace_id, chunks, file_name=file_name, content_type=content_type)
        kept = staged.bytes
        item = msgspec.structs.replace(
            staged.item,
            status=MediaStatus.STORED,
            alt_text=alt_text.strip(),
            blob_key=kept.blob_key,
            size_bytes=kept.size_bytes,
            width=kept.width,
            height=kept.height,
        )
        place = Place(blob_key=kept.blob_key, content_hash=kept.content_hash, size_bytes=kept.size_bytes)
        async with self._database.begin() as tx:
            file_id, unneeded = await library.add(tx, caller.user_id, item, place)
            if unneeded is not None:
                await self._media.purge_later(tx, caller.workspace_id, [unneeded])
            found = await library.find(tx, caller.workspace_id, caller.user_id, file_id)
        return _there(found)

    @counted
    async def delete(self, caller: Caller, file_id: str) -> None:
        """Remove a file from the library; posts that have it keep it. Its bytes go, by a job, once nobody needs them.

        Raises:
            NotFound: no such file in the user's library.
        """
        async with self._database.begin() as tx:
            key = await library.remove(tx, caller.workspace_id, _checked(file_id), caller.user_id)
            if key is None:
                raise NotFound("No such file in the library.", kind=Kind.MEDIA)
            await unwritten.dig(tx, Grave(caller.workspace_id, FILE, file_id.lower(), to_ms(self._now())))
            await self._media.purge_later(tx, caller.workspace_id, [key])
        await self._database.keyring.graves.settled()

    def furnishing(
        self, caller: Caller, file_ids: Sequence[str], alt_texts: Sequence[str] = (), *, without: Sequence[str] = ()
    ) -> Along:
        """What gives a post group these files as well, in this order, in the transaction that makes or changes it.

        `without`: the ids of files of its own that it has no more. `alt_texts` are the files', one after the other.
        It raises NotFound where one of the files is not the user's, or gone.
        """

        if len(file_ids) > MOST_FILES:
            raise InvalidParameters(f"A post is given at most {MOST_FILES} files at once.", kind=Kind.MEDIA)

        async def along(tx: Tx, group: PostGroup) -> None:
            if without:
                keys = await media.remove_of(tx, group.workspace_id, group.id, list(map(_checked, without)))
                if keys:
                    await self._media.purge_later(tx, group.workspace_id, keys)
            for place, file_id in enumerate(file_ids):
                alt_text = alt_texts[place] if place < len(alt_texts) else ""
                await self._give(tx, caller, group, file_id, place, alt_text)

        return along

    async def _give(self, tx: Tx, caller: Caller, group: PostGroup, file_id: str, place: int, alt_text: str) -> None:
        found = _there(await library.find(tx, caller.workspace_id, caller.user_id, _checked(file_id)))
        if found.blob_key is None or not await media.hold_bytes(tx, caller.workspace_id, found.blob_key):
            raise NotFound("The file is gone.", kind=Kind.MEDIA)
        now = self._now()
        # Files are shown in the order of their moments.
        given = msgspec.structs.replace(
            found,
            id=new_object_id(now),
            post_group_id=group.id,
            alt_text=alt_text.strip() or found.alt_text,
            created_at=to_ms(now) + place,
            upload_expires_at=to_ms(now),
        )
        await media.add(tx, given)

    async def open(self, caller: Caller, file_id: str) -> File:
        """A file of the user's, as it was uploaded.

        Raises:
            NotFound: no such file.
            Unavailable: the store does not answer.
        """
        (found,) = await self.get(caller, [file_id])
        return await self._media.file(found)

    async def thumbnail(self, caller: Caller, file_id: str) -> Fitted:
        """An image of some hundred pixels a side.

        Raises:
            NotFound: no such file, or none of which there is such an image.
            Unavailable: the store does not answer.
        """
        (found,) = await self.get(caller, [file_id])
        key = found.blob_key
        if key is None or found.kind is not MediaKind.IMAGE:
            raise NotFound("There is no small image of it.", kind=Kind.MEDIA)
        try:
            return await self._images.fit(lambda: self._media.blobs.read(key), _SMALL)
        except InvalidParameters as error:
            raise NotFound("There is no small image of it.", kind=Kind.MEDIA) from error

    async def figures(self, caller: Caller) -> Figures:
        """What of the workspace's is in the media store."""
        stored = set(await self._media.blobs.list(f"{caller.workspace_id}/"))
        async with self._database.read() as reader:
            needed = await media.stored_keys_of(reader, caller.workspace_id)
        return Figures(stored=len(stored), orphans=len(stored - needed))


def _checked(file_id: str) -> str:
    if not is_object_id(file_id):
        raise NotFound("Not a file's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.MEDIA)
    return file_id.lower()


def _there(found: MediaItem | None) -> MediaItem:
    if found is None:
        raise NotFound("No such file.", kind=Kind.MEDIA)
    return found
