"""How a noun's methods come to block or to await: each is written once, as what it asks.

    class Accounts(Noun[D]):
        @operation("get_account")
        def get(self, id: str) -> Call[Account]: ...

`client.accounts.get(id)` is an `Account` where the client blocks, and is awaited for one where it awaits; type checkers
follow that by the kind of door that the noun has.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar, overload

import msgspec

from postroom_client.calls import Call, Flow, Page
from postroom_client.doors import AsyncDoor, Door
from postroom_client.flow import perform, walk

P = ParamSpec("P")
T = TypeVar("T")
D = TypeVar("D", bound=Door | AsyncDoor)


class Noun(Generic[D]):
    """Some operations of a client."""

    def __init__(self, door: D) -> None:
        self._door = door


class _Described(Generic[P, T]):
    """A method that was written as what it asks."""

    def __init__(self, build: Callable[Concatenate[Any, P], Any], names: tuple[str, ...]) -> None:
        self.build = build
        self.names = names
        """Of the operations of the server that it calls."""
        self.__doc__ = build.__doc__


class _One(_Described[P, T]):
    """It answers once."""

    @overload
    def __get__(self, noun: None, owner: type) -> Self: ...
    @overload
    def __get__(self, noun: Noun[Door], owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, noun: Noun[AsyncDoor], owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...

    def __get__(self, noun: Any, owner: type) -> Any:
        if noun is None:
            return self
        build = self.build.__get__(noun)

        @wraps(build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return noun._door.run(self._flow(build(*args, **kwargs), noun._door))

        return method

    def _flow(self, built: Any, door: Any) -> Flow[T]:
        return perform(built, door.options) if isinstance(built, Call) else built


class _Pages(_Described[P, T]):
    """It answers with a list, page by page."""

    @overload
    def __get__(self, noun: None, owner: type) -> Self: ...
    @overload
    def __get__(self, noun: Noun[Door], owner: type) -> Callable[P, "Pages[T]"]: ...
    @overload
    def __get__(self, noun: Noun[AsyncDoor], owner: type) -> Callable[P, "AsyncPages[T]"]: ...

    def __get__(self, noun: Any, owner: type) -> Any:
        if noun is None:
            return self
        build = self.build.__get__(noun)
        kind: Any = Pages if isinstance(noun._door, Door) else AsyncPages

        @wraps(build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return kind(noun._door, build(*args, **kwargs))

        return method


class _Stream(_Described[P, T]):
    """It answers again and again, until nobody listens any more."""

    @overload
    def __get__(self, noun: None, owner: type) -> Self: ...
    @overload
    def __get__(self, noun: Noun[Door], owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, noun: Noun[AsyncDoor], owner: type) -> Callable[P, AsyncIterator[T]]: ...

    def __get__(self, noun: Any, owner: type) -> Any:
        if noun is None:
            return self
        build = self.build.__get__(noun)

        @wraps(build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Any:
            return noun._door.iterate(build(*args, **kwargs))

        return method


class Pages(Generic[T]):
    """A list of the server's. Going through it fetches page after page, as they are needed; `page` is one of them."""

    def __init__(self, door: Door, call: Call[Page[T]]) -> None:
        self._door = door
        self._call = call

    def __iter__(self) -> Iterator[T]:
        return self._door.iterate(walk(self._call, self._door.options))

    def page(self, cursor: str | None = None) -> Page[T]:
        """The first page, or the one that a cursor leads to."""
        return self._door.run(perform(_from(self._call, cursor), self._door.options))


class AsyncPages(Generic[T]):
    """The same, to be gone through with `async for`."""

    def __init__(self, door: AsyncDoor, call: Call[Page[T]]) -> None:
        self._door = door
        self._call = call

    def __aiter__(self) -> AsyncIterator[T]:
        return self._door.iterate(walk(self._call, self._door.options))

    async def page(self, cursor: str | None = None) -> Page[T]:
        """The first page, or the one that a cursor leads to."""
        return await self._door.run(perform(_from(self._call, cursor), self._door.options))


def _from(call: Call[Page[T]], cursor: str | None) -> Call[Page[T]]:
    return call if cursor is None else msgspec.structs.replace(call, query={**call.query, "cursor": cursor})


def operation(name: str) -> Callable[[Callable[Concatenate[Any, P], Call[T]]], _One[P, T]]:
    """A method that makes one call, of this operation of the server's."""
    return lambda build: _One(build, (name,))


def flowing(*names: str) -> Callable[[Callable[Concatenate[Any, P], Flow[T]]], _One[P, T]]:
    """A method that makes several calls, of these operations."""
    return lambda build: _One(build, names)


def paged(name: str) -> Callable[[Callable[Concatenate[Any, P], Call[Page[T]]]], _Pages[P, T]]:
    """A method that lists."""
    return lambda build: _Pages(build, (name,))


def streamed(*names: str, of: type[T]) -> Callable[[Callable[Concatenate[Any, P], Flow[None]]], _Stream[P, T]]:
    """A method that gives objects of this type, as they come."""
    return lambda build: _Stream(build, names)
