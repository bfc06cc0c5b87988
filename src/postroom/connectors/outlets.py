"""The ways out through proxies: shared by all accounts that have the same one, and closed when nobody goes there any more."""

import asyncio
from collections.abc import Sequence

import httpx

from postroom.connectors.guarded import Guard
from postroom.connectors.http import Http, Pools
from postroom.connectors.tunnels import TunnelTransport
from postroom.domain.addresses import IpAddress
from postroom.domain.proxies import Proxy

_CONNECT_SECONDS = 10.0
_REST_SECONDS = 60.0


class Outlets:
    """Makes clients that go through a proxy, and never past it. Proxies' own addresses are judged by the guard."""

    def __init__(
        self, guard: Guard, *, connect_seconds: float = _CONNECT_SECONDS, rest_seconds: float = _REST_SECONDS
    ) -> None:
        """`connect_seconds`: until a tunnel is there. `rest_seconds`: from its last use until a connection is closed."""
        self._guard = guard
        self._connect_seconds = connect_seconds
        self._rest_seconds = rest_seconds
        self._open: dict[Proxy, _Outlet] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def check(self, proxy: Proxy) -> None:
        """Whether this proxy could be called now, as far as its address goes.

        Raises:
            AddressRefused: it could not.
        """
        await self._guard.check(f"http://{proxy.url.partition('://')[2]}")

    async def addresses(self, proxy: Proxy) -> Sequence[IpAddress]:
        """Where the proxy is now, for who connects to it by itself.

        Raises:
            AddressRefused: not where it may be called.
            OSError, TimeoutError: nobody knows.
        """
        return await self._guard.addresses(proxy.host, proxy.port)

    def by(self, http: Http, proxy: Proxy, *, is_guarded: bool = False) -> Http:
        """The same client through a proxy. `is_guarded`: what it calls is where somebody says, and is judged."""
        return http.by(_Way(self, proxy, self._guard if is_guarded else None), connect_seconds=self._connect_seconds)

    async def send(self, proxy: Proxy, request: httpx.Request) -> httpx.Response:
        """Have a request go out through a proxy."""
        outlet = self._open.get(proxy)
        if outlet is None:
            outlet = self._open[proxy] = self._made(proxy)
        loop = asyncio.get_running_loop()
        outlet.used_at = loop.time()
        if outlet.timer is None:
            outlet.timer = loop.call_later(self._rest_seconds, self._look, proxy)
        return await outlet.pools.handle_async_request(request)

    @property
    def open(self) -> int:
        """Through how many proxies somebody goes at the moment, or went just now."""
        return len(self._open)

    async def close(self) -> None:
        """Close them all."""
        for outlet in self._open.values():
            if outlet.timer is not None:
                outlet.timer.cancel()
            await outlet.pools.aclose()
        self._open.clear()
        await asyncio.gather(*self._closing, return_exceptions=True)
        self._guard.close()

    def _made(self, proxy: Proxy) -> "_Outlet":
        return _Outlet(Pools(lambda: TunnelTransport(proxy, self._guard)))

    def _look(self, proxy: Proxy) -> None:
        """Close what nobody has used for a while."""
        outlet, loop = self._open[proxy], asyncio.get_running_loop()
        if outlet.pools.busy or loop.time() - outlet.used_at < self._rest_seconds:
            outlet.timer = loop.call_later(self._rest_seconds, self._look, proxy)
            return
        del self._open[proxy]
        task = asyncio.create_task(outlet.pools.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class _Outlet:
    def __init__(self, pools: Pools) -> None:
        self.pools = pools
        self.used_at = 0.0
        self.timer: asyncio.TimerHandle | None = None


class _Way(httpx.AsyncBaseTransport):
    """Every request by one proxy. It holds no socket of its own, so that it may be forgotten at any time."""

    def __init__(self, outlets: Outlets, proxy: Proxy, guard: Guard | None) -> None:
        self._outlets = outlets
        self._proxy = proxy
        self._guard = guard

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._guard is not None:
            self._guard.check_host(request.url.raw_host.decode("ascii"))
        return await self._outlets.send(self._proxy, request)
