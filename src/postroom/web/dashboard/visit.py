"""One request of somebody who signed in: what they ask, who they are, and the ways to answer."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Literal

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from postroom.clock import Clock, to_ms
from postroom.clock import now as this_machines_clock
from postroom.domain.access import Caller
from postroom.services.house import Services
from postroom.web.dashboard.navigation import NAVIGATION, section
from postroom.web.dashboard.render import render
from postroom.web.dashboard.session import SAID, Cookies

Tone = Literal["good", "warn", "bad", "plain"]
_LONGEST_SAID = 600


class Visit:
    """What a handler is given. A key that lacks the page's scope, and a form that is not ours, never get here."""

    def __init__(
        self,
        services: Services,
        request: Request,
        caller: Caller,
        *,
        cookies: Cookies,
        form_token: str,
        position: int = 0,
        now: Clock,
    ) -> None:
        self.services = services
        self.request = request
        self.caller = caller
        self.form_token = form_token
        self.path: Mapping[str, str] = {}
        """What stands in the address for the names of the page's path."""
        self.position = position
        """Of the event log, before anything was read: what comes after it is news to the page."""
        self.form = FormData()
        self.now_ms = to_ms(now())
        """The server's moment, which a sandbox may have moved."""
        self.ahead_ms = self.now_ms - to_ms(this_machines_clock())
        self._cookies = cookies

    @property
    def query(self) -> Mapping[str, str]:
        """What stands in the address after `?`."""
        return self.request.query_params

    @property
    def is_part(self) -> bool:
        """Whether a script asks, for what stands inside a page."""
        return self.request.headers.get("hx-request") == "true"

    @property
    def sandbox(self) -> bool:
        return self.caller.workspace.sandbox

    def may(self, scope: str) -> bool:
        """Whether the key may do this: what it may not is not offered."""
        return scope in self.caller.scopes

    @property
    def is_owner(self) -> bool:
        """Whether the key is the workspace's own, rather than a managed user's."""
        return self.caller.only_user is None

    # What the form says

    def text(self, name: str, default: str = "") -> str:
        """A field, without blanks around it."""
        value = self.form.get(name)
        return value.strip() if isinstance(value, str) else default

    def texts(self, name: str) -> list[str]:
        """A field that is there several times, or not at all."""
        return [value for value in self.form.getlist(name) if isinstance(value, str)]

    def files(self, name: str) -> list[UploadFile]:
        """What was chosen for a field of files."""
        return [value for value in self.form.getlist(name) if isinstance(value, UploadFile) and value.filename]

    # Ways to answer

    def page(self, template: str, status: int = 200, **values: Any) -> Response:
        """A whole page; to a script, what stands inside it. The template extends `layout`."""
        said = self._said()
        values |= self._values() | {"layout": "_part.html" if self.is_part else "_base.html", "said": said}
        response = HTMLResponse(render(template, values), status)
        if said is not None:
            self._cookies.drop(self.request, response, SAID)
        return response

    def part(self, template: str, status: int = 200, said: str = "", tone: Tone = "good", **values: Any) -> Response:
        """A piece of a page, for a script; `said` is shown beside it for a while."""
        response = HTMLResponse(render(template, values | self._values()), status)
        if said:
            response.headers["hx-trigger"] = _toast(said, tone)
        return response

    def go(self, to: str, said: str = "", tone: Tone = "good") -> Response:
        """On to another page of ours, which says what was done."""
        response = Response(status_code=204 if self.is_part else 303)
        response.headers["hx-redirect" if self.is_part else "location"] = to
        if said:
            value = urlsafe_b64encode(json.dumps([said[:_LONGEST_SAID], tone]).encode()).decode()
            self._cookies.set(self.request, response, SAID, value, 60)
        return response

    def tell(self, said: str, tone: Tone = "good", status: int = 200) -> Response:
        """To a script: only that, and nothing on the page changes."""
        headers = {"hx-trigger": _toast(said, tone), "hx-reswap": "none"}
        return Response(status_code=status, headers=headers)

    def failed(self, status: int, said: str) -> Response:
        """What went wrong, where the person is: in words, and nothing of how."""
        if self.is_part:
            return self.tell(said, "warn" if status == 504 else "bad", status)
        return self.page("failed.html", status, wrong=said, code=status)

    def _values(self) -> dict[str, Any]:
        return {
            "visit": self,
            "here": section(self.request.url.path),
            "navigation": NAVIGATION,
        }

    def _said(self) -> list[str] | None:
        if self.is_part:
            return None
        value = self._cookies.get(self.request, SAID)
        try:
            said = json.loads(urlsafe_b64decode(value or ""))
        except ValueError:
            return None
        match said:
            case [str(), "good" | "warn" | "bad" | "plain"]:
                return [str(each) for each in said]
        return None


def _toast(said: str, tone: Tone) -> str:
    """A header's value: ASCII, one line."""
    return json.dumps({"toast": {"said": said[:_LONGEST_SAID], "tone": tone}})
