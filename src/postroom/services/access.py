"""Who is asking: keys issued, revoked, and resolved to a caller; workspaces and the users they act for."""

import secrets
import time
from collections.abc import Sequence

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import (
    EVERYDAY_SCOPES,
    NO_BUDGET,
    ApiKey,
    Caller,
    DeleteBudget,
    ManagedUser,
    Scope,
    Workspace,
)
from postroom.errors import Conflict, ErrorCode, InvalidParameters, Kind, NotAuthenticated, NotFound, NotPermitted
from postroom.ids import is_object_id, new_id, new_object_id
from postroom.services.spending import counted
from postroom.store import access, accounts, spending
from postroom.store.database import Database, Reader


async def sees(reader: Reader, caller: Caller, account_id: str) -> bool:
    """Whether an account of the caller's workspace is the caller's to see: a managed user sees its own alone."""
    if caller.only_user is None:
        return True
    return await accounts.find_user(reader, caller.workspace_id, account_id) == caller.only_user


async def seen_accounts(reader: Reader, caller: Caller, wanted: Sequence[str] | None) -> list[str] | None:
    """Of the accounts that are asked for, those that are the caller's to see. None: all of the workspace's."""
    if caller.only_user is None:
        return None if wanted is None else list(wanted)
    own = await accounts.list_ids(reader, caller.workspace_id, caller.only_user)
    return own if wanted is None else [account_id for account_id in own if account_id in wanted]


_REMEMBERED_SECONDS = 1.0
_MOST_REMEMBERED = 10_000
_MOST_DELETES = 1_000_000


class Access:
    """Keys and callers. A revoked key stops at once here, and within a second in every other process."""

    def __init__(self, database: Database, now: Clock, *, sandbox: bool) -> None:
        self._database = database
        self._now = now
        self._sandbox = sandbox
        self._remembered: dict[str, tuple[float, Caller]] = {}

    async def resolve(self, secret: str | None) -> Caller:
        """The caller that a key stands for.

        Raises:
            NotAuthenticated: no key, an unknown or revoked one, or one whose workspace is gone.
        """
        if not secret:
            raise NotAuthenticated("Send your API key.", code=ErrorCode.MISSING_CREDENTIALS, kind=Kind.KEY_MISSING)
        now = time.monotonic()
        remembered = self._remembered
        known = remembered.get(secret)
        if known is not None and now - known[0] < _REMEMBERED_SECONDS:
            return known[1]
        async with self._database.read() as reader:
            found = await access.find_by_secret(reader, reader.keyring.hash(secret))
        if found is None or found[0].revoked_at is not None:
            raise NotAuthenticated("The API key is unknown or was revoked.", kind=Kind.KEY)
        key, workspace = found
        if workspace is None or workspace.sandbox is not self._sandbox:
            raise NotAuthenticated("The key's workspace is not here.", kind=Kind.KEY_OWNER)
        caller = self.caller(workspace, key)
        if len(remembered) >= _MOST_REMEMBERED:
            remembered.clear()
        remembered[secret] = (now, caller)
        return caller

    def _forget_keys(self) -> None:
        # In its place, so that who has read a key before it was revoked does not remember it after.
        self._remembered = {}

    def caller(self, workspace: Workspace, key: ApiKey) -> Caller:
        """Who asks with this key, which is one of the workspace's."""
        user_id = key.managed_user_id or workspace.id
        return Caller(
            workspace=workspace,
            key_id=key.id,
            scopes=key.scopes,
            key_user_id=user_id,
            user_id=user_id,
            budgeted=key.budget.is_set,
        )

    def guest(self, workspace: Workspace, user: ManagedUser) -> Caller:
        """The caller at a managed user's own page: it may read and link for that user."""
        scopes = frozenset((Scope.READ, Scope.LINK))
        return Caller(workspace=workspace, key_id="", scopes=scopes, key_user_id=user.id, user_id=user.id)

    def require(self, caller: Caller, scope: Scope) -> None:
        """Raises:
        NotAuthenticated: the key lacks the scope.
        """
        if scope not in caller.scopes:
            raise NotAuthenticated(
                f"The key lacks the scope {scope}.", code=ErrorCode.INSUFFICIENT_PRIVILEGES, kind=Kind.SCOPE
            )

    def require_api(self, caller: Caller, client: str) -> None:
        """Raises:
        NotPermitted: the workspace may not use the API, or (client `mcp`) not through agents.
        """
        if not caller.workspace.entitlements.api:
            raise NotPermitted("API access is not enabled for this workspace.", kind=Kind.API_ACCESS)
        if client == "mcp" and not caller.workspace.entitlements.mcp:
            raise NotPermitted("MCP access is not enabled for this workspace.", kind=Kind.MCP_ACCESS)

    async def act_for(self, caller: Caller, user_id: str) -> Caller:
        """The caller, acting for a user of its workspace. Its own id changes nothing.

        Raises:
            InvalidParameters: (kind MANAGED_USER_ID) not an id.
            NotPermitted: the key's owner manages no users, or not this one.
        """
        if not is_object_id(user_id):
            raise InvalidParameters("The user id is not 24 hexadecimal digits.", kind=Kind.MANAGED_USER_ID)
        user_id = user_id.lower()
        if user_id == caller.key_user_id:
            return caller
        owner = caller.key_user_id == caller.workspace_id
        if not owner or not caller.workspace.entitlements.managed_users:
            raise NotPermitted("This key's owner manages no users.", kind=Kind.WORKSPACE_ACCESS)
        async with self._database.read() as reader:
            if await access.find_managed_user(reader, caller.workspace_id, user_id) is None:
                raise NotPermitted("This key's owner does not manage that user.", kind=Kind.MANAGED_USER)
        return msgspec.structs.replace(caller, user_id=user_id)

    async def create_workspace(self, name: str) -> Workspace:
        """A workspace of its own: its owner's id is its id."""
        now = self._now()
        workspace = Workspace(id=new_object_id(now), name=name, sandbox=self._sandbox)
        async with self._database.begin() as tx:
            await access.add_workspace(tx, workspace, to_ms(now))
        return workspace

    async def list_workspaces(self) -> list[Workspace]:
        """All of them. For the command line only."""
        async with self._database.read() as reader:
            return await access.list_workspaces(reader)

    async def issue_key(
        self,
        workspace_id: str,
        name: str,
        scopes: frozenset[Scope] = EVERYDAY_SCOPES,
        managed_user_id: str | None = None,
        *,
        per_user: bool = False,
        budget: DeleteBudget = NO_BUDGET,
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is shown this once: only a keyed hash is stored.

        `per_user`: it is the user's one key of that kind; the one before ends with the same commit.

        Raises:
            NotFound: no such managed user.
        """
        now = self._now()
        secret = f"pr_{'test' if self._sandbox else 'live'}_{secrets.token_urlsafe(30)}"
        key = ApiKey(
            id=new_id("key", now),
            workspace_id=workspace_id,
            managed_user_id=managed_user_id,
            name=name,
            prefix=secret[:12],
            scopes=scopes,
            created_at=to_ms(now),
            per_user=per_user,
            budget=_checked(budget),
        )
        async with self._database.begin() as tx:
            if managed_user_id is not None:
                if await access.hold_managed_user(tx, workspace_id, managed_user_id) is None:
                    raise NotFound("No such managed user.", kind=Kind.MANAGED_USER)
                if per_user:
                    await access.revoke_per_user_key(tx, workspace_id, managed_user_id, key.created_at)
            await access.add_key(tx, key, tx.keyring.hash(secret))
        self._forget_keys()
        return key, secret

    async def create_key(
        self,
        caller: Caller,
        name: str,
        scopes: frozenset[Scope] | None,
        managed_user_id: str | None,
        *,
        budget: DeleteBudget = NO_BUDGET,
    ) -> tuple[ApiKey, str]:
        """The same for a caller: a managed user makes keys of its own only.

        Raises:
            NotFound: no such managed user.
            NotPermitted: the caller's key has a budget of deletions, and would get round it.
        """
        self.require_unbudgeted(caller)
        if caller.only_user is not None:
            managed_user_id = managed_user_id or caller.only_user
            if managed_user_id != caller.only_user:
                raise NotFound("No such managed user.", kind=Kind.MANAGED_USER)
        return await self.issue_key(
            caller.workspace_id,
            name,
            EVERYDAY_SCOPES if scopes is None else scopes,
            managed_user_id,
            budget=budget,
        )

    async def set_budget(self, caller: Caller, key_id: str, budget: DeleteBudget) -> ApiKey:
        """Say how much a key may delete, within a second in every process. What it deleted before counts.

        Raises:
            NotFound: no such key of the caller's.
            NotPermitted: the caller's own key has a budget.
            InvalidParameters: fewer than none.
        """
        self.require_unbudgeted(caller)
        key = next((key for key in await self.list_keys(caller) if key.id == key_id), None)
        if key is None:
            raise NotFound("No such key.", kind=Kind.KEY)
        async with self._database.begin() as tx:
            await spending.set_budget(tx, caller.workspace_id, key_id, _checked(budget))
        self._forget_keys()
        return msgspec.structs.replace(key, budget=budget)

    async def list_keys(self, caller: Caller) -> list[ApiKey]:
        """The workspace's keys, oldest first, without their secrets; a managed user sees its own."""
        async with self._database.read() as reader:
            found = await access.list_keys(reader, caller.workspace_id)
        return [key for key in found if caller.only_user in (None, key.managed_user_id)]

    async def revoke_key(self, caller: Caller, key_id: str) -> None:
        """End a key for good. Ending it again is success.

        Raises:
            NotFound: no such key of the caller's.
        """
        if not any(key.id == key_id for key in await self.list_keys(caller)):
            raise NotFound("No such key.", kind=Kind.KEY)
        async with self._database.begin() as tx:
            await access.revoke_key(tx, caller.workspace_id, key_id, to_ms(self._now()))
        self._forget_keys()

    async def add_managed_user(self, caller: Caller, username: str, display_name: str | None) -> ManagedUser:
        """Someone for the workspace to act for. One of that name who was detached comes back, with what they had.

        Raises:
            NotPermitted: the caller is such a user itself.
            Conflict: the workspace has one of that name.
        """
        self.require_owner(caller)
        now = self._now()
        user = ManagedUser(
            id=new_object_id(now),
            workspace_id=caller.workspace_id,
            username=username,
            display_name=display_name or username,
            created_at=to_ms(now),
        )
        async with self._database.begin() as tx:
            added = await access.add_managed_user(tx, user)
        if added is None:
            raise Conflict("There is a user of that name.", kind=Kind.MANAGED_USER)
        return added

    @counted
    async def detach_managed_user(self, caller: Caller, user_id: str) -> None:
        """Act for a user no more: their keys and their page end at once. Their accounts and posts stay as they are.

        Raises:
            NotPermitted: the caller manages nobody.
            NotFound: no such managed user.
        """
        self.require_owner(caller)
        async with self._database.begin() as tx:
            if not await access.detach_managed_user(tx, caller.workspace_id, user_id, to_ms(self._now())):
                raise NotFound("No such managed user.", kind=Kind.MANAGED_USER)
        self._forget_keys()

    async def list_managed_users(self, caller: Caller) -> list[ManagedUser]:
        """Whom the workspace acts for.

        Raises:
            NotPermitted: the caller is such a user itself.
        """
        self.require_owner(caller)
        async with self._database.read() as reader:
            return await access.list_managed_users(reader, caller.workspace_id)

    def require_unbudgeted(self, caller: Caller) -> None:
        """Raises:
        NotPermitted: the caller's key has a budget of deletions: it makes no keys and changes no budgets.
        """
        if caller.budgeted:
            raise NotPermitted(
                "A key with a budget of deletions makes no keys and changes no budgets.", kind=Kind.DELETE_BUDGET
            )

    def require_owner(self, caller: Caller) -> None:
        """Raises:
        NotPermitted: the caller is a managed user, acts for one, or its workspace manages none.
        """
        if caller.only_user is not None or not caller.workspace.entitlements.managed_users:
            raise NotPermitted("This key's owner manages no users.", kind=Kind.WORKSPACE_ACCESS)


def _checked(budget: DeleteBudget) -> DeleteBudget:
    if (
        min(budget.per_hour or 0, budget.per_day or 0) < 0
        or max(budget.per_hour or 0, budget.per_day or 0) > _MOST_DELETES
    ):
        raise InvalidParameters(f"A budget of deletions is 0 to {_MOST_DELETES}, or null: none.", kind=Kind.LIMIT)
    return budget
