"""Webhooks: what is sent, in which order, how it is signed, and what becomes of an endpoint that does not take it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import msgspec
import pytest
from standardwebhooks import Webhook

from postroom.domain.events import EventData, EventType
from postroom.domain.remote import Credentials
from postroom.domain.webhooks import PATIENCE, Format, WebhookEndpoint
from postroom.errors import InvalidParameters, Kind, NotFound
from postroom.services.webhooks import MOST
from postroom.store import accounts
from tests.desk import Desk
from tests.receiver import Receiver, receiving

POSTS = (EventType.POST_SCHEDULED, EventType.POST_PUBLISHED, EventType.POST_FAILED)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def hooked(
    desk: Desk, receiver: Receiver, *types: EventType, format: Format = Format.NATIVE
) -> tuple[WebhookEndpoint, str]:
    return await desk.services.webhooks.create(desk.caller, name="Mine", url=receiver.url, types=types, format=format)


async def now(desk: Desk, endpoint: WebhookEndpoint) -> WebhookEndpoint:
    return await desk.services.webhooks.get(desk.caller, endpoint.id, endpoint.format)


async def announce(desk: Desk, count: int = 1, type: EventType = EventType.CHAT_UPDATED) -> list[str]:
    """So many events of the caller's; their ids."""
    known = {event.id for event in await desk.events()}
    async with desk.house.database.begin() as tx:
        for _ in range(count):
            await desk.services.events.announce(
                tx, desk.caller.workspace_id, type, EventData(reason="test"), desk.caller.user_id
            )
    return [event.id for event in await desk.events() if event.id not in known]


async def deliver(desk: Desk) -> None:
    await desk.house.deliveries.deliver_due()


# What is sent.


async def test_a_post_is_told_of_as_postpost_says_it_and_signed_as_its_receivers_verify_it(
    desk: Desk, receiver: Receiver
) -> None:
    _, secret = await hooked(desk, receiver, *POSTS, format=Format.POSTPOST)
    group = await desk.due("Told to a receiver")
    await deliver(desk)
    await desk.work()
    await deliver(desk)
    scheduled, published = receiver.told
    post = await desk.post(group)
    ids = {"postId": post.id, "postGroupId": group.id, "platform": "bluesky"}
    assert list(scheduled.json) == ["event", "timestamp", "data"]
    assert scheduled.json["event"] == "post.scheduled"
    assert set(scheduled.json["data"]) == {*ids, "scheduledAt"}
    data = published.json["data"]
    where = {"platformId": post.platform_id, "postedId": post.provider_id, "permalink": post.url}
    assert data == {**ids, **where, "publishedAt": published.json["timestamp"]}
    assert list(data) == [*ids, *where, "publishedAt"]
    for told in receiver.told:
        assert told.headers["content-type"] == "application/json"
        for vendor in ("x-postpost", "x-publora"):
            assert told.headers[f"{vendor}-event"] == told.json["event"]
            assert told.headers[f"{vendor}-signature"] == told.vendor_signature(secret)
        assert told.headers["webhook-signature"] == told.standard_signature(secret)
        assert "Told to a receiver" not in told.body.decode()


async def test_an_independent_library_verifies_a_delivery_of_either_format_and_no_changed_one(
    desk: Desk, receiver: Receiver
) -> None:
    await desk.built.catch_up()
    for format in (Format.POSTPOST, Format.NATIVE):
        receiver.told.clear()
        endpoint, secret = await hooked(desk, receiver, *POSTS, format=format)
        await desk.draft("Soon", at=desk.now_ms() + 3_600_000)
        await deliver(desk)
        (told,) = receiver.told
        assert Webhook(secret).verify(told.body, told.headers)["timestamp" if format is Format.POSTPOST else "type"]
        with pytest.raises(Exception, match="signature"):
            Webhook(secret).verify(told.body + b" ", told.headers)
        with pytest.raises(Exception, match="signature"):
            Webhook(secret).verify(told.body, {**told.headers, "webhook-id": "evt_another"})
        await desk.services.webhooks.remove(desk.caller, endpoint.id, format)


async def test_a_failed_post_says_why_and_a_deleted_one_is_told_of_by_its_ids(desk: Desk, receiver: Receiver) -> None:
    await hooked(desk, receiver, EventType.POST_FAILED, format=Format.POSTPOST)
    first = await desk.due("One", platforms=["bluesky-did:plc:nobody"])
    await desk.work()
    await deliver(desk)
    error = (await desk.post(first)).error
    assert error is not None
    assert receiver.told[0].json["data"]["error"] == {"code": "PLATFORM_AUTH_EXPIRED", "message": error.message}
    second = await desk.due("Two", platforms=["bluesky-did:plc:nobody"])
    await desk.work()
    await desk.services.posts.delete(desk.caller, second.id)
    await deliver(desk)
    assert receiver.told[1].json["data"]["postGroupId"] == second.id
    assert receiver.told[1].json["data"]["error"]["code"] == "PLATFORM_AUTH_EXPIRED"


async def test_a_native_endpoint_is_told_of_events_as_the_log_reads(desk: Desk, receiver: Receiver) -> None:
    await hooked(desk, receiver)
    await desk.due("Everything is told")
    await desk.work()
    await deliver(desk)
    log = [event for event in await desk.events() if event.type in POSTS]
    assert [told.json["id"] for told in receiver.told] == [event.id for event in log] == receiver.ids
    assert [told.json["position"] for told in receiver.told] == [event.position for event in log]
    assert receiver.told[-1].json["post"]["status"] == "published"
    assert not any(name.startswith("x-") for name in receiver.told[0].headers)


async def test_an_endpoint_hears_only_of_its_types_from_its_making_on_and_only_of_its_own_users_things(
    desk: Desk, receiver: Receiver
) -> None:
    await announce(desk, 3)
    await hooked(desk, receiver, EventType.CHAT_UPDATED)
    await hooked(desk, receiver, EventType.POST_FAILED, format=Format.POSTPOST)
    wanted = await announce(desk, 2)
    await announce(desk, 2, EventType.CHAT_CREATED)
    async with desk.house.database.begin() as tx:
        for caller in (desk.built.other, desk.caller):
            await desk.services.events.announce(
                tx, caller.workspace_id, EventType.POST_FAILED, EventData(post_id="p"), "f" * 24
            )
    await deliver(desk)
    assert receiver.ids == wanted


# In order, and again.


async def test_events_arrive_in_the_order_of_the_log_and_one_that_failed_holds_up_those_after_it(
    desk: Desk, receiver: Receiver
) -> None:
    endpoint, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    wanted = await announce(desk, 5)
    receiver.script.extend([200, 500])
    await deliver(desk)
    assert receiver.ids == wanted[:2]
    held = await now(desk, endpoint)
    assert (held.failure_count, held.last_failure, held.active) == (1, "status_500", True)
    await deliver(desk)
    assert len(receiver.ids) == 2
    await desk.advance(11)
    await deliver(desk)
    assert receiver.ids == [wanted[0], wanted[1], *wanted[1:]]
    fine = await now(desk, endpoint)
    assert (fine.failure_count, fine.last_failure) == (0, None)


async def test_an_endpoint_is_disabled_after_five_failures_in_a_row_and_says_so(desk: Desk, receiver: Receiver) -> None:
    endpoint, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    (wanted,) = await announce(desk)
    receiver.status = 500
    for count in range(1, 6):
        await deliver(desk)
        assert (await now(desk, endpoint)).failure_count == count == len(receiver.told)
        await desk.advance(3601)
    stopped = await now(desk, endpoint)
    assert (stopped.active, stopped.disabled_reason) == (False, "status_500")
    (event,) = await desk.events(EventType.WEBHOOK_DISABLED)
    assert (event.data.webhook_id, event.data.reason) == (endpoint.id, "status_500")
    await deliver(desk)
    assert receiver.ids == [wanted] * 5


async def test_enabled_again_it_goes_on_where_it_stopped_and_is_disabled_by_its_next_failure(
    desk: Desk, receiver: Receiver
) -> None:
    endpoint, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    wanted = await announce(desk, 2)
    receiver.status = 500
    for _ in range(5):
        await deliver(desk)
        await desk.advance(3601)
    wanted += await announce(desk, 2)
    webhooks = desk.services.webhooks
    again = await webhooks.update(desk.caller, endpoint.id, endpoint.format, active=True)
    assert (again.active, again.failure_count, again.disabled_reason) == (True, 5, None)
    await deliver(desk)
    assert (await now(desk, endpoint)).active is False
    assert len(await desk.events(EventType.WEBHOOK_DISABLED)) == 2
    await webhooks.update(desk.caller, endpoint.id, endpoint.format, active=True)
    receiver.status = 200
    receiver.told.clear()
    await deliver(desk)
    assert receiver.ids == wanted
    assert (await now(desk, endpoint)).failure_count == 0


async def test_a_redirect_is_a_failure_and_leads_nowhere(desk: Desk, receiver: Receiver) -> None:
    endpoint, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    async with receiving() as elsewhere:
        receiver.status, receiver.headers = 302, f"location: {elsewhere.url}\r\n"
        await announce(desk)
        await deliver(desk)
        assert elsewhere.told == []
    assert (await now(desk, endpoint)).last_failure == "status_302"


async def test_a_receiver_that_asks_for_time_gets_it_and_one_that_is_gone_is_asked_no_more(
    desk: Desk, receiver: Receiver
) -> None:
    endpoint, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    await announce(desk)
    receiver.status, receiver.headers = 429, "retry-after: 600\r\n"
    await deliver(desk)
    await desk.advance(500)
    await deliver(desk)
    assert len(receiver.told) == 1
    receiver.status = 410
    await desk.advance(101)
    await deliver(desk)
    assert (await now(desk, endpoint)).active is False


async def test_an_endpoint_that_does_not_answer_fails_after_its_time_and_holds_up_no_other(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PATIENCE, Format.NATIVE, msgspec.structs.replace(PATIENCE[Format.NATIVE], seconds=0.3))
    slow, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    receiver.status = 0
    async with receiving() as quick:
        await hooked(desk, quick, EventType.CHAT_UPDATED)
        wanted = await announce(desk, 3)
        await deliver(desk)
        assert quick.ids == wanted
    assert (await now(desk, slow)).last_failure == "timeout"


async def test_who_is_told_from_a_position_again_hears_it_all_again_with_the_same_ids(
    desk: Desk, receiver: Receiver
) -> None:
    endpoint, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    wanted = await announce(desk, 3)
    await deliver(desk)
    webhooks = desk.services.webhooks
    await webhooks.update(desk.caller, endpoint.id, endpoint.format, position=endpoint.position)
    await deliver(desk)
    assert receiver.ids == wanted * 2
    with pytest.raises(InvalidParameters) as ahead:
        await webhooks.update(desk.caller, endpoint.id, endpoint.format, position=2**53)
    assert ahead.value.kind is Kind.CURSOR


async def test_an_address_that_leads_inside_by_now_is_not_called(desk: Desk, receiver: Receiver) -> None:
    endpoint, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    async with desk.house.database.begin() as tx:
        await tx.execute("update webhook_endpoints set url = 'http://10.0.0.1/'")
    await announce(desk)
    await deliver(desk)
    assert (await now(desk, endpoint)).last_failure == "address_refused"


async def test_what_is_not_for_an_endpoint_is_soon_behind_it(desk: Desk, receiver: Receiver) -> None:
    endpoint, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    paused, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    await desk.services.webhooks.update(desk.caller, paused.id, paused.format, active=False)
    await announce(desk, 5, EventType.CHAT_CREATED)
    await desk.advance(3)
    await deliver(desk)
    newest = await desk.services.events.newest(desk.caller)
    assert (await now(desk, endpoint)).position == newest
    assert (await now(desk, paused)).position == paused.position
    wanted = await announce(desk, 2)
    await deliver(desk)
    assert receiver.ids == wanted


async def test_two_workers_tell_an_endpoint_of_each_event_once(desk: Desk, receiver: Receiver) -> None:
    await hooked(desk, receiver, EventType.CHAT_UPDATED)
    wanted = await announce(desk, 20)
    deliveries = desk.house.deliveries
    other = type(deliveries)(
        desk.house.database,
        desk.house.notifier,
        deliveries._teller,
        desk.services.events,
        deliveries._now,
        "another",
    )
    await asyncio.gather(deliveries.deliver_due(), other.deliver_due())
    assert receiver.ids == wanted


async def test_what_happens_while_it_runs_is_told_at_once(desk: Desk, receiver: Receiver) -> None:
    running = asyncio.create_task(desk.house.deliveries.run())
    try:
        await asyncio.sleep(0.1)
        await hooked(desk, receiver, EventType.CHAT_UPDATED)
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        wanted = await announce(desk, 250)
        await receiver.until(250)
        first = asyncio.get_running_loop().time() - began
        assert receiver.ids == wanted
        assert first < 15
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
    assert await desk.rows("select count(*) from webhook_endpoints where leased_by is not null") == [(0,)]


async def test_who_removes_an_endpoint_hears_nothing_more(desk: Desk, receiver: Receiver) -> None:
    endpoint, _ = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    await announce(desk)
    await desk.services.webhooks.remove(desk.caller, endpoint.id, endpoint.format)
    await deliver(desk)
    assert receiver.told == []
    with pytest.raises(NotFound):
        await now(desk, endpoint)


async def test_a_user_who_is_detached_is_told_of_nothing_until_it_comes_back(desk: Desk, receiver: Receiver) -> None:
    access = desk.services.access
    user = await access.add_managed_user(desk.caller, "someone", None)
    theirs = await access.act_for(desk.caller, user.id)
    await desk.services.webhooks.create(theirs, name="x", url=receiver.url, types=[], format=Format.NATIVE)
    await access.detach_managed_user(desk.caller, user.id)
    async with desk.house.database.begin() as tx:
        await desk.services.events.announce(
            tx, theirs.workspace_id, EventType.CHAT_UPDATED, EventData(reason="test"), user.id
        )
    await deliver(desk)
    assert receiver.told == []
    await access.add_managed_user(desk.caller, "someone", None)
    await deliver(desk)
    assert len(receiver.told) == 1


# Secrets.


async def test_a_new_secret_signs_what_follows_and_the_old_one_nothing(desk: Desk, receiver: Receiver) -> None:
    endpoint, old = await hooked(desk, receiver, EventType.CHAT_UPDATED)
    new = await desk.services.webhooks.regenerate_secret(desk.caller, endpoint.id, endpoint.format)
    await announce(desk)
    await deliver(desk)
    (told,) = receiver.told
    assert told.headers["webhook-signature"] == told.standard_signature(new) != told.standard_signature(old)


async def test_a_secret_is_kept_sealed_and_written_nowhere(
    desk: Desk, receiver: Receiver, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = [(await hooked(desk, receiver, EventType.CHAT_UPDATED, format=format))[1] for format in Format]
    await announce(desk)
    receiver.status = 500
    await deliver(desk)
    shown = repr(await desk.rows("select * from webhook_endpoints"))
    logged = capfd.readouterr()
    for secret in secrets:
        plain = secret.removeprefix("whsec_")
        assert plain not in shown + logged.out + logged.err
        for file in desk.built.data.rglob("*"):
            assert not file.is_file() or plain.encode() not in file.read_bytes()
    assert receiver.url not in logged.out + logged.err


# Limits.


async def test_a_user_has_so_many_endpoints_of_a_format_and_no_more(desk: Desk, receiver: Receiver) -> None:
    for _ in range(MOST[Format.POSTPOST]):
        await hooked(desk, receiver, EventType.POST_FAILED, format=Format.POSTPOST)
    with pytest.raises(InvalidParameters, match="Maximum of 10 webhooks per user"):
        await hooked(desk, receiver, EventType.POST_FAILED, format=Format.POSTPOST)
    await hooked(desk, receiver, EventType.POST_FAILED)
    user = await desk.services.access.add_managed_user(desk.caller, "someone", None)
    theirs = await desk.services.access.act_for(desk.caller, user.id)
    made, _ = await desk.services.webhooks.create(
        theirs, name="x", url=receiver.url, types=[EventType.POST_FAILED], format=Format.POSTPOST
    )
    with pytest.raises(NotFound):
        await desk.services.webhooks.get(desk.caller, made.id, Format.POSTPOST)


# token.expiring.


async def expire(desk: Desk, days: float, *, renews: bool = False) -> None:
    account = await desk.account()
    async with desk.house.database.begin() as tx:
        credentials = await accounts.find_credentials(tx, account.workspace_id, account.id)
        assert credentials is not None
        values = credentials.values if renews else {"token": "that ends"}
        ends = Credentials(values=values, expires_at=desk.now_ms() + int(days * 86_400_000))
        await accounts.set_credentials(tx, account.workspace_id, account.id, ends)


async def test_an_account_whose_token_ends_within_a_week_is_told_of_once_until_it_has_another_end(
    desk: Desk, receiver: Receiver
) -> None:
    await hooked(desk, receiver, EventType.TOKEN_EXPIRING, format=Format.POSTPOST)
    for days, times in ((60, 0), (6.5, 1)):
        await expire(desk, days)
        for _ in range(3):
            await desk.house.upkeep.announce_expiring()
            await deliver(desk)
        assert len(receiver.told) == times
    account = await desk.account()
    assert account.credentials_expire_at is not None
    body = json.loads(receiver.told[0].body)
    expires_at = body["data"].pop("expiresAt")
    assert body["event"] == "token.expiring"
    assert body["data"] == {
        "platform": "bluesky",
        "platformId": f"bluesky-{account.provider_id}",
        "username": account.profile.username,
    }
    assert expires_at.startswith("20")
    await expire(desk, 6)
    await desk.house.upkeep.announce_expiring()
    assert len(await desk.events(EventType.TOKEN_EXPIRING)) == 2


async def test_a_token_that_is_renewed_every_few_hours_is_nobodys_concern(desk: Desk) -> None:
    await expire(desk, 0.1, renews=True)
    await desk.house.upkeep.announce_expiring()
    assert await desk.events(EventType.TOKEN_EXPIRING) == []


async def test_an_account_that_is_gone_by_now_is_told_of_to_nobody_and_counts_for_nothing(
    desk: Desk, receiver: Receiver
) -> None:
    made, _ = await hooked(desk, receiver, EventType.TOKEN_EXPIRING, format=Format.POSTPOST)
    async with desk.house.database.begin() as tx:
        await tx.execute(
            "update accounts set credentials_expire_at = $1 where provider = 'bluesky'", desk.now_ms() + 86_400_000
        )
    await desk.house.upkeep.announce_expiring()
    receiver.status = 500
    await deliver(desk)
    await desk.services.accounts.unlink(desk.caller, (await desk.account()).id)
    await desk.advance(11)
    await deliver(desk)
    stands = await now(desk, made)
    assert (len(receiver.told), stands.failure_count) == (1, 1)
    assert stands.position > made.position
