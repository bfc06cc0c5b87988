"""The curl lines of the seed pages, on a server that runs: only base URL, key and ids are replaced."""

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.journeys.samples import answered, run_bash, sample
from tests.servers import Server, running_server

pytestmark = pytest.mark.slow

MESSAGE = "msg_01HXYZ4QK3WJ8FN3M6QH7TZ8GR"
ACCOUNT = "acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR"

# The fields of the example on the page "Retrieve a message", and their types.
EXAMPLE: dict[str, type | tuple[type, ...]] = {
    "object": str,
    "id": str,
    "provider_id": str,
    "account_id": str,
    "chat_id": str,
    "chat_provider_id": str,
    "sender_id": str,
    "sender_attendee_id": str,
    "timestamp": str,
    "text": str,
    "is_sender": int,
    "attachments": list,
    "reactions": list,
    "seen": int,
    "seen_by": dict,
    "hidden": int,
    "deleted": int,
    "edited": int,
    "is_event": int,
    "delivered": int,
    "behavior": (int, type(None)),
    "original": str,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("seeds") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def api(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.line["postpress"], headers={"X-API-KEY": server.line["key"]}) as client:
        yield client


def sent(api: httpx.Client, text: str) -> dict:
    """A message of the account's own, sent just now."""
    chat = api.get("/v1/chats").json()["items"][0]
    made = api.post(f"/v1/chats/{chat['id']}/messages", json={"text": text})
    return api.get(f"/v1/messages/{made.json()['message_id']}").json()


def shown_there(server: Server, message: dict) -> list[str]:
    """The texts of the chat, as the other person sees them."""
    chat = httpx.get(f"{server.line['sim']}/_sim/network/linkedin/chats/{message['chat_provider_id']}").json()
    return [each["text"] for each in chat["messages"]]


def postpress(server: Server, name: str, old: str, id: str) -> str:
    replaced = {"https://api.postpress.ai": server.line["postpress"], "pp_live_...": server.line["key"], old: id}
    return sample(name, replaced)


def test_a_message_is_retrieved_and_then_deleted(server: Server, api: httpx.Client) -> None:
    message = sent(api, "This is taken back by curl")
    retrieve = postpress(server, "postpress-retrieve-message.sh", MESSAGE, message["id"])
    shown = answered(run_bash(retrieve))
    assert isinstance(shown, dict)
    assert shown == message
    for name, kind in EXAMPLE.items():
        assert isinstance(shown[name], kind), name
    assert "This is taken back by curl" in shown_there(server, message)
    delete = postpress(server, "postpress-delete-message.sh", MESSAGE, message["id"])
    assert answered(run_bash(delete)) == {"object": "MessageDeleted"}
    assert answered(run_bash(delete)) == {"object": "MessageDeleted"}
    assert "This is taken back by curl" not in shown_there(server, message)
    gone = answered(run_bash(retrieve))
    assert isinstance(gone, dict)
    assert (gone["deleted"], gone["text"], gone["attachments"]) == (1, None, [])


def test_a_message_is_recalled_by_its_urn(server: Server, api: httpx.Client) -> None:
    message = sent(api, "This is recalled by curl")
    account = api.get(f"/v1/accounts/{message['account_id']}").json()["connection_params"]["im"]["id"]
    chat = f"urn:li:msg_conversation:(urn:li:fsd_profile:{account},{message['chat_provider_id']})"
    line = sample(
        "connectsafely-recall-message.sh",
        {
            "https://api.connectsafely.ai": server.line["connectsafely"],
            "<conversationUrn>": quote(chat, safe=""),
            "<messageUrn>": quote(message["provider_id"], safe=""),
            "<your_api_key>": server.line["key"],
        },
    )
    assert answered(run_bash(line)) == {"success": True, "messageUrn": message["provider_id"]}
    assert "This is recalled by curl" not in shown_there(server, message)
    assert api.get(f"/v1/messages/{message['id']}").json()["deleted"] == 1


def test_an_account_is_deleted(server: Server, api: httpx.Client) -> None:
    linked = api.post("/v1/accounts", json={"provider": "LINKEDIN", "access_token": "user_new_seed"})
    account_id = linked.json()["account_id"]
    line = postpress(server, "postpress-delete-account.sh", ACCOUNT, account_id)
    assert answered(run_bash(line)) == {"object": "AccountDeleted"}
    again = answered(run_bash(line))
    assert isinstance(again, dict)
    assert (again["status"], again["type"]) == (404, "errors/resource_not_found")
