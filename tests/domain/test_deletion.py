"""Whether a message can be deleted: one rule for what is shown and for what a recall does."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from postroom.clock import iso
from postroom.domain.accounts import AccountStatus
from postroom.domain.capabilities import Capabilities, Recalling
from postroom.domain.deletions import check_connected, check_deferral, check_recall, deletion
from postroom.domain.messages import NO_CONTENT, Message
from postroom.errors import PostroomError, Refused

SENT = 1_800_000_000_000
HOUR = 3_600_000


def message(*, is_sender: bool = True, deleted_at: int | None = None) -> Message:
    return Message(
        id="msg_1",
        account_id="acc_1",
        chat_id="chat_1",
        provider="linkedin",
        provider_id="1",
        chat_provider_id="2",
        key="1",
        sender_id="ada",
        sender_attendee_id="att_1",
        sent_at=SENT,
        is_sender=is_sender,
        seen=True,
        delivered=True,
        edited=False,
        hidden=False,
        is_event=False,
        kind=None,
        deleted_at=deleted_at,
        quoted_id=None,
        content=NO_CONTENT,
    )


def can(window: timedelta | None) -> Capabilities:
    return Capabilities(recall=Recalling(window=window))


LINKEDIN = can(timedelta(minutes=60))


@given(
    is_sender=st.booleans(),
    deleted_at=st.none() | st.just(SENT + 1),
    window=st.none() | st.integers(0, 10**9).map(lambda ms: timedelta(milliseconds=ms)),
    recalls=st.booleans(),
    status=st.sampled_from(AccountStatus),
    age=st.integers(-1000, 10**9) | st.sampled_from([HOUR - 1, HOUR, HOUR + 1]),
)
def test_what_is_shown_is_what_a_recall_does(
    is_sender: bool,
    deleted_at: int | None,
    window: timedelta | None,
    recalls: bool,
    status: AccountStatus,
    age: int,
) -> None:
    found = message(is_sender=is_sender, deleted_at=deleted_at)
    powers = can(window) if recalls else Capabilities()
    refused = None
    try:
        check_recall(found, powers, SENT + age)
        check_connected(status)
    except PostroomError as error:
        refused = error.detail
    shown = deletion(found, powers, status, SENT + age)
    assert shown.can_delete is (refused is None and deleted_at is None)
    assert (shown.reason is None) is (shown.detail is None) is shown.can_delete
    if deleted_at is None:
        assert shown.detail == refused
    if shown.can_delete and shown.delete_by is not None:
        # To its last millisecond, and not a millisecond more.
        assert deletion(found, powers, status, shown.delete_by).can_delete
        assert not deletion(found, powers, status, shown.delete_by + 1).can_delete


def test_each_reason_has_its_word_and_its_sentence() -> None:
    cases = [
        (message(deleted_at=SENT), LINKEDIN, AccountStatus.CONNECTED, "deleted", "deleted already"),
        (message(), Capabilities(), AccountStatus.CONNECTED, "no_recall", "no deletion"),
        (message(is_sender=False), LINKEDIN, AccountStatus.CONNECTED, "not_own", "Only the sender"),
        (message(), can(timedelta(minutes=1)), AccountStatus.CONNECTED, "window_expired", iso(SENT + 60_000)),
        (message(), LINKEDIN, AccountStatus.DISCONNECTED, "disconnected", "link it again"),
        (message(), LINKEDIN, AccountStatus.ACTION_REQUIRED, "action_required", "owner has to do something"),
    ]
    for found, powers, status, word, sentence in cases:
        shown = deletion(found, powers, status, SENT + 60_001)
        assert (shown.can_delete, shown.reason) == (False, word)
        assert sentence in (shown.detail or "")


@given(window=st.integers(10, 10**6).map(lambda seconds: timedelta(seconds=seconds)), wait=st.integers(-1000, 10**9))
def test_what_can_be_put_off_can_be_done_then(window: timedelta, wait: int) -> None:
    try:
        check_deferral(SENT, can(window), SENT + wait)
    except Refused:
        # No sooner than it must.
        assert wait > (window - timedelta(seconds=10)) // timedelta(milliseconds=1)
        return
    check_recall(message(), can(window), SENT + wait + 9_999)
    check_deferral(SENT, can(None), SENT + wait)
