"""Runs the blocks of a page as a reader would paste them: one shell, one folder, one sandbox server."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.docs.blocks import ROOT, Block, blocks
from tests.servers import Server, running_server

_RUN = ("sh", "python")
_SECONDS = 90
_WRONG = re.compile(r"^(?:Traceback|bash: |curl: |Error: |Usage: ).*", re.M)
# What a page's own receivers listen on: another one at each run.
_OWN_PORT = re.compile(r"\b990\d\b")


def is_run(block: Block) -> bool:
    """Whether it is done by a shell or by Python; `make` is what a test stands in for (`checked.py` looks at its names)."""
    lines = [line for line in block.text.splitlines() if line.strip()]
    for_make = all(line.startswith("make ") for line in lines)
    return block.language in _RUN and block.excuse is None and block.file is None and not for_make


class Ran:
    """A page that was run."""

    def __init__(self, folder: Path, told: dict[Block, str]) -> None:
        self.folder = folder
        self.told = told
        """What each block printed."""

    def last(self) -> list[str]:
        """What the blocks printed, in order."""
        return list(self.told.values())


@contextlib.contextmanager
def sandbox(folder: Path, furnished: Path) -> Iterator[Server]:
    """A server for pages, on a copy of the `furnished` sandbox in `folder`/.data/sandbox."""
    data = folder / ".data" / "sandbox"
    shutil.copytree(furnished, data, ignore=shutil.ignore_patterns("lock"))
    with running_server(data) as server:
        yield server


def ran(page: Path, folder: Path, server: Server) -> Ran:
    """The page, run in `folder`.

    Raises:
        AssertionError: a block failed, wrote to standard error, or did not print what the page shows.
    """
    own = blocks(page)
    told = _run(own, folder)
    _compare(own, told)
    return Ran(folder, told)


def _run(own: list[Block], folder: Path) -> dict[Block, str]:
    run = [each for each in own if is_run(each)]
    ports: dict[str, str] = {}
    mark = f"--- {uuid.uuid4().hex} "
    # `set -a`: what a block names is in the environment of the next one, and of Python.
    script = ["set -euo pipefail -a"]
    for number, block in enumerate(own):
        text = block.text
        # It listens elsewhere than the usual server: a block that is run takes its address from where that is told.
        assert block not in run or "127.0.0.1:801" not in text, f"{block.where} is for one port only"
        text = _OWN_PORT.sub(lambda found: ports.setdefault(found[0], str(free_port())), text)
        if block.file is not None:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(text)
        elif block in run:
            script.append(f"echo; echo '{mark}{number}'")
            if block.language == "python":
                (folder / f"block-{number}.py").write_text(text)
                text = f"python3 block-{number}.py\n"
            script.append(text)
    if not run:
        return {}
    # Files, not pipes: what a page leaves running in the background would hold a pipe open.
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        process = subprocess.Popen(
            ["bash", "-c", "\n".join(script)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=folder, env=_environment(folder),
            start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        out.seek(0), err.seek(0)
        printed, wrong = out.read(), err.read()
    parts = re.split(re.escape(mark) + r"(\d+)\n", printed)
    told = {own[int(number)]: text.strip() for number, text in zip(parts[1::2], parts[2::2], strict=True)}
    last = list(told)[-1].where if told else own[0].where
    # Commands tell people things on standard error; what goes wrong in the middle of a pipe or a `$( )` shows there, too.
    assert (code, _WRONG.findall(wrong)) == (0, []), f"{last} ended with {code}:\n{wrong}\n{printed[-2000:]}"
    return told


def free_port() -> int:
    """A port of this machine that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _environment(folder: Path) -> dict[str, str]:
    """The commands of a checkout that was installed, and nothing of the tests' own."""
    tools = folder / ".venv" / "bin"
    tools.mkdir(parents=True)
    path = os.pathsep.join(each for each in sys.path if each)
    for name, command in {"postroom": f"{sys.executable} -m postroom", "python3": sys.executable}.items():
        (tools / name).write_text(f'#!/bin/sh\nPYTHONPATH="{path}" exec {command} "$@"\n')
        (tools / name).chmod(0o755)
    (tools / "python").symlink_to("python3")
    for name in ("deploy", "examples"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return {"PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}


def _compare(own: list[Block], told: dict[Block, str]) -> None:
    """What the page shows as printed is what was printed."""
    last = ""
    for block in own:
        last = told.get(block, last)
        if block.excuse is not None or block.file is not None:
            continue
        if block.language == "json":
            shown, real = json.loads(block.text), jsons(last)
            assert real, f"{block.where}: nothing was printed that could be this"
            _same(shown, real[-1], block.where)
        elif block.language == "text":
            lines = [_plain(line) for line in last.splitlines()]
            for line in block.text.splitlines():
                assert not line.strip() or _plain(line) in lines, f"{block.where}: {line!r} is not in\n{last}"


def jsons(text: str) -> list[Any]:
    """The JSON objects and lists in what was printed, whatever stands between them."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while start := re.compile(r"[{\[]").search(text, at):
        try:
            value, at = decoder.raw_decode(text, start.start())
            found.append(value)
        except ValueError:
            at = start.end()
    return found


def _same(shown: Any, real: Any, where: str) -> None:
    """Every name of what is shown is in what was answered, with a value like it; a page may leave names out."""
    if isinstance(shown, dict):
        assert isinstance(real, dict), f"{where}: {real!r} is no object"
        for name, value in shown.items():
            assert name in real, f"{where}: there is no {name} in {sorted(real)}"
            _same(value, real[name], f"{where} {name}")
    elif isinstance(shown, list):
        assert isinstance(real, list), f"{where}: {real!r}"
        assert len(real) >= len(shown), f"{where}: {real!r}"
        for one, other in zip(shown, real, strict=False):
            _same(one, other, where)
    elif isinstance(shown, str) and isinstance(real, str):
        assert _plain(shown) == _plain(real), f"{where}: {real!r}"
    else:
        assert (shown, type(shown)) == (real, type(real)), f"{where}: {real!r}"


_CHANGING = [
    (r"\b[0-9a-f]{64}\b", "<hash>"),
    (r"\b([a-z]{2,5})_[0-9A-Z]{26}\b", r"<\1>"),
    (r"\bwhsec_[\w+/=-]+|\bpr_(test|live)_[\w-]+", "<secret>"),
    (r"\b[0-9a-f]{24}\b", "<id>"),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00)?", "<moment>"),
    (r"(127\.0\.0\.1|localhost):\d+", "<host>"),
    (r"did:plc:\w+|3[a-z0-9]{12}\b", "<bluesky>"),
    (r"\b2-[\w-]{20,}=*|urn:li:[\w:(),=-]+", "<linkedin>"),
    (r"\d{6,}", "<number>"),
]


def _plain(text: str) -> str:
    """Without what is another at each run."""
    for pattern, instead in _CHANGING:
        text = re.sub(pattern, instead, text)
    return text.strip()
