"""The page of media: files, where they are used, and whether anything lies in the store that nobody needs."""

import re

from postroom.domain.access import Scope
from tests.desk import ANOTHER, PICTURE, Desk, pieces
from tests.web.dashboard.browser import Browser, browser


async def test_files_come_are_shown_with_where_they_are_used_and_go(page: Browser, desk: Desk) -> None:
    assert "No files yet" in (await page.get("/library")).text
    files = [
        ("upload", ("boats & co.png", PICTURE, "image/png")),
        ("upload", ("B\xe4ume \u6e2f.png", ANOTHER, "image/png")),
    ]
    assert (await page.do("/library/upload", files=files)).headers["location"] == "/library"
    first, second = [each.file for each in (await desk.services.library.list(desk.caller)).items]
    part = await page.do("/library/upload", files=files[:1], headers={"hx-request": "true"})
    assert ('name="file"' in part.text, "<html" in part.text) == (True, False)
    assert 'name="file"' in (await page.part(f"/library/choose?file={first.id}")).text
    group = await desk.draft("Uses a file")
    await desk.attach(group)
    shown = (await page.get("/library")).text
    assert ("In 1 post" in shown, f'href="/posts/{group.id}"' in shown, "boats  co.png" in shown) == (True, True, True)
    small = await page.get(f"/library/{first.id}/small")
    assert (small.status_code, small.headers["content-type"]) == (200, "image/png")
    whole = await page.get(f"/library/{second.id}/file")
    assert (whole.content in (PICTURE, ANOTHER), "attachment" in whole.headers["content-disposition"]) == (True, True)
    await page.do(f"/library/{second.id}/delete")
    await desk.settle()
    assert "0 orphans" in (await page.get("/library/figures")).text
    await desk.services.media.blobs.put(f"{desk.caller.workspace_id}/stray/bytes", pieces(b"nobody's"))
    assert "1 that nobody needs" in (await page.get("/library/figures")).text


async def test_a_browser_asks_each_time_whether_it_may_show_a_file_and_hears_when_it_is_deleted(page: Browser) -> None:
    await page.do("/library/upload", files={"upload": ("a.png", PICTURE, "image/png")})
    (place,) = set(re.findall(r'"(/library/[^"/]+)/small"', (await page.get("/library")).text))
    tags = {}
    for path in (f"{place}/small", f"{place}/file"):
        got = await page.get(path)
        tags[path] = got.headers["etag"]
        assert got.headers["cache-control"] == "private, no-cache"
        again = await page.get(path, if_none_match=f'"another", W/{tags[path]}')
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tags[path])
        assert again.headers["cache-control"] == "private, no-cache"
        assert (await page.get(path, if_none_match='"another"')).content == got.content
    assert len(set(tags.values())) == 2
    await page.do(f"{place}/delete")
    assert [(await page.get(path, if_none_match=tag)).status_code for path, tag in tags.items()] == [404, 404]


async def test_what_is_no_picture_is_refused_in_words_and_nobody_gets_at_anothers(page: Browser, desk: Desk) -> None:
    refused = await page.do("/library/upload", files={"upload": ("a.png", b"<html>", "image/png")})
    assert (refused.status_code, "a.png: These bytes are no image" in refused.text) == (415, True)
    assert (await page.do("/library/upload")).status_code == 400
    await page.do("/library/upload", files={"upload": ("a.png", PICTURE, "image/png")})
    (kept,) = (await desk.services.library.list(desk.caller)).items
    other = browser(desk.built)
    await other.sign_in(desk.built.kept.other_key)
    for path in (f"{kept.file.id}/small", f"{kept.file.id}/file", f"choose?file={kept.file.id}"):
        assert (await other.get(f"/library/{path}")).status_code == 404
    assert 'name="file"' not in (await other.get(f"/posts/new?file={kept.file.id}")).text
    assert (await other.do(f"/library/{kept.file.id}/delete")).status_code == 404
    scopes = frozenset({Scope.READ, Scope.PUBLISH})
    _, secret = await desk.services.access.issue_key(desk.caller.workspace_id, "writer", scopes)
    writer = browser(desk.built)
    await writer.sign_in(secret)
    assert (await writer.do(f"/library/{kept.file.id}/delete")).status_code == 403
    told = await writer.client.delete(f"/api/media/{kept.file.id}", headers={"x-api-key": secret})
    assert (told.status_code, told.json()["code"]) == (403, "insufficient_privileges")
    assert len((await desk.services.library.list(desk.caller)).items) == 1
    await other.close()
    await writer.close()
