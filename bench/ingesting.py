"""`ingest`: messages taken in a second by sync where many are stored, over where few are."""

import asyncio
import os
import random
import time
from datetime import UTC, datetime, timedelta

from bench import machine, seeding
from bench.ratios import Measured, Ratio
from bench.size import Size
from postroom.app import House
from postroom.domain.accounts import Account
from postroom.domain.remote import ChatKey, MessageKey, MessageSeen, RemoteAttendee, RemoteMessage
from postroom.store import accounts, messages
from tests.parts.postgres import PostgresServer

_PAGE = 100
_BAR = 0.8


def measure(size: Size, postgres: PostgresServer) -> Measured:
    """Pages of history taken in here and there in turn. What was taken in is removed again."""
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, machine.cores()[0])
    try:
        runs: dict[str, list[float]] = {}
        for postgres_or_none in (None, postgres):
            many, few = (seeding.home(size, postgres_or_none, few=few) for few in (False, True))
            of_many, of_few = asyncio.run(_alternately(size, many, few))
            runs[f"{many.dialect}, {size.messages:,}"] = of_many
            runs[f"{many.dialect}, {size.few:,}"] = of_few
    finally:
        os.sched_setaffinity(0, usable)
    measured = Measured(
        name="ingest",
        unit="messages a second",
        what=f"messages taken in by sync, in pages of {_PAGE}, each page a durable transaction",
        runs=runs,
    )
    for dialect in ("sqlite", "postgres"):
        value = measured.median(f"{dialect}, {size.messages:,}") / measured.median(f"{dialect}, {size.few:,}")
        measured.ratios.append(Ratio(name=f"{dialect}, many / few", value=value, bar=_BAR))
    return measured


async def _alternately(size: Size, many: seeding.Home, few: seeding.Home) -> tuple[list[float], list[float]]:
    chance = random.Random()
    spent: tuple[list[float], list[float]] = ([], [])
    async with many.open() as larger, few.open() as smaller:
        takers = [(larger, await _account(larger, many)), (smaller, await _account(smaller, few))]
        for number in range(size.rounds + 1):
            seconds = [0.0, 0.0]
            for _ in range(size.pages):
                for which, (house, account) in enumerate(takers):
                    news = _page(chance)
                    start = time.perf_counter()
                    new = await house.sync._ingest.take(account, news, origin="sync", announce=False)
                    seconds[which] += time.perf_counter() - start
                    assert new == _PAGE
            if number:  # The first round warms up.
                for which in (0, 1):
                    spent[which].append(size.pages * _PAGE / seconds[which])
        for house, account in takers:
            await _removed(house, account)
    return spent


async def _account(house: House, home: seeding.Home) -> Account:
    async with house.database.read() as reader:
        found = await accounts.find(reader, home.kept.workspace_id, home.kept.account_id)
    assert found is not None
    return found


def _page(chance: random.Random) -> list[MessageSeen]:
    """A page of a chat's history, as a connector tells it."""
    room = f"2-ingest-{chance.randrange(200)}"
    sent_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(10_000_000))
    people = [
        RemoteAttendee(provider_id=f"ACoAA{chance.randrange(500):034d}", name="Ada Lovelace", is_self=False)
        for _ in range(2)
    ]
    news = []
    for number in range(_PAGE):
        key = f"2-{chance.getrandbits(200):050x}"
        made = seeding.content(chance)
        message = RemoteMessage(
            provider_id=key,
            key=MessageKey(key),
            chat_provider_id=room,
            chat_key=ChatKey(room),
            sender=people[number % 2],
            sent_at=sent_at - timedelta(minutes=number),
            text=made.text,
            reactions=made.reactions,
            original=made.original,
        )
        news.append(MessageSeen(message=message))
    return news


async def _removed(house: House, account: Account) -> None:
    removed = 1
    while removed:
        async with house.database.begin() as tx:
            removed = await messages.remove_of_account(tx, account.workspace_id, account.id, 1_000)
