"""The published client of Unipile v1 works with this server unchanged: it checks every answer by its own schemas."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import Server

ROOT = Path(__file__).resolve().parents[3]
DRIVE = ROOT / "tests" / "parts" / "unipile" / "drive.mjs"


@pytest.mark.parts
def test_the_published_client_links_reads_sends_and_deletes(server: Server) -> None:
    node, home = ROOT / ".parts" / "node" / "only" / "node", ROOT / ".parts" / "unipile"
    if not node.exists() or not (home / ".stamp").exists():
        raise RuntimeError("the published client is not installed: run `make parts` (`make test` does)")
    done = subprocess.run(
        [node, DRIVE, server.line["postpress"], server.line["key"], "user_new_driven"],
        cwd=home, env={"PATH": os.environ.get("PATH", shutil.which("node") or "")}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    # Which of them depends on whether its first sync is over.
    assert told.pop("resync") in ("SYNC_STARTED", "SYNC_RUNNING")
    assert told == {
        "linked": "AccountCreated",
        "account": True,
        "checkpoint": "2FA",
        "solved": True,
        "link": True,
        "chat": True,
        "attendee": True,
        "text": "By the published client",
        "attachment": "img",
        "bytes": True,
        "page": True,
        "next": 1,
        "begun": True,
        "marked": "ChatPatched",
        "me": "AccountOwnerProfile",
        "profile": "UserProfile",
        "relations": "UserRelationsList",
        "refused": "errors/invalid_resource_identifier",
        "deleted": "AccountDeleted",
    }
