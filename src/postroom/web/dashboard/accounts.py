"""Accounts: which are linked, how they are, linked step by step, paused, read anew, and unlinked for good."""

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.responses import Response

from postroom.domain.access import Scope
from postroom.domain.accounts import IN_USE, Account, AccountStatus, LoginAttempt
from postroom.errors import ErrorCode, InvalidParameters, LoginFailed, NotFound
from postroom.web.dashboard.failures import status_of
from postroom.web.dashboard.routes import get, post
from postroom.web.dashboard.visit import Tone, Visit
from postroom.web.steps import Pending, called, drawn, shown, way

_ON_A_PAGE = 50


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an account is, in words."""

    word: str
    tone: Tone
    means: str
    relink: bool = False
    """Whether linking it again is what helps."""


STANDINGS: Mapping[AccountStatus, Standing] = {
    AccountStatus.LINKING: Standing(word="linking", tone="plain", means="It is being linked."),
    AccountStatus.CONNECTED: Standing(word="connected", tone="good", means="What happens there is heard at once."),
    AccountStatus.RECONNECTING: Standing(
        word="reconnecting", tone="warn", means="Nothing is heard at the moment. It is tried again by itself."
    ),
    AccountStatus.PAUSED: Standing(
        word="paused", tone="plain", means="Nothing is heard, and the network is not called, until it is resumed."
    ),
    AccountStatus.ACTION_REQUIRED: Standing(
        word="needs its owner",
        tone="bad",
        means="The network wants its owner to do something there first. Then link it again.",
        relink=True,
    ),
    AccountStatus.DISCONNECTED: Standing(
        word="disconnected", tone="bad", means="The session at the network is over. Link it again.", relink=True
    ),
    AccountStatus.UNLINKING: Standing(word="unlinking", tone="plain", means="It is being removed."),
}


_REFUSED_BY_PROXY = ErrorCode.INVALID_PROXY_CREDENTIALS
_REFUSED = Standing(
    word="refused by its proxy",
    tone="bad",
    means="Its proxy refused the login to it. Set the proxy anew, over the API.",
)


async def show_accounts(visit: Visit) -> Response:
    found = await visit.services.accounts.list(visit.caller, cursor=visit.query.get("cursor"), limit=_ON_A_PAGE)
    values: dict[str, Any] = {"accounts": found.items, "cursor": found.next, "standings": STANDINGS}
    return visit.page("accounts/list.html", **values)


async def show_account(visit: Visit) -> Response:
    account = await visit.services.accounts.get(visit.caller, visit.path["id"])
    powers = visit.services.accounts.capabilities()[account.provider]
    flows = visit.services.accounts.login_flows().get(account.provider, ())
    values: dict[str, Any] = {
        "account": account,
        "proxy": await visit.services.accounts.proxy(visit.caller, account.id),
        "standing": _REFUSED if account.status_detail == _REFUSED_BY_PROXY else STANDINGS[account.status],
        "in_use": account.status in IN_USE,
        "paused": account.status is AccountStatus.PAUSED,
        "powers": powers,
        "flows": [(flow, way(flow)) for flow in flows],
        "takes_down": powers.takes_down(account.flow),
        "down_ways": [way(flow) for flow in sorted(powers.unpublish_flows)],
    }
    return visit.page("accounts/account.html", **values)


async def show_ways(visit: Visit) -> Response:
    flows = visit.services.accounts.login_flows()
    powers = visit.services.accounts.capabilities()
    networks = [
        (
            name,
            called(name),
            powers[name],
            [(flow, way(flow)) for flow in flows[name]],
            [way(flow) for flow in sorted(powers[name].unpublish_flows)],
        )
        for name in sorted(flows, key=lambda name: (powers[name].send is None, called(name).lower()))
    ]
    return visit.page("accounts/ways.html", networks=networks)


async def begin_link(visit: Visit) -> Response:
    """Also to link an account again: then `account` says which."""
    provider, flow, account_id = visit.text("provider"), visit.text("flow"), visit.text("account")
    accounts = visit.services.accounts
    if account_id:
        provider = (await accounts.get(visit.caller, account_id)).provider
    if flow not in accounts.login_flows().get(provider, ()):
        raise InvalidParameters("There is no such way to link an account here.")
    try:
        if account_id:
            attempt, step = await accounts.relink(visit.caller, account_id, flow)
        else:
            attempt, step = await accounts.start_link(visit.caller, provider, flow)
    except LoginFailed as error:
        return _over(visit, error, provider, flow, account_id)
    return _on(visit, attempt, step)


async def show_step(visit: Visit) -> Response:
    """What the owner is to do next. A page that waits asks for it again and again; 204: nothing is new."""
    try:
        attempt, step = await visit.services.accounts.linking.standing(visit.caller, visit.path["attempt"])
    except NotFound:
        return await _ended(visit)
    except LoginFailed as error:
        return _over(visit, error, *_about(visit))
    now = shown(step)
    mark = hashlib.sha256(msgspec.json.encode(now)).hexdigest()[:16]
    if visit.is_part and visit.query.get("seen") == mark:
        return Response(status_code=204)
    values: dict[str, Any] = {
        "attempt": attempt,
        "step": now,
        "picture": drawn(now.code or "", fills=True) if now.kind == "scan" else "",
        "about": _query(attempt),
        "here_again": f"{_address(attempt)}&{urlencode({'seen': mark})}",
        "relinks": attempt.account_id if attempt.relinks else None,
        "way": way(attempt.flow),
    }
    if visit.is_part:
        return visit.part("accounts/_step.html", **values)
    return visit.page("accounts/step.html", **values)


async def answer_step(visit: Visit) -> Response:
    answers = {name: value for name, value in visit.form.items() if isinstance(value, str) and name != "form_token"}
    return await _answered(visit, answers)


async def resend_code(visit: Visit) -> Response:
    return await _answered(visit, None)


async def _answered(visit: Visit, answers: Mapping[str, str] | None) -> Response:
    accounts, attempt_id = visit.services.accounts, visit.path["attempt"]
    try:
        if answers is None:
            attempt, step = await accounts.resend_code(visit.caller, attempt_id)
        else:
            attempt, step = await accounts.answer_link(visit.caller, attempt_id, answers)
    except NotFound:
        return await _ended(visit)
    except LoginFailed as error:
        if error.code is not ErrorCode.INVALID_CHECKPOINT_SOLUTION:
            return _over(visit, error, *_about(visit))
        # The same is asked again, and the step says what was not right.
        attempt, step = await accounts.linking.standing(visit.caller, attempt_id)
    said = "The code was sent again." if answers is None else ""
    return _on(visit, attempt, step, said)


def _on(visit: Visit, attempt: LoginAttempt, step: Pending | Account, said: str = "") -> Response:
    if isinstance(step, Account):
        return _linked(visit, step)
    return visit.go(_address(attempt), said)


def _linked(visit: Visit, account: Account) -> Response:
    name = account.profile.name or account.profile.username
    return visit.go(f"/accounts/{account.id}", f"{name} on {called(account.provider)} is linked.")


async def _ended(visit: Visit) -> Response:
    """An attempt is over, by what its owner did at the network or by its time."""
    provider, flow, account_id = _about(visit)
    known = visit.query.get("account") or ""
    try:
        account = await visit.services.accounts.get(visit.caller, known)
    except NotFound:
        if not provider:
            raise
        said = f"This login at {called(provider)} is over. Whatever it linked is in this list."
        return visit.go("/accounts", said, "plain")
    if account_id and account.status not in IN_USE:
        error = LoginFailed(
            "The login ended, and the account is as it was.", code=ErrorCode.AUTHENTICATION_INTENT_ERROR
        )
        return _over(visit, error, provider, flow, account_id)
    return _linked(visit, account)


def _about(visit: Visit) -> tuple[str, str, str]:
    """What an attempt was for, once it is no more: its page's address says it."""
    query = visit.query
    return query.get("provider", ""), query.get("flow", ""), query.get("account", "") if "relinks" in query else ""


def _query(attempt: LoginAttempt) -> str:
    about = {"provider": attempt.provider, "flow": attempt.flow, "account": attempt.account_id or ""}
    return urlencode(about | {"relinks": "1"} if attempt.relinks else about)


def _address(attempt: LoginAttempt) -> str:
    return f"/accounts/link/{attempt.id}?{_query(attempt)}"


def _over(visit: Visit, error: LoginFailed, provider: str, flow: str, account_id: str) -> Response:
    """This attempt is over: why, and how to begin again."""
    values: dict[str, Any] = {"why": error.detail, "provider": provider, "flow": flow, "account_id": account_id}
    if visit.is_part:
        # In the place of the step that the page waits at.
        return visit.part("accounts/_over.html", **values)
    return visit.page("accounts/over.html", status_of(error), **values)


async def pause(visit: Visit) -> Response:
    account = await visit.services.accounts.pause(visit.caller, visit.path["id"])
    return visit.go(f"/accounts/{account.id}", "It is paused: the network is not called until you resume it.")


async def resume(visit: Visit) -> Response:
    account = await visit.services.accounts.resume(visit.caller, visit.path["id"])
    return visit.go(f"/accounts/{account.id}", "It goes on, and catches up with what happened meanwhile.")


async def resync(visit: Visit) -> Response:
    id = visit.path["id"]
    await visit.services.resyncs.resync(visit.caller, id)
    return visit.go(f"/accounts/{id}", "All its chats are read anew. That goes on beside everything else.")


async def ask_unlink(visit: Visit) -> Response:
    return await _asked_unlink(visit)


async def unlink(visit: Visit) -> Response:
    if visit.text("sure") != "yes":
        return await _asked_unlink(visit, 400, "Tick the box first: nothing was done.")
    account = await visit.services.accounts.get(visit.caller, visit.path["id"])
    await visit.services.accounts.unlink(visit.caller, account.id)
    said = f"{account.profile.username or account.profile.name} on {called(account.provider)} is unlinked."
    return visit.go("/accounts", f"{said} What was held of it here is gone.")


async def _asked_unlink(visit: Visit, status: int = 200, wrong: str | None = None) -> Response:
    account = await visit.services.accounts.get(visit.caller, visit.path["id"])
    stakes = await visit.services.accounts.stakes(visit.caller, account.id)
    return visit.page("accounts/unlink.html", status, account=account, stakes=stakes, wrong=wrong)


PAGES = (
    get("/accounts", show_accounts),
    get("/accounts/link", show_ways, Scope.LINK),
    post("/accounts/link", begin_link, Scope.LINK),
    get("/accounts/link/{attempt}", show_step, Scope.LINK),
    post("/accounts/link/{attempt}", answer_step, Scope.LINK),
    post("/accounts/link/{attempt}/resend", resend_code, Scope.LINK),
    get("/accounts/{id}", show_account),
    post("/accounts/{id}/pause", pause, Scope.LINK),
    post("/accounts/{id}/resume", resume, Scope.LINK),
    post("/accounts/{id}/resync", resync, Scope.LINK),
    get("/accounts/{id}/unlink", ask_unlink, Scope.DELETE),
    post("/accounts/{id}/unlink", unlink, Scope.DELETE),
)
