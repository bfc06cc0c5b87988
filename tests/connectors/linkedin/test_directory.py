"""LinkedIn's people against the simulated LinkedIn."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from postroom.connectors.contract import Directory, Linked, Reply
from postroom.connectors.http import Http
from postroom.connectors.linkedin.connection import LinkedInConnection
from postroom.connectors.linkedin.connector import LinkedInConnector, LinkedInSettings
from postroom.connectors.linkedin.directory import relation, slug_of
from postroom.errors import InvalidParameters, NotFound, ProviderDown


@pytest.fixture
async def ada(simulation: Any) -> AsyncIterator[LinkedInConnection]:
    connector = LinkedInConnector(
        http=Http(backoff_seconds=0.01), settings=LinkedInSettings(origin=simulation.linkedin)
    )
    linked = await connector.login("cookie", Reply(state=None, answers={"access_token": "user_good"}))
    assert isinstance(linked, Linked)

    async def keep(_: Any) -> None:
        raise AssertionError("LinkedIn's credentials do not change")

    connection = connector.open(linked.profile, linked.credentials, keep)
    assert isinstance(connection, LinkedInConnection)
    yield connection
    await connector.close()


async def test_a_person_is_found_by_each_of_their_names(ada: LinkedInConnection) -> None:
    assert isinstance(ada, Directory)
    bea = await ada.person("bea-okafor")
    assert (bea.name, bea.distance, bea.username) == ("Bea Okafor", 1, "bea-okafor")
    assert bea.picture_url
    names = [
        bea.provider_id,
        f"urn:li:fsd_profile:{bea.provider_id}",
        f"urn:li:msg_messagingParticipant:urn:li:fsd_profile:{bea.provider_id}",
        "https://www.linkedin.com/in/bea-okafor/?trk=x",
    ]
    for name in names:
        assert await ada.person(name) == bea
    assert (await ada.person("goran-petrov")).distance == 3
    own = await ada.own_person()
    assert (own.name, own.distance) == ("Ada Merino", 0)


@pytest.mark.parametrize("name", ["nobody-at-all", "two words", "", "a/b", "https://linkedin.example/in/bea-okafor"])
async def test_nobody_is_found_by_a_name_that_is_nobodys(ada: LinkedInConnection, name: str) -> None:
    with pytest.raises(NotFound):
        await ada.person(name)


async def test_connections_come_in_pages_and_can_be_narrowed_down(ada: LinkedInConnection) -> None:
    page = await ada.relations(None)
    assert page.next is None
    found = {each.name: each for each in page.items}
    assert "Bea Okafor" in found
    assert "Goran Petrov" not in found
    assert "Ada Merino" not in found
    moments = [each.connected_at or 0 for each in page.items]
    assert moments == sorted(moments, reverse=True)
    assert [each.name for each in (await ada.relations(None, words="okafor BEA")).items] == ["Bea Okafor"]
    assert (await ada.relations("100")).items == []
    with pytest.raises(InvalidParameters):
        await ada.relations("x")


async def test_a_chat_with_somebody_is_found_or_is_not_there(ada: LinkedInConnection) -> None:
    bea, goran = await ada.person("bea-okafor"), await ada.person("farah-nouri")
    found = await ada.find_chat(bea.provider_id)
    assert found is not None
    assert bea.provider_id in [each.provider_id for each in found.attendees]
    assert await ada.find_chat(goran.provider_id) is None


async def test_an_answer_that_is_no_page_is_not_taken_for_an_empty_one(
    ada: LinkedInConnection, simulation: Any
) -> None:
    simulation.fault("connections", {"status": 502}, times=9)
    with pytest.raises(ProviderDown):
        await ada.relations(None)


def test_names_are_told_from_what_is_none() -> None:
    assert slug_of("https://de.linkedin.com/in/j%C3%B6rg") == "jörg"
    assert relation({"connectedMemberResolutionResult": None}, "x") is None
