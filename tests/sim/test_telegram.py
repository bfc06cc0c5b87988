"""The simulated Telegram refuses what the Bot API refuses, in its words."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

GOOD = "7000000001:user_good"
CHANNEL = -1001000000001
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"


async def ask(client: httpx.AsyncClient, method: str, token: str = GOOD, **fields: Any) -> httpx.Response:
    return await client.post(f"/telegram/bot{token}/{method}", json=fields)


async def send(client: httpx.AsyncClient, text: str = "hello", chat: int | str = CHANNEL) -> int:
    answer = await ask(client, "sendMessage", chat_id=chat, text=text)
    assert answer.status_code == 200, answer.text
    number: int = answer.json()["result"]["message_id"]
    return number


async def album(client: httpx.AsyncClient, count: int) -> httpx.Response:
    items = [f'{{"type": "photo", "media": "attach://f{number}"}}' for number in range(count)]
    files = {f"f{number}": ("a.png", PNG, "image/png") for number in range(count)}
    data = {"chat_id": str(CHANNEL), "media": f"[{', '.join(items)}]"}
    return await client.post(f"/telegram/bot{GOOD}/sendMediaGroup", data=data, files=files)


async def shown(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    return list((await client.get("/_sim/network/telegram/posts")).json()["posts"])


REFUSALS: dict[str, tuple[str, str, dict[str, Any], int, str]] = {
    "no token": ("", "getMe", {}, 404, "Not Found"),
    "a stranger's token": ("1:x", "getMe", {}, 401, "Unauthorized"),
    "a revoked token": ("7000000009:user_banned", "getMe", {}, 401, "Unauthorized"),
    "no such method": (GOOD, "sendHorse", {}, 404, "Not Found: method not found"),
    "no such chat": (GOOD, "getChat", {"chat_id": "@nobody"}, 400, "Bad Request: chat not found"),
    "no text": (GOOD, "sendMessage", {"chat_id": CHANNEL, "text": " "}, 400, "Bad Request: message text is empty"),
    "a long text": (
        GOOD, "sendMessage", {"chat_id": CHANNEL, "text": "x" * 4097}, 400, "Bad Request: message is too long"
    ),
    "entities out of the text": (
        GOOD, "sendMessage", {"chat_id": CHANNEL, "text": "ab", "entities": [{"type": "bold", "offset": 1, "length": 2}]},
        400, "Bad Request: ENTITY_BOUNDS_INVALID",
    ),
    "a channel of others": (
        GOOD, "sendMessage", {"chat_id": "@strangers_news", "text": "x"},
        403, "Forbidden: bot is not a member of the channel chat",
    ),
    "a channel it may only read": (
        GOOD, "sendMessage", {"chat_id": "@read_only_news", "text": "x"},
        400, "Bad Request: need administrator rights in the channel chat",
    ),
    "no photo": (GOOD, "sendPhoto", {"chat_id": CHANNEL}, 400, "Bad Request: there is no photo in the request"),
    "nothing to delete": (
        GOOD, "deleteMessage", {"chat_id": CHANNEL, "message_id": 99}, 400, "Bad Request: message to delete not found"
    ),
    "no number": (
        GOOD, "deleteMessage", {"chat_id": CHANNEL}, 400, "Bad Request: message identifier is not specified"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("token", "method", "fields", "status", "words"), REFUSALS.values(), ids=REFUSALS)
async def test_it_refuses_in_telegrams_words(
    client: httpx.AsyncClient, token: str, method: str, fields: dict[str, Any], status: int, words: str
) -> None:
    answer = await ask(client, method, token, **fields)
    assert answer.status_code == status
    assert answer.json() == {"ok": False, "error_code": status, "description": words}


async def test_messages_count_in_their_chat(client: httpx.AsyncClient) -> None:
    assert [await send(client), await send(client), await send(client, chat="@harbour_talk")] == [1, 2, 1]


async def test_an_album_is_several_messages_and_one_post(client: httpx.AsyncClient) -> None:
    messages = (await album(client, 3)).json()["result"]
    assert len({message["media_group_id"] for message in messages}) == 1
    (post,) = await shown(client)
    assert post["id"] == f"{CHANNEL}:1,2,3"
    assert (await album(client, 1)).status_code == 400
    assert (await album(client, 11)).status_code == 400


async def test_after_two_days_a_message_stays_unless_a_switch_says_otherwise(client: httpx.AsyncClient) -> None:
    number = await send(client)
    await client.post("/_sim/clock/advance", json={"seconds": 48 * 3600 + 1})
    refused = await ask(client, "deleteMessage", chat_id=CHANNEL, message_id=number)
    assert refused.json()["description"] == "Bad Request: message can't be deleted"
    await client.post("/_sim/state/switches", json={"telegram_old_deletes": True})
    assert (await ask(client, "deleteMessages", chat_id=CHANNEL, message_ids=[number, 99])).json()["result"] is True
    assert await shown(client) == []


async def test_too_many_are_told_when_to_come_back(client: httpx.AsyncClient) -> None:
    await client.post("/_sim/state/switches", json={"enforce_rate_limits": True})
    answers = [await ask(client, "sendMessage", chat_id=CHANNEL, text="x") for _ in range(21)]
    last = answers[-1]
    seconds = last.json()["parameters"]["retry_after"]
    assert (last.status_code, last.headers["retry-after"]) == (429, str(seconds))
    assert last.json()["description"] == f"Too Many Requests: retry after {seconds}"


async def test_the_journal_keeps_no_token(client: httpx.AsyncClient) -> None:
    await send(client)
    await album(client, 2)
    found = (await client.get("/_sim/requests", params={"network": "telegram"})).json()["requests"]
    assert [call["operation"] for call in found] == ["sendMessage", "sendMediaGroup"]
    assert "user_good" not in str(found)
    assert found[0]["path"] == "/bot7000000001:(hidden)/sendMessage"
