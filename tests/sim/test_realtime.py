from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.sim.simulation import Member, Stream, encoded


async def fault(client: httpx.AsyncClient, **do: Any) -> None:
    answer = await client.post("/_sim/faults", json={"network": "linkedin", "operation": "realtime", "do": do})
    assert answer.status_code == 201, answer.text


async def texts(stream: Stream, count: int) -> list[str]:
    return [(await stream.message())["body"]["text"] for _ in range(count)]


async def test_heartbeats_come_when_nothing_else_does(client: httpx.AsyncClient, ada: Member) -> None:
    await client.post("/_sim/state/switches", json={"heartbeat_seconds": 0.05})
    async with ada.listening() as stream:
        assert await stream.next() == {"com.linkedin.realtimefrontend.Heartbeat": {}}
    await client.post("/_sim/faults", json={"operation": "realtime", "times": None, "do": {"silence_heartbeats": True}})
    async with ada.listening() as stream:
        with pytest.raises(TimeoutError):
            await stream.next(patience_seconds=0.3)


async def test_events_can_be_doubled_dropped_and_swapped(client: httpx.AsyncClient, ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    async with ada.listening() as stream:
        await fault(client, duplicate_events=1)
        await ada.send("doubled", chat)
        assert await texts(stream, 2) == ["doubled", "doubled"]
        await fault(client, drop_events=2)
        for text in ("lost", "lost too", "kept"):
            await ada.send(text, chat)
        assert await texts(stream, 1) == ["kept"]
        await fault(client, reorder_events=True)
        await ada.send("first", chat)
        await ada.send("second", chat)
        assert await texts(stream, 2) == ["second", "first"]


async def test_a_frame_in_pieces_is_still_a_frame(client: httpx.AsyncClient, ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    async with ada.listening() as stream:
        await fault(client, split_chunks=True)
        await ada.send("piece by piece, é and 👍", chat)
        assert await texts(stream, 1) == ["piece by piece, é and 👍"]


async def test_a_stream_ends_when_told(client: httpx.AsyncClient, ada: Member) -> None:
    async with ada.listening() as stream:
        assert (await client.get("/_sim/network/linkedin/streams")).json() == {"accounts": [ada.id]}
        await fault(client, end_stream=True)
        with pytest.raises(StopAsyncIteration):
            await stream.next()
    async with ada.listening() as stream:
        await ada.send("alive again", (await ada.conversation_with("Bea"))["entityUrn"])
        assert await texts(stream, 1) == ["alive again"]


async def test_logging_out_ends_the_stream(ada: Member) -> None:
    async with ada.listening() as stream:
        await ada.get("/uas/logout?csrfToken=ajax:1")
        with pytest.raises(StopAsyncIteration):
            await stream.next()


async def test_replay_sends_the_past_again_with_its_texts(client: httpx.AsyncClient, ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    await ada.recall(await ada.send("once said", chat))
    async with ada.listening() as stream:
        assert (await client.post("/_sim/replay", json={})).json() == {"sent": 2}
        again = [await stream.message(), await stream.message()]
        assert [row["messageBodyRenderFormat"] for row in again] == ["DEFAULT", "RECALLED"]
        assert again[0]["body"]["text"] == "once said"
        answer = await client.post("/_sim/replay", json={"shuffle_seed": 3, "duplicates": 2})
        assert answer.json() == {"sent": 6}


async def test_what_others_write_in_the_control_plane_is_pushed(client: httpx.AsyncClient, ada: Member) -> None:
    chat = encoded((await ada.conversation_with("Dilan"))["entityUrn"])
    address = f"/_sim/network/linkedin/chats/{chat}/messages"
    async with ada.listening() as stream:
        sent = (await client.post(address, json={"text": "from Dilan", "attachments": ["photo"]})).json()
        heard = await stream.message()
        assert heard["body"]["text"] == "from Dilan"
        assert heard["renderContent"][0]["vectorImage"]["rootUrl"]
        reacted = await client.post(f"{address}/{sent['id']}/react", json={"by": "user_good", "emoji": "👏"})
        assert reacted.json()["reactions"] == [{"emoji": "👏", "members": [ada.id]}]
        assert "RealtimeReactionSummary" in str(await stream.next())
        await client.post(f"{address}/{sent['id']}/edit", json={"text": "edited by Dilan"})
        assert (await stream.message())["messageBodyRenderFormat"] == "EDITED"
        recalled = await client.post(f"{address}/{sent['id']}/recall", json={})
        assert (recalled.json()["state"], recalled.json()["text"]) == ("RECALLED", "")
        assert (await stream.message())["messageBodyRenderFormat"] == "RECALLED"


async def test_a_heartbeat_of_the_client_is_taken(ada: Member) -> None:
    address = "/linkedin/realtime/realtimeFrontendClientConnectivityTracking?action=sendHeartbeat"
    assert (await ada.post(address, {"isFirstHeartbeat": True})).status_code == 200
