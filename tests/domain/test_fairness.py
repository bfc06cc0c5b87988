"""Which jobs run next: nobody's many hold back somebody's one."""

from postroom.domain.fairness import Room, choose
from postroom.domain.jobs import Due

ROOM = Room(at_once=10, of_a_workspace=8, of_a_provider=6)


def due(workspace: str, provider: str | None = None, count: int = 1) -> list[Due]:
    return [Due(f"{workspace}-{provider}-{number}", workspace, None, provider) for number in range(count)]


def test_the_one_job_of_a_workspace_is_taken_before_the_many_of_another() -> None:
    found = choose([*due("many", count=100), *due("one")], [], ROOM)
    assert len(found) == 9
    assert due("one")[0] in found[:2]


def test_the_room_is_shared_by_those_who_have_most_to_do() -> None:
    found = choose([*due("a", count=100), *due("b", count=100), *due("c", count=2)], [], ROOM)
    assert [sum(job.workspace_id == name for job in found) for name in "abc"] == [4, 4, 2]


def test_who_has_much_in_hand_waits() -> None:
    found = choose([*due("a", count=100), *due("b", count=2)], due("a", count=6), ROOM)
    assert [job.workspace_id for job in found] == ["b", "b", "a", "a"]


def test_a_workspace_alone_does_not_fill_the_room() -> None:
    assert len(choose(due("a", count=100), [], ROOM)) == 8
    assert choose(due("a", count=100), due("a", count=8), ROOM) == []


def test_a_network_alone_does_not_fill_the_room() -> None:
    waiting = [*due("a", "slow", 100), *due("b", "slow", 100), *due("a", "quick", 2), *due("b", None, 2)]
    found = choose(waiting, [], ROOM)
    assert sorted(str(job.provider) for job in found) == ["None"] * 2 + ["quick"] * 2 + ["slow"] * 6


def test_the_longest_due_of_a_workspace_comes_first() -> None:
    jobs = due("a", count=5)
    assert choose(jobs, [], ROOM) == jobs
