"""What an owner reads of the deliveries to an endpoint, and what comes of trying one again."""

from collections.abc import AsyncIterator

import pytest

from postroom.domain.messages import Message
from postroom.domain.webhooks import Format, Occasion, WebhookEndpoint
from postroom.errors import NotFound
from postroom.services.delivery_log import TEST
from tests.receiver import Receiver, receiving
from tests.scene import Scene
from tests.scene import the_scene as the_scene

WORDS = "damson and greengage"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def hooked(scene: Scene, receiver: Receiver, format: Format = Format.NATIVE) -> tuple[WebhookEndpoint, str]:
    return await scene.services.webhooks.create(scene.caller, name="Mine", url=receiver.url, types=(), format=format)


async def say(scene: Scene) -> Message:
    chat = await scene.shared()
    return await scene.services.messages.send(scene.caller, chat.chat_id, WORDS)


async def test_each_try_is_kept_with_what_became_of_it_and_nothing_of_what_was_said_or_answered(
    scene: Scene, receiver: Receiver
) -> None:
    endpoint, _ = await hooked(scene, receiver)
    receiver.answer = f"You told me of {WORDS}."
    receiver.script.append(500)
    await say(scene)
    await scene.house.deliveries.deliver_due()
    await scene.advance(60)
    await scene.house.deliveries.deliver_due()
    log = scene.services.delivery_log
    second, first = (await log.list(scene.caller, endpoint.id)).items
    assert [(each.failure, each.status, each.occasion) for each in (first, second)] == [
        ("status_500", 500, Occasion.EVENT),
        (None, 200, Occasion.EVENT),
    ]
    assert first.event_id == second.event_id == receiver.told[0].id
    assert first.event_type == "message.sent"
    (failed,) = (await log.list(scene.caller, endpoint.id, failed=True)).items
    assert failed == first
    assert WORDS not in str(await scene.rows_of("deliveries"))
    page = await log.list(scene.caller, endpoint.id, limit=1)
    assert page.next is not None
    assert (await log.list(scene.caller, endpoint.id, cursor=page.next)).items == [first]


async def test_an_event_is_told_again_as_it_now_stands_with_its_id_and_the_endpoint_stays_where_it_was(
    scene: Scene, receiver: Receiver
) -> None:
    endpoint, secret = await hooked(scene, receiver)
    message = await say(scene)
    await scene.house.deliveries.deliver_due()
    before = await scene.services.webhooks.get(scene.caller, endpoint.id)
    log = scene.services.delivery_log
    delivery = (await log.list(scene.caller, endpoint.id)).items[-1]
    (told,) = [each for each in receiver.told if each.id == delivery.event_id]
    assert WORDS in told.body.decode()
    assert [each.body for each in await log.said(scene.caller, endpoint.id, delivery.id)] == [told.body]
    await scene.recall(message)
    receiver.told.clear()
    receiver.answer, receiver.status = "Not today.", 500
    (tried,) = await log.replay(scene.caller, endpoint.id, delivery.id)
    assert (tried.delivery.occasion, tried.delivery.failure, tried.answer) == (
        Occasion.REPLAY,
        "status_500",
        b"Not today.",
    )
    (again,) = receiver.told
    assert (again.id, again.body) == (told.id, tried.request)
    assert again.headers["webhook-signature"] == again.standard_signature(secret)
    assert WORDS not in again.body.decode()
    assert await scene.services.webhooks.get(scene.caller, endpoint.id) == before
    assert (await log.list(scene.caller, endpoint.id)).items[0] == tried.delivery


@pytest.mark.parametrize("format", Format)
async def test_a_test_says_that_it_is_one_in_the_signature_of_its_format(
    scene: Scene, receiver: Receiver, format: Format
) -> None:
    endpoint, secret = await hooked(scene, receiver, format)
    receiver.answer = "Thanks"
    tried = await scene.services.delivery_log.test(scene.caller, endpoint.id)
    (told,) = receiver.told
    assert (told.json["type"], told.json["event"]) == (TEST, TEST)
    assert told.headers["webhook-signature"] == told.standard_signature(secret)
    assert (tried.answer, tried.request) == (b"Thanks", told.body)
    assert (tried.delivery.occasion, tried.delivery.status) == (Occasion.TEST, 200)
    assert await scene.services.delivery_log.said(scene.caller, endpoint.id, tried.delivery.id)
    again = await scene.services.delivery_log.replay(scene.caller, endpoint.id, tried.delivery.id)
    assert again[0].delivery.occasion is Occasion.TEST


async def test_deliveries_are_their_owners_and_go_with_their_endpoint(scene: Scene, receiver: Receiver) -> None:
    endpoint, _ = await hooked(scene, receiver)
    another, _ = await hooked(scene, receiver)
    log = scene.services.delivery_log
    tried = (await log.test(scene.caller, endpoint.id)).delivery
    assert await log.get(scene.caller, endpoint.id, tried.id) == tried
    for caller, webhook_id, delivery_id in (
        (scene.built.other, endpoint.id, tried.id),
        (scene.caller, another.id, tried.id),
        (scene.caller, endpoint.id, "dlv_none"),
    ):
        with pytest.raises(NotFound):
            await log.get(caller, webhook_id, delivery_id)
        with pytest.raises(NotFound):
            await log.replay(caller, webhook_id, delivery_id)
    with pytest.raises(NotFound):
        await log.list(scene.built.other, endpoint.id)
    await scene.services.webhooks.remove(scene.caller, endpoint.id, endpoint.format)
    assert await scene.rows_of("deliveries") == []
    kept = (await log.test(scene.caller, another.id)).delivery
    await scene.advance(6 * 86_400)
    await scene.house.upkeep.clean_up()
    assert (await log.list(scene.caller, another.id)).items == [kept]
    await scene.advance(2 * 86_400)
    await scene.house.upkeep.clean_up()
    assert (await log.list(scene.caller, another.id)).items == []
