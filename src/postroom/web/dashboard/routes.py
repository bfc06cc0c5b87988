"""The table of pages: method and path lead to a handler."""

from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec
from starlette.responses import Response

from postroom.domain.access import Scope
from postroom.errors import InvalidParameters, Kind, NotFound
from postroom.web.dashboard.visit import Visit

Handler = Callable[[Visit], Awaitable[Response]]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One address. `{name}` in its path is one segment, which the handler finds in `visit.path`.

    POST carries a form, which is checked to be ours before the handler is called.
    """

    method: str
    path: str
    handler: Handler
    scope: Scope = Scope.READ
    """What the key must be allowed to do."""
    most_bytes: int = 1 << 20
    """Of its form."""
    most_files: int = 0
    """That its form may bring."""


def get(path: str, handler: Handler, scope: Scope = Scope.READ) -> Page:
    """A page that is read."""
    return Page(method="GET", path=path, handler=handler, scope=scope)


def post(path: str, handler: Handler, scope: Scope) -> Page:
    """A form that does something."""
    return Page(method="POST", path=path, handler=handler, scope=scope)


class Table:
    """Finds the page of a request."""

    def __init__(self, pages: Iterable[Page]) -> None:
        self._exact: dict[tuple[str, ...], dict[str, Page]] = {}
        self._named: dict[int, list[tuple[tuple[str, ...], dict[str, Page]]]] = {}
        for page in pages:
            parts = _parts(page.path)
            named = any(part.startswith("{") for part in parts)
            methods = self._exact.setdefault(parts, {})
            if named and not methods:
                self._named.setdefault(len(parts), []).append((parts, methods))
            assert page.method not in methods, f"two pages at {page.method} {page.path}"
            methods[page.method] = page

    def find(self, method: str, path: str) -> tuple[Page, Mapping[str, str]]:
        """The page, and what stands in the path for its names. What is spelled out goes before what is named.

        Raises:
            NotFound: there is no such page.
            InvalidParameters: (kind METHOD) it is there for another method.
        """
        parts = _parts(path)
        methods, names = self._exact.get(parts, {}), {}
        if not methods:
            for shape, found in self._named.get(len(parts), ()):
                if all(
                    have == want or (want.startswith("{") and have) for want, have in zip(shape, parts, strict=True)
                ):
                    methods = found
                    names = {want[1:-1]: have for want, have in zip(shape, parts, strict=True) if want.startswith("{")}
                    break
        if not methods:
            raise NotFound("There is no such page.", kind=Kind.ROUTE)
        page = methods.get("GET" if method == "HEAD" else method)
        if page is None:
            raise InvalidParameters("That cannot be done at this address.", kind=Kind.METHOD)
        return page, names


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.strip("/").split("/"))
