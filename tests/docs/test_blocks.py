"""Every block of every page can be read by what reads its language, and few are excused from being run."""

import pytest

from tests.docs.blocks import ROOT, blocks, pages
from tests.docs.checked import FILES, READERS, settings_in
from tests.docs.shell import is_run

PAGES = [str(page.relative_to(ROOT)) for page in pages()]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_is_what_it_says_it_is(page: str) -> None:
    for block in blocks(ROOT / page):
        assert block.language in READERS, f"{block.where}: {block.language or 'no language'}"
        try:
            READERS[block.language](block.text)
            settings_in(block.text)
        except Exception as error:
            raise AssertionError(f"{block.where}: {error}") from error


def test_blocks_that_are_not_run_are_rare_and_say_why() -> None:
    every = [block for page in pages() for block in blocks(page) if block.language in ("sh", "python")]
    excused = [block for block in every if block.excuse is not None]
    assert [block.where for block in excused if len(str(block.excuse)) < 10] == []
    assert len(excused) <= len(every) / 10, [block.where for block in excused]
    assert any(is_run(block) for block in every)


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_file_of_deploy_is_read_by_what_reads_it(name: str) -> None:
    text = (ROOT / "deploy" / name).read_text()
    READERS[FILES[name]](text)
    settings_in(text)


def test_every_file_of_deploy_is_checked_and_shown_by_the_guide() -> None:
    guide = (ROOT / "docs" / "howto" / "run-it-for-real.md").read_text()
    assert sorted(path.name for path in (ROOT / "deploy").iterdir()) == sorted(FILES)
    assert [name for name in FILES if f"<!-- include: ../../deploy/{name} as " not in guide] == []
