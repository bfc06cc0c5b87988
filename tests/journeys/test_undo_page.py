"""The page about undoing: its lines, pasted into a shell one after the other, do what the page says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import running_server

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "undo.md"
_BETWEEN = "--- next ---"


def test_every_line_of_the_page_runs_and_does_what_it_says(tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    with running_server(tmp_path / "data") as server:
        script = f"\necho; echo '{_BETWEEN}'\n".join(blocks)
        for old, new in {"http://127.0.0.1:8010/api": server.line["native"], "pr_test_...": server.line["key"]}.items():
            assert script.count(old) == 1
            script = script.replace(old, new)
        command = f'postroom() {{ {sys.executable} -m postroom "$@"; }}\n'
        path = {"PYTHONPATH": ":".join(each for each in sys.path if each), "PATH": "/usr/bin:/bin"}
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command + script],
            capture_output=True, text=True, timeout=60, cwd=tmp_path, env=path,
        )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr + ran.stdout[-2000:]
    _, shown, undone, moments, proof = (part.strip() for part in ran.stdout.split(_BETWEEN))
    message = json.loads(shown)
    assert (message["text"], message["can_delete"]) == ("See you at nine", True)
    assert undone.count('"state":"undone"') == 2
    assert re.search(r"}20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z\n", moments)
    assert moments.count('"deferral":null') == 1
    assert moments.count('"state":"done"') == 1
    assert '"done":"deleted"' in proof
    assert "Whole: 1 receipt, 1 to 1, of workspace " in proof
