"""Who signed in to the dashboard, found by the keyed hash of the token that their browser holds."""

from postroom.domain.access import ApiKey, Session, Workspace
from postroom.store.access import find_key, find_workspace
from postroom.store.database import Reader, Tx


async def add(tx: Tx, session: Session, token: str) -> None:
    """Keep a new session."""
    await tx.execute(
        "insert into sessions (token_hash, workspace_id, key_id, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        _hash(tx, token),
        session.workspace_id,
        session.key_id,
        session.created_at,
        session.expires_at,
    )


async def find_by_token(reader: Reader, token: str) -> tuple[Session, ApiKey | None, Workspace | None] | None:
    """The session with this token, over or not, with its key as that stands now, and the key's workspace."""
    row = await reader.fetch_one(
        "select workspace_id, key_id, created_at, expires_at from sessions where token_hash = $1", _hash(reader, token)
    )
    if row is None:
        return None
    session = Session(workspace_id=row[0], key_id=row[1], created_at=row[2], expires_at=row[3])
    key = await find_key(reader, session.workspace_id, session.key_id)
    return session, key, await find_workspace(reader, session.workspace_id)


async def remove(tx: Tx, workspace_id: str, token: str) -> None:
    """End a session."""
    await tx.execute("delete from sessions where workspace_id = $1 and token_hash = $2", workspace_id, _hash(tx, token))


async def remove_expired(tx: Tx, before: int) -> int:
    """Remove sessions that expired before then; how many. For upkeep."""
    return await tx.execute("delete from sessions where expires_at < $1", before)


def _hash(reader: Reader, token: str) -> bytes:
    return reader.keyring.hash(f"sessions.token\n{token}")
