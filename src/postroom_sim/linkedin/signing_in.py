"""Signing in by name and password, and the checks that stand in the way: pages with forms, as a browser gets them.

Known in general rather than captured: the addresses and the names of the inputs are those that public clients post; the
words around them, and how a check is told from another, are made up here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs

from postroom_sim.linkedin import sessions
from postroom_sim.linkedin.store import Store
from postroom_sim.network import Answer, Call

LOGIN, SUBMIT = "/uas/login", "/checkpoint/lg/login-submit"
CHALLENGE, VERIFY = "/checkpoint/challenge/", "/checkpoint/challenge/verify"
CODE, WRONG_PASSWORD, PHONE = "123456", "wrong", "(+33)0612345678"
_MOST_TRIES = 5
_POLLS_UNTIL_YES = 2
_DENIED_AFTER = 3

# `pageInstance` is what tells one page from another.
_PAGES = {
    "app_code": "d_checkpoint_ch_twoStepVerificationAuthenticator",
    "sms_code": "d_checkpoint_ch_twoStepVerificationSms",
    "email_code": "d_checkpoint_ch_emailPinChallenge",
    "captcha": "d_checkpoint_ch_captchaV2Challenge",
    "in_app": "d_checkpoint_ch_inAppChallenge",
    "phone": "d_checkpoint_ch_addPhoneChallenge",
}


@dataclass(frozen=True, slots=True)
class _Check:
    id: str
    login: str
    kind: str
    tries: int
    polls: int


class SigningIn:
    """The pages before there is a session."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def operation(self, call: Call) -> str | None:
        """What a call without a session is for; None: it is not about signing in."""
        if (call.method, call.path) == ("GET", LOGIN):
            return "login_page"
        if (call.method, call.path) == ("POST", SUBMIT):
            return "login"
        if (call.method, call.path) == ("POST", VERIFY):
            return "challenge_verify"
        if call.method == "GET" and call.path.startswith(CHALLENGE):
            return "challenge_resend" if call.path.startswith(CHALLENGE + "resend/") else "challenge"
        return None

    def answer(self, call: Call) -> Answer:
        if call.operation == "login_page":
            return self._login_page(None)
        if call.operation == "login":
            return self._submit(call)
        if call.operation == "challenge_verify":
            return self._verify(call)
        found = self._find(call.path.rstrip("/").rpartition("/")[2])
        token = sessions.cookies(call).get("JSESSIONID", "")
        if found is None:
            return _to("/uas/login")
        if call.operation == "challenge_resend":
            return self._resend(found, call, token)
        if found.kind == "restricted":
            return _page("<h1>Your account has been restricted</h1><p>access to your account has been restricted</p>")
        return self._check_page(found, None, token)

    def _login_page(self, error: str | None, status: int = 200) -> Answer:
        token = f"ajax:{self._store.chance().randrange(10**18, 10**19)}"
        shown = "" if error is None else f'<div id="error-for-{error}" role="alert">That is not right.</div>'
        answer = _page(
            f'<form class="login__form" action="/linkedin{SUBMIT}" method="post">'
            + _inputs({"csrfToken": token, "loginCsrfParam": f"csrf-{token[5:]}", "ac": "0"})
            + f'<input name="session_key"><input name="session_password" type="password">{shown}</form>',
            status,
        )
        answer.headers["set-cookie"] = f'JSESSIONID="{token}"; Path=/; Secure'
        return answer

    def _submit(self, call: Call) -> Answer:
        form = _form(call)
        if sessions.cookies(call).get("JSESSIONID") != form.get("csrfToken") or "loginCsrfParam" not in form:
            return Answer(403, b"CSRF check failed.", {"content-type": "text/plain"})
        login, password = form.get("session_key", ""), form.get("session_password", "")
        known = login in sessions.CHECKS or login == sessions.BANNED or self._store.find_login(login) is not None
        if not known and sessions.new_member_name(login) is None:
            return self._login_page("username")
        if password in ("", WRONG_PASSWORD):
            return self._login_page("password")
        if login == sessions.BANNED:
            return _to(CHALLENGE + self._add(login, "restricted").id)
        if login in sessions.CHECKS:
            return _to(CHALLENGE + self._add(login, sessions.CHECKS[login]).id)
        return self._signed_in(login)

    def _verify(self, call: Call) -> Answer:
        form = _form(call)
        found = self._find(form.get("challengeId", ""))
        token = sessions.cookies(call).get("JSESSIONID", "")
        if found is None or token != form.get("csrfToken"):
            return _to("/uas/login")
        if found.kind == "in_app":
            return self._asked_again(found, token)
        if found.kind == "phone" and form.get("phoneNumber") == PHONE:
            return self._check_page(self._put(found, kind="sms_code", tries=0), None, token)
        given = form.get("captchaUserResponseToken" if found.kind == "captcha" else "pin", "")
        if found.kind != "phone" and given == CODE:
            self._remove(found)
            return self._signed_in(found.login)
        if found.tries + 1 >= _MOST_TRIES:
            self._remove(found)
            return _to("/uas/login")
        return self._check_page(self._put(found, tries=found.tries + 1), "That is not the code. Try again.", token)

    def _asked_again(self, found: _Check, token: str) -> Answer:
        denied = found.login == "user_in_app_denied"
        if found.polls + 1 >= (_DENIED_AFTER if denied else _POLLS_UNTIL_YES):
            self._remove(found)
            return _to("/uas/login") if denied else self._signed_in(found.login)
        return self._check_page(self._put(found, polls=found.polls + 1), None, token)

    def _resend(self, found: _Check, call: Call, token: str) -> Answer:
        other = "way=other" in call.query and found.kind in ("app_code", "in_app")
        return self._check_page(self._put(found, kind="sms_code") if other else found, None, token)

    def _check_page(self, found: _Check, error: str | None, token: str) -> Answer:
        fields = {
            "csrfToken": token,
            "pageInstance": f"urn:li:page:{_PAGES[found.kind]};c2ltdWxhdGVk",
            "challengeId": found.id,
            "language": "en-US",
            "displayTime": str(self._store.ground.clock.now_ms()),
            "challengeSource": "AgSimulated",
            "requestSubmissionId": "AgSimulated",
            "challengeType": "AgSimulated",
            "challengeData": "AgSimulated",
            "challengeDetails": "AgSimulated",
            "failureRedirectUri": "AgSimulated",
        }
        asked = {"phone": "phoneNumber", "captcha": "captchaUserResponseToken"}.get(found.kind, "pin")
        resend = f"/linkedin{CHALLENGE}resend/{found.id}"
        if found.kind in ("sms_code", "email_code"):
            fields["resendUrl"] = resend
        if found.kind == "captcha":
            fields["captchaSiteKey"] = "11111111-2222-3333-4444-555555555555"
        shown = "" if error is None else f'<span role="alert" class="form__label--error">{escape(error)}</span>'
        typed = "" if found.kind in ("in_app", "captcha") else f'<input name="{asked}" type="tel">'
        data = '<code id="securedDataExchange"><!--"simulated-blob"--></code>' if found.kind == "captcha" else ""
        way = f'<a id="try-another-way" href="{resend}?way=other">Verify using SMS</a>'
        other = way if found.kind in ("app_code", "in_app") else ""
        return _page(
            f'{data}<form id="challenge" action="/linkedin{VERIFY}" method="post">{_inputs(fields)}{typed}{shown}</form>'
            f"{other}"
        )

    def _signed_in(self, login: str) -> Answer:
        li_at = f"{login}~{self._store.chance().randrange(10**9, 10**10)}"
        answer = _to("/feed/")
        answer.headers["set-cookie"] = f"li_at={li_at}; Path=/; Max-Age=31536000; Secure; HttpOnly"
        return answer

    def _add(self, login: str, kind: str) -> _Check:
        id = f"AgF{self._store.chance().randrange(10**15, 10**16)}"
        self._store.database.execute("INSERT INTO linkedin_checks VALUES (?, ?, ?, 0, 0)", (id, login, kind))
        return _Check(id, login, kind, 0, 0)

    def _find(self, id: str) -> _Check | None:
        row = self._store.database.one("SELECT id, login, kind, tries, polls FROM linkedin_checks WHERE id = ?", (id,))
        return _Check(*row) if row else None

    def _put(
        self, found: _Check, *, kind: str | None = None, tries: int | None = None, polls: int | None = None
    ) -> _Check:
        made = _Check(
            found.id,
            found.login,
            kind or found.kind,
            found.tries if tries is None else tries,
            found.polls if polls is None else polls,
        )
        self._store.database.execute(
            "UPDATE linkedin_checks SET kind = ?, tries = ?, polls = ? WHERE id = ?",
            (made.kind, made.tries, made.polls, made.id),
        )
        return made

    def _remove(self, found: _Check) -> None:
        self._store.database.execute("DELETE FROM linkedin_checks WHERE id = ?", (found.id,))


def journal_body(call: Call) -> str:
    """A form without what is secret in it."""
    form = _form(call)
    secret = ("session_password", "pin", "captchaUserResponseToken", "phoneNumber")
    return json.dumps({name: "(hidden)" if name in secret else value for name, value in form.items()})


def _form(call: Call) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(call.body.decode("utf-8", "replace")).items()}


def _inputs(fields: dict[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{name}" value="{escape(value, quote=True)}">' for name, value in fields.items()
    )


def _page(body: str, status: int = 200) -> Answer:
    text = f"<!doctype html><html><head><title>LinkedIn</title></head><body>{body}</body></html>"
    return Answer(status, text.encode(), {"content-type": "text/html; charset=utf-8"})


def _to(path: str) -> Answer:
    return Answer(303, headers={"location": f"/linkedin{path}"})
