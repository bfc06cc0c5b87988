"""Linking by name and password against the simulated LinkedIn's sign-in pages, through each of its checks."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from postroom.connectors.contract import Ask, Checkpoint, CheckpointKind, Linked, LoginStep, Reply, Wait
from postroom.connectors.http import Http
from postroom.connectors.linkedin import pages
from postroom.connectors.linkedin.connector import LinkedInConnector, LinkedInSettings
from postroom.errors import ErrorCode, LoginFailed, ProviderDown, Refused


@pytest.fixture
async def connector(simulation: Any) -> AsyncIterator[LinkedInConnector]:
    made = LinkedInConnector(http=Http(backoff_seconds=0.01), settings=LinkedInSettings(origin=simulation.linkedin))
    yield made
    await made.close()


async def sign_in(connector: LinkedInConnector, username: str, password: str = "secret-of-it") -> LoginStep:
    answers = {"username": username, "password": password}
    # Steps are kept as JSON between the answers.
    return await connector.login("password", Reply(state=None, answers=answers))


async def go_on(connector: LinkedInConnector, step: LoginStep, code: str = "", *, resend: bool = False) -> LoginStep:
    assert not isinstance(step, Linked)
    state = json.loads(json.dumps(step.state))
    return await connector.login("password", Reply(state=state, answers={"code": code} if code else {}, resend=resend))


async def test_name_and_password_link_where_nothing_more_is_asked(connector: LinkedInConnector) -> None:
    asked = await connector.login("password", None)
    assert isinstance(asked, Ask)
    assert set(asked.fields) == {"username", "password", "user_agent"}
    linked = await sign_in(connector, "user_good")
    assert isinstance(linked, Linked)
    assert linked.profile.name == "Ada Merino"
    connection = connector.open(linked.profile, linked.credentials, _no_keep)
    assert await connection.profile() == linked.profile


async def _no_keep(_: Any) -> None:
    raise AssertionError("LinkedIn's credentials do not change")


@pytest.mark.parametrize(
    ("username", "password"), [("user_good", "wrong"), ("nobody", "secret-of-it")], ids=["password", "name"]
)
async def test_a_wrong_name_or_password_is_said(connector: LinkedInConnector, username: str, password: str) -> None:
    with pytest.raises(LoginFailed) as failed:
        await sign_in(connector, username, password)
    assert failed.value.code is ErrorCode.INVALID_CREDENTIALS
    assert password not in failed.value.detail


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("user_2fa", Checkpoint(kind=CheckpointKind.TWO_FACTOR, source="APP")),
        ("user_2fa_sms", Checkpoint(kind=CheckpointKind.TWO_FACTOR, source="SMS", can_resend=True)),
        ("user_otp", Checkpoint(kind=CheckpointKind.ONE_TIME, can_resend=True)),
        (
            "user_captcha",
            Checkpoint(
                kind=CheckpointKind.CAPTCHA, public_key="11111111-2222-3333-4444-555555555555", data="simulated-blob"
            ),
        ),
    ],
)
async def test_a_check_says_what_it_is_and_a_wrong_answer_can_be_given_again(
    connector: LinkedInConnector, username: str, expected: Checkpoint
) -> None:
    step = await sign_in(connector, username)
    assert isinstance(step, Ask)
    assert (step.checkpoint, step.refused, list(step.fields)) == (expected, None, ["code"])
    for wrong in ("000000", ""):
        step = await go_on(connector, step, wrong)
        assert isinstance(step, Ask)
        assert step.refused
        assert step.checkpoint is not None
        assert step.checkpoint.kind is expected.kind
    assert isinstance(await go_on(connector, step, "123456"), Linked)


async def test_a_number_is_asked_before_the_code_that_is_sent_there(connector: LinkedInConnector) -> None:
    step = await sign_in(connector, "user_phone")
    assert isinstance(step, Ask)
    assert step.checkpoint == Checkpoint(kind=CheckpointKind.PHONE)
    step = await go_on(connector, step, "(+33)0612345678")
    assert isinstance(step, Ask)
    assert (step.refused, step.checkpoint) == (
        None,
        Checkpoint(kind=CheckpointKind.TWO_FACTOR, source="SMS", can_resend=True),
    )
    step = await go_on(connector, step, resend=True)
    assert isinstance(step, Ask)
    assert step.refused is None
    assert isinstance(await go_on(connector, step, "123456"), Linked)


async def test_a_yes_in_the_app_is_waited_for(connector: LinkedInConnector) -> None:
    step = await sign_in(connector, "user_in_app")
    assert isinstance(step, Wait)
    assert step.checkpoint == Checkpoint(kind=CheckpointKind.IN_APP)
    step = await go_on(connector, step)
    assert isinstance(step, Wait)
    assert isinstance(await go_on(connector, step), Linked)


async def test_a_no_in_the_app_ends_it(connector: LinkedInConnector) -> None:
    step = await sign_in(connector, "user_in_app_denied")
    with pytest.raises(LoginFailed) as failed:
        for _ in range(3):
            step = await go_on(connector, step)
    assert failed.value.code is ErrorCode.CHECKPOINT_ERROR


async def test_another_way_leads_to_another_check_where_there_is_one(connector: LinkedInConnector) -> None:
    step = await go_on(connector, await sign_in(connector, "user_in_app"), "TRY_ANOTHER_WAY")
    assert isinstance(step, Ask)
    assert step.checkpoint is not None
    assert (step.checkpoint.source, step.refused) == ("SMS", None)
    step = await go_on(connector, step, "TRY_ANOTHER_WAY")
    assert isinstance(step, Ask)
    assert step.refused == "LinkedIn offers no other way."
    assert isinstance(await go_on(connector, step, "123456"), Linked)


async def test_five_wrong_codes_end_it(connector: LinkedInConnector) -> None:
    step = await sign_in(connector, "user_otp")
    for _ in range(4):
        step = await go_on(connector, step, "000000")
    with pytest.raises(LoginFailed) as failed:
        await go_on(connector, step, "000000")
    assert failed.value.code is ErrorCode.CHECKPOINT_ERROR


async def test_a_restricted_account_is_named_so(connector: LinkedInConnector) -> None:
    with pytest.raises(Refused) as refused:
        await sign_in(connector, "user_banned")
    assert refused.value.code is ErrorCode.ACCOUNT_RESTRICTED


async def test_a_lost_answer_is_no_success_and_the_step_can_be_taken_again(
    connector: LinkedInConnector, simulation: Any
) -> None:
    step = await sign_in(connector, "user_2fa")
    simulation.fault(operation="challenge_verify", do={"status": 503}, times=1)
    with pytest.raises(ProviderDown):
        await go_on(connector, step, "123456")
    assert isinstance(await go_on(connector, step, "123456"), Linked)


async def test_no_password_and_no_code_is_in_the_journal_of_the_network(
    connector: LinkedInConnector, simulation: Any
) -> None:
    await go_on(connector, await sign_in(connector, "user_2fa"), "123456")
    told = json.dumps([simulation.requests("login"), simulation.requests("challenge_verify")])
    assert "(hidden)" in told
    assert "secret-of-it" not in told
    assert "123456" not in told


def test_what_a_page_asks_is_not_guessed() -> None:
    """A page of another kind is nothing that is asked here, so that nobody is shown a wrong question."""
    page = b'<form method="post" action="/x"><input type="hidden" name="pageInstance" value="urn:li:page:id"></form>'
    form = pages.read(page)
    assert form is not None
    assert pages.question(form) is None
    assert pages.read(b"<form method='get' action='/search'></form>") is None


async def test_a_page_that_leads_elsewhere_is_not_followed(connector: LinkedInConnector) -> None:
    step = await sign_in(connector, "user_2fa")
    assert isinstance(step, Ask)
    state = {**step.state, "action": "https://linkedin.example/checkpoint/challenge/verify"}
    with pytest.raises(ProviderDown):
        await connector.login("password", Reply(state=state, answers={"code": "123456"}))
