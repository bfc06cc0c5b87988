"""The event stream over WebSocket (not yet here: every connection is refused)."""

from typing import Any

from postroom.services.house import Services


def stream(services: Services) -> Any:
    """Refuse for now."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.close", "code": 1013})

    return app
