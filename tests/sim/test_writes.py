from __future__ import annotations

import base64

import httpx
import pytest

from tests.sim.simulation import CONVERSATIONS, MESSAGES, Member, encoded, tail

UPLOAD = "/linkedin/voyager/api/voyagerVideoDashMediaUploadMetadata?action=upload"


@pytest.mark.parametrize(
    "change",
    [
        {"trackingId": None},
        {"trackingId": base64.b64encode(b"sixteen-bytes-ok").decode()},
        {"mailboxUrn": "urn:li:fsd_profile:ACoAAsomeoneelse"},
        {"message": {"body": {"text": "no token"}}},
    ],
)
async def test_a_malformed_send_is_refused_without_detail(ada: Member, change: dict[str, object]) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    answer = await ada.post(f"{MESSAGES}?action=createMessage", ada.draft("x", chat) | change)
    assert answer.status_code == 400
    assert answer.json() == {"status": 400}


async def test_the_origin_token_does_not_deduplicate(ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    assert await ada.send("twice", chat) != await ada.send("twice", chat)


async def test_any_content_type_is_read_as_json(ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    draft = httpx.Request("POST", "http://x", json=ada.draft("json", chat)).content
    for kind in ({}, {"Content-Type": "application/json"}):
        answer = await ada.client.post(f"{MESSAGES}?action=createMessage", headers=ada.headers | kind, content=draft)
        assert answer.status_code == 200


async def test_a_new_chat_needs_recipients_and_a_group_may_have_a_title(ada: Member) -> None:
    group = next(chat for chat in (await ada.conversations())["elements"] if chat["groupChat"])
    people = [p["hostIdentityUrn"] for p in group["conversationParticipants"] if p["hostIdentityUrn"] != ada.profile]
    address = f"{MESSAGES}?action=createMessage"
    draft = ada.draft("hi all", None, hostRecipientUrns=people, conversationTitle="New crew")
    answer = (await ada.post(address, draft)).json()["value"]
    made = next(
        chat for chat in (await ada.conversations())["elements"] if chat["entityUrn"] == answer["conversationUrn"]
    )
    assert (made["title"], made["groupChat"], len(made["conversationParticipants"])) == ("New crew", True, 4)
    known = await ada.conversation_with("Bea")
    again = (await ada.post(address, ada.draft("hi", None, hostRecipientUrns=[people[0]]))).json()["value"]
    assert again["conversationUrn"] == known["entityUrn"]
    assert (await ada.post(address, ada.draft("hi", None, hostRecipientUrns=[]))).status_code == 400


async def test_an_edit_changes_the_text_and_keeps_the_time(client: httpx.AsyncClient, ada: Member, bea: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("frist", chat)
    sent_at = (await ada.messages(chat))["elements"][0]["deliveredAt"]
    patch = {"patch": {"$set": {"body": {"text": "first", "attributes": []}}}}
    async with bea.listening() as stream:
        assert (await ada.post(f"{MESSAGES}/{encoded(urn)}", patch)).status_code == 204
        heard = await stream.message()
    assert (heard["messageBodyRenderFormat"], heard["body"]["text"]) == ("EDITED", "first")
    assert heard["deliveredAt"] == sent_at
    assert (await bea.post(f"{MESSAGES}/{encoded(urn.replace(ada.id, bea.id))}", patch)).status_code == 400
    await client.post("/_sim/clock/advance", json={"seconds": 3601})
    assert (await ada.post(f"{MESSAGES}/{encoded(urn)}", patch)).status_code == 400


async def test_a_reply_embeds_what_it_answers(ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    original = await ada.send("the original", chat)
    draft = ada.draft("the reply", chat)
    draft["message"]["renderContentUnions"] = [{"repliedMessageContent": {"originalMessageUrn": original}}]
    assert (await ada.post(f"{MESSAGES}?action=createMessage", draft)).status_code == 200
    reply = (await ada.messages(chat))["elements"][0]
    assert reply["renderContent"][0]["repliedMessageContent"]["originalMessage"]["body"]["text"] == "the original"


async def test_an_upload_becomes_an_attachment_with_the_same_bytes(ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    wanted = {"mediaUploadType": "MESSAGING_FILE_ATTACHMENT", "fileSize": 5, "filename": "note.txt"}
    value = (await ada.post(UPLOAD, wanted)).json()["data"]["value"]
    draft = ada.draft("see file", chat)
    draft["message"]["renderContentUnions"] = [{"file": {"assetUrn": value["urn"], "byteSize": 5}}]
    assert (await ada.post(f"{MESSAGES}?action=createMessage", draft)).status_code == 400
    headers = ada.headers | {"Content-Type": "text/plain"}
    assert (await ada.client.put(value["singleUploadUrl"], headers=headers, content=b"12")).status_code == 400
    assert (await ada.client.put(value["singleUploadUrl"], headers=headers, content=b"12345")).status_code == 201
    assert (await ada.post(f"{MESSAGES}?action=createMessage", draft)).status_code == 200
    file = (await ada.messages(chat))["elements"][0]["renderContent"][0]["file"]
    assert (file["name"], file["byteSize"], file["mediaType"]) == ("note.txt", 5, "text/plain")
    got = await ada.client.get(file["url"], headers={"Cookie": ada.headers["Cookie"]})
    assert got.content == b"12345"


async def test_emoji_must_be_fully_qualified(ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("x", chat)

    async def react(action: str, emoji: str) -> int:
        answer = await ada.post(f"{MESSAGES}?action={action}", {"messageUrn": urn, "emoji": emoji})
        return answer.status_code

    assert await react("reactWithEmoji", "❤") == 400
    assert await react("reactWithEmoji", "❤️") == 204
    summary = (await ada.messages(chat))["elements"][0]["reactionSummaries"][0]
    assert (summary["emoji"], summary["count"], summary["viewerReacted"]) == ("❤️", 1, True)
    assert await react("unreactWithEmoji", "❤️") == 204
    assert await react("unreactWithEmoji", "❤️") == 400


async def test_reading_is_told_to_the_others(client: httpx.AsyncClient, ada: Member, bea: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    await client.post(f"/_sim/network/linkedin/chats/{encoded(chat)}/messages", json={"text": "read me"})
    body = {"entities": {chat: {"patch": {"$set": {"read": True}}}}}
    async with bea.listening() as stream:
        answer = await ada.post(f"{CONVERSATIONS}?ids=List({encoded(chat)})", body)
        frame = await stream.next()
    assert answer.json() == {"results": {chat: {"status": 204}}, "errors": {}}
    assert "doDecorateSeenReceiptMessengerRealtimeDecoration" in str(frame)
    assert (await ada.conversation_with("Bea"))["unreadCount"] == 0
    body["entities"][chat]["patch"]["$set"]["read"] = False
    await ada.post(f"{CONVERSATIONS}?ids=List({encoded(chat)})", body)
    assert (await ada.conversation_with("Bea"))["read"] is False


async def test_typing_is_told_and_answers_202(ada: Member, bea: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    async with bea.listening() as stream:
        assert (await ada.post(f"{CONVERSATIONS}?action=typing", {"conversationUrn": chat})).status_code == 202
        assert "doDecorateTypingIndicatorMessengerRealtimeDecoration" in str(await stream.next())


async def test_archiving_takes_a_chat_out_of_the_inbox_and_back(ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    body = {"conversationUrns": [chat], "category": "ARCHIVE"}
    assert (await ada.post(f"{CONVERSATIONS}?action=addCategory", body)).status_code == 204
    assert (await ada.conversation_with("Bea"))["categories"] == ["ARCHIVE"]
    await ada.post(f"{CONVERSATIONS}?action=removeCategory", body)
    assert (await ada.conversation_with("Bea"))["categories"] == ["INBOX", "PRIMARY_INBOX"]


async def test_a_group_is_renamed_joined_and_left(ada: Member) -> None:
    def group(chats: dict[str, list[dict[str, object]]]) -> dict[str, object]:
        return next(chat for chat in chats["elements"] if chat["groupChat"])

    chat = str(group(await ada.conversations())["entityUrn"])
    rename = {"patch": {"$set": {"title": "Renamed"}}}
    assert (await ada.post(f"{CONVERSATIONS}/{encoded(chat)}", rename)).status_code == 204
    assert group(await ada.conversations())["title"] == "Renamed"
    dilan = (await ada.conversation_with("Dilan"))["conversationParticipants"][1]["hostIdentityUrn"]
    body = {"conversationUrn": chat, "participants": [dilan]}
    assert (await ada.post(f"{CONVERSATIONS}?action=addParticipants", body)).status_code == 204
    assert dilan in str(group(await ada.conversations())["conversationParticipants"])
    body["participants"] = [f"urn:li:msg_messagingParticipant:{dilan}"]
    assert (await ada.post(f"{CONVERSATIONS}?action=removeParticipants", body)).status_code == 204
    assert dilan not in str(group(await ada.conversations())["conversationParticipants"])
    formats = [row["messageBodyRenderFormat"] for row in (await ada.messages(chat))["elements"]]
    assert "SYSTEM" in formats


async def test_a_deleted_chat_is_gone_for_me_alone_and_returns_with_the_next_message(ada: Member, bea: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    token = (await ada.conversations())["metadata"]["newSyncToken"]
    answer = await ada.client.delete(f"{CONVERSATIONS}/{encoded(chat)}", headers=ada.headers)
    assert answer.status_code == 204
    delta = await ada.conversations(f",syncToken:{encoded(token)}")
    assert delta["metadata"]["deletedUrns"] == [{"message": None, "conversation": {"entityUrn": chat}}]
    hers = (await bea.conversation_with("Ada"))["entityUrn"]
    assert tail(hers) == tail(chat)
    await bea.send("are you there?", hers)
    texts = [row["body"]["text"] for row in (await ada.messages(chat))["elements"]]
    assert texts == ["are you there?"]
