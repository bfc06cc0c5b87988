"""The way out to addresses that callers give us: webhook endpoints, files to fetch, servers to link accounts at.

A name is looked up once, every address that it has is judged, and the connection goes to one of those addresses: what
the name says a moment later changes nothing. The host that was asked for stays in `Host`, in TLS and in the certificate
that is expected. No redirect is followed: where one is to be, its target is asked for anew, and judged anew.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx

from postroom.connectors.http import Http, tls
from postroom.domain.addresses import SENTENCES, IpAddress, IpNetwork, Why, literal, why_not_address, why_not_host
from postroom.errors import ErrorCode, InvalidParameters, Kind

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a name, for a port. Raises OSError where it has none."""

_MOST_ADDRESSES_TRIED = 3
_LOOK_UP_SECONDS = 5.0
_LOOK_UPS_AT_ONCE = 8


class AddressRefused(InvalidParameters):
    """The address is one that this server does not let callers send it to; nothing was sent."""

    def __init__(self, why: Why) -> None:
        super().__init__(SENTENCES[why], code=ErrorCode.INVALID_URL, kind=Kind.ADDRESS)
        self.why = why


class Guard:
    """Judges addresses. `allowed` are networks beside the public ones, such as an operator's own."""

    def __init__(self, allowed: Sequence[IpNetwork] = (), resolve: Resolve | None = None) -> None:
        self._allowed = tuple(allowed)
        # Threads of its own: a name server that does not answer must not keep everybody else from looking up names.
        self._threads = ThreadPoolExecutor(_LOOK_UPS_AT_ONCE, "postroom-look-up")
        self._resolve = resolve or self._look_up

    async def check(self, url: str) -> None:
        """Whether this address could be called now. A name that nobody knows passes: it may be known later.

        Raises:
            AddressRefused: it could not.
        """
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, UnicodeError, ValueError, TypeError) as error:
            raise AddressRefused(_why_unreadable(url)) from error
        if parsed.scheme and parsed.scheme not in ("http", "https"):
            raise AddressRefused(Why.SCHEME)
        if not parsed.scheme or not parsed.host or parsed.userinfo or not 0 < _port(parsed) < 65536:
            raise AddressRefused(Why.FORMAT)
        try:
            await self.addresses(_host(parsed), _port(parsed))
        except (OSError, TimeoutError):
            return

    def check_host(self, host: str) -> None:
        """Whether this host may be called, as far as it can be told without looking its name up.

        Raises:
            AddressRefused: it may not.
        """
        why = why_not_host(host, self._allowed)
        if why is not None:
            raise AddressRefused(why)

    async def addresses(self, host: str, port: int, timeout_seconds: float = _LOOK_UP_SECONDS) -> Sequence[IpAddress]:
        """The addresses of a host, each of which may be called. One that may not be refuses them all.

        Raises:
            AddressRefused: the host, or an address of it, may not be called.
            OSError, TimeoutError: it has no address, or none was heard of in time.
        """
        self.check_host(host)
        given = literal(host)
        if given is not None:
            return [given]
        async with asyncio.timeout(timeout_seconds):
            found = [_address(each) for each in await self._resolve(host, port)]
        if not found:
            raise OSError("The name has no address.")
        for address in found:
            why = why_not_address(address, self._allowed)
            if why is not None:
                raise AddressRefused(why)
        return list(dict.fromkeys(found))

    def close(self) -> None:
        """Look up no more names."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        def ask() -> Sequence[str]:
            flags = socket.AI_ADDRCONFIG
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
            except UnicodeError as error:
                raise OSError("The name is none.") from error
            return [str(each[4][0]) for each in found]

        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends a request to an address that the guard let pass; else `AddressRefused` is raised, and nothing is sent."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        # No connection is kept: the next request to the same address may be meant for another host.
        self._sending = httpx.AsyncHTTPTransport(
            verify=tls(),
            http1=True,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = _host(request.url)
        timeout = request.extensions.get("timeout", {}).get("connect") or _LOOK_UP_SECONDS
        try:
            found = await self._guard.addresses(host, _port(request.url), timeout)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("The name was not found in time.", request=request) from error
        except OSError as error:
            raise httpx.ConnectError("The name was not found.", request=request) from error
        tried = found[:_MOST_ADDRESSES_TRIED]
        for address in tried[:-1]:
            try:
                return await self._sending.handle_async_request(_sent_to(request, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                # Nothing has left yet.
                continue
        return await self._sending.handle_async_request(_sent_to(request, host, tried[-1]))

    async def aclose(self) -> None:
        await self._sending.aclose()
        self._guard.close()


def guarded_http(
    guard: Guard, *, connect_seconds: float = 5.0, whole_seconds: float = 20.0, max_bytes: int = 1024 * 1024
) -> Http:
    """A client like every connector's, through the guard; `max_bytes` bounds an answer, `whole_seconds` an exchange.

    Its calls raise `AddressRefused` beside what `Http` raises.
    """
    return Http(
        transport=GuardedTransport(guard),
        connect_seconds=connect_seconds,
        read_seconds=whole_seconds,
        whole_seconds=whole_seconds,
        max_bytes=max_bytes,
    )


def _why_unreadable(url: str) -> Why:
    """Also where the client does not read it: a host in octal digits is this machine to others."""
    try:
        return why_not_host(urlsplit(url).hostname or "") or Why.FORMAT
    except ValueError:
        return Why.FORMAT


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _address(text: str) -> IpAddress:
    return ipaddress.ip_address(text.partition("%")[0])


def _sent_to(request: httpx.Request, host: str, address: IpAddress) -> httpx.Request:
    extensions = {**request.extensions, "sni_hostname": host.strip("[]")}
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        # `Host` among them, as the request was made with it.
        headers=request.headers,
        stream=request.stream,
        extensions=extensions,
    )
