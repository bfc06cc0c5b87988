"""Texts with marks, chats as people write them, and what the network answers."""

from typing import Any

import pytest

from postroom.connectors.telegram import convert

MARKED: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "plain": ("Nothing here", "Nothing here", []),
    "bold": ("A *bold* word", "A bold word", [("bold", "bold")]),
    "italic": ("A _slanted_ word", "A slanted word", [("italic", "slanted")]),
    "code": ("Run `a * b * c` now", "Run a * b * c now", [("code", "a * b * c")]),
    "a block": ("```py\nx = 1\n```", "x = 1\n", [("pre", "x = 1\n")]),
    "a link": ("See [our page](https://example.com/a_b_c)", "See our page", [("text_link", "our page")]),
    "after an emoji": ("🐝🐝 *bees*", "🐝🐝 bees", [("bold", "bees")]),
    "several": ("*a* and *b*.", "a and b.", [("bold", "a"), ("bold", "b")]),
    "escaped": (r"\*not bold\* and 5\_6", "*not bold* and 5_6", []),
    "arithmetic": ("2 * 3 * 4", "2 * 3 * 4", []),
    "a snake": ("snake_case_name and __init__", "snake_case_name and __init__", []),
    "a name": ("@_ada_ #_b_", "@_ada_ #_b_", []),
    "an address": ("https://example.com/_a_/*b*", "https://example.com/_a_/*b*", []),
    "a list": ("* one\n* two", "* one\n* two", []),
    "not closed": ("*open and _open", "*open and _open", []),
    "over lines": ("*a\nb*", "*a\nb*", []),
    "no address": ("[words](javascript:x)", "[words](javascript:x)", []),
}


@pytest.mark.parametrize(("text", "plain", "expected"), MARKED.values(), ids=MARKED)
def test_marks_become_entities_that_count_as_telegram_counts(
    text: str, plain: str, expected: list[tuple[str, str]]
) -> None:
    found, entities = convert.formatted(text)
    units = found.encode("utf-16-le")
    named = [
        (entity["type"], units[2 * entity["offset"] : 2 * (entity["offset"] + entity["length"])].decode("utf-16-le"))
        for entity in entities
    ]
    assert (found, named) == (plain, expected)


def test_a_link_keeps_its_address_and_a_block_its_language() -> None:
    (link,) = convert.formatted("[a](https://example.com/b)")[1]
    assert link["url"] == "https://example.com/b"
    (block,) = convert.formatted("```py\nx\n```")[1]
    assert block["language"] == "py"


def test_a_long_text_of_marks_takes_no_long_time() -> None:
    assert convert.formatted("```" * 3000 + "*" * 3000 + "_a " * 3000)[0]


@pytest.mark.parametrize(
    ("written", "chat"),
    [
        ("@harbour_news", "@harbour_news"),
        (" -1001234567890 ", "-1001234567890"),
        ("12345", "12345"),
        ("https://t.me/harbour_news", "@harbour_news"),
        ("t.me/harbour_news/", "@harbour_news"),
        ("harbour news", None),
        ("https://t.me/+AbC", None),
        ("@a", None),
        ("", None),
    ],
)
def test_a_chat_is_read_as_people_write_it(written: str, chat: str | None) -> None:
    assert convert.chat_of(written) == chat


def message(number: int, chat_id: int = -1001234567890, **chat: Any) -> dict[str, Any]:
    return {"message_id": number, "chat": {"id": chat_id, **chat}}


@pytest.mark.parametrize(
    ("answer", "provider_id", "url"),
    [
        (message(7, username="harbour"), "-1001234567890:7", "https://t.me/harbour/7"),
        (message(7), "-1001234567890:7", "https://t.me/c/1234567890/7"),
        (message(7, -42), "-42:7", None),
        (message(7, 42), "42:7", None),
        ([message(7), message(8)], "-1001234567890:7,8", "https://t.me/c/1234567890/7"),
    ],
)
def test_a_post_is_named_by_its_chat_and_all_its_messages(answer: Any, provider_id: str, url: str | None) -> None:
    found = convert.published(answer)
    assert found is not None
    assert (found.provider_id, found.url) == (provider_id, url)
    place = convert.place(provider_id)
    assert place is not None
    assert f"{place.chat}:{','.join(map(str, place.messages))}" == provider_id


@pytest.mark.parametrize(
    "answer", [None, [], True, {"message_id": 1}, [message(1), {}], {"message_id": "1", "chat": {}}]
)
def test_an_answer_that_names_no_message_is_none(answer: Any) -> None:
    assert convert.published(answer) is None


@pytest.mark.parametrize("provider_id", ["", "-100", "-100:", ":1", "a:1", "-100:1,", "-100:1,x", "-100:-1", "-100:²"])
def test_what_names_no_post_is_none(provider_id: str) -> None:
    assert convert.place(provider_id) is None


ADMIN = {"status": "administrator", "can_post_messages": True}


@pytest.mark.parametrize(
    ("kind", "member", "good"),
    [
        ("channel", ADMIN, True),
        ("channel", {"status": "administrator"}, False),
        ("channel", {"status": "member"}, False),
        ("channel", {"status": "left"}, False),
        ("supergroup", {"status": "member"}, True),
        ("group", {"status": "creator"}, True),
        ("supergroup", {"status": "restricted", "can_send_messages": True}, True),
        ("supergroup", {"status": "restricted", "can_send_messages": False}, False),
        ("supergroup", {"status": "kicked"}, False),
    ],
)
def test_rights_are_known_before_anything_is_posted(kind: str, member: dict[str, Any], good: bool) -> None:
    assert (convert.problem({"type": kind}, member) is None) is good
