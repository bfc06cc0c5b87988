"""Composing: a post group written together with its files, and with the moment when it is taken down."""

from collections.abc import Sequence
from typing import Any

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.posts import GroupStatus, PostGroup
from postroom.errors import InvalidParameters, Kind
from postroom.services.attachments import Attachments, Fetched, names
from postroom.services.library import Library
from postroom.services.media import Staged
from postroom.services.posts import Along, Change, Posts
from postroom.services.takedowns import Takedowns
from postroom.store.database import Tx


class Expiry(msgspec.Struct, frozen=True, kw_only=True):
    """When live posts are taken down, and whether their group is deleted then. None: not any more."""

    at: int | None
    delete_group: bool


class Extras(msgspec.Struct, frozen=True, kw_only=True):
    """What comes with a post group. Expiry None: it stays as it is."""

    media_urls: Sequence[str] = ()
    expiry: Expiry | None = None
    files: Sequence[str] = ()
    """Ids of stored files of the user's: of the library, or of other post groups."""
    alt_texts: Sequence[str] = ()
    """Of `files`, one after the other; where one is empty, the file's own."""
    without: Sequence[str] = ()
    """Ids of the group's own files that it has no more."""

    @property
    def furnishes(self) -> bool:
        """Whether files come, or go."""
        return bool(self.media_urls or self.files or self.without)


class Composed(msgspec.Struct, frozen=True, kw_only=True):
    """The group as it now stands, and the files that were fetched for it, in the order of their addresses."""

    group: PostGroup
    files: Sequence[Staged]


class Composing:
    """Post groups of the user that a caller acts for, with all that comes with them: all of it, or nothing."""

    def __init__(
        self, posts: Posts, attachments: Attachments, library: Library, takedowns: Takedowns, now: Clock
    ) -> None:
        self._posts = posts
        self._attachments = attachments
        self._library = library
        self._takedowns = takedowns
        self._now = now

    async def create(self, caller: Caller, extras: Extras, **new: Any) -> Composed:
        """`Posts.create` with `new`. Where a file is not got, there is no group.

        Raises as that does, as `Attachments.fetched` does, and:
            InvalidParameters: the take-down would be in the past, or before the posts go out.
            NotFound: (kind MEDIA) one of `files` is not the user's, or gone.
        """
        self._check(extras)
        if not extras.media_urls:
            along = self._along(caller, extras, ())
            return Composed(group=await self._posts.create(caller, **new, along=along), files=())
        async with self._attachments.fetched(caller, names(extras.media_urls)) as files:
            along = self._along(caller, extras, files.staged)
            group = await self._posts.create(caller, **new, along=along)
        return Composed(group=group, files=files.staged)

    async def update(self, caller: Caller, group_id: str, change: Change, extras: Extras) -> Composed:
        """`Posts.update`; files are added to those that there are, and a scheduled group stays scheduled.

        Where a file is not got, the group is as it was. A moment alone is set whatever the group's status is.

        Raises as `create` does.
        """
        self._check(extras)
        at = None if extras.expiry is None else extras.expiry.at
        if extras.expiry is not None and change == Change() and not extras.furnishes:
            found = (await self._posts.get(caller, group_id)).group
            await self._takedowns.schedule(caller, found.id, at, delete_group=extras.expiry.delete_group)
            return Composed(group=found, files=())
        async with self._takedowns.counting(caller, at):
            return await self._update(caller, group_id, change, extras)

    async def _update(self, caller: Caller, group_id: str, change: Change, extras: Extras) -> Composed:
        if extras.media_urls:
            async with self._attachments.fetched(caller, names(extras.media_urls), group_id) as files:
                along = self._along(caller, extras, files.staged)
                group = await self._posts.update(caller, group_id, _as_before(change, files), along=along)
            return Composed(group=group, files=files.staged)
        along = self._along(caller, extras, ())
        return Composed(group=await self._posts.update(caller, group_id, change, along=along), files=())

    async def move(self, caller: Caller, group_id: str, at: int) -> PostGroup:
        """Schedule a group that has not gone out for this moment, whenever it was to go out before.

        Raises as `update` does, and:
            InvalidParameters: (kind SCHEDULED_TIME) the moment has passed: it is not taken for now.
        """
        if at <= to_ms(self._now()):
            raise InvalidParameters("That moment has passed; nothing was changed.", kind=Kind.SCHEDULED_TIME)
        change = Change(status=GroupStatus.SCHEDULED, scheduled_at=at)
        return (await self.update(caller, group_id, change, Extras())).group

    def _along(self, caller: Caller, extras: Extras, staged: Sequence[Staged]) -> Along:
        expiry = extras.expiry
        furnish = self._library.furnishing(caller, extras.files, extras.alt_texts, without=extras.without)

        async def along(tx: Tx, group: PostGroup) -> None:
            await self._attachments.joining(staged)(tx, group)
            await furnish(tx, group)
            if expiry is None:
                await self._takedowns.check_schedule(tx, group)
            else:
                await self._takedowns.schedule_group(tx, group, expiry.at, delete_group=expiry.delete_group)

        return along

    def _check(self, extras: Extras) -> None:
        if extras.expiry is not None and extras.expiry.at is not None and extras.expiry.at <= to_ms(self._now()):
            raise InvalidParameters("deleteAt must be in the future")


def _as_before(change: Change, files: Fetched) -> Change:
    """A group that was scheduled is so again, unless something else is asked for, or came from somebody meanwhile."""
    if files.held is None:
        return change
    before, version = files.held
    moment = before.scheduled_at if change.scheduled_at is None else change.scheduled_at
    status = change.status or GroupStatus.SCHEDULED
    return msgspec.structs.replace(change, status=status, scheduled_at=moment, version=version)
