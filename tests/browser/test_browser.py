from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.parts.browser import Unwatched, Visit, Watch, axe, fits, shoot
from tests.servers import Server

_BAD = "<!doctype html><html lang=en><title>Bad</title><main><h1>Bad</h1><input></main>"
_WIDE = """<!doctype html><meta name=viewport content="width=device-width"><title>Wide</title>
<div style="width:500px">too wide</div>"""


async def test_what_a_page_may_not_do_is_seen(visit: Visit, watch: Watch) -> None:
    page = await visit("", phone=True)
    await page.set_content(_BAD)
    with pytest.raises(AssertionError, match="label"):
        await axe(page)
    await page.set_content(_WIDE)
    with pytest.raises(AssertionError, match="wider than its window"):
        await fits(page)
    await page.evaluate("fetch('https://elsewhere.example/').catch(() => 0)")
    with pytest.raises(Unwatched, match="left this machine: https://elsewhere.example/"):
        watch.check()
    watch.expect("elsewhere.example")
    watch.expect("ERR_")
    await page.evaluate("setTimeout(() => { throw new Error('a mistake') })")
    await page.wait_for_timeout(50)
    with pytest.raises(Unwatched, match="a mistake"):
        watch.check()
    watch.expect("a mistake")


async def test_the_pages_that_need_no_signing_in_are_for_everybody(visit: Visit, server: Server, watch: Watch) -> None:
    watch.expect("status of 404")
    async with httpx.AsyncClient(headers={"X-API-KEY": server.line["key"]}) as client:
        soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        wish = {"type": "create", "providers": "*", "expiresOn": soon, "api_url": server.line["postpress"]}
        link = await client.post(server.line["postpress"] + "/v1/hosted/accounts/link", json=wish)
    page = await visit("", phone=True)
    for name, address in {"api-docs": "/api/docs", "hosted-link": link.json()["url"], "nowhere": "/nowhere"}.items():
        await page.goto(address)
        await shoot(page, name)
        await fits(page)
        await axe(page)
