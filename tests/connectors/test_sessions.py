"""Sessions that are renewed: once for all who wait, kept before they are used, and never more than once for a call."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from postroom.clock import to_ms
from postroom.connectors.sessions import Session
from postroom.domain.remote import Credentials
from postroom.errors import CredentialsRejected, ErrorCode

NOW = datetime(2026, 11, 21, tzinfo=UTC)
EXPIRED = CredentialsRejected("It has ended.", code=ErrorCode.EXPIRED_CREDENTIALS)
REVOKED = CredentialsRejected("Its owner took it back.")


@dataclass
class Network:
    """It takes the tokens of `good`, and gives the next one for a refresh token."""

    good: set[str] = field(default_factory=set)
    heard: list[str] = field(default_factory=list)
    renewals: int = 0
    refusal: CredentialsRejected = EXPIRED
    in_a_hurry: bool = False

    async def ask(self, token: str) -> str:
        self.heard.append(token)
        if token not in self.good:
            raise self.refusal
        return f"told to {token}"

    async def renew(self, old: Credentials) -> Credentials | None:
        await asyncio.sleep(0)
        self.renewals += 1
        if self.in_a_hurry:
            return None
        return Credentials(values={**old.values, "access_token": f"token-{self.renewals + 1}"})


@dataclass
class Shelf:
    """What is kept, and whether it was kept before the network heard of it."""

    network: Network
    kept: list[str] = field(default_factory=list)
    full: bool = False

    async def keep(self, credentials: Credentials) -> None:
        token = credentials.values["access_token"]
        assert token not in self.network.heard
        await asyncio.sleep(0)
        if self.full:
            raise OSError("The disk is full.")
        self.kept.append(token)


def opened(
    network: Network, shelf: Shelf, *, ends_in: timedelta | None = None, early: timedelta | None = None, **values: str
) -> Session:
    values = {"access_token": "token-1", **(values or {"refresh_token": "again"})}
    ends_at = None if ends_in is None else to_ms(NOW + ends_in)
    return Session(
        Credentials(values=values, expires_at=ends_at), shelf.keep, network.renew, now=lambda: NOW, early=early
    )


async def test_a_token_that_ended_is_renewed_kept_and_then_used() -> None:
    network = Network(good={"token-2"})
    shelf = Shelf(network)
    session = opened(network, shelf)
    assert await session.call(network.ask) == "told to token-2"
    assert (network.heard, shelf.kept) == (["token-1", "token-2"], ["token-2"])
    assert session.values["access_token"] == "token-2"


async def test_a_token_that_cannot_be_kept_is_not_used() -> None:
    network = Network(good={"token-2"})
    session = opened(network, Shelf(network, full=True))
    with pytest.raises(OSError):
        await session.call(network.ask)
    assert network.heard == ["token-1"]
    assert session.values["access_token"] == "token-1"


async def test_all_who_wait_have_the_same_new_token() -> None:
    network = Network(good={"token-2"})
    session = opened(network, Shelf(network))
    told = await asyncio.gather(*(session.call(network.ask) for _ in range(5)))
    assert (set(told), network.renewals) == ({"told to token-2"}, 1)


async def test_a_new_token_that_is_refused_is_not_renewed_again() -> None:
    network = Network()
    with pytest.raises(CredentialsRejected):
        await opened(network, Shelf(network)).call(network.ask)
    assert (network.heard, network.renewals) == (["token-1", "token-2"], 1)


async def test_an_approval_that_ended_is_not_renewed() -> None:
    network = Network(refusal=REVOKED)
    with pytest.raises(CredentialsRejected) as refusal:
        await opened(network, Shelf(network)).call(network.ask)
    assert (refusal.value, network.renewals) == (REVOKED, 0)


async def test_without_what_renews_the_refusal_is_told() -> None:
    network = Network()
    session = opened(network, Shelf(network), ends_in=timedelta(), early=timedelta(), author="ada")
    with pytest.raises(CredentialsRejected) as refusal:
        await session.call(network.ask)
    assert (refusal.value, network.renewals) == (EXPIRED, 0)


@pytest.mark.parametrize(
    ("ends_in", "early", "renewals"),
    [
        (timedelta(seconds=61), timedelta(seconds=60), 0),
        (timedelta(seconds=60), timedelta(seconds=60), 1),
        (timedelta(seconds=-1), timedelta(), 1),
        (timedelta(seconds=-1), None, 0),
        (None, timedelta(days=30), 0),
    ],
)
async def test_a_token_is_renewed_as_early_as_was_said(
    ends_in: timedelta | None, early: timedelta | None, renewals: int
) -> None:
    network = Network(good={"token-1", "token-2"})
    shelf = Shelf(network)
    session = opened(network, shelf, ends_in=ends_in, early=early)
    assert await session.call(network.ask) == f"told to token-{renewals + 1}"
    assert await session.token() == f"token-{renewals + 1}"
    assert (network.renewals, len(network.heard), len(shelf.kept)) == (renewals, 1, renewals)


async def test_what_is_not_renewed_now_is_used_as_long_as_it_is_good() -> None:
    network = Network(good={"token-1"}, in_a_hurry=True)
    shelf = Shelf(network)
    session = opened(network, shelf, ends_in=timedelta(days=1), early=timedelta(days=30))
    assert await session.token() == "token-1"
    assert (network.renewals, shelf.kept) == (1, [])
