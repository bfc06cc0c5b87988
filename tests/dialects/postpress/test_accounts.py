"""Accounts through PostPress: linked by each documented body, from checkpoint to checkpoint, and linked again."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from postroom.dialects.postpress import linking
from postroom.domain.accounts import LoginAttempt
from postroom.domain.logins import Ask, Checkpoint, CheckpointKind, Show, Visit, Wait
from postroom.errors import InvalidParameters, NotImplementedHere
from postroom.services.linking import Pending
from tests.desk import Desk
from tests.dialects.postpress.shapes import check
from tests.parts.tunnelproxy import TunnelProxy
from tests.servers import Server

COOKIE = {"provider": "LINKEDIN", "access_token": "user_new_ida"}
PASSWORD = {"provider": "LINKEDIN", "password": "secret-of-it"}


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """PostPress of a house of one's own, whose clock can be moved."""
    transport = httpx.ASGITransport(app=desk.house.app)
    headers = {"X-API-KEY": desk.built.kept.key}
    base_url = "http://127.0.0.1:1/postpress/api/v1"
    async with httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers) as client:
        yield client


@pytest.fixture
def base(server: Server) -> str:
    return server.line["postpress"] + "/v1"


async def test_a_login_goes_from_a_wrong_code_and_another_code_to_an_account_with_the_id_that_was_told(
    http: httpx.AsyncClient,
) -> None:
    asked = await http.post("/accounts", json={**PASSWORD, "username": "user_otp"})
    assert asked.status_code == 202
    check("Checkpoint", asked.json())
    account_id = asked.json()["account_id"]
    assert asked.json()["checkpoint"] == {"type": "OTP"}
    wrong = await http.post(
        "/accounts/checkpoint", json={"account_id": account_id, "code": "0", "provider": "LINKEDIN"}
    )
    assert (wrong.status_code, wrong.json()["type"]) == (401, "errors/invalid_checkpoint_solution")
    resent = await http.post("/accounts/checkpoint/resend", json={"account_id": account_id, "provider": "LINKEDIN"})
    check("CheckpointResend", resent.json())
    solved = await http.post("/accounts/checkpoint", json={"account_id": account_id, "code": "123456"})
    assert (solved.status_code, solved.json()) == (201, {"object": "AccountCreated", "account_id": account_id})
    account = (await http.get(f"/accounts/{account_id}")).json()
    check("Account", account)
    assert [each["status"] for each in account["sources"]] == ["OK"]
    over = await http.post("/accounts/checkpoint", json={"account_id": account_id, "code": "123456"})
    assert over.status_code == 400
    again = await http.post(f"/accounts/{account_id}", json={**PASSWORD, "username": "user_otp"})
    assert (again.status_code, again.json()["account_id"]) == (202, account_id)
    back = await http.post("/accounts/checkpoint", json={"account_id": account_id, "code": "123456"})
    check("AccountReconnected", back.json())
    assert back.json()["account_id"] == account_id


async def test_five_minutes_are_over_with_a_408_once_and_a_400_from_then_on(
    desk: Desk, http: httpx.AsyncClient
) -> None:
    asked = (await http.post("/accounts", json={**PASSWORD, "username": "user_2fa"})).json()
    assert asked["checkpoint"] == {"type": "2FA", "source": "APP"}
    await desk.advance(301)
    body = {"account_id": asked["account_id"], "code": "123456"}
    statuses = [(await http.post("/accounts/checkpoint", json=body)).status_code for _ in range(3)]
    assert statuses == [408, 400, 400]


async def test_a_later_login_of_the_same_person_takes_the_place_of_the_earlier_one(http: httpx.AsyncClient) -> None:
    first, second = [
        (await http.post("/accounts", json={**PASSWORD, "username": "user_2fa"})).json()["account_id"] for _ in range(2)
    ]
    answers = [
        (await http.post("/accounts/checkpoint", json={"account_id": id, "code": "123456"})).status_code
        for id in (first, second)
    ]
    assert answers == [409, 201]


async def test_a_yes_in_the_networks_app_is_waited_for_by_the_server(desk: Desk, http: httpx.AsyncClient) -> None:
    asked = (await http.post("/accounts", json={**PASSWORD, "username": "user_in_app"})).json()
    check("Checkpoint", asked)
    assert asked["checkpoint"] == {"type": "IN_APP_VALIDATION"}
    assert (await http.get(f"/accounts/{asked['account_id']}")).status_code == 404
    for _ in range(4):
        await desk.advance(10)
        await desk.work()
    assert (await http.get(f"/accounts/{asked['account_id']}")).status_code == 200


async def test_an_idempotency_key_links_once_and_another_person_is_the_wrong_account(http: httpx.AsyncClient) -> None:
    body = {"provider": "LINKEDIN", "access_token": "user_new_ida"}
    answers = [await http.post("/accounts", json=body, headers={"Idempotency-Key": "link-1"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    check("AccountCreated", answers[0].json())
    assert answers[1].headers["idempotent-replayed"] == "true"
    account_id = answers[0].json()["account_id"]
    other = await http.post(f"/accounts/{account_id}", json={"provider": "LINKEDIN", "access_token": "user_new_ola"})
    assert (other.status_code, other.json()["type"]) == (401, "errors/wrong_account")


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({}, 400, "invalid_parameters"),
        ({"provider": "MYSPACE"}, 400, "invalid_parameters"),
        ({"provider": "LINKEDIN"}, 400, "missing_parameters"),
        ({"provider": "LINKEDIN", "username": "ada"}, 400, "missing_parameters"),
        ({"provider": "LINKEDIN", "access_token": "not a cookie;"}, 401, "invalid_credentials"),
        ({"provider": "LINKEDIN", "username": "ada", "password": "wrong"}, 401, "invalid_credentials"),
        ({**COOKIE, "proxy": {"host": "p example", "port": 1}}, 400, "invalid_parameters"),
        ({**COOKIE, "proxy": {"host": "127.0.0.1", "port": 65536}}, 400, "invalid_parameters"),
        ({**COOKIE, "proxy": {"host": "127.0.0.1", "port": 9, "protocol": "ftp"}}, 400, "invalid_parameters"),
        ({**COOKIE, "proxy": {"host": "127.0.0.1", "port": 9, "password": "x"}}, 400, "invalid_parameters"),
        ({**COOKIE, "proxy": {"host": "169.254.169.254", "port": 80}}, 400, "invalid_url"),
        ({**COOKIE, "proxy": {"host": "127.0.0.1", "port": 9}}, 502, "proxy_error"),
        ({**COOKIE, "proxy": {"host": "127.0.0.1", "port": 9, "protocol": "socks5"}}, 502, "proxy_error"),
        ({"provider": "TELEGRAM"}, 501, "feature_not_implemented"),
        ({"provider": "INSTAGRAM", "username": "a", "password": "b"}, 501, "feature_not_implemented"),
        ({"provider": "MESSENGER", "username": "a", "password": "b"}, 501, "feature_not_implemented"),
        ({"provider": "TWITTER", "username": "a", "email": "b", "password": "c"}, 501, "feature_not_implemented"),
        ({"provider": "MAIL", "imap_host": "a"}, 501, "feature_not_implemented"),
        ({"provider": "GOOGLE_OAUTH", "refresh_token": "a", "access_token": "b"}, 501, "feature_not_implemented"),
        ({"provider": "OUTLOOK", "refresh_token": "a", "access_token": "b"}, 501, "feature_not_implemented"),
    ],
)
def test_what_cannot_be_linked_is_said(
    client: httpx.Client, base: str, body: dict[str, Any], status: int, slug: str
) -> None:
    answer = client.post(f"{base}/accounts", json=body)
    assert (answer.status_code, answer.json()["type"]) == (status, f"errors/{slug}")
    check(f"Error{status}", answer.json())


def test_what_cannot_be_done_with_an_account_is_said_and_nothing_is_pretended(client: httpx.Client, base: str) -> None:
    account = client.get(f"{base}/accounts").json()["items"][0]
    for body, status in (({}, 400), ({"country": "de"}, 501), ({"proxy": {"host": "10.0.0.1", "port": 80}}, 400)):
        assert client.patch(f"{base}/accounts/{account['id']}", json=body).status_code == status
    for path in ("/accounts/acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR", "/accounts/nonsense"):
        for method in ("PATCH", "POST"):
            answer = client.request(method, base + path, json={"provider": "LINKEDIN", "access_token": "x", "ip": "1"})
            check("Error404", answer.json())
    nobody = client.post(f"{base}/accounts/checkpoint/resend", json={"account_id": "acc_1"})
    assert nobody.status_code == 400
    check("Error400", nobody.json())


async def test_an_account_is_linked_and_linked_again_through_proxies_and_given_another_one(
    desk: Desk, http: httpx.AsyncClient
) -> None:
    async with TunnelProxy(login=("ada", "of-the-proxy")) as proxy:
        where = {"host": "127.0.0.1", "port": proxy.port, "protocol": "http"}
        login = {"username": "ada", "password": "of-the-proxy"}
        asked = await http.post("/accounts", json={**COOKIE, "proxy": where})
        check("Error", asked.json())
        assert (asked.status_code, asked.json()["title"]) == (407, "Invalid proxy credentials")
        refused = await http.post("/accounts", json={**COOKIE, "proxy": {**where, **login, "password": "no"}})
        check("Error401", refused.json())
        assert refused.json()["type"] == "errors/invalid_proxy_credentials"
        made = await http.post("/accounts", json={**COOKIE, "proxy": {**where, **login}})
        check("AccountCreated", made.json())
        id = made.json()["account_id"]
        before = len(proxy.paths)
        assert before > 0
        body = {**COOKIE, "proxy": {**where, **login, "protocol": "socks5"}}
        check("AccountReconnected", (await http.post(f"/accounts/{id}", json=body)).json())
        assert len(proxy.paths) > before
    nowhere = await http.patch(f"/accounts/{id}", json={"proxy": {"host": "127.0.0.1", "port": 9}, "country": "de"})
    check("AccountPatched", nowhere.json())
    down = await http.post(f"/accounts/{id}", json=COOKIE)
    check("Error502", down.json())
    assert (down.status_code, down.json()["type"]) == (502, "errors/proxy_error")
    assert "of-the-proxy" not in (await http.get(f"/accounts/{id}")).text


ATTEMPT = LoginAttempt(
    id="lgn_1", workspace_id="w", user_id="w", provider="linkedin", flow="x", state=None, created_at=0, expires_at=1,
    account_id="acc_1",
)  # fmt: skip


def asks(kind: CheckpointKind, **more: Any) -> Ask:
    return Ask(fields={"code": "The code"}, checkpoint=Checkpoint(kind=kind, **more), state=None)


@pytest.mark.parametrize(
    ("step", "shown"),
    [
        (asks(CheckpointKind.TWO_FACTOR, source="SMS"), {"type": "2FA", "source": "SMS"}),
        (asks(CheckpointKind.TWO_FACTOR), {"type": "2FA"}),
        (asks(CheckpointKind.ONE_TIME), {"type": "OTP"}),
        (asks(CheckpointKind.PHONE), {"type": "PHONE_REGISTER"}),
        (
            asks(CheckpointKind.CAPTCHA, public_key="k", data="d"),
            {"type": "CAPTCHA", "public_key": "k", "data": "d"},
        ),
        (
            Ask(
                fields={"code": "Which"},
                choices={"code": {"7": "Seven"}},
                checkpoint=Checkpoint(kind=CheckpointKind.CONTRACT),
                state=None,
            ),
            {"type": "CONTRACT_CHOOSER", "contract_options": [{"id": "7", "name": "Seven"}]},
        ),
        (Show(code="2@abc", state=None), {"type": "QRCODE", "qrcode": "2@abc"}),
        (
            Show(code="ABCD-1234", checkpoint=Checkpoint(kind=CheckpointKind.PAIRING_CODE), state=None),
            {"type": "QRCODE", "qrcode": "ABCD-1234", "code": "ABCD-1234"},
        ),
        (Wait(again_seconds=2, state=None), {"type": "IN_APP_VALIDATION"}),
        (
            Wait(checkpoint=Checkpoint(kind=CheckpointKind.QR_CODE), again_seconds=2, state=None),
            {"type": "QRCODE", "qrcode": ""},
        ),
    ],
)
def test_each_checkpoint_is_shown_in_the_pages_words(step: Pending, shown: dict[str, Any]) -> None:

    found = msgspec.to_builtins(linking.taken(ATTEMPT, step))
    check("Checkpoint", found)
    assert found == {"object": "Checkpoint", "account_id": "acc_1", "checkpoint": shown}
    kept = msgspec.to_builtins(linking.kept(linking.taken(ATTEMPT, step)))
    check("Checkpoint", kept)
    assert "2@abc" not in str(kept)
    assert "ABCD" not in str(kept)


def test_a_step_that_postpress_has_no_word_for_is_no_checkpoint() -> None:
    with pytest.raises(NotImplementedHere):
        linking.taken(ATTEMPT, Visit(url="https://network.example", nonce="n", state=None))
    with pytest.raises(InvalidParameters):
        linking.taken(ATTEMPT, Ask(fields={"server": "Which?"}, state=None))
