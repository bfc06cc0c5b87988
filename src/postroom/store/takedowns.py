"""Take-downs and their targets. A take-down is held before one of its targets is changed."""

from postroom.domain.takedowns import Takedown, Target, TargetOutcome
from postroom.store.database import Reader, Row, Tx

_COLUMNS = "id, workspace_id, user_id, group_id, delete_group, asked_at, settled_at"
_TARGET = "position, post_id, account_id, platform, platform_id, provider_id, url, outcome, detail, settled_at, called"


async def add(tx: Tx, takedown: Takedown) -> None:
    """Keep what is asked, before anyone is called."""
    await tx.execute(
        f"insert into takedowns ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7)",
        takedown.id,
        takedown.workspace_id,
        takedown.user_id,
        takedown.group_id,
        int(takedown.delete_group),
        takedown.asked_at,
        takedown.settled_at,
    )
    await tx.execute_many(
        f"""
        insert into takedown_targets (workspace_id, takedown_id, {_TARGET})
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """,
        [
            (
                takedown.workspace_id,
                takedown.id,
                target.position,
                target.post_id,
                target.account_id,
                target.platform,
                target.platform_id,
                target.provider_id,
                target.url,
                target.outcome,
                target.detail,
                target.settled_at,
                int(target.called),
            )
            for target in takedown.targets
        ],
    )


async def find(reader: Reader, workspace_id: str, takedown_id: str) -> Takedown | None:
    """The take-down, if this workspace has it."""
    row = await reader.fetch_one(_FIND, workspace_id, takedown_id)
    return None if row is None else await _whole(reader, row)


async def hold(tx: Tx, workspace_id: str, takedown_id: str) -> Takedown | None:
    """The same, held to the commit: whoever changes one of its targets waits."""
    row = await tx.fetch_one(_FIND + tx.for_update, workspace_id, takedown_id)
    return None if row is None else await _whole(tx, row)


_FIND = f"select {_COLUMNS} from takedowns where workspace_id = $1 and id = $2"


async def find_open(reader: Reader, workspace_id: str, group_id: str) -> Takedown | None:
    """The take-down of this group that is not settled yet."""
    row = await reader.fetch_one(
        f"""
        select {_COLUMNS} from takedowns where workspace_id = $1 and group_id = $2 and settled_at is null
        order by asked_at limit 1
        """,
        workspace_id,
        group_id,
    )
    return None if row is None else await _whole(reader, row)


async def list_of_group(reader: Reader, workspace_id: str, user_id: str, group_id: str) -> list[Takedown]:
    """The take-downs of a user's group, oldest first. The group may be gone."""
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from takedowns where workspace_id = $1 and user_id = $2 and group_id = $3
        order by asked_at, id
        """,
        workspace_id,
        user_id,
        group_id,
    )
    return [await _whole(reader, row) for row in rows]


async def list_done(reader: Reader, workspace_id: str, group_id: str) -> set[tuple[str, str]]:
    """What of a group is known to be gone, as (platform, provider id)."""
    rows = await reader.fetch(
        """
        select t.platform, t.provider_id from takedown_targets t
        join takedowns d on d.workspace_id = t.workspace_id and d.id = t.takedown_id
        where d.workspace_id = $1 and d.group_id = $2 and t.outcome = 'done' and t.provider_id is not null
        """,
        workspace_id,
        group_id,
    )
    return {(row[0], row[1]) for row in rows}


async def list_down(reader: Reader, workspace_id: str, group_ids: list[str]) -> set[str]:
    """Those of these groups that were live somewhere, and are known to be gone from everywhere."""
    rows = await reader.fetch(
        f"""
        select p.group_id from posts p where p.workspace_id = $1 and {reader.any_of("p.group_id", 2)}
        group by p.group_id
        having sum(case when p.status = 'published' then 1 else 0 end) > 0
        and sum(case when p.status in ('draft', 'failed') or (p.status = 'published' and exists (
            select 1 from takedown_targets t where t.workspace_id = p.workspace_id and t.post_id = p.id
            and t.provider_id = p.provider_id and t.outcome = 'done'
        )) then 0 else 1 end) = 0
        """,
        workspace_id,
        reader.array(group_ids),
    )
    return {row[0] for row in rows}


async def set_target(tx: Tx, workspace_id: str, takedown_id: str, target: Target) -> None:
    """Record what is known of a target."""
    await tx.execute(
        """
        update takedown_targets set provider_id = $4, url = $5, outcome = $6, detail = $7, settled_at = $8, called = $9
        where workspace_id = $1 and takedown_id = $2 and position = $3
        """,
        workspace_id,
        takedown_id,
        target.position,
        target.provider_id,
        target.url,
        target.outcome,
        target.detail,
        target.settled_at,
        int(target.called),
    )


async def set_delete_group(tx: Tx, workspace_id: str, takedown_id: str) -> None:
    """Have the group deleted once all is settled."""
    await tx.execute(
        "update takedowns set delete_group = 1 where workspace_id = $1 and id = $2", workspace_id, takedown_id
    )


async def set_settled(tx: Tx, workspace_id: str, takedown_id: str, at: int) -> None:
    """All targets are settled."""
    await tx.execute(
        "update takedowns set settled_at = $3 where workspace_id = $1 and id = $2", workspace_id, takedown_id, at
    )


async def _whole(reader: Reader, row: Row) -> Takedown:
    targets = await reader.fetch(
        f"""
        select {_TARGET} from takedown_targets where workspace_id = $1 and takedown_id = $2 order by position
        """,
        row[1],
        row[0],
    )
    return Takedown(
        id=row[0],
        workspace_id=row[1],
        user_id=row[2],
        group_id=row[3],
        delete_group=bool(row[4]),
        asked_at=row[5],
        settled_at=row[6],
        targets=tuple(map(_target, targets)),
    )


def _target(row: Row) -> Target:
    return Target(
        position=row[0],
        post_id=row[1],
        account_id=row[2],
        platform=row[3],
        platform_id=row[4],
        provider_id=row[5],
        url=row[6],
        outcome=TargetOutcome(row[7]),
        detail=row[8],
        settled_at=row[9],
        called=bool(row[10]),
    )
