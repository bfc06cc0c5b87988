"""Workspaces, managed users, and API keys by the keyed hash of their secret."""

from postroom.domain.access import ApiKey, DeleteBudget, Entitlements, ManagedUser, Scope, Workspace
from postroom.store.database import Reader, Row, Tx
from postroom.store.graves import KEY, Grave

_WORKSPACE = "w.id, w.name, w.sandbox, w.api_access, w.mcp_access, w.managed_users"
_USER = "id, workspace_id, username, display_name, created_at, page_nonce, page_expires_at"
_KEY = (
    "k.id, k.workspace_id, k.managed_user_id, k.name, k.prefix, k.scopes, k.created_at, k.revoked_at, k.per_user, "
    "k.deletes_per_hour, k.deletes_per_day"
)
_KEY_COLUMNS = 11


async def add_workspace(tx: Tx, workspace: Workspace, created_at: int) -> None:
    """Keep a new workspace."""
    entitlements = workspace.entitlements
    await tx.execute(
        """
        insert into workspaces (id, name, sandbox, api_access, mcp_access, managed_users, created_at)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        workspace.id,
        workspace.name,
        int(workspace.sandbox),
        int(entitlements.api),
        int(entitlements.mcp),
        int(entitlements.managed_users),
        created_at,
    )


async def find_workspace(reader: Reader, workspace_id: str) -> Workspace | None:
    """The workspace, if it exists."""
    row = await reader.fetch_one(f"select {_WORKSPACE} from workspaces w where id = $1", workspace_id)
    return None if row is None else _workspace(row)


async def list_workspaces(reader: Reader) -> list[Workspace]:
    """Every workspace, oldest first. For the operator."""
    rows = await reader.fetch(f"select {_WORKSPACE} from workspaces w order by created_at, id")
    return [_workspace(row) for row in rows]


async def set_entitlements(tx: Tx, workspace_id: str, entitlements: Entitlements) -> None:
    """Change what a workspace may use."""
    await tx.execute(
        "update workspaces set api_access = $2, mcp_access = $3, managed_users = $4 where id = $1",
        workspace_id,
        int(entitlements.api),
        int(entitlements.mcp),
        int(entitlements.managed_users),
    )


async def add_managed_user(tx: Tx, user: ManagedUser) -> ManagedUser | None:
    """Keep a new managed user; one of that name who was detached comes back. None: there is one of that name."""
    rows = await tx.fetch(
        f"""
        insert into managed_users (id, workspace_id, username, display_name, created_at) values ($1, $2, $3, $4, $5)
        on conflict (workspace_id, username) do update set detached_at = null, display_name = excluded.display_name
        where managed_users.detached_at is not null
        returning {_USER}
        """,
        user.id,
        user.workspace_id,
        user.username,
        user.display_name,
        user.created_at,
    )
    return _managed_user(rows[0]) if rows else None


async def find_managed_user(reader: Reader, workspace_id: str, user_id: str) -> ManagedUser | None:
    """The managed user, if this workspace has them and did not detach them."""
    row = await reader.look_up(_FIND_USER, workspace_id, user_id)
    return None if row is None else _managed_user(row)


async def hold_managed_user(tx: Tx, workspace_id: str, user_id: str) -> ManagedUser | None:
    """The same, held to the commit: the user is not detached meanwhile."""
    row = await tx.fetch_one(_FIND_USER + tx.for_update, workspace_id, user_id)
    return None if row is None else _managed_user(row)


_FIND_USER = f"select {_USER} from managed_users where workspace_id = $1 and id = $2 and detached_at is null"


async def find_by_page(reader: Reader, page_hash: bytes) -> tuple[ManagedUser, Workspace] | None:
    """Whose page this is, and the workspace that acts for them. The token, hashed here, is the permission."""
    row = await reader.fetch_one(f"select {_USER} from managed_users where page_hash = $1", page_hash)
    if row is None:
        return None
    workspace = await find_workspace(reader, row[1])
    return None if workspace is None else (_managed_user(row), workspace)


async def set_page(tx: Tx, workspace_id: str, user_id: str, *, nonce: str, page_hash: bytes, expires_at: int) -> None:
    """Give a managed user a page, in the place of the one before."""
    await tx.execute(
        """
        update managed_users set page_nonce = $3, page_hash = $4, page_expires_at = $5
        where workspace_id = $1 and id = $2
        """,
        workspace_id,
        user_id,
        nonce,
        page_hash,
        expires_at,
    )


async def detach_managed_user(tx: Tx, workspace_id: str, user_id: str, at: int) -> bool:
    """Act for a user no more: its page and its keys end, its record stays. False: there is no such user."""
    changed = await tx.execute(
        """
        update managed_users set detached_at = $3, page_nonce = null, page_hash = null, page_expires_at = null
        where workspace_id = $1 and id = $2 and detached_at is null
        """,
        workspace_id,
        user_id,
        at,
    )
    if changed:
        await _revoke(tx, workspace_id, "managed_user_id = $3", user_id, at)
    return changed > 0


async def list_managed_users(reader: Reader, workspace_id: str) -> list[ManagedUser]:
    """The users that the workspace acts for, oldest first."""
    rows = await reader.fetch(
        f"select {_USER} from managed_users where workspace_id = $1 and detached_at is null order by created_at, id",
        workspace_id,
    )
    return [_managed_user(row) for row in rows]


async def add_key(tx: Tx, key: ApiKey, secret_hash: bytes) -> None:
    """Keep a new key by the keyed hash of its secret."""
    await tx.execute(
        """
        insert into api_keys
            (secret_hash, id, workspace_id, managed_user_id, name, prefix, scopes, created_at, revoked_at, per_user,
            deletes_per_hour, deletes_per_day)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        secret_hash,
        key.id,
        key.workspace_id,
        key.managed_user_id,
        key.name,
        key.prefix,
        " ".join(sorted(key.scopes)),
        key.created_at,
        key.revoked_at,
        int(key.per_user),
        key.budget.per_hour,
        key.budget.per_day,
    )


async def find_by_secret(reader: Reader, secret_hash: bytes) -> tuple[ApiKey, Workspace | None] | None:
    """The key with this secret, revoked or not, and its workspace. This is how a request finds its workspace."""
    row = await reader.look_up(
        f"""
        select {_KEY}, {_WORKSPACE}
        from api_keys k left join workspaces w on w.id = k.workspace_id where k.secret_hash = $1
        """,
        secret_hash,
    )
    if row is None:
        return None
    return _key(row), None if row[_KEY_COLUMNS] is None else _workspace(row[_KEY_COLUMNS:])


async def find_key(reader: Reader, workspace_id: str, key_id: str) -> ApiKey | None:
    """The key, revoked or not."""
    row = await reader.fetch_one(
        f"select {_KEY} from api_keys k where workspace_id = $1 and id = $2", workspace_id, key_id
    )
    return None if row is None else _key(row)


async def list_keys(reader: Reader, workspace_id: str) -> list[ApiKey]:
    """The workspace's keys, oldest first, revoked ones too."""
    rows = await reader.fetch(
        f"select {_KEY} from api_keys k where workspace_id = $1 order by created_at, id", workspace_id
    )
    return [_key(row) for row in rows]


async def revoke_key(tx: Tx, workspace_id: str, key_id: str, at: int) -> bool:
    """Revoke a key for good. False: there is none, or it was revoked before."""
    return await _revoke(tx, workspace_id, "id = $3", key_id, at)


async def revoke_per_user_key(tx: Tx, workspace_id: str, user_id: str, at: int) -> None:
    """End the key of a managed user that its workspace made, if there is one."""
    await _revoke(tx, workspace_id, "managed_user_id = $3 and per_user = 1", user_id, at)


async def _revoke(tx: Tx, workspace_id: str, which: str, value: str, at: int) -> bool:
    rows = await tx.fetch(
        f"update api_keys set revoked_at = $2 where workspace_id = $1 and {which} and revoked_at is null returning id",
        workspace_id,
        at,
        value,
    )
    graves = tx.keyring.graves
    tx.on_commit(lambda: graves.dig(*(Grave(workspace_id, KEY, row[0], at) for row in rows)))
    return bool(rows)


def _workspace(row: Row) -> Workspace:
    return Workspace(
        id=row[0],
        name=row[1],
        sandbox=row[2] == 1,
        entitlements=Entitlements(api=row[3] == 1, mcp=row[4] == 1, managed_users=row[5] == 1),
    )


def _managed_user(row: Row) -> ManagedUser:
    return ManagedUser(
        id=row[0],
        workspace_id=row[1],
        username=row[2],
        display_name=row[3],
        created_at=row[4],
        page_nonce=row[5],
        page_expires_at=row[6],
    )


def _key(row: Row) -> ApiKey:
    return ApiKey(
        id=row[0],
        workspace_id=row[1],
        managed_user_id=row[2],
        name=row[3],
        prefix=row[4],
        scopes=frozenset(map(Scope, row[5].split())),
        created_at=row[6],
        revoked_at=row[7],
        per_user=row[8] == 1,
        budget=DeleteBudget(per_hour=row[9], per_day=row[10]),
    )
