"""Small readings of ConnectSafely's: where a list goes on at LinkedIn, and how requests are counted."""

import pytest

from postroom.clock import now
from postroom.dialects.connectsafely import pacing, wire_conversations
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.chats import Chat
from postroom.domain.pages import Listing
from postroom.domain.remote import Profile
from postroom.errors import InvalidParameters, RateLimited
from postroom.services.refreshing import Place
from tests.dialects.tables import asked


def account(*, synced: bool) -> Account:
    return Account(
        id="acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR",
        workspace_id="f" * 24,
        user_id="f" * 24,
        provider="linkedin",
        provider_id="ACoAA1",
        status=AccountStatus.CONNECTED,
        status_detail=None,
        profile=Profile(provider_id="ACoAA1", username="ada", name="Ada"),
        created_at=0,
        last_synced_at=None,
        last_used_at=0,
        synced=synced,
    )


def test_after_the_last_page_it_goes_on_at_linkedin_while_the_first_sync_is_not_over() -> None:
    last: Listing[Chat] = Listing(items=[], next=None)
    more: Listing[Chat] = Listing(items=[], next="ours")
    assert wire_conversations.from_here(last, [account(synced=True)]).next is None
    assert wire_conversations.from_here(more, [account(synced=False)]).next == "ours"
    cursor = wire_conversations.from_here(last, [account(synced=False)]).next
    assert cursor is not None
    assert cursor.startswith("linkedin:")
    assert wire_conversations.place_of(cursor) == Place(account(synced=False).id, None)
    onward = wire_conversations.from_network([], Place("acc_1", "further"))
    assert wire_conversations.place_of(onward.next) == Place("acc_1", "further")
    assert wire_conversations.place_of("ours") is None
    for wrong in ("linkedin:", "linkedin:e30=", "linkedin:?", "linkedin:" + "W" * 8):
        with pytest.raises(InvalidParameters):
            wire_conversations.place_of(wrong)


class _Time:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds


def test_a_bucket_lets_through_a_burst_and_then_as_much_as_flows_in(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Time()
    monkeypatch.setattr(pacing, "time", clock)
    buckets = pacing._Buckets(3, 0.5)
    assert [buckets.take("key", clock.seconds)[0] for _ in range(3)] == [2, 1, 0]
    assert buckets.take("key", clock.seconds)[0] < 0
    assert buckets.take("another", clock.seconds)[0] == 2
    clock.seconds += 2
    assert buckets.take("key", clock.seconds)[0] == 0
    assert buckets.take("key", clock.seconds)[0] < 0
    clock.seconds += 3600
    assert buckets.take("key", clock.seconds)[0] == 2


def test_writes_are_counted_by_account_and_refused_with_the_moment_when_there_is_one_again() -> None:
    paced = pacing.Pacing(now)
    request = asked(None)
    request.spend = lambda account_id: paced._take(request, paced._accounts, account_id, "WRITE", pacing.WRITES)
    for _ in range(pacing.WRITES):
        request.spend("acc_1")
    with pytest.raises(RateLimited, match="WRITE: 15/15 used. Resets at 20") as refused:
        request.spend("acc_1")
    assert 1 <= (refused.value.retry_after_seconds or 0) <= 4
    said = dict(request.answer_headers)
    assert (said[b"x-ratelimit-remaining"], said[b"x-ratelimit-action"]) == (b"0", b"WRITE")
    request.spend("acc_2")
    assert dict(request.answer_headers)[b"x-ratelimit-remaining"] == b"14"
