"""What homeservers answer, and what becomes of it: linking, errors, listening."""

from typing import Any

import httpx
import pytest

from postroom.connectors.contract import Ask, Linked, Reply
from postroom.connectors.matrix.api import Matrix
from postroom.connectors.matrix.connection import MatrixConnection
from postroom.connectors.matrix.connector import MatrixConnector, MatrixSettings
from postroom.domain.remote import Closed, Credentials, Gap, MessageKey, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)
from tests.connectors.matrix.people import draft, keep
from tests.connectors.wire import Responder, Wire, answer, breaks

ROOM, EVENT = "!room:matrix.example", "$event"
NOTHING = answer(200, {"next_batch": "s1", "rooms": {}})
ALONE = answer(404, {"errcode": "M_NOT_FOUND", "error": "Event not found."})


def error(status: int, code: str, **more: Any) -> Responder:
    return answer(status, {"errcode": code, "error": "No.", **more})


def connection(wire: Wire) -> MatrixConnection:
    profile = Profile(provider_id="@ada:matrix.example", username="ada", name="Ada")
    credentials = Credentials(values={"server": "https://matrix.example", "access_token": "syt_secret"})
    made = MatrixConnector(http=wire.http(tries=1)).open(profile, credentials, keep)
    made._wait_seconds = 0.0
    return made


@pytest.mark.parametrize(
    ("responder", "kind"),
    [
        (error(401, "M_UNKNOWN_TOKEN", soft_logout=True), CredentialsRejected),
        (error(401, "M_MISSING_TOKEN"), CredentialsRejected),
        (error(403, "M_USER_DEACTIVATED"), CredentialsRejected),
        (error(401, "M_USER_LOCKED", soft_logout=True), ActionRequired),
        (error(403, "M_USER_SUSPENDED"), ActionRequired),
        (error(403, "M_CONSENT_NOT_GIVEN"), ActionRequired),
        (error(403, "M_FORBIDDEN"), Refused),
        (error(403, "M_RESOURCE_LIMIT_EXCEEDED"), ProviderDown),
        (error(413, "M_TOO_LARGE"), Unprocessable),
        (error(400, "M_BAD_JSON"), Unprocessable),
        (error(400, "M_UNKNOWN"), Refused),
        (error(404, "M_UNRECOGNIZED"), Refused),
        (error(429, "M_LIMIT_EXCEEDED", retry_after_ms=2500), RateLimited),
        (answer(429, headers={"retry-after": "7"}), RateLimited),
        (answer(500), OutcomeUnknown),
        (answer(502), OutcomeUnknown),
        (answer(302), ProviderDown),
        (answer(200, body=b"<html>"), OutcomeUnknown),
        (answer(200, {}), OutcomeUnknown),
    ],
)
async def test_what_a_homeserver_answers_to_a_message(responder: Responder, kind: type[ProviderError]) -> None:
    with pytest.raises(kind) as caught:
        await connection(Wire(ALONE, responder)).send_message(ROOM, draft("Hello"))
    assert type(caught.value) is kind
    if kind is RateLimited:
        assert caught.value.retry_after_seconds in (2.5, 7.0)


async def test_a_message_is_sent_under_its_token_and_never_where_it_would_be_in_the_clear() -> None:
    wire = Wire(ALONE, answer(200, {"event_id": EVENT}), answer(500))
    sent = await connection(wire).send_message(ROOM, draft("Hello", "01TOKEN"))
    assert wire.requests[1].url.path.endswith("/send/m.room.message/01TOKEN")
    # It is not shown yet: then it is what was meant.
    assert (sent.key, sent.text, sent.sender.name) == (EVENT, "Hello", "Ada")
    # Whether a room is encrypted is not guessed.
    wire = Wire(answer(404, body=b"<html>Not found</html>"))
    with pytest.raises(Refused):
        await connection(wire).send_message(ROOM, draft("Hello"))
    assert len(wire.requests) == 1


async def test_only_the_homeservers_own_word_counts_as_not_there() -> None:
    assert await connection(Wire(ALONE)).read_message(ROOM, MessageKey(EVENT)) is None
    for responder in (answer(404), error(404, "M_UNRECOGNIZED"), error(403, "M_FORBIDDEN")):
        with pytest.raises(Refused):
            await connection(Wire(responder)).read_message(ROOM, MessageKey(EVENT))


@pytest.mark.parametrize(
    "bad", [answer(500), breaks(httpx.ConnectError), error(429, "M_LIMIT_EXCEEDED", retry_after_ms=1)]
)
async def test_a_listener_says_when_it_hears_nothing_and_when_it_hears_again(bad: Responder) -> None:
    wire = Wire(NOTHING, bad, NOTHING)
    heard = connection(wire).listen()
    assert [type(await anext(heard)) for _ in range(3)] == [Gap, Closed, Gap]
    # What is asked after a failure is answered at once.
    assert [request.url.params["timeout"] for request in wire.requests] == ["0", "25000", "0"]


async def test_a_token_that_is_not_known_any_more_begins_anew_with_a_gap() -> None:
    wire = Wire(NOTHING, error(400, "M_UNKNOWN_POS"), answer(200, {"next_batch": "s9", "rooms": {}}))
    heard = connection(wire).listen()
    told = [type(await anext(heard)) for _ in range(3)]
    assert told == [Gap, Closed, Gap]
    assert "since" not in wire.last.url.params


# Linking.


def linking(*script: Responder) -> tuple[MatrixConnector, Wire]:
    wire = Wire(*script)
    return MatrixConnector(guarded=wire.http(tries=1)), wire


ANSWERS = {"server": "example.org", "user": "ada", "password": "hush"}
WELL_KNOWN = answer(200, {"m.homeserver": {"base_url": "https://matrix.example.org/"}})
SESSION = answer(200, {"user_id": "@ada:example.org", "access_token": "syt_1", "device_id": "D"})
WHOAMI = answer(200, {"user_id": "@ada:example.org"})
PROFILE = answer(200, {"displayname": "Ada"})


async def test_a_homeserver_is_found_by_its_name_and_may_speak_for_its_own_people_only() -> None:
    made, wire = linking(WELL_KNOWN, SESSION, WHOAMI, WELL_KNOWN, PROFILE)
    step = await made.login("password", Reply(state=None, answers=ANSWERS))
    assert isinstance(step, Linked)
    assert (step.profile.provider_id, step.profile.name) == ("@ada:example.org", "Ada")
    assert step.credentials.values == {"server": "https://matrix.example.org", "access_token": "syt_1"}
    assert [request.url.host for request in wire.requests] == [
        "example.org", "matrix.example.org", "matrix.example.org", "example.org", "matrix.example.org"
    ]  # fmt: skip
    elsewhere = answer(200, {"m.homeserver": {"base_url": "https://another.example"}})
    made, _ = linking(WELL_KNOWN, SESSION, WHOAMI, elsewhere, PROFILE)
    with pytest.raises(LoginFailed) as caught:
        await made.login("password", Reply(state=None, answers=ANSWERS))
    assert caught.value.code is ErrorCode.WRONG_ACCOUNT


async def test_homeservers_that_are_not_public_are_not_called() -> None:
    for server in ("localhost", "10.0.0.1", "http://example.org", "example.org:8448"):
        made, wire = linking(answer(500))
        with pytest.raises(LoginFailed):
            await made.login("password", Reply(state=None, answers={**ANSWERS, "server": server}))
        assert wire.requests == []
    inside = answer(200, {"m.homeserver": {"base_url": "http://127.0.0.1:8008"}})
    made, wire = linking(inside, SESSION)
    with pytest.raises(LoginFailed):
        await made.login("password", Reply(state=None, answers=ANSWERS))
    assert len(wire.requests) == 1


async def test_what_is_missing_is_asked_for_and_what_is_wrong_is_refused() -> None:
    made, wire = linking(answer(500))
    step = await made.login("password", Reply(state=None, answers={"server": "example.org", "user": "ada"}))
    assert isinstance(step, Ask)
    assert set(step.fields) == {"server", "user", "password"}
    with pytest.raises(InvalidParameters):
        await made.login("sso", None)
    with pytest.raises(LoginFailed):
        await made.login("access_token", Reply(state=None, answers={"server": "a.org", "access_token": "a b\n"}))
    assert wire.requests == []
    made, _ = linking(WELL_KNOWN, error(403, "M_FORBIDDEN"))
    with pytest.raises(LoginFailed) as caught:
        await made.login("password", Reply(state=None, answers=ANSWERS))
    assert caught.value.code is ErrorCode.INVALID_CREDENTIALS


def test_no_token_is_shown() -> None:
    assert "syt_secret" not in repr(Matrix(Wire(answer()).http(), "https://matrix.example", "syt_secret"))


async def test_a_homeserver_that_an_owner_names_is_called_through_the_guard() -> None:
    free, guarded = Wire(answer(500)), Wire(WELL_KNOWN, SESSION, WHOAMI, WELL_KNOWN, PROFILE)
    made = MatrixConnector(http=free.http(tries=1), guarded=guarded.http(tries=1))
    step = await made.login("password", Reply(state=None, answers=ANSWERS))
    assert isinstance(step, Linked)
    assert free.requests == []
    fixed = MatrixConnector(
        http=free.http(tries=1), guarded=guarded.http(tries=1), settings=MatrixSettings(origin="http://10.0.0.1:8008")
    )
    with pytest.raises(ProviderDown):
        await fixed.login("password", Reply(state=None, answers={"user": "ada", "password": "hush"}))
    assert [request.url.host for request in free.requests] == ["10.0.0.1"]
