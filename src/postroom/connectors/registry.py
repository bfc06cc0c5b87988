"""Finds the networks this server speaks to."""

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import msgspec

from postroom.clock import Clock
from postroom.connectors.contract import Connector, ConnectorSettings
from postroom.connectors.http import Http
from postroom.domain.capabilities import Capabilities
from postroom.errors import PostroomError

GROUP = "postroom.connectors"
_NO_POWERS = Capabilities()


class RegistryError(PostroomError):
    """The installed connectors do not fit together."""


class Registry(Mapping[str, Connector]):
    """Connectors by name."""

    def __init__(self, connectors: Iterable[Connector]) -> None:
        """Raises RegistryError where two have the same name."""
        self._connectors: dict[str, Connector] = {}
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

    async def close(self) -> None:
        """Let go of what the connectors share."""
        for connector in self._connectors.values():
            await connector.close()


def installed(
    http: Http,
    callback_url: str,
    now: Clock,
    values: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    guarded: Http | None = None,
) -> Registry:
    """Every connector that is installed, made with the setting `values` for its name.

    `guarded` is the way to addresses that the owners of accounts give.

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
    shared = {"http": http, "callback_url": callback_url, "now": now}
    return Registry(_make(entry, values.get(entry.name, {}), guarded, **shared) for entry in found.values())


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
