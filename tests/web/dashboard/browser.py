"""A browser without a screen: a client that keeps cookies, sends forms as a page has them, and says where it comes from."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx

from tests.servers import Built

ORIGIN = "http://127.0.0.1"


class Form(HTMLParser):
    """The fields of the forms of a page, by the form's action."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self._fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = self.forms.setdefault(found.get("action", ""), {})
        elif tag == "input" and found.get("type") == "hidden" and "name" in found:
            self._fields.setdefault(found["name"], found.get("value", ""))


class Browser:
    """Signed in or not. `get` and `send` answer as the server did, redirects not followed."""

    def __init__(self, app: Any, origin: str = ORIGIN) -> None:
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=origin)
        self._origin = origin

    async def sign_in(self, key: str) -> httpx.Response:
        page = await self.get("/sign-in")
        return await self.send("/sign-in", {**Form(page.text).forms["/sign-in"], "key": key})

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def part(self, path: str) -> httpx.Response:
        """As a script fetches what stands inside a page."""
        return await self.get(path, hx_request="true")

    async def send(self, path: str, fields: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        """A form as it stands: nothing is added to `fields`."""
        headers = {"origin": self._origin, "sec-fetch-site": "same-origin", **more.pop("headers", {})}
        return await self.client.post(path, data=fields or {}, headers=headers, **more)

    async def do(self, path: str, fields: dict[str, Any] | None = None, **more: Any) -> httpx.Response:
        """A form of one of our pages, with the token that such a form has."""
        return await self.send(path, {"form_token": await self.token(), **(fields or {})}, **more)

    async def token(self) -> str:
        """What the forms of this session carry."""
        found = re.search(r'name="form-token" content="(\w+)"', (await self.get("/overview/none")).text)
        return found.group(1) if found else ""

    async def close(self) -> None:
        await self.client.aclose()


def browser(built: Built, origin: str = ORIGIN) -> Browser:
    return Browser(built.house.app, origin)
