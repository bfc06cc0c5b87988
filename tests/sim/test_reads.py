from __future__ import annotations

import httpx

from tests.sim.simulation import Member, encoded, tail

INBOX = ",query:(predicateUnions:List((conversationCategoryPredicate:(category:PRIMARY_INBOX))))"


async def test_ada_has_the_chats_the_scenarios_promise(ada: Member) -> None:
    chats = (await ada.conversations())["elements"]
    assert len(chats) >= 5
    assert any(chat["groupChat"] and chat["title"] for chat in chats)
    assert any((chat["conversationTypeText"] or {}).get("text") == "InMail" for chat in chats)
    activity = [chat["lastActivityAt"] for chat in chats]
    assert activity == sorted(activity, reverse=True)


async def test_every_chat_has_fresh_and_old_messages_of_both_sides(client: httpx.AsyncClient, ada: Member) -> None:
    now = (await client.get("/_sim/clock")).json()
    assert now["offset_seconds"] >= 0
    for chat in (await ada.conversations())["elements"]:
        page = await ada.messages(chat["entityUrn"], ",deliveredAt:9999999999999,countBefore:100,countAfter:0")
        assert len(page["elements"]) >= 20
        newest = page["elements"][0]["deliveredAt"]
        for own in (True, False):
            ages = [
                newest - row["deliveredAt"]
                for row in page["elements"]
                if (row["sender"]["hostIdentityUrn"] == ada.profile) is own
            ]
            assert min(ages) < 9 * 60_000
            assert max(ages) > 60 * 60_000
        assert any("repliedMessageContent': {" in str(row["renderContent"]) for row in page["elements"][:8])


async def test_the_same_seed_gives_the_same_world(client: httpx.AsyncClient) -> None:
    async def world(seed: int) -> list[object]:
        await client.post("/_sim/state/reset", json={"seed": seed})
        ada = await Member(client).sign_in()
        chats = (await ada.conversations())["elements"]
        return [ada.id, [(chat["entityUrn"], chat["messages"]["elements"][0]["body"]["text"]) for chat in chats]]

    first = await world(1)
    assert await world(1) == first
    assert await world(2) != first


async def test_conversations_page_by_time_and_cursor_until_the_end(ada: Member) -> None:
    everything = [row["entityUrn"] for row in (await ada.conversations())["elements"]]
    page = await ada.conversations(f",lastUpdatedBefore:9999999999999,count:4{INBOX}")
    found = [row["entityUrn"] for row in page["elements"]]
    assert len(found) == 4
    page = await ada.conversations(f",count:4,nextCursor:{encoded(page['metadata']['nextCursor'])}{INBOX}")
    found += [row["entityUrn"] for row in page["elements"]]
    assert found == everything
    assert page["metadata"]["nextCursor"] is None


async def test_conversations_by_id_are_a_bare_list(ada: Member) -> None:
    wanted = (await ada.conversations())["elements"][2]["entityUrn"]
    answer = await ada.query("messengerConversations", f"(conversationIds:List({encoded(wanted)}),count:1)")
    rows = answer.json()["data"]["messengerConversationsByIds"]
    assert [row["entityUrn"] for row in rows] == [wanted]


async def test_conversations_by_recipients_may_be_empty(ada: Member, bea: Member) -> None:
    chat = await ada.conversation_with("Bea")
    page = await ada.conversations(f",recipients:List({encoded(bea.profile)})")
    assert [row["entityUrn"] for row in page["elements"]] == [chat["entityUrn"]]
    nobody = encoded("urn:li:fsd_profile:ACoAAnobody")
    assert (await ada.conversations(f",recipients:List({nobody})"))["elements"] == []


async def test_a_sync_token_brings_only_what_changed(client: httpx.AsyncClient, ada: Member) -> None:
    first = await ada.conversations()
    token = encoded(first["metadata"]["newSyncToken"])
    assert (await ada.conversations(f",syncToken:{token}"))["elements"] == []
    chat = await ada.conversation_with("Bea")
    await client.post(f"/_sim/network/linkedin/chats/{encoded(chat['entityUrn'])}/messages", json={"text": "news"})
    delta = await ada.conversations(f",syncToken:{token}")
    assert [row["entityUrn"] for row in delta["elements"]] == [chat["entityUrn"]]
    assert delta["elements"][0]["unreadCount"] == chat["unreadCount"] + 1
    assert delta["metadata"]["shouldClearCache"] is False


async def test_a_foreign_sync_token_clears_the_cache(ada: Member) -> None:
    page = await ada.conversations(",syncToken:bm9uc2Vuc2U%3D")
    assert page["metadata"]["shouldClearCache"] is True
    assert page["elements"]


async def test_messages_page_back_by_anchor_and_cursor_without_gap_or_repeat(ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    page = await ada.messages(chat, ",deliveredAt:9999999999999,countBefore:10,countAfter:0")
    found = page["elements"]
    while page["metadata"]["prevCursor"]:
        page = await ada.messages(chat, f",count:10,prevCursor:{encoded(page['metadata']['prevCursor'])}")
        found += page["elements"]
    assert len(found) == len({row["entityUrn"] for row in found}) > 20
    times = [row["deliveredAt"] for row in found]
    assert times == sorted(times, reverse=True)
    anchor = times[5]
    around = await ada.messages(chat, f",deliveredAt:{anchor},countBefore:2,countAfter:2")
    assert [row["deliveredAt"] for row in around["elements"]] == times[3:7]


async def test_encoded_outer_punctuation_is_refused(ada: Member) -> None:
    answer = await ada.query("messengerConversations", encoded(f"(mailboxUrn:{ada.profile})"))
    assert answer.status_code == 400
    unencoded_leaf = f"(conversationUrn:urn:li:msg_conversation:({ada.profile},2-x))"
    assert (await ada.query("messengerMessages", unencoded_leaf)).status_code == 400


async def test_someone_elses_mailbox_is_refused(ada: Member, bea: Member) -> None:
    assert (await ada.query("messengerConversations", f"(mailboxUrn:{encoded(bea.profile)})")).status_code == 400
    hers = (await bea.conversation_with("Ada"))["entityUrn"]
    assert (await ada.query("messengerMessages", f"(conversationUrn:{encoded(hers)})")).status_code == 400


async def test_a_rotated_query_hash_is_refused_when_switched(client: httpx.AsyncClient, ada: Member) -> None:
    variables = f"(mailboxUrn:{encoded(ada.profile)})"
    await client.post("/_sim/state/switches", json={"rejected_query_hashes": ["old"]})
    assert (await ada.query("messengerConversations", variables, hash="old")).status_code == 400
    assert (await ada.query("messengerConversations", variables, hash="new")).status_code == 200
    assert (await ada.query("messengerSomethingElse", variables)).status_code == 400


async def test_sparse_and_unknown_fields_come_when_switched(client: httpx.AsyncClient, ada: Member) -> None:
    await client.post("/_sim/state/switches", json={"sparse_conversations": True, "unknown_fields": True})
    chat = (await ada.conversations())["elements"][0]
    assert "messages" not in chat
    assert chat["creator"] is None
    assert "conversationMood" in chat


async def test_reactors_of_an_emoji_are_listed(ada: Member, bea: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("react to me", chat)
    address = "/linkedin/voyager/api/voyagerMessagingDashMessengerMessages"
    hers = urn.replace(ada.id, bea.id)
    assert (await bea.post(f"{address}?action=reactWithEmoji", {"messageUrn": hers, "emoji": "👍"})).status_code == 204
    variables = f"(messageUrn:{encoded(urn)},emoji:{encoded('👍')})"
    answer = await ada.query("messengerMessagingParticipants", variables)
    rows = answer.json()["data"]["messengerMessagingParticipantsByMessageAndEmoji"]["elements"]
    assert [row["hostIdentityUrn"] for row in rows] == [bea.profile]
    assert tail(urn) == tail(hers)
