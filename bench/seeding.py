"""Homes: data folders of servers with as many messages as are asked for, made once and kept under `.data/bench`."""

import asyncio
import contextlib
import hashlib
import random
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec

from bench.size import Size
from postroom.app import House, build
from postroom.clock import now, to_ms
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.chats import Attendee, AttendeeContent, Chat, ChatContent, ChatKind
from postroom.domain.messages import Content, Message, MessageKind, Reaction
from postroom.domain.posts import GroupStatus, Post, PostGroup, PostStatus
from postroom.domain.remote import Credentials, Profile
from postroom.ids import new_id, new_object_id, new_ulid
from postroom.settings import Settings
from postroom.store import accounts, attendees, chats, messages, posts, schema
from tests.parts.postgres import PostgresServer, running_postgres

FOLDER = Path(".data/bench")
_ACCOUNTS, _CHATS, _PEOPLE = 4, 250, 500
_BATCH = 2_000
_SAMPLE = 50_000
# As a server of this size would be set up; durability is as it comes.
_KNOBS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "autovacuum_naptime": "1min"}


class Kept(msgspec.Struct):
    """What is known of a home."""

    secret: str
    workspace_id: str
    account_id: str
    """The account for what is taken in."""
    message_ids: list[str]
    """Of the messages, or of a random part of them."""
    schema: str = ""
    """The schema it was made with; with another, it is made anew."""


class Home(msgspec.Struct, frozen=True):
    """A data folder, and the database where that is not in it."""

    data: Path
    database_url: str
    kept: Kept

    @property
    def dialect(self) -> str:
        return "postgres" if self.database_url else "sqlite"

    def open(self) -> contextlib.AbstractAsyncContextManager[House]:
        """The house in this process, with nothing running in it."""
        return opened(self.data, self.database_url)


@contextlib.contextmanager
def server(size: Size) -> Iterator[PostgresServer]:
    """PostgreSQL, durable, whose databases are kept from one time to the next."""
    with running_postgres(durable=True, folder=(FOLDER / size.name / "server").absolute(), knobs=_KNOBS) as running:
        yield running


def home(size: Size, postgres: PostgresServer | None, *, few: bool = False, inbox: bool = False) -> Home:
    """A home with `size.messages` messages, made now if it is not there.

    `few`: with `size.few`; `inbox`: with `size.inbox`, many of them in one chat.
    """
    name = ("postgres" if postgres else "sqlite") + ("-few" if few else "-inbox" if inbox else "")
    data = (FOLDER / size.name / name).absolute()
    database = f"bench_{name}".replace("-", "_")
    file = data / "seeded.json"
    digest = _schema_digest()
    kept = msgspec.json.decode(file.read_bytes(), type=Kept) if file.exists() else None
    if kept is None or kept.schema != digest:
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir(parents=True)
        url = _new_database(postgres, database)
        count = size.few if few else size.inbox if inbox else size.messages
        print(f"  storing {count:,} messages in {name} ...", flush=True)
        kept = asyncio.run(_seed(data, url, count, crowded=inbox))
        kept.schema = digest
        file.write_bytes(msgspec.json.encode(kept))
    return Home(data, postgres.kept(database) if postgres else "", kept)


def _new_database(postgres: PostgresServer | None, name: str) -> str:
    if postgres is None:
        return ""
    postgres.drop(postgres.url(name))
    return postgres.kept(name)


def _schema_digest() -> str:
    text = b"".join(file.read_bytes() for file in sorted(Path(schema.__file__).parent.glob("*.sql")))
    return hashlib.sha256(text).hexdigest()


@contextlib.asynccontextmanager
async def opened(data: Path, url: str) -> AsyncIterator[House]:
    house = await build(Settings(data=data, database_url=url), public_url="http://127.0.0.1:1", now=now, sandbox=False)
    try:
        yield house
    finally:
        await house.close()


async def _seed(data: Path, url: str, count: int, *, crowded: bool = False) -> Kept:
    chance = random.Random(1)
    async with opened(data, url) as house:
        workspace = await house.services.access.create_workspace("Bench")
        _, secret = await house.services.access.issue_key(workspace.id, "bench")
        held = [await _account(house, workspace.id, number) for number in range(_ACCOUNTS + 1)]
        people = {account: await _people(house, workspace.id, account) for account in held}
        rooms = {account: await _chats(house, workspace.id, account) for account in held}
        kept = Kept(secret=secret, workspace_id=workspace.id, account_id=held.pop(), message_ids=[])
        start = to_ms(datetime(2025, 1, 1, tzinfo=UTC))
        for first in range(0, count, _BATCH):
            account = held[first // _BATCH % len(held)]
            if crowded and first:
                # The first chat of the first account is talked in most.
                rooms[held[0]] += rooms[held[0]][:1] * 50
            batch = [
                _message(chance, account, rooms[account], people[account], start + number * 20_000)
                for number in range(first, min(first + _BATCH, count))
            ]
            async with house.database.begin() as tx:
                await messages.add_many(tx, workspace.id, batch)
            kept.message_ids += [message.id for message in batch if chance.random() < _SAMPLE / count]
    if url:
        connection = await asyncpg.connect(url)
        await connection.execute("vacuum analyze")
        await connection.close()
    return kept


async def _account(house: House, workspace_id: str, number: int) -> str:
    moment = now()
    account = Account(
        id=new_id("acc", moment),
        workspace_id=workspace_id,
        user_id=workspace_id,
        provider="linkedin",
        provider_id=f"ACoAABench{number}",
        # Not connected: nobody listens to a network that is not there.
        status=AccountStatus.DISCONNECTED,
        status_detail=None,
        profile=Profile(provider_id=f"ACoAABench{number}", username=f"bench{number}", name=f"Bench {number}"),
        created_at=to_ms(moment),
        last_synced_at=None,
        last_used_at=to_ms(moment),
        synced=True,
    )
    house.database.keyring.create(account.id)
    async with house.database.begin() as tx:
        await accounts.add(tx, account, Credentials(values={"access_token": "none"}))
    return account.id


async def _people(house: House, workspace_id: str, account_id: str) -> list[Attendee]:
    moment = now()
    people = [
        Attendee(
            id=new_id("att", moment),
            account_id=account_id,
            provider="linkedin",
            provider_id=f"ACoAA{number:034d}",
            is_self=number == 0,
            kind="member",
            member_urn=f"urn:li:member:{100_000_000 + number}",
            distance=1,
            content=AttendeeContent(
                name=f"Ada Lovelace {number}",
                profile_url=f"https://www.linkedin.com/in/ada-{number}",
                headline="Analyst of engines, writer of notes",
            ),
        )
        for number in range(_PEOPLE)
    ]
    async with house.database.begin() as tx:
        await attendees.put_attendees(tx, workspace_id, None, people)
    return people


async def _chats(house: House, workspace_id: str, account_id: str) -> list[tuple[str, str]]:
    moment = now()
    rooms = []
    async with house.database.begin() as tx:
        for number in range(_CHATS):
            provider_id = f"2-{secrets.token_urlsafe(30)}=="
            chat = Chat(
                id=new_id("chat", moment),
                account_id=account_id,
                provider="linkedin",
                provider_id=provider_id,
                key=provider_id,
                kind=ChatKind.SINGLE,
                content=ChatContent(),
                attendee_provider_id=f"ACoAA{number + 1:034d}",
                # Apart from each other, as chats are.
                last_message_at=to_ms(moment) - number * 60_000,
                unread_count=0,
                archived=False,
                muted=False,
                read_only=False,
                pinned=False,
                folders=("INBOX",),
                content_type=None,
            )
            rooms.append(((await chats.put(tx, workspace_id, chat))[0], provider_id))
    return rooms


def _message(
    chance: random.Random, account_id: str, rooms: list[tuple[str, str]], people: list[Attendee], sent_at: int
) -> Message:
    chat_id, chat_provider_id = chance.choice(rooms)
    sender = chance.choice(people)
    key = f"2-{chance.getrandbits(200):050x}"
    return Message(
        id=new_id("msg", now()),
        account_id=account_id,
        chat_id=chat_id,
        provider="linkedin",
        provider_id=key,
        chat_provider_id=chat_provider_id,
        key=key,
        sender_id=sender.provider_id,
        sender_attendee_id=sender.id,
        sent_at=sent_at,
        is_sender=sender.is_self,
        seen=True,
        delivered=True,
        edited=False,
        hidden=False,
        is_event=False,
        kind=MessageKind.MESSAGE,
        deleted_at=None,
        quoted_id=None,
        content=content(chance),
    )


def content(chance: random.Random) -> Content:
    """What makes an answer of about 1.2 KB."""
    words = " ".join(chance.choices(("engine", "number", "weaves", "pattern", "flower", "leaf", "loom", "note"), k=20))
    return Content(
        text=words,
        reactions=(
            Reaction(value="\N{CLAPPING HANDS SIGN}", sender_id=f"ACoAA{chance.randrange(500):034d}", is_sender=False),
        ),
        original='{"body":{"text":"' + words + '","attributes":[]},"deliveredAt":1747474931000}',
    )


async def add_groups(target: Home, count: int) -> list[str]:
    """New post groups, each for two platforms; their ids."""
    workspace_id = target.kept.workspace_id
    ids = []
    async with target.open() as house:
        for first in range(0, count, _BATCH):
            async with house.database.begin() as tx:
                for _ in range(min(_BATCH, count - first)):
                    group, rows = _group(workspace_id)
                    await posts.add_group(tx, group, rows)
                    ids.append(group.id)
    return ids


def _group(workspace_id: str) -> tuple[PostGroup, list[Post]]:
    moment = now()
    group = PostGroup(
        id=new_object_id(moment),
        workspace_id=workspace_id,
        user_id=workspace_id,
        content="The Analytical Engine weaves algebraical patterns just as the loom weaves flowers and leaves. " * 2,
        platforms=("bluesky-did:plc:ada", "linkedin-ACoAABench0"),
        platform_settings="{}",
        status=GroupStatus.DRAFT,
        scheduled_at=None,
        created_at=to_ms(moment),
        updated_at=to_ms(moment),
    )
    rows = [
        Post(
            id=new_object_id(moment),
            group_id=group.id,
            workspace_id=workspace_id,
            account_id=None,
            platform=platform.partition("-")[0],
            platform_id=platform.partition("-")[2],
            status=PostStatus.DRAFT,
            token=new_ulid(moment),
            provider_id=None,
            url=None,
            error=None,
            attempts=0,
            position=position,
        )
        for position, platform in enumerate(group.platforms)
    ]
    return group, rows
