"""The benchmarks run, and write what they found. Nothing here says how fast anything is."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import processes
from tests.house.tree import ROOT


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Not under pytest's own folder, which is closed to the user that PostgreSQL may have to run as."""
    folder = Path(tempfile.mkdtemp(prefix="postroom-bench-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments], capture_output=True, text=True, cwd=ROOT, env=environment
    )


@pytest.mark.parametrize("file", ["postroom.service", "Containerfile"])
def test_what_is_measured_runs_as_it_is_deployed(file: str) -> None:
    deployed = (ROOT / "deploy" / file).read_text()
    assert all(f"{name}={value}\n" in deployed for name, value in processes.DEPLOYED.items())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_smallest_size_runs_and_writes_figures_ratios_and_the_machine(open_folder: Path, tmp_path: Path) -> None:
    names = ["read", "delete", "ingest", "publish", "follow", "dashboard", "start"]
    done = bench(
        "--size", "smallest", "--no-plot", "--data", str(open_folder / "kept"), "--results", str(tmp_path), *names
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(names)
    for name in names:
        found = json.loads((tmp_path / f"{name}.json").read_bytes())
        assert found["name"] == name
        assert found["size"]["name"] == "smallest"
        assert {"cpu", "cores", "python", "packages", "date"} <= set(found["machine"])
        assert found["runs"]
        assert all(figure >= 0 for figures in found["runs"].values() for figure in figures)
        assert {ratio["bar"] for ratio in found["ratios"]} == {
            "read": {0.33, 0.2},
            "delete": {0.3},
            "ingest": {0.8},
            "publish": {1.0},
            "follow": {1.0},
            "dashboard": {1.0},
            "start": set(),
        }[name]


def test_it_explains_itself_and_refuses_a_name_that_it_does_not_have() -> None:
    told = bench("--help").stdout
    assert all(
        name in told
        for name in (
            "read",
            "baseline",
            "delete",
            "ingest",
            "publish",
            "follow",
            "dashboard",
            "start",
            "POSTROOM_BENCH_SIZE",
        )
    )
    refused = bench("reed")
    assert refused.returncode == 2
    assert "no such measurement: reed" in refused.stderr
