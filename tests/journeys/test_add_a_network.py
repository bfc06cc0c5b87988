"""The page that takes a reader through adding a network: what it shows is built as a package of its own, and works."""

import importlib
import re
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from postroom import sandbox
from postroom.clock import now
from postroom.connectors import registry
from postroom.connectors.contract import Publisher
from postroom.domain.accounts import AccountStatus
from postroom.domain.posts import PostGroup, PostStatus
from tests.connectors import test_contract as contract
from tests.connectors.wire import Wire, answer
from tests.desk import Desk
from tests.servers import built

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "howto" / "add-a-network.md"
_BLOCK = re.compile(r"^`([\w./]+)`:\n\n```\w+\n(.*?)^```$", re.M | re.S)
Json = dict[str, Any]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's files in a folder that Python finds packages in, with the metadata that installing them would write."""
    folder = tmp_path / "site"
    blocks = dict(_BLOCK.findall(PAGE.read_text()))
    for name, text in blocks.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    project = tomllib.loads(blocks["pyproject.toml"])["project"]
    metadata = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(groups))
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in [each for each in sys.modules if each.startswith(("postroom_noticeboard", "noticeboard_case"))]:
        del sys.modules[name]


@pytest.fixture(params=["sqlite", "postgres"])
async def board(request: pytest.FixtureRequest, package: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    """A house with the package beside it, on each database, and a board that is linked."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    async with built(tmp_path / "data", url, furnished=False) as found:
        desk = Desk(found)
        await sandbox.link(desk.house, desk.caller, "noticeboard", "token", {"token": "user_good"})
        yield desk


async def pinned(desk: Desk) -> list[Json]:
    answer = await desk.built.sim.get("/_sim/network/noticeboard/posts", params={"account": "board-1"})
    return list(answer.json()["posts"])


async def due(desk: Desk, text: str = "Lost: one moth") -> PostGroup:
    return await desk.due(text, platforms=["noticeboard-board-1"])


async def outcome(desk: Desk, group: PostGroup) -> tuple[PostStatus, str | None]:
    await desk.settle()
    post = await desk.post(group)
    return post.status, None if post.error is None else post.error.code


def test_the_page_has_all_of_its_files_and_no_line_that_is_too_long() -> None:
    names = [name for name, _ in _BLOCK.findall(PAGE.read_text())]
    folder, far = "postroom_noticeboard", "postroom_noticeboard_sim"
    files = [f"{folder}/api.py", f"{folder}/connection.py", f"{folder}/connector.py", f"{far}/network.py"]
    assert names == [*files, "pyproject.toml", "noticeboard_case.py"]
    assert PAGE.read_text().count("```python") == 5
    assert [line for _, text in _BLOCK.findall(PAGE.read_text()) for line in text.splitlines() if len(line) > 120] == []


def test_a_package_beside_ours_registers_a_network_and_nothing_of_ours_is_edited(package: Path) -> None:
    found = registry.installed(Wire(answer()).http(), "", now, {"noticeboard": {"origin": "http://127.0.0.1:1"}})
    assert found["noticeboard"].capabilities.publish is not None
    assert "bluesky" in found


async def test_a_notice_goes_up_once_and_comes_down(board: Desk) -> None:
    group = await due(board)
    assert await outcome(board, group) == (PostStatus.PUBLISHED, None)
    (notice,) = await pinned(board)
    assert (notice["text"], (await board.post(group)).provider_id) == ("Lost: one moth", notice["id"])
    async with board.services.accounts._connections.publisher(await board.account("noticeboard")) as connection:
        await connection.unpublish(notice["id"])
        await connection.unpublish(notice["id"])
    assert await pinned(board) == []


@pytest.mark.parametrize("do", [{"commit_then_lose": True}, {"reset": True}, {"status": 500}])
async def test_whatever_is_lost_one_notice_hangs_in_the_end(board: Desk, do: Json) -> None:
    await board.fault("pin", "noticeboard", do=do)
    assert await outcome(board, await due(board)) == (PostStatus.PUBLISHED, None)
    assert len(await pinned(board)) == 1


async def test_what_the_page_declares_is_what_posts_are_checked_against(board: Desk) -> None:
    assert await outcome(board, await due(board, "a" * 201)) == (PostStatus.FAILED, "CONTENT_TOO_LARGE")
    assert await board.calls("pin", "noticeboard") == 0


async def test_a_token_that_is_over_disconnects_the_board(board: Desk) -> None:
    await board.fault("pin", "noticeboard", times=None, do={"expired_session": True})
    assert await outcome(board, await due(board)) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert (await board.account("noticeboard")).status is AccountStatus.DISCONNECTED


async def test_the_example_keeps_the_rules_of_every_connector(package: Path) -> None:
    case = importlib.import_module("noticeboard_case").CASE
    contract.test_a_connector_is_made_without_anything_said(case)
    contract.test_messages_and_the_reading_of_their_ids_come_together(case)
    contract.test_what_is_declared_can_be_called_and_what_is_not_is_no_role(case)
    contract.test_limits_are_set_where_a_power_is_declared(case)
    await contract.test_a_login_begins_with_a_question_or_a_page_and_calls_nobody(case)
    await contract.test_nothing_secret_is_shown(case)
    await contract.test_closing_lets_go(case)
    connection = contract.opened(case, Wire(answer()))
    assert isinstance(connection, Publisher)
    for responder in contract.FAILURES.values():
        await contract.test_a_login_that_fails_is_a_provider_error_without_the_secret(case, responder)
    for method, (role, writes, call) in contract.CALLS.items():
        if not isinstance(connection, role):
            continue
        if contract.calls_nobody(case, method):
            await contract.test_what_a_network_cannot_do_is_not_asked_of_it(case, call)
            continue
        for responder in contract.FAILURES.values():
            await contract.test_every_failure_is_a_provider_error_without_a_secret(case, call, responder)
        if writes:
            await contract.test_a_write_whose_answer_is_lost_is_sent_once(case, call, answer(500))
