"""A real Bluesky PDS for tests, with a PLC directory in memory. `make parts` installs it under `.parts/`."""

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.parts import processes

ROOT = Path(__file__).resolve().parents[2]
START = Path(__file__).parent / "pds" / "start.mjs"


@dataclass(frozen=True, slots=True, kw_only=True)
class PdsAccount:
    """An account with an open session, as createAccount answered."""

    did: str
    handle: str
    password: str
    access_token: str
    refresh_token: str

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}


class Pds:
    """A running PDS. `base_url` has no path; the calls are under `/xrpc/`."""

    def __init__(self, base_url: str, plc_url: str) -> None:
        self.base_url = base_url
        self.plc_url = plc_url
        self._numbers = itertools.count(1)
        self._client = httpx.Client(base_url=base_url, timeout=30, trust_env=False)

    def create_account(self, name: str | None = None, *, password: str = "a-long-password") -> PdsAccount:
        """A new account. Its handle is `name` made unique, under `.test`."""
        handle = f"{name or 'someone'}{next(self._numbers)}.test"
        body = {"handle": handle, "email": f"{handle.removesuffix('.test')}@example.test", "password": password}
        made = self.call("com.atproto.server.createAccount", body)
        return PdsAccount(
            did=made["did"],
            handle=made["handle"],
            password=password,
            access_token=made["accessJwt"],
            refresh_token=made["refreshJwt"],
        )

    def create_app_password(self, account: PdsAccount, name: str = "postroom") -> str:
        """An app password, which is what an owner gives to a program."""
        told = self.call("com.atproto.server.createAppPassword", {"name": name}, account=account)
        return str(told["password"])

    def call(self, method: str, body: Mapping[str, Any] | None = None, *, account: PdsAccount | None = None) -> Any:
        """POST a procedure; an answer that is no success is an error here."""
        answer = self._client.post(f"/xrpc/{method}", json=body, headers=account.authorization if account else {})
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def ask(self, method: str, *, account: PdsAccount | None = None, **parameters: str | int) -> httpx.Response:
        """GET a query, whatever it answers."""
        headers = account.authorization if account else {}
        return self._client.get(f"/xrpc/{method}", params=parameters, headers=headers)

    def records(self, did: str, collection: str = "app.bsky.feed.post") -> list[dict[str, Any]]:
        """What the network holds of an account: the oracle of publish and delete."""
        answer = self.ask("com.atproto.repo.listRecords", repo=did, collection=collection, limit=100)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()["records"]
        return found

    def close(self) -> None:
        self._client.close()


def _node() -> tuple[Path, Path]:
    """Node, and the folder where the PDS is installed."""
    node, home = ROOT / ".parts" / "node" / "only" / "node", ROOT / ".parts" / "pds"
    if not node.exists() or not (home / ".stamp").exists():
        raise RuntimeError("the Bluesky PDS is not installed: run `make parts` (`make test` does)")
    return node, home


@contextlib.contextmanager
def running_pds(*, rate_limits: bool = False) -> Iterator[Pds]:
    """Start a PDS with nobody on it, on free ports and in a new folder, and remove all of it at the end."""
    node, home = _node()
    pds_port, plc_port = processes.free_ports(2)
    folder = Path(tempfile.mkdtemp(prefix="postroom-pds-"))
    log = folder / "log"
    # Node finds the packages beside the file that it starts.
    start = home / START.name
    if not start.exists() or start.read_bytes() != START.read_bytes():
        fresh = home / f"{START.name}.{os.getpid()}"
        shutil.copyfile(START, fresh)
        fresh.replace(start)
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "NODE_ENV": "production",
        "LOG_ENABLED": "false",
        "RATE_LIMITS": "1" if rate_limits else "0",
    }
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(
                [node, start, str(pds_port), str(plc_port), folder / "data"],
                env=environment, cwd=home, stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        try:
            processes.wait_until(
                lambda: b"ready: " in log.read_bytes(), "the Bluesky PDS", process=process, log=str(log)
            )
            pds = Pds(f"http://127.0.0.1:{pds_port}", f"http://127.0.0.1:{plc_port}")
            try:
                pds.ask("_health").raise_for_status()
                yield pds
            finally:
                pds.close()
        finally:
            processes.end(process)
            if process.stdin:
                process.stdin.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
