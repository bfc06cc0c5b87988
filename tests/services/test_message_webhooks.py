"""Webhooks of PostPress and ConnectSafely: what they tell of messages and accounts, and what becomes of what nobody took."""

import hmac
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import parse_qs

import pytest
from standardwebhooks import Webhook

from postroom.dialects.connectsafely.webhooks import EVENTS as LINKEDIN_EVENTS
from postroom.dialects.postpress.deliveries import EVENTS
from postroom.domain.accounts import AccountStatus
from postroom.domain.events import EventType
from postroom.domain.remote import ChatKey, MessageKey, ReactionChanged, ReadUpTo, RemoteEvent
from postroom.domain.webhooks import Format, WebhookEndpoint, Wishes
from postroom.errors import InvalidParameters, Kind, NotFound
from tests.dialects.postpress.shapes import check
from tests.receiver import Receiver, receiving
from tests.scene import Scene
from tests.scene import the_scene as the_scene

POSTPRESS, CONNECTSAFELY = Format.POSTPRESS, Format.CONNECTSAFELY
BOTH = (POSTPRESS, CONNECTSAFELY)
SECRET = "quince and medlar"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def hooked(
    scene: Scene, receiver: Receiver, format: Format = POSTPRESS, *, source: str = "messaging", **wishes: Any
) -> tuple[WebhookEndpoint, str]:
    """An endpoint that is told of all there is."""
    if format is CONNECTSAFELY:
        types = [type for each in LINKEDIN_EVENTS.values() for type in each]
        wanted = Wishes(events=tuple(LINKEDIN_EVENTS), **wishes)
    else:
        types = list(dict.fromkeys(type for each in EVENTS[source].values() for type in each))
        wanted = Wishes(source=source, events=tuple(EVENTS[source]), **wishes)
    return await scene.services.webhooks.create(
        scene.caller, name="Mine", url=receiver.url, types=types, format=format, wishes=wanted
    )


async def deliver(scene: Scene) -> None:
    await scene.house.deliveries.deliver_due()


async def seen_here(scene: Scene, *news: RemoteEvent) -> None:
    await scene.house.services.messages._ingest.take(await scene.linkedin(), news, origin="realtime")


def names(receiver: Receiver) -> Sequence[str]:
    return [told.json["event"] for told in receiver.told]


# What is told.


async def test_postpress_is_told_of_a_message_in_its_fields_and_of_each_change_of_it(
    scene: Scene, receiver: Receiver
) -> None:
    await hooked(scene, receiver)
    account = await scene.linkedin()
    chat = await scene.shared()
    sent = await scene.services.messages.send(scene.caller, chat.chat_id, "Told as PostPress tells it")
    other = next(each for each in await scene.services.chats.attendees(scene.caller, chat.chat_id) if not each.is_self)
    key, chat_key, who = MessageKey(sent.key), ChatKey(sent.chat_provider_id), other.provider_id
    liked = ReactionChanged(key=key, chat_key=chat_key, emoji="👍", sender_id=who, is_sender=False, added=True)
    await seen_here(scene, liked, ReadUpTo(key=key, chat_key=chat_key, reader_id=who, seen_at=scene.now()))
    await deliver(scene)
    await scene.recall(sent)
    await deliver(scene)
    assert names(receiver) == ["message_received", "message_reaction", "message_read", "message_deleted"]
    for told in receiver.told:
        check("WebhookMessageEvent", told.json)
        assert told.json["account_info"] == {"type": "LINKEDIN", "feature": "classic", "user_id": account.provider_id}
        assert (told.json["message_id"], told.json["webhook_name"]) == (sent.id, "Mine")
        assert told.json["is_sender"] is True
        assert told.json["sender"]["attendee_provider_id"] == account.provider_id
        assert who in {each["attendee_provider_id"] for each in told.json["attendees"]}
    received, reaction, read, deleted = (told.json for told in receiver.told)
    assert received["message"] == "Told as PostPress tells it"
    assert (reaction["reaction"], reaction["reaction_sender"]["attendee_provider_id"]) == ("👍", who)
    assert list(read["read_by"]) == [other.id]
    assert (deleted["message"], deleted["attachments"], deleted["quoted"]) == (None, [], None)


async def test_connectsafely_is_told_of_a_message_in_its_words_and_by_the_backend_urns(
    scene: Scene, receiver: Receiver
) -> None:
    _, secret = await hooked(scene, receiver, CONNECTSAFELY)
    chat = await scene.shared()
    bea = await scene.linkedin(scene.built.other)
    text = "Told as ConnectSafely tells it"
    written = await scene.write_at_linkedin(chat.chat_provider_id, text, sender=bea.provider_id)
    await scene.sync(await scene.linkedin())
    await deliver(scene)
    (told,) = receiver.told
    assert list(told.json) == ["event", "object", "data"]
    assert (told.json["event"], told.json["object"]) == ("message.received", "event")
    data = told.json["data"]
    assert data["id"] == data["message_urn"] == f"urn:li:messagingMessage:{written['id']}", written
    assert data["conversation_id"].startswith("urn:li:messagingThread:2-")
    assert (data["provider"], data["body"]) == ("LINKEDIN", text)
    assert data["sender"]["id"].startswith("urn:li:fsd_profile:ACoAA")
    assert set(data["sender"]) == {"id", "name", "profile_url", "profile_picture"}
    expected = hmac.new(secret.encode(), told.body, "sha256").hexdigest()
    assert told.headers["x-webhook-signature"] == f"sha256={expected}"
    assert told.headers["webhook-signature"] == told.standard_signature(secret)


async def test_what_becomes_of_an_account_is_told_in_the_order_in_which_it_happened(
    scene: Scene, receiver: Receiver
) -> None:
    await hooked(scene, receiver, source="account_status")
    account = await scene.link("user_third")
    services = scene.services
    await scene.house.services.accounts._connections.set_status(
        account.workspace_id, account.id, AccountStatus.DISCONNECTED, "disconnected_account"
    )
    await services.accounts.link(scene.caller, "linkedin", "cookie", {"access_token": "user_third"})
    await services.accounts.unlink(scene.caller, account.id)
    await deliver(scene)
    for told in receiver.told:
        check("WebhookAccountStatus", told.json)
        assert told.json["AccountStatus"]["account_id"] == account.id
        assert told.json["AccountStatus"]["account_type"] == "LINKEDIN"
    said = [told.json["AccountStatus"]["message"] for told in receiver.told]
    assert said == ["CREATION_SUCCESS", "OK", "SYNC_SUCCESS", "CREDENTIALS", "RECONNECTED", "OK", "DELETED"]
    assert len(set(receiver.ids)) == len(receiver.ids)


async def test_a_login_that_nobody_says_yes_to_is_told_as_one_that_failed(scene: Scene, receiver: Receiver) -> None:
    await hooked(scene, receiver, source="account_status")
    login = {"username": "user_in_app", "password": "secret-of-it"}
    attempt, _ = await scene.services.accounts.start_link(scene.caller, "linkedin", "password", login)
    await scene.advance(301)
    assert await scene.services.accounts.linking.ask_again(attempt.workspace_id, attempt.id) is None
    await deliver(scene)
    (told,) = receiver.told
    check("WebhookAccountStatus", told.json)
    status = {"account_id": attempt.account_id, "account_type": "LINKEDIN", "message": "CREATION_FAIL"}
    assert told.json == {"AccountStatus": status}


async def test_a_message_that_is_recalled_while_its_delivery_waits_is_told_of_without_its_words(
    scene: Scene, receiver: Receiver
) -> None:
    chat = await scene.shared()
    for format in BOTH:
        await hooked(scene, receiver, format)
    receiver.status = 500
    message = await scene.services.messages.send(scene.caller, chat.chat_id, f"{SECRET}, first")
    await deliver(scene)
    assert len(receiver.told) == 2
    assert all(SECRET in told.body.decode() for told in receiver.told)
    receiver.told.clear()
    await scene.recall(message)
    await scene.advance(60)
    receiver.status = 200
    await deliver(scene)
    assert sorted(names(receiver)) == ["message.deleted", "message.sent", "message_deleted", "message_received"]
    assert not any(SECRET in told.body.decode() for told in receiver.told)


# To whom.


async def test_an_endpoint_hears_of_the_accounts_that_it_named_and_of_its_workspace_alone(
    scene: Scene, receiver: Receiver
) -> None:
    account, chat = await scene.linkedin(), await scene.shared()
    third = await scene.link("user_third")
    await hooked(scene, receiver, account_ids=(third.id,))
    async with receiving() as theirs, receiving() as ours:
        await scene.services.webhooks.create(
            scene.built.other,
            name="Theirs",
            url=theirs.url,
            types=[EventType.MESSAGE_SENT],
            format=POSTPRESS,
            wishes=Wishes(source="messaging", events=("message_received",)),
        )
        await hooked(scene, ours, CONNECTSAFELY, account_ids=(account.id,))
        await scene.services.messages.send(scene.caller, chat.chat_id, "For one of the three")
        await deliver(scene)
        assert (len(receiver.told), len(theirs.told), len(ours.told)) == (0, 0, 1)
    with pytest.raises(NotFound) as foreign:
        await scene.services.webhooks.create(
            scene.built.other,
            name="x",
            url=receiver.url,
            types=[],
            format=POSTPRESS,
            wishes=Wishes(account_ids=(account.id,)),
        )
    assert foreign.value.kind is Kind.ACCOUNT


# As the endpoint wants it.


async def test_headers_go_along_fields_are_chosen_and_renamed_and_a_form_is_a_form(
    scene: Scene, receiver: Receiver
) -> None:
    await scene.built.catch_up()
    chosen = (("text", "message"), ("who", "sender"))
    made, secret = await hooked(
        scene, receiver, headers=(("Postpress-Auth", "let me in"), ("Content-Type", "text/x-mine")), fields=chosen
    )
    chat = await scene.shared()
    await scene.services.messages.send(scene.caller, chat.chat_id, "Ann & Bob?")
    await deliver(scene)
    (told,) = receiver.told
    assert list(told.json) == ["event", "text", "who"]
    assert told.json["text"] == "Ann & Bob?"
    assert (told.headers["postpress-auth"], told.headers["content-type"]) == ("let me in", "text/x-mine")
    assert Webhook(secret).verify(told.body, told.headers)["event"] == "message_received"
    async with scene.house.database.read() as reader:
        assert "let me in" not in repr([tuple(row) for row in await reader.fetch("select * from webhook_endpoints")])
    await scene.services.webhooks.remove(scene.caller, made.id, POSTPRESS)
    receiver.told.clear()
    await hooked(scene, receiver, form=True, fields=chosen)
    await scene.services.messages.send(scene.caller, chat.chat_id, "Ann & Bob?")
    await deliver(scene)
    (told,) = receiver.told
    assert told.headers["content-type"] == "application/x-www-form-urlencoded"
    fields = parse_qs(told.body.decode())
    assert (fields["event"], fields["text"]) == (["message_received"], ["Ann & Bob?"])


@pytest.mark.parametrize(
    "header",
    [
        ("Host", "x"),
        ("content-length", "1"),
        ("webhook-signature", "v1,x"),
        ("a b", "x"),
        ("x", "a\r\nb: c"),
        ("x", "é"),
    ],
)
async def test_a_header_that_would_break_a_delivery_or_forge_its_signature_is_refused(
    scene: Scene, receiver: Receiver, header: tuple[str, str]
) -> None:
    with pytest.raises(InvalidParameters):
        await hooked(scene, receiver, headers=(header,))


# What nobody took.


@pytest.mark.parametrize(("format", "waits"), [(POSTPRESS, (10, 60, 300, 900, 1800)), (CONNECTSAFELY, (10, 20))])
async def test_an_event_that_is_not_taken_is_passed_over_after_its_tries_said_so_and_the_next_one_arrives(
    scene: Scene, receiver: Receiver, format: Format, waits: Sequence[float]
) -> None:
    endpoint, _ = await hooked(scene, receiver, format)
    chat = await scene.shared()
    send = scene.services.messages.send
    await send(scene.caller, chat.chat_id, "Nobody takes this")
    await send(scene.caller, chat.chat_id, "This one arrives")
    receiver.status = 500
    await deliver(scene)
    for wait in waits:
        await scene.advance(wait - 2)
        await deliver(scene)
        tried = len(receiver.told)
        await scene.advance(2.1)
        await deliver(scene)
        assert len(receiver.told) == tried + 1
    assert len(receiver.told) == len(waits) + 1
    assert len(set(receiver.ids)) == 1
    (passed,) = await scene.events(EventType.WEBHOOK_PASSED_OVER)
    data = passed.data
    assert (data.webhook_id, data.event_id, data.reason) == (endpoint.id, receiver.ids[0], "status_500")
    stands = await scene.services.webhooks.get(scene.caller, endpoint.id, format)
    assert (stands.active, stands.failure_count) == (True, len(waits) + 1)
    receiver.status = 200
    await scene.advance(61)
    await deliver(scene)
    assert "This one arrives" in receiver.told[-1].body.decode()
    fine = await scene.services.webhooks.get(scene.caller, endpoint.id, format)
    assert (fine.failure_count, fine.last_failure) == (0, None)


async def test_a_receiver_that_is_gone_for_good_is_disabled(scene: Scene, receiver: Receiver) -> None:
    endpoint, _ = await hooked(scene, receiver)
    await scene.services.messages.send(scene.caller, (await scene.shared()).chat_id, "Nobody is there any more")
    receiver.status = 410
    await deliver(scene)
    assert (await scene.services.webhooks.get(scene.caller, endpoint.id, POSTPRESS)).active is False
    assert await scene.events(EventType.WEBHOOK_PASSED_OVER) == []
