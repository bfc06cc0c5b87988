"""P1 over Matrix: once a message is recalled its content is readable nowhere, and nothing brings it back."""

import asyncio
from pathlib import Path

import pytest

from tests import opened
from tests.promises.matrix_traces import Story
from tests.promises.p1_no_resurrection import kept_in
from tests.size import Size

pytestmark = pytest.mark.promise("P1")
_STORIES_IN_ONE_DATABASE = 25
_AT_ONCE = 5
_SHARE = 10
_SHARE_ON_POSTGRES = 3


async def tell(seeds: range, folder: Path, url: str) -> None:
    """Tell these stories in one database, and search all of it at the end."""
    seen = 0
    async with kept_in(folder, url) as database:
        for start in range(seeds.start, seeds.stop, _AT_ONCE):
            some = range(start, min(start + _AT_ONCE, seeds.stop))
            seen += sum(await asyncio.gather(*(Story(database, folder, seed).tell() for seed in some)))
        assert opened.where(await opened.rows(database), "canary") == []
    assert seen > len(seeds) // 10, "the secrets were never here: these stories prove nothing"
    assert opened.files_with(folder, "canary") == []


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("where", ["sqlite", "postgres"])
async def test_no_order_of_events_brings_a_redacted_message_back(
    tmp_path: Path, request: pytest.FixtureRequest, size: Size, capfd: pytest.CaptureFixture[str], where: str
) -> None:
    # The stories of 10,000 traces are told at the long size; few of them where a change is tried.
    many = size.traces if size.name == "long" else size.traces // _SHARE
    many = many if where == "sqlite" else many // _SHARE_ON_POSTGRES
    url = "" if where == "sqlite" else request.getfixturevalue("postgres_url")
    for number, start in enumerate(range(0, many, _STORIES_IN_ONE_DATABASE)):
        if url and number:
            break
        await tell(range(start, min(start + _STORIES_IN_ONE_DATABASE, many)), tmp_path / f"{number}", url)
    logged = capfd.readouterr()
    assert "canary" not in logged.out + logged.err
