"""Formats that are not run: read by what reads them, and held against what there is here.

A name of a setting must be a setting, a file must be there, a `make` target and a `postroom` command must exist.
"""

import ast
import json
import re
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec
import yaml

from postroom.cli import commands
from postroom.connectors.registry import settings_types
from postroom.settings import Settings, load
from tests.docs.blocks import ROOT

_SETTING = re.compile(r"\bPOSTROOM_[A-Z][A-Z0-9_]*[A-Z0-9]\b")
# Of our command line and our deploy files; no settings of the server.
_OWN_NAMES = {"POSTROOM_SETTINGS", "POSTROOM_SERVER", "POSTROOM_KEY", "POSTROOM_HOST_NAME", "POSTROOM_UPSTREAM"}


def settings_in(text: str) -> None:
    """Every name that looks like a setting is one."""
    known = {f"POSTROOM_{each.name.upper()}" for each in msgspec.structs.fields(Settings)} | _OWN_NAMES
    for name, kind in settings_types().items():
        known |= {f"POSTROOM_PROVIDER_{name.upper()}_{each.name.upper()}" for each in msgspec.structs.fields(kind)}
    assert sorted(set(_SETTING.findall(text)) - known) == []


def env(text: str) -> None:
    """Lines of a file of settings; what is set loads."""
    pairs = [line.split("=", 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert all(len(pair) == 2 for pair in pairs), text
    load({name: value for name, value in pairs if name in _SETTING.findall(name)} | {"POSTROOM_SETTINGS": "/nowhere"})


def toml(text: str) -> None:
    """TOML; without a `[project]` it is a postroom.toml, which loads."""
    read = tomllib.loads(text)
    if "project" not in read:
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(text)
            file.flush()
            load({"POSTROOM_SETTINGS": file.name})


def python(text: str) -> None:
    ast.parse(text)


def shell(text: str) -> None:
    """It parses; what it names of this repository is there, and so are the commands of ours."""
    read = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    for line in text.replace("\\\n", " ").splitlines():
        for path in re.findall(r"(?<![\w/.-])(?:/opt/postroom/)?((?:deploy|examples|docs)/[\w./-]+)", line):
            assert (ROOT / path).exists(), path
        for target in re.findall(r"^make (?:-C \S+ )?([a-z-]+)", line):
            assert target in targets, target
        _command(line.replace("$(", " ").replace(")", " ").split("#")[0].split())


def _command(words: list[str]) -> None:
    """The words after `postroom`, where it is called, are a command of ours with options that it has."""
    called = [i for i, word in enumerate(words) if word == "postroom" or word.endswith("/bin/postroom")]
    # In a container of the same name: the last one is the command.
    if not called or (
        called[-1] and words[called[-1] - 1] not in _BEFORE and not words[called[-1]].endswith("/bin/postroom")
    ):
        return
    command: click.Command = commands
    for word in words[called[-1] + 1 :]:
        if not re.fullmatch(r"[\w./=-]+", word):
            return
        if isinstance(command, click.Group) and not word.startswith("-"):
            below = command.get_command(click.Context(command), word)
            assert below is not None, f"there is no `postroom ... {word}`"
            command = below
        elif word.startswith("--"):
            known = {option for each in command.params for option in each.opts}
            assert word.partition("=")[0] in known | {"--help"}, f"{command.name} has no {word}"


_BEFORE = {"postroom", "|", "&&", ";", "exec", "sudo", '"', "do", "then"}


def systemd(text: str) -> None:
    """A unit, as systemd reads it where there is one, with the command that it starts replaced by one that is here."""
    unit = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M)
    sections = re.findall(r"^\[(\w+)\]$", unit, re.M)
    assert sections == ["Unit", "Service", "Install"]
    assert all(re.fullmatch(r"\[\w+\]|\w+=.*", line) for line in unit.splitlines() if line and not line.startswith("#"))
    command = re.search(r"^ExecStart=(.+)$", text, re.M)
    assert command is not None
    _command(command[1].split())
    if (systemd_analyze := shutil.which("systemd-analyze")) is not None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "postroom.service"
            file.write_text(unit)
            told = subprocess.run(
                [systemd_analyze, "verify", "--man=no", file], capture_output=True, text=True, check=False
            )
        about_it = [line for line in told.stderr.splitlines() if "postroom.service" in line]
        assert about_it == []


def compose(text: str) -> None:
    """A compose file: what services name is there, and what is asked of the environment is said in its first lines."""
    read: dict[str, Any] = yaml.safe_load(text)
    assert set(read) <= {"name", "services", "networks", "volumes"}
    head = text.split("name:", 1)[0]
    for name in set(re.findall(r"\$\{(\w+)", text)):
        assert name in head, f"{name} is asked for, and not said"
    for name, service in read["services"].items():
        assert ("image" in service) != ("build" in service), name
        assert set(service.get("networks", [])) <= set(read["networks"]), name
        assert set(service.get("depends_on", {})) <= set(read["services"]), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in read["volumes"] or (ROOT / "deploy" / source).exists(), volume
    own = read["services"]["postroom"]
    assert (ROOT / "deploy" / own["build"]["context"] / own["build"]["dockerfile"]).exists()
    filled = {name: re.sub(r"\$\{(\w+):\?\}", "f" * 64, value) for name, value in own["environment"].items()}
    loaded = load({**filled, "POSTROOM_SETTINGS": "/nowhere"})
    hosts = set(read["services"])
    assert re.search(r"@(\w+)/", loaded.database_url)[1] in hosts  # type: ignore[index]
    assert re.search(r"//(\w+):", loaded.media_endpoint)[1] in hosts  # type: ignore[index]


_INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "ENV", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK"}


def dockerfile(text: str) -> None:
    """A container file: what it copies and installs from is here, and what it starts is a command of ours."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    known = _INSTRUCTIONS | {"ENTRYPOINT", "CMD"}
    assert {line.split()[0] for line in lines} <= known
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "COPY" and "--from" not in rest:
            assert [name for name in rest.split()[:-1] if not (ROOT / name).exists()] == []
        for name in re.findall(r"requirements/[\w.]+", rest):
            assert (ROOT / name).exists(), name
        if word == "RUN":
            shell(rest)
        if word == "HEALTHCHECK":
            ast.parse(json.loads(rest[rest.index("[") :])[-1])
    started = [json.loads(line.partition(" ")[2]) for line in lines if line.startswith(("ENTRYPOINT", "CMD"))]
    _command([word for part in started for word in part])


def nginx(text: str) -> None:
    """Directives that end, in blocks that close; what of ours has to be passed on is."""
    bare = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    depth = 0
    for line in filter(None, (line.strip() for line in bare.splitlines())):
        assert line.endswith((";", "{", "}")), line
        depth += line.endswith("{") - (line == "}")
        assert depth >= 0
    assert depth == 0
    if "proxy_pass" in text:
        # An address with a path after its host would have nginx decode paths: ids in them would change.
        assert re.search(r"proxy_pass http://[^/;]+;", text)
        for header in ("Host", "X-Forwarded-For", "X-Forwarded-Proto", "Upgrade"):
            assert f"proxy_set_header {header} " in text


def caddy(text: str) -> None:
    bare = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    assert bare.count("{") == bare.count("}")
    assert "reverse_proxy" in bare


def _json(text: str) -> None:
    json.loads(text)


READERS: dict[str, Callable[[str], None]] = {
    "sh": shell,
    "python": python,
    "json": _json,
    "toml": toml,
    "env": env,
    "systemd": systemd,
    "yaml": compose,
    "dockerfile": dockerfile,
    "nginx": nginx,
    "caddy": caddy,
    "text": lambda text: None,
    "": lambda text: None,
}
FILES = {
    "postroom.service": "systemd",
    "postroom.env": "env",
    "compose.yaml": "yaml",
    "Containerfile": "dockerfile",
    "nginx.conf": "nginx",
    "Caddyfile": "caddy",
}
