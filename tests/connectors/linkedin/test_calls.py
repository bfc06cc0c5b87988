"""What is asked of LinkedIn, to the letter, and what its answers mean."""

import json
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from postroom.connectors.contract import Ask, Linked, Reply
from postroom.connectors.linkedin.connection import LinkedInConnection
from postroom.connectors.linkedin.connector import LinkedInConnector, LinkedInSettings
from postroom.domain.messages import Quote
from postroom.domain.remote import ChatKey, Credentials, MessageDraft, MessageKey, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    Kind,
    LoginFailed,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)
from tests.connectors.linkedin.test_convert import fixture
from tests.connectors.linkedin.test_keys import A, B, K, M, T
from tests.connectors.wire import Wire, answer, breaks

CHAT = ChatKey(T.rstrip("="))
MESSAGE = MessageKey(K)
REVOKED = {"set-cookie": "li_at=delete me; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "location": "/uas/login"}


async def never(credentials: Credentials) -> None:
    raise AssertionError("LinkedIn's credentials do not change")


def opened(wire: Wire, **arguments: Any) -> LinkedInConnection:
    credentials = Credentials(values={"li_at": "AQED-secret", "jsessionid": "ajax:1234567890123456789"})
    profile = Profile(provider_id=A, username="ada", name="Ada Merino")
    connector = LinkedInConnector(http=wire.http(), settings=LinkedInSettings(**arguments))
    connection = connector.open(profile, credentials, never)
    assert isinstance(connection, LinkedInConnection)
    return connection


def collection(field: str, *elements: Any, **metadata: Any) -> Any:
    return answer(200, {"data": {"_type": "x", field: {"elements": list(elements), "metadata": metadata}}})


def anchor(*elements: Any, **metadata: Any) -> Any:
    return collection("messengerMessagesByAnchorTimestamp", *elements, **metadata)


# recall


async def test_a_recall_is_one_call_with_the_own_mailbox_and_padding() -> None:
    wire = Wire(answer(204))
    await opened(wire).recall_message(CHAT, MESSAGE)
    assert len(wire.requests) == 1
    assert wire.last.method == "POST"
    assert str(wire.last.url) == (
        "https://www.linkedin.com/voyager/api/voyagerMessagingDashMessengerMessages?action=recall"
    )
    assert wire.last.content == b'{"messageUrn":"urn:li:msg_message:(urn:li:fsd_profile:' + f"{A},{M}".encode() + b')"}'


async def test_a_recall_carries_the_session_and_its_token() -> None:
    wire = Wire(answer(204))
    await opened(wire).recall_message(CHAT, MESSAGE)
    assert wire.last.headers["cookie"] == 'li_at=AQED-secret; JSESSIONID="ajax:1234567890123456789"'
    assert wire.last.headers["csrf-token"] == "ajax:1234567890123456789"
    assert wire.last.headers["x-restli-protocol-version"] == "2.0.0"


@pytest.mark.parametrize("spelling", [f"urn:li:msg_message:(urn:li:fsd_profile:{B},{M})", f"urn:li:fsd_message:{M}", M])
async def test_a_recall_never_passes_on_somebody_elses_mailbox(spelling: str) -> None:
    wire = Wire(answer(204))
    await opened(wire).recall_message(CHAT, MessageKey(spelling))
    assert wire.sent() == {"messageUrn": f"urn:li:msg_message:(urn:li:fsd_profile:{A},{M})"}


RECALLS = {
    "malformed, too old, or gone": (answer(400), Refused, ErrorCode.INSUFFICIENT_PERMISSIONS, Kind.RECALL_REFUSED),
    "not found": (answer(404), Refused, ErrorCode.INSUFFICIENT_PERMISSIONS, Kind.RECALL_REFUSED),
    "no session": (answer(401), CredentialsRejected, ErrorCode.DISCONNECTED_ACCOUNT, Kind.GENERAL),
    "session revoked": (
        answer(302, headers=REVOKED),
        CredentialsRejected,
        ErrorCode.DISCONNECTED_ACCOUNT,
        Kind.GENERAL,
    ),
    "challenge": (
        answer(302, headers={"location": "/checkpoint/challenge/AgF4"}),
        ActionRequired,
        ErrorCode.ACTION_REQUIRED,
        Kind.GENERAL,
    ),
    "restricted": (answer(403, {"status": 403}), Refused, ErrorCode.ACCOUNT_RESTRICTED, Kind.GENERAL),
    "challenge in words": (
        answer(403, {"challenge_url": "https://x/"}),
        ActionRequired,
        ErrorCode.ACTION_REQUIRED,
        Kind.GENERAL,
    ),
    "too many": (answer(429), RateLimited, ErrorCode.TOO_MANY_REQUESTS, Kind.GENERAL),
    "cannot use": (answer(422), Unprocessable, ErrorCode.UNPROCESSABLE_ENTITY, Kind.GENERAL),
    "broken": (answer(500), OutcomeUnknown, ErrorCode.PROVIDER_ERROR, Kind.GENERAL),
    "bad gateway": (answer(502), OutcomeUnknown, ErrorCode.PROVIDER_ERROR, Kind.GENERAL),
    "out of order": (answer(503), OutcomeUnknown, ErrorCode.PROVIDER_ERROR, Kind.GENERAL),
    "bot block": (answer(999), ActionRequired, ErrorCode.ACTION_REQUIRED, Kind.GENERAL),
    "connection lost": (breaks(httpx.ReadError), OutcomeUnknown, ErrorCode.REQUEST_TIMEOUT, Kind.GENERAL),
    "no connection": (breaks(httpx.ConnectError), ProviderDown, ErrorCode.PROVIDER_ERROR, Kind.GENERAL),
}


@pytest.mark.parametrize(("responder", "kind", "code", "about"), RECALLS.values(), ids=RECALLS)
async def test_a_recall_that_fails_says_what_may_have_happened(
    responder: Any, kind: type[ProviderError], code: ErrorCode, about: Kind
) -> None:
    wire = Wire(responder)
    with pytest.raises(ProviderError) as caught:
        await opened(wire).recall_message(CHAT, MESSAGE)
    if isinstance(caught.value, Unprocessable):
        assert kind is Unprocessable
    assert type(caught.value) is kind
    assert caught.value.kind is about
    assert caught.value.code is code
    assert len(wire.requests) == 1
    assert "AQED" not in repr(caught.value)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": "Fri, 20 Nov 2026 12:02:00 GMT", "date": "Fri, 20 Nov 2026 12:00:00 GMT"}, 120),
        ({}, None),
        ({"retry-after": "soon"}, None),
    ],
)
async def test_a_rate_limit_says_when_to_come_back(headers: dict[str, str], seconds: float | None) -> None:
    with pytest.raises(RateLimited) as caught:
        await opened(Wire(answer(429, headers=headers))).recall_message(CHAT, MESSAGE)
    assert caught.value.retry_after_seconds == seconds


async def test_a_message_of_sales_navigator_is_never_called_about() -> None:
    wire = Wire(answer(204))
    with pytest.raises(NotSupported):
        await opened(wire).recall_message("urn:li:salesNav_thread:2-NzkzMDFl", MESSAGE)
    assert wire.requests == []


async def test_what_is_no_message_is_refused_before_any_call() -> None:
    wire = Wire(answer(204))
    with pytest.raises(InvalidParameters):
        await opened(wire).recall_message(CHAT, MessageKey(T))
    assert wire.requests == []


# reading one message back


async def test_a_message_is_read_back_around_the_moment_in_its_id() -> None:
    wire = Wire(anchor(fixture("message-new")))
    shown = await opened(wire).read_message(CHAT, MESSAGE)
    assert shown is not None
    assert shown.text == "The hive is full."
    raw = wire.last.url.raw_path.decode()
    assert "variables=(deliveredAt:1760773310429,conversationUrn:urn%3Ali%3Amsg_conversation%3A%28urn%3Ali%3A" in raw
    assert raw.endswith(",countBefore:10,countAfter:10)")
    assert wire.last.headers["accept"] == "application/graphql"


async def test_a_recalled_message_is_read_back_as_recalled() -> None:
    shown = await opened(Wire(anchor(fixture("message-recalled")))).read_message(CHAT, MESSAGE)
    assert shown is not None
    assert (shown.recalled, shown.text, shown.original) == (True, None, "")


async def test_a_message_that_is_not_shown_is_none() -> None:
    older = fixture("message-reply") | {"deliveredAt": 1}
    assert await opened(Wire(anchor(older))).read_message(CHAT, MESSAGE) is None


UNREADABLE = {
    "no collection": answer(200, {"data": {}}),
    "an error in place of data": answer(200, {"errors": [{"message": "no"}], "data": None}),
    "no JSON": answer(200, body=b"<html>"),
    "no elements": answer(200, {"data": {"messengerMessagesByAnchorTimestamp": {"elements": None}}}),
    "an element nobody understands": anchor(fixture("message-nameless")),
    "a page that ends before the message's place": anchor(),
}


@pytest.mark.parametrize("responder", UNREADABLE.values(), ids=UNREADABLE)
async def test_an_answer_that_cannot_be_understood_never_means_gone(responder: Any) -> None:
    with pytest.raises(ProviderDown):
        await opened(Wire(responder)).read_message(CHAT, MESSAGE)


async def test_a_message_of_before_2020_cannot_be_read_back() -> None:
    with pytest.raises(NotSupported):
        await opened(Wire(anchor())).read_message(CHAT, MessageKey("S6446595438580559872_500"))


@pytest.mark.parametrize(("status", "kind"), [(400, Refused), (500, ProviderDown), (401, CredentialsRejected)])
async def test_a_read_that_fails_means_that_nothing_happened(status: int, kind: type[ProviderError]) -> None:
    with pytest.raises(kind):
        await opened(Wire(answer(status))).read_message(CHAT, MESSAGE)


# sending

SENT = {
    "value": {
        "entityUrn": f"urn:li:msg_message:(urn:li:fsd_profile:{A},{M})",
        "originToken": "token-1",
        "body": {"text": "Hello", "attributes": []},
        "deliveredAt": 1760773310429,
    }
}


async def test_a_message_is_sent_as_the_web_client_sends_it() -> None:
    wire = Wire(answer(200, SENT))
    sent = await opened(wire).send_message(CHAT, MessageDraft(text="Hello", token="token-1"))
    assert (sent.key, sent.text, sent.sender.is_self) == (K, "Hello", True)
    assert json.loads(sent.original)["originToken"] == "token-1"
    assert str(wire.last.url).endswith("/voyagerMessagingDashMessengerMessages?action=createMessage")
    assert wire.last.headers["content-type"] == "text/plain;charset=UTF-8"
    body = wire.sent()
    assert len(body.pop("trackingId")) == 16
    assert body == {
        "message": {
            "body": {"text": "Hello", "attributes": []},
            "renderContentUnions": [],
            "conversationUrn": f"urn:li:msg_conversation:(urn:li:fsd_profile:{A},{T})",
            "originToken": "token-1",
        },
        "mailboxUrn": f"urn:li:fsd_profile:{A}",
        "dedupeByClientGeneratedToken": False,
    }


async def test_an_answer_quotes_in_the_own_mailbox() -> None:
    wire = Wire(answer(200, SENT))
    quote = Quote(provider_id=f"urn:li:msg:{M}", key=K, sender_id=B, sent_at=5, text="The hive is full.")
    sent = await opened(wire).send_message(CHAT, MessageDraft(text="Hello", token="t", quote=quote))
    assert sent.quote == quote
    assert wire.sent()["message"]["renderContentUnions"] == [
        {
            "repliedMessageContent": {
                "originalSenderUrn": f"urn:li:msg_messagingParticipant:urn:li:fsd_profile:{B}",
                "originalSendAt": 5,
                "originalMessageUrn": f"urn:li:msg_message:(urn:li:fsd_profile:{A},{M})",
                "messageBody": {"text": "The hive is full.", "attributes": []},
            }
        }
    ]


async def test_a_quote_that_is_named_only_is_read_first() -> None:
    wire = Wire(anchor(fixture("message-new")), answer(200, SENT))
    draft = MessageDraft(text="Hello", token="t", quote_provider_id=f"urn:li:msg:{M}")
    await opened(wire).send_message(CHAT, draft)
    quoted = wire.sent()["message"]["renderContentUnions"][0]["repliedMessageContent"]
    assert (quoted["messageBody"]["text"], quoted["originalSendAt"]) == ("The hive is full.", 1760773310429)


@pytest.mark.parametrize(
    "shown", [anchor(fixture("message-reply") | {"deliveredAt": 1}), anchor(fixture("message-recalled"))]
)
async def test_a_message_that_is_gone_cannot_be_answered(shown: Any) -> None:
    wire = Wire(shown)
    with pytest.raises(Unprocessable):
        await opened(wire).send_message(CHAT, MessageDraft(text="Hi", token="t", quote_provider_id=f"urn:li:msg:{M}"))
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "responder",
    [
        breaks(httpx.ReadTimeout),
        breaks(httpx.RemoteProtocolError),
        answer(500),
        answer(503),
        answer(200, {"value": None}),
    ],
)
async def test_a_send_whose_answer_is_lost_is_not_repeated(responder: Any) -> None:
    wire = Wire(responder)
    with pytest.raises(OutcomeUnknown):
        await opened(wire).send_message(CHAT, MessageDraft(text="Hello", token="t"))
    assert len(wire.requests) == 1


# listing


async def test_chats_come_folder_by_folder() -> None:
    field = "messengerConversationsByCategoryQuery"
    chat = fixture("chat-of-two")
    wire = Wire(
        collection(field, chat, nextCursor="c=1&2"),
        collection(field, chat, nextCursor=None),
        collection(field, nextCursor=None),
        collection(field, nextCursor=None),
    )
    connection = opened(wire)
    cursor: str | None = None
    pages = 0
    while True:
        page = await connection.list_chats(cursor)
        pages, cursor = pages + 1, page.next
        if cursor is None:
            break
    raw = [request.url.raw_path.decode() for request in wire.requests]
    assert pages == 4
    assert all("count:20" in path for path in raw)
    assert "category:PRIMARY_INBOX))))" in raw[0]
    assert "lastUpdatedBefore:" in raw[0]
    assert "nextCursor:c%3D1%262" in raw[1]
    assert "category:SECONDARY_INBOX" in raw[2]
    assert "category:ARCHIVE" in raw[3]


async def test_chats_without_a_cursor_go_on_by_time() -> None:
    field = "messengerConversationsByCategoryQuery"
    wire = Wire(collection(field, fixture("chat-of-two")), collection(field))
    connection = opened(wire)
    page = await connection.list_chats(None)
    assert page.next == "PRIMARY_INBOX:t:1760773310428"
    page = await connection.list_chats(page.next)
    assert "lastUpdatedBefore:1760773310428" in wire.last.url.raw_path.decode()
    assert page.next == "SECONDARY_INBOX:t:"


@pytest.mark.parametrize("cursor", ["", "x", "PRIMARY_INBOX:t:abc", "SPAM:c:1", "PRIMARY_INBOX:q:1"])
async def test_a_cursor_of_something_else_is_refused(cursor: str) -> None:
    wire = Wire(collection("messengerConversationsByCategoryQuery"))
    with pytest.raises(InvalidParameters) as caught:
        await opened(wire).list_chats(cursor)
    assert caught.value.kind is Kind.CURSOR
    with pytest.raises(InvalidParameters):
        await opened(wire).list_messages(CHAT, cursor)
    assert wire.requests == []


async def test_older_messages_are_read_past_the_first_page_without_losing_one_at_the_border() -> None:
    new = fixture("message-new")
    twin = json.loads(json.dumps(fixture("message-reply")))
    twin["deliveredAt"] = new["deliveredAt"]
    wire = Wire(
        collection("messengerMessagesBySyncToken", new, newSyncToken="t"),
        anchor(new, twin, prevCursor="older"),
        collection("messengerMessagesByConversation", prevCursor=None),
    )
    connection = opened(wire)
    first = await connection.list_messages(CHAT, None)
    second = await connection.list_messages(CHAT, first.next)
    third = await connection.list_messages(CHAT, second.next)
    assert [message.key for message in first.items] == [K]
    assert [message.text for message in second.items] == ["Then build another."]
    assert (list(third.items), third.next) == ([], None)
    assert "prevCursor:older" in wire.last.url.raw_path.decode()


async def test_who_reacted_is_asked_where_the_counts_do_not_tell() -> None:
    bea = fixture("message-new")["actor"]
    wire = Wire(
        collection("messengerMessagesBySyncToken", fixture("message-reactions-of-many")),
        collection("messengerMessagingParticipantsByMessageAndEmoji", bea),
    )
    page = await opened(wire).list_messages(CHAT, None)
    assert [(item.value, item.sender_id) for item in page.items[0].reactions or ()] == [("👍", B)]
    assert unquote(wire.last.url.raw_path.decode()).endswith(
        f"(messageUrn:urn:li:msg_message:(urn:li:fsd_profile:{A},{M}),emoji:👍)"
    )


async def test_a_failure_to_learn_who_reacted_leaves_the_message_readable() -> None:
    wire = Wire(
        collection("messengerMessagesBySyncToken", fixture("message-reactions-of-many")),
        answer(429),
    )
    page = await opened(wire).list_messages(CHAT, None)
    assert [message.reactions for message in page.items] == [None]


# deltas


async def test_the_first_sync_is_the_newest_state_and_a_token() -> None:
    wire = Wire(collection("messengerConversationsBySyncToken", fixture("chat-of-two"), newSyncToken="s1"))
    delta = await opened(wire).changes(None)
    assert delta.complete
    assert delta.token == "1760773310429|s1"
    assert [type(event).__name__ for event in delta.events] == ["ChatChanged", "MessageSeen"]
    assert "syncToken" not in wire.last.url.raw_path.decode()


async def test_a_delta_reads_the_changed_chats_and_tells_what_is_gone() -> None:
    chat = fixture("chat-of-two")
    gone = [{"message": {"entityUrn": f"urn:li:msg_message:(urn:li:fsd_profile:{A},{M})"}, "conversation": None}]
    old = fixture("message-reply") | {"deliveredAt": 1}
    wire = Wire(
        collection("messengerConversationsBySyncToken", chat, newSyncToken="s2", deletedUrns=gone),
        collection("messengerMessagesBySyncToken", fixture("message-recalled"), old),
    )
    delta = await opened(wire).changes("1760773310000|s1")
    assert delta.complete
    assert delta.token == "1760773310429|s2"
    kinds = [type(event).__name__ for event in delta.events]
    assert kinds == ["ChatChanged", "MessageSeen", "MessageGone", "MessageSeen", "MessageSeen"]
    assert "syncToken:s1" in wire.requests[0].url.raw_path.decode()


async def test_a_cleared_cache_means_that_all_is_to_be_listed_again() -> None:
    wire = Wire(
        collection("messengerConversationsBySyncToken", fixture("chat-of-two"), newSyncToken="s", shouldClearCache=True)
    )
    delta = await opened(wire).changes("1760773310000|s1")
    assert (delta.complete, delta.token) == (False, "1760773310429|s")
    assert len(wire.requests) == 1


async def test_more_changes_than_can_be_read_mean_that_all_is_to_be_listed_again() -> None:
    chats = [fixture("chat-of-two")] * 51
    delta = await opened(Wire(collection("messengerConversationsBySyncToken", *chats, newSyncToken="s"))).changes(
        "1|s1"
    )
    assert not delta.complete


async def test_a_token_of_something_else_asks_for_a_new_one() -> None:
    wire = Wire(answer(500))
    delta = await opened(wire).changes("nonsense")
    assert (list(delta.events), delta.complete, wire.requests) == ([], False, [])


async def test_an_answer_without_a_token_is_no_delta() -> None:
    with pytest.raises(ProviderDown):
        await opened(Wire(collection("messengerConversationsBySyncToken"))).changes(None)


# linking and leaving

ME = {
    "plainId": 1001,
    "miniProfile": {
        "firstName": "Ada",
        "lastName": "Merino",
        "publicIdentifier": "ada-merino",
        "entityUrn": f"urn:li:fs_miniProfile:{A}",
        "picture": {
            "com.linkedin.common.VectorImage": {
                "rootUrl": "https://media.example/",
                "artifacts": [{"width": 1, "height": 1, "fileIdentifyingUrlPathSegment": "1", "expiresAt": 1}],
            }
        },
    },
}


async def link(wire: Wire, token: str = "AQED-secret", **answers: str) -> Any:
    connector = LinkedInConnector(http=wire.http())
    return await connector.login("cookie", Reply(state=None, answers={"access_token": token, **answers}))


async def test_linking_asks_for_the_cookie_first_and_again_without_one() -> None:
    wire = Wire(answer(200, ME))
    connector = LinkedInConnector(http=wire.http())
    assert isinstance(await connector.login("cookie", None), Ask)
    assert isinstance(await link(wire, "  "), Ask)
    assert wire.requests == []


async def test_linking_tells_whose_account_it_is() -> None:
    wire = Wire(answer(200, ME))
    linked = await link(wire, user_agent="Browser/1")
    assert isinstance(linked, Linked)
    assert linked.profile == Profile(
        provider_id=A,
        username="ada-merino",
        name="Ada Merino",
        picture_url="https://media.example/1",
        profile_url="https://www.linkedin.com/in/ada-merino",
    )
    values = linked.credentials.values
    assert values["li_at"] == "AQED-secret"
    assert values["user_agent"] == wire.last.headers["user-agent"] == "Browser/1"
    assert values["jsessionid"].startswith("ajax:")
    assert len(values["jsessionid"]) == 24
    assert wire.last.headers["csrf-token"] == values["jsessionid"]


@pytest.mark.parametrize(
    "pasted", ['"AQED-secret"', "li_at=AQED-secret", 'bcookie="v=2&x"; li_at=AQED-secret; lang=v=2', " AQED-secret\n"]
)
async def test_linking_understands_what_people_paste(pasted: str) -> None:
    wire = Wire(answer(200, ME))
    await link(wire, pasted)
    assert wire.last.headers["cookie"].startswith("li_at=AQED-secret; ")


@pytest.mark.parametrize(
    ("responder", "code"),
    [
        (answer(401), ErrorCode.INVALID_CREDENTIALS),
        (answer(302, headers=REVOKED), ErrorCode.INVALID_CREDENTIALS),
        (answer(403), ErrorCode.INVALID_CREDENTIALS),
        (answer(302, headers={"location": "/checkpoint/challenge/x"}), ErrorCode.CHECKPOINT_ERROR),
        (answer(999), ErrorCode.CHECKPOINT_ERROR),
    ],
)
async def test_linking_fails_where_linkedin_refuses(responder: Any, code: ErrorCode) -> None:
    with pytest.raises(LoginFailed) as caught:
        await link(Wire(responder))
    assert caught.value.code is code


@pytest.mark.parametrize("token", ["a;b", "a,b", "a b", "ä", "a\nb", "x" * 5000])
async def test_linking_sends_nothing_that_is_no_cookie(token: str) -> None:
    wire = Wire(answer(200, ME))
    with pytest.raises(LoginFailed):
        await link(wire, token)
    assert wire.requests == []


@pytest.mark.parametrize("responder", [answer(500), answer(200, {}), answer(200, body=b"<html>")])
async def test_linking_may_be_tried_again_where_linkedin_is_down(responder: Any) -> None:
    with pytest.raises(ProviderDown):
        await link(Wire(responder))


async def test_another_way_to_link_is_refused() -> None:
    with pytest.raises(InvalidParameters):
        await LinkedInConnector(http=Wire(answer()).http()).login("telegraph", None)


async def test_an_unknown_query_id_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="colour"):
        LinkedInConnector(settings=LinkedInSettings(query_ids={"colour": "x.1"}))


async def test_a_query_id_can_be_replaced() -> None:
    wire = Wire(anchor(fixture("message-new")))
    await opened(wire, query_ids={"messages_anchor": "messengerMessages.new"}).read_message(CHAT, MESSAGE)
    assert "queryId=messengerMessages.new&" in str(wire.last.url)


@pytest.mark.parametrize("responder", [answer(303), answer(302, headers=REVOKED), answer(401), answer(200)])
async def test_a_session_that_has_ended_is_revoked(responder: Any) -> None:
    wire = Wire(responder)
    await opened(wire).revoke()
    assert str(wire.last.url) == "https://www.linkedin.com/uas/logout?csrfToken=ajax%3A1234567890123456789"
    assert len(wire.requests) == 1


async def test_a_refusal_to_log_out_is_told() -> None:
    with pytest.raises(ProviderError):
        await opened(Wire(answer(500))).revoke()


async def test_what_linkedin_says_is_passed_on_short_and_without_secrets() -> None:
    words = "Session AQED-secret with ajax:1234567890123456789 " + "x" * 1000
    with pytest.raises(Refused) as caught:
        await opened(Wire(answer(403, {"message": words}))).profile()
    assert "Session *** with ***" in caught.value.detail
    assert len(caught.value.detail) < 400
