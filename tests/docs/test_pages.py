"""Every page is run as a reader would: what it says can be pasted, and does what the page says (see `blocks.py`)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks, pages
from tests.docs.shell import is_run, jsons, ran, sandbox
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow

DOCS = ROOT / "docs"
# These have a test of their own below.
_OWN = {DOCS / "quickstart.md", DOCS / "howto" / "publish.md", DOCS / "howto" / "undo.md"}
_OTHERS = [page for page in pages() if page not in _OWN and any(is_run(each) for each in blocks(page))]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sandbox's folder as its first start leaves it."""
    folder = tmp_path_factory.mktemp("sandbox") / "data"
    with running_server(folder) as server:
        server.stop()
    return folder


@pytest.fixture
def server(furnished: Path, tmp_path: Path) -> Iterator[Server]:
    """A server for one page."""
    with sandbox(tmp_path, furnished) as running:
        yield running


@pytest.fixture(scope="module")
def shared(furnished: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """A server for all pages that do not mind each other, and its data folder's."""
    folder = tmp_path_factory.mktemp("shared")
    with sandbox(folder, furnished) as running:
        yield running, folder


def test_the_quickstart_links_recalls_posts_takes_down_and_is_told(server: Server, tmp_path: Path) -> None:
    assert next(each.text for each in blocks(DOCS / "quickstart.md") if not is_run(each)) == "make run\n"
    done = ran(DOCS / "quickstart.md", tmp_path, server)
    assert done.last()[-1].split("\n") == ["told: message.sent", "told: message.deleted"]


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in _OTHERS])
def test_every_block_of_a_page_can_be_pasted(page: str, shared: tuple[Server, Path], tmp_path: Path) -> None:
    running, folder = shared
    (tmp_path / ".data").symlink_to(folder / ".data")
    ran(ROOT / page, tmp_path, running)


def test_the_page_about_publishing_does_what_it_says(server: Server, tmp_path: Path) -> None:
    done = ran(DOCS / "howto" / "publish.md", tmp_path, server)
    told = [jsons(each) for each in done.last()]
    page = (done.folder / "page.html").read_text()
    _, (capabilities,), _, (connections,), uploaded, sent, (thread,), taken_down, (delete_at,), emptied, (webhook,) = (
        told
    )
    flows = {each["name"]: each["flows"] for each in capabilities["items"]}
    assert (len(flows), flows["threads"]) == (12, ["oauth"])
    assert "The account is linked" in page
    linked = [each["platformId"].partition("-")[0] for each in connections["connections"]]
    assert sorted(linked) == ["bluesky", "mastodon", "threads", "twitter"]
    assert uploaded == []
    updated, group, logs = sent
    assert updated["success"]
    assert (group["status"], [each["status"] for each in group["media"]]) == ("published", ["ready"])
    assert len(logs["logs"]) >= len(group["posts"])
    assert [post["content"] for post in thread["posts"]] == ["Fog.", "And then the sun."] * 3
    asked, deleted = taken_down
    assert [each["outcome"] for each in asked["targets"]] == ["done"] * 3
    assert deleted == {"success": True}
    assert delete_at["done"] == "scheduled"
    assert emptied == [{"success": True}]
    assert webhook["webhook"]["secret"]


def test_the_page_about_undoing_does_what_it_says(server: Server, tmp_path: Path) -> None:
    done = ran(DOCS / "howto" / "undo.md", tmp_path, server)
    _, shown, undone, moments, proof = done.last()
    (message,) = jsons(shown)
    assert (message["text"], message["can_delete"]) == ("See you at nine", True)
    assert undone.count('"state":"undone"') == 2
    assert moments.count('"deferral":null') == 1
    assert moments.count('"state":"done"') == 1
    assert '"done":"deleted"' in proof
    assert "Whole: 1 receipt, 1 to 1, of workspace " in proof
