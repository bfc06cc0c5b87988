"""Deletions in two steps: only what was shown goes, once, by the key that saw it; and so many of them for each key."""

import asyncio
import importlib
import inspect
import pkgutil
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest

from postroom import services
from postroom.clock import to_ms
from postroom.domain.access import EVERYDAY_SCOPES, Caller, DeleteBudget, Scope
from postroom.domain.messages import Message
from postroom.domain.posts import GroupStatus, PostGroup
from postroom.domain.previews import DeletionKind, Outcome, Target
from postroom.domain.webhooks import Format
from postroom.errors import (
    Conflict,
    InvalidParameters,
    Kind,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    OutcomeUnknown,
    RateLimited,
    Refused,
)
from postroom.services.composing import Expiry, Extras
from postroom.services.posts import Change
from tests.scene import MINUTE, Scene
from tests.scene import the_scene as the_scene

HOUR = 60 * MINUTE


async def preview(scene: Scene, target: Target, caller: Caller | None = None) -> str:
    token = (await scene.services.deletions.preview(caller or scene.caller, target)).token
    assert token is not None
    return token


async def confirm(scene: Scene, target: Target, token: str, caller: Caller | None = None) -> Outcome:
    return await scene.services.deletions.confirm(caller or scene.caller, target, token)


async def refused(doing: Coroutine[Any, Any, Any], words: str = "") -> None:
    with pytest.raises(Conflict, match=words) as refusal:
        await doing
    assert refusal.value.kind is Kind.CONFIRMATION


async def key(scene: Scene, budget: DeleteBudget, workspace_id: str | None = None) -> tuple[Caller, str]:
    """Another key of the workspace's, and its secret."""
    access = scene.services.access
    workspace_id = workspace_id or scene.caller.workspace_id
    _, secret = await access.issue_key(workspace_id, "agent", EVERYDAY_SCOPES | {Scope.ADMIN}, budget=budget)
    return await access.resolve(secret), secret


def message(found: Message) -> Target:
    return Target(kind=DeletionKind.MESSAGE, id=found.id)


async def draft(scene: Scene, text: str = "Draft") -> Target:
    return Target(kind=DeletionKind.POST_GROUP, id=(await group(scene, text)).id)


async def group(scene: Scene, text: str = "Draft") -> PostGroup:
    return await scene.services.posts.create(
        scene.caller, content=text, platforms=["bluesky-x"], scheduled_at=None, platform_settings={}
    )


async def test_a_message_is_shown_then_deleted_once_by_its_token(scene: Scene) -> None:
    own = await scene.own()
    target = message(own)
    shown = await scene.services.deletions.preview(scene.caller, target)
    assert (shown.shown.content["text"], shown.shown.provider) == (own.content.text, "linkedin")
    assert shown.shown.delete_by == own.sent_at + 60 * 60_000
    assert shown.token is not None
    await scene.forget_calls()
    done = await confirm(scene, target, shown.token)
    assert (done.done, done.receipt_id) == ("deleted", (await scene.receipts())[0].id)
    assert await scene.calls("recall") == ["recall"]
    assert (await scene.get(own)).is_tombstone
    await refused(confirm(scene, target, shown.token), "used already")
    others = await scene.services.deletions.preview(scene.caller, message(await scene.others()))
    assert (others.token, others.shown.reason) == (None, "not_own")


async def test_of_many_who_confirm_with_one_token_one_does(scene: Scene) -> None:
    target = await draft(scene)
    token = await preview(scene, target)
    ends = await asyncio.gather(*(confirm(scene, target, token) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, Outcome) for each in ends) == 1
    assert sum(isinstance(each, Conflict) for each in ends) == 7


async def test_a_token_is_for_its_key_its_target_and_five_minutes(scene: Scene) -> None:
    own, target = await scene.own(), await draft(scene)
    token = await preview(scene, target)
    another, _ = await key(scene, DeleteBudget())
    await refused(confirm(scene, target, token, another), "does not confirm that")
    await refused(confirm(scene, target, token, scene.built.other), "does not confirm that")
    await refused(confirm(scene, message(own), token), "does not confirm that")
    take_down = Target(kind=DeletionKind.TAKE_DOWN, id=target.id)
    await refused(confirm(scene, take_down, token), "does not confirm that")
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in (changed, "", "del_", token.swapcase(), "ünïcode", "del_" + "A" * 72):
        await refused(confirm(scene, target, wrong), "does not confirm that")
    user = await scene.services.access.add_managed_user(scene.caller, "somebody", None)
    acting = await scene.services.access.act_for(scene.caller, user.id)
    await refused(confirm(scene, target, token, acting), "does not confirm that")
    await scene.advance(5 * MINUTE + 1)
    await refused(confirm(scene, target, token), "expired")
    assert (await confirm(scene, target, await preview(scene, target))).done == "deleted"


async def test_what_changed_since_it_was_shown_is_not_deleted(scene: Scene) -> None:
    own, target = await scene.own(), await draft(scene)
    tokens = await preview(scene, message(own)), await preview(scene, target)
    await scene.services.messages.edit(scene.caller, own.id, "Edited since")
    later = to_ms(scene.now()) + 3_600_000
    await scene.services.posts.update(scene.caller, target.id, Change(status=GroupStatus.SCHEDULED, scheduled_at=later))
    await scene.forget_calls()
    await refused(confirm(scene, message(own), tokens[0]), "has changed")
    await refused(confirm(scene, target, tokens[1]), "has changed")
    # Not even the second time: the token is used up.
    await refused(confirm(scene, target, tokens[1]), "used already")
    assert await scene.calls() == []
    assert not (await scene.get(own)).is_tombstone
    assert (await scene.services.posts.get(scene.caller, target.id)).group.status is GroupStatus.SCHEDULED
    assert (await confirm(scene, message(own), await preview(scene, message(own)))).done == "deleted"


async def test_an_edit_that_comes_between_looking_and_deleting_is_seen(scene: Scene) -> None:
    own, target = await scene.own(), await draft(scene)
    shown = scene.services.deletions._previews.show
    tokens = await preview(scene, message(own)), await preview(scene, target)

    async def shown_and_then_changed(caller: Caller, wanted: Target) -> Any:
        found = await shown(caller, wanted)
        if wanted.kind is DeletionKind.MESSAGE:
            await scene.services.messages.edit(scene.caller, own.id, "Edited since")
        else:
            later = to_ms(scene.now()) + 3_600_000
            change = Change(status=GroupStatus.SCHEDULED, scheduled_at=later)
            await scene.services.posts.update(scene.caller, wanted.id, change)
        return found

    scene.services.deletions._previews.show = shown_and_then_changed  # type: ignore[method-assign, assignment]
    await refused(confirm(scene, message(own), tokens[0]), "has changed")
    await refused(confirm(scene, target, tokens[1]), "has changed")
    assert not (await scene.get(own)).is_tombstone
    assert (await scene.services.posts.get(scene.caller, target.id)).group.id == target.id


async def test_accounts_webhooks_users_and_live_posts_go_the_same_way(scene: Scene) -> None:
    services, caller = scene.services, scene.caller
    account = await scene.link("user_good~one-more")
    hook, _ = await services.webhooks.create(
        caller, name="Hook", url="https://8.8.8.8/", types=[], format=Format.POSTPOST
    )
    user = await services.access.add_managed_user(caller, "somebody", None)
    for kind, id, done in (
        (DeletionKind.ACCOUNT, account.id, "unlinked"),
        (DeletionKind.WEBHOOK, hook.id, "deleted"),
        (DeletionKind.MANAGED_USER, user.id, "detached"),
    ):
        target = Target(kind=kind, id=id)
        assert (await confirm(scene, target, await preview(scene, target))).done == done
        with pytest.raises(NotFound):
            await preview(scene, target)
    nothing_live = await services.deletions.preview(
        caller, Target(kind=DeletionKind.TAKE_DOWN, id=(await group(scene)).id)
    )
    assert (nothing_live.token, nothing_live.shown.reason) == (None, "not_live")
    with pytest.raises(InvalidParameters):
        await preview(scene, Target(kind=DeletionKind.COMMENT, id="1"))
    _, secret = await services.access.issue_key(caller.workspace_id, "small", frozenset({Scope.READ, Scope.DELETE}))
    small = await services.access.resolve(secret)
    with pytest.raises(NotAuthenticated):
        await preview(scene, Target(kind=DeletionKind.COMMENT, id="1", post_id="p", platform_id="linkedin-x"), small)


async def test_a_budget_counts_what_is_deleted_and_what_may_be_and_says_when_one_is_free(scene: Scene) -> None:
    agent, secret = await key(scene, DeleteBudget(per_hour=2, per_day=3))
    first, second = await scene.own(), None
    await scene.fault("recall", do={"commit_then_lose": True})
    target = message(first)
    token = await preview(scene, target, agent)
    with pytest.raises(OutcomeUnknown):
        await confirm(scene, target, token, agent)
    # In doubt: it counts. Refused: it does not.
    assert (await scene.services.deletions.budget(agent)).left == 1
    with pytest.raises(Refused):
        await scene.services.recalls.recall(agent, (await scene.others()).id)
    assert (await scene.services.deletions.budget(agent)).left == 1
    second = await draft(scene)
    await confirm(scene, second, await preview(scene, second, agent), agent)
    third = await draft(scene)
    waiting = token = await preview(scene, third, agent)
    with pytest.raises(RateLimited, match="free again at") as full:
        await confirm(scene, third, token, agent)
    assert full.value.kind is Kind.DELETE_BUDGET
    assert 3500 < (full.value.retry_after_seconds or 0) <= 3600
    # By no other way, either.
    transport = httpx.ASGITransport(app=scene.house.app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"x-api-key": secret}
    ) as http:
        answers = [
            await http.delete(f"/postpost/api/v1/delete-post/{third.id}"),
            await http.delete(f"/postpress/v1/messages/{(await scene.own()).id}"),
            await http.delete(f"/api/messages/{(await scene.own()).id}"),
            await http.put(f"/api/post-groups/{third.id}/delete-at", json={"delete_at": "2090-01-01T00:00:00Z"}),
        ]
    assert [answer.status_code for answer in answers] == [429] * 4
    assert all(int(answer.headers["retry-after"]) > 3400 for answer in answers)
    with pytest.raises(RateLimited):
        extras = Extras(expiry=Expiry(at=to_ms(scene.now()) + 7_200_000, delete_group=True))
        await scene.services.composing.update(agent, third.id, Change(scheduled_at=to_ms(scene.now()) + 1000), extras)
    await scene.services.posts.get(scene.caller, third.id)
    # Nothing was done, so the token is as good as before.
    with pytest.raises(RateLimited):
        await confirm(scene, third, waiting, agent)
    # An hour on there is one of the day left, and then none for the day.
    await scene.advance(HOUR + 1)
    await confirm(scene, third, await preview(scene, third, agent), agent)
    standing = await scene.services.deletions.budget(agent)
    assert (standing.left, (standing.free_at or 0) - to_ms(scene.now()) > 20 * 3_600_000) == (0, True)
    await scene.advance(23 * HOUR)
    assert (await scene.services.deletions.budget(agent)).left == 2


# What these delete is counted in them, where they delete at all; of those that follow, nothing is deleted.
COUNTED_WITHIN = {"Deferrals.delete_at", "Takedowns.schedule"}
NOTHING_DELETED = {"Idempotency.forget"}
VERBS = (
    "delete",
    "remove",
    "recall",
    "unlink",
    "take_down",
    "detach",
    "schedule",
    "purge",
    "forget",
    "discard",
    "drop",
)


def test_whatever_deletes_for_a_caller_counts_it() -> None:
    missing = set()
    for found in pkgutil.iter_modules(services.__path__):
        module = importlib.import_module(f"postroom.services.{found.name}")
        for kind in (each for each in vars(module).values() if inspect.isclass(each)):
            for name, method in vars(kind).items():
                if kind.__module__ != module.__name__ or not name.startswith(VERBS) or not inspect.isfunction(method):
                    continue
                if "caller" in inspect.signature(method).parameters and not hasattr(method, "__wrapped__"):
                    missing.add(f"{kind.__name__}.{name}")
    assert missing == COUNTED_WITHIN | NOTHING_DELETED


async def test_a_budget_holds_however_many_delete_at_once(scene: Scene) -> None:
    agent, _ = await key(scene, DeleteBudget(per_hour=3))
    targets = [await draft(scene, f"Draft {number}") for number in range(8)]
    tokens = [await preview(scene, target, agent) for target in targets]
    ends = await asyncio.gather(
        *(confirm(scene, target, token, agent) for target, token in zip(targets, tokens, strict=True)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Outcome) for each in ends) == 3
    assert sum(isinstance(each, RateLimited) for each in ends) == 5
    rows = (await scene.rows())["key_deletions"]
    assert len(rows) == 3


async def test_a_key_with_a_budget_cannot_get_round_it_and_others_can_change_it(scene: Scene) -> None:
    access = scene.services.access
    agent, secret = await key(scene, DeleteBudget(per_day=0))
    user = await access.add_managed_user(scene.caller, "somebody", None)
    for attempt in (
        access.create_key(agent, "free", None, None),
        access.set_budget(agent, agent.key_id, DeleteBudget()),
        scene.services.managed_users.issue_key(agent, user.id),
    ):
        with pytest.raises(NotPermitted):
            await attempt
    acting = await access.act_for(agent, user.id)
    assert acting.budgeted
    target = await draft(scene)
    with pytest.raises(RateLimited, match="before the budget is raised"):
        await scene.services.posts.delete(agent, target.id)
    with pytest.raises(RateLimited):
        await access.detach_managed_user(agent, user.id)
    with pytest.raises(InvalidParameters):
        await access.set_budget(scene.caller, agent.key_id, DeleteBudget(per_day=-1))
    with pytest.raises(NotFound):
        await access.set_budget(scene.built.other, agent.key_id, DeleteBudget())
    await access.set_budget(scene.caller, agent.key_id, DeleteBudget(per_day=1))
    agent = await access.resolve(secret)
    await access.revoke_key(scene.caller, agent.key_id)
    with pytest.raises(NotAuthenticated):
        await scene.services.posts.delete(agent, target.id)
