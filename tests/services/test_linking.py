"""Attempts to link: checks and their answers, five minutes, one at a time, and the account that they are for."""

import asyncio

import pytest

from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.events import EventType
from postroom.domain.logins import Ask, CheckpointKind, Wait
from postroom.errors import ErrorCode, Kind, LoginFailed, NotFound, NotImplementedHere
from tests.desk import Desk

OTP = {"username": "user_otp", "password": "secret-of-it"}


async def test_a_wrong_code_can_be_given_again_and_the_account_has_the_id_that_was_told(desk: Desk) -> None:
    service = desk.services.accounts
    attempt, step = await service.start_link(desk.caller, "linkedin", "password", OTP)
    assert isinstance(step, Ask)
    assert step.checkpoint is not None
    assert step.checkpoint.kind is CheckpointKind.ONE_TIME
    assert attempt.account_id is not None
    with pytest.raises(LoginFailed) as refused:
        await service.answer_link(desk.caller, attempt.account_id, {"code": "000000"})
    assert refused.value.code is ErrorCode.INVALID_CHECKPOINT_SOLUTION
    _, standing = await service.linking.standing(desk.caller, attempt.id)
    assert isinstance(standing, Ask)
    assert standing.refused
    _, again = await service.resend_code(desk.caller, attempt.account_id)
    assert isinstance(again, Ask)
    _, linked = await service.answer_link(desk.caller, attempt.account_id, {"code": "123456"})
    assert isinstance(linked, Account)
    assert (linked.id, linked.status) == (attempt.account_id, AccountStatus.CONNECTED)
    with pytest.raises(NotFound) as over:
        await service.answer_link(desk.caller, attempt.account_id, {"code": "123456"})
    assert over.value.kind is Kind.LINK
    assert await desk.rows("select id from login_attempts") == []


async def test_five_minutes_are_told_once(desk: Desk) -> None:
    service = desk.services.accounts
    attempt, _ = await service.start_link(desk.caller, "linkedin", "password", OTP)
    await desk.advance(301)
    with pytest.raises(LoginFailed) as told:
        await service.answer_link(desk.caller, attempt.id, {"code": "123456"})
    assert told.value.kind is Kind.LINK_TIMED_OUT
    with pytest.raises(NotFound):
        await service.answer_link(desk.caller, attempt.id, {"code": "123456"})


async def test_a_later_attempt_at_the_same_login_takes_the_place_of_the_one_before(desk: Desk) -> None:
    service = desk.services.accounts
    first, _ = await service.start_link(desk.caller, "linkedin", "password", OTP)
    other, _ = await service.start_link(desk.caller, "linkedin", "password", {**OTP, "username": "user_2fa"})
    second, _ = await service.start_link(desk.caller, "linkedin", "password", {**OTP, "username": " user_otp "})
    with pytest.raises(LoginFailed) as told:
        await service.answer_link(desk.caller, first.id, {"code": "123456"})
    assert told.value.kind is Kind.LINK_SUPERSEDED
    for attempt in (other, second):
        assert await service.linking.standing(desk.caller, attempt.id)


async def test_while_a_login_is_under_way_no_other_one_begins_and_an_answer_is_given_once(desk: Desk) -> None:
    service = desk.services.accounts
    await desk.fault("login", "linkedin", do={"hold": True})
    running = asyncio.create_task(service.start_link(desk.caller, "linkedin", "password", OTP))
    await desk.struck("login", "linkedin")
    with pytest.raises(LoginFailed) as told:
        await service.start_link(desk.caller, "linkedin", "password", OTP)
    assert told.value.kind is Kind.LINK_RUNNING
    await desk.no_faults()
    attempt, _ = await running
    answers = [service.answer_link(desk.caller, attempt.id, {"code": "123456"}) for _ in range(2)]
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    assert len([each for each in outcomes if isinstance(each, tuple)]) == 1
    assert await desk.calls("challenge_verify", "linkedin") == 1


async def test_a_network_that_fails_between_leaves_the_attempt_as_it_was(desk: Desk) -> None:
    service = desk.services.accounts
    attempt, _ = await service.start_link(desk.caller, "linkedin", "password", OTP)
    await desk.fault("challenge_verify", "linkedin", do={"reset": True})
    with pytest.raises(Exception, match="once more"):
        await service.answer_link(desk.caller, attempt.id, {"code": "123456"})
    _, linked = await service.answer_link(desk.caller, attempt.id, {"code": "123456"})
    assert isinstance(linked, Account)


async def test_a_yes_in_the_networks_app_is_asked_for_by_the_server_itself(desk: Desk) -> None:
    service = desk.services.accounts
    login = {"username": "user_in_app", "password": "secret-of-it"}
    attempt, step = await service.start_link(desk.caller, "linkedin", "password", login)
    assert isinstance(step, Wait)
    assert attempt.account_id is not None
    await desk.settle()
    linked = await service.get(desk.caller, attempt.account_id)
    assert linked.status is AccountStatus.CONNECTED
    assert [each.data.account_id for each in await desk.events(EventType.ACCOUNT_LINKED)][-1] == linked.id


async def test_a_no_in_the_app_is_an_event_and_so_is_a_silence_of_five_minutes(desk: Desk) -> None:
    service = desk.services.accounts
    login = {"username": "user_in_app_denied", "password": "secret-of-it"}
    await service.start_link(desk.caller, "linkedin", "password", login)
    await desk.settle()
    silent, _ = await service.start_link(desk.caller, "linkedin", "password", login)
    await desk.advance(301)
    await desk.settle()
    events = await desk.events(EventType.ACCOUNT_LINK_FAILED)
    assert [each.data.reason for each in events] == ["checkpoint_error", "timed_out"]
    assert events[1].data.account_id == silent.account_id


async def test_linked_again_with_its_own_credentials_an_account_is_connected(desk: Desk) -> None:
    service = desk.services.accounts
    account = await desk.account("linkedin")
    async with desk.house.database.begin() as tx:
        await tx.execute("update accounts set status = 'disconnected' where id = $1", account.id)
    attempt, linked = await service.relink(desk.caller, account.id, "cookie", {"access_token": "user_good~phone"})
    assert isinstance(linked, Account)
    assert (attempt.account_id, linked.id, linked.status) == (account.id, account.id, AccountStatus.CONNECTED)


async def test_another_persons_credentials_change_nothing(desk: Desk) -> None:
    service = desk.services.accounts
    account = await desk.account("linkedin")
    before = await desk.rows("select id, status, credentials_sealed from accounts order by id")
    for login in ("user_third", "user_new_somebody"):
        with pytest.raises(LoginFailed) as told:
            await service.relink(desk.caller, account.id, "cookie", {"access_token": login})
        assert told.value.code is ErrorCode.WRONG_ACCOUNT
    assert await desk.rows("select id, status, credentials_sealed from accounts order by id") == before


async def test_no_code_is_sent_again_where_the_network_sends_none(desk: Desk) -> None:
    service = desk.services.accounts
    login = {"username": "user_2fa", "password": "secret-of-it"}
    attempt, _ = await service.start_link(desk.caller, "linkedin", "password", login)
    with pytest.raises(NotImplementedHere):
        await service.resend_code(desk.caller, attempt.id)


async def test_neither_password_nor_code_stays_here(desk: Desk) -> None:
    service = desk.services.accounts
    attempt, _ = await service.start_link(desk.caller, "linkedin", "password", OTP)
    async with desk.house.database.read() as reader:
        ((sealed,),) = await reader.fetch("select state_sealed from login_attempts")
        opened = reader.keyring.master_seal.open(sealed, f"login_attempts.state:{attempt.id}")
    assert b"challengeId" in opened
    assert b"secret-of-it" not in opened


async def test_people_are_asked_of_the_network_and_kept_nowhere(desk: Desk) -> None:
    people, account = desk.services.people, await desk.account("linkedin")
    before = await desk.rows("select count(*) from attendees")
    assert (await people.me(desk.caller, account.id)).provider_id == account.provider_id
    assert (await people.profile(desk.caller, account.id, "goran-petrov")).name == "Goran Petrov"
    assert "Bea Okafor" in [each.name for each in (await people.relations(desk.caller, account.id)).items]
    known = await people.known(desk.caller, account.id, "bea-okafor")
    assert known.chat is not None
    assert known.remote is not None
    assert known.chat.provider_id == known.remote.provider_id
    assert (await people.known(desk.caller, account.id, "farah-nouri")).remote is None
    with pytest.raises(NotFound) as nobody:
        await people.profile(desk.caller, account.id, "nobody-at-all")
    assert nobody.value.kind is Kind.ATTENDEE
    with pytest.raises(NotImplementedHere):
        await people.me(desk.caller, (await desk.account("bluesky")).id)
    assert await desk.rows("select count(*) from attendees") == before


async def test_people_are_asked_for_through_ones_own_accounts_alone(desk: Desk) -> None:
    account = await desk.account("linkedin")
    user = await desk.services.access.add_managed_user(desk.caller, "acme", "Acme")
    guest = await desk.services.access.act_for(desk.caller, user.id)
    attempt, _ = await desk.services.accounts.start_link(desk.caller, "linkedin", "password", OTP)
    assert attempt.account_id is not None
    for caller in (guest, desk.built.other):
        with pytest.raises(NotFound):
            await desk.services.people.known(caller, account.id, "bea-okafor")
        with pytest.raises(NotFound):
            await desk.services.accounts.relink(caller, account.id, "cookie", {"access_token": "user_good"})
        for name in (attempt.id, attempt.account_id):
            with pytest.raises(NotFound):
                await desk.services.accounts.answer_link(caller, name, {"code": "123456"})
    assert await desk.calls("profile", "linkedin") == 0
    assert await desk.calls("challenge_verify", "linkedin") == 0
