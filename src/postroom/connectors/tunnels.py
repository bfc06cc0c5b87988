"""How a proxy is gone through: a connection to it, its login, and from there on bytes to the far side and nothing else.

Everything goes through a tunnel, plain http too: the proxy sees no request, and whatever fails before the tunnel is
there fails before anything was sent. Names are looked up by the proxy, so that not even a question about one goes out
from here.

Source: RFC 9110, section 9.3.6 (CONNECT); RFC 7617 (Basic); RFC 1928 and RFC 1929 (SOCKS5), checked 2026-11-21.
"""

import asyncio
import base64
import contextlib
import ipaddress
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from postroom.connectors.guarded import AddressRefused, Guard
from postroom.connectors.http import LIMITS, ProxyLogin, ProxyLoginMissing, tls
from postroom.domain.proxies import Proxy, ProxyProtocol

_MOST_ADDRESSES_TRIED = 3
_LONGEST_HEAD = 16 * 1024
_SOCKS = {
    1: "it failed.",
    2: "it does not allow this address.",
    3: "it cannot reach that network.",
    4: "it cannot reach that machine.",
    5: "that machine refused the connection.",
}
_FAILURES = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError)


class TunnelTransport(httpx.AsyncHTTPTransport):
    """A pool of connections, all of them through one proxy."""

    def __init__(self, proxy: Proxy, guard: Guard) -> None:
        super().__init__(verify=tls(), limits=LIMITS, trust_env=False)
        # httpx hands no backend on; its own pool was opened nowhere yet, and is let go.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls(),
            max_connections=LIMITS.max_connections,
            max_keepalive_connections=LIMITS.max_keepalive_connections,
            keepalive_expiry=LIMITS.keepalive_expiry,
            network_backend=_Tunnels(proxy, guard),
        )


class _Tunnels(httpcore.AsyncNetworkBackend):
    """Connects to a host by way of the proxy. It raises `httpx.ProxyError`: nothing was sent to the host."""

    def __init__(self, proxy: Proxy, guard: Guard) -> None:
        self._proxy = proxy
        self._guard = guard
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                stream = await self._arrived()
                try:
                    await self._lead_on(_Line(stream), host, port)
                except BaseException:
                    await stream.aclose()
                    raise
                return stream
        except TimeoutError as error:
            raise httpx.ProxyError("it did not answer in time.") from error
        except AddressRefused as error:
            raise httpx.ProxyError("its address is one that this server may not call.") from error
        except _FAILURES as error:
            raise httpx.ProxyError("it cannot be reached, or broke off.") from error

    async def _arrived(self) -> httpcore.AsyncNetworkStream:
        """A connection to the proxy itself, at an address that was judged."""
        stream = await self._socket()
        if self._proxy.protocol is not ProxyProtocol.HTTPS:
            return stream
        return await stream.start_tls(tls(), server_hostname=self._proxy.host)

    async def _socket(self) -> httpcore.AsyncNetworkStream:
        *others, last = (await self._guard.addresses(self._proxy.host, self._proxy.port))[:_MOST_ADDRESSES_TRIED]
        for address in others:
            with contextlib.suppress(httpcore.ConnectError):
                return await self._sockets.connect_tcp(str(address), self._proxy.port)
        return await self._sockets.connect_tcp(str(last), self._proxy.port)

    async def _lead_on(self, line: "_Line", host: str, port: int) -> None:
        if self._proxy.protocol is ProxyProtocol.SOCKS5:
            await _socks(line, self._proxy, host, port)
        else:
            await _connect(line, self._proxy, host, port)


class _Line:
    """The bytes of a connection, so many at a time as are wanted."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._held = b""

    async def say(self, words: bytes) -> None:
        await self._stream.write(words)

    async def exactly(self, size: int) -> bytes:
        while len(self._held) < size:
            await self._more()
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    async def head(self) -> bytes:
        """The head of an answer. What would come after it belongs to nobody: the far side does not speak first."""
        while b"\r\n\r\n" not in self._held:
            if len(self._held) > _LONGEST_HEAD:
                raise httpx.ProxyError("its answer has no end.")
            await self._more()
        head, _, more = self._held.partition(b"\r\n\r\n")
        self._held = more
        return head

    async def _more(self) -> None:
        read = await self._stream.read(4096)
        if not read:
            raise httpx.ProxyError("it broke off.")
        self._held += read


async def _connect(line: _Line, proxy: Proxy, host: str, port: int) -> None:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username is not None:
        login = base64.b64encode(f"{proxy.username}:{proxy.password or ''}".encode()).decode()
        lines.append(f"Proxy-Authorization: Basic {login}")
    await line.say("\r\n".join([*lines, "", ""]).encode())
    version, _, rest = (await line.head()).partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise httpx.ProxyError("it does not speak HTTP.")
    status = int(rest[:3])
    if status == 407:
        raise _login_refused(proxy)
    if not 200 <= status < 300:
        raise httpx.ProxyError(f"it answered {status}.")


async def _socks(line: _Line, proxy: Proxy, host: str, port: int) -> None:
    given = proxy.username is not None
    await line.say(b"\x05\x02\x00\x02" if given else b"\x05\x01\x00")
    version, method = await line.exactly(2)
    if version != 5:
        raise httpx.ProxyError("it does not speak SOCKS5.")
    if method == 2 and given:
        name, word = (proxy.username or "").encode(), (proxy.password or "").encode()
        await line.say(b"\x01" + bytes([len(name)]) + name + bytes([len(word)]) + word)
        if (await line.exactly(2))[1] != 0:
            raise _login_refused(proxy)
    elif method != 0:
        raise _login_refused(proxy)
    await line.say(b"\x05\x01\x00" + _address(host) + port.to_bytes(2))
    _, reply, _, kind = await line.exactly(4)
    if reply != 0:
        raise httpx.ProxyError(_SOCKS.get(reply, f"it answered {reply}."))
    size = {1: 4, 4: 16}.get(kind) or (await line.exactly(1))[0]
    await line.exactly(size + 2)


def _login_refused(proxy: Proxy) -> ProxyLogin:
    if proxy.username is None:
        return ProxyLoginMissing("it asks for a login.")
    return ProxyLogin("it refused the login.")


def _address(host: str) -> bytes:
    """A name as it is: whoever is at the other end looks it up."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")
        return b"\x03" + bytes([len(name)]) + name
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed
