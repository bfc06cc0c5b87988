"""Receipts: readable, checked where they are kept, and exported to be checked elsewhere."""

import re

from postroom.domain.chains import verify
from tests.desk import Desk
from tests.web.dashboard.browser import Browser, browser


async def unlinked(desk: Desk) -> str:
    """An account that is gone; its id."""
    account = (await desk.services.accounts.list(desk.caller, provider="linkedin")).items[0]
    await desk.services.accounts.unlink(desk.caller, account.id)
    await desk.work()
    await desk.services.chains.seal(desk.caller.workspace_id)
    return account.id


async def test_a_receipt_is_listed_found_read_and_in_its_place(desk: Desk, page: Browser) -> None:
    assert "Nothing was deleted yet" in (await page.get("/receipts")).text
    account_id = await unlinked(desk)
    listed = (await page.get("/receipts")).text
    assert "Account unlinked" in listed
    found = re.search(r"/receipts/rcp_\w+", listed)
    assert found is not None
    assert found.group() in (await page.get(f"/receipts?target={account_id}")).text
    assert "No receipt of that" in (await page.get("/receipts?target=acc_none")).text
    shown = (await page.get(found.group())).text
    for words in (account_id, "Key destroyed", "yes", "It says what it said when it was sealed"):
        assert words in shown


async def test_the_chain_is_checked_where_it_is_and_exported_whole(desk: Desk, page: Browser) -> None:
    assert "and empty" in (await page.get("/receipts/check")).text
    await unlinked(desk)
    assert "The chain is whole: each" in (await page.get("/receipts/check")).text
    answer = await page.get("/receipts/export")
    assert answer.headers["content-disposition"].startswith("attachment")
    report = verify(answer.content, desk.services.chains.public_key)
    assert (report.problems, report.receipts) == ([], 1)


async def test_a_receipt_that_somebody_changed_is_said_to_be_changed(desk: Desk, page: Browser) -> None:
    account_id = await unlinked(desk)
    async with desk.house.database.begin() as tx:
        await tx.execute("update receipts set target_id = 'acc_other' where target_id = $1", account_id)
    listed = (await page.get("/receipts")).text
    found = re.search(r"/receipts/rcp_\w+", listed)
    assert found is not None
    assert "It is not as it was when it was sealed." in (await page.get(found.group())).text
    assert "The chain is not whole" in (await page.get("/receipts/check")).text


async def test_receipts_are_their_owners(desk: Desk, page: Browser) -> None:
    await unlinked(desk)
    path = re.search(r"/receipts/rcp_\w+", (await page.get("/receipts")).text)
    assert path is not None
    other = browser(desk.built)
    await other.sign_in(desk.built.kept.other_key)
    assert (await other.get(path.group())).status_code == 404
    assert "Nothing was deleted yet" in (await other.get("/receipts")).text
    await other.close()
    user = await desk.services.access.add_managed_user(desk.caller, "somebody", None)
    _, key = await desk.services.access.issue_key(desk.caller.workspace_id, "Theirs", desk.caller.scopes, user.id)
    other = browser(desk.built)
    await other.sign_in(key)
    assert "/receipts/export" not in (await other.get("/receipts")).text
    for address in ("/receipts/check", "/receipts/export"):
        assert (await other.get(address)).status_code == 403
    await other.close()
