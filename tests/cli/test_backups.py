"""Backup and restore: one moment, in one file; and what was deleted since does not come back with it."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from click.testing import CliRunner, Result

from postroom import sandbox
from postroom.app import House, build, open_keyring
from postroom.cli import commands
from postroom.clock import now, to_ms
from postroom.domain.deferrals import DeferralState
from postroom.domain.events import EventType
from postroom.domain.posts import GroupStatus, PostStatus
from postroom.domain.webhooks import Format
from postroom.errors import InvalidParameters, NotAuthenticated, NotFound, Unavailable
from postroom.services.posts import Change
from postroom.settings import Settings
from postroom.store import archive, schema, snapshots
from postroom.store.sqlite_files import open_file
from tests import opened
from tests.desk import ANOTHER, PICTURE, Desk, pieces
from tests.parts.postgres import PostgresServer
from tests.scene import Scene
from tests.servers import lent, running_server

DAY_MS = 24 * 3600 * 1000


@dataclass
class Place:
    """Where a server's data are, and the database that goes with them."""

    data: Path
    url: str = ""

    async def postroom(self, *arguments: str) -> Result:
        """The command, in a thread: it has an event loop of its own."""
        environment = {"POSTROOM_DATABASE_URL": self.url} if self.url else {}
        return await asyncio.to_thread(
            CliRunner().invoke, commands, [*arguments, "--data", str(self.data)], env=environment
        )

    async def backup(self, file: Path, *more: str) -> dict[str, Any]:
        done = await self.postroom("backup", str(file), "--json", *more)
        assert done.exit_code == 0, done.output
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    async def restore(self, file: Path, *more: str) -> dict[str, Any]:
        done = await self.postroom("restore", str(file), "--json", *more)
        assert done.exit_code == 0, (done.output, done.exception)
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    @asynccontextmanager
    async def house(self, sim: str = "http://127.0.0.1:1") -> AsyncIterator[House]:
        settings = Settings(data=self.data, database_url=self.url, providers=sandbox.providers(sim))
        house = await build(settings, public_url="http://127.0.0.1:1", now=now, sandbox=True)
        try:
            yield house
        finally:
            await house.close()


@dataclass
class Ground:
    """A furnished house, and an empty place beside the keyring of which it can be restored."""

    desk: Desk
    scene: Scene
    here: Place
    there: Place

    def carry_keys(self) -> None:
        """The keyring of the day, and the master key."""
        self.there.data.mkdir(exist_ok=True, mode=0o700)
        for name in ("keyring.db", "master.key"):
            shutil.copy2(self.here.data / name, self.there.data / name)


@pytest.fixture(params=["sqlite-to-sqlite", "postgres-to-postgres", "sqlite-to-postgres"])
async def ground(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    source, _, target = request.param.partition("-to-")
    server: PostgresServer | None = None
    if "postgres" in request.param:
        server = request.getfixturevalue("postgres_server")
    there = Place(tmp_path / "there", server.create() if server is not None and target == "postgres" else "")
    async with lent(tmp_path / "here", server if source == "postgres" else None) as built:
        url = getattr(built.house.database, "_url", "")
        yield Ground(Desk(built), Scene(built), Place(tmp_path / "here", url), there)
    if server is not None and there.url:
        server.drop(there.url)


async def test_what_was_deleted_since_the_backup_stays_deleted_and_the_rest_is_there(
    ground: Ground, tmp_path: Path
) -> None:
    desk, scene, caller = ground.desk, ground.scene, ground.desk.caller
    services = desk.services
    own, quoted = await scene.own(), await scene.own(quoted=True)
    theirs = await scene.others()
    second = await scene.link("user_second")
    tomorrow = to_ms(now()) + DAY_MS
    kept, deleted = await desk.draft("kept"), await desk.draft("deleted")
    await desk.attach(kept)
    await desk.attach(deleted, ANOTHER)
    removed = await services.library.upload(caller, pieces(ANOTHER), file_name="removed.png")
    await desk.schedule(kept, tomorrow)
    await desk.schedule(deleted, tomorrow)
    due = await desk.due("due since")
    unsent = await services.deferrals.send(caller, own.chat_id, "not sent yet", grace_seconds=600)
    key, secret = await services.access.issue_key(caller.workspace_id, "ends")
    people = services.managed_users
    person = await services.access.add_managed_user(caller, "somebody@postroom.test", None)
    page = people.page_url(await people.page(caller, person.id, timedelta(days=30), rotate=True))
    endpoint, _ = await services.webhooks.create(
        caller, name="ends", url="http://127.0.0.1:9/", types=[], format=Format.NATIVE
    )
    file = tmp_path / "one.backup"
    written = await ground.here.backup(file)
    assert (written["files"], written["missing"]) == (2, [])
    cursor = await services.events.newest(caller)

    await scene.recall(own)
    await scene.at_linkedin(quoted, "recall")
    await scene.sync(await scene.linkedin(), full=True)
    await services.accounts.unlink(caller, second.id)
    await services.posts.delete(caller, deleted.id)
    await services.library.delete(caller, removed.id)
    await services.access.revoke_key(caller, key.id)
    await services.webhooks.remove(caller, endpoint.id, Format.NATIVE)
    await services.access.detach_managed_user(caller, person.id)
    await services.access.resolve(desk.built.kept.key)
    await desk.house.database.keyring.graves.settled()
    ground.carry_keys()

    told = await ground.there.restore(file)
    again = told["deleted_again"]
    assert (again["accounts"], again["post_groups"], again["keys"], again["webhooks"]) == (1, 1, 1, 1)
    assert again["files"] == 1
    assert again["messages"] >= 2
    assert (again["posts_in_doubt"], again["unsent"], again["scheduled"]) == (1, 1, 1)
    assert (told["files"], told["missing_files"], told["orphans"]) == (1, 0, 0)
    async with ground.there.house(str(desk.built.sim.base_url).rstrip("/")) as house:
        there = house.services
        for gone in (own, quoted):
            held = await there.messages.get(caller, gone.id)
            assert (held.is_tombstone, held.content.text, held.content.original) == (True, None, "")
        assert (await there.messages.get(caller, theirs.id)).content.text == theirs.content.text
        everything = repr(await opened.rows(house.database, caller.workspace_id))
        for gone in (own, quoted):
            assert gone.content.text is not None
            assert gone.content.text not in everything
        assert "not sent yet" not in everything
        assert [each.id for each in (await there.accounts.list(caller, provider="linkedin")).items] == [own.account_id]
        assert second.id not in {row["account_id"] for row in (await opened.rows(house.database))["messages"]}
        with pytest.raises(NotFound):
            await there.posts.get(caller, deleted.id)
        assert (await there.posts.get(caller, kept.id)).posts[0].status is PostStatus.PENDING
        assert (await there.posts.get(caller, due.id)).posts[0].status is PostStatus.UNCONFIRMED
        settled = await there.deferrals.get(caller, unsent.id)
        assert settled.state in (DeferralState.UNDONE, DeferralState.IN_DOUBT)
        with pytest.raises(NotAuthenticated):
            await there.access.resolve(secret)
        assert (await there.access.resolve(desk.built.kept.key)).workspace_id == caller.workspace_id
        with pytest.raises(NotFound):
            await there.managed_users.visitor(str(page).rpartition("/")[2])
        assert [path.read_bytes() for path in (ground.there.data / "media").rglob("*") if path.is_file()] == [PICTURE]

        # Whoever resumes from before the loss is told of it, and what happens from now on is beyond all old cursors.
        with pytest.raises(InvalidParameters, match="kept no longer"):
            await there.events.after(caller, cursor, 10)
        newest = await there.events.newest(caller)
        assert newest >= snapshots.GAP
        await there.posts.create(caller, content="new", platforms=[], scheduled_at=None, platform_settings={})
        await there.posts.delete(caller, kept.id)
        await there.events.wait(caller, newest, 5.0)
        assert EventType.POST_GROUP_DELETED in [each.type for each in await there.events.after(caller, newest, 100)]

        # The network is asked what else happened, and brings nothing back.
        await house.sync.sync(caller.workspace_id, own.account_id, full=True)
        assert str(own.content.text) not in repr(await opened.rows(house.database, caller.workspace_id))


async def test_what_was_called_off_since_the_backup_does_not_happen(ground: Ground, tmp_path: Path) -> None:
    desk, scene, caller = ground.desk, ground.scene, ground.desk.caller
    services = desk.services
    tomorrow = to_ms(now()) + DAY_MS
    whats = ("stays", "unscheduled", "moved", "written anew", "went out", "drafted", "comes down", "stays up")
    stays, unscheduled, moved, written, went, drafted, down, up = [await desk.draft(what) for what in whats]
    for group in (stays, unscheduled, moved, written, went, down, up):
        await desk.schedule(group, tomorrow)
    for group in (down, up):
        await services.takedowns.schedule(caller, group.id, tomorrow + DAY_MS, delete_group=False)
    own, other = await scene.own(), await scene.own(quoted=True)
    deadline = own.sent_at + 50 * 60_000
    undone = await services.deferrals.delete_at(caller, own.id, deadline)
    goes_on = await services.deferrals.delete_at(caller, other.id, deadline)
    assert undone is not None
    assert goes_on is not None
    file = tmp_path / "one.backup"
    await ground.here.backup(file)

    await services.posts.update(caller, unscheduled.id, Change(status=GroupStatus.DRAFT))
    await services.posts.update(caller, moved.id, Change(scheduled_at=tomorrow + DAY_MS))
    await services.posts.update(caller, written.id, Change(content="without the mistake"))
    for group in (went, drafted):
        await services.posts.update(caller, group.id, Change(status=GroupStatus.SCHEDULED, scheduled_at=to_ms(now())))
    await services.takedowns.schedule(caller, up.id, None, delete_group=False)
    await services.deferrals.undo(caller, undone.id)
    await desk.house.database.keyring.graves.settled()
    ground.carry_keys()

    again = (await ground.there.restore(file))["deleted_again"]
    assert set(again["posts_called_off"]) == {unscheduled.id, moved.id, written.id}
    assert (again["deletions_called_off"], again["takedowns_called_off"]) == ([undone.id], 1)
    assert (again["posts_in_doubt"], again["scheduled"]) == (2, 3)
    async with ground.there.house() as house:
        there = house.services
        states = {each.id: (await there.posts.get(caller, each.id)).posts[0].status for each in (stays, down, up)}
        assert set(states.values()) == {PostStatus.PENDING}
        for group in (unscheduled, moved, written):
            found = await there.posts.get(caller, group.id)
            assert (found.group.status, found.posts[0].status) == (GroupStatus.DRAFT, PostStatus.DRAFT)
            assert found.group.scheduled_at == tomorrow
        for group in (went, drafted):
            assert (await there.posts.get(caller, group.id)).posts[0].status is PostStatus.UNCONFIRMED
        ended = await there.deferrals.get(caller, undone.id)
        assert (ended.state, "undone after the backup" in str(ended.detail)) == (DeferralState.UNDONE, True)
        assert (await there.deferrals.get(caller, goes_on.id)).state is DeferralState.WAITING
        todo = [row for row in (await opened.rows(house.database))["jobs"] if row["status"] == "todo"]
        expiring = [msgspec.json.decode(row["args"])["group_id"] for row in todo if row["task"] == "expire_posts"]
        assert expiring == [down.id]
        # A post that was held back is its owner's again.
        await there.posts.update(caller, written.id, Change(status=GroupStatus.SCHEDULED))


async def test_what_waits_for_its_moment_is_held_where_that_is_said_or_the_keyring_may_not_know(
    written: tuple[Ground, Path], tmp_path: Path
) -> None:
    ground, _ = written
    desk, scene, caller = ground.desk, ground.scene, ground.desk.caller
    group = await desk.draft("waits")
    await desk.schedule(group, to_ms(now()) + DAY_MS)
    await desk.services.takedowns.schedule(caller, group.id, to_ms(now()) + 2 * DAY_MS, delete_group=False)
    own = await scene.own()
    deferral = await desk.services.deferrals.delete_at(caller, own.id, own.sent_at + 50 * 60_000)
    assert deferral is not None
    file = tmp_path / "two.backup"
    await ground.here.backup(file)
    for option in ("--older-keyring", "--hold"):
        if option == "--hold":
            ground.carry_keys()
        again = (await ground.there.restore(file, option))["deleted_again"]
        assert (again["posts_called_off"], again["deletions_called_off"]) == ([group.id], [deferral.id])
        assert (again["takedowns_called_off"], again["scheduled"]) == (1, 0)
        for end in ("", "-wal", "-shm"):
            (ground.there.data / f"postroom.db{end}").unlink(missing_ok=True)
    done = await ground.there.postroom("restore", str(file), "--hold")
    assert f"Drafts now: {group.id}" in done.output
    assert "budgets of keys, secrets and settings of webhooks" in done.output


async def test_a_backup_is_of_one_moment_while_it_is_written_to(ground: Ground, tmp_path: Path) -> None:
    desk = ground.desk
    stop = asyncio.Event()
    made: list[str] = []

    async def write() -> None:
        while not stop.is_set():
            group = await desk.draft(f"number {len(made)}")
            await desk.schedule(group, to_ms(now()) + DAY_MS)
            made.append(group.id)
            if len(made) % 3 == 0:
                await desk.services.posts.delete(desk.caller, made[-2])
            await asyncio.sleep(0)

    writing = [asyncio.create_task(write()) for _ in range(3)]
    while len(made) < 10:
        await asyncio.sleep(0.01)
    before = len(made)
    files = [tmp_path / f"{number}.backup" for number in range(2)]
    for file in files:
        await ground.here.backup(file)
    stop.set()
    await asyncio.gather(*writing)
    assert len(made) > before + 5, "nothing was written meanwhile"
    with_keys = open_keyring(Settings(data=ground.here.data))
    for file in files:
        found: dict[str, list[dict[str, Any]]] = {}
        with file.open("rb") as read:
            for record in archive.records(read, with_keys):
                if record[0] == "rows":
                    found.setdefault(record[1], []).extend(dict(zip(record[2], row, strict=True)) for row in record[3])
        groups = {row["id"] for row in found["post_groups"]}
        # Rows of one transaction: all of them or none.
        assert {row["group_id"] for row in found["posts"]} == groups
        scheduled = {row["id"] for row in found["post_groups"] if row["status"] == "scheduled"}
        assert {row["group_id"] for row in found["post_usage"]} == scheduled
        told = {
            kind: {
                msgspec.json.decode(row["data"]).get("post_group_id") for row in found["events"] if row["type"] == kind
            }
            for kind in ("post.scheduled", "post_group.deleted")
        }
        deleted = {row["target_id"] for row in found["receipts"] if row["kind"] == "post_group.deleted"}
        assert told["post_group.deleted"] == deleted
        assert groups & deleted == set()
    with_keys.close()
    await desk.house.database.keyring.graves.settled()
    ground.carry_keys()
    await ground.there.restore(files[0])


async def test_a_snapshot_sees_nothing_of_what_is_written_after_it_began(ground: Ground) -> None:
    url, file = ground.here.url, ground.here.data / "postroom.db"
    async with snapshots.of_postgres(url) if url else snapshots.of_sqlite(file) as snapshot:
        before = [await snapshot.count(table) for table in ("post_groups", "posts", "events")]
        group = await ground.desk.draft("after it began")
        assert [await snapshot.count(table) for table in ("post_groups", "posts", "events")] == before
        seen = [row async for _, part in snapshot.rows("post_groups") for row in part]
        assert group.id not in {value for row in seen for value in row}


@pytest.fixture
async def written(tmp_path: Path) -> AsyncIterator[tuple[Ground, Path]]:
    async with lent(tmp_path / "here") as built:
        ground = Ground(Desk(built), Scene(built), Place(tmp_path / "here"), Place(tmp_path / "there"))
        file = tmp_path / "one.backup"
        await ground.here.backup(file, "--keyring", str(_apart(tmp_path)))
        ground.carry_keys()
        yield ground, file


def _apart(tmp_path: Path) -> Path:
    folder = tmp_path / "apart"
    folder.mkdir(exist_ok=True)
    return folder / "keyring.db"


async def test_a_backup_holds_no_key_and_opens_beside_the_master_key_alone(
    written: tuple[Ground, Path], tmp_path: Path
) -> None:
    ground, file = written
    assert file.stat().st_mode & 0o077 == 0
    keyring = open_keyring(Settings(data=ground.here.data))
    wrapped = [row[0] for row in keyring._file.execute("select wrapped from keys")]
    keys = [
        keyring._wrapping.open(row[1], row[0]) for row in keyring._file.execute("select account_id, wrapped from keys")
    ]
    with file.open("rb") as read:
        held = b"".join(msgspec.msgpack.encode(record) for record in archive.records(read, keyring))
    account = await ground.scene.linkedin()
    assert account.id.encode() in held
    assert account.id.encode() not in file.read_bytes()
    for secret in (*wrapped, *keys, bytes.fromhex((ground.here.data / "master.key").read_text())):
        assert secret not in held
        assert secret.hex().encode() not in held
    # The copy of the keyring knows the backup, and has the keys.
    shutil.copy2(_apart(tmp_path), ground.there.data / "keyring.db")
    assert (await ground.there.restore(file))["deleted_again"]["accounts"] == 0
    keyring.close()


@pytest.mark.parametrize(
    "harm", ["cut", "short", "changed", "longer", "another-heading", "no-backup", "another-master-key"]
)
async def test_a_backup_that_is_not_whole_makes_nothing(written: tuple[Ground, Path], harm: str) -> None:
    ground, file = written
    content = file.read_bytes()
    if harm == "cut":
        with file.open("rb") as read:
            read.readline()
            size = int.from_bytes(read.read(5)[:4], "big")
            file.write_bytes(content[: read.tell() + size])
    elif harm == "short":
        file.write_bytes(content[:-1])
    elif harm == "changed":
        place = len(content) - 100
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    elif harm == "longer":
        file.write_bytes(content + b"more")
    elif harm == "another-heading":
        file.write_bytes(
            content.replace(b'"media":true', b'"media":trux', 1)
            .replace(b"trux", b"true", 1)
            .replace(b'"made_by":"0', b'"made_by":"1', 1)
        )
    elif harm == "no-backup":
        file.write_bytes(b"SQLite format 3\0")
    else:
        (ground.there.data / "master.key").write_text(os.urandom(32).hex())
        (ground.there.data / "keyring.db").unlink()
        open_keyring(Settings(data=ground.there.data)).close()
    done = await ground.there.postroom("restore", str(file), "--older-keyring")
    assert (done.exit_code, isinstance(done.exception, archive.NoBackup)) == (1, True)
    assert not (ground.there.data / "postroom.db").exists()


async def test_a_restore_goes_into_an_empty_place_beside_the_newest_keyring(
    written: tuple[Ground, Path], tmp_path: Path
) -> None:
    ground, file = written
    full = await ground.here.postroom("restore", str(file))
    assert isinstance(full.exception, snapshots.NotEmpty)
    none = await Place(tmp_path / "none").postroom("backup", str(tmp_path / "none.backup"))
    assert (none.exit_code, (tmp_path / "none").exists(), (tmp_path / "none.backup").exists()) == (1, False, False)
    nothing = await Place(tmp_path / "nothing").postroom("restore", str(file))
    assert (nothing.exit_code, "Put the keyring in its place first" in str(nothing.exception)) == (1, True)

    # A keyring of before: it does not know what was deleted up to the backup.
    await asyncio.sleep(0)
    later = tmp_path / "later.backup"
    await ground.here.backup(later)
    refused = await ground.there.postroom("restore", str(later))
    assert "--older-keyring" in str(refused.exception)
    assert not (ground.there.data / "postroom.db").exists()
    assert (await ground.there.restore(later, "--older-keyring"))["rows"] > 100


async def test_a_restore_leaves_what_is_somebody_elses(
    written: tuple[Ground, Path], postgres_server: PostgresServer
) -> None:
    ground, file = written
    theirs = "create table accounts (name text)", "insert into accounts values ('theirs')"
    held = open_file(ground.there.data / "postroom.db")
    url = postgres_server.create()
    other = await asyncpg.connect(url)
    for statement in theirs:
        held.execute(statement)
        await other.execute(statement)
    for place in (ground.there, Place(ground.there.data, url)):
        refused = await place.postroom("restore", str(file))
        assert isinstance(refused.exception, snapshots.NotEmpty), refused.output
    assert held.execute("select name from accounts").fetchall() == [("theirs",)]
    assert await other.fetchval("select name from accounts") == "theirs"
    held.close()
    await other.close()
    postgres_server.drop(url)


async def test_a_restore_that_was_cut_off_is_not_served_and_can_be_done_again(
    written: tuple[Ground, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ground, file = written

    async def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("postroom.services.restores.Restores.finish", cut)
        await ground.there.postroom("restore", str(file))
    async with ground.there.house() as house:
        with pytest.raises(Unavailable, match="not over"):
            await house.restores.require_whole()
    await ground.there.restore(file)
    async with ground.there.house() as house:
        await house.restores.require_whole()


async def test_what_a_crash_kept_from_the_keyring_is_remembered_at_the_next_start(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = ground.scene
    graves = scene.house.database.keyring.graves
    # Twice: the process that died need not be the one that remembers, and that may have done so before.
    for own in (await scene.own(), await scene.own(quoted=True)):
        with monkeypatch.context() as patched:
            patched.setattr(graves, "dig", lambda *_: None)
            await scene.recall(own)
        before = len(list(graves.list()))
        await scene.house.upkeep.clean_up()
        assert len(list(graves.list())) > before
    # Of these nothing but a row of their own is left.
    services, caller, desk = scene.services, scene.caller, ground.desk
    kept = await services.library.upload(caller, pieces(PICTURE), file_name="kept.png")
    endpoint, _ = await services.webhooks.create(
        caller, name="ends", url="http://127.0.0.1:9/", types=[], format=Format.NATIVE
    )
    group = await desk.draft("unscheduled")
    await desk.schedule(group, to_ms(now()) + DAY_MS)
    last = await services.messages.send(caller, (await scene.others()).chat_id, "Goes by itself")
    deferral = await services.deferrals.delete_at(caller, last.id, last.sent_at + 50 * 60_000)
    assert deferral is not None
    with monkeypatch.context() as patched:
        patched.setattr(graves, "dig", lambda *_: None)
        await services.library.delete(caller, kept.id)
        await services.webhooks.remove(caller, endpoint.id, Format.NATIVE)
        await services.posts.update(caller, group.id, Change(status=GroupStatus.DRAFT))
        await services.deferrals.undo(caller, deferral.id)
    await scene.house.upkeep.clean_up()
    known = {(each.kind, each.name.partition(":")[0]) for each in graves.list()}
    assert {("file", kept.id), ("webhook", endpoint.id), ("post_changed", group.id), ("deferral", deferral.id)} <= known
    assert (await opened.rows(scene.house.database))["unwritten_graves"] == []


async def test_a_keyring_that_cannot_be_read_is_said_to_be_so_where_one_looks(tmp_path: Path) -> None:
    async with lent(tmp_path / "here") as built:
        services, file = Desk(built).services, tmp_path / "here" / "keyring.db"
        whole = file.read_bytes()
        file.write_bytes(bytes(len(whole)))
        assert services.health.keyring().unreadable
        assert "postroom_keyring_behind_seconds +Inf" in await services.health.metrics()
        file.write_bytes(whole)
        assert not services.health.keyring().lags


async def test_what_the_keyring_could_not_take_is_written_once_it_can_and_meanwhile_it_is_said_to_lag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postroom.store.graves._AGAIN_SECONDS", 0.1)
    monkeypatch.setattr("postroom.store.graves._WAIT_MS", 50)
    async with lent(tmp_path / "here") as built:
        scene, services, house = Scene(built), Desk(built).services, built.house
        caller, graves, here = scene.caller, house.database.keyring.graves, Place(tmp_path / "here")
        own = await scene.own()
        kept = await services.library.upload(caller, pieces(PICTURE), file_name="kept.png")
        await house.upkeep.clean_up()
        before = len(list(graves.list()))
        other = open_file(tmp_path / "here" / "keyring.db")
        other.execute("begin immediate")
        await scene.recall(own)
        await services.library.delete(caller, kept.id)
        assert graves.behind == 2
        assert "postroom_keyring_unwritten 2" in await services.health.metrics()
        assert services.health.keyring().lags
        await house.restores.remember()
        assert (await opened.rows(house.database))["unwritten_graves"] != []
        other.close()
        async with asyncio.timeout(10):
            while graves.behind:
                await asyncio.sleep(0.05)
        assert len(list(graves.list())) == before + 2
        assert not services.health.keyring().lags
        await house.upkeep.clean_up()
        assert (await opened.rows(house.database))["unwritten_graves"] == []
        (tmp_path / "here").chmod(0o700)
        # A keyring that lost what the database knows is told of.
        assert "Deletions" not in (await here.postroom("doctor")).output
        async with house.database.begin() as tx:
            await tx.execute("update tombstones set key_hash = 'another', buried_at = buried_at - 120000")
        assert "1 are not in the keyring" in (await here.postroom("doctor")).output


async def test_an_older_database_is_backed_up_as_it_is_and_brought_up_to_date_when_restored() -> None:
    assert set(schema.tables(1)) < set(schema.tables(schema.newest()))
    every = schema.tables(schema.newest())
    assert every.index("accounts") < every.index("chats")
    assert snapshots.LEFT_OUT - {"schema_versions"} <= set(every)


def test_a_running_server_is_backed_up_and_serves_again_from_the_backup(tmp_path: Path) -> None:
    here, there, file = tmp_path / "here", tmp_path / "there", tmp_path / "one.backup"
    with running_server(here) as server:
        headers = {"X-API-KEY": server.line["key"]}
        with httpx.Client(base_url=server.line["postpress"], headers=headers) as api:
            chat = api.get("/v1/chats").json()["items"][0]["id"]
            sent = api.post(f"/v1/chats/{chat}/messages", json={"text": "Taken back later."}).json()["message_id"]
            stays = api.post(f"/v1/chats/{chat}/messages", json={"text": "Still here."}).json()["message_id"]
            done = CliRunner().invoke(commands, ["backup", str(file), "--data", str(here)])
            assert (done.exit_code, " rows, 0 files" in done.output) == (0, True), done.output
            assert api.delete(f"/v1/messages/{sent}").status_code == 200
        server.kill()
    there.mkdir()
    for name in ("keyring.db", "master.key", "sandbox.json", "sim"):
        copy = shutil.copytree if (here / name).is_dir() else shutil.copy2
        copy(here / name, there / name)
    done = CliRunner().invoke(commands, ["restore", str(file), "--data", str(there)])
    assert (done.exit_code, "Messages recalled since, and stay gone: " in done.output) == (0, True), done.output
    with (
        running_server(there) as server,
        httpx.Client(base_url=server.line["postpress"], headers={"X-API-KEY": server.line["key"]}) as api,
    ):
        assert api.get(f"/v1/messages/{stays}").json()["text"] == "Still here."
        gone = api.get(f"/v1/messages/{sent}").json()
        assert (gone["deleted"], gone["text"], gone["original"]) == (1, None, "")
        assert "Taken back later." not in api.get(f"/v1/chats/{chat}/messages").text
        assert server.stop() == 0


async def test_a_recall_is_answered_once_the_keyring_remembers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with lent(tmp_path / "here") as built:
        scene = Scene(built)
        own = await scene.own()
        graves = scene.house.database.keyring.graves
        write = graves._write

        def slowly() -> None:
            time.sleep(0.3)
            write()

        monkeypatch.setattr(graves, "_write", slowly)
        before = len(list(graves.list()))
        await scene.recall(own)
        assert len(list(graves.list())) == before + 1
        # Of these nothing is left by which the next start could remember them.
        services, caller = scene.services, scene.caller
        kept = await services.library.upload(caller, pieces(PICTURE), file_name="kept.png")
        await services.library.delete(caller, kept.id)
        assert len(list(graves.list())) == before + 2
        told, _ = await services.webhooks.create(
            caller, name="ends", url="http://127.0.0.1:9/", types=[], format=Format.NATIVE
        )
        await services.webhooks.remove(caller, told.id, Format.NATIVE)
        assert len(list(graves.list())) == before + 3


async def test_media_by_name_alone_are_left_where_they_are_and_missed_where_they_are_not(
    written: tuple[Ground, Path], tmp_path: Path
) -> None:
    ground, _ = written
    group = await ground.desk.draft("with a picture")
    await ground.desk.attach(group)
    file = tmp_path / "names.backup"
    told = await ground.here.backup(file, "--no-media")
    assert (told["media"], told["files"], len(told["missing"])) == (False, 0, 1)
    ground.carry_keys()
    media = ground.there.data / "media"
    (media / "left").mkdir(parents=True)
    (media / "left" / "over").write_bytes(b"of nobody")
    told = await ground.there.restore(file)
    assert (told["missing_files"], told["orphans"]) == (1, 1)
    (ground.there.data / "postroom.db").unlink()
    shutil.copytree(ground.here.data / "media", media, dirs_exist_ok=True)
    told = await ground.there.restore(file, "--remove-orphans")
    assert (told["missing_files"], told["orphans"], (media / "left" / "over").exists()) == (0, 0, False)
