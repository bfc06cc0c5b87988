from __future__ import annotations

import httpx
import pytest

from tests.sim.simulation import Member, encoded, tail


@pytest.fixture
async def chat(ada: Member) -> str:
    return str((await ada.conversation_with("Bea"))["entityUrn"])


async def test_a_chat_is_found_by_every_spelling_of_its_id(client: httpx.AsyncClient, chat: str) -> None:
    id = tail(chat)
    spellings = [id, id.rstrip("="), chat, f"urn:li:messagingThread:{id}", encoded(chat)]
    for spelling in spellings:
        for address in (spelling, encoded(spelling)) if "%" not in spelling else (spelling,):
            found = (await client.get(f"/_sim/network/linkedin/chats/{address}")).json()
            assert found["id"] == id
    moments = [row["sent_at"] for row in (await client.get(f"/_sim/network/linkedin/chats/{id}")).json()["messages"]]
    assert len(moments) > 20
    assert moments == sorted(moments)


async def test_the_page_of_a_chat_says_that_a_message_was_recalled(
    client: httpx.AsyncClient, ada: Member, chat: str
) -> None:
    urn = await ada.send("<b>not for long</b>", chat)
    address = f"/_sim/network/linkedin/chats/{encoded(chat)}"
    page = (await client.get(address, headers={"Accept": "text/html,*/*"})).text
    assert "&lt;b&gt;not for long&lt;/b&gt;" in page
    assert "This message was recalled." not in page
    await ada.recall(urn)
    page = (await client.get(address, headers={"Accept": "text/html,*/*"})).text
    assert "not for long" not in page
    assert "This message was recalled." in page
    listed = await client.get("/_sim/network/linkedin/chats", headers={"Accept": "text/html"})
    assert "Harbour lantern crew" in listed.text


async def test_the_journal_filters_and_is_cleared(client: httpx.AsyncClient, ada: Member, chat: str) -> None:
    await ada.send("noted", chat)
    rows = (await client.get("/_sim/requests")).json()["requests"]
    assert [row["operation"] for row in rows] == ["me", "conversations", "send"]
    last = rows[-1]
    assert (last["status"], last["account"], last["network"]) == (200, ada.id, "linkedin")
    assert last["body"]["message"]["body"]["text"] == "noted"
    assert "ajax:1" not in str(rows)
    later = (await client.get("/_sim/requests", params={"after": rows[1]["seq"]})).json()["requests"]
    assert later == [last]
    assert (await client.get("/_sim/requests", params={"network": "bluesky"})).json() == {"requests": []}
    await client.request("DELETE", "/_sim/requests")
    assert (await client.get("/_sim/requests")).json() == {"requests": []}


async def test_the_state_is_taken_out_and_put_back(client: httpx.AsyncClient, ada: Member, chat: str) -> None:
    await ada.send("before", chat)
    saved = (await client.get("/_sim/state")).content
    await ada.send("after", chat)
    assert (await client.post("/_sim/state", content=saved)).status_code == 200
    assert (await ada.messages(chat))["elements"][0]["body"]["text"] == "before"
    await ada.send("and on", chat)
    assert (await ada.messages(chat))["elements"][0]["body"]["text"] == "and on"
    broken = saved.replace(b'"version":1', b'"version":2', 1)
    assert (await client.post("/_sim/state", content=broken)).status_code == 400


async def test_the_clock_only_moves_forward(client: httpx.AsyncClient) -> None:
    before = (await client.get("/_sim/clock")).json()["offset_seconds"]
    moved = (await client.post("/_sim/clock/advance", json={"seconds": 1.5})).json()["offset_seconds"]
    assert moved == before + 1.5
    for bad in ({"seconds": -1}, {"seconds": "1"}, {}):
        answer = await client.post("/_sim/clock/advance", json=bad)
        assert answer.status_code == 400
        assert "error" in answer.json()


async def test_bad_input_is_a_400_with_a_reason(client: httpx.AsyncClient, chat: str) -> None:
    address = f"/_sim/network/linkedin/chats/{encoded(chat)}/messages"
    answers = [
        await client.get("/_sim/network/linkedin/chats/2-nothing"),
        await client.get("/_sim/network/myspace/chats"),
        await client.get("/_sim/requests?after=x"),
        await client.post(address, json={}),
        await client.post(address, json={"text": "x", "sender": "nobody"}),
        await client.post(address, json={"text": "x", "reply_to": "2-nothing"}),
        await client.post(address, content=b"{"),
        await client.post("/_sim/state/switches", json={"no_such": 1}),
        await client.post("/_sim/state/switches", json={"recalled_rows": "perhaps"}),
        await client.post("/_sim/state", json={}),
        await client.post("/_sim/network/linkedin/late_frame", json={}),
        await client.post("/_sim/replay", json={"network": "bluesky"}),
        await client.delete("/_sim/faults/none"),
    ]
    assert [answer.status_code for answer in answers] == [400] * len(answers)
    assert all(answer.json()["error"] for answer in answers)


async def test_others_cannot_recall_late_either(client: httpx.AsyncClient, chat: str) -> None:
    address = f"/_sim/network/linkedin/chats/{encoded(chat)}"
    oldest = (await client.get(address)).json()["messages"][0]
    answer = await client.post(f"{address}/messages/{oldest['id']}/recall", json={})
    assert answer.status_code == 400
