"""Attempts to link an account. There may be no account yet, so their state is sealed under the master key."""

import msgspec

from postroom.domain.accounts import LoginAttempt
from postroom.domain.proxies import Proxy
from postroom.store.database import Reader, Row, Tx

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
_decode_proxy = msgspec.json.Decoder(Proxy).decode
_FIND = (
    "select workspace_id, id, user_id, provider, flow, state_sealed, created_at, expires_at, account_id, relinks, "
    "superseded, proxy_sealed from login_attempts"
)


async def add_login_attempt(tx: Tx, workspace_id: str, attempt: LoginAttempt) -> None:
    """Keep an attempt, or what has become of it: one with the same id is replaced, and answered by nobody at the moment."""
    await tx.execute(
        """
        insert into login_attempts (
            workspace_id, id, user_id, provider, flow, state_sealed, created_at, expires_at, nonce_hash, account_id,
            relinks, subject_hash, superseded, proxy_sealed
        ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        on conflict (workspace_id, id) do update
        set state_sealed = excluded.state_sealed, expires_at = excluded.expires_at, nonce_hash = excluded.nonce_hash,
            subject_hash = coalesce(excluded.subject_hash, login_attempts.subject_hash),
            superseded = excluded.superseded, busy_until = 0
        """,
        workspace_id,
        attempt.id,
        attempt.user_id,
        attempt.provider,
        attempt.flow,
        tx.keyring.master_seal.close(_encode(attempt.state), f"login_attempts.state:{attempt.id}"),
        attempt.created_at,
        attempt.expires_at,
        None if attempt.nonce is None else _nonce_hash(tx, attempt.nonce),
        attempt.account_id,
        int(attempt.relinks),
        None if attempt.subject is None else _subject_hash(tx, attempt, attempt.subject),
        int(attempt.superseded),
        None
        if attempt.proxy is None
        else tx.keyring.master_seal.close(_encode(attempt.proxy), _proxy_context(attempt.id)),
    )


async def find_login_attempt(reader: Reader, workspace_id: str, attempt_id: str) -> LoginAttempt | None:
    """The attempt, expired or not."""
    row = await reader.fetch_one(f"{_FIND} where workspace_id = $1 and id = $2", workspace_id, attempt_id)
    return None if row is None else _attempt(reader, row)


async def find_login_attempt_of_account(reader: Reader, workspace_id: str, account_id: str) -> LoginAttempt | None:
    """The last attempt that is to make this account, or to link it again, expired or not."""
    row = await reader.fetch_one(
        f"{_FIND} where workspace_id = $1 and account_id = $2 order by created_at desc, id desc limit 1",
        workspace_id,
        account_id,
    )
    return None if row is None else _attempt(reader, row)


async def find_login_attempt_by_nonce(reader: Reader, nonce: str) -> LoginAttempt | None:
    """The attempt that sent its owner away with this nonce, whosever it is: the nonce is the permission."""
    row = await reader.fetch_one(f"{_FIND} where nonce_hash = $1", _nonce_hash(reader, nonce))
    return None if row is None else _attempt(reader, row)


async def claim_login_attempt(tx: Tx, workspace_id: str, attempt_id: str, now: int, until: int) -> bool:
    """Answer an attempt, alone until then. False: it is gone, superseded, or being answered."""
    claimed = await tx.execute(
        """
        update login_attempts set busy_until = $4
        where workspace_id = $1 and id = $2 and busy_until <= $3 and superseded = 0
        """,
        workspace_id,
        attempt_id,
        now,
        until,
    )
    return claimed > 0


async def release_login_attempt(tx: Tx, workspace_id: str, attempt_id: str) -> None:
    """Nobody is answering it any more; it stands as it stood."""
    await tx.execute(
        "update login_attempts set busy_until = 0 where workspace_id = $1 and id = $2", workspace_id, attempt_id
    )


async def supersede_login_attempts(tx: Tx, workspace_id: str, attempt: LoginAttempt, subject: str, now: int) -> bool:
    """A later attempt at the same login of the same user begins. False: an earlier one is being answered, and stays."""
    which = """
        workspace_id = $1 and subject_hash = $2 and user_id = $3 and provider = $4 and id <> $5
        and superseded = 0 and expires_at >= $6
    """
    args = (
        workspace_id,
        _subject_hash(tx, attempt, subject),
        attempt.user_id,
        attempt.provider,
        attempt.id,
        now,
    )
    rows = await tx.fetch(f"select busy_until from login_attempts where {which}{tx.for_update}", *args)
    if any(row[0] > now for row in rows):
        return False
    if rows:
        await tx.execute(f"update login_attempts set superseded = 1 where {which}", *args)
    return True


async def supersede_login_attempt(tx: Tx, workspace_id: str, attempt_id: str, now: int) -> bool:
    """Another attempt takes the place of this one, if it is there. False: it is being answered, and stays."""
    which = "workspace_id = $1 and id = $2"
    sql = f"select busy_until from login_attempts where {which}{tx.for_update}"
    row = await tx.fetch_one(sql, workspace_id, attempt_id)
    if row is not None and row[0] > now:
        return False
    await tx.execute(f"update login_attempts set superseded = 1 where {which}", workspace_id, attempt_id)
    return True


async def remove_login_attempt(tx: Tx, workspace_id: str, attempt_id: str) -> bool:
    """End an attempt. False: it was gone; of two answers at once only one sees True."""
    return (
        await tx.execute("delete from login_attempts where workspace_id = $1 and id = $2", workspace_id, attempt_id) > 0
    )


async def remove_expired_login_attempts(tx: Tx, now: int) -> int:
    """Remove attempts that have expired; how many. For upkeep."""
    return await tx.execute("delete from login_attempts where expires_at < $1", now)


def _attempt(reader: Reader, row: Row) -> LoginAttempt:
    return LoginAttempt(
        id=row[1],
        workspace_id=row[0],
        user_id=row[2],
        provider=row[3],
        flow=row[4],
        state=_decode(reader.keyring.master_seal.open(row[5], f"login_attempts.state:{row[1]}")),
        created_at=row[6],
        expires_at=row[7],
        account_id=row[8],
        relinks=row[9] == 1,
        superseded=row[10] == 1,
        proxy=None
        if row[11] is None
        else _decode_proxy(reader.keyring.master_seal.open(row[11], _proxy_context(row[1]))),
    )


def _proxy_context(attempt_id: str) -> str:
    return f"login_attempts.proxy:{attempt_id}"


def _nonce_hash(reader: Reader, nonce: str) -> bytes:
    return reader.keyring.hash(f"login_attempts.nonce\n{nonce}")


def _subject_hash(reader: Reader, attempt: LoginAttempt, subject: str) -> bytes:
    return reader.keyring.hash(f"login_attempts.subject\n{attempt.provider}\n{attempt.user_id}\n{subject}")
