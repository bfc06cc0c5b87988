"""`postroom doctor`, `key` and `migrate`, as an operator meets them before and beside a server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from postroom.cli import commands
from postroom.store import schema


def postroom(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(commands, list(arguments), env=environment)


def findings(data: Path, **environment: str) -> tuple[int, dict[str, dict[str, str]]]:
    done = postroom("doctor", "--data", str(data), "--json", **environment)
    return done.exit_code, {each["what"]: each for each in json.loads(done.stdout)}


@pytest.fixture(params=["sqlite", "postgres"])
def environment(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"POSTROOM_DATABASE_URL": request.getfixturevalue("postgres_url")} if request.param == "postgres" else {}


def test_the_doctor_says_what_to_mend_and_nothing_when_all_is_well(tmp_path: Path, environment: dict[str, str]) -> None:
    data = tmp_path / "data"
    code, found = findings(data, **environment)
    assert (code, found["Data folder"]["state"]) == (1, "bad")
    made = json.loads(postroom("migrate", "--json", "--data", str(data), **environment).stdout)
    assert made == {"version": schema.newest()}
    code, found = findings(data, **environment)
    assert (code, {each["what"] for each in found.values() if each["state"] == "bad"}) == (0, set())
    assert f"version {schema.newest()}" in found["Database"]["detail"]
    assert "beside what it protects" in found["Master key"]["detail"]
    assert found["Media"]["detail"].endswith("written, read and removed")
    assert list((data / "media").rglob("*")) == []
    assert "bluesky" in found["Networks"]["detail"]
    assert "threads" in found["Networks without an app"]["detail"]
    data.chmod(0o755)
    assert "chmod 700" in findings(data, **environment)[1]["Data folder"]["mend"]
    data.chmod(0o700)
    (data / "keyring.db").rename(data / "elsewhere")
    code, found = findings(data, **environment)
    assert (code, found["Keyring"]["detail"]) == (1, f"{data / 'keyring.db'} is not there")
    assert not (data / "keyring.db").exists()
    (data / "elsewhere").rename(data / "keyring.db")
    (data / "master.key").write_text("0" * 64)
    code, found = findings(data, **environment)
    assert (code, found["Keyring"]["state"]) == (1, "bad")


def test_the_doctor_sees_wrong_settings_and_parts_that_do_not_answer(tmp_path: Path) -> None:
    assert postroom("migrate", "--data", str(tmp_path)).exit_code == 0
    code, found = findings(tmp_path, POSTROOM_PORT="many")
    assert (code, "POSTROOM_PORT" in found["Settings"]["detail"]) == (1, True)
    wrong = {
        "POSTROOM_DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "POSTROOM_MEDIA_URL": "s3://bucket/media",
        "POSTROOM_MEDIA_ENDPOINT": "http://127.0.0.1:1",
        "POSTROOM_MEDIA_REGION": "here",
        "POSTROOM_MEDIA_ACCESS_KEY": "a",
        "POSTROOM_MEDIA_SECRET_KEY": "b",
        "POSTROOM_PROVIDER_THREADS_CLIENT_ID": "1",
        "POSTROOM_PROVIDER_MYSPACE_TOKEN": "1",
    }
    code, found = findings(tmp_path, **wrong)
    bad = {each["what"] for each in found.values() if each["state"] == "bad"}
    assert (code, bad) == (1, {"Database", "Media", "threads", "myspace"})
    shown = postroom("doctor", "--data", str(tmp_path), **wrong)
    assert "✗ threads: its app has an id and no secret" in shown.stdout
    assert "4 to be mended." in shown.stderr


def test_keys_are_made_listed_and_revoked(tmp_path: Path, environment: dict[str, str]) -> None:
    def key(*arguments: str) -> Result:
        return postroom("key", *arguments, "--data", str(tmp_path / "data"), **environment)

    made = key("create", "--name", "reader", "--scope", "read")
    assert (made.exit_code, made.stdout.startswith("pr_live_")) == (0, True)
    other = json.loads(key("create", "--json").stdout)
    assert set(other["scopes"]) == {"read", "send", "delete", "publish", "link"}
    listed = json.loads(key("list", "--json").stdout)
    assert (listed[0]["name"], listed[0]["scopes"]) == ("reader", ["read"])
    assert made.stdout.strip() not in key("list").stdout
    assert key("revoke", other["id"]).exit_code == 0
    assert [each["name"] for each in json.loads(key("list", "--json").stdout)] == ["reader"]
    assert "revoked" in key("list", "--all").stdout
    assert key("create", "--scope", "fly").exit_code == 2
