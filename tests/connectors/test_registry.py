"""Finding the networks that are installed."""

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from postroom.clock import now
from postroom.connectors import registry
from postroom.connectors.bluesky.connector import BlueskyConnector
from postroom.connectors.contract import Reply
from postroom.connectors.guarded import Guard, guarded_http
from postroom.connectors.http import Http
from postroom.connectors.linkedin.connector import LinkedInConnector
from postroom.connectors.registry import Registry, RegistryError, installed
from postroom.errors import LoginFailed

LINKEDIN = "postroom.connectors.linkedin.connector:LinkedInConnector"
BLUESKY = "postroom.connectors.bluesky.connector:BlueskyConnector"


def install(monkeypatch: pytest.MonkeyPatch, *entries: tuple[str, str]) -> None:
    found = [EntryPoint(name=name, value=value, group=registry.GROUP) for name, value in entries]
    monkeypatch.setattr(registry, "entry_points", lambda group: found)


def made(values: Any = None) -> Registry:
    return installed(Http(), "http://127.0.0.1:1/callbacks/oauth", now, values)


def test_a_connector_is_found_by_its_name() -> None:
    linkedin, bluesky = LinkedInConnector(), BlueskyConnector()
    both = Registry([linkedin, bluesky])
    assert both["linkedin"] is linkedin
    assert sorted(both) == ["bluesky", "linkedin"]
    assert both.get("mastodon") is None


def test_two_connectors_of_one_name_are_refused_by_name() -> None:
    with pytest.raises(RegistryError, match="'linkedin'.*LinkedInConnector.*Uninstall"):
        Registry([LinkedInConnector(), LinkedInConnector()])


def test_installed_connectors_are_made_with_their_own_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ("linkedin", LINKEDIN), ("bluesky", BLUESKY))
    found = made({"linkedin": {"origin": "http://127.0.0.1:1/linkedin"}})
    assert sorted(found) == ["bluesky", "linkedin"]


async def test_servers_that_owners_name_are_called_through_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    mastodon = "postroom.connectors.mastodon.connector:MastodonConnector"
    install(monkeypatch, ("linkedin", LINKEDIN), ("mastodon", mastodon))

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    guarded = guarded_http(Guard(resolve=resolve))
    found = installed(Http(), "http://127.0.0.1:1/callbacks/oauth", now, guarded=guarded)
    with pytest.raises(LoginFailed):
        await found["mastodon"].login("oauth", Reply(state=None, answers={"server": "mastodon.example"}))
    await found.close()


def test_one_entry_point_that_two_paths_show_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ("linkedin", LINKEDIN), ("linkedin", LINKEDIN))
    assert list(made()) == ["linkedin"]


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([("linkedin", LINKEDIN), ("linkedin", BLUESKY)], "Two connectors are registered as 'linkedin'"),
        ([("mastodon", LINKEDIN)], "calls itself 'linkedin'"),
        ([("mastodon", "nowhere.at.all:Thing")], "'mastodon'.*cannot be used"),
        ([("mastodon", "postroom.connectors.registry:Thing")], "'mastodon'.*cannot be used"),
    ],
)
def test_what_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch, entries: Any, words: str) -> None:
    install(monkeypatch, *entries)
    with pytest.raises(RegistryError, match=words):
        made()


def test_an_argument_that_no_connector_knows_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ("linkedin", LINKEDIN))
    with pytest.raises(RegistryError, match="colour"):
        made({"linkedin": {"colour": "red"}})


def test_settings_for_a_network_that_is_not_there_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, ("linkedin", LINKEDIN))
    with pytest.raises(RegistryError, match="no connector 'mastodom'.*linkedin"):
        made({"mastodom": {"origin": "http://127.0.0.1:1"}})
