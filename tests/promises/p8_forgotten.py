"""P8, forgotten means forgotten: nothing of an account is clear at rest, and once it is unlinked nothing opens it again.

A byte search, for words that were planted and for all that the account's API showed, through the data folder, the
database with its log and free pages, the keyring, the backups, the blobs and the logs.
"""

import asyncio
import base64
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from postroom.domain.accounts import LoginAttempt
from postroom.domain.proxies import make_proxy
from postroom.store import accounts, attendees, chats, login_attempts, messages
from postroom.store.database import Database, Reader
from postroom.store.keyring import Keyring, NoKey
from postroom.store.postgres import PostgresDatabase
from postroom.store.sqlite import SqliteDatabase
from postroom.store.sqlite_files import open_file
from tests.parts.postgres import PostgresServer
from tests.servers import Server, built, running_server

pytestmark = [pytest.mark.promise("P8"), pytest.mark.slow]

TEXT = "canary-text-of-a-stranger"
OWN_TEXT = "canary-text-of-our-own"
RECALLED_TEXT = "canary-text-that-is-taken-back"
FILE = "canary-file-name.txt"
COOKIE = "user_good~canarycookie"
PLANTED = {TEXT, OWN_TEXT, RECALLED_TEXT, FILE, "canarycookie", "app-ada-pass"}


@dataclass
class Place:
    """A running server, and where all of its bytes are."""

    server: Server
    data: Path
    database_url: str
    postgres: PostgresServer | None
    api: httpx.Client
    sim: httpx.Client
    began: float

    def files(self) -> Iterator[Path]:
        """Every file that was written and is the server's own: the simulated networks are the far side."""
        folders = [self.data] if self.postgres is None else [self.data, self.postgres.folder / "data"]
        for folder in folders:
            for path in sorted(folder.rglob("*")):
                with contextlib.suppress(FileNotFoundError):
                    written = path.is_file() and path.stat().st_mtime >= self.began
                    if written and self.data / "sim" not in path.parents:
                        yield path

    def bytes(self) -> dict[str, bytes]:
        """All that is at rest, and all that was logged."""
        if self.postgres is not None:
            self.postgres.fetch("checkpoint")
        found = {"the log": "".join(self.server.errors).encode()}
        if self.postgres is not None:
            found["PostgreSQL's log"] = (self.postgres.folder / "log").read_bytes()
        for path in self.files():
            with contextlib.suppress(FileNotFoundError):
                # PostgreSQL's log is made of files full of zeros.
                found[str(path)] = path.read_bytes().rstrip(b"\0")
        return found


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    url, postgres, began = "", None, time.time() - 2
    if request.param == "postgres":
        url, postgres = request.getfixturevalue("postgres_url"), request.getfixturevalue("postgres_server")
    environment = {"POSTROOM_LOG_LEVEL": "DEBUG"} | ({"POSTROOM_DATABASE_URL": url} if url else {})
    data = tmp_path / "data"
    with running_server(data, environment=environment) as server:
        base = server.line["postpress"].removesuffix("/postpress")
        headers = {"X-API-KEY": server.line["key"]}
        with (
            httpx.Client(base_url=base, headers=headers, timeout=30) as api,
            httpx.Client(base_url=server.line["sim"], timeout=30) as sim,
        ):
            yield Place(server, data, url, postgres, api, sim, began)


def spellings(word: str) -> Iterator[bytes]:
    """A word as it may stand in a file: as text, in UTF-16, in hexadecimal (as dumps write bytes), in base64."""
    plain = word.encode()
    yield plain
    if word not in PLANTED:
        return
    yield from (word.encode("utf-16-le"), plain.hex().encode(), plain.hex().upper().encode())
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + plain)
        yield coded[(0, 2, 3)[shift] : -4]


def found_in(where: dict[str, bytes], words: set[str]) -> list[tuple[str, str]]:
    """Which words stand where."""
    return [(name, word) for name, all in where.items() for word in words if any(s in all for s in spellings(word))]


def until(ready: Callable[[], Any], what: str, seconds: float = 30) -> Any:
    end = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)
    return found


def plant(place: Place) -> tuple[str, set[str]]:
    """Words of every kind in the account and its chats; the account's id, and every word that its API shows."""
    linked = place.api.post("/postpress/v1/accounts", json={"provider": "LINKEDIN", "access_token": COOKIE})
    account_id = linked.json()["account_id"]
    chat = place.api.get("/postpress/v1/chats").json()["items"][0]
    seen = place.api.get(f"/postpress/v1/chats/{chat['id']}/messages").json()["items"]
    planted = {"text": TEXT, "attachments": [{"kind": "file", "name": FILE, "text": "canary"}]}
    path = f"/_sim/network/linkedin/chats/{chat['provider_id']}/messages"
    written = place.sim.post(path, json=planted)
    assert written.status_code < 300, written.text
    answer = {"text": "And an answer", "reply_to": written.json()["id"]}
    assert place.sim.post(path, json=answer).status_code < 300
    message_id = ""
    for text in (OWN_TEXT, RECALLED_TEXT):
        headers = {"Idempotency-Key": text[-9:]}
        sent = place.api.post(f"/postpress/v1/chats/{chat['id']}/messages", json={"text": text}, headers=headers)
        assert sent.status_code == 201, sent.text
        message_id = sent.json()["message_id"]
    assert place.api.delete(f"/postpress/v1/messages/{message_id}").status_code == 200
    until(
        lambda: any(
            each["text"] == TEXT for each in place.api.get(f"/postpress/v1/chats/{chat['id']}/messages").json()["items"]
        ),
        "what was planted",
    )
    words = set(PLANTED)
    for each in [*seen, *place.api.get("/postpress/v1/messages", params={"limit": 250}).json()["items"]]:
        words |= {each["text"] or "", each.get("subject") or "", *(a.get("file_name", "") for a in each["attachments"])}
    for each in place.api.get("/postpress/v1/chats").json()["items"]:
        words |= {each["name"] or "", each.get("subject") or ""}
        for person in place.api.get(f"/postpress/v1/chats/{each['id']}/attendees").json()["items"]:
            words |= {person["name"], person.get("specifics", {}).get("headline", "")}
    words.add(place.api.get(f"/postpress/v1/accounts/{account_id}").json()["name"])
    # Short ones stand everywhere by chance.
    return account_id, {word for word in words if len(word) >= 9}


@contextlib.asynccontextmanager
async def opened(place: Place, backup: Path | str) -> AsyncIterator[Database]:
    """A copy of the database, with today's keyring."""
    keyring = Keyring(place.data / "keyring.db", bytes.fromhex((place.data / "master.key").read_text()))
    database: Database
    if isinstance(backup, Path):
        database = SqliteDatabase(backup, keyring)
    else:
        database = await PostgresDatabase.connect(backup, keyring)
    try:
        yield database
    finally:
        await database.close()
        keyring.close()


def back_up(place: Place, folder: Path) -> tuple[bytes, Callable[[], Path | str]]:
    """A backup of the database as its owner would make it; its bytes, and what opens a copy of it."""
    if place.postgres is None:
        file = folder / "backup.db"
        with contextlib.closing(open_file(place.data / "postroom.db")) as connection:
            connection.execute("vacuum into ?", (str(file),))
        made = file.read_bytes()

        def copy() -> Path:
            to = folder / f"copy-{time.monotonic_ns()}.db"
            to.write_bytes(made)
            return to

        return made, copy
    made, postgres = place.postgres.dump(place.database_url), place.postgres
    return made, lambda: postgres.restore(made)


async def readable(reader: Reader, workspace_id: str, account_id: str) -> str:
    """All that the keyring opens of an account: its credentials, profile, chats, people and messages."""
    told: list[Any] = []
    with contextlib.suppress(NoKey):
        # As it is written, not as it shows itself: that hides what is secret.
        told.append(msgspec.json.encode(await accounts.find_credentials(reader, workspace_id, account_id)))
        told.append(await accounts.find_sync_token(reader, workspace_id, account_id))
    told.append(await accounts.find(reader, workspace_id, account_id))
    for (chat_id,) in await reader.fetch("select id from chats where account_id = $1", account_id):
        told.append(await chats.find(reader, workspace_id, chat_id))
        with contextlib.suppress(NoKey):
            told.append(await attendees.list_attendees(reader, workspace_id, chat_id))
    for (message_id,) in await reader.fetch("select id from messages where account_id = $1", account_id):
        told.append(await messages.find(reader, workspace_id, message_id))
    return repr(told)


async def sealed(place: Place, database: Database, account_id: str) -> tuple[str, list[bytes], str]:
    """The workspace, some sealed documents of the account, and its sync token."""
    async with database.read() as reader:
        row = await reader.fetch_one(
            "select workspace_id, profile_sealed, credentials_sealed from accounts where id = $1", account_id
        )
        assert row is not None
        contents = await reader.fetch(
            "select content from messages where account_id = $1 and content is not null", account_id
        )
        token = await accounts.find_sync_token(reader, row[0], account_id)
    assert token
    return row[0], [row[1], row[2], *(each[0] for each in contents)], token


def test_nothing_is_clear_at_rest_and_an_unlinked_account_opens_never_again(place: Place, tmp_path: Path) -> None:
    account_id, words = plant(place)
    assert len(words) > 60
    made, copy = back_up(place, tmp_path)

    async def before() -> tuple[str, list[bytes], bytes]:
        async with opened(place, copy()) as database:
            workspace_id, documents, token = await sealed(place, database, account_id)
            words.add(token)
            async with database.read() as reader:
                shown = await readable(reader, workspace_id, account_id)
        # The search is worth something: with its key, the backup opens.
        assert {TEXT, OWN_TEXT, FILE, "canarycookie"} <= {word for word in words if word in shown}
        with contextlib.closing(open_file(place.data / "keyring.db")) as ring:
            wrapped = ring.execute("select wrapped from keys where account_id = ?", (account_id,)).get
        return workspace_id, documents, wrapped

    workspace_id, documents, wrapped = asyncio.run(before())
    words -= {"Sandbox"}
    assert found_in(place.bytes() | {"the backup": made}, words) == []
    assert any(wrapped in each for each in place.bytes().values())

    gone = place.api.delete(f"/postpress/v1/accounts/{account_id}")
    assert gone.json() == {"object": "AccountDeleted"}
    assert place.api.get(f"/postpress/v1/accounts/{account_id}").status_code == 404

    def nothing_is_left() -> None:
        at_rest = place.bytes()
        assert found_in(at_rest | {"the backup": made}, words) == []
        assert [name for name, all in at_rest.items() if wrapped in all] == []
        if place.postgres is None:
            # SQLite is scrubbed as well: not even what was sealed is left, in the file or in its log.
            assert [name for name, all in at_rest.items() for each in documents if each[12:] in all] == []

    async def nothing_opens() -> None:
        for where in (copy(), place.database_url or place.data / "postroom.db"):
            if place.server.process.poll() is None and where == place.data / "postroom.db":
                continue
            async with opened(place, where) as database:
                assert account_id not in database.keyring.accounts()
                with pytest.raises(NoKey):
                    database.keyring.seal(account_id)
                async with database.read() as reader:
                    shown = await readable(reader, workspace_id, account_id)
            assert [word for word in words if word in shown] == []

    nothing_is_left()
    asyncio.run(nothing_opens())
    place.server.kill()
    nothing_is_left()
    asyncio.run(nothing_opens())


def test_what_is_kept_of_what_was_said_is_ids_and_hashes(place: Place) -> None:
    account_id, words = plant(place)
    place.api.delete(f"/postpress/v1/accounts/{account_id}")
    receipts = place.api.get("/api/receipts").json()["items"]
    assert {each["kind"] for each in receipts} == {"message.recalled", "account.unlinked"}
    events = place.api.get("/api/events", params={"limit": 250}).json()["items"]
    assert {"account.linked", "account.deleted", "message.deleted"} <= {each["type"] for each in events}
    for kept in (receipts, events):
        assert [word for word in words if word in repr(kept)] == []

    async def tombstones() -> list[Any]:
        if place.postgres is None:
            with contextlib.closing(open_file(place.data / "postroom.db")) as connection:
                return connection.execute("select key_hash, chat_key from tombstones").fetchall()
        database = await PostgresDatabase.connect(place.database_url, Keyring(place.data / "another.db", b"k" * 32))
        async with database.read() as reader:
            found = list(await reader.fetch("select key_hash, chat_key from tombstones"))
        await database.close()
        return found

    kept = asyncio.run(tombstones())
    assert kept
    assert all(re.fullmatch("[0-9a-f]{64}", each[0]) for each in kept)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_the_state_of_an_attempt_to_link_is_sealed(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else ""
    async with built(tmp_path / "data", url, furnished=False) as house:
        attempt = LoginAttempt(
            id="lgn_1",
            workspace_id=house.caller.workspace_id,
            user_id=house.caller.user_id,
            provider="linkedin",
            flow="cookie",
            state={"cookie": "canary-of-an-attempt"},
            proxy=make_proxy("http", "127.0.0.1", 3128, "ada", "canary-of-a-proxy"),
            created_at=1,
            expires_at=2,
        )
        async with house.house.database.begin() as tx:
            await login_attempts.add_login_attempt(tx, house.caller.workspace_id, attempt)
        if url:
            request.getfixturevalue("postgres_server").fetch("checkpoint")
        folders = [house.data] + ([request.getfixturevalue("postgres_server").folder / "data"] if url else [])
        at_rest = {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}
        assert found_in(at_rest, {"canary-of-an-attempt", "canary-of-a-proxy"}) == []
        assert any(b"lgn_1" in each for each in at_rest.values())
