"""Linking by name and password: LinkedIn's sign-in pages, and the checks that it puts in the way.

Source: the requests of public clients, seen 2026-11-21; LinkedIn documents none of it. See the README.
"""

from collections.abc import Awaitable, Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from postroom.connectors.contract import Ask, CheckpointKind, Linked, LoginStep, Reply, Wait
from postroom.connectors.http import Answer, Http
from postroom.connectors.linkedin import pages, refusals
from postroom.connectors.linkedin.api import PROVIDER, Session, new_jsessionid
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    LoginFailed,
    OutcomeUnknown,
    ProviderDown,
    Refused,
)

ANOTHER_WAY = "TRY_ANOTHER_WAY"
"""An answer that asks for another kind of check. Source: PostPress "Solve a code checkpoint" (2026)."""
IN_APP_SECONDS = 3.0
_FIELDS = {
    "username": "The e-mail address or telephone number that LinkedIn is signed in to with.",
    "password": (
        "The password. It is sent to LinkedIn and kept nowhere. "
        "LinkedIn's terms forbid automation: it may restrict an account for it."
    ),
    "user_agent": "Optional: the User-Agent of a browser that the owner uses with LinkedIn.",
}
_MOST_REDIRECTS = 3


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """What one step leaves for the next."""

    cookies: dict[str, str]
    user_agent: str
    action: str
    fields: dict[str, str]
    input: str | None
    other_way: str | None = None


class PasswordLogin:
    """The steps of one flow. It keeps nothing itself."""

    def __init__(
        self, http: Http, origin: str, user_agent: str, linked: Callable[[Session], Awaitable[Linked]]
    ) -> None:
        """`linked` sees whose session it is."""
        self._http = http
        self._origin = origin.rstrip("/")
        self._user_agent = user_agent
        self._linked = linked

    async def step(self, reply: Reply | None) -> LoginStep:
        """Ask for name and password, sign in, and go from check to check."""
        state = None if reply is None else reply.state
        if reply is None or (state is None and not _said(reply.answers)):
            return Ask(fields=_FIELDS, state=None)
        try:
            if state is None:
                return await self._sign_in(reply.answers)
            return await self._go_on(msgspec.convert(state, _State), reply)
        except OutcomeUnknown as error:
            # To sign in changes nothing, whether or not it was done: the same step may be taken again.
            raise ProviderDown("LinkedIn did not answer in time: answer once more.") from error
        except (CredentialsRejected, ActionRequired) as error:
            raise LoginFailed(error.detail, code=ErrorCode.CHECKPOINT_ERROR) from error

    async def _sign_in(self, answers: Mapping[str, str]) -> LoginStep:
        user_agent = answers.get("user_agent", "").strip() or self._user_agent
        if not (user_agent.isascii() and user_agent.isprintable()) or len(user_agent) > 1024:
            raise LoginFailed("That is no User-Agent.", code=ErrorCode.INVALID_CREDENTIALS)
        browser = _Browser(self._http, self._origin, user_agent, {"JSESSIONID": new_jsessionid()})
        form = pages.read((await browser.get("login_page", f"{self._origin}/uas/login")).body)
        if form is None or "loginCsrfParam" not in form.fields:
            raise refusals.unreadable("login page")
        fields = {
            **form.fields,
            "session_key": answers["username"].strip(),
            "session_password": answers["password"],
        }
        answer = await browser.post("login", browser.place(form.action), fields)
        if answer.status < 300 and not browser.signed_in:
            again = pages.read(answer.body)
            if again is not None and "session_password" in again.asked:
                raise LoginFailed("LinkedIn does not accept this name or password.", code=ErrorCode.INVALID_CREDENTIALS)
        return await self._arrived(browser, answer, None)

    async def _go_on(self, state: _State, reply: Reply) -> LoginStep:
        browser = _Browser(self._http, self._origin, state.user_agent, dict(state.cookies))
        given = reply.answers.get("code", "").strip()
        if reply.resend:
            answer = await browser.get("resend_code", browser.place(state.fields["resendUrl"]))
            return await self._arrived(browser, answer, None)
        if given == ANOTHER_WAY:
            if state.other_way is None:
                return self._asked_again(state, "LinkedIn offers no other way.")
            answer = await browser.get("another_way", browser.place(state.other_way))
            return await self._arrived(browser, answer, None)
        if state.input is not None and not given:
            return self._asked_again(state, "The answer is missing.")
        fields = {**state.fields, state.input: given} if state.input is not None else state.fields
        answer = await browser.post("verify", browser.place(state.action), fields)
        return await self._arrived(browser, answer, state)

    async def _arrived(self, browser: "_Browser", answer: Answer, before: _State | None) -> LoginStep:
        """Where LinkedIn led: into a session, to a check, or back to the beginning."""
        for _ in range(_MOST_REDIRECTS):
            if browser.signed_in or not 300 <= answer.status < 400:
                break
            place = browser.place(answer.headers.get("location", ""))
            if "/checkpoint/challenge" not in place:
                raise LoginFailed("LinkedIn ended this check: start again.", code=ErrorCode.CHECKPOINT_ERROR)
            answer = await browser.get("challenge", place)
        if browser.signed_in:
            return await self._linked(browser.session())
        refusals.check(answer, write=False)
        form = pages.read(answer.body)
        asked = None if form is None else pages.question(form)
        if form is None or asked is None:
            if b"restricted" in answer.body.lower():
                raise Refused("LinkedIn has restricted this account.", code=ErrorCode.ACCOUNT_RESTRICTED)
            raise LoginFailed(
                "LinkedIn asks for something that is not known here: sign in with a browser, and link by its cookie.",
                code=ErrorCode.CHECKPOINT_ERROR,
            )
        state = _State(
            cookies=browser.cookies,
            user_agent=browser.user_agent,
            action=form.action,
            fields=dict(form.fields),
            input=asked.input,
            other_way=form.other_way,
        )
        if asked.checkpoint.kind is CheckpointKind.IN_APP:
            return Wait(checkpoint=asked.checkpoint, again_seconds=IN_APP_SECONDS, state=_kept(state))
        refused = form.error if before is not None else None
        if refused is None and before is not None and _page(before.fields) == _page(form.fields):
            refused = "LinkedIn asks the same once more."
        return Ask(fields={"code": asked.words}, checkpoint=asked.checkpoint, refused=refused, state=_kept(state))

    def _asked_again(self, state: _State, refused: str) -> LoginStep:
        checkpoint = pages.question(_form_of(state))
        if checkpoint is None or state.input is None:
            wait = None if checkpoint is None else checkpoint.checkpoint
            return Wait(checkpoint=wait, again_seconds=IN_APP_SECONDS, state=_kept(state))
        return Ask(
            fields={"code": checkpoint.words}, checkpoint=checkpoint.checkpoint, refused=refused, state=_kept(state)
        )


class _Browser:
    """One sign-in's cookies, and requests as a browser makes them."""

    def __init__(self, http: Http, origin: str, user_agent: str, cookies: dict[str, str]) -> None:
        self._http = http
        self._origin = origin
        self.user_agent = user_agent
        self.cookies = cookies

    @property
    def signed_in(self) -> bool:
        return bool(self.cookies.get("li_at"))

    def session(self) -> Session:
        token = self.cookies.get("JSESSIONID") or new_jsessionid()
        return Session(li_at=self.cookies["li_at"], jsessionid=token, user_agent=self.user_agent)

    def place(self, address: str) -> str:
        """An address of a page, whole. Raises ProviderDown where it leads away from LinkedIn."""
        parts, home = urlsplit(urljoin(f"{self._origin}/", address)), urlsplit(self._origin)
        if not address or (parts.scheme, parts.netloc) != (home.scheme, home.netloc):
            raise refusals.unreadable("sign-in")
        return parts._replace(fragment="").geturl()

    async def get(self, operation: str, url: str) -> Answer:
        answer = await self._http.read(PROVIDER, operation, url, headers=self._headers())
        return self._taken(answer)

    async def post(self, operation: str, url: str, fields: Mapping[str, str]) -> Answer:
        headers = self._headers() | {
            "content-type": "application/x-www-form-urlencoded",
            "origin": f"{urlsplit(self._origin).scheme}://{urlsplit(self._origin).netloc}",
            "referer": f"{self._origin}/uas/login",
        }
        answer = await self._http.write(PROVIDER, operation, url, headers=headers, content=urlencode(fields).encode())
        return self._taken(answer)

    def _headers(self) -> dict[str, str]:
        quoted = {name: f'"{value}"' if name == "JSESSIONID" else value for name, value in self.cookies.items()}
        return {
            "user-agent": self.user_agent,
            "accept": "text/html,application/xhtml+xml",
            "accept-language": "en-US,en;q=0.9",
            "cookie": "; ".join(f"{name}={value}" for name, value in quoted.items()),
        }

    def _taken(self, answer: Answer) -> Answer:
        if answer.status >= 400:
            refusals.check(answer, write=False)
        for header in answer.headers.get_list("set-cookie"):
            jar: SimpleCookie = SimpleCookie()
            try:
                jar.load(header)
            except CookieError:
                continue
            self.cookies |= {name: each.value.strip('"') for name, each in jar.items() if each.value != "delete me"}
        return answer


def _page(fields: Mapping[str, str]) -> str:
    return fields.get("pageInstance", "").partition(";")[0]


def _said(answers: Mapping[str, str]) -> bool:
    return bool(answers.get("username", "").strip() and answers.get("password"))


def _kept(state: _State) -> Any:
    return msgspec.to_builtins(state)


def _form_of(state: _State) -> pages.Form:
    asked = () if state.input is None else (state.input,)
    return pages.Form(
        action=state.action, fields=state.fields, asked=asked, error=None, data=None, other_way=state.other_way
    )
