"""Removals of post groups: of the group, of all that is its own, and what is told of that."""

from functools import cache

import msgspec

from postroom.domain.events import EventData, EventType
from postroom.domain.jobs import Task, purge_of
from postroom.domain.posts import Post
from postroom.domain.receipts import Receipt
from postroom.store import events, jobs, media, posts, receipts, usage
from postroom.store.database import Tx

_KIND = "post_group.deleted"
_TARGET = ("platform", "platform_id", "status", "provider_id", "url")
_encode = msgspec.json.Encoder().encode


class Removal(msgspec.Struct, frozen=True, kw_only=True):
    """A user's post group that is to go, and the names of what is written about that."""

    workspace_id: str
    user_id: str
    group_id: str
    origin: str
    at: int
    receipt_id: str
    event_id: str
    job_id: str

    @property
    def event(self) -> EventData:
        return EventData(post_group_id=self.group_id, origin=self.origin)


async def remove_group(tx: Tx, removal: Removal) -> int | None:
    """Hold a post group and remove it. None: there is none, and nothing was written.

    A receipt says what it was as it went, an event that it went; a job purges its files, of which this tells how many
    there are; and a group of which nothing has begun to go out is counted no more.
    """
    if tx.dialect == "postgres":
        return await _remove_at_once(tx, removal)
    workspace_id, user_id, group_id = removal.workspace_id, removal.user_id, removal.group_id
    group = await posts.hold_group(tx, workspace_id, user_id, group_id)
    if group is None:
        return None
    gone = (await posts.list_posts(tx, workspace_id, [group_id]))[group_id]
    keys = await media.remove_of_group(tx, workspace_id, group_id)
    await posts.remove_group(tx, workspace_id, user_id, group_id)
    if not any(post.begun_at for post in gone):
        await usage.remove(tx, workspace_id, group_id)
    if keys:
        await jobs.enqueue(tx, purge_of(removal.job_id, workspace_id, keys, removal.at))
    receipt = Receipt(
        id=removal.receipt_id,
        workspace_id=workspace_id,
        kind=_KIND,
        target_id=group_id,
        document={"status": group.status, "files": len(keys), "targets": [_target(post) for post in gone]},
        created_at=removal.at,
        user_id=user_id,
    )
    await receipts.add(tx, receipt)
    kind = EventType.POST_GROUP_DELETED
    await events.append(tx, removal.event_id, workspace_id, kind, removal.event, removal.at, user_id)
    return len(keys)


def _target(post: Post) -> dict[str, str | None]:
    return {name: getattr(post, name) for name in _TARGET}


async def _remove_at_once(tx: Tx, removal: Removal) -> int | None:
    """In one statement: a round trip costs more than all of its work."""
    position, place = tx.next_position(9)
    while True:
        row = await tx.fetch_one(
            _remove(position),
            removal.workspace_id,
            removal.user_id,
            removal.group_id,
            removal.at,
            removal.receipt_id,
            removal.job_id,
            removal.event_id,
            _encode(removal.event).decode(),
            place,
        )
        held, unchanged, files = row or (False, False, 0)
        if not held:
            return None
        if unchanged:
            return int(files)


@cache
def _remove(position: str) -> str:
    return _REMOVE.replace(":position", position)


# The group is held first: who is changing its posts has held it, and is waited for. What is deleted is returned as it then
# stands, also where that is newer than the statement's snapshot; but rows that were added meanwhile are not in that. Whoever
# adds posts changes the group's row as well: where it is another one than in the snapshot, nothing is done.
_REMOVE = f"""
    with seen as (
        select xmin from post_groups where workspace_id = $1 and id = $3
    ), held as materialized (
        select id, status, xmin from post_groups where workspace_id = $1 and user_id = $2 and id = $3 for update
    ), sure as materialized (
        select held.id, held.status from held join seen on seen.xmin = held.xmin
    ), files as (
        delete from media_items where workspace_id = $1 and group_id = (select id from sure) returning blob_key
    ), gone as (
        delete from posts where workspace_id = $1 and group_id = (select id from sure)
        returning {", ".join(_TARGET)}, position, begun_at
    ), whole as (
        delete from post_groups where workspace_id = $1 and id = (select id from sure)
    ), unused as (
        delete from post_usage where workspace_id = $1 and group_id = (select id from sure)
        and not exists (select from gone where begun_at is not null)
    ), purge as (
        insert into jobs (id, workspace_id, task, args, status, attempts, scheduled_at)
        select $6, $1, '{Task.PURGE_BLOBS}', row_to_json(args), 'todo', 0, $4
        from (select array_agg(blob_key) as keys from files where blob_key is not null) args where keys is not null
    ), receipt as (
        insert into receipts (workspace_id, user_id, id, kind, target_id, created_at, document)
        select $1, $2, $5, '{_KIND}', sure.id, $4, (
            select row_to_json(document) from (
                select sure.status, (select count(blob_key) from files) as files, array_to_json(array(
                    select target from (select {", ".join(_TARGET)} from gone order by position) target
                )) as targets
            ) document
        ) from sure
    ), event as (
        insert into events (position, workspace_id, user_id, id, type, created_at, data)
        select :position, $1, $2, $7, '{EventType.POST_GROUP_DELETED}', $4, $8 from sure
    )
    select exists (select from held), exists (select from sure), (select count(blob_key) from files)
"""
