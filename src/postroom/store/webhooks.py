"""Webhook endpoints, how far each has read the log of events, and who is delivering to it.

What is yet to be delivered is no row here: it is the events after an endpoint's position, and was durable with the
change that they tell of.
"""

from collections.abc import Iterable

import msgspec

from postroom.domain.events import EventType
from postroom.domain.webhooks import Format, WebhookEndpoint, Wishes
from postroom.store.database import Reader, Row, Tx
from postroom.store.keyring import Keyring

_COLUMNS = (
    "id, workspace_id, user_id, only_user, format, name, url, types, active, disabled_reason, failure_count, "
    "last_failure, position, last_attempt_at, created_at, updated_at, wishes_sealed"
)
# The events that an endpoint `e` is yet to be told of.
_AHEAD = """
    select 1 from events v where v.workspace_id = e.workspace_id and v.position > e.position and v.position < {settled}
        and (e.types = '' or e.types like '%,' || v.type || ',%')
        and (e.only_user is null or v.user_id = e.only_user)
"""
_FREE = "(e.leased_until is null or e.leased_until < $1)"


async def add(tx: Tx, endpoint: WebhookEndpoint, secret: str) -> None:
    """Keep a new endpoint; its secret sealed."""
    sealed = tx.keyring.master_seal.close(secret.encode(), _context(endpoint.id))
    wishes = None
    if endpoint.wishes != Wishes():
        wishes = tx.keyring.master_seal.close(msgspec.json.encode(endpoint.wishes), _wishes_context(endpoint.id))
    await tx.execute(
        f"""
        insert into webhook_endpoints ({_COLUMNS}, secret_sealed, next_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        """,
        endpoint.id,
        endpoint.workspace_id,
        endpoint.user_id,
        endpoint.only_user,
        endpoint.format,
        endpoint.name,
        endpoint.url,
        _listed(endpoint.types),
        int(endpoint.active),
        endpoint.disabled_reason,
        endpoint.failure_count,
        endpoint.last_failure,
        endpoint.position,
        endpoint.last_attempt_at,
        endpoint.created_at,
        endpoint.updated_at,
        wishes,
        sealed,
        endpoint.created_at,
    )


async def find(reader: Reader, workspace_id: str, endpoint_id: str) -> WebhookEndpoint | None:
    """The endpoint, if this workspace has it."""
    row = await reader.fetch_one(
        f"select {_COLUMNS} from webhook_endpoints where workspace_id = $1 and id = $2", workspace_id, endpoint_id
    )
    return None if row is None else _endpoint(row, reader.keyring)


async def hold(tx: Tx, workspace_id: str, endpoint_id: str) -> WebhookEndpoint | None:
    """The endpoint, held to the commit."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from webhook_endpoints where workspace_id = $1 and id = $2{tx.for_update}",
        workspace_id,
        endpoint_id,
    )
    return None if row is None else _endpoint(row, tx.keyring)


async def list_of_user(reader: Reader, workspace_id: str, user_id: str) -> list[WebhookEndpoint]:
    """All endpoints of a user, oldest first."""
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from webhook_endpoints where workspace_id = $1 and user_id = $2 order by created_at, id
        """,
        workspace_id,
        user_id,
    )
    return [_endpoint(row, reader.keyring) for row in rows]


async def find_secret(reader: Reader, workspace_id: str, endpoint_id: str) -> str | None:
    """What deliveries to it are signed with; None: it is gone."""
    row = await reader.fetch_one(
        "select secret_sealed from webhook_endpoints where workspace_id = $1 and id = $2", workspace_id, endpoint_id
    )
    return None if row is None else reader.keyring.master_seal.open(row[0], _context(endpoint_id)).decode()


async def set_secret(tx: Tx, workspace_id: str, endpoint_id: str, secret: str, at: int) -> None:
    """Sign with this from now on."""
    sealed = tx.keyring.master_seal.close(secret.encode(), _context(endpoint_id))
    await tx.execute(
        "update webhook_endpoints set secret_sealed = $3, updated_at = $4 where workspace_id = $1 and id = $2",
        workspace_id,
        endpoint_id,
        sealed,
        at,
    )


async def set_endpoint(tx: Tx, workspace_id: str, endpoint: WebhookEndpoint, next_at: int) -> None:
    """Keep what its owner changed; the next try is at that moment, or as soon as there is something to tell."""
    await tx.execute(
        """
        update webhook_endpoints set name = $3, url = $4, types = $5, active = $6, disabled_reason = $7, position = $8,
            updated_at = $9, next_at = $10
        where workspace_id = $1 and id = $2
        """,
        workspace_id,
        endpoint.id,
        endpoint.name,
        endpoint.url,
        _listed(endpoint.types),
        int(endpoint.active),
        endpoint.disabled_reason,
        endpoint.position,
        endpoint.updated_at,
        next_at,
    )


async def remove(tx: Tx, workspace_id: str, endpoint_id: str) -> None:
    """Forget an endpoint and its secret."""
    await tx.execute("delete from webhook_endpoints where workspace_id = $1 and id = $2", workspace_id, endpoint_id)


async def list_due(reader: Reader, now: int, limit: int) -> list[tuple[str, str, Format]]:
    """Endpoints that are to be told of something and that nobody delivers to: workspace, id and format.

    Those that are due longest come first.

    For deliveries. A user who is detached is told of nothing until it comes back.
    """
    rows = await reader.fetch(
        f"""
        select e.workspace_id, e.id, e.format from webhook_endpoints e
        where e.active = 1 and e.next_at <= $1 and {_FREE}
            and exists ({_AHEAD.format(settled=reader.settled_position)})
            and not exists (
                select 1 from managed_users m
                where m.workspace_id = e.workspace_id and m.id = e.user_id and m.detached_at is not null
            )
        order by e.next_at, e.id limit $2
        """,
        now,
        limit,
    )
    return [(row[0], row[1], Format(row[2])) for row in rows]


async def pass_over(tx: Tx, now: int) -> None:
    """Put what nothing of it is for behind every endpoint that nobody delivers to. For deliveries.

    Else each look at what is due would read more of the log.
    """
    newest = f"(select max(position) from events where position < {tx.settled_position})"
    await tx.execute(
        f"""
        update webhook_endpoints as e set position = {newest}
        where e.active = 1 and {_FREE} and e.position < {newest}
            and not exists ({_AHEAD.format(settled=tx.settled_position)})
        """,
        now,
    )


async def any_active(reader: Reader) -> bool:
    """Whether there is anyone to deliver to. For deliveries."""
    return await reader.fetch_one("select 1 from webhook_endpoints where active = 1 limit 1") is not None


async def claim(tx: Tx, workspace_id: str, endpoint_id: str, owner: str, now: int, until: int) -> bool:
    """Be the one who delivers to it, until that moment. False: another is, or it is not active."""
    return (
        await tx.execute(
            """
            update webhook_endpoints set leased_by = $3, leased_until = $5
            where workspace_id = $1 and id = $2 and active = 1 and (leased_until is null or leased_until < $4)
            """,
            workspace_id,
            endpoint_id,
            owner,
            now,
            until,
        )
        > 0
    )


async def move(
    tx: Tx, workspace_id: str, endpoint: WebhookEndpoint, owner: str, position: int, until: int, at: int | None
) -> bool:
    """A receiver has (`at` that moment) what is at this position, or there was nothing to tell: go on after it.

    False: another delivers to it now, or its owner has moved it elsewhere; nothing changed then.
    """
    told = "" if at is None else ", failure_count = 0, last_failure = null, last_attempt_at = $7"
    args = () if at is None else (at,)
    return (
        await tx.execute(
            f"""
            update webhook_endpoints set position = $5, leased_until = $6{told}
            where workspace_id = $1 and id = $2 and leased_by = $3 and position = $4
            """,
            workspace_id,
            endpoint.id,
            owner,
            endpoint.position,
            position,
            until,
            *args,
        )
        > 0
    )


async def fail(
    tx: Tx, workspace_id: str, endpoint: WebhookEndpoint, owner: str, failure: str, at: int, next_at: int
) -> bool:
    """One failure more, and nobody delivers to it until that moment. False: another does; nothing changed then."""
    return (
        await tx.execute(
            """
            update webhook_endpoints set failure_count = failure_count + 1, last_failure = $4, last_attempt_at = $5,
                next_at = $6, leased_by = null, leased_until = null
            where workspace_id = $1 and id = $2 and leased_by = $3
            """,
            workspace_id,
            endpoint.id,
            owner,
            failure,
            at,
            next_at,
        )
        > 0
    )


async def disable(tx: Tx, workspace_id: str, endpoint_id: str, reason: str, at: int) -> None:
    """Tell it nothing more until its owner enables it."""
    await tx.execute(
        """
        update webhook_endpoints set active = 0, disabled_reason = $3, updated_at = $4
        where workspace_id = $1 and id = $2
        """,
        workspace_id,
        endpoint_id,
        reason,
        at,
    )


async def release(tx: Tx, workspace_id: str, endpoint_id: str, owner: str, next_at: int) -> None:
    """Let others deliver to it, from that moment on."""
    await tx.execute(
        """
        update webhook_endpoints set leased_by = null, leased_until = null, next_at = $4
        where workspace_id = $1 and id = $2 and leased_by = $3
        """,
        workspace_id,
        endpoint_id,
        owner,
        next_at,
    )


async def release_leases(tx: Tx, owner: str | None) -> None:
    """Let others deliver to all of this owner's endpoints; None: to everybody's, where all owners are gone."""
    which = "leased_by is not null" if owner is None else "leased_by = $1"
    args = () if owner is None else (owner,)
    await tx.execute(f"update webhook_endpoints set leased_by = null, leased_until = null where {which}", *args)


def _context(endpoint_id: str) -> str:
    return f"webhook_endpoints.secret:{endpoint_id}"


def _wishes_context(endpoint_id: str) -> str:
    return f"webhook_endpoints.wishes:{endpoint_id}"


def _listed(types: Iterable[EventType]) -> str:
    joined = ",".join(types)
    return f",{joined}," if joined else ""


def _endpoint(row: Row, keyring: Keyring) -> WebhookEndpoint:
    wishes = Wishes()
    if row[16] is not None:
        wishes = msgspec.json.decode(keyring.master_seal.open(row[16], _wishes_context(row[0])), type=Wishes)
    return WebhookEndpoint(
        id=row[0],
        workspace_id=row[1],
        user_id=row[2],
        only_user=row[3],
        format=Format(row[4]),
        name=row[5],
        url=row[6],
        types=tuple(EventType(each) for each in row[7].strip(",").split(",") if each),
        active=row[8] == 1,
        disabled_reason=row[9],
        failure_count=row[10],
        last_failure=row[11],
        position=row[12],
        last_attempt_at=row[13],
        created_at=row[14],
        updated_at=row[15],
        wishes=wishes,
    )
