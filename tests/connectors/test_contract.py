"""What every connector owes the core, whichever network it speaks to."""

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from postroom.clock import now
from postroom.connectors import registry
from postroom.connectors.bluesky.connector import BlueskyConnector
from postroom.connectors.contract import (
    AppSettings,
    Ask,
    Connection,
    Connector,
    Engager,
    Linked,
    Mailboxes,
    Messenger,
    Publisher,
    Reply,
    Statistics,
    Visit,
)
from postroom.connectors.facebook.connector import FacebookConnector, FacebookSettings
from postroom.connectors.http import Http
from postroom.connectors.instagram.connector import InstagramConnector, InstagramSettings
from postroom.connectors.linkedin.connector import LinkedInConnector, LinkedInSettings
from postroom.connectors.mastodon.connector import MastodonConnector
from postroom.connectors.matrix.connector import MatrixConnector
from postroom.connectors.telegram.connector import TelegramConnector
from postroom.connectors.threads.connector import ThreadsConnector, ThreadsSettings
from postroom.connectors.tiktok.connection import TikTokSettings
from postroom.connectors.tiktok.connector import TikTokConnector
from postroom.connectors.twitter.connector import XConnector
from postroom.connectors.youtube.connector import YouTubeConnector, YouTubeSettings
from postroom.domain.capabilities import Capabilities, Settles
from postroom.domain.chats import ChatMark
from postroom.domain.messages import AnyAttachment, Image
from postroom.domain.remote import (
    ChatDraft,
    ChatKey,
    Credentials,
    HeldMessage,
    MessageDraft,
    MessageKey,
    PostDraft,
    Profile,
)
from postroom.errors import (
    InvalidParameters,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    Refused,
)
from tests.connectors.wire import Picture, Responder, Trying, Wire, answer, breaks

SECRET = "hush-hush-0123456789"
APP_SECRET = "hush-of-the-app"
DRAFT = PostDraft(text="Hello", created_at=datetime(2026, 11, 20, tzinfo=UTC))
VIDEO = PostDraft(
    text="Hello", created_at=DRAFT.created_at, media=(Picture(b"moving", content_type="video/mp4", kind="video"),)
)


@dataclass(frozen=True)
class Case:
    """One network, and what the suite cannot know of it."""

    make: Callable[..., Connector]
    profile: Profile
    credentials: Credentials
    login: dict[str, str]
    messages: tuple[str, ...] = ()
    """Spellings of one message's id, where the network has messages."""
    chats: tuple[str, ...] = ()
    settings: Any = None
    post: str = ""
    """The id of a post at this network."""
    draft: PostDraft = DRAFT
    note: Any = None
    """What an attempt at that draft leaves, where `find` needs it."""
    prepares: bool = False
    """Whether calls that publish nothing come before the one that does."""
    revokes: bool = True
    """Whether there is a session to be ended."""
    person: str = ""
    """Somebody to begin a chat with; without one, what is done with messages is more than one call, and tried elsewhere."""
    file: AnyAttachment | None = None
    before: Mapping[str, tuple[Responder, ...]] = field(default_factory=dict)
    """What is answered to the reads that come before a write, by method."""

    @property
    def chat(self) -> str:
        return self.chats[0] if self.chats else CHAT

    @property
    def message(self) -> MessageKey:
        return MessageKey(self.messages[0] if self.messages else MESSAGE)


MESSAGE = "2-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDA="
CHAT = "2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA=="

CASES = {
    "linkedin": Case(
        LinkedInConnector,
        Profile(provider_id="ACoAAA", username="ada", name="Ada"),
        Credentials(values={"li_at": SECRET, "jsessionid": f"ajax:{SECRET}", "user_agent": "Browser/1"}),
        {"access_token": SECRET},
        messages=(MESSAGE, f"urn:li:msg:{MESSAGE}", f"urn:li:msg_message:(urn:li:fsd_profile:ACoAAA,{MESSAGE})"),
        chats=(
            CHAT,
            f"urn:li:msg_conversation:(urn:li:fsd_profile:ACoAAA,{CHAT})",
            "urn:li:salesNav_thread:2-NzkzMDFl",
        ),
        settings=LinkedInSettings(client_id="us", client_secret="ours"),
        person="ACoAAB",
        file=Image(id="1", url="https://www.linkedin.com/dms/prv/1"),
    ),
    "linkedin by oauth": Case(
        LinkedInConnector,
        Profile(provider_id="Tz9W5i6ZYG", username="ada", name="Ada"),
        Credentials(values={"author": "urn:li:person:Tz9W5i6ZYG", "access_token": SECRET}),
        {"access_token": SECRET},
        settings=LinkedInSettings(client_id="us", client_secret="ours"),
        post="urn:li:share:7141138937766391808",
        note={"media": [], "body": {"author": "urn:li:person:Tz9W5i6ZYG", "commentary": "Hello"}},
    ),
    "bluesky": Case(
        BlueskyConnector,
        Profile(provider_id="did:plc:ada", username="ada.test", name="Ada"),
        Credentials(
            values={
                "accessJwt": SECRET,
                "refreshJwt": f"refresh-{SECRET}",
                "did": "did:plc:ada",
                "service": "https://pds.example",
            }
        ),
        {"identifier": "ada.test", "password": SECRET},
        post="at://did:plc:ada/app.bsky.feed.post/3l472o4abllld",
    ),
    "mastodon": Case(
        MastodonConnector,
        Profile(provider_id="109348684215471001", username="ada@quillfern.test", name="Ada"),
        Credentials(
            values={
                "server": "https://mastodon.example",
                "client_id": "app",
                "client_secret": f"app-{SECRET}",
                "access_token": SECRET,
            }
        ),
        {"server": "mastodon.example"},
        post="109348684215471002",
    ),
    "matrix": Case(
        MatrixConnector,
        Profile(provider_id="@ada:matrix.example", username="@ada:matrix.example", name="Ada"),
        Credentials(values={"server": "https://matrix.example", "access_token": SECRET}),
        {"server": "matrix.example", "user": "ada", "password": SECRET},
        messages=("$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg",),
        chats=("!Rqnc:matrix.example", "!roomOfTheTwelfthVersion"),
        before={
            "send_message": (answer(404, {"errcode": "M_NOT_FOUND", "error": "Event not found."}),),
            "recall_message": (answer(200, {"chunk": []}),),
        },
    ),
    "telegram": Case(
        TelegramConnector,
        Profile(provider_id="-1001234567890", username="harbour", name="Harbour"),
        Credentials(values={"token": f"1234567890:{SECRET}", "chat": "-1001234567890"}),
        {"token": f"1234567890:{SECRET}", "chat": "@harbour"},
        post="-1001234567890:7",
        revokes=False,
    ),
    "tiktok": Case(
        TikTokConnector,
        Profile(provider_id="-000ada", username="ada", name="Ada"),
        Credentials(values={"access_token": SECRET, "refresh_token": f"refresh-{SECRET}"}),
        {"code": SECRET},
        settings=TikTokSettings(client_id="us", client_secret=APP_SECRET, patience_seconds=0),
        draft=VIDEO,
        note={
            "publish_id": "v_pub_file~1",
            "upload_url": "https://upload.us.tiktokapis.com/video/?upload_id=1",
            "size_bytes": 6,
            "digest": "",
        },
        prepares=True,
    ),
    "twitter": Case(
        XConnector,
        Profile(provider_id="1445880548472320001", username="ada_marlow", name="Ada"),
        Credentials(values={"access_token": SECRET, "refresh_token": f"refresh-{SECRET}"}),
        {"code": SECRET},
        settings=AppSettings(client_id="us", client_secret="ours"),
        post="1445880548472328192",
    ),
    "youtube": Case(
        YouTubeConnector,
        Profile(provider_id="UCada", username="@ada", name="Ada"),
        Credentials(values={"access_token": SECRET, "refresh_token": f"refresh-{SECRET}"}),
        {"code": SECRET},
        settings=YouTubeSettings(client_id="us", client_secret=APP_SECRET),
        post="dQw4w9WgXcQ",
        draft=VIDEO,
        note={"session": "https://www.googleapis.com/upload/1", "size_bytes": 6, "digest": ""},
        prepares=True,
    ),
    "facebook": Case(
        FacebookConnector,
        Profile(provider_id="112233445566001", username="harbour", name="Harbour"),
        Credentials(values={"access_token": SECRET}),
        {"code": SECRET},
        settings=FacebookSettings(client_id="us", client_secret="ours"),
        post="112233445566001_1220000000001",
        note={"posting": True},
        revokes=False,
    ),
    "instagram": Case(
        InstagramConnector,
        Profile(provider_id="17841400000000001", username="ada", name="Ada"),
        Credentials(
            values={"access_token": SECRET, "login": "facebook", "granted": "instagram_manage_contents"},
        ),
        {"code": SECRET},
        settings=InstagramSettings(client_id="us", client_secret="ours"),
        post="18100000000000001",
        draft=PostDraft(text="Hello", created_at=DRAFT.created_at, media=(Picture(content_type="image/jpeg"),)),
        note={"container": "17900000000000001"},
        prepares=True,
        revokes=False,
    ),
    "threads": Case(
        ThreadsConnector,
        Profile(provider_id="26400000000000001", username="ada", name="Ada"),
        Credentials(values={"access_token": SECRET}),
        {"code": SECRET},
        settings=ThreadsSettings(client_id="us", client_secret="ours"),
        post="18000000000000001",
        note={"container": "17800000000000001"},
        prepares=True,
        revokes=False,
    ),
}
EVERY = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
WITH_MESSAGES = {name: case for name, case in CASES.items() if case.messages}
MAILBOXES = pytest.mark.parametrize("case", WITH_MESSAGES.values(), ids=WITH_MESSAGES)
REVOKING = {name: case for name, case in CASES.items() if case.revokes}


def held(case: Case) -> HeldMessage:
    return HeldMessage(
        key=case.message,
        provider_id=case.message,
        sender_id=case.profile.provider_id,
        is_sender=True,
        sent_at=DRAFT.created_at,
        text="Hello",
        original="",
    )


async def keep(credentials: Credentials) -> None:
    return None


def opened(case: Case, wire: Wire) -> Any:
    return made(case, wire).open(case.profile, case.credentials, keep)


def mailboxes(case: Case) -> Mailboxes:
    connector = case.make()
    assert isinstance(connector, Mailboxes)
    return connector


def made(case: Case, wire: Wire) -> Connector:
    return case.make(http=wire.http(tries=1), settings=case.settings, callback_url="https://us.example/callback")


Call = Callable[[Any, Case], Any]
WITH_CHATS = {name: case for name, case in CASES.items() if isinstance(opened(case, Wire(answer())), Messenger)}
MESSENGERS = pytest.mark.parametrize("case", WITH_CHATS.values(), ids=WITH_CHATS)


async def first_news(connection: Any) -> Any:
    async with aclosing(connection.listen()) as news:
        return await anext(news)


CALLS: dict[str, tuple[type, bool, Call]] = {
    "profile": (Connection, False, lambda it, case: it.profile()),
    "revoke": (Connection, True, lambda it, case: it.revoke()),
    "list_chats": (Messenger, False, lambda it, case: it.list_chats(None)),
    "list_messages": (Messenger, False, lambda it, case: it.list_messages(case.chat, None)),
    "changes": (Messenger, False, lambda it, case: it.changes(None)),
    "send_message": (
        Messenger,
        True,
        lambda it, case: it.send_message(case.chat, MessageDraft(text="Hello", token="t")),
    ),
    "recall_message": (Messenger, True, lambda it, case: it.recall_message(ChatKey(case.chat), case.message)),
    "read_message": (Messenger, False, lambda it, case: it.read_message(ChatKey(case.chat), case.message)),
    "start_chat": (
        Messenger,
        True,
        lambda it, case: it.start_chat(ChatDraft(people=(case.person,), message=MessageDraft(text="Hello", token="t"))),
    ),
    "edit_message": (Messenger, True, lambda it, case: it.edit_message(case.chat, held(case), "Better")),
    "set_reaction": (Messenger, True, lambda it, case: it.set_reaction(case.chat, held(case), "👍", on=True)),
    "forward_message": (Messenger, True, lambda it, case: it.forward_message(held(case), case.chat)),
    "mark_chat": (Messenger, True, lambda it, case: it.mark_chat(case.chat, ChatMark.READ, on=True)),
    "show_typing": (Messenger, True, lambda it, case: it.show_typing(case.chat, on=True)),
    "open_attachment": (Messenger, False, lambda it, case: it.open_attachment(held(case), case.file)),
    "publish": (Publisher, True, lambda it, case: it.publish(case.draft, Trying("token-1"))),
    "find": (Publisher, False, lambda it, case: it.find(case.draft, Trying("token-1", case.note))),
    "unpublish": (Publisher, True, lambda it, case: it.unpublish(case.post)),
}


def calls_nobody(case: Case, method: str) -> bool:
    """Whether this network has nothing to be asked there, so that the answer is known: it cannot."""
    capabilities = case.make().capabilities
    never_found = capabilities.publish is not None and capabilities.publish.settles is Settles.NEVER
    return (
        (method == "find" and never_found)
        or (method == "revoke" and not case.revokes)
        or (method == "unpublish" and not capabilities.unpublish)
        or (method in POWERS and not POWERS[method](capabilities))
    )


def is_tried(case: Case, method: str) -> bool:
    return bool(case.person) or method not in (*POWERS, "open_attachment")


POWERS: dict[str, Callable[[Capabilities], bool]] = {
    "start_chat": lambda declared: declared.start is not None,
    "edit_message": lambda declared: declared.edit is not None,
    "set_reaction": lambda declared: declared.react is not None,
    "forward_message": lambda declared: declared.forward,
    "mark_chat": lambda declared: ChatMark.READ in declared.marks,
    "show_typing": lambda declared: declared.typing,
}


CALLS_OF = [
    pytest.param(case, call, id=f"{name}-{method}")
    for name, case in CASES.items()
    for method, (role, _, call) in CALLS.items()
    if isinstance(opened(case, Wire(answer())), role) and not calls_nobody(case, method) and is_tried(case, method)
]
WRITES_OF = [
    pytest.param(case, call, id=f"{name}-{method}")
    for name, case in CASES.items()
    for method, (role, writes, call) in CALLS.items()
    if writes
    and isinstance(opened(case, Wire(answer())), role)
    and not calls_nobody(case, method)
    and is_tried(case, method)
]

FAILURES = {
    **{f"status {status}": answer(status) for status in (301, 302, 304, 400, 401, 403, 404, 408, 409, 410, 413, 415)},
    **{f"status {status}": answer(status) for status in (418, 422, 429, 451, 500, 501, 502, 503, 504, 520, 999)},
    "a page": answer(403, body=b"<html>Forbidden</html>"),
    "a list": answer(400, [1, 2]),
    "secrets in the words": answer(400, {"error": "X", "message": SECRET, "status": 400}),
    "secrets in the words of a 403": answer(403, {"message": f"ajax:{SECRET} refresh-{SECRET}"}),
    "no connection": breaks(httpx.ConnectError),
    "cut off": breaks(httpx.RemoteProtocolError),
    "silence": breaks(httpx.ReadTimeout),
}


def test_names_are_unique_and_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {case.make().name: case.make for case in CASES.values()}
    entries = [
        EntryPoint(name=name, value=f"{make.__module__}:{make.__qualname__}", group=registry.GROUP)
        for name, make in made.items()
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    assert sorted(registry.installed(Wire(answer()).http(), "", now)) == sorted(made)


@EVERY
def test_a_connector_is_made_without_anything_said(case: Case) -> None:
    connector = case.make()
    assert connector.login_flows
    assert isinstance(connector.open(case.profile, case.credentials, keep), Connection)


@EVERY
def test_messages_and_the_reading_of_their_ids_come_together(case: Case) -> None:
    connector = case.make()
    assert isinstance(connector, Mailboxes) == (connector.capabilities.send is not None)


@MAILBOXES
def test_keys_are_their_own_keys(case: Case) -> None:
    network = mailboxes(case)
    assert len({network.message_key(spelling) for spelling in case.messages}) == 1
    for spelling in case.messages:
        key = network.message_key(spelling)
        assert network.message_key(key) == key
    for spelling in case.chats:
        chat_key = network.chat_key(spelling)
        assert network.chat_key(chat_key) == chat_key


@MAILBOXES
@pytest.mark.parametrize(
    "spelling", ["", " ", "x", "urn:li:", "(", "%", "at://did:plc:ada/app.bsky.feed.post/x", "\x00"]
)
def test_what_names_nothing_is_refused(case: Case, spelling: str) -> None:
    network = mailboxes(case)
    with pytest.raises(InvalidParameters):
        network.message_key(spelling)
    with pytest.raises(InvalidParameters):
        network.chat_key(spelling)
    assert network.mailbox_of(spelling) is None


@EVERY
def test_what_is_declared_can_be_called_and_what_is_not_is_no_role(case: Case) -> None:
    connection = opened(case, Wire(answer()))
    declared = case.make().capabilities
    # Where accounts differ by how they were linked, their powers together are what is declared.
    ways = [opened(each, Wire(answer())) for each in (case, *CASES.values()) if each.make is case.make]
    chats, posts = ([isinstance(way, role) for way in ways] for role in (Messenger, Publisher))
    assert any(chats) is (declared.send is not None or declared.recall is not None)
    assert any(posts) is (declared.publish is not None)
    assert not declared.unpublish or declared.publish is not None
    assert declared.unpublish_flows <= set(case.make().login_flows if declared.unpublish else ())
    for role in (Connection, Messenger, Publisher, Statistics, Engager):
        for name, method in inspect.getmembers(role, inspect.isfunction):
            if not name.startswith("_") and isinstance(connection, role):
                expected = list(inspect.signature(method).parameters)[1:]
                assert list(inspect.signature(getattr(connection, name)).parameters) == expected


@EVERY
def test_limits_are_set_where_a_power_is_declared(case: Case) -> None:
    declared = case.make().capabilities
    if declared.send is not None:
        assert declared.send.max_length > 0
        assert bool(declared.send.attachments) is (declared.send.max_attachment_bytes > 0)
    if declared.publish is not None:
        assert declared.publish.max_length > 0
        assert declared.publish.images is None or declared.publish.images.max_bytes > 0


@EVERY
async def test_a_login_begins_with_a_question_or_a_page_and_calls_nobody(case: Case) -> None:
    wire = Wire(answer(500))
    connector = made(case, wire)
    for flow in connector.login_flows:
        step = await connector.login(flow, None)
        if isinstance(step, Visit):
            assert step.nonce in step.url
            assert APP_SECRET not in step.url
            continue
        assert isinstance(step, Ask)
        assert set(case.login) <= set(step.fields) or flow != connector.login_flows[0]
        assert all(step.fields.values())
    assert wire.requests == []


@EVERY
@pytest.mark.parametrize("responder", FAILURES.values(), ids=FAILURES)
async def test_a_login_that_fails_is_a_provider_error_without_the_secret(case: Case, responder: Any) -> None:
    connector = made(case, Wire(responder))
    first = await connector.login(connector.login_flows[0], None)
    # An owner who is asked may answer at once; one who was sent away comes back with what the page belongs to.
    state = first.state if isinstance(first, Visit) else None
    with capture_logs() as lines, pytest.raises(ProviderError) as caught:
        await connector.login(connector.login_flows[0], Reply(state=state, answers=case.login))
    assert not isinstance(caught.value, OutcomeUnknown)
    assert SECRET not in repr(caught.value) + repr(caught.value.context) + repr(lines)


@pytest.mark.parametrize("responder", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize(("case", "call"), CALLS_OF)
async def test_every_failure_is_a_provider_error_without_a_secret(case: Case, call: Call, responder: Any) -> None:
    wire = Wire(responder)
    found: ProviderError | None = None
    with capture_logs() as lines:
        try:
            await call(opened(case, wire), case)
        except ProviderError as error:
            found = error
        except NotFound:
            # A file that the network does not have is no failure of the network.
            found = Refused() if call is CALLS["open_attachment"][2] else None
    # Only the end of a session may come as a refusal.
    assert found is not None or call is CALLS["revoke"][2]
    assert type(found) is not ProviderError
    assert SECRET not in repr(found) + repr(found.context if found else None) + repr(lines)
    assert lines


@pytest.mark.parametrize("responder", [answer(500), answer(503), breaks(httpx.ReadError)])
@pytest.mark.parametrize(("case", "call"), WRITES_OF)
async def test_a_write_whose_answer_is_lost_is_sent_once(case: Case, call: Call, responder: Any) -> None:
    before = [each for name, known in case.before.items() if CALLS[name][2] is call for each in known]
    wire = Wire(*before, responder)
    publishes_nothing_yet = case.prepares and call is CALLS["publish"][2]
    with pytest.raises(ProviderDown if publishes_nothing_yet else OutcomeUnknown):
        await call(opened(case, wire), case)
    writes = [each for each in wire.requests if each.method in ("POST", "PUT", "DELETE") or "logout" in each.url.path]
    assert len(writes) == 1


UNASKED = [
    pytest.param(case, CALLS[method][2], id=f"{name}-{method}")
    for name, case in CASES.items()
    for method in ("find", "revoke", "unpublish", *POWERS)
    if isinstance(opened(case, Wire(answer())), Messenger if method in POWERS else Publisher)
    and calls_nobody(case, method)
]


@pytest.mark.parametrize(("case", "call"), UNASKED)
async def test_what_a_network_cannot_do_is_not_asked_of_it(case: Case, call: Call) -> None:
    wire = Wire(answer())
    with pytest.raises(NotSupported):
        await call(opened(case, wire), case)
    assert wire.requests == []


@MESSENGERS
async def test_a_recall_of_a_gone_message_is_refused_and_reading_back_tells(case: Case) -> None:
    connection = opened(case, Wire(answer(400)))
    with pytest.raises(Refused):
        await connection.recall_message(case.chat, case.message)


@pytest.mark.parametrize("case", REVOKING.values(), ids=REVOKING)
async def test_revoking_twice_is_success(case: Case) -> None:
    wire = Wire(answer(200), answer(401))
    connection = opened(case, wire)
    await connection.revoke()
    await connection.revoke()
    assert len(wire.requests) == 2


@EVERY
async def test_nothing_secret_is_shown(case: Case) -> None:
    connection = opened(case, Wire(answer()))
    linked = Linked(profile=case.profile, credentials=case.credentials)
    shown = [repr(item) for item in (connection, linked, case.credentials, *vars(connection).values())]
    assert SECRET not in " ".join(shown)
    assert APP_SECRET not in " ".join([*shown, repr(case.settings)])


@MESSENGERS
async def test_listening_ends_with_the_session(case: Case) -> None:
    connection = opened(case, Wire(answer(401)))
    with pytest.raises(ProviderError):
        await first_news(connection)


@EVERY
async def test_closing_lets_go(case: Case) -> None:
    closed: list[bool] = []

    class Transport(httpx.AsyncBaseTransport):
        async def aclose(self) -> None:
            closed.append(True)

    await case.make(http=Http(transport=Transport())).close()
    assert closed == [True]


def test_a_listener_is_an_async_iterator() -> None:
    connection = opened(CASES["linkedin"], Wire(answer()))
    assert isinstance(connection.listen(), AsyncIterator)
