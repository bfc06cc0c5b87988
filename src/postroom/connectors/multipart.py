"""A form with files in it, as it goes over the wire: streamed, with its length known before.

Source: RFC 7578.
"""

import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import quote

import msgspec


class FormFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a form; `name` is its field, and `chunks` must come to `size_bytes`."""

    name: str
    file_name: str
    content_type: str
    size_bytes: int
    chunks: AsyncIterator[bytes]


class FormOfFiles:
    """`headers` go with the request; `content` is its body, once."""

    def __init__(self, fields: Mapping[str, str], files: Sequence[FormFile]) -> None:
        boundary = secrets.token_hex(16)
        head = "".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{quote(key)}"\r\n\r\n{value}\r\n'
            for key, value in fields.items()
        )
        self._files = [(_head(boundary, file).encode(), file.chunks) for file in files]
        self._start = head.encode()
        self._end = f"--{boundary}--\r\n".encode()
        size_bytes = len(self._start) + len(self._end)
        size_bytes += sum(
            len(head) + file.size_bytes + len(_LINE) for (head, _), file in zip(self._files, files, strict=True)
        )
        self.headers = {
            "content-type": f"multipart/form-data; boundary={boundary}",
            "content-length": str(size_bytes),
        }

    async def content(self) -> AsyncIterator[bytes]:
        """The body, piece by piece."""
        yield self._start
        for head, chunks in self._files:
            yield head
            async for chunk in chunks:
                yield chunk
            yield _LINE
        yield self._end


class Form(FormOfFiles):
    """The same with one file."""

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
        file = FormFile(name=name, file_name=file_name, content_type=content_type, size_bytes=size_bytes, chunks=chunks)
        super().__init__(fields, [file])


_LINE = b"\r\n"


def _head(boundary: str, file: FormFile) -> str:
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{quote(file.name)}"; '
        f'filename="{quote(file.file_name)}"\r\nContent-Type: {file.content_type}\r\n\r\n'
    )
