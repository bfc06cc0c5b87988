"""A real Matrix homeserver for tests: Synapse. `make parts` installs it under `.parts/`.

Its people act through clients of their own here, beside the code that is tested.
"""

import contextlib
import itertools
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.parts import processes

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".parts" / "synapse" / "bin" / "python"
PASSWORD = "a-long-password"

_CONFIGURATION = """
server_name: localhost
pid_file: {folder}/pid
listeners:
  - {{port: {port}, type: http, tls: false, bind_addresses: ['127.0.0.1'], resources: [{{names: [client], compress: false}}]}}
database: {{name: sqlite3, args: {{database: '{folder}/homeserver.db'}}}}
media_store_path: {folder}/media
log_config: {folder}/log.yaml
macaroon_secret_key: macaroon
form_secret: form
signing_key_path: {folder}/signing.key
report_stats: false
trusted_key_servers: []
suppress_key_server_warning: true
enable_registration: true
bcrypt_rounds: 4
enable_registration_without_verification: true
rc_message: {{per_second: 10000, burst_count: 10000}}
rc_registration: {{per_second: 10000, burst_count: 10000}}
rc_login:
  address: {{per_second: 10000, burst_count: 10000}}
  account: {{per_second: 10000, burst_count: 10000}}
  failed_attempts: {{per_second: 10000, burst_count: 10000}}
rc_joins: {{local: {{per_second: 10000, burst_count: 10000}}}}
rc_invites: {{per_room: {{per_second: 10000, burst_count: 10000}}, per_user: {{per_second: 10000, burst_count: 10000}}}}
rc_room_creation: {{per_second: 10000, burst_count: 10000}}
"""
_LOG = """
version: 1
handlers: {console: {class: logging.StreamHandler}}
root: {level: WARNING, handlers: [console]}
disable_existing_loggers: false
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a client of their own: what other people do, and see."""

    user: str
    name: str
    token: str
    device: str
    client: httpx.Client

    def call(self, method: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """A call below `/_matrix/`; an answer that is no success is an error here."""
        answer = self.ask(method, path, body, **parameters)
        assert answer.is_success, answer.text
        return answer.json()

    def ask(self, method: str, path: str, body: Any = None, **parameters: Any) -> httpx.Response:
        """The same, whatever it answers."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.client.request(method, f"/_matrix/{path}", json=body, params=parameters, headers=headers)

    def create_room(self, *invited: "Person", **settings: Any) -> str:
        """A room in which all of these are."""
        body = {"invite": [each.user for each in invited], "preset": "private_chat", **settings}
        room = str(self.call("POST", "client/v3/createRoom", body)["room_id"])
        for each in invited:
            each.join(room)
        return room

    def join(self, room: str) -> None:
        self.call("POST", f"client/v3/join/{quote(room, safe='')}", {})

    def send(self, room: str, content: str | dict[str, Any], type: str = "m.room.message") -> str:
        """Say something: a text, or whatever an event of this type holds."""
        body = {"msgtype": "m.text", "body": content} if isinstance(content, str) else content
        path = f"{_room(room)}/send/{type}/t{next(_NUMBERS)}"
        return str(self.call("PUT", path, body)["event_id"])

    def edit(self, room: str, id: str, text: str) -> str:
        fresh = {"msgtype": "m.text", "body": text}
        relation = {"rel_type": "m.replace", "event_id": id}
        return self.send(room, {**fresh, "body": f"* {text}", "m.new_content": fresh, "m.relates_to": relation})

    def react(self, room: str, id: str, emoji: str) -> str:
        relation = {"rel_type": "m.annotation", "event_id": id, "key": emoji}
        return self.send(room, {"m.relates_to": relation}, "m.reaction")

    def redact(self, room: str, id: str) -> None:
        self.call("PUT", f"{_room(room)}/redact/{quote(id, safe='')}/t{next(_NUMBERS)}", {})

    def event(self, room: str, id: str) -> dict[str, Any]:
        """One event as this person sees it: the oracle of edits and redactions."""
        found: dict[str, Any] = self.call("GET", f"{_room(room)}/event/{quote(id, safe='')}")
        return found

    def history(self, room: str) -> list[dict[str, Any]]:
        """All events of a room as this person sees them, oldest first."""
        found: list[dict[str, Any]] = []
        start: str | None = None
        while True:
            more = {"from": start} if start else {}
            page = self.call("GET", f"{_room(room)}/messages", dir="b", limit=100, **more)
            found += page["chunk"]
            start = page.get("end")
            if not start:
                return found[::-1]


_NUMBERS = itertools.count(1)


def _room(room: str) -> str:
    return f"client/v3/rooms/{quote(room, safe='')}"


class Homeserver:
    """A running homeserver at an address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._client = httpx.Client(base_url=address, timeout=30, trust_env=False)

    def register(self, name: str = "someone") -> Person:
        """Somebody new, whose name is made unique."""
        name = f"{name}{next(_NUMBERS)}"
        body = {"username": name, "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        answer = self._client.post("/_matrix/client/v3/register", json=body)
        assert answer.is_success, answer.text
        made = answer.json()
        return Person(made["user_id"], name, made["access_token"], made["device_id"], self._client)

    def answers(self) -> bool:
        try:
            return self._client.get("/health").is_success
        except httpx.TransportError:
            return False

    def close(self) -> None:
        self._client.close()


@contextlib.contextmanager
def running_synapse() -> Iterator[Homeserver]:
    """Start a homeserver with nobody on it, in a new folder, and remove all of it at the end."""
    if not PYTHON.exists():
        raise RuntimeError("Synapse is not installed: run `make parts` (`make test` does)")
    folder = Path(tempfile.mkdtemp(prefix="postroom-synapse-"))
    log = folder / "log"
    try:
        (port,) = processes.free_ports(1)
        (folder / "homeserver.yaml").write_text(_CONFIGURATION.format(folder=folder, port=port))
        (folder / "log.yaml").write_text(_LOG)
        subprocess.run(
            [PYTHON.parent / "generate_signing_key", "-o", folder / "signing.key"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with log.open("wb") as out:
            process = subprocess.Popen(
                [PYTHON, "-m", "synapse.app.homeserver", "--config-path", folder / "homeserver.yaml"],
                cwd=folder, stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        watcher = processes.kill_when_we_die(process.pid, signal.SIGKILL)
        try:
            server = Homeserver(f"http://127.0.0.1:{port}")
            try:
                processes.wait_until(server.answers, "Synapse", process=process, log=str(log))
                yield server
            finally:
                server.close()
        finally:
            processes.end(process)
            processes.release(watcher)
            if process.stdin:
                process.stdin.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
