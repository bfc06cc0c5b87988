"""The floor of a read: a bare ASGI application that answers the same bytes to everything. `python -m bench.bare BYTES`."""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from bench.serving import serve


def application(size: int) -> Callable[..., Awaitable[None]]:
    """Answers `size` bytes of JSON."""
    body = b'{"text": "' + b"x" * (size - 12) + b'"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]

    async def app(scope: Any, receive: Any, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


if __name__ == "__main__":
    serve(application(int(sys.argv[1])))
