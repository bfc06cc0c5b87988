"""One way out to the networks: shared sockets, honest failures, no cookies, no redirects, nothing secret in a log.

A read is tried again where that can help. A write is sent once: a failure before anything was sent is `ProviderDown`,
a failure after it is `OutcomeUnknown`. A status is an answer; the networks' own `api.py` says what it means.
"""

import asyncio
import copy
import functools
import logging
import random
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec
import structlog

from postroom.errors import ErrorCode, Kind, OutcomeUnknown, ProviderDown, ProviderError, ProxyRefused

_log = structlog.get_logger("postroom.connectors.http")

# These two would write URLs, and at DEBUG whole headers, into whatever log the process keeps.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

Headers = Mapping[str, str]

# Raised before a byte of the request has left: nothing happened.
_NOTHING_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)
_SHARE_A_POOL = 4
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=5.0)
_TRANSIENT = frozenset({502, 503, 504})


@functools.cache
def tls() -> ssl.SSLContext:
    """The one TLS context of this process: reading what it trusts takes longer than all else that a client is made of."""
    return httpx.create_ssl_context()


class ProxyLogin(httpx.ProxyError):
    """The account's proxy refused the login to it."""


class ProxyLoginMissing(ProxyLogin):
    """It asked for one, and there is none."""


class TooLarge(Exception):
    """An answer longer than this client reads."""


# To try again would change nothing.
_FOR_GOOD = (TooLarge, ProxyLogin, httpx.InvalidURL, httpx.UnsupportedProtocol)


class Answer(msgspec.Struct, frozen=True):
    """A network's whole answer. `headers` compares names without case."""

    status: int
    headers: httpx.Headers
    body: bytes

    def __repr__(self) -> str:
        return f"Answer({self.status}, {len(self.body)} bytes)"

    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None


class Stream:
    """An answer that goes on: its status, and then its bytes as they come."""

    def __init__(self, response: httpx.Response, max_bytes: int) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self._response = response
        self._max_bytes = max_bytes

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The bytes as they come, until the network ends.

        Raises:
            ProviderDown: it broke off, or was silent for too long.
        """
        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise failure(error, sent_matters=False) from error

    async def close(self) -> None:
        """End it from this side: whoever reads it finds that it broke off."""
        await self._response.aclose()

    async def answer(self) -> Answer:
        """All of it, for a network that answered with something else than a stream."""
        try:
            return Answer(self.status, self.headers, await _bounded(self._response, self._max_bytes))
        except (httpx.HTTPError, httpx.StreamError, TooLarge) as error:
            raise failure(error, sent_matters=False) from error


def failure(error: BaseException, *, sent_matters: bool) -> ProviderError:
    """What a failed exchange means. `sent_matters`: it was a write, so it counts whether it may have arrived."""
    if isinstance(error, ProxyLogin):
        if not isinstance(error, ProxyLoginMissing):
            return ProxyRefused("The account's proxy does not accept this username and password. Nothing was sent.")
        return ProxyRefused(
            "The account's proxy asks for a username and password. Nothing was sent.", kind=Kind.PROXY_LOGIN
        )
    if isinstance(error, httpx.ProxyError):
        return ProviderDown(
            f"The account's proxy did not lead to the network: {error} Nothing was sent.",
            code=ErrorCode.PROXY_ERROR,
            context={"cause": type(error).__name__},
        )
    if isinstance(error, _NOTHING_SENT):
        return ProviderDown(
            "The network could not be reached; nothing was sent.", context={"cause": type(error).__name__}
        )
    if sent_matters:
        return OutcomeUnknown(
            "The network took the request and did not answer.", context={"cause": type(error).__name__}
        )
    return ProviderDown("The network did not answer.", context={"cause": type(error).__name__})


class _Pool:
    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self.transport = transport
        self.busy = 0


class _Held(httpx.AsyncByteStream):
    """An answer's bytes, and a place in a pool until they are closed."""

    def __init__(self, stream: httpx.AsyncByteStream, pool: _Pool) -> None:
        self._stream = stream
        self._pool: _Pool | None = pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        if self._pool is not None:
            self._pool.busy -= 1
            self._pool = None
        await self._stream.aclose()


class Pools(httpx.AsyncBaseTransport):
    """As many small pools as there is use for: a pool goes through all of its sockets for each request."""

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._make = make
        self._pools: list[_Pool] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # The first with room, so that few requests go by few sockets, which stay open.
        pool = next((pool for pool in self._pools if pool.busy < _SHARE_A_POOL), None)
        if pool is None:
            pool = _Pool(self._make())
            self._pools.append(pool)
        pool.busy += 1
        try:
            response = await pool.transport.handle_async_request(request)
        except BaseException:
            pool.busy -= 1
            raise
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Held(response.stream, pool)
        return response

    @property
    def busy(self) -> int:
        """How many answers are under way."""
        return sum(pool.busy for pool in self._pools)

    async def aclose(self) -> None:
        for pool in self._pools:
            await pool.transport.aclose()


class Http:
    """Shared sockets and one TLS context for all accounts of all networks. Cookies are headers that the caller sets."""

    def __init__(
        self,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        connect_seconds: float = 5.0,
        read_seconds: float = 20.0,
        whole_seconds: float = 60.0,
        idle_seconds: float = 40.0,
        max_bytes: int = 16 * 1024 * 1024,
        tries: int = 3,
        backoff_seconds: float = 0.25,
    ) -> None:
        """`whole_seconds` bounds one exchange, however slowly it drips; `idle_seconds` the silence of a stream."""
        # A transport rather than a client: a client keeps cookies, follows proxies of the environment and logs URLs.

        def make() -> httpx.AsyncBaseTransport:
            return httpx.AsyncHTTPTransport(verify=tls(), http1=True, limits=LIMITS)

        self._transport = transport or Pools(make)
        self._timeout = {
            "connect": connect_seconds,
            "read": read_seconds,
            "write": read_seconds,
            "pool": connect_seconds,
        }
        self._whole_seconds = whole_seconds
        self._idle_seconds = idle_seconds
        self._max_bytes = max_bytes
        self._tries = tries
        self._backoff_seconds = backoff_seconds

    def by(self, transport: httpx.AsyncBaseTransport, *, connect_seconds: float) -> "Http":
        """The same client, by another way out."""
        other = copy.copy(self)
        other._transport = transport
        other._timeout = self._timeout | {"connect": connect_seconds, "pool": connect_seconds}
        return other

    async def read(
        self,
        provider: str,
        operation: str,
        url: str,
        *,
        headers: Headers,
        method: str = "GET",
        content: bytes | None = None,
    ) -> Answer:
        """Ask, up to three times where the network is out of order. Safe to repeat by nature.

        Raises:
            ProviderDown: no answer came.
        """
        started = time.perf_counter()
        for attempt in range(1, self._tries + 1):
            last = attempt == self._tries
            try:
                answer = await self._exchange(method, url, headers, content)
            except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, TooLarge, TimeoutError) as error:
                if last or isinstance(error, _FOR_GOOD):
                    _record(provider, operation, started, attempt, cause=error)
                    raise failure(error, sent_matters=False) from error
            else:
                if last or answer.status not in _TRANSIENT:
                    _record(provider, operation, started, attempt, status=answer.status)
                    return answer
            await asyncio.sleep(self._backoff_seconds * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
        raise AssertionError("unreachable")

    async def write(
        self,
        provider: str,
        operation: str,
        url: str,
        *,
        headers: Headers,
        method: str = "POST",
        content: bytes | AsyncIterator[bytes] | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Send once. `content` may come piece by piece (say its `content-length`); `seconds` is for large ones.

        Raises:
            ProviderDown: nothing was sent.
            OutcomeUnknown: it may have arrived.
        """
        started = time.perf_counter()
        try:
            answer = await self._exchange(method, url, headers, content, seconds)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, TooLarge, TimeoutError) as error:
            _record(provider, operation, started, 1, cause=error)
            raise failure(error, sent_matters=True) from error
        _record(provider, operation, started, 1, status=answer.status)
        return answer

    @asynccontextmanager
    async def stream(
        self,
        provider: str,
        operation: str,
        url: str,
        *,
        headers: Headers,
        method: str = "GET",
        content: bytes | None = None,
    ) -> AsyncIterator[Stream]:
        """Ask for an answer that goes on, or whose status is all that matters; a silence of `idle_seconds` ends it.

        Raises:
            ProviderDown: no answer came.
        """
        started = time.perf_counter()
        try:
            response = await self._send(method, url, headers, content, self._timeout | {"read": self._idle_seconds})
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            _record(provider, operation, started, 1, cause=error)
            raise failure(error, sent_matters=False) from error
        _record(provider, operation, started, 1, status=response.status_code)
        try:
            yield Stream(response, self._max_bytes)
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Close the pool."""
        await self._transport.aclose()

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Headers,
        content: bytes | AsyncIterator[bytes] | None,
        seconds: float | None = None,
    ) -> Answer:
        async with asyncio.timeout(seconds or self._whole_seconds):
            response = await self._send(method, url, headers, content, self._timeout)
            try:
                return Answer(response.status_code, response.headers, await _bounded(response, self._max_bytes))
            finally:
                await response.aclose()

    async def _send(
        self,
        method: str,
        url: str,
        headers: Headers,
        content: bytes | AsyncIterator[bytes] | None,
        timeout: dict[str, float],
    ) -> httpx.Response:
        request = httpx.Request(
            method,
            url,
            headers={"accept-encoding": "gzip, deflate", **headers},
            content=content,
            extensions={"timeout": timeout},
        )
        response = await self._transport.handle_async_request(request)
        response.request = request
        return response


async def _bounded(response: httpx.Response, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge
    return bytes(body)


def _record(
    provider: str,
    operation: str,
    started: float,
    attempt: int,
    *,
    status: int | None = None,
    cause: BaseException | None = None,
) -> None:
    """One line for each call; never an address, a body or a header."""
    ms = round((time.perf_counter() - started) * 1000)
    facts: dict[str, Any] = {
        "provider": provider,
        "operation": operation,
        "status": status,
        "ms": ms,
        "attempt": attempt,
    }
    if cause is not None:
        _log.warning("provider.called", **facts, cause=type(cause).__name__)
    elif status is not None and status >= 500:
        _log.warning("provider.called", **facts)
    else:
        _log.info("provider.called", **facts)


_LEFT = ("ratelimit-remaining", "x-ratelimit-remaining", "x-rate-limit-remaining")
_EPOCH = 1_000_000_000


def rest_seconds(answer: Answer) -> float:
    """How long to send nothing more, where the answer says that its limit is used up; otherwise 0.

    Source: the networks' rate headers as documented, checked 2026-11-21: Bluesky `RateLimit-Reset` and X
    `x-rate-limit-reset` in Unix seconds, Mastodon `X-RateLimit-Reset` as a moment, others in seconds from now.
    """
    for name in _LEFT:
        if answer.headers.get(name, "").strip() == "0":
            return reset_seconds(answer) or 0.0
    return 0.0


def reset_seconds(answer: Answer) -> float | None:
    """How long until the limit that an answer speaks of begins anew, by the network's own clock; None: it does not say."""
    retry_after = answer.headers.get("retry-after", "").strip()
    if retry_after.isdecimal():
        return float(retry_after)
    for name in _LEFT:
        told = answer.headers.get(name.replace("remaining", "reset"), "").strip()
        try:
            moment = float(told) if told.isdecimal() else datetime.fromisoformat(told).timestamp()
        except ValueError:
            continue
        if told.isdecimal() and moment < _EPOCH:
            return moment
        return max(0.0, moment - _answered_at(answer))
    return None


def _answered_at(answer: Answer) -> float:
    try:
        return parsedate_to_datetime(answer.headers.get("date", "")).timestamp()
    except (ValueError, TypeError):
        return time.time()
