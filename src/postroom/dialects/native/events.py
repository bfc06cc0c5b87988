"""The log for the stream: every event as one JSON text, with what it is about as that now stands."""

from collections.abc import Sequence

import msgspec

from postroom.dialects.native import wire
from postroom.domain.access import Caller
from postroom.domain.webhooks import WebhookEndpoint
from postroom.services.events import Joined
from postroom.services.house import Services
from postroom.services.telling import Telling


async def payload(endpoint: WebhookEndpoint, joined: Joined) -> Sequence[Telling]:
    """A webhook's delivery: the event as it reads in the log."""
    return [Telling(body=msgspec.json.encode(wire.event(joined)))]


class Events:
    """A view of the log for the stream."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def __call__(self, caller: Caller, joined: Sequence[Joined]) -> list[bytes | None]:
        """These events, in their order."""
        return [msgspec.json.encode(wire.event(each)) for each in joined]
