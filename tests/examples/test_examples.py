"""The examples do what they say, as they stand in the repository, against a server with simulated networks."""

import contextlib
import csv
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from postroom_client import Client, PostGroup
from tests.house.tree import ROOT
from tests.pictures import png
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow

EXAMPLES = ROOT / "examples"
ANSWER = re.compile(r"^answered (.*): (msg_\w+)$")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("examples") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def postroom(server: Server) -> Iterator[Client]:
    with Client(server.line["native"], server.line["key"]) as client:
        yield client


def environment(server: Server) -> dict[str, str]:
    found = {"POSTROOM_SERVER": server.line["native"], "POSTROOM_KEY": server.line["key"]}
    return {**os.environ, **found, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONWARNINGS": "error"}


def run(server: Server, name: str, *arguments: str) -> tuple[int, str]:
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    ran = subprocess.run(command, env=environment(server), capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == ""
    return ran.returncode, ran.stdout


@contextlib.contextmanager
def started(server: Server, name: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(EXAMPLES / name), *arguments]
    with subprocess.Popen(command, env=environment(server), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + 30
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return value


def test_who_writes_is_answered_once_a_day_though_the_program_dies(
    server: Server, postroom: Client, tmp_path: Path
) -> None:
    chat = next(each for each in postroom.chats.list(provider="linkedin") if each.kind == "single")
    far = f"{server.line['sim']}/_sim/network/linkedin/chats/{chat.provider_id}"
    place = tmp_path / "position"

    def answered_after(text: str) -> str:
        with started(server, "auto_reply.py", "--position", str(place)) as program:
            assert program.stdout is not None
            assert program.stdout.readline().startswith("listening")
            assert httpx.post(f"{far}/messages", json={"text": text}).status_code < 300
            found = ANSWER.match(program.stdout.readline().rstrip())
            assert found is not None
            return found[2]

    first = answered_after("Are you there?")
    assert httpx.post(f"{far}/messages", json={"text": "Hello? I write while you are away."}).status_code < 300
    assert answered_after("And now?") == first
    seen = [each["text"] for each in httpx.get(far).json()["messages"]]
    answers = [text for text in seen if text.startswith("Thank you for your message!")]
    assert len(answers) == 1
    assert postroom.messages.get(first).text == answers[0]


def test_a_sheet_is_scheduled_and_can_be_given_again(server: Server, postroom: Client, tmp_path: Path) -> None:
    sheet = tmp_path / "posts.csv"
    shown = (EXAMPLES / "posts.csv").read_text()
    rows = [
        "2031-01-01T08:00:00+01:00,bluesky,With a picture,bread.png,",
        "2031-01-01T08:00:00,bluesky,Without a zone,,",
        "2031-01-01T08:00:00Z,nowhere,For nobody,,",
        "2031-01-01T08:00:00Z,bluesky,Its file is missing,nothing.png,",
    ]
    # A column of one's own is left alone.
    sheet.write_text("\n".join(f"{line},mine" for line in [*shown.splitlines(), *rows]) + "\n")
    (tmp_path / "bread.png").write_bytes(png())
    code, told = run(server, "schedule_posts.py", str(sheet))
    assert code == 1
    assert re.findall(r"^row (\d+): (goes out|not scheduled)", told, re.M) == [
        ("2", "goes out"),
        ("3", "goes out"),
        ("4", "goes out"),
        ("5", "not scheduled"),
        ("6", "not scheduled"),
        ("7", "not scheduled"),
    ]
    with sheet.open(newline="", encoding="utf-8-sig") as file:
        kept = list(csv.DictReader(file))
    assert [each["mine"] for each in kept] == ["mine"] * 6
    done = [each["post"] for each in kept]
    groups = {each.id: each for each in postroom.posts.list(status="scheduled")}
    assert set(done[:3]) == set(groups)
    assert done[3:] == ["", "", ""]
    pictured = groups[done[2]]
    assert (pictured.scheduled_at, [each.status for each in pictured.media]) == (
        datetime(2031, 1, 1, 7, tzinfo=UTC),
        ["stored"],
    )
    assert {each.partition("-")[0] for each in groups[done[1]].platforms} == {"bluesky", "mastodon"}
    code, told = run(server, "schedule_posts.py", str(sheet))
    assert (code, told.count("goes out")) == (1, 0)
    # As if it had died before it wrote down what it made; and as a spreadsheet of another country writes it.
    sheet.write_text(shown.replace(",", ";"), encoding="utf-8-sig")
    assert run(server, "schedule_posts.py", str(sheet))[0] == 0
    assert {each.id for each in postroom.posts.list(status="scheduled")} == set(groups)


def test_a_night_deletes_what_is_gone_and_says_what_is_not(server: Server, postroom: Client) -> None:
    accounts = {each.provider: each.platform_id for each in postroom.accounts.list()}
    published = [posted(postroom, "Gone", accounts["bluesky"]), posted(postroom, "In doubt", accounts["mastodon"])]
    lost = {"network": "mastodon", "times": None, "do": {"reset": True}}
    rule = httpx.post(f"{server.line['sim']}/_sim/faults", json=lost)
    assert rule.status_code == 201
    code, told = run(server, "nightly_cleanup.py", "--days", "0")
    assert code == 3, told
    assert told.splitlines()[-1] == "1 gone, 0 by hand, 1 in doubt"
    assert [each.id for each in postroom.posts.list(status="published")] == [published[1].id]
    httpx.delete(f"{server.line['sim']}/_sim/faults/{rule.json()['id']}")
    until(lambda: run(server, "nightly_cleanup.py", "--days", "0")[0] == 0)
    assert list(postroom.posts.list(status="published")) == []
    receipts = {each.kind for each in postroom.receipts.list(target_id=published[1].id)}
    assert receipts == {"posts.taken_down", "post_group.deleted"}


def posted(postroom: Client, content: str, platform_id: str) -> PostGroup:
    group = postroom.posts.create(content, [platform_id], scheduled_at=datetime.now(UTC))
    until(lambda: postroom.posts.get(group.id).status == "published")
    return postroom.posts.get(group.id)
