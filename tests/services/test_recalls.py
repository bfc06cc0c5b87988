"""Taking a message back: the network first, then the tombstone, and one call for however many who ask."""

import asyncio
from urllib.parse import quote

import pytest

from postroom.domain.events import EventType
from postroom.domain.messages import Message
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    Kind,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    RateLimited,
    Refused,
)
from tests.scene import MINUTE, Scene
from tests.scene import the_scene as the_scene

DAY = 24 * 60 * MINUTE
READ = "messages"


async def recalled(scene: Scene, message: Message) -> None:
    """It is gone at LinkedIn and a tombstone here."""
    assert (await scene.shown(message))["state"] == "RECALLED"
    held = await scene.get(message)
    assert held.is_tombstone
    assert (held.content.text, held.content.attachments, held.content.original) == (None, (), "")


async def test_a_recall_makes_one_call_and_leaves_a_tombstone_an_event_and_a_receipt(scene: Scene) -> None:
    message = await scene.own()
    await scene.forget_calls()
    await scene.recall(message)
    assert await scene.calls() == ["recall"]
    await recalled(scene, message)
    (event,) = await scene.events(EventType.MESSAGE_DELETED)
    assert (event.data.message_id, event.data.origin) == (message.id, "api")
    (receipt,) = await scene.receipts()
    assert (receipt.document["outcome"], receipt.document["verified"]) == ("done", False)
    assert receipt.document["erased"] == [message.id]
    assert [row["outcome"] for row in await scene.intents()] == ["done"]


async def test_a_second_recall_answers_the_same_and_calls_nobody(scene: Scene) -> None:
    message = await scene.own()
    await scene.recall(message)
    await scene.forget_calls()
    await scene.advance(2 * DAY)
    await scene.recall(message)
    assert await scene.calls() == []
    assert len(await scene.receipts()) == len(await scene.events(EventType.MESSAGE_DELETED)) == 1


async def test_callers_who_ask_at_once_make_one_call_and_all_succeed(scene: Scene) -> None:
    message = await scene.own()
    await scene.forget_calls()
    await scene.fault("recall", do={"latency_seconds": 0.3})
    key = message.key
    by_key = scene.services.recalls.recall_by_key(scene.caller, "linkedin", message.chat_provider_id, key, None)
    await asyncio.gather(scene.recall(message), scene.recall(message), by_key)
    assert await scene.calls("recall") == ["recall"]
    await recalled(scene, message)
    assert len(await scene.receipts()) == 1


async def test_a_quote_of_the_message_is_blanked_with_it(scene: Scene) -> None:
    message = await scene.own(quoted=True)
    text = message.content.text or ""
    (answer,) = [
        held
        for held in await scene.messages()
        if held.content.quote is not None and held.content.quote.key == message.key
    ]
    await scene.recall(message)
    held = await scene.get(answer)
    assert held.content.quote is not None
    assert (held.content.quote.text, held.content.quote.attachments) == (None, ())
    assert held.content.text == answer.content.text
    assert text not in held.content.original


# Refused before anybody is called.


async def test_older_than_60_minutes_is_refused_with_the_deadline_and_without_a_call(scene: Scene) -> None:
    message = await scene.own()
    await scene.advance(59 * MINUTE - (scene.now_ms() - message.sent_at) / 1000)
    await scene.fault("recall", do={"status": 503})
    await scene.forget_calls()
    with pytest.raises(ProviderDown):  # a minute before, it is asked
        await scene.recall(message)
    await scene.advance(2 * MINUTE)
    await scene.forget_calls()
    with pytest.raises(Refused, match=r"the deadline was 20\d\d-.*Z, 60 minutes after it was sent") as refused:
        await scene.recall(message)
    assert refused.value.kind is Kind.WINDOW_EXPIRED
    assert await scene.calls() == []


async def test_somebody_elses_message_is_refused_without_a_call(scene: Scene) -> None:
    message = await scene.others()
    await scene.forget_calls()
    with pytest.raises(Refused) as refused:
        await scene.recall(message)
    assert refused.value.kind is Kind.NOT_OWN
    assert await scene.calls() == []


async def test_a_network_without_recall_is_not_called(scene: Scene) -> None:
    with pytest.raises(NotSupported):
        await scene.services.recalls.recall_by_key(scene.caller, "bluesky", "chat", "message", None)


async def test_an_account_that_is_disconnected_is_refused_without_a_call(scene: Scene) -> None:
    message = await scene.own()
    await scene.fault("messages", do={"expired_session": True})
    with pytest.raises(CredentialsRejected):
        await scene.sync(await scene.linkedin(), full=True)
    await scene.no_faults()
    await scene.forget_calls()
    with pytest.raises(CredentialsRejected) as refused:
        await scene.recall(message)
    assert refused.value.code is ErrorCode.DISCONNECTED_ACCOUNT
    assert await scene.calls() == []
    assert len(await scene.events(EventType.ACCOUNT_DISCONNECTED)) == 1


async def test_an_unknown_message_and_another_workspaces_are_not_found(scene: Scene) -> None:
    with pytest.raises(NotFound) as unknown:
        await scene.services.recalls.recall(scene.caller, "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    assert unknown.value.code is ErrorCode.RESOURCE_NOT_FOUND
    with pytest.raises(NotFound) as malformed:
        await scene.services.recalls.recall(scene.caller, "42")
    assert malformed.value.code is ErrorCode.INVALID_RESOURCE_IDENTIFIER
    theirs = (await scene.messages(scene.built.other))[0]
    with pytest.raises(NotFound):
        await scene.recall(theirs)


# Refused by the network.


async def test_a_session_that_has_ended_disconnects_the_account(scene: Scene) -> None:
    message = await scene.own()
    await scene.fault("recall", do={"expired_session": True})
    with pytest.raises(CredentialsRejected):
        await scene.recall(message)
    assert not (await scene.get(message)).is_tombstone
    assert (await scene.linkedin()).status == "disconnected"
    (event,) = await scene.events(EventType.ACCOUNT_DISCONNECTED)
    assert event.data.account_id == message.account_id


async def test_a_check_that_the_network_asks_for_is_told(scene: Scene) -> None:
    message = await scene.own()
    await scene.fault("recall", do={"challenge": True})
    with pytest.raises(ActionRequired):
        await scene.recall(message)
    assert (await scene.linkedin()).status == "action_required"
    assert len(await scene.events(EventType.ACCOUNT_ACTION_REQUIRED)) == 1


async def test_too_many_requests_changes_nothing_and_can_be_asked_again(scene: Scene) -> None:
    message = await scene.own()
    await scene.fault("recall", do={"status": 429, "headers": {"retry-after": "30"}})
    await scene.forget_calls()
    with pytest.raises(RateLimited) as refused:
        await scene.recall(message)
    assert refused.value.retry_after_seconds == 30
    assert await scene.calls() == ["recall"]
    assert not (await scene.get(message)).is_tombstone
    await scene.recall(message)
    await recalled(scene, message)


async def test_a_refusal_with_the_message_still_there_is_a_refusal_after_exactly_one_read(scene: Scene) -> None:
    message = await scene.own()
    await scene.fault("recall", do={"status": 400})
    await scene.forget_calls()
    with pytest.raises(Refused) as refused:
        await scene.recall(message)
    assert refused.value.kind is Kind.RECALL_REFUSED
    assert await scene.calls() == ["recall", READ]
    assert not (await scene.get(message)).is_tombstone
    assert await scene.events(EventType.MESSAGE_DELETED, EventType.RECALL_IN_DOUBT) == []


async def test_a_refusal_of_what_was_recalled_elsewhere_is_success_after_exactly_one_read(scene: Scene) -> None:
    message = await scene.own()
    await scene.at_linkedin(message, "recall")
    await scene.forget_calls()
    await scene.recall(message)
    assert await scene.calls() == ["recall", READ]
    await recalled(scene, message)
    (receipt,) = await scene.receipts()
    assert (receipt.document["network_answer"], receipt.document["verified"]) == ("refused", True)


async def test_a_refusal_and_no_message_is_success_where_it_was_held(scene: Scene) -> None:
    message = await scene.own()
    await scene.switch(recalled_rows="omit")
    await scene.at_linkedin(message, "recall")
    await scene.forget_calls()
    await scene.recall(message)
    assert await scene.calls() == ["recall", READ]
    assert (await scene.get(message)).is_tombstone
    (receipt,) = await scene.receipts()
    assert (receipt.document["read_back"], receipt.document["verified"]) == ("absent", False)


async def test_a_refusal_and_no_message_is_a_refusal_where_it_was_never_held(scene: Scene) -> None:
    chat = (await scene.own()).chat_provider_id
    written = await scene.write_at_linkedin(chat, "Never synced.", sender="user_good")
    await scene.switch(recalled_rows="omit")
    path = f"/_sim/network/linkedin/chats/{quote(chat, safe='')}/messages/{quote(written['id'], safe='')}/recall"
    await scene.built.sim.post(path, json={})
    await scene.forget_calls()
    with pytest.raises(Refused):
        await scene.services.recalls.recall_by_key(scene.caller, "linkedin", chat, written["id"], None)
    assert await scene.calls() == ["recall", READ]
    assert (await scene.rows())["tombstones"] == []


async def test_a_page_that_ends_before_the_message_proves_nothing(scene: Scene) -> None:
    message = await scene.own()
    await scene.fault("recall", do={"status": 400})
    await scene.fault(READ, do={"truncate_page": 0}, times=3)
    with pytest.raises(OutcomeUnknown):
        await scene.recall(message)
    assert not (await scene.get(message)).is_tombstone


async def test_an_answer_that_tells_of_a_failure_is_read_back_at_once(scene: Scene) -> None:
    message = await scene.own()
    await scene.fault("recall", do={"status": 503})
    await scene.forget_calls()
    with pytest.raises(ProviderDown, match="still there") as failed:
        await scene.recall(message)
    assert failed.value.code is ErrorCode.PROVIDER_ERROR
    assert await scene.calls() == ["recall", READ]
    assert not (await scene.get(message)).is_tombstone
    # And where it had been done all the same:
    await scene.at_linkedin(message, "recall")
    await scene.fault("recall", do={"status": 503})
    await scene.forget_calls()
    await scene.recall(message)
    assert await scene.calls() == ["recall", READ]
    await recalled(scene, message)


async def test_a_network_that_cannot_be_reached_is_down_and_nothing_happened(scene: Scene) -> None:
    message = await scene.own()
    connection = scene.house.services.recalls._connections
    await connection.messenger(await scene.linkedin()).__aenter__()
    voyager = connection._open[message.account_id].connection._api  # type: ignore[attr-defined]
    origin, voyager._origin = voyager._origin, "http://127.0.0.1:9"
    with pytest.raises(ProviderDown, match="nothing was sent"):
        await scene.recall(message)
    assert [row["outcome"] for row in await scene.intents()] == ["refused"]
    assert not (await scene.get(message)).is_tombstone
    voyager._origin = origin
    await scene.recall(message)
    await recalled(scene, message)


# By the network's own ids.


def spellings(message: Message, mailbox: str, other: str) -> list[tuple[str, str]]:
    """Conversation and message, as callers may write them."""
    chat, bare = message.chat_provider_id, message.provider_id.removeprefix("urn:li:msg:")

    def pair(member: str) -> tuple[str, str]:
        return (
            f"urn:li:msg_conversation:(urn:li:fsd_profile:{member},{chat})",
            f"urn:li:msg_message:(urn:li:fsd_profile:{member},{bare})",
        )

    own = pair(mailbox)
    return [
        own,
        pair(other),
        (f"urn:li:messagingThread:{chat}", f"urn:li:messagingMessage:{bare}"),
        (chat, bare),
        (chat.rstrip("="), message.key),
        (quote(own[0], safe=""), quote(own[1], safe="")),
        (quote(quote(own[0], safe=""), safe=""), quote(quote(own[1], safe=""), safe="")),
        (f"urn:li:fs_conversation:{chat}", f"urn:li:fs_event:({chat},{bare})"),
        (chat, message.provider_id),
    ]


async def test_every_spelling_finds_the_message_that_is_held(scene: Scene) -> None:
    account = await scene.linkedin()
    bea = await scene.linkedin(scene.built.other)
    fresh = [held for held in await scene.messages() if held.is_sender and scene.now_ms() - held.sent_at < 20 * 60_000]
    for number in range(9):
        message = fresh[number]
        chat, urn = spellings(message, account.provider_id, bea.provider_id)[number]
        await scene.forget_calls()
        await scene.services.recalls.recall_by_key(scene.caller, "linkedin", chat, urn, None)
        assert await scene.calls() == ["recall"], (chat, urn)
        await recalled(scene, message)


async def test_a_message_that_was_never_synced_can_be_recalled_and_never_comes(scene: Scene) -> None:
    account = await scene.linkedin()
    chat = (await scene.own()).chat_provider_id
    written = await scene.write_at_linkedin(chat, "Never to be seen here.", sender="user_good")
    await scene.forget_calls()
    await scene.services.recalls.recall_by_key(scene.caller, "linkedin", chat, written["id"], None)
    assert await scene.calls() == ["recall"]
    (event,) = await scene.events(EventType.MESSAGE_DELETED)
    assert (event.data.message_id, event.data.message_key) == (None, written["id"].rstrip("="))
    before = len(await scene.messages())
    await scene.sync(account, full=True)
    assert len(await scene.messages()) == before
    await scene.forget_calls()
    await scene.services.recalls.recall_by_key(scene.caller, "linkedin", chat, written["id"], None)
    assert await scene.calls() == []


async def test_a_message_of_another_conversation_is_refused_without_a_call(scene: Scene) -> None:
    message = await scene.own()
    elsewhere = next(held for held in await scene.messages() if held.chat_id != message.chat_id)
    await scene.forget_calls()
    with pytest.raises(Refused) as refused:
        await scene.services.recalls.recall_by_key(
            scene.caller, "linkedin", elsewhere.chat_provider_id, message.provider_id, None
        )
    assert refused.value.kind is Kind.WRONG_CHAT
    assert await scene.calls() == []


async def test_what_is_no_urn_is_refused_without_a_call(scene: Scene) -> None:
    message = await scene.own()
    await scene.forget_calls()
    for chat, urn in [(message.chat_provider_id, "urn:li:activity:1"), ("", message.key), (message.key, message.key)]:
        with pytest.raises(InvalidParameters) as refused:
            await scene.services.recalls.recall_by_key(scene.caller, "linkedin", chat, urn, None)
        assert refused.value.kind is Kind.URN
    assert await scene.calls() == []


async def test_an_account_that_is_not_there_is_said_so(scene: Scene) -> None:
    message = await scene.own()
    theirs = await scene.linkedin(scene.built.other)
    for account_id in ("acc_01ARZ3NDEKTSV4RRFFQ69G5FAV", theirs.id):
        with pytest.raises(NotFound, match="Account not found") as refused:
            await scene.services.recalls.recall_by_key(
                scene.caller, "linkedin", message.chat_provider_id, message.key, account_id
            )
        assert refused.value.kind is Kind.ACCOUNT


# Two accounts in one workspace.


async def test_both_accounts_copies_are_buried_by_one_recall(scene: Scene) -> None:
    await scene.link("user_second")
    message = await scene.shared()
    await scene.recall(message)
    copies = [held for held in await scene.messages() if held.key == message.key]
    assert len(copies) == 2
    assert all(copy.is_tombstone for copy in copies)
    assert len(await scene.events(EventType.MESSAGE_DELETED)) == 2
    # Another workspace that sees the same chat keeps its copy until it hears of it itself.
    (theirs,) = [held for held in await scene.messages(scene.built.other) if held.key == message.key]
    assert not theirs.is_tombstone
    await scene.sync(await scene.linkedin(scene.built.other))
    assert (await scene.get(theirs, scene.built.other)).is_tombstone


async def test_without_an_account_the_senders_is_taken_whichever_was_used_last(scene: Scene) -> None:
    bea = await scene.link("user_second")
    ada = next(
        account
        for account in (await scene.services.accounts.list(scene.caller, provider="linkedin")).items
        if account.id != bea.id
    )
    mine = await scene.shared()
    theirs = next(
        held
        for held in await scene.messages()
        if held.account_id == ada.id and held.sender_id == bea.provider_id and held.content.text
    )
    for message, account in ((theirs, bea), (mine, ada)):
        await scene.forget_calls()
        await scene.services.recalls.recall_by_key(
            scene.caller, "linkedin", message.chat_provider_id, message.key, None
        )
        (call,) = (await scene.built.sim.get("/_sim/requests")).json()["requests"]
        assert call["account"] == account.provider_id


async def test_without_an_account_and_unheld_the_mailbox_that_the_urn_names_is_taken(scene: Scene) -> None:
    bea = await scene.link("user_second")
    chat = (await scene.shared()).chat_provider_id
    written = await scene.write_at_linkedin(chat, "Bea's, and never synced.", sender=bea.provider_id)
    await scene.own()
    await scene.forget_calls()
    urn = f"urn:li:msg_message:(urn:li:fsd_profile:{bea.provider_id},{written['id']})"
    await scene.services.recalls.recall_by_key(scene.caller, "linkedin", chat, urn, None)
    (call,) = (await scene.built.sim.get("/_sim/requests")).json()["requests"]
    assert (call["operation"], call["account"]) == ("recall", bea.provider_id)


async def test_a_tombstone_is_kept_while_its_account_is_unlinked_and_linked_again(scene: Scene) -> None:
    message = await scene.own()
    await scene.advance(5 * MINUTE)
    await scene.recall(message)
    await scene.services.accounts.unlink(scene.caller, message.account_id)
    # The network's replicas may be late: this one has not heard of the recall.
    await scene.fault("messages", do={"stale_read": 3 * MINUTE}, times=None)
    again = await scene.link("user_good~again")
    assert again.id != message.account_id
    held = await scene.messages(account_id=again.id)
    assert len(held) > 50
    assert message.key not in {copy.key for copy in held}
    await scene.forget_calls()
    await scene.services.recalls.recall_by_key(scene.caller, "linkedin", message.chat_provider_id, message.key, None)
    assert await scene.calls() == []
