"""Writing to a person: a conversation that is there is gone on with; new ones are counted, and never too many."""

import asyncio

import pytest

from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.errors import Kind, OutcomeUnknown, ProviderError, RateLimited
from postroom.services.outreach import Outreach
from tests.scene import MINUTE, Scene
from tests.scene import the_scene as the_scene

DAY = 24 * 60 * MINUTE


def outreach(scene: Scene, most: int | None) -> Outreach:
    services = scene.services
    return Outreach(scene.house.database, services.chats, services.messages, services.recalls._now, most_a_day=most)


async def stranger(scene: Scene, name: str) -> str:
    """LinkedIn's id of a member whom Ada has no conversation with."""
    account = await scene.services.accounts.link(
        scene.built.other, "linkedin", "cookie", {"access_token": f"user_new_{name}"}
    )
    return account.provider_id


async def ada(scene: Scene) -> tuple[Caller, Account]:
    return scene.caller, await scene.linkedin()


async def test_a_reply_is_not_counted_and_a_new_conversation_is_gone_on_with(scene: Scene) -> None:
    caller, account = await ada(scene)
    reach, person = outreach(scene, 1), await stranger(scene, "ned")
    first = await reach.write(caller, account, person, "Nice to meet you")
    again = await reach.write(caller, account, person, "Are you there?")
    assert again.chat_id == first.chat_id
    starts = await reach.starts(account)
    assert (starts.used, starts.limit) == (1, 1)
    assert starts.resets_at > scene.now_ms()
    assert starts.resets_at % 86_400_000 == 0


async def test_one_too_many_is_refused_before_linkedin_is_called_until_midnight(scene: Scene) -> None:
    caller, account = await ada(scene)
    reach = outreach(scene, 1)
    await reach.write(caller, account, await stranger(scene, "ned"), "One")
    person = await stranger(scene, "ida")
    await scene.forget_calls()
    with pytest.raises(RateLimited) as refused:
        await reach.write(caller, account, person, "Two")
    assert await scene.calls() == []
    assert refused.value.kind is Kind.PLAN_LIMIT
    assert 0 < (refused.value.retry_after_seconds or 0) <= DAY
    await scene.advance(DAY)
    await reach.write(caller, account, person, "Two")
    assert (await reach.starts(account)).used == 1


async def test_those_who_ask_at_once_do_not_pass_the_limit_together(scene: Scene) -> None:
    caller, account = await ada(scene)
    reach = outreach(scene, 2)
    people = [await stranger(scene, name) for name in ("ned", "ida", "kim", "lou")]
    done = await asyncio.gather(
        *(reach.write(caller, account, each, "Hello") for each in people), return_exceptions=True
    )
    assert sum(isinstance(each, RateLimited) for each in done) == 2
    assert (await reach.starts(account)).used == 2


async def test_what_did_not_begin_is_given_back_and_what_may_have_stays_counted(scene: Scene) -> None:
    caller, account = await ada(scene)
    reach, person = outreach(scene, 5), await stranger(scene, "ned")
    await scene.fault("send", do={"status": 403})
    with pytest.raises(ProviderError):
        await reach.write(caller, account, person, "Refused")
    assert (await reach.starts(account)).used == 0
    await scene.fault("send", do={"commit_then_lose": True})
    with pytest.raises(OutcomeUnknown):
        await reach.write(caller, account, person, "Who knows?")
    assert (await reach.starts(account)).used == 1


async def test_without_a_limit_nothing_is_counted(scene: Scene) -> None:
    caller, account = await ada(scene)
    reach = outreach(scene, None)
    await reach.write(caller, account, await stranger(scene, "ned"), "Hello")
    starts = await reach.starts(account)
    assert (starts.used, starts.limit) == (0, None)
