"""Sandbox folders and real ones are not mixed up; wrong settings are one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import running_server


def postroom(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **settings}
    return subprocess.run(
        [sys.executable, "-m", "postroom", *arguments], capture_output=True, text=True, env=environment, timeout=30
    )


def test_a_sandbox_folder_is_never_served_for_real_and_gets_no_live_key(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running_server(folder) as server:
        assert server.stop() == 0
    for arguments in (("serve", "--port", "0"), ("key", "create")):
        answer = postroom(*arguments, "--data", str(folder))
        assert answer.returncode == 2
        assert answer.stdout == ""
        assert "is a sandbox's folder" in answer.stderr
        assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTROOM_KEEP_TOMBSTONES_DAYS", "-1"),
        ("POSTROOM_KEEP_RECEIPTS_DAYS", "-0.5"),
        ("POSTROOM_KEEP_EVENTS_DAYS", "1e18"),
        ("POSTROOM_PUBLIC_URL", "https://"),
        ("POSTROOM_LINKEDIN_ORIGIN", "x"),
        ("POSTROOM_BLUESKY_SERVICE", "ftp://bsky.example"),
    ],
)
def test_a_setting_that_would_do_harm_is_one_line_and_no_start(name: str, value: str, tmp_path: Path) -> None:
    answer = postroom("serve", "--port", "0", "--data", str(tmp_path / "data"), **{name: value})
    assert answer.returncode == 2
    assert answer.stderr.startswith(f"postroom: {name}")
    assert answer.stderr.count("\n") == 1
