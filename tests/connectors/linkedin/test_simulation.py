"""The connector against a server that speaks LinkedIn's protocol: what the other person sees is the judge."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from postroom.connectors.contract import Linked, Reply
from postroom.connectors.http import Http
from postroom.connectors.linkedin.connection import LinkedInConnection
from postroom.connectors.linkedin.connector import LinkedInConnector, LinkedInSettings
from postroom.domain.remote import (
    Credentials,
    Gap,
    MessageDraft,
    MessageGone,
    MessageSeen,
    ReactionChanged,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)
from postroom.errors import ActionRequired, CredentialsRejected, LoginFailed, OutcomeUnknown, ProviderDown, Refused


async def keep(credentials: Credentials) -> None:
    raise AssertionError("LinkedIn's credentials do not change")


@pytest.fixture
async def connector(simulation: Any) -> AsyncIterator[LinkedInConnector]:
    made = LinkedInConnector(http=Http(backoff_seconds=0.01), settings=LinkedInSettings(origin=simulation.linkedin))
    yield made
    await made.close()


async def link(connector: LinkedInConnector, login: str = "user_good") -> LinkedInConnection:
    linked = await connector.login("cookie", Reply(state=None, answers={"access_token": login}))
    assert isinstance(linked, Linked)
    connection = connector.open(linked.profile, linked.credentials, keep)
    assert isinstance(connection, LinkedInConnection)
    return connection


@pytest.fixture
async def ada(connector: LinkedInConnector) -> LinkedInConnection:
    return await link(connector)


async def all_chats(connection: LinkedInConnection) -> list[RemoteChat]:
    found: list[RemoteChat] = []
    cursor: str | None = None
    while True:
        page = await connection.list_chats(cursor)
        found.extend(page.items)
        cursor = page.next
        if cursor is None:
            return found


async def all_messages(connection: LinkedInConnection, chat: RemoteChat) -> list[RemoteMessage]:
    found: list[RemoteMessage] = []
    cursor: str | None = None
    while True:
        page = await connection.list_messages(chat.provider_id, cursor)
        found.extend(page.items)
        cursor = page.next
        if cursor is None:
            return found


async def chat_of(connection: LinkedInConnection, name: str, *, group: bool = False) -> RemoteChat:
    for chat in await all_chats(connection):
        if any(name in person.name for person in chat.attendees) and (chat.kind == 1) is group:
            return chat
    raise AssertionError(name)


def as_others_see_it(simulation: Any, message: RemoteMessage) -> dict[str, Any]:
    chat = simulation.get(f"network/linkedin/chats/{message.chat_key}")
    return next(item for item in chat["messages"] if message.key in item["id"])


async def test_the_whole_mailbox_is_read_once_and_newest_first(ada: LinkedInConnection, simulation: Any) -> None:
    chats = await all_chats(ada)
    assert len(chats) == len({chat.key for chat in chats}) > 3
    moments = [chat.last_message_at for chat in chats if chat.last_message_at is not None]
    assert moments == sorted(moments, reverse=True)
    for chat in chats:
        messages = await all_messages(ada, chat)
        expected = simulation.get(f"network/linkedin/chats/{chat.key}", viewer="user_good")["messages"]
        assert len(messages) == len({message.key for message in messages}) == len(expected)
        assert [message.sent_at for message in messages] == sorted((m.sent_at for m in messages), reverse=True)
        assert all(message.chat_key == chat.key for message in messages)
        assert all(message.reactions is not None for message in messages)


async def test_a_sent_message_arrives_and_a_recalled_one_is_gone_for_the_other_person(
    ada: LinkedInConnection, simulation: Any
) -> None:
    chat = await chat_of(ada, "Bea")
    sent = await ada.send_message(chat.key, MessageDraft(text="Meet at the lock", token="token-1"))
    assert as_others_see_it(simulation, sent)["text"] == "Meet at the lock"
    await ada.recall_message(chat.key, sent.key)
    seen = as_others_see_it(simulation, sent)
    assert (seen["state"], seen["text"]) == ("RECALLED", "")
    shown = await ada.read_message(chat.key, sent.key)
    assert shown is not None
    assert shown.recalled
    assert len(simulation.requests("recall")) == 1


async def test_the_same_message_has_one_key_in_both_mailboxes(
    connector: LinkedInConnector, ada: LinkedInConnection
) -> None:
    other = await link(connector, "user_second")
    theirs = {chat.key: chat for chat in await all_chats(other)}
    shared = [chat for chat in await all_chats(ada) if chat.key in theirs]
    assert shared
    for chat in shared:
        mine = {message.key for message in await all_messages(ada, chat)}
        assert mine == {message.key for message in await all_messages(other, theirs[chat.key])}


async def test_a_recall_that_is_refused_changes_nothing(ada: LinkedInConnection, simulation: Any) -> None:
    chat = await chat_of(ada, "Bea")
    sent = await ada.send_message(chat.key, MessageDraft(text="Too late", token="t"))
    simulation.post("clock/advance", {"seconds": 3700})
    with pytest.raises(Refused):
        await ada.recall_message(chat.key, sent.key)
    assert as_others_see_it(simulation, sent)["text"] == "Too late"


async def test_a_lost_answer_to_a_recall_is_unknown_and_reading_back_settles_it(
    ada: LinkedInConnection, simulation: Any
) -> None:
    chat = await chat_of(ada, "Bea")
    sent = await ada.send_message(chat.key, MessageDraft(text="Hello", token="t"))
    simulation.fault("recall", {"commit_then_lose": True})
    with pytest.raises(OutcomeUnknown):
        await ada.recall_message(chat.key, sent.key)
    shown = await ada.read_message(chat.key, sent.key)
    assert shown is not None
    assert shown.recalled
    assert len(simulation.requests("recall")) == 1


async def test_a_recall_that_never_arrived_is_unknown_and_reading_back_settles_it(
    ada: LinkedInConnection, simulation: Any
) -> None:
    chat = await chat_of(ada, "Bea")
    sent = await ada.send_message(chat.key, MessageDraft(text="Hello", token="t"))
    simulation.fault("recall", {"reset": True})
    with pytest.raises(OutcomeUnknown):
        await ada.recall_message(chat.key, sent.key)
    shown = await ada.read_message(chat.key, sent.key)
    assert shown is not None
    assert (shown.recalled, shown.text) == (False, "Hello")
    assert len(simulation.requests("recall")) == 1


async def test_a_tombstone_that_is_left_out_is_read_back_as_none(ada: LinkedInConnection, simulation: Any) -> None:
    simulation.post("state/switches", {"recalled_rows": "omit"})
    chat = await chat_of(ada, "Bea")
    sent = await ada.send_message(chat.key, MessageDraft(text="Hello", token="t"))
    await ada.recall_message(chat.key, sent.key)
    assert await ada.read_message(chat.key, sent.key) is None


@pytest.mark.parametrize("body", ["null", "absent", "empty"])
async def test_a_tombstone_of_any_form_is_understood(ada: LinkedInConnection, simulation: Any, body: str) -> None:
    simulation.post("state/switches", {"recalled_body": body})
    chat = await chat_of(ada, "Bea")
    sent = await ada.send_message(chat.key, MessageDraft(text="Hello", token="t"))
    await ada.recall_message(chat.key, sent.key)
    shown = await ada.read_message(chat.key, sent.key)
    assert shown is not None
    assert (shown.recalled, shown.text) == (True, None)


async def test_a_lost_answer_to_a_send_is_found_by_its_token(ada: LinkedInConnection, simulation: Any) -> None:
    chat = await chat_of(ada, "Bea")
    simulation.fault("send", {"commit_then_lose": True})
    with pytest.raises(OutcomeUnknown):
        await ada.send_message(chat.key, MessageDraft(text="Hello", token="the-token"))
    page = await ada.list_messages(chat.key, None)
    assert json.loads(page.items[0].original)["originToken"] == "the-token"
    assert len(simulation.requests("send")) == 1


async def test_an_answer_to_a_message_quotes_it(ada: LinkedInConnection, simulation: Any) -> None:
    chat = await chat_of(ada, "Bea")
    first = await ada.send_message(chat.key, MessageDraft(text="First", token="a"))
    await ada.send_message(chat.key, MessageDraft(text="Second", token="b", quote_provider_id=first.provider_id))
    newest = (await ada.list_messages(chat.key, None)).items[0]
    assert newest.quote is not None
    assert (newest.quote.key, newest.quote.text) == (first.key, "First")


async def test_what_was_missed_is_in_the_delta(ada: LinkedInConnection, simulation: Any) -> None:
    chat = await chat_of(ada, "Bea")
    sent = await ada.send_message(chat.key, MessageDraft(text="Mine", token="t"))
    token = (await ada.changes(None)).token
    for number in range(25):
        simulation.post(f"network/linkedin/chats/{chat.key}/messages", {"text": f"number {number}"})
    simulation.post(f"network/linkedin/chats/{chat.key}/messages/{sent.key}/recall", {"by": "user_good"})
    delta = await ada.changes(token)
    seen = {event.message.key: event.message for event in delta.events if isinstance(event, MessageSeen)}
    assert delta.complete
    assert {f"number {number}" for number in range(25)} <= {message.text for message in seen.values()}
    assert seen[sent.key].recalled
    after = await ada.changes(delta.token)
    assert not any(isinstance(event, MessageSeen) for event in after.events)


async def test_a_mailbox_full_of_oddities_is_read(ada: LinkedInConnection, simulation: Any) -> None:
    before = len(await all_messages(ada, await chat_of(ada, "Bea")))
    simulation.post("state/switches", {"unknown_fields": True, "sparse_conversations": True, "deleted_urns": "plain"})
    assert len(await all_messages(ada, await chat_of(ada, "Bea"))) == before
    assert (await ada.changes(None)).complete


async def test_a_query_that_rotated_is_refused_not_empty(ada: LinkedInConnection, simulation: Any) -> None:
    chat = await chat_of(ada, "Bea")
    sent = await ada.send_message(chat.key, MessageDraft(text="Hello", token="t"))
    simulation.post("state/switches", {"rejected_query_hashes": ["4088d03bc70c91c3fa68965cb42336de"]})
    with pytest.raises(Refused):
        await ada.read_message(chat.key, sent.key)


async def test_a_read_survives_a_moment_of_failure(ada: LinkedInConnection, simulation: Any) -> None:
    simulation.fault("conversations", {"status": 503}, times=2)
    assert (await ada.list_chats(None)).items
    simulation.fault("conversations", {"status": 503}, times=3)
    with pytest.raises(ProviderDown):
        await ada.list_chats(None)


@pytest.mark.parametrize("login", ["user_revoked", "user_expired", "nobody-at-all"])
async def test_a_cookie_that_is_over_cannot_be_linked(connector: LinkedInConnector, login: str) -> None:
    with pytest.raises(LoginFailed):
        await link(connector, login)


async def test_a_restricted_account_is_refused_what_it_asks(connector: LinkedInConnector) -> None:
    banned = await link(connector, "user_banned")
    with pytest.raises(Refused):
        await banned.list_chats(None)


async def test_a_challenge_is_for_the_owner(ada: LinkedInConnection, simulation: Any) -> None:
    simulation.fault("conversations", {"challenge": True})
    with pytest.raises(ActionRequired):
        await ada.list_chats(None)


async def test_a_revoked_session_opens_nothing_and_revoking_again_is_fine(ada: LinkedInConnection) -> None:
    await ada.revoke()
    with pytest.raises(CredentialsRejected):
        await ada.profile()
    await ada.revoke()


async def until(news: AsyncIterator[RemoteEvent], wanted: Any) -> RemoteEvent:
    async with asyncio.timeout(10):
        async for event in news:
            if wanted(event):
                return event
    raise AssertionError("the stream ended")


async def test_news_arrive_as_they_happen(ada: LinkedInConnection, simulation: Any) -> None:
    chat = await chat_of(ada, "Bea")
    async with aclosing(ada.listen()) as news:  # type: ignore[type-var]
        assert isinstance(await anext(news), Gap)
        written = simulation.post(f"network/linkedin/chats/{chat.key}/messages", {"text": "Knock knock"})
        seen = await until(news, lambda event: isinstance(event, MessageSeen))
        assert isinstance(seen, MessageSeen)
        assert (seen.message.text, seen.message.sender.is_self) == ("Knock knock", False)
        assert seen.chat is not None
        assert seen.chat.key == chat.key
        place = f"network/linkedin/chats/{chat.key}/messages/{written['id']}"
        simulation.post(f"{place}/react", {"emoji": "👍"})
        reacted = await until(news, lambda event: isinstance(event, ReactionChanged))
        assert isinstance(reacted, ReactionChanged)
        assert (reacted.emoji, reacted.is_sender, reacted.key) == ("👍", False, seen.message.key)
        simulation.post(f"{place}/recall")
        gone = await until(news, lambda event: isinstance(event, MessageSeen | MessageGone))
        assert isinstance(gone, MessageSeen)
        assert (gone.message.recalled, gone.message.text) == (True, None)


async def test_own_doings_elsewhere_are_heard(connector: LinkedInConnector, simulation: Any) -> None:
    phone, ada = await link(connector, "user_good~phone"), await link(connector)
    chat = await chat_of(ada, "Bea")
    async with aclosing(ada.listen()) as news:  # type: ignore[type-var]
        await anext(news)
        sent = await phone.send_message(chat.key, MessageDraft(text="From the phone", token="t"))
        seen = await until(news, lambda event: isinstance(event, MessageSeen))
        assert isinstance(seen, MessageSeen)
        assert (seen.message.key, seen.message.sender.is_self) == (sent.key, True)


@pytest.mark.parametrize("fault", ["split_chunks", "reorder_events"])
async def test_news_arrive_through_a_bad_line(ada: LinkedInConnection, simulation: Any, fault: str) -> None:
    chat = await chat_of(ada, "Bea")
    async with aclosing(ada.listen()) as news:  # type: ignore[type-var]
        await anext(news)
        simulation.stream_fault({fault: True})
        simulation.post(f"network/linkedin/chats/{chat.key}/messages", {"text": "Grüße 🐝"})
        seen = await until(news, lambda event: isinstance(event, MessageSeen))
        assert isinstance(seen, MessageSeen)
        assert seen.message.text == "Grüße 🐝"


async def test_a_stream_that_ends_is_followed_by_a_gap_and_goes_on(ada: LinkedInConnection, simulation: Any) -> None:
    chat = await chat_of(ada, "Bea")
    async with aclosing(ada.listen()) as news:  # type: ignore[type-var]
        await anext(news)
        simulation.stream_fault({"end_stream": True})
        assert isinstance(await until(news, lambda event: isinstance(event, Gap)), Gap)
        simulation.post(f"network/linkedin/chats/{chat.key}/messages", {"text": "Still there?"})
        await until(news, lambda event: isinstance(event, MessageSeen) and event.message.text == "Still there?")


async def test_listening_ends_when_the_session_does(connector: LinkedInConnector, ada: LinkedInConnection) -> None:
    async with aclosing(ada.listen()) as news:  # type: ignore[type-var]
        await anext(news)
        await ada.revoke()
        with pytest.raises(CredentialsRejected):
            await until(news, lambda event: False)
