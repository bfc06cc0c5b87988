"""P6. Never two posts: under `kill -9` at any point, and whatever the network does, it counts at most one post for each
target, and exactly one where it can be asked or takes a token.

| network | how an attempt without an answer is settled | under a kill |
|---|---|---|
| bluesky | the record's key follows from the post's token: it is looked up, and a second try meets the first | exactly one |
"""

import asyncio
from pathlib import Path

import pytest

from postroom.domain.posts import PostStatus
from tests.crash.harness import Operation, Prepared, enumerate_crashes
from tests.crash.operations import PUBLISHES
from tests.desk import Desk
from tests.size import Size

pytestmark = pytest.mark.promise("P6")

LOST = {"commit_then_lose": True}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("operation", PUBLISHES, ids=lambda operation: operation.id)
def test_a_kill_at_any_step_leaves_one_post(
    operation: Operation, crash_house: Prepared, tmp_path: Path, size: Size
) -> None:
    enumerate_crashes(operation, crash_house, tmp_path, size.every_nth)


async def one_post(desk: Desk, text: str) -> None:
    assert [post["text"] for post in await desk.live()] == [text]
    assert await desk.rows("select status from posts") == [("published",)]


@pytest.mark.parametrize("lost", [1, 2, 3])
async def test_answers_that_are_lost_make_no_second_post(desk: Desk, lost: int) -> None:
    await desk.fault("createRecord", times=lost, do=LOST)
    await desk.fault("getRecord", times=3 * lost, do={"status": 502})
    await desk.due("Once")
    await desk.settle()
    await one_post(desk, "Once")
    assert await desk.calls("createRecord") == 1


async def test_an_outcome_that_is_unknown_is_looked_up_before_anything_is_tried_again(desk: Desk) -> None:
    await desk.fault("createRecord", do=LOST)
    await desk.fault("getRecord", times=7, do={"status": 502})
    await desk.due("Looked up")
    await desk.settle()
    answer = await desk.built.sim.get("/_sim/requests", params={"network": "bluesky"})
    asked = [call["operation"] for call in answer.json()["requests"]]
    posting = asked[asked.index("createRecord") :]
    assert posting == ["createRecord", *["getRecord"] * 8]
    await one_post(desk, "Looked up")


async def test_a_job_that_two_workers_run_at_once_makes_one_post(desk: Desk) -> None:
    group = await desk.due("Twice claimed")
    await desk.fault("createRecord", do={"latency_seconds": 0.5})
    post = await desk.post(group)
    publish = desk.house.worker._work.publishing.publish
    await asyncio.gather(
        publish(desk.caller.workspace_id, post.id, 1),
        publish(desk.caller.workspace_id, post.id, 1),
        desk.work(),
    )
    await desk.settle()
    await one_post(desk, "Twice claimed")


async def test_the_attempt_is_on_record_before_the_network_is_called(desk: Desk) -> None:
    group = await desk.due("On record")
    await desk.fault("createRecord", do={"hold": True})
    working = asyncio.create_task(desk.work())
    await desk.struck("createRecord")
    post = await desk.post(group)
    assert (post.status, post.attempts) == (PostStatus.PROCESSING, 1)
    await desk.no_faults()
    await working
    await one_post(desk, "On record")


async def test_a_worker_that_is_stopped_in_the_middle_leaves_one_post_to_the_next(desk: Desk) -> None:
    await desk.due("Stopped")
    await desk.fault("createRecord", do={"commit_then_hang_seconds": 2})
    working = asyncio.create_task(desk.house.worker.run())
    while not await desk.live():
        await asyncio.sleep(0.02)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await desk.settle()
    await one_post(desk, "Stopped")
    assert await desk.calls("createRecord") == 1


async def test_what_is_live_is_not_called_a_failure_by_a_second_attempt(desk: Desk) -> None:
    group = await desk.due("Live")
    await desk.fault("createRecord", do={"latency_seconds": 1.0})
    post = await desk.post(group)
    publish = desk.house.worker._work.publishing.publish
    first = asyncio.create_task(publish(desk.caller.workspace_id, post.id, 1))
    while not await desk.calls("createRecord"):
        await asyncio.sleep(0.02)
    # A second worker finds nothing yet, and begins anew: it is refused while the first is done.
    await desk.fault("createRecord", nth=1, do={"latency_seconds": 1.0, "status": 403, "body": {"error": "Forbidden"}})
    assert await publish(desk.caller.workspace_id, post.id, 2) is not None
    second = asyncio.create_task(publish(desk.caller.workspace_id, post.id, 3))
    await asyncio.gather(first, second)
    assert await desk.status(group) is PostStatus.PUBLISHED
    await one_post(desk, "Live")


async def test_what_was_taken_down_while_it_was_in_doubt_is_not_published_again(desk: Desk) -> None:
    group = await desk.due("In doubt")
    await desk.fault("createRecord", do=LOST)
    await desk.fault("getRecord", times=7, do={"status": 502})
    await desk.work()
    made = await desk.services.takedowns.take_down(desk.caller, group.id, 0)
    await desk.settle()
    assert await desk.live() == []
    assert await desk.calls("createRecord") == 1
    settled = await desk.services.takedowns.get(desk.caller, made.id)
    assert [target.outcome for target in settled.targets] == ["done"]
