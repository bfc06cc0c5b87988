"""The page about publishing: its lines, pasted into a shell one after the other, do what the page says."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.servers import running_server

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "publish.md"
_BETWEEN = "--- next ---"


def jsons(text: str) -> list[Any]:
    """The JSON values that were printed, with nothing or white space between them."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (rest := text[at:].lstrip()) != "":
        at = len(text) - len(rest)
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


def test_every_line_of_the_page_runs_and_does_what_it_says(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    with running_server(tmp_path / "data") as server:
        base = server.line["native"].removesuffix("/api")
        script = f"\necho; echo '{_BETWEEN}'\n".join(blocks)
        for old, new in {"http://127.0.0.1:8010": base, "pr_test_...": server.line["key"]}.items():
            assert script.count(old) == 1
            script = script.replace(old, new)
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, timeout=60, cwd=tmp_path
        )
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr + ran.stdout[-2000:]
    told = [jsons(each) for each in ran.stdout.split(_BETWEEN)]
    _, (capabilities,), _, (connections,), uploaded, sent, (thread,), taken_down, (delete_at,), emptied, (webhook,) = (
        told
    )
    flows = {each["name"]: each["flows"] for each in capabilities["items"]}
    assert (len(flows), flows["threads"]) == (12, ["oauth"])
    assert "The account is linked" in (tmp_path / "page.html").read_text()
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
