"""Runs the samples of the seed pages as their readers would, in Python, Node, bash and curl."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SEEDS = Path(__file__).parent / "seeds"
NODE = ROOT / ".parts" / "node" / "only" / "node"
MODULES = ROOT / ".parts" / "pds" / "node_modules"

# The samples `await` and `require` on one level, as Node's prompt allows and a file does not.
_NODE = """
const { createRequire } = require('node:module');
const sample = new (Object.getPrototypeOf(async () => {}).constructor)('require', process.argv[1]);
sample(createRequire(process.argv[2])).catch(error => { console.error(error); process.exit(1); });
"""


@dataclass(frozen=True)
class Ran:
    """What a sample printed."""

    code: int
    out: str
    errors: str


def sample(name: str, replaced: dict[str, str]) -> str:
    """A sample with its base URL, key and ids replaced. What is to be replaced is there."""
    text = (SEEDS / name).read_text()
    for old, new in replaced.items():
        assert old in text, f"{name} has no {old}"
        text = text.replace(old, new)
    return text


def run_python(source: str) -> Ran:
    return _run([sys.executable, "-c", source])


def run_bash(source: str) -> Ran:
    return _run(["bash", "-c", source])


def run_node(source: str) -> Ran:
    node = NODE if NODE.exists() else shutil.which("node")
    if node is None:
        raise RuntimeError("there is no Node: run `make test`")
    if not (MODULES / "axios").exists():
        raise RuntimeError("axios is not installed: run `make test`")
    return _run([str(node), "-e", _NODE, source, str(MODULES / "here.js")])


def answered(ran: Ran) -> object:
    """What a curl line printed, as JSON."""
    assert ran.code == 0, ran.errors
    return json.loads(ran.out)


def _run(command: list[str]) -> Ran:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    return Ran(code=done.returncode, out=done.stdout, errors=done.stderr)
