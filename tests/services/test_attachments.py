"""Files that are fetched from an address: from good ones only, once for one key, and nothing half done."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from postroom.connectors.http import Http
from postroom.domain.access import Caller
from postroom.domain.posts import GroupStatus, PostGroup
from postroom.errors import Conflict, InvalidParameters, NotFound, RateLimited
from tests.desk import PICTURE, Desk

HOUR = 3_600_000
NO_OBJECT = "file must be a file object with download_url and file_id, not a local path or base64 string"
GOOD = "https://files.example.org/a.png"
Serve = Callable[[httpx.Request], httpx.Response]


def serving(desk: Desk, serve: Serve) -> list[str]:
    """The far side answers so; the addresses that it is asked for."""
    asked: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return serve(request)

    desk.services.attachments._fetching = Http(transport=httpx.MockTransport(handle))
    return asked


def picture(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, content=PICTURE)


async def attach(desk: Desk, group: PostGroup, url: str = GOOD, caller: Caller | None = None) -> PostGroup:
    return await desk.services.attachments.attach(caller or desk.caller, group.id, url, "a.png")


async def test_a_file_is_fetched_attached_and_published_with_its_group(desk: Desk) -> None:
    asked = serving(desk, picture)
    group = await desk.draft("With a picture", at=desk.now_ms() + HOUR)
    draft = await attach(desk, group)
    assert (draft.status, draft.scheduled_at, asked) == (GroupStatus.DRAFT, group.scheduled_at, [GOOD])
    (item,) = (await desk.view(group)).media
    assert (item.file_name, item.content_type, item.size_bytes) == ("a.png", "image/png", len(PICTURE))
    assert (await desk.services.attachments.complete(desk.caller, item.id)).id == item.id
    await desk.schedule(group)
    await desk.work()
    assert (await desk.view(group)).group.status is GroupStatus.PUBLISHED


@pytest.mark.parametrize(
    "url",
    [
        "http://files.example.org/a.png",
        "https://user:secret@files.example.org/a.png",
        "https://files.example.org:8443/a.png",
        "ftp://files.example.org/a.png",
        "file:///etc/passwd",
        "https://",
        "https://[::1",
        "nonsense",
    ],
)
async def test_only_plain_https_addresses_are_fetched(desk: Desk, url: str) -> None:
    asked = serving(desk, picture)
    group = await desk.draft()
    with pytest.raises(InvalidParameters):
        await attach(desk, group, url)
    assert (asked, (await desk.view(group)).media) == ([], [])


async def test_an_address_of_this_machine_is_not_called(desk: Desk) -> None:
    group = await desk.draft()
    for url in (
        "https://10.0.0.1/a.png",
        "https://169.254.169.254/latest/meta-data",
        "https://metadata.google.internal/",
    ):
        with pytest.raises(InvalidParameters) as caught:
            await attach(desk, group, url)
        assert caught.value.context["code"] == "MEDIA_URL_BLOCKED_HOST"
    assert (await desk.view(group)).media == []


@pytest.mark.parametrize(
    ("serve", "code"),
    [
        (lambda _: httpx.Response(404), "MEDIA_URL_HTTP_ERROR"),
        (lambda _: httpx.Response(200, content=b"<html>"), "MEDIA_URL_UNSUPPORTED_FORMAT"),
        (lambda _: httpx.Response(200, content=PICTURE[:60]), "PROBE_FAILED"),
        (lambda _: httpx.Response(302, headers={"location": GOOD}), "MEDIA_URL_HTTP_ERROR"),
    ],
)
async def test_where_nothing_good_comes_the_group_is_as_it_was(desk: Desk, serve: Serve, code: str) -> None:
    serving(desk, serve)
    group = await desk.draft(at=desk.now_ms() + HOUR)
    with pytest.raises(InvalidParameters) as caught:
        await attach(desk, group)
    assert caught.value.context["code"] == code
    view = await desk.view(group)
    assert (view.media, view.group.status, view.group.scheduled_at) == ([], GroupStatus.SCHEDULED, group.scheduled_at)
    await desk.settle()
    assert desk.files() == set()


async def test_a_redirect_is_judged_anew(desk: Desk) -> None:
    def onward(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/a.png":
            return httpx.Response(302, headers={"location": "/b.png"})
        return httpx.Response(302, headers={"location": "http://files.example.org/c.png"})

    asked = serving(desk, onward)
    with pytest.raises(InvalidParameters):
        await attach(desk, await desk.draft())
    assert asked == [GOOD, "https://files.example.org/b.png"]


async def test_a_group_of_anothers_or_one_that_goes_out_gets_no_file(desk: Desk) -> None:
    asked = serving(desk, picture)
    group = await desk.draft()
    with pytest.raises(NotFound):
        await attach(desk, group, caller=desk.built.other)
    gone = await desk.due()
    await desk.work()
    with pytest.raises(InvalidParameters):
        await attach(desk, gone)
    begun = await desk.due()
    async with desk.house.database.begin() as tx:
        await tx.execute("update posts set status = 'processing' where group_id = $1", begun.id)
    with pytest.raises(Conflict):
        await attach(desk, begun)
    assert asked == []


async def test_sixty_files_an_hour_are_fetched_for_a_user(desk: Desk) -> None:
    serving(desk, lambda _: httpx.Response(404))
    group = await desk.draft()
    for _ in range(60):
        with pytest.raises(InvalidParameters):
            await attach(desk, group)
    with pytest.raises(RateLimited) as caught:
        await attach(desk, group)
    assert caught.value.retry_after_seconds is not None
    await desk.advance(3601)
    with pytest.raises(InvalidParameters):
        await attach(desk, group)


async def test_a_retry_with_a_fresh_address_attaches_the_file_once(desk: Desk) -> None:
    asked = serving(desk, picture)
    group = await desk.draft()
    transport = httpx.ASGITransport(app=desk.house.app)
    headers = {"x-publora-key": desk.built.kept.key, "idempotency-key": "attach-once"}

    def body(number: int, **more: Any) -> str:
        return json.dumps({"file": {"download_url": f"{GOOD}?signature={number}", "file_id": "file-1"}, **more})

    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1", headers=headers) as client:
        address = f"/postpost/api/v1/attach-media/{group.id}"
        first = await client.post(address, content=body(1))
        again = await client.post(address, content=body(2))
        other = await client.post(address, content=body(2, fileName="b.png"))
        assert (first.status_code, first.json()["postGroup"]["status"]) == (200, "draft"), first.text
        assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
        assert (other.status_code, other.json()["code"]) == (422, "IDEMPOTENCY_KEY_CONFLICT")
        assert len(asked) == 1
        for wrong, sentence in (
            (body(3, status="draft"), "Only file and fileName are accepted; attaching media leaves the post in draft"),
            ('{"file": "/mnt/a.png"}', NO_OBJECT),
            ('{"file": {"file_id": "a"}}', "file.download_url must be a non-empty string"),
            (body(3, fileName=" "), "fileName must be a non-empty string of at most 255 characters"),
            (body(3, fileName=".."), "fileName must contain a valid file name"),
        ):  # fmt: skip
            answer = await client.post(address, content=wrong, headers={"idempotency-key": sentence[:20]})
            assert (answer.status_code, answer.json()) == (400, {"error": sentence, "code": "INVALID_MEDIA_FILE"})
        malformed = await client.post(
            "/postpost/api/v1/attach-media/short", content=body(4), headers={"idempotency-key": "m"}
        )
        assert malformed.json() == {"error": "Invalid post group ID"}
        serving(desk, lambda _: httpx.Response(403))
        failed = await client.post(address, content=body(5), headers={"idempotency-key": "another"})
        assert (failed.status_code, failed.json()["error"]) == (400, "Media ingestion failed")
        assert failed.json()["mediaResults"][0]["code"] == "MEDIA_URL_HTTP_ERROR"
