from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest

from tests.sim.simulation import Member

ME = "/voyager/api/me"


async def fault(client: httpx.AsyncClient, operation: str, do: dict[str, Any], **more: Any) -> str:
    answer = await client.post("/_sim/faults", json={"operation": operation, "do": do, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def journal(client: httpx.AsyncClient, operation: str) -> list[dict[str, Any]]:
    answer = await client.get("/_sim/requests", params={"operation": operation})
    found: list[dict[str, Any]] = answer.json()["requests"]
    return found


async def test_a_scripted_status_strikes_the_nth_call_once(client: httpx.AsyncClient, ada: Member) -> None:
    do = {"status": 429, "body": {"status": 429}, "headers": {"Retry-After": "60"}}
    id = await fault(client, "me", do, network="linkedin", nth=2)
    statuses = [(await ada.get(ME)).status_code for _ in range(3)]
    assert statuses == [200, 429, 200]
    rules = (await client.get("/_sim/faults")).json()["faults"]
    assert [(rule["id"], rule["seen"], rule["hits"]) for rule in rules] == [(id, 2, 1)]
    assert [row["fault"] for row in await journal(client, "me")] == [None, None, id, None]


async def test_the_bot_block_and_retry_headers_come_through(client: httpx.AsyncClient, ada: Member) -> None:
    await fault(client, "me", {"status": 999, "body": "denied", "headers": {"Retry-After": "60"}})
    answer = await ada.get(ME)
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (999, "denied", "60")


async def test_a_reset_connection_never_applies_the_call(client: httpx.AsyncClient, ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("survives", chat)
    await fault(client, "recall", {"reset": True})
    with pytest.raises(httpx.ReadError):
        await ada.recall(urn)
    assert (await ada.messages(chat))["elements"][0]["messageBodyRenderFormat"] == "DEFAULT"
    assert [row["status"] for row in await journal(client, "recall")] == [None]


async def test_a_call_that_is_under_way_when_the_state_is_replaced_does_nothing_more(
    client: httpx.AsyncClient, ada: Member
) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("stays", chat)
    before = (await client.get("/_sim/state")).json()
    await fault(client, "recall", {"hold": True})
    late = asyncio.create_task(ada.recall(urn))
    while not await journal(client, "recall"):
        await asyncio.sleep(0.01)
    assert (await client.post("/_sim/state", json=before)).status_code == 200
    with pytest.raises(httpx.ReadError):
        await late
    assert (await ada.messages(chat))["elements"][0]["messageBodyRenderFormat"] == "DEFAULT"


@pytest.mark.parametrize("do", [{"commit_then_lose": True}, {"commit_then_hang_seconds": 0.1}])
async def test_a_lost_answer_hides_a_recall_that_happened(
    client: httpx.AsyncClient, ada: Member, do: dict[str, Any]
) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("recalled in silence", chat)
    await fault(client, "recall", do)
    with pytest.raises(httpx.ReadError):
        await ada.recall(urn)
    assert (await ada.messages(chat))["elements"][0]["messageBodyRenderFormat"] == "RECALLED"
    (row,) = await journal(client, "recall")
    assert (row["status"], row["body"], row["account"]) == (None, {"messageUrn": urn}, ada.id)


async def test_latency_delays_and_expired_and_challenged_sessions_refuse(
    client: httpx.AsyncClient, ada: Member
) -> None:
    await fault(client, "me", {"latency_seconds": 0.2})
    started = time.monotonic()
    assert (await ada.get(ME)).status_code == 200
    assert time.monotonic() - started >= 0.2
    await fault(client, "me", {"expired_session": True}, account=ada.id)
    assert (await ada.get(ME)).status_code == 401
    await fault(client, "me", {"challenge": True})
    assert (await ada.get(ME)).status_code == 302


async def test_a_call_is_held_until_its_rule_is_removed(client: httpx.AsyncClient, ada: Member) -> None:
    await fault(client, "me", {"hold": True}, account=ada.id)
    asking = asyncio.create_task(ada.get(ME))
    while not (found := [row for row in await journal(client, "me") if row["fault"]]):
        await asyncio.sleep(0.01)
    assert (await ada.get(ME)).status_code == 200, "a rule strikes once"
    assert (found[0]["status"], asking.done()) == (None, False)
    await client.delete("/_sim/faults")
    assert (await asking).status_code == 200


async def test_a_page_can_be_cut_short_and_a_read_stale(client: httpx.AsyncClient, ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("too new to see", chat)
    await fault(client, "messages", {"truncate_page": 3})
    assert len((await ada.messages(chat))["elements"]) == 3
    await fault(client, "messages", {"stale_read": True})
    assert urn not in str(await ada.messages(chat))
    await client.post("/_sim/clock/advance", json={"seconds": 120})
    await ada.recall(urn)
    await fault(client, "messages", {"stale_read": True})
    stale = (await ada.messages(chat))["elements"][0]
    assert (stale["messageBodyRenderFormat"], stale["body"]["text"]) == ("DEFAULT", "too new to see")
    assert (await ada.messages(chat))["elements"][0]["messageBodyRenderFormat"] == "RECALLED"


async def test_chance_is_the_same_for_the_same_seed(client: httpx.AsyncClient, ada: Member) -> None:
    async def run() -> list[int]:
        await client.request("DELETE", "/_sim/faults")
        await fault(client, "me", {"status": 500}, times=None, probability=0.5, seed=4)
        return [(await ada.get(ME)).status_code for _ in range(12)]

    first = await run()
    assert first == await run()
    assert set(first) == {200, 500}


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"do": {}},
        {"do": {"explode": True}},
        {"do": {"reset": True, "drop_events": 1}},
        {"do": {"latency_seconds": -1}},
        {"do": {"reset": True}, "nth": 0},
        {"do": {"reset": True}, "surprise": 1},
    ],
)
async def test_a_bad_rule_is_refused(client: httpx.AsyncClient, rule: dict[str, Any]) -> None:
    answer = await client.post("/_sim/faults", json=rule)
    assert answer.status_code == 400
    assert answer.json()["error"]
