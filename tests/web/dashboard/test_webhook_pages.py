"""Webhooks: an endpoint from its form to its end, and what was tried to tell it."""

import re
from collections.abc import AsyncIterator

import pytest

from postroom.domain.access import Scope
from postroom.domain.events import EventData, EventType
from postroom.domain.webhooks import Format
from tests.desk import Desk
from tests.receiver import Receiver, receiving
from tests.web.dashboard.browser import Browser, browser


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def add(page: Browser, receiver: Receiver, **more: object) -> str:
    """An endpoint by the form; its path."""
    answer = await page.do("/webhooks/new", {"format": "native", "name": "Mine", "url": receiver.url, **more})
    assert answer.status_code == 201, answer.text
    found = re.search(r"/webhooks/[0-9a-f]{24}", answer.text)
    assert found is not None
    return found.group()


async def announce(desk: Desk) -> None:
    async with desk.house.database.begin() as tx:
        data = EventData(reason="test")
        await desk.services.events.announce(
            tx, desk.caller.workspace_id, EventType.CHAT_UPDATED, data, desk.caller.user_id
        )
    await desk.house.deliveries.deliver_due()


async def test_an_endpoint_is_added_its_secret_is_shown_once_and_it_is_told(
    desk: Desk, page: Browser, receiver: Receiver
) -> None:
    assert "No endpoint yet" in (await page.get("/webhooks")).text
    answer = await page.do("/webhooks/new", {"name": "Orders", "url": receiver.url, "events": ["chat.updated"]})
    secret = re.search(r"whsec_[\w+/=]+", answer.text)
    assert secret is not None
    listed = (await page.get("/webhooks")).text
    assert "Orders" in listed
    assert "chat.updated" in listed
    assert secret.group() not in listed
    await announce(desk)
    assert receiver.told[0].headers["webhook-signature"] == receiver.told[0].standard_signature(secret.group())
    (endpoint,) = await desk.services.webhooks.list(desk.caller)
    assert endpoint.types == (EventType.CHAT_UPDATED,)
    assert "arrived, 200" in (await page.get(f"/webhooks/{endpoint.id}")).text


@pytest.mark.parametrize(
    ("fields", "types", "events"),
    [
        ({"format": "postpost", "events": ["post.failed"]}, (EventType.POST_FAILED,), ()),
        (
            {"format": "postpress", "source": "account_status", "events": ["deleted"]},
            (EventType.ACCOUNT_DELETED,),
            ("deleted",),
        ),
        (
            {"format": "connectsafely", "events": ["message.deleted"]},
            (EventType.MESSAGE_DELETED,),
            ("message.deleted",),
        ),
    ],
)
async def test_endpoints_of_every_format_are_made_here(
    desk: Desk, page: Browser, receiver: Receiver, fields: dict[str, object], types: object, events: object
) -> None:
    form = (await page.get(f"/webhooks/new?format={fields['format']}&source={fields.get('source', '')}")).text
    for each in fields["events"]:  # type: ignore[attr-defined]
        assert f'value="{each}"' in form
    path = await add(page, receiver, **fields)
    endpoint = await desk.services.webhooks.get(desk.caller, path.rpartition("/")[2])
    assert (endpoint.format, endpoint.types, endpoint.wishes.events) == (Format(str(fields["format"])), types, events)


async def test_a_form_that_is_wrong_says_so_where_it_is_and_keeps_what_was_typed(page: Browser) -> None:
    answer = await page.do(
        "/webhooks/new", {"format": "native", "name": "Mine & yours", "url": "ftp://x", "events": ["chat.updated"]}
    )
    assert answer.status_code == 400
    assert 'id="f-url-wrong"' in answer.text
    assert 'value="Mine &amp; yours"' in answer.text
    assert re.search(r'value="chat.updated" checked', answer.text)
    answer = await page.do("/webhooks/new", {"format": "postpost", "name": "Mine", "url": "https://8.8.8.8/"})
    assert answer.status_code == 400
    assert "Choose at least one event." in answer.text


async def test_it_is_switched_off_and_on_changed_given_another_secret_and_deleted(
    desk: Desk, page: Browser, receiver: Receiver
) -> None:
    path = await add(page, receiver)
    id = path.rpartition("/")[2]
    assert (await page.do(f"{path}/active", {"active": "0"})).headers["location"] == path
    assert "It is off." in (await page.get(path)).text
    await announce(desk)
    assert receiver.told == []
    await page.do(f"{path}/active", {"active": "1"})
    await desk.house.deliveries.deliver_due()
    assert len(receiver.told) == 1
    await page.do(path, {"name": "Other", "url": receiver.url + "/2", "events": ["chat.updated", "nonsense"]})
    changed = await desk.services.webhooks.get(desk.caller, id)
    assert (changed.name, changed.url, changed.types) == ("Other", receiver.url + "/2", (EventType.CHAT_UPDATED,))
    assert "whsec_" in (await page.do(f"{path}/secret")).text
    assert (await page.do(f"{path}/delete")).headers["location"] == "/webhooks"
    assert (await page.get(path)).status_code == 404


async def test_a_delivery_shows_what_is_said_and_is_told_again_with_what_came_back(
    desk: Desk, page: Browser, receiver: Receiver
) -> None:
    path = await add(page, receiver)
    receiver.script.append(500)
    await announce(desk)
    shown = (await page.get(f"{path}?failed=1")).text
    assert "answered 500" in shown
    found = re.search(rf"{path}/deliveries/dlv_\w+", shown)
    assert found is not None
    assert "chat.updated" in (await page.get(found.group())).text
    receiver.answer = '{"taken": "<b>yes</b>"}'
    answer = await page.do(f"{found.group()}/replay")
    assert "It arrived: 200" in answer.text
    assert "&lt;b&gt;yes&lt;/b&gt;" in answer.text
    assert receiver.told[0].id == receiver.told[1].id
    tested = await page.do(f"{path}/test")
    assert "webhook.test" in tested.text
    assert "A test was sent" in tested.text


async def test_nobody_elses_endpoint_is_seen_or_touched(desk: Desk, page: Browser, receiver: Receiver) -> None:
    path = await add(page, receiver)
    tested = await page.do(f"{path}/test")
    assert tested.status_code == 200
    delivery = (await desk.services.delivery_log.list(desk.caller, path.rpartition("/")[2])).items[0].id
    other = browser(desk.built)
    await other.sign_in(desk.built.kept.other_key)
    for address in (path, f"{path}/deliveries/{delivery}"):
        assert (await other.get(address)).status_code == 404
    for address in (path, *(f"{path}/{do}" for do in ("active", "secret", "delete", "test"))):
        assert (await other.do(address, {"active": "0", "name": "x"})).status_code == 404
    assert (await other.do(f"{path}/deliveries/{delivery}/replay")).status_code == 404
    await other.close()
    assert (await desk.services.webhooks.get(desk.caller, path.rpartition("/")[2])).active


async def test_what_the_key_may_not_do_is_not_offered_and_refused(
    desk: Desk, page: Browser, receiver: Receiver
) -> None:
    path = await add(page, receiver)
    _, key = await desk.services.access.issue_key(desk.caller.workspace_id, "Reads", frozenset({Scope.READ}))
    reader = browser(desk.built)
    await reader.sign_in(key)
    shown = (await reader.get(path)).text
    assert "Send a test" not in shown
    assert "/webhooks/new" not in (await reader.get("/webhooks")).text
    for address in (f"{path}/test", f"{path}/delete", f"{path}/secret", path):
        assert (await reader.do(address)).status_code == 403
    refused = await reader.do("/webhooks/new", {"format": "native", "name": "x", "url": receiver.url})
    assert refused.status_code == 403
    await reader.close()
    assert len(await desk.services.webhooks.list(desk.caller)) == 1
