"""The overview: what waits for a person comes first."""

from tests.web.dashboard.browser import Browser


async def test_the_overview_says_that_all_is_well(page: Browser) -> None:
    answer = await page.get("/")
    assert answer.status_code == 200
    assert "All is well" in answer.text
    assert "<html" in answer.text


async def test_a_script_gets_what_stands_inside_the_page(page: Browser) -> None:
    answer = await page.part("/")
    assert "<html" not in answer.text
    assert 'id="attention"' in answer.text
