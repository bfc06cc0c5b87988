"""Media addresses: where bytes are PUT, and where they are read."""

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from postroom.errors import NotFound, NotPermitted, PostroomError
from postroom.services.house import Services


def media(services: Services) -> Any:
    """PUT /media/{id}?expires=&signature= and GET /media/{id}/{name}?signature="""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        try:
            response = await _answer(services, request)
        except PostroomError as error:
            status = 404 if isinstance(error, NotFound) else 403 if isinstance(error, NotPermitted) else 500
            response = JSONResponse({"error": error.detail}, status_code=status)
        await response(scope, receive, send)

    return app


async def _answer(services: Services, request: Request) -> Response:
    parts = request.url.path.split("/")
    query = request.query_params
    if request.method == "PUT" and len(parts) == 3:

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in request.stream():
                yield chunk

        expires = query.get("expires", "0")
        await services.media.receive(
            parts[2],
            int(expires) if expires.isdigit() else 0,
            query.get("signature", ""),
            request.headers.get("content-type", ""),
            chunks(),
        )
        return Response()
    if request.method == "GET" and len(parts) == 4:
        item, body = await services.media.open(parts[2], query.get("signature", ""))
        headers = {"X-Content-Type-Options": "nosniff", "Content-Disposition": "attachment"}
        return StreamingResponse(body, media_type=item.content_type, headers=headers)
    raise NotFound("Nothing is here.")
