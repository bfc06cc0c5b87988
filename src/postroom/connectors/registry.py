"""Finds the networks this server speaks to."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from postroom.clock import Clock
from postroom.connectors.contract import Connector, ConnectorSettings, Tunnelled
from postroom.connectors.http import Http
from postroom.connectors.outlets import Outlets
from postroom.domain.capabilities import Capabilities
from postroom.domain.proxies import Proxy
from postroom.errors import NotImplementedHere, NotSupported, PostroomError

GROUP = "postroom.connectors"
_NO_POWERS = Capabilities()


class RegistryError(PostroomError):
    """The installed connectors do not fit together."""


class Registry(Mapping[str, Connector]):
    """Connectors by name."""

    def __init__(
        self,
        connectors: Iterable[Connector],
        outlets: Outlets | None = None,
        makers: Mapping[str, Callable[[Proxy], Connector]] | None = None,
    ) -> None:
        """`makers` make a connector once more, so that it goes out by a proxy; without `outlets` there are no proxies.

        Raises RegistryError where two have the same name.
        """
        self._connectors: dict[str, Connector] = {}
        self._outlets = outlets
        self._makers = makers or {}
        for connector in connectors:
            known = self._connectors.setdefault(connector.name, connector)
            if known is not connector:
                raise RegistryError(
                    f"Two connectors are named {connector.name!r}: {_origin(known)} and {_origin(connector)}. "
                    "Uninstall one of them."
                )

    def __getitem__(self, name: str) -> Connector:
        return self._connectors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._connectors)

    def __len__(self) -> int:
        return len(self._connectors)

    def powers(self, name: str) -> Capabilities:
        """What the network of this name can do here: nothing, where there is none."""
        connector = self._connectors.get(name)
        return _NO_POWERS if connector is None else connector.capabilities

    def connector(self, name: str, proxy: Proxy | None = None) -> Connector:
        """The network's connector, which goes out by the proxy, where there is one, and by nothing else.

        Raises:
            NotSupported: there is none of that name.
            NotImplementedHere: it cannot go through proxies.
        """
        connector = self._connectors.get(name)
        if connector is None:
            raise NotSupported(f"This server has no connector for {name}.")
        if proxy is None:
            return connector
        if self._outlets is None or not connector.capabilities.proxies:
            raise NotImplementedHere(f"Accounts of {name} cannot have proxies here.")
        if isinstance(connector, Tunnelled):
            return connector.through(proxy, self._outlets.addresses)
        return self._makers[name](proxy)

    def by(self, http: Http, proxy: Proxy) -> Http:
        """The same client, for addresses that somebody gave, through a proxy.

        Raises:
            NotImplementedHere: this server has no proxies.
        """
        if self._outlets is None:
            raise NotImplementedHere("Accounts cannot have proxies here.")
        return self._outlets.by(http, proxy, is_guarded=True)

    async def check_proxy(self, name: str, proxy: Proxy) -> None:
        """Whether accounts of this network could have this proxy; nobody is called.

        Raises:
            NotSupported, NotImplementedHere: as `connector`.
            AddressRefused: it is where this server may not call.
        """
        self.connector(name, proxy)
        assert self._outlets is not None
        await self._outlets.check(proxy)

    async def close(self) -> None:
        """Let go of what the connectors share."""
        for connector in self._connectors.values():
            await connector.close()
        if self._outlets is not None:
            await self._outlets.close()


def installed(
    http: Http,
    callback_url: str,
    now: Clock,
    values: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    guarded: Http | None = None,
    outlets: Outlets | None = None,
) -> Registry:
    """Every connector that is installed, made with the setting `values` for its name.

    `guarded` is the way to addresses that the owners of accounts give; `outlets` are those through accounts' proxies.

    Raises:
        RegistryError: two have one name, one cannot be imported or made, or a value is for nobody, or not what it may be.
    """
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        known = found.setdefault(entry.name, entry)
        if known.value != entry.value:
            raise RegistryError(
                f"Two connectors are registered as {entry.name!r}: {known.value} and {entry.value}. "
                "Uninstall one of them."
            )
    values = values or {}
    for name in values:
        if name not in found:
            raise RegistryError(f"There is no connector {name!r} to be set; there are: {', '.join(sorted(found))}.")
    shared = {"callback_url": callback_url, "now": now}

    def by_proxy(entry: EntryPoint) -> Callable[[Proxy], Connector]:
        def make(proxy: Proxy) -> Connector:
            assert outlets is not None
            abroad = None if guarded is None else outlets.by(guarded, proxy, is_guarded=True)
            return _make(entry, values.get(entry.name, {}), abroad, http=outlets.by(http, proxy), **shared)

        return make

    made = [_make(entry, values.get(entry.name, {}), guarded, http=http, **shared) for entry in found.values()]
    return Registry(made, outlets, {name: by_proxy(entry) for name, entry in found.items()})


def settings_types() -> dict[str, type[ConnectorSettings]]:
    """The settings of every installed connector, by name."""
    return {entry.name: entry.load().settings_type for entry in entry_points(group=GROUP)}


def _make(entry: EntryPoint, values: Mapping[str, Any], guarded: Http | None, **shared: Any) -> Connector:
    try:
        factory: Any = entry.load()
        settings = msgspec.convert(values, factory.settings_type, strict=False)
    except (ImportError, AttributeError) as error:
        raise RegistryError(f"The connector {entry.name!r} ({entry.value}) cannot be used: {error}") from error
    except msgspec.ValidationError as error:
        raise RegistryError(f"POSTROOM_PROVIDER_{entry.name.upper()}_...: {error}") from error
    if getattr(factory, "calls_given_addresses", False):
        shared["guarded"] = guarded
    try:
        connector: Connector = factory(settings=settings, **shared)
    except (TypeError, ValueError) as error:
        raise RegistryError(f"The connector {entry.name!r} ({entry.value}) cannot be used: {error}") from error
    if connector.name != entry.name:
        raise RegistryError(f"The connector registered as {entry.name!r} calls itself {connector.name!r}.")
    return connector


def _origin(connector: Connector) -> str:
    return f"{type(connector).__module__}.{type(connector).__qualname__}"
