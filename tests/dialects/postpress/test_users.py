"""PostPress's users: profiles and relations as LinkedIn shows them to an account."""

from typing import Any

import httpx
import pytest

from postroom.dialects.postpress import people
from postroom.domain.people import Person
from postroom.errors import NotImplementedHere
from tests.dialects.postpress.shapes import check
from tests.servers import Server

# Source: unipile-node-sdk 1.9.3, LinkedIn's variant of AccountOwnerProfile, UserProfile and UserRelation.
OWNER = {
    "provider", "provider_id", "entity_urn", "object_urn", "first_name", "last_name", "profile_picture_url", "email",
    "premium", "open_profile", "recruiter", "sales_navigator", "object",
}  # fmt: skip
PROFILE = {
    "provider", "provider_id", "public_identifier", "first_name", "last_name", "headline", "websites", "object",
}  # fmt: skip
RELATION = {
    "first_name", "last_name", "headline", "public_identifier", "public_profile_url", "created_at", "member_id",
    "member_urn", "connection_urn", "object",
}  # fmt: skip


@pytest.fixture
def base(server: Server) -> str:
    return server.line["postpress"] + "/v1"


@pytest.fixture
def account(client: httpx.Client, base: str) -> dict[str, Any]:
    listed = client.get(f"{base}/accounts").json()["items"]
    return dict(next(each for each in listed if each["type"] == "LINKEDIN"))


def test_the_owner_of_an_account_and_anybody_else_have_a_profile(
    client: httpx.Client, base: str, account: dict[str, Any]
) -> None:
    asks = {"account_id": account["id"]}
    own = client.get(f"{base}/users/me", params=asks).json()
    assert own.keys() >= OWNER
    assert own["provider_id"] == account["connection_params"]["im"]["id"]
    people = client.get(f"{base}/chat_attendees?limit=250").json()["items"]
    other = next(each for each in people if not each["is_self"] and each["provider_id"].startswith("ACoA"))
    profile = client.get(f"{base}/users/{other['provider_id']}", params=asks).json()
    assert profile.keys() >= PROFILE
    assert (profile["object"], profile["provider_id"]) == ("UserProfile", other["provider_id"])
    by_name = client.get(f"{base}/users/{profile['public_identifier']}", params=asks).json()
    assert by_name == profile


def test_pages_lead_through_all_relations_once(client: httpx.Client, base: str, account: dict[str, Any]) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        asks = {"account_id": account["id"], "limit": 1000, **({"cursor": cursor} if cursor else {})}
        page = client.get(f"{base}/users/relations", params=asks).json()
        assert all(each.keys() >= RELATION for each in page["items"])
        seen += [each["member_id"] for each in page["items"]]
        cursor = page["cursor"]
    assert len(seen) == len(set(seen)) > 0


@pytest.mark.parametrize(
    ("path", "status", "slug"),
    [
        ("/users/me", 400, "missing_parameters"),
        ("/users/ACoAAx", 400, "missing_parameters"),
        ("/users/relations", 400, "missing_parameters"),
        ("/users/me?account_id=acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR", 404, "resource_not_found"),
        ("/users/relations?account_id=x", 404, "invalid_resource_identifier"),
        ("/users/nobody-at-all?account_id=<own>", 404, "resource_not_found"),
        ("/users/relations?account_id=<own>&limit=1001", 400, "limit_too_high"),
        ("/users/relations?account_id=<own>&cursor=x", 400, "invalid_parameters"),
    ],
)
def test_nobody_is_said(
    client: httpx.Client, base: str, account: dict[str, Any], path: str, status: int, slug: str
) -> None:
    answer = client.get(base + path.replace("<own>", account["id"]))
    assert (answer.status_code, answer.json()["type"]) == (status, f"errors/{slug}")
    check(f"Error{status}", answer.json())


def test_people_of_a_network_whose_shape_is_not_known_are_not_made_up() -> None:
    with pytest.raises(NotImplementedHere):
        people.profile("bluesky", Person(provider_id="did:x"))


def test_an_account_and_a_chat_are_synced_by_asking_until_it_is_done(
    client: httpx.Client, base: str, account: dict[str, Any]
) -> None:
    chat = client.get(f"{base}/chats", params={"account_id": account["id"]}).json()["items"][0]
    for path, name in (
        (f"/accounts/{account['id']}/sync", "AccountResync"),
        (f"/chats/{chat['id']}/sync", "ChatHistorySync"),
    ):
        states: list[str] = []
        while not states or states[-1] in ("SYNC_STARTED", "SYNC_RUNNING"):
            answer = client.get(base + path)
            check(name, answer.json())
            states.append(answer.json()["status"])
        assert (states[0], states[-1]) == ("SYNC_STARTED", "SYNC_DONE")


def test_an_account_is_restarted_and_one_that_has_ended_has_to_be_linked_again(
    client: httpx.Client, base: str, account: dict[str, Any]
) -> None:
    check("AccountRestarted", client.post(f"{base}/accounts/{account['id']}/restart").json())
    for path, status in (
        ("/accounts/acc_1/restart", 404),
        (f"/accounts/{account['id']}/sync?linkedin_product=recruiter", 403),
        (f"/accounts/{account['id']}/sync?linkedin_product=other", 400),
        (f"/accounts/{account['id']}/sync?before=5&after=9", 400),
        (f"/accounts/{account['id']}/sync?chunk_size=0", 400),
        ("/accounts/acc_1/sync", 404),
        ("/chats/chat_1/sync", 404),
    ):
        answer = client.request("POST" if path.endswith("restart") else "GET", base + path)
        assert answer.status_code == status, path
        check(f"Error{status}", answer.json())
