"""The command's own manners: a quick start, one line for what is wrong, and exit codes that say of what kind it is."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from postroom.cli import commands
from postroom.cli.lazily import LazyGroup
from postroom.cli.outcomes import EXIT_CODES
from postroom.cli.output import print_table

HEAVY = {"asyncpg", "httpx", "uvicorn", "starlette", "cryptography", "PIL", "structlog", "msgspec", "uvloop", "asyncio"}


def postroom(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **environment}
    return subprocess.run(
        [sys.executable, "-m", "postroom", *arguments], capture_output=True, text=True, env=own, timeout=30
    )


def every(command: click.Command, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None, name
            yield from every(found, *names, name)
    else:
        yield names, command


def test_help_reads_no_command() -> None:
    program = (
        "import sys; sys.argv[1:] = ['--help']\nfrom postroom.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    )
    program += "print(' '.join(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    read = set(done.stderr.split())
    assert "serve" in done.stdout
    assert read & HEAVY == set()
    assert {name for name in read if name.startswith("postroom.")} == {
        "postroom.cli",
        "postroom.cli.lazily",
        "postroom.cli.outcomes",
    }


def test_every_command_is_there_and_says_what_it_does_and_answers_in_json_where_it_answers() -> None:
    assert isinstance(commands, LazyGroup)
    listed = {name: place for each in commands.sections.values() for name, (place, _) in each.items()}
    for place in listed.values():
        module, _, attribute = place.partition(":")
        assert isinstance(getattr(import_module(module), attribute), click.Command)
    plain = set()
    for names, command in every(commands):
        assert command.help, names
        if not any("--json" in option.opts for option in command.params):
            plain.add(" ".join(names))
    assert plain == {"completion", "help", "mcp", "receipts export"}


def test_bad_input_is_one_line_and_the_right_exit_code(tmp_path: Path) -> None:
    for arguments, code, said in (
        (("nonsense",), 2, "No such command 'nonsense'"),
        (("acount", "list"), 2, "Did you mean 'account'?"),
        (("receipt", "verify", str(tmp_path / "none")), 2, "No such file"),
        (("key", "revoke", "--data", str(tmp_path / "a"), "key_1"), 1, "There is no key key_1"),
        (("key", "list", "--data", str(tmp_path / "a"), "--workspace", "w"), 1, "There is no workspace w"),
        (("worker", "--data", str(tmp_path)), 2, "SQLite has one process"),
        (("help", "nothing"), 2, "There is no help on 'nothing'"),
        (("completion", "tcsh"), 2, "is not one of"),
    ):
        done = postroom(*arguments)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    unreachable = postroom("migrate", "--data", str(tmp_path), POSTROOM_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert (unreachable.returncode, unreachable.stderr.count("\n")) == (2, 1)
    assert unreachable.stderr.startswith("postroom: POSTROOM_DATABASE_URL: the database cannot be opened")


@pytest.mark.parametrize("words", ["--help", "help exit-codes", "completion bash", "doctor --json"])
def test_who_reads_no_further_is_no_failure(words: str, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    own = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "POSTROOM_DATA": str(tmp_path),
    }
    command = [sys.executable, "-m", "postroom", *words.split()]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, env=own, timeout=30)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_table_is_cut_to_its_terminal_but_for_what_other_commands_take(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    print_table(("id", "text"), [("msg_" + "0" * 36, "words " * 20)], "None.")
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("msg_" + "0" * 36 + "  words")
    assert len(line) == 60


def test_exit_codes_are_explained() -> None:
    page = CliRunner().invoke(commands, ["help", "exit-codes"]).output
    for code in EXIT_CODES:
        assert f"  {code} " in page


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str) -> None:
    script = CliRunner().invoke(commands, ["completion", shell])
    assert (script.exit_code, "_POSTROOM_COMPLETE" in script.output) == (0, True)


def test_completion_knows_commands_below_commands() -> None:
    done = postroom(_POSTROOM_COMPLETE="bash_complete", COMP_WORDS="postroom key re", COMP_CWORD="2")
    assert done.stdout.split() == ["plain,revoke"]
