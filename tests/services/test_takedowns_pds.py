"""Publishing and taking down through the whole house, against a real Bluesky PDS."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroom.domain.takedowns import TargetOutcome
from tests.desk import Desk
from tests.parts.pds import Pds, PdsAccount
from tests.parts.postgres import PostgresServer
from tests.servers import lent
from tests.services.test_takedowns import outcomes

HOUR_MS = 3_600_000


@pytest.fixture(params=["sqlite", "postgres"])
async def real(request: pytest.FixtureRequest, pds: Pds, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose Bluesky is the PDS."""
    postgres: PostgresServer | None = None
    if request.param == "postgres":
        postgres = request.getfixturevalue("postgres_server")
    async with lent(tmp_path / "data", postgres, origins={"bluesky": pds.base_url}) as found:
        yield Desk(found)


@pytest.fixture
async def platform(real: Desk, pds: Pds, pds_account: PdsAccount) -> str:
    """An account there, linked by an app password."""
    answers = {"identifier": pds_account.handle, "password": pds.create_app_password(pds_account)}
    account = await real.services.accounts.link(real.caller, "bluesky", "app_password", answers)
    return f"bluesky-{account.provider_id}"


async def test_a_group_is_published_and_taken_down(
    real: Desk, pds: Pds, pds_account: PdsAccount, platform: str
) -> None:
    group = await real.due("Here for a moment", platforms=[platform])
    await real.work()
    (record,) = pds.records(pds_account.did)
    assert record["value"]["text"] == "Here for a moment"
    made = await real.services.takedowns.take_down(real.caller, group.id, 0)
    assert [target.provider_id for target in made.targets] == [record["uri"]]
    await real.settle()
    assert await outcomes(real, made) == [TargetOutcome.DONE]
    assert pds.records(pds_account.did) == []


async def test_a_thread_goes_as_a_whole_and_what_is_gone_already_is_done(
    real: Desk, pds: Pds, pds_account: PdsAccount, platform: str
) -> None:
    group = await real.due(" ".join(["A long story, told in parts."] * 30), platforms=[platform])
    await real.settle()
    records = pds.records(pds_account.did)
    assert len(records) > 1
    by_hand = {
        "repo": pds_account.did,
        "collection": "app.bsky.feed.post",
        "rkey": records[0]["uri"].rpartition("/")[2],
    }
    pds.call("com.atproto.repo.deleteRecord", by_hand, account=pds_account)
    made = await real.services.takedowns.take_down(real.caller, group.id, 0)
    await real.settle()
    assert await outcomes(real, made) == [TargetOutcome.DONE] * len(records)
    assert pds.records(pds_account.did) == []


async def test_a_deleted_group_is_taken_down_by_its_receipt_and_at_its_moment(
    real: Desk, pds: Pds, pds_account: PdsAccount, platform: str
) -> None:
    by_receipt = await real.due("By its receipt", platforms=[platform])
    in_an_hour = await real.due("In an hour", platforms=[platform])
    await real.work()
    assert len(pds.records(pds_account.did)) == 2
    await real.services.posts.delete(real.caller, by_receipt.id)
    (receipt,) = await real.rows(f"select id from receipts where target_id = '{by_receipt.id}'")
    made = await real.services.takedowns.take_down_receipt(real.caller, receipt[0], 0)
    await real.settle()
    assert await outcomes(real, made) == [TargetOutcome.DONE]
    await real.services.takedowns.schedule(real.caller, in_an_hour.id, real.now_ms() + HOUR_MS, delete_group=True)
    await real.work()
    assert [record["value"]["text"] for record in pds.records(pds_account.did)] == ["In an hour"]
    await real.advance(3601)
    await real.settle()
    assert pds.records(pds_account.did) == []
