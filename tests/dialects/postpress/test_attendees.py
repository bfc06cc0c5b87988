"""PostPress's people: listed, read by both of their ids, their pictures, their chats and what they wrote."""

import httpx
import pytest

from postroom.dialects.postpress import outside
from tests.dialects.postpress.shapes import check
from tests.servers import Server


@pytest.fixture
def base(server: Server) -> str:
    return server.line["postpress"] + "/v1"


@pytest.fixture
def person(client: httpx.Client, base: str) -> dict[str, object]:
    """Somebody in a chat of two, with a picture."""
    for each in client.get(f"{base}/chat_attendees?limit=250").json()["items"]:
        chats = client.get(f"{base}/chat_attendees/{each['id']}/chats").json()["items"]
        if chats and "picture_url" in each:
            return {**each, "chat": chats[0]["id"]}
    raise AssertionError("the sandbox has nobody of that kind")


def test_pages_lead_through_all_people_once(client: httpx.Client, base: str) -> None:
    whole = client.get(f"{base}/chat_attendees?limit=250").json()
    check("ChatAttendeeList", whole)
    seen: list[str] = []
    cursor = None
    while cursor is not None or not seen:
        page = client.get(
            f"{base}/chat_attendees", params={"limit": 3, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += [each["id"] for each in page["items"]]
        cursor = page["cursor"]
    assert seen == [each["id"] for each in whole["items"]]
    assert len(seen) > 3


def test_somebody_is_found_by_our_id_and_with_the_account_by_the_networks(
    client: httpx.Client, base: str, person: dict[str, object]
) -> None:
    ours = client.get(f"{base}/chat_attendees/{person['id']}").json()
    check("ChatAttendee", ours)
    theirs = client.get(
        f"{base}/chat_attendees/{person['provider_id']}", params={"account_id": str(person["account_id"])}
    )
    assert theirs.json() == ours


@pytest.mark.parametrize(
    ("path", "slug"),
    [
        ("/chat_attendees/att_01HXYZ4QK3WJ8FN3M6QH7TZ8GR", "resource_not_found"),
        ("/chat_attendees/nonsense", "invalid_resource_identifier"),
        ("/chat_attendees/nonsense/picture", "invalid_resource_identifier"),
        ("/chat_attendees/chat_01HXYZ4QK3WJ8FN3M6QH7TZ8GR/picture", "resource_not_found"),
        ("/chat_attendees/att_01HXYZ4QK3WJ8FN3M6QH7TZ8GR/chats", "resource_not_found"),
        ("/chat_attendees/att_01HXYZ4QK3WJ8FN3M6QH7TZ8GR/messages", "resource_not_found"),
    ],
)
def test_nobody_is_a_404(client: httpx.Client, base: str, path: str, slug: str) -> None:
    answer = client.get(base + path)
    assert (answer.status_code, answer.json()["type"]) == (404, f"errors/{slug}")


def test_a_network_id_that_nobody_has_lists_nothing(client: httpx.Client, base: str) -> None:
    for what in ("chats", "messages"):
        assert client.get(f"{base}/chat_attendees/ACoAANobody/{what}").json()["items"] == []


def test_a_picture_comes_from_the_network_and_is_shown_as_nobodys_page(
    client: httpx.Client, base: str, person: dict[str, object]
) -> None:
    pictures = [client.get(f"{base}/chat_attendees/{id}/picture") for id in (person["id"], person["chat"])]
    for picture in pictures:
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
        assert picture.content.startswith(b"\x89PNG")
        assert picture.headers["content-disposition"] == "attachment"
        assert "sandbox" in picture.headers["content-security-policy"]
    assert pictures[0].content == pictures[1].content


def test_the_chats_with_somebody_and_what_they_wrote_are_listed_by_either_id(
    client: httpx.Client, base: str, person: dict[str, object]
) -> None:
    for id in (person["id"], person["provider_id"], f"{person['id']},{person['provider_id']}"):
        chats = client.get(f"{base}/chat_attendees/{id}/chats").json()
        check("ChatList", chats)
        assert {each["attendee_provider_id"] for each in chats["items"]} == {person["provider_id"]}
    for id in (person["id"], person["provider_id"]):
        messages = client.get(f"{base}/chat_attendees/{id}/messages?limit=5").json()
        check("MessageList", messages)
        assert {each["sender_id"] for each in messages["items"]} == {person["provider_id"]}


def test_what_this_server_does_not_have_says_so_at_its_documented_path_and_to_nobody_without_a_key(
    client: httpx.Client, base: str
) -> None:
    for operation in outside.OPERATIONS:
        path = base + operation.path.replace("{", "").replace("}", "")
        answer = client.request(operation.method, path)
        check("Error501", answer.json())
        assert httpx.request(operation.method, path).status_code == 401
