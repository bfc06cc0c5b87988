"""Finds the networks this server speaks to."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from postroom.connectors.contract import Connector
from postroom.errors import PostroomError

GROUP = "postroom.connectors"


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

    async def close(self) -> None:
        """Let go of what the connectors share."""
        for connector in self._connectors.values():
            await connector.close()


def installed(arguments: Mapping[str, Mapping[str, Any]] | None = None, **shared: Any) -> Registry:
    """Every connector that is installed, made with the `arguments` for its name and those `shared` by all.

    Raises:
        RegistryError: two have one name, one cannot be imported, or one cannot be made of these arguments.
    """
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        known = found.setdefault(entry.name, entry)
        if known.value != entry.value:
            raise RegistryError(
                f"Two connectors are registered as {entry.name!r}: {known.value} and {entry.value}. "
                "Uninstall one of them."
            )
    return Registry(_make(entry, {**shared, **(arguments or {}).get(entry.name, {})}) for entry in found.values())


def _make(entry: EntryPoint, arguments: Mapping[str, Any]) -> Connector:
    try:
        factory: Callable[..., Connector] = entry.load()
        connector = factory(**arguments)
    except (ImportError, AttributeError, TypeError) as error:
        raise RegistryError(f"The connector {entry.name!r} ({entry.value}) cannot be used: {error}") from error
    if connector.name != entry.name:
        raise RegistryError(f"The connector registered as {entry.name!r} calls itself {connector.name!r}.")
    return connector


def _origin(connector: Connector) -> str:
    return f"{type(connector).__module__}.{type(connector).__qualname__}"
