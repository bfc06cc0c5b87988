"""Attempts to link an account. There is no account yet, so their state is sealed under the master key."""

import msgspec

from postroom.domain.accounts import LoginAttempt
from postroom.store.database import Reader, Row, Tx

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


async def add_login_attempt(tx: Tx, workspace_id: str, attempt: LoginAttempt) -> None:
    """Keep an attempt, or what has become of it: one with the same id is replaced."""
    await tx.execute(
        """
        insert into login_attempts (
            workspace_id, id, user_id, provider, flow, state_sealed, created_at, expires_at, nonce_hash
        ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (workspace_id, id) do update
        set state_sealed = excluded.state_sealed, expires_at = excluded.expires_at, nonce_hash = excluded.nonce_hash
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
    )


async def find_login_attempt(reader: Reader, workspace_id: str, attempt_id: str) -> LoginAttempt | None:
    """The attempt, expired or not."""
    row = await reader.fetch_one(f"{_FIND} where workspace_id = $1 and id = $2", workspace_id, attempt_id)
    return None if row is None else _attempt(reader, row)


async def find_login_attempt_by_nonce(reader: Reader, nonce: str) -> LoginAttempt | None:
    """The attempt that sent its owner away with this nonce, whosever it is: the nonce is the permission."""
    row = await reader.fetch_one(f"{_FIND} where nonce_hash = $1", _nonce_hash(reader, nonce))
    return None if row is None else _attempt(reader, row)


_FIND = "select workspace_id, id, user_id, provider, flow, state_sealed, created_at, expires_at from login_attempts"


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
    )


def _nonce_hash(reader: Reader, nonce: str) -> bytes:
    return reader.keyring.hash(f"login_attempts.nonce\n{nonce}")


async def remove_login_attempt(tx: Tx, workspace_id: str, attempt_id: str) -> bool:
    """End an attempt. False: it was gone; of two answers at once only one sees True."""
    return (
        await tx.execute("delete from login_attempts where workspace_id = $1 and id = $2", workspace_id, attempt_id) > 0
    )


async def remove_expired_login_attempts(tx: Tx, now: int) -> int:
    """Remove attempts that have expired; how many. For upkeep."""
    return await tx.execute("delete from login_attempts where expires_at < $1", now)
