"""Figures, reactions and comments, against a connection that has the powers: kept half an hour, and told apart in failure."""

from collections.abc import Sequence
from datetime import date

import pytest

from postroom.domain.accounts import Account
from postroom.domain.engagement import Comment, DailyCount, Days, Metric, Reaction, ReactionKind
from postroom.domain.remote import Profile
from postroom.errors import NotFound, NotSupported, OutcomeUnknown, ProviderDown
from tests.desk import Desk

JANUARY = Days(start=date(2026, 1, 1), end=date(2026, 2, 1))
POST = "urn:li:share:1"


class Insights:
    """A network's border: it counts how often it is asked, and fails at what it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down: set[str] = set()

    async def profile(self) -> Profile:
        raise NotImplementedError

    async def revoke(self) -> None:
        raise NotImplementedError

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.down:
            raise ProviderDown("down")

    async def post_count(self, post: str, metric: Metric) -> int | None:
        self._ask(metric.value)
        return None if metric is Metric.MEMBERS_REACHED else 7

    async def account_count(self, metric: Metric, days: Days | None) -> int | None:
        self._ask(metric.value)
        return 70

    async def account_days(self, metric: Metric, days: Days | None) -> Sequence[DailyCount]:
        self._ask(metric.value)
        return [DailyCount(day=JANUARY.start, count=7)]

    async def follower_count(self) -> int:
        self._ask("followers")
        return 700

    async def follower_days(self, days: Days) -> Sequence[DailyCount]:
        self._ask("days")
        return [DailyCount(day=days.start, count=3)]

    async def react(self, post: str, kind: ReactionKind) -> Reaction:
        self._ask(f"react {kind}")
        return Reaction(post=post, kind=kind)

    async def unreact(self, post: str) -> Reaction:
        self._ask("unreact")
        return Reaction(post=post, kind=None)

    async def comment(self, post: str, text: str, parent: str | None) -> Comment:
        self._ask(f"comment {text}")
        raise OutcomeUnknown("no answer")

    async def delete_comment(self, post: str, comment: str) -> None:
        self._ask(f"delete {comment}")


@pytest.fixture
async def account(desk: Desk) -> Account:
    return await desk.account("linkedin")


@pytest.fixture
async def network(desk: Desk, account: Account) -> Insights:
    made = Insights()
    (await desk.services.engagement._connections._opened(account)).connection = made
    return made


async def test_figures_are_kept_for_half_an_hour(desk: Desk, account: Account, network: Insights) -> None:
    engagement = desk.services.engagement
    asked = ("linkedin", account.provider_id, POST, [Metric.REACTION, Metric.MEMBERS_REACHED])
    first = await engagement.post_figures(desk.caller, *asked)
    assert (first.values, first.cached, first.failed) == ({"REACTION": 7, "MEMBERS_REACHED": None}, (), ())
    again = await engagement.post_figures(desk.caller, *asked)
    assert (again.values, again.cached) == (first.values, ("REACTION", "MEMBERS_REACHED"))
    assert network.asked == ["REACTION", "MEMBERS_REACHED"]
    await engagement.post_figures(desk.caller, "linkedin", account.provider_id, "urn:li:share:2", [Metric.REACTION])
    assert len(network.asked) == 3
    await desk.advance(1801)
    assert (await engagement.post_figures(desk.caller, *asked)).cached == ()


async def test_one_figure_that_fails_is_raised_and_of_several_the_others_are_given(
    desk: Desk, account: Account, network: Insights
) -> None:
    engagement = desk.services.engagement
    network.down = {"REACTION"}
    with pytest.raises(ProviderDown):
        await engagement.post_figures(desk.caller, "linkedin", account.provider_id, POST, [Metric.REACTION])
    found = await engagement.account_figures(
        desk.caller, "linkedin", account.provider_id, list(Metric), None, daily=False
    )
    assert found.failed == ("REACTION",)
    assert (found.values["REACTION"], found.values["COMMENT"]) == (None, 70)
    network.down = set()
    found = await engagement.account_figures(
        desk.caller, "linkedin", account.provider_id, list(Metric), None, daily=False
    )
    assert (found.failed, found.values["REACTION"]) == ((), 70)
    assert "REACTION" not in found.cached


async def test_followers_and_a_summary(desk: Desk, account: Account, network: Insights) -> None:
    engagement = desk.services.engagement
    whose = (desk.caller, "linkedin", account.provider_id)
    assert (await engagement.followers(*whose, None)).values == {"total": 700}
    assert (await engagement.followers(*whose, JANUARY)).values == {"daily": [DailyCount(day=JANUARY.start, count=3)]}
    assert (await engagement.summary(*whose, None)).values == {"total": 700} | {each.value: 70 for each in Metric}
    daily = await engagement.account_figures(*whose, [Metric.COMMENT], JANUARY, daily=True)
    assert daily.values == {"COMMENT": [DailyCount(day=JANUARY.start, count=7)]}


async def test_reactions_and_comments_reach_the_network_once(desk: Desk, account: Account, network: Insights) -> None:
    engagement = desk.services.engagement
    whose = (desk.caller, "linkedin", account.provider_id)
    assert (await engagement.react(*whose, POST, ReactionKind.PRAISE)).kind is ReactionKind.PRAISE
    assert (await engagement.react(*whose, POST, None)).kind is None
    with pytest.raises(OutcomeUnknown):
        await engagement.comment(*whose, POST, "Great", None)
    await engagement.delete_comment(*whose, POST, "5")
    assert network.asked == ["react PRAISE", "unreact", "comment Great", "delete 5"]


async def test_a_connection_without_the_power_and_an_account_of_anothers(desk: Desk, account: Account) -> None:
    engagement = desk.services.engagement
    with pytest.raises(NotSupported):
        await engagement.followers(desk.caller, "linkedin", account.provider_id, None)
    with pytest.raises(NotSupported):
        await engagement.react(desk.caller, "linkedin", account.provider_id, POST, None)
    with pytest.raises(NotFound):
        await engagement.followers(desk.built.other, "linkedin", account.provider_id, None)
