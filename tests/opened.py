"""Every row of a database with everything in it opened: what a thief with all of today's keys could read."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from postroom.store.database import Database, Reader
from postroom.store.keyring import NoKey
from postroom.store.seal import Seal

# Sealed under the account's key: table and column, the column with the account's id, the document's context.
_SEALED = {
    ("accounts", "profile_sealed"): ("id", "accounts.profile:{id}"),
    ("accounts", "credentials_sealed"): ("id", "accounts.credentials:{id}"),
    ("accounts", "proxy_sealed"): ("id", "accounts.proxy:{id}"),
    ("accounts", "sync_token_sealed"): ("id", "accounts.sync_token:{id}"),
    ("account_syncs", "token_sealed"): ("account_id", "syncs.token:{account_id}"),
    ("account_syncs", "cursor_sealed"): ("account_id", "syncs.cursor:{account_id}"),
    ("sync_chats", "cursor_sealed"): ("account_id", "syncs.cursor:{account_id}"),
    ("attendees", "content"): ("account_id", "attendees.content:{id}"),
    ("chats", "content"): ("account_id", "chats.content:{id}"),
    ("deferrals", "draft_sealed"): ("account_id", "deferrals.draft:{id}"),
    ("messages", "content"): ("account_id", "messages.content:{id}"),
}
_UNDER_THE_MASTER_KEY = {
    ("login_attempts", "state_sealed"): "login_attempts.state:{id}",
    ("login_attempts", "proxy_sealed"): "login_attempts.proxy:{id}",
    ("webhook_endpoints", "secret_sealed"): "webhook_endpoints.secret:{id}",
    ("webhook_endpoints", "wishes_sealed"): "webhook_endpoints.wishes:{id}",
}
_HASHES = {
    ("api_keys", "secret_hash"),
    ("idempotency_keys", "fingerprint"),
    ("login_attempts", "nonce_hash"),
    ("login_attempts", "subject_hash"),
    ("managed_users", "page_hash"),
}

Opened = dict[str, Any]


async def tables(database: Database) -> dict[str, list[str]]:
    """Every table of ours, with its columns."""
    async with database.read() as reader:
        if reader.dialect == "sqlite":
            names = await reader.fetch(
                "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
            )
            return {
                name: [row[1] for row in await reader.fetch(f"pragma table_info({name})")]
                for name in sorted(row[0] for row in names)
            }
        columns = await reader.fetch(
            "select table_name, column_name from information_schema.columns where table_schema = 'public' "
            "order by table_name, ordinal_position"
        )
    found: dict[str, list[str]] = {}
    for table, column in columns:
        found.setdefault(table, []).append(column)
    return found


async def rows(database: Database, workspace_id: str | None = None) -> dict[str, list[Opened]]:
    """Every row of every table, opened; of one workspace where it is named (and of tables that know no workspace)."""
    found = {}
    for table, columns in (await tables(database)).items():
        # In PostgreSQL numbers of transactions have a type of their own.
        named = ", ".join(columns)
        mine = workspace_id is not None and "workspace_id" in columns
        where = f" where {table}.workspace_id = '{workspace_id}'" if mine else ""
        async with database.read() as reader:
            held = await reader.fetch(f"select {named} from {table}{where}")
            found[table] = [_open(reader, table, dict(zip(columns, row, strict=True))) for row in held]
    return found


def _open(reader: Reader, table: str, row: Opened) -> Opened:
    return {column: _value(reader, table, column, row) for column in row}


def _value(reader: Reader, table: str, column: str, row: Opened) -> Any:
    value = row[column]
    if not isinstance(value, bytes) or (table, column) in _HASHES:
        return value
    if (table, column) in _UNDER_THE_MASTER_KEY:
        context = _UNDER_THE_MASTER_KEY[table, column]
        return reader.keyring.master_seal.open(value, context.format(**row)).decode()
    # A KeyError here: bytes that this module cannot open, so that a search would miss what is in them.
    account, context = _SEALED[table, column]
    try:
        seal: Seal = reader.keyring.seal(row[account])
    except NoKey:
        return "(its key was destroyed)"
    return seal.open(value, context.format(**row)).decode()


def where(found: Mapping[str, Sequence[Opened]], text: str) -> list[str]:
    """The places that have this text, as table.column of id."""
    return [
        f"{table}.{column} of {row.get('id', '?')}"
        for table, held in found.items()
        for row in held
        for column, value in row.items()
        if isinstance(value, str) and text in value
    ]


def files_with(folder: Path, text: str) -> list[str]:
    """The files below a folder whose bytes have this text; the simulated networks' own are not ours."""
    return [
        str(file.relative_to(folder))
        for file in sorted(_files(folder))
        if text.encode() in file.read_bytes() and "sim" not in file.relative_to(folder).parts
    ]


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())
