from __future__ import annotations

import httpx

from tests.sim.simulation import MESSAGES, Member, encoded, tail


async def shown(client: httpx.AsyncClient, chat: str, message: str, viewer: str = "user_second") -> dict[str, object]:
    found = (await client.get(f"/_sim/network/linkedin/chats/{encoded(chat)}", params={"viewer": viewer})).json()
    row: dict[str, object] = next(row for row in found["messages"] if row["id"] == tail(message))
    return row


async def test_a_recalled_message_is_gone_for_everyone(client: httpx.AsyncClient, ada: Member, bea: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("take me back", chat)
    before = await shown(client, chat, urn)
    assert before["text"] == "take me back"
    async with ada.listening() as ada_hears, bea.listening() as bea_hears:
        answer = await ada.recall(urn)
        assert (answer.status_code, answer.content) == (204, b"")
        for heard in (await ada_hears.message(), await bea_hears.message()):
            assert heard["messageBodyRenderFormat"] == "RECALLED"
            assert heard["body"]["text"] == ""
            assert tail(heard["entityUrn"]) == tail(urn)
    after = await shown(client, chat, urn)
    assert (after["state"], after["text"], after["sent_at"]) == ("RECALLED", "", before["sent_at"])
    newest = (await ada.messages(chat))["elements"][0]
    assert newest["entityUrn"] == urn
    assert newest["messageBodyRenderFormat"] == "RECALLED"
    assert newest["renderContent"] == []
    latest = (await ada.conversation_with("Bea"))["messages"]["elements"][0]
    assert latest["messageBodyRenderFormat"] == "RECALLED"


async def test_a_message_can_be_recalled_for_sixty_minutes(client: httpx.AsyncClient, ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    young, old = await ada.send("young", chat), await ada.send("old", chat)
    await client.post("/_sim/clock/advance", json={"seconds": 3590})
    assert (await ada.recall(young)).status_code == 204
    await client.post("/_sim/clock/advance", json={"seconds": 15})
    late = await ada.recall(old)
    assert (late.status_code, late.content) == (400, b"")
    assert (await shown(client, chat, old))["text"] == "old"


async def test_only_the_sender_can_recall_and_only_by_the_own_urn(ada: Member, bea: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("mine", chat)
    hers = urn.replace(ada.id, bea.id)
    assert (await bea.recall(hers)).status_code == 400
    assert (await ada.recall(hers)).status_code == 400
    assert (await ada.recall(tail(urn))).status_code == 400
    assert (await ada.recall(urn.replace("=)", ")"))).status_code == 400
    assert (await ada.recall("urn:li:msg_message:(nothing)")).status_code == 400
    assert (await ada.post(f"{MESSAGES}?action=recall", {"messageUrn": urn, "more": 1})).status_code == 400
    assert (await ada.recall(urn)).status_code == 204


async def test_a_repeated_recall_is_refused_or_accepted_as_switched(client: httpx.AsyncClient, ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("twice", chat)
    await ada.recall(urn)
    assert (await ada.recall(urn)).status_code == 400
    await client.post("/_sim/state/switches", json={"repeat_recall": 204})
    assert (await ada.recall(urn)).status_code == 204


async def test_later_reads_omit_the_row_when_switched(client: httpx.AsyncClient, ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    token = (await ada.messages(chat))["metadata"]["newSyncToken"]
    urn = await ada.send("vanish", chat)
    await ada.recall(urn)
    delta = await ada.messages(chat, f",syncToken:{encoded(token)}")
    assert [row["messageBodyRenderFormat"] for row in delta["elements"]] == ["RECALLED"]
    assert delta["metadata"]["deletedUrns"] == [{"message": {"entityUrn": urn}, "conversation": None}]
    await client.post("/_sim/state/switches", json={"recalled_rows": "omit", "deleted_urns": False})
    delta = await ada.messages(chat, f",syncToken:{encoded(token)}")
    assert delta["elements"] == []
    assert delta["metadata"]["deletedUrns"] == []
    assert urn not in str((await ada.conversation_with("Bea"))["messages"])


async def test_the_quote_in_a_reply_still_holds_the_recalled_text(client: httpx.AsyncClient, ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("quoted secret", chat)
    reply = {"text": "what do you mean?", "reply_to": tail(urn)}
    await client.post(f"/_sim/network/linkedin/chats/{encoded(chat)}/messages", json=reply)
    await ada.recall(urn)
    newest = (await ada.messages(chat))["elements"][0]
    quoted = newest["renderContent"][0]["repliedMessageContent"]["originalMessage"]
    assert quoted["body"]["text"] == "quoted secret"
    assert tail(quoted["entityUrn"]) == tail(urn)
    await client.post("/_sim/state/switches", json={"quotes_follow_recall": True})
    assert "quoted secret" not in str((await ada.messages(chat))["elements"])


async def test_a_late_frame_shows_the_text_again_but_the_chat_does_not(client: httpx.AsyncClient, ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("back from the dead", chat)
    async with ada.listening() as stream:
        await ada.recall(urn)
        assert (await stream.message())["messageBodyRenderFormat"] == "RECALLED"
        await client.post("/_sim/network/linkedin/late_frame", json={"message_id": urn})
        late = await stream.message()
        assert (late["messageBodyRenderFormat"], late["body"]["text"]) == ("DEFAULT", "back from the dead")
    assert (await shown(client, chat, urn))["state"] == "RECALLED"


async def test_two_people_see_one_message_under_one_tail(ada: Member, bea: Member) -> None:
    hers, mine = await bea.conversation_with("Ada"), await ada.conversation_with("Bea")
    assert tail(hers["entityUrn"]) == tail(mine["entityUrn"])
    urn = await ada.send("one tail", mine["entityUrn"])
    received = (await bea.messages(hers["entityUrn"]))["elements"][0]
    assert received["entityUrn"] == urn.replace(ada.id, bea.id)
    assert received["backendUrn"] == f"urn:li:messagingMessage:{tail(urn)}"
