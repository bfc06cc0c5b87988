"""A form with one file in it, as it goes over the wire: streamed, with its length known before.

Source: RFC 7578.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote


class Form:
    """`headers` go with the request; `content` is its body, once."""

    def __init__(
        self,
        fields: Mapping[str, str],
        *,
        name: str,
        file_name: str,
        content_type: str,
        size_bytes: int,
        chunks: AsyncIterator[bytes],
    ) -> None:
        """`name` is the file's field; `chunks` must come to `size_bytes`."""
        boundary = secrets.token_hex(16)
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{quote(key)}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        )
        head += (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{quote(name)}"; filename="{quote(file_name)}"\r\n'
            f"Content-Type: {content_type}\r\n\r\n"
        )
        self._head = head.encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._chunks = chunks
        self.headers = {
            "content-type": f"multipart/form-data; boundary={boundary}",
            "content-length": str(len(self._head) + size_bytes + len(self._tail)),
        }

    async def content(self) -> AsyncIterator[bytes]:
        """The body, piece by piece."""
        yield self._head
        async for chunk in self._chunks:
            yield chunk
        yield self._tail
