"""Commands that call a server, as a user types them, against `postroom serve --sandbox`."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from postroom.cli import accounts, commands
from postroom.cli.outcomes import CANNOT, FAILED, UNKNOWN, explain
from postroom.cli.output import print_fields, print_line, print_table
from postroom.cli.webhooks import _tell as tell_event
from postroom.domain.webhooks import standard_signature
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli") / "data"


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Server]:
    with running_server(data, whatsapp=True) as started:
        yield started


class Shell:
    """Types commands; the server and the key are in the environment."""

    def __init__(self, server: Server) -> None:
        base = server.line["native"].removesuffix("/api")
        self.environment = {"POSTROOM_SERVER": base, "POSTROOM_KEY": server.line["key"]}
        self.sim = server.line["sim"]

    def __call__(self, *arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(commands, list(arguments), env=self.environment, input=typed)

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout)

    def failed(self, *arguments: str) -> int:
        done = self(*arguments)
        assert isinstance(done.exception, Exception)
        told = explain(done.exception)
        assert told is not None, done.exception
        return told[1]


@pytest.fixture(scope="module")
def shell(server: Server) -> Shell:
    return Shell(server)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of all requests from here."""
    paths: list[str] = []
    send = httpx.Client.send

    def noted(client: httpx.Client, request: httpx.Request, **named: Any) -> httpx.Response:
        paths.append(request.url.path)
        return send(client, request, **named)

    monkeypatch.setattr(httpx.Client, "send", noted)
    return paths


def until(found: Any, seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while not (value := found()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
    return value


def test_an_account_is_linked_in_the_terminal_paused_and_unlinked(shell: Shell) -> None:
    done = shell("account", "link", "linkedin", "--answer", "access_token=user_second")
    assert done.exit_code == 0, (done.output, done.exception)
    linked = done.stdout.split()[-1]
    assert done.stdout.startswith("Linked: Bea ")
    assert shell.json("account", "pause", linked)["status"] == "paused"
    assert shell.json("account", "resume", linked)["status"] in ("connected", "reconnecting")
    assert shell.json("account", "resync", linked)["state"] == "done"
    by = shell.json("account", "proxy", linked, "socks5://ada:s%40cret@127.0.0.1:9")
    assert by["proxy"] == {"protocol": "socks5", "host": "127.0.0.1", "port": 9, "username": "ada"}
    assert "cret" not in shell("account", "proxy", linked).stdout
    assert shell.failed("account", "proxy", linked, "http://ada@127.0.0.1:9") == CANNOT
    assert shell.failed("account", "proxy", linked, "proxy.example.com") == FAILED
    assert shell.json("account", "proxy", linked, "--remove")["proxy"] is None
    # Nobody can be asked here: without --yes nothing is done, and the consequences are told.
    asked = shell("account", "unlink", linked)
    assert "No backup opens them any more." in asked.stderr
    assert str(asked.exception) == "That cannot be undone: say --yes."
    assert linked in {each["id"] for each in shell.json("account", "list")}
    assert shell("account", "unlink", linked, "--yes").exit_code == 0
    assert linked not in {each["id"] for each in shell.json("account", "list")}
    assert shell.failed("account", "link", "linkedin") == CANNOT
    assert shell.failed("account", "link", "myspace") == FAILED
    assert shell.failed("account", "link", "linkedin", "--answer", "access_token=nonsense") == FAILED


def test_a_code_is_drawn_until_it_is_scanned(shell: Shell, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_LOOK_SECONDS", 0.2)
    drawn: list[str] = []
    real = accounts.qr

    def seen(content: str) -> str:
        drawn.append(content)
        return real(content)

    monkeypatch.setattr(accounts, "qr", seen)
    done: list[Result] = []
    linking = threading.Thread(target=lambda: done.append(shell("account", "link", "whatsapp")))
    linking.start()
    code = until(lambda: drawn and drawn[-1])
    scan = {"code": code, "login": "user_second"}
    scanned = httpx.post(f"{server.line['sim']}/_sim/network/whatsapp/do/scan", json=scan)
    assert scanned.status_code == 200, scanned.text
    linking.join(timeout=30)
    assert (done[0].exit_code, done[0].stdout.startswith("Linked: Bea")) == (0, True), (
        done[0].output,
        done[0].exception,
    )
    assert "█▀▀▀▀▀█" in real("code") or "▄▄▄▄▄" in real("code")


def test_a_message_is_sent_edited_and_taken_back(shell: Shell) -> None:
    chat = shell.json("chat", "list", "--network", "linkedin")[0]["id"]
    sent = shell("chat", "send", chat, "Hello", "there")
    message = sent.stdout.strip()
    assert "It can be taken back until" in sent.stderr
    assert shell.json("message", "get", message)["text"] == "Hello there"
    assert shell.json("message", "edit", message, "Other words")["text"] == "Other words"
    assert [each["emoji"] for each in shell.json("message", "react", message, "👍")["reactions"]] == ["👍"]
    assert message in shell("chat", "messages", chat).stdout
    put_off = shell("message", "recall", message, "--grace", "60")
    assert "Due in 1m." in put_off.stderr
    assert "undone" in shell("message", "undo", put_off.stdout.strip()).stdout
    assert shell("message", "recall", message).exit_code == 0
    assert shell.json("message", "recall", message)["done"] == "deleted"
    assert "(taken back)" in shell("chat", "messages", chat).stdout
    assert shell("message", "send", chat, "-", typed="from a pipe").exit_code == 0
    assert shell.failed("message", "recall", "msg_nothing") == FAILED


def test_chats_are_listed_by_whom_they_are_with_in_one_call(shell: Shell, asked: list[str]) -> None:
    rows = [line.split("\t") for line in shell("chat", "list", "--network", "linkedin").stdout.splitlines()]
    assert (len(rows) > 3, asked) == (True, ["/api/chats"])
    assert "Goran Petrov" in {row[2] for row in rows}
    assert not [row for row in rows if row[2].startswith("ACoA")]
    senders = [line.split("\t")[2] for line in shell("message", "list").stdout.splitlines()]
    assert "you" in senders
    assert not [each for each in senders if each.startswith("ACoA")]


def test_a_recall_whose_answer_is_lost_says_so_by_its_exit_code(shell: Shell, server: Server) -> None:
    chat = shell.json("chat", "list", "--network", "linkedin")[0]["id"]
    message = shell("chat", "send", chat, "Lost").stdout.strip()
    fault = {"network": "linkedin", "operation": "recall", "do": {"commit_then_lose": True}}
    assert httpx.post(f"{server.line['sim']}/_sim/faults", json=fault).status_code == 201
    read = {"network": "linkedin", "operation": "messages_anchor", "times": 50, "do": {"status": 500}}
    assert httpx.post(f"{server.line['sim']}/_sim/faults", json=read).status_code == 201
    code = shell.failed("message", "recall", message)
    httpx.delete(f"{server.line['sim']}/_sim/faults")
    assert code == UNKNOWN


def test_a_post_is_made_scheduled_taken_down_and_deleted(shell: Shell, tmp_path: Path) -> None:
    account = shell.json("account", "list", "--network", "bluesky")[0]["id"]
    draft = shell.json("post", "create", "First", "words", "--to", account)
    assert (draft["status"], draft["content"]) == ("draft", "First words")
    assert shell.json("post", "schedule", draft["id"], "2h")["status"] == "scheduled"
    assert shell.json("post", "unschedule", draft["id"])["status"] == "draft"
    assert shell("post", "schedule", draft["id"], "soon").exit_code == CANNOT
    assert shell("post", "delete", draft["id"], "--yes").exit_code == 0
    live = shell.json("post", "create", "Goes out", "--to", account, "--now")
    until(lambda: shell.json("post", "get", live["id"])["status"] == "published")
    done = shell("post", "take-down", live["id"], "--yes")
    assert (done.exit_code, ": done" in done.stdout) == (0, True)


def test_events_are_listened_to_and_forwarded_as_webhooks_are_signed(shell: Shell) -> None:
    got: list[tuple[dict[str, str], bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{receiver.server_port}/hook"
        listening = subprocess.Popen(
            [sys.executable, "-m", "postroom", "webhook", "listen", "--forward-to", url, "--type", "message.sent"],
            env={**shell.environment, "PYTHONPATH": ":".join(path for path in sys.path if path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert listening.stderr is not None
        secret = listening.stderr.readline().split()[-1]
        assert listening.stderr.readline().startswith("Listening")
        time.sleep(0.5)
        chat = shell.json("chat", "list", "--network", "linkedin")[0]["id"]
        message = shell("chat", "send", chat, "Told at once").stdout.strip()
        until(lambda: got)
        listening.terminate()
        out, _ = listening.communicate(timeout=10)
        receiver.shutdown()
    headers, body = got[0]
    assert json.loads(body)["data"]["message_id"] == message
    signed = standard_signature(secret, headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert headers["webhook-signature"] == signed
    assert "message.sent" in out
    tailed = shell("events", "tail", "--after", "0", "--no-follow", "--type", "message.sent", "--json")
    assert message in {json.loads(line)["data"]["message_id"] for line in tailed.stdout.splitlines()}


def test_words_of_others_give_a_terminal_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    order = "\x1b]0;mine\x07\x9b2J\u202e"
    print_fields([("reactions", order + "\nid: msg_1")])
    print_table(("text",), [[order]], "")
    print_line({"text": order})
    tell_event(
        {
            "created_at": "2026-11-21T10:00:00Z",
            "position": 1,
            "type": "message.received",
            "data": {"message_key": order},
            "message": {"text": order},
        },
        False,
    )
    told = capsys.readouterr().out
    assert len(told.splitlines()) == 4
    assert not {"\x1b", "\x07", "\x9b"} & set(told)
    assert json.loads(told.splitlines()[2]) == {"text": order}


def test_webhooks_are_made_listed_and_deleted(shell: Shell) -> None:
    made = shell.json("webhook", "create", "http://127.0.0.1:9/hook", "--type", "message.received")
    assert made["secret"].startswith("whsec_")
    listed = shell.json("webhook", "list")
    assert [each["id"] for each in listed] == [made["id"]]
    assert made["secret"] not in shell("webhook", "list").output
    tested = shell("webhook", "test", made["id"])
    assert str(tested.exception).startswith("It did not arrive: no_answer, after ")
    (tried,) = shell.json("webhook", "deliveries", made["id"], "--failed")
    assert (tried["occasion"], tried["failure"]) == ("test", "no_answer")
    assert shell.failed("webhook", "replay", made["id"], tried["id"]) == FAILED
    assert shell("webhook", "delete", made["id"], "--yes").exit_code == 0
    assert shell.json("webhook", "list") == []


def test_a_workspace_is_exported_and_its_own_words_are_taken_in_again(shell: Shell, tmp_path: Path) -> None:
    account = shell.json("account", "list", "--network", "bluesky")[0]["id"]
    shell.json("post", "create", "Written once", "--to", account)
    file = tmp_path / "export.jsonl"
    assert shell("export", "-o", str(file)).exit_code == 0
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert lines[0]["record"] == "postroom_export"
    kinds = {line["record"] for line in lines}
    assert {"account", "chat", "message", "post", "receipt"} <= kinds
    assert all(line["text"] is None for line in lines if line["record"] == "message" and line["deleted_at"])
    assert shell.environment["POSTROOM_KEY"] not in file.read_text()
    before = len(shell.json("post", "list", "--limit", "500"))
    first = json.loads(shell("import", str(file), "--json").stdout)
    drafts = sum(line["record"] == "post" and line["status"] in ("draft", "scheduled") for line in lines)
    assert (first["made"], first["refused"]) == ({"post": drafts}, 0)
    assert first["passed_over"]["message"] > 0
    assert shell("import", str(file)).exit_code == 0
    assert len(shell.json("post", "list", "--limit", "500")) == before + drafts
    (tmp_path / "other").write_text("{}\n")
    assert shell.failed("import", str(tmp_path / "other")) == FAILED


def test_a_server_that_is_not_there_or_takes_no_such_key_is_one_line(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert shell.failed("account", "list", "--server", f"http://127.0.0.1:{port}") == CANNOT
    assert shell.failed("account", "list", "--key", "pr_test_nobody") == CANNOT
    assert shell.failed("account", "list", "--server", "somewhere") == CANNOT


def test_the_environments_key_goes_to_no_other_server_than_the_environments(shell: Shell) -> None:
    here, key = shell.environment["POSTROOM_SERVER"], shell.environment["POSTROOM_KEY"]
    # Its address is nobody's: had it been called, that would be a failure to reach it.
    done = shell("account", "list", "--server", "http://127.0.0.1:1")
    assert "POSTROOM_KEY is for POSTROOM_SERVER" in str(done.exception)
    assert shell.failed("account", "list", "--server", "http://127.0.0.1:1") == 2
    assert shell("account", "list", "--server", f"{here}/").exit_code == 0
    assert shell("account", "list", "--server", here.replace("127.0.0.1", "localhost"), "--key", key).exit_code == 0


def test_the_sandbox_here_is_asked_wherever_it_listens(
    server: Server, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = json.loads((data / "sandbox.json").read_text())
    assert (kept["server"], kept["sim"]) == (server.line["native"].removesuffix("/api"), server.line["sim"])
    (tmp_path / ".data").mkdir()
    (tmp_path / ".data" / "sandbox").symlink_to(data)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(commands, ["account", "list"], env={"POSTROOM_SERVER": None, "POSTROOM_KEY": None})
    assert (done.exit_code, "linkedin" in done.stdout) == (0, True), (done.output, done.exception)


def test_times_are_told_by_the_clock_of_the_server_which_a_sandbox_can_move(
    shell: Shell, server: Server, asked: list[str]
) -> None:
    assert httpx.post(f"{server.line['sim']}/_sim/clock/advance", json={"seconds": 2 * 86_400}).status_code == 200
    account = shell.json("account", "list", "--network", "bluesky")[0]["id"]
    chat = shell.json("chat", "list", "--network", "linkedin")[0]["id"]
    sent = shell("chat", "send", chat, "On another day")
    assert ", for 00:59:5" in sent.stderr
    assert "00:59:" in shell("message", "get", sent.stdout.strip()).stdout
    put_off = shell("message", "recall", sent.stdout.strip(), "--grace", "60")
    assert "Due in 1m." in put_off.stderr
    due = shell.json("post", "create", "Later", "--to", account, "--at", "2h")
    assert due["status"] == "scheduled"
    assert re.search(r"\(in [12]h\)", shell("post", "get", due["id"]).stdout)
    asked.clear()
    listed = next(line for line in shell("post", "list").stdout.splitlines() if due["id"] in line)
    assert listed.split("\t")[2] in ("in 1h", "in 2h")
    assert asked == ["/api/post-groups"]
