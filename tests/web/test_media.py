"""The addresses of files: what arrives there, and what whoever fetches from there is given."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from postroom.domain.media import MediaKind
from postroom.domain.posts import PostGroup
from tests.desk import PICTURE, Desk
from tests.pictures import encoded, mp4, noise, png_of
from tests.servers import lent

VIDEO = mp4(bytes(range(256)) * 2000)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """On one database: these are about addresses."""
    async with lent(tmp_path / "data") as found:
        yield Desk(found)


@pytest.fixture
async def web(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=desk.house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
        yield client


async def put(
    web: httpx.AsyncClient, desk: Desk, group: PostGroup, content: bytes, kind: MediaKind = MediaKind.IMAGE
) -> httpx.Response:
    url = (await desk.address(group, kind=kind)).upload_url
    return await web.put(url, content=content, headers={"content-type": "image/png"})


async def public_url(desk: Desk, group: PostGroup, network: str = "bluesky") -> str:
    """What the network is told."""
    (item,) = (await desk.view(group)).media
    return await (await desk.services.media.file(item, network)).url()


REFUSED = [
    (b"<html><script>alert(1)</script>", MediaKind.IMAGE, 415, "unsupported_media_type"),
    (b"", MediaKind.IMAGE, 415, "unsupported_media_type"),
    (b"%PDF-1.7 ", MediaKind.VIDEO, 415, "unsupported_media_type"),
    (b"\0\0\0\x18ftypheic" + bytes(100), MediaKind.IMAGE, 415, "unsupported_media_type"),
    (VIDEO, MediaKind.IMAGE, 415, "unsupported_media_type"),
    (PICTURE, MediaKind.VIDEO, 415, "unsupported_media_type"),
    (PICTURE[:-30], MediaKind.IMAGE, 400, "invalid_parameters"),
    (PICTURE[:20], MediaKind.IMAGE, 400, "invalid_parameters"),
    (png_of(20_000, 20_000), MediaKind.IMAGE, 413, "content_too_large"),
]


async def test_what_is_not_what_was_announced_is_refused_with_a_code_and_leaves_nothing(
    desk: Desk, web: httpx.AsyncClient
) -> None:
    for content, kind, status, code in REFUSED:
        group = await desk.draft()
        answer = await put(web, desk, group, content, kind)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert [item.status for item in (await desk.view(group)).media] == ["awaiting"]
        await desk.work()
        assert desk.files() == set()


async def test_too_many_bytes_are_refused_before_all_have_come(desk: Desk, web: httpx.AsyncClient) -> None:
    url = (await desk.address(await desk.draft())).upload_url
    most = desk.services.media.limits.most_image_bytes
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        yield PICTURE
        while True:
            sent += 1024 * 1024
            yield bytes(1024 * 1024)

    answer = await web.put(url, content=chunks(), headers={"content-type": "image/png"})
    assert (answer.status_code, answer.json()["code"]) == (413, "content_too_large")
    assert sent < most + 16 * 1024 * 1024
    assert desk.files() == set()


KNOWN = [
    (encoded(noise((9, 7)), "JPEG"), MediaKind.IMAGE, "image/jpeg"),
    (encoded(noise((9, 7)), "GIF"), MediaKind.IMAGE, "image/gif"),
    (encoded(noise((9, 7)), "WEBP"), MediaKind.IMAGE, "image/webp"),
    (VIDEO, MediaKind.VIDEO, "video/mp4"),
    (b"\0\0\0\x14ftypqt  " + bytes(100), MediaKind.VIDEO, "video/quicktime"),
    (b"\0\0\0\x08wide\0\0\0\0mdat" + bytes(100), MediaKind.VIDEO, "video/quicktime"),
    (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + bytes(100), MediaKind.VIDEO, "video/webm"),
    (b"\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska" + bytes(100), MediaKind.VIDEO, "video/x-matroska"),
    (b"RIFF\0\0\0\0AVI LIST" + bytes(100), MediaKind.VIDEO, "video/x-msvideo"),
]


async def test_its_bytes_say_what_a_file_is_whatever_it_was_called(desk: Desk, web: httpx.AsyncClient) -> None:
    for content, kind, content_type in KNOWN:
        group = await desk.draft()
        assert (await put(web, desk, group, content, kind)).status_code == 200
        (item,) = (await desk.view(group)).media
        assert (item.kind, item.content_type, item.size_bytes) == (kind, content_type, len(content))
        assert (item.width, item.height) == ((9, 7) if kind is MediaKind.IMAGE else (None, None))
        fetched = await web.get(desk.services.media.file_url(item))
        assert (fetched.content, fetched.headers["content-type"]) == (content, content_type)


async def test_a_file_is_an_attachment_that_no_browser_interprets(desk: Desk, web: httpx.AsyncClient) -> None:
    group = await desk.draft()
    await put(web, desk, group, PICTURE)
    for url in (desk.services.media.file_url((await desk.view(group)).media[0]), await public_url(desk, group)):
        for answer in (await web.get(url), await web.head(url)):
            assert answer.status_code == 200
            assert answer.headers["content-disposition"].startswith("attachment")
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in answer.headers["content-security-policy"]
            assert answer.headers["accept-ranges"] == "bytes"
            assert int(answer.headers["content-length"]) > 0
        assert answer.content == b""


NAMES = ["a b/../c.png", "..", 'x"\r\nset-cookie: a=b.png', "\u202egnp.exe", "n\u00e4me.png", "?&#.png"]


async def test_a_name_is_never_a_path_or_a_header(desk: Desk, web: httpx.AsyncClient) -> None:
    for name in NAMES:
        group = await desk.draft()
        address = await desk.address(group, name)
        await desk.upload(address)
        answer = await web.get(address.file_url)
        assert (answer.status_code, answer.content) == (200, PICTURE)
        assert "set-cookie" not in answer.headers
        assert answer.headers["content-disposition"].isascii()
        assert (await web.get(await public_url(desk, group))).status_code == 200


RANGES = [
    ("bytes=0-99", 0, 100),
    ("bytes=100-", 100, None),
    ("bytes=-50", -50, None),
    ("bytes=0-999999999", 0, None),
    ("bytes=300000-300000", 300_000, 300_001),
]


async def test_a_range_is_that_part(desk: Desk, web: httpx.AsyncClient) -> None:
    for asked, start, end in RANGES:
        group = await desk.draft()
        await put(web, desk, group, VIDEO, MediaKind.VIDEO)
        url = await public_url(desk, group)
        answer = await web.get(url, headers={"range": asked})
        part = VIDEO[start:end]
        assert answer.content == part
        if part == VIDEO:
            assert answer.status_code == 200
            continue
        first = start if start >= 0 else len(VIDEO) + start
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {first}-{first + len(part) - 1}/{len(VIDEO)}"
        assert answer.headers["content-length"] == str(len(part))
        etag = answer.headers["etag"]
        assert (await web.get(url, headers={"range": asked, "if-range": etag})).status_code == 206
        whole = await web.get(url, headers={"range": asked, "if-range": '"another"'})
        assert (whole.status_code, whole.content) == (200, VIDEO)


NO_RANGES = ["bytes=0-1,5-6", "bytes=", "bytes=-", "items=0-5", "bytes=9-3", "bytes=x-y"]


async def test_a_range_that_says_nothing_is_all_of_it(desk: Desk, web: httpx.AsyncClient) -> None:
    for asked in NO_RANGES:
        group = await desk.draft()
        await put(web, desk, group, PICTURE)
        answer = await web.get(await public_url(desk, group), headers={"range": asked})
        assert answer.status_code == 200
        assert "content-range" not in answer.headers


async def test_a_range_beyond_the_end_is_said_to_be(desk: Desk, web: httpx.AsyncClient) -> None:
    group = await desk.draft()
    await put(web, desk, group, VIDEO, MediaKind.VIDEO)
    for asked in (f"bytes={len(VIDEO)}-", "bytes=-0"):
        answer = await web.get(await public_url(desk, group), headers={"range": asked})
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{len(VIDEO)}")


async def test_a_network_fetches_an_image_as_it_takes_it(desk: Desk, web: httpx.AsyncClient) -> None:
    group = await desk.draft()
    await put(web, desk, group, encoded(noise((2400, 1200)), "BMP"))
    limits = desk.house.services.posts._connections.images_of("bluesky")
    assert limits is not None
    (item,) = (await desk.view(group)).media
    source = await desk.services.media.file(item, "bluesky")
    assert (source.content_type, source.width, source.height) == ("image/jpeg", 2000, 1000)
    url = await source.url()
    answer = await web.get(url)
    assert answer.content == await source.read() == b"".join([chunk async for chunk in source.chunks()])
    assert answer.headers["content-type"] == "image/jpeg"
    assert len(answer.content) == source.size_bytes <= limits.max_bytes
    assert answer.headers["content-disposition"].endswith("a.jpg")
    part = await web.get(url, headers={"range": "bytes=10-19"})
    assert part.content == answer.content[10:20]


async def test_an_address_for_a_network_is_signed_and_expires(desk: Desk, web: httpx.AsyncClient) -> None:
    group = await desk.draft()
    await put(web, desk, group, PICTURE)
    url = await public_url(desk, group)
    assert urlsplit(url).path.endswith("/a.png")
    assert (await web.get(url)).status_code == 200
    query = httpx.URL(url).params
    for changed in (
        {"for": "mastodon"},
        {"for": ""},
        {"expires": "9999999999999"},
        {"signature": "0" * 64},
        {"for": "Ä"},
    ):
        assert (await web.get(httpx.URL(url, params=query.merge(changed)))).status_code == 404, changed
    await desk.advance(6 * 3600 + 1)
    assert (await web.get(url)).status_code == 404


async def test_what_was_deleted_is_not_fetched_any_more(desk: Desk, web: httpx.AsyncClient) -> None:
    group = await desk.draft()
    await put(web, desk, group, PICTURE)
    url = await public_url(desk, group)
    await desk.services.posts.delete(desk.caller, group.id)
    assert (await web.get(url)).status_code == 404
