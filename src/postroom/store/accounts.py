"""Linked accounts: their sealed profile, credentials and sync token, who listens to them, and how they go."""

from collections.abc import Iterable
from typing import Any

import msgspec

from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.proxies import Proxy
from postroom.domain.remote import Credentials, Profile
from postroom.store.database import Reader, Row, Tx
from postroom.store.keyring import Keyring, NoKey
from postroom.store.login_attempts import add_login_attempt as add_login_attempt
from postroom.store.login_attempts import find_login_attempt as find_login_attempt
from postroom.store.login_attempts import remove_expired_login_attempts as remove_expired_login_attempts
from postroom.store.login_attempts import remove_login_attempt as remove_login_attempt
from postroom.store.syncs import OF_ACCOUNT, progress_of
from postroom.store.where import Where

_COLUMNS = (
    "id, workspace_id, user_id, provider, provider_id, status, status_detail, profile_sealed, created_at, "
    "last_synced_at, last_used_at, synced, credentials_expire_at, has_chats, takes_posts, "
    f"{OF_ACCOUNT}, flow, proxy_changes"
)
_encode = msgspec.json.Encoder().encode
_decode_profile = msgspec.json.Decoder(Profile).decode
_decode_credentials = msgspec.json.Decoder(Credentials).decode
_decode_proxy = msgspec.json.Decoder(Proxy).decode


class WayIn(msgspec.Struct, frozen=True, kw_only=True):
    """What opens an account, and by what it goes out."""

    credentials: Credentials
    proxy: Proxy | None
    proxy_changes: int


async def add(tx: Tx, account: Account, credentials: Credentials, proxy: Proxy | None = None) -> None:
    """Keep a new account. Its key is in the keyring already.

    Raises:
        NoKey: it is not.
    """
    seal = tx.keyring.seal(account.id)
    await tx.execute(
        """
        insert into accounts (
            id, workspace_id, user_id, provider, provider_id, status, status_detail, profile_sealed,
            credentials_sealed, created_at, last_synced_at, last_used_at, synced, credentials_expire_at,
            has_chats, takes_posts, flow, proxy_sealed
        ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        """,
        account.id,
        account.workspace_id,
        account.user_id,
        account.provider,
        account.provider_id,
        account.status,
        account.status_detail,
        seal.close(_encode(account.profile), f"accounts.profile:{account.id}"),
        seal.close(_encode(credentials), f"accounts.credentials:{account.id}"),
        account.created_at,
        account.last_synced_at,
        account.last_used_at,
        int(account.synced),
        credentials.ends_at,
        int(account.has_chats),
        int(account.takes_posts),
        account.flow,
        None if proxy is None else seal.close(_encode(proxy), _proxy_context(account.id)),
    )


async def find(reader: Reader, workspace_id: str, account_id: str) -> Account | None:
    """The account, if this workspace has it."""
    row = await reader.look_up(
        f"select {_COLUMNS} from accounts where workspace_id = $1 and id = $2", workspace_id, account_id
    )
    return None if row is None else _account(row, reader.keyring)


async def find_user(reader: Reader, workspace_id: str, account_id: str) -> str | None:
    """Whose account it is, which never changes; None: it is gone."""
    row = await reader.look_up(
        "select user_id from accounts where workspace_id = $1 and id = $2", workspace_id, account_id
    )
    return None if row is None else str(row[0])


async def find_provider(reader: Reader, workspace_id: str, account_id: str) -> str | None:
    """Which network's account it is, which never changes; None: it is gone."""
    row = await reader.look_up(
        "select provider from accounts where workspace_id = $1 and id = $2", workspace_id, account_id
    )
    return None if row is None else str(row[0])


async def list_ids(reader: Reader, workspace_id: str, user_id: str) -> list[str]:
    """The ids of all of a user's accounts."""
    rows = await reader.fetch(
        "select id from accounts where workspace_id = $1 and user_id = $2 order by id", workspace_id, user_id
    )
    return [row[0] for row in rows]


async def find_status(reader: Reader, workspace_id: str, account_id: str) -> AccountStatus | None:
    """Where an account stands, also when its key is destroyed already; None: it is gone."""
    row = await reader.look_up(
        "select status from accounts where workspace_id = $1 and id = $2", workspace_id, account_id
    )
    return None if row is None else AccountStatus(row[0])


async def count_by_status(reader: Reader) -> dict[str, int]:
    """How many accounts there are, by status; a status without any is left out. For figures only."""
    return {row[0]: row[1] for row in await reader.fetch("select status, count(*) from accounts group by status")}


async def find_by_provider_id(
    reader: Reader, workspace_id: str, user_id: str, provider: str, provider_id: str
) -> Account | None:
    """A user's account by the network's id of it."""
    row = await reader.fetch_one(
        f"""
        select {_COLUMNS} from accounts
        where workspace_id = $1 and user_id = $2 and provider = $3 and provider_id = $4
        """,
        workspace_id,
        user_id,
        provider,
        provider_id,
    )
    return None if row is None else _account(row, reader.keyring)


async def list_page(
    reader: Reader,
    workspace_id: str,
    *,
    user_id: str | None = None,
    provider: str | None = None,
    after: tuple[int, str] | None = None,
    limit: int,
) -> list[Account]:
    """A page of accounts that are not being unlinked, newest first. `after` is the last one's (created_at, id)."""
    where = Where(reader, "workspace_id = {}", workspace_id)
    where.also("status <> {}", AccountStatus.UNLINKING)
    if user_id is not None:
        where.also("user_id = {}", user_id)
    if provider is not None:
        where.also("provider = {}", provider)
    if after is not None:
        where.also("(created_at, id) < ({}, {})", *after)
    rows = await reader.fetch(
        f"""
        select {_COLUMNS} from accounts where {where}
        order by created_at desc, id desc limit {where.argument(limit)}
        """,
        *where.args,
    )
    return [_account(row, reader.keyring) for row in rows]


async def list_of_provider(
    reader: Reader, workspace_id: str, provider: str, user_id: str | None = None
) -> list[Account]:
    """Every account of one network that is not being unlinked, of one user or of all, the most recently used first."""
    where = Where(reader, "workspace_id = {} and provider = {} and status <> 'unlinking'", workspace_id, provider)
    if user_id is not None:
        where.also("user_id = {}", user_id)
    rows = await reader.fetch(
        f"select {_COLUMNS} from accounts where {where} order by last_used_at desc, id desc", *where.args
    )
    return [_account(row, reader.keyring) for row in rows]


async def hold(tx: Tx, workspace_id: str, account_id: str) -> AccountStatus | None:
    """Hold the account's row to the commit: what was read about its chats stays so. None: the account is gone."""
    row = await tx.fetch_one(
        f"select status from accounts where workspace_id = $1 and id = $2{tx.for_update}", workspace_id, account_id
    )
    return None if row is None else AccountStatus(row[0])


async def set_status(
    tx: Tx,
    workspace_id: str,
    account_id: str,
    status: AccountStatus,
    detail: str | None = None,
    *,
    only_from: Iterable[AccountStatus] = AccountStatus,
) -> bool:
    """Move an account to another state. False: it was there already, is gone, or is being unlinked, which is final.

    `only_from`: from one of these states only.
    """
    changed = await tx.execute(
        f"""
        update accounts set status = $3, status_detail = $4
        where workspace_id = $1 and id = $2 and status not in ($3, 'unlinking') and {tx.any_of("status", 5)}
        """,
        workspace_id,
        account_id,
        status,
        detail,
        tx.array(only_from),
    )
    return changed > 0


async def set_credentials(tx: Tx, workspace_id: str, account_id: str, credentials: Credentials) -> None:
    """Keep what opens the account from now on."""
    sealed = tx.keyring.seal(account_id).close(_encode(credentials), f"accounts.credentials:{account_id}")
    await tx.execute(
        """
        update accounts set credentials_sealed = $3, credentials_expire_at = $4 where workspace_id = $1 and id = $2
        """,
        workspace_id,
        account_id,
        sealed,
        credentials.ends_at,
    )


async def set_roles(
    tx: Tx, workspace_id: str, account_id: str, *, has_chats: bool, takes_posts: bool, flow: str
) -> None:
    """What the account can do, as it was linked last."""
    await tx.execute(
        "update accounts set has_chats = $3, takes_posts = $4, flow = $5 where workspace_id = $1 and id = $2",
        workspace_id,
        account_id,
        int(has_chats),
        int(takes_posts),
        flow,
    )


async def set_profile(tx: Tx, workspace_id: str, account_id: str, profile: Profile) -> None:
    """Keep the profile as the network shows it now."""
    sealed = tx.keyring.seal(account_id).close(_encode(profile), f"accounts.profile:{account_id}")
    await tx.execute(
        "update accounts set profile_sealed = $3 where workspace_id = $1 and id = $2", workspace_id, account_id, sealed
    )


async def find_credentials(reader: Reader, workspace_id: str, account_id: str) -> Credentials | None:
    """What opens the account; None: the account is gone.

    Raises:
        NoKey: its key was destroyed.
    """
    row = await reader.fetch_one(
        "select credentials_sealed from accounts where workspace_id = $1 and id = $2", workspace_id, account_id
    )
    if row is None:
        return None
    return _decode_credentials(reader.keyring.seal(account_id).open(row[0], f"accounts.credentials:{account_id}"))


async def find_way_in(reader: Reader, workspace_id: str, account_id: str) -> WayIn | None:
    """The same, with the proxy that is to be gone through, of one moment; None: the account is gone.

    Raises:
        NoKey: its key was destroyed.
    """
    row = await reader.fetch_one(
        "select credentials_sealed, proxy_sealed, proxy_changes from accounts where workspace_id = $1 and id = $2",
        workspace_id,
        account_id,
    )
    if row is None:
        return None
    seal = reader.keyring.seal(account_id)
    return WayIn(
        credentials=_decode_credentials(seal.open(row[0], f"accounts.credentials:{account_id}")),
        proxy=None if row[1] is None else _decode_proxy(seal.open(row[1], _proxy_context(account_id))),
        proxy_changes=row[2],
    )


async def set_proxy(tx: Tx, workspace_id: str, account_id: str, proxy: Proxy | None) -> None:
    """By what the account goes out from now on; None: by the server's own address."""
    sealed = None
    if proxy is not None:
        sealed = tx.keyring.seal(account_id).close(_encode(proxy), _proxy_context(account_id))
    await tx.execute(
        """
        update accounts set proxy_sealed = $3, proxy_changes = proxy_changes + 1 where workspace_id = $1 and id = $2
        """,
        workspace_id,
        account_id,
        sealed,
    )


async def find_sync_token(reader: Reader, workspace_id: str, account_id: str) -> str | None:
    """From where the network can tell what changed; None: from nowhere.

    Raises:
        NoKey: its key was destroyed.
    """
    row = await reader.fetch_one(
        "select sync_token_sealed from accounts where workspace_id = $1 and id = $2", workspace_id, account_id
    )
    if row is None or row[0] is None:
        return None
    return reader.keyring.seal(account_id).open(row[0], f"accounts.sync_token:{account_id}").decode()


async def set_sync_token(
    tx: Tx, workspace_id: str, account_id: str, token: str | None, synced_at: int, synced: bool
) -> None:
    """Keep where the last sync ended, and whether a first one has finished."""
    sealed = None
    if token is not None:
        sealed = tx.keyring.seal(account_id).close(token.encode(), f"accounts.sync_token:{account_id}")
    await tx.execute(
        """
        update accounts set sync_token_sealed = $3, last_synced_at = $4, synced = $5
        where workspace_id = $1 and id = $2
        """,
        workspace_id,
        account_id,
        sealed,
        synced_at,
        int(synced),
    )


async def touch(tx: Tx, workspace_id: str, account_id: str, at: int) -> None:
    """Note that the account was used."""
    await tx.execute(
        "update accounts set last_used_at = $3 where workspace_id = $1 and id = $2", workspace_id, account_id, at
    )


async def remove(tx: Tx, workspace_id: str, account_id: str) -> None:
    """Remove the account, its chats, messages and attendees. Posts stay, without it; so do tombstones and receipts."""
    await tx.execute("delete from messages where workspace_id = $1 and account_id = $2", workspace_id, account_id)
    await tx.execute(
        "update posts set account_id = null where workspace_id = $1 and account_id = $2", workspace_id, account_id
    )
    await tx.execute("delete from accounts where workspace_id = $1 and id = $2", workspace_id, account_id)


async def list_expiring(tx: Tx, first: int, last: int) -> list[Account]:
    """Accounts whose credentials end within these moments, and whose owners were not told of that end. For upkeep."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS} from accounts
        where credentials_expire_at > $1 and credentials_expire_at <= $2 and status <> 'unlinking'
            and coalesce(expiry_announced, 0) <> credentials_expire_at
        order by credentials_expire_at, id{tx.for_update}
        """,
        first,
        last,
    )
    return [_account(row, tx.keyring) for row in rows]


async def set_expiry_announced(tx: Tx, workspace_id: str, account_id: str, expires_at: int | None) -> None:
    """The owner was told of this end."""
    await tx.execute(
        "update accounts set expiry_announced = $3 where workspace_id = $1 and id = $2",
        workspace_id,
        account_id,
        expires_at,
    )


async def list_unlinking(reader: Reader) -> list[tuple[str, str]]:
    """Accounts whose removal has begun, as (workspace_id, account_id). For the worker."""
    rows = await reader.fetch("select workspace_id, id from accounts where status = 'unlinking' order by id")
    return [(row[0], row[1]) for row in rows]


async def claim_listening(
    tx: Tx, owner: str, now: int, until: int, limit: int, providers: list[str], following: list[str] | None = None
) -> list[tuple[str, str, int]]:
    """Lease connected accounts of these providers that nobody listens to, as (workspace_id, account_id, proxy_changes).

    For the worker.

    Accounts without chats are left alone. An account has at most one owner at a time, also where several processes
    claim at once. `following`: so are those of this owner's that it listens to not yet, but for these.
    """
    own = "" if following is None else f" or (leased_by = $1 and not ({tx.any_of('id', 6)}))"
    more = [] if following is None else [tx.array(following)]
    skipping = " for update skip locked" if tx.dialect == "postgres" else ""
    rows = await tx.fetch(
        f"""
        update accounts set leased_by = $1, leased_until = $3 where id in (
            select id from accounts
            where status in ('connected', 'reconnecting') and has_chats = 1 and (leased_until is null or leased_until < $2{own})
                and {tx.any_of("provider", 5)}
            order by id limit $4{skipping}
        ) returning workspace_id, id, proxy_changes
        """,
        owner,
        now,
        until,
        limit,
        tx.array(providers),
        *more,
    )
    return [(row[0], row[1], row[2]) for row in rows]


async def renew_leases(tx: Tx, owner: str, until: int, account_ids: list[str]) -> dict[str, int]:
    """Keep listening to these; which of them are still this owner's, with their proxy_changes. For the worker.

    One in which something is written just now is renewed another time: to wait for it, while the others are held, would
    make all of them wait.
    """
    skipping = " for update skip locked" if tx.dialect == "postgres" else ""
    ours = f"leased_by = $1 and status in ('connected', 'reconnecting') and {tx.any_of('id', 2)}"
    mine = tx.array(account_ids)
    await tx.execute(
        f"update accounts set leased_until = $3 where id in (select id from accounts where {ours}{skipping})",
        owner,
        mine,
        until,
    )
    return {
        row[0]: row[1] for row in await tx.fetch(f"select id, proxy_changes from accounts where {ours}", owner, mine)
    }


async def release_leases(tx: Tx, owner: str | None, account_ids: list[str] | None = None) -> None:
    """Let others listen to this owner's accounts, all or these; None: to everybody's, where all owners are gone.

    For the worker.
    """
    args: list[Any] = [] if owner is None else [owner]
    which = "leased_by is not null" if owner is None else "leased_by = $1"
    if account_ids is not None:
        args.append(tx.array(account_ids))
        which += f" and {tx.any_of('id', len(args))}"
    await tx.execute(f"update accounts set leased_by = null, leased_until = null where {which}", *args)


def _proxy_context(account_id: str) -> str:
    return f"accounts.proxy:{account_id}"


def _account(row: Row, keyring: Keyring) -> Account:
    try:
        profile = _decode_profile(keyring.seal(row[0]).open(row[7], f"accounts.profile:{row[0]}"))
    except NoKey:
        # Between the destruction of its key and its removal, all that is left of an account is its row.
        profile = Profile(provider_id=row[4], username="", name="")
    return Account(
        id=row[0],
        workspace_id=row[1],
        user_id=row[2],
        provider=row[3],
        provider_id=row[4],
        status=AccountStatus(row[5]),
        status_detail=row[6],
        profile=profile,
        created_at=row[8],
        last_synced_at=row[9],
        last_used_at=row[10],
        synced=row[11] == 1,
        credentials_expire_at=row[12],
        has_chats=row[13] == 1,
        takes_posts=row[14] == 1,
        sync=progress_of(row[15]),
        flow=row[16],
        proxy_changes=row[17],
    )
