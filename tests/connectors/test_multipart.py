"""A form with files: its length is known before it is sent, and what arrives is what was meant."""

from collections.abc import AsyncIterator
from email.parser import BytesParser

from postroom.connectors.multipart import FormFile, FormOfFiles


async def pieces(*found: bytes) -> AsyncIterator[bytes]:
    for each in found:
        yield each


async def test_fields_and_files_arrive_in_order_and_the_length_is_told_before() -> None:
    files = [
        FormFile(name="a", file_name="a.png", content_type="image/png", size_bytes=4, chunks=pieces(b"12", b"34")),
        FormFile(name="b", file_name='b".mp4', content_type="video/mp4", size_bytes=2, chunks=pieces(b"\r\n")),
    ]
    form = FormOfFiles({"text": "Grüße"}, files)
    body = b"".join([piece async for piece in form.content()])
    assert form.headers["content-length"] == str(len(body))
    head = f"content-type: {form.headers['content-type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + body).get_payload()
    assert isinstance(parts, list)
    assert [part.get_param("name", header="content-disposition") for part in parts] == ["text", "a", "b"]  # type: ignore[union-attr]
    assert [part.get_filename() for part in parts] == [None, "a.png", "b%22.mp4"]  # type: ignore[union-attr]
    assert b'name="b"; filename="b%22.mp4"\r\nContent-Type: video/mp4\r\n\r\n\r\n\r\n--' in body
