"""Post groups and their posts. A group is held before its posts are changed; posts outlive their accounts."""

from typing import Literal

import msgspec

from postroom.domain.posts import GroupStatus, Post, PostError, PostGroup, PostStatus
from postroom.domain.remote import Json
from postroom.store.database import Reader, Row, Tx
from postroom.store.where import Where

SortBy = Literal["createdAt", "updatedAt", "scheduledTime"]

_GROUP = (
    "g.id, g.workspace_id, g.user_id, g.content, g.platforms, g.platform_settings, g.status, g.scheduled_at, "
    "g.created_at, g.updated_at"
)
_POST = (
    "p.id, p.group_id, p.workspace_id, p.account_id, p.platform, p.platform_id, p.status, p.token, p.provider_id, "
    "p.url, p.error, p.attempts, p.position, p.part, p.content, p.begun_at"
)
_SORTED = {"createdAt": "created_at", "updatedAt": "updated_at", "scheduledTime": "scheduled_at"}
_encode = msgspec.json.Encoder().encode
_decode_platforms = msgspec.json.Decoder(tuple[str, ...]).decode
_decode_note = msgspec.json.Decoder().decode
_decode_error = msgspec.json.Decoder(PostError).decode


async def add_group(tx: Tx, group: PostGroup, posts: list[Post]) -> None:
    """Keep a new post group and its posts."""
    await tx.execute(
        """
        insert into post_groups (
            id, workspace_id, user_id, content, platforms, platform_settings, status, scheduled_at, created_at,
            updated_at
        ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        group.id,
        group.workspace_id,
        group.user_id,
        group.content,
        _encode(group.platforms).decode(),
        group.platform_settings,
        group.status,
        group.scheduled_at,
        group.created_at,
        group.updated_at,
    )
    await add_posts(tx, posts)


async def add_posts(tx: Tx, posts: list[Post]) -> None:
    """Keep the posts of a group that is held."""
    if posts:
        await tx.execute_many(
            """
            insert into posts (
                id, group_id, workspace_id, account_id, platform, platform_id, status, token, provider_id, url, error,
                attempts, position, part, content
            ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
            """,
            [
                (
                    post.id,
                    post.group_id,
                    post.workspace_id,
                    post.account_id,
                    post.platform,
                    post.platform_id,
                    post.status,
                    post.token,
                    post.provider_id,
                    post.url,
                    post.error and _encode(post.error).decode(),
                    post.attempts,
                    post.position,
                    post.part,
                    post.content,
                )
                for post in posts
            ],
        )


async def find_group(reader: Reader, workspace_id: str, user_id: str, group_id: str) -> PostGroup | None:
    """A user's post group."""
    row = await reader.look_up(_FIND_GROUP, workspace_id, user_id, group_id)
    return None if row is None else _group(row)


async def list_unfinished_of_account(reader: Reader, workspace_id: str, account_id: str) -> list[Post]:
    """The account's posts that are scheduled or being published."""
    rows = await reader.fetch(
        f"""
        select {_POST} from posts p
        where p.workspace_id = $1 and p.account_id = $2 and p.status in ('pending', 'processing')
        order by p.group_id, p.position
        """,
        workspace_id,
        account_id,
    )
    return [_post(row) for row in rows]


async def hold_group(tx: Tx, workspace_id: str, user_id: str, group_id: str) -> PostGroup | None:
    """A user's post group, held to the commit: it and its posts stay as they are read."""
    row = await tx.fetch_one(_FIND_GROUP + tx.for_update, workspace_id, user_id, group_id)
    return None if row is None else _group(row)


_FIND_GROUP = f"select {_GROUP} from post_groups g where g.workspace_id = $1 and g.user_id = $2 and g.id = $3"


async def list_groups(
    reader: Reader,
    workspace_id: str,
    user_id: str,
    *,
    status: GroupStatus | None = None,
    platform: str | None = None,
    sort_by: SortBy = "createdAt",
    descending: bool = True,
    from_ms: int | None = None,
    to_ms: int | None = None,
    after: tuple[int | None, str] | None = None,
    offset: int = 0,
    limit: int,
) -> tuple[list[PostGroup], int]:
    """A page of a user's post groups, and how many there are on all pages.

    Groups without a moment sort as the earliest. `platform` is the part of a stored platform id before a hyphen, in any
    case. `from_ms` and `to_ms` are inclusive, and about the scheduled moment: groups without one drop out. `after` is the
    last group's moment, by which is sorted, and its id; it does not change how many there are.
    """
    where = Where(reader, "g.workspace_id = {}", workspace_id)
    where.also("g.user_id = {}", user_id)
    if status is not None:
        where.also("g.status = {}", status)
    if platform is not None:
        literal = _encode(platform.lower()).decode()[1:-1]
        for special in "\\%_":
            literal = literal.replace(special, "\\" + special)
        # The stored ids are a JSON array: a quotation mark after [ or , begins one, whatever is inside them.
        where.also(
            "(lower(g.platforms) like {} escape '\\' or lower(g.platforms) like {} escape '\\')",
            f'["{literal}-%',
            f'%,"{literal}-%',
        )
    if from_ms is not None:
        where.also("g.scheduled_at >= {}", from_ms)
    if to_ms is not None:
        where.also("g.scheduled_at <= {}", to_ms)
    counted = await reader.fetch_one(f"select count(*) from post_groups g where {where}", *where.args)
    total = int(counted[0]) if counted else 0
    if after is not None:
        _after(where, f"g.{_SORTED[sort_by]}", descending, *after)
    order = "desc nulls last" if descending else "asc nulls first"
    rows = await reader.fetch(
        f"""
        select {_GROUP} from post_groups g where {where}
        order by g.{_SORTED[sort_by]} {order}, g.id {order}
        limit {where.argument(limit)} offset {where.argument(offset)}
        """,
        *where.args,
    )
    return [_group(row) for row in rows], total


def _after(where: Where, column: str, descending: bool, moment: int | None, group_id: str) -> None:
    """Only what sorts behind a place. No moment is the earliest there is."""
    beyond = "<" if descending else ">"
    if moment is not None:
        unset = f" or {column} is null" if descending else ""
        condition = f"({column} {beyond} {{}} or ({column} = {{}} and g.id {beyond} {{}}){unset})"
        where.also(condition, moment, moment, group_id)
    else:
        later = "" if descending else f" or {column} is not null"
        where.also(f"(({column} is null and g.id {beyond} {{}}){later})", group_id)


async def list_posts(reader: Reader, workspace_id: str, group_ids: list[str]) -> dict[str, list[Post]]:
    """Posts by post group, in the order in which the caller named their platforms."""
    rows = await reader.fetch(
        f"""
        select {_POST} from posts p where p.workspace_id = $1 and {reader.any_of("p.group_id", 2)}
        order by p.group_id, p.position
        """,
        workspace_id,
        reader.array(group_ids),
    )
    found: dict[str, list[Post]] = {group_id: [] for group_id in group_ids}
    for row in rows:
        found[row[1]].append(_post(row))
    return found


async def find_user(reader: Reader, workspace_id: str, group_id: str) -> str | None:
    """Whose post group it is; None: it is gone."""
    row = await reader.fetch_one(
        "select user_id from post_groups where workspace_id = $1 and id = $2", workspace_id, group_id
    )
    return None if row is None else str(row[0])


async def find_scheduled_at(reader: Reader, workspace_id: str, group_id: str) -> int | None:
    """When a post group is to go out, or went out; None: it is gone, or has no time."""
    row = await reader.fetch_one(
        "select scheduled_at from post_groups where workspace_id = $1 and id = $2", workspace_id, group_id
    )
    return None if row is None else row[0]


async def find_post(reader: Reader, workspace_id: str, post_id: str) -> Post | None:
    """The post, if this workspace has it."""
    row = await reader.fetch_one(
        f"select {_POST} from posts p where p.workspace_id = $1 and p.id = $2", workspace_id, post_id
    )
    return None if row is None else _post(row)


async def hold_post(tx: Tx, workspace_id: str, post_id: str) -> tuple[PostGroup, Post] | None:
    """A post and its group, the group held to the commit: whoever changes one of its posts waits."""
    group = await tx.fetch_one(
        f"""
        select {_GROUP} from post_groups g where g.workspace_id = $1
        and g.id = (select p.group_id from posts p where p.workspace_id = $1 and p.id = $2){tx.for_update}
        """,
        workspace_id,
        post_id,
    )
    post = group and await find_post(tx, workspace_id, post_id)
    return (_group(group), post) if group and post else None


async def set_account(tx: Tx, workspace_id: str, post_id: str, account_id: str) -> None:
    """By which account a post goes out."""
    await tx.execute(
        "update posts set account_id = $3 where workspace_id = $1 and id = $2", workspace_id, post_id, account_id
    )


async def is_anothers(reader: Reader, workspace_id: str, post: Post, provider_id: str) -> bool:
    """Whether another post of the same account is known to be the one that the network calls so."""
    row = await reader.fetch_one(
        """
        select 1 from posts where workspace_id = $1 and platform = $2 and platform_id = $3 and status = 'published'
        and provider_id = $4 and id <> $5
        """,
        workspace_id,
        post.platform,
        post.platform_id,
        provider_id,
        post.id,
    )
    return row is not None


async def set_group(
    tx: Tx, workspace_id: str, group_id: str, *, status: GroupStatus, scheduled_at: int | None, updated_at: int
) -> None:
    """Change a group's status and moment."""
    await tx.execute(
        """
        update post_groups set status = $3, scheduled_at = $4, updated_at = $5
        where workspace_id = $1 and id = $2
        """,
        workspace_id,
        group_id,
        status,
        scheduled_at,
        updated_at,
    )


async def set_written(tx: Tx, workspace_id: str, group: PostGroup) -> None:
    """Change what the owner wrote, and for whom."""
    await tx.execute(
        """
        update post_groups set content = $3, platforms = $4, platform_settings = $5 where workspace_id = $1 and id = $2
        """,
        workspace_id,
        group.id,
        group.content,
        _encode(group.platforms).decode(),
        group.platform_settings,
    )


async def remove_posts(tx: Tx, workspace_id: str, group_id: str) -> None:
    """Remove a group's posts, of which none has begun, so that others can take their place."""
    await tx.execute("delete from posts where workspace_id = $1 and group_id = $2", workspace_id, group_id)


async def set_post(
    tx: Tx,
    workspace_id: str,
    post_id: str,
    *,
    status: PostStatus,
    attempts: int,
    provider_id: str | None = None,
    url: str | None = None,
    error: PostError | None = None,
    begun_at: int | None = None,
) -> None:
    """Record how a post stands; what the network called it stays once it is known, as does when it was begun."""
    await tx.execute(
        """
        update posts set status = $3, attempts = $4, provider_id = coalesce($5, provider_id), url = coalesce($6, url),
            error = $7, begun_at = coalesce(begun_at, $8),
            note_sealed = case when $3 in ('pending', 'processing') then note_sealed else null end
        where workspace_id = $1 and id = $2
        """,
        workspace_id,
        post_id,
        status,
        attempts,
        provider_id,
        url,
        error and _encode(error).decode(),
        begun_at,
    )


async def find_note(reader: Reader, workspace_id: str, post_id: str, account_id: str) -> Json:
    """What an attempt left for the next; None: nothing. It is the network's own, and sealed as the account's."""
    row = await reader.fetch_one(
        "select note_sealed from posts where workspace_id = $1 and id = $2", workspace_id, post_id
    )
    if row is None or row[0] is None:
        return None
    return _decode_note(reader.keyring.seal(account_id).open(row[0], f"posts.note:{post_id}"))


async def set_note(tx: Tx, workspace_id: str, post_id: str, account_id: str, note: Json) -> bool:
    """Leave something for the next attempt. False: there is no attempt under way (any more).

    Raises:
        NoKey: the account is gone.
    """
    changed = await tx.execute(
        "update posts set note_sealed = $3 where workspace_id = $1 and id = $2 and status = 'processing'",
        workspace_id,
        post_id,
        tx.keyring.seal(account_id).close(_encode(note), f"posts.note:{post_id}"),
    )
    return changed > 0


async def set_posts_status(tx: Tx, workspace_id: str, group_id: str, status: PostStatus) -> None:
    """Move all posts of a group to one status."""
    await tx.execute(
        "update posts set status = $3 where workspace_id = $1 and group_id = $2", workspace_id, group_id, status
    )


async def remove_group(tx: Tx, workspace_id: str, user_id: str, group_id: str) -> bool:
    """Remove a user's post group with its posts and media rows. False: there is none. Blobs are another matter."""
    return (
        await tx.execute(
            "delete from post_groups where workspace_id = $1 and user_id = $2 and id = $3",
            workspace_id,
            user_id,
            group_id,
        )
        > 0
    )


async def last_results(
    reader: Reader, workspace_id: str, platform: str, platform_id: str, user_id: str | None = None
) -> tuple[int | None, PostError | None]:
    """For one account of a user: when a group of a published post was last changed, and the latest failure."""
    args = (workspace_id, platform, platform_id) if user_id is None else (workspace_id, platform, platform_id, user_id)
    of_user = "" if user_id is None else "and g.user_id = $4"
    published = await reader.fetch_one(
        f"""
        select max(g.updated_at)
        from posts p join post_groups g on g.workspace_id = p.workspace_id and g.id = p.group_id
        where p.workspace_id = $1 and p.platform = $2 and p.platform_id = $3 and p.status = 'published'
        {of_user}
        """,
        *args,
    )
    failed = await reader.fetch_one(
        f"""
        select p.error from posts p join post_groups g on g.workspace_id = p.workspace_id and g.id = p.group_id
        where p.workspace_id = $1 and p.platform = $2 and p.platform_id = $3 and p.status in ('failed', 'unconfirmed')
        and p.error is not null {of_user} order by g.updated_at desc, p.id desc limit 1
        """,
        *args,
    )
    return (
        None if published is None else published[0],
        None if failed is None else _decode_error(failed[0]),
    )


def _group(row: Row) -> PostGroup:
    return PostGroup(
        id=row[0],
        workspace_id=row[1],
        user_id=row[2],
        content=row[3],
        platforms=_decode_platforms(row[4]),
        platform_settings=row[5],
        status=GroupStatus(row[6]),
        scheduled_at=row[7],
        created_at=row[8],
        updated_at=row[9],
    )


def _post(row: Row) -> Post:
    return Post(
        id=row[0],
        group_id=row[1],
        workspace_id=row[2],
        account_id=row[3],
        platform=row[4],
        platform_id=row[5],
        status=PostStatus(row[6]),
        token=row[7],
        provider_id=row[8],
        url=row[9],
        error=None if row[10] is None else _decode_error(row[10]),
        attempts=row[11],
        position=row[12],
        part=row[13],
        content=row[14],
        begun_at=row[15],
    )
