"""What X's timeline shows, as the text that was sent."""

from datetime import UTC, datetime
from typing import Any

import pytest

from postroom.connectors.twitter import convert
from postroom.domain.remote import PostDraft

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def draft(text: str, **more: Any) -> PostDraft:
    return PostDraft(text=text, created_at=NOW, **more)


def shown(text: str, *urls: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"id": "1", "text": text, **({"entities": {"urls": list(urls)}} if urls else {}), **more}


SHORT = {"url": "https://t.co/a", "expanded_url": "https://example.com/path", "display_url": "example.com/path"}
PICTURE = {
    "url": "https://t.co/p",
    "expanded_url": "https://x.com/ada/status/1/photo/1",
    "display_url": "pic.x.com/p",
    "media_key": "3_1",
}


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        ("Hello", shown("Hello")),
        ("Look: https://example.com/path!", shown("Look: https://t.co/a!", SHORT)),
        ("Look: example.com/path", shown("Look: https://t.co/a", SHORT | {"expanded_url": "http://example.com/path"})),
        ("https://example.com/path/", shown("https://t.co/a", SHORT)),
        ("Hello", shown("Hello https://t.co/p", PICTURE)),
        ("https://example.com/path", shown("https://t.co/a https://t.co/p", SHORT, PICTURE)),
        ("", shown("https://t.co/p", PICTURE)),
        ("Bees & <honey>", shown("Bees &amp; &lt;honey&gt;")),
        ("Cafe\u0301", shown("Café")),
        (" two\n lines ", shown("two\nlines")),
    ],
)
def test_a_post_is_known_again_by_its_text(sent: str, found: dict[str, Any]) -> None:
    assert convert.is_draft(found, draft(sent))


@pytest.mark.parametrize(
    "found",
    [
        shown("Hello there"),
        shown("Hello", referenced_tweets=[{"type": "replied_to", "id": "9"}]),
        {"id": "not an id", "text": "Hello"},
        {"text": "Hello"},
        None,
        [],
    ],
)
def test_another_post_is_not_taken_for_it(found: Any) -> None:
    assert not convert.is_draft(found, draft("Hello"))


def test_a_part_of_a_thread_is_known_by_what_it_answers() -> None:
    answering = shown("Hello", referenced_tweets=[{"type": "quoted", "id": "8"}, {"type": "replied_to", "id": "9"}])
    assert convert.is_draft(answering, draft("Hello", reply_to="9"))
    assert convert.is_draft(answering, draft("Hello", settings={"replyTo": "https://twitter.com/bea/status/9"}))
    assert not convert.is_draft(answering, draft("Hello", reply_to="10"))


@pytest.mark.parametrize(
    ("value", "id"),
    [
        ("1445880548472328192", "1445880548472328192"),
        (1445880548472328192, "1445880548472328192"),
        ("https://x.com/ada/status/12", "12"),
        ("https://twitter.com/ada/status/12?s=20", "12"),
        ("https://x.com/i/web/status/12", "12"),
        ("https://mobile.twitter.com/ada/status/12/photo/1", "12"),
        ("https://example.com/ada/status/12", None),
        ("ada", None),
        ("", None),
        (None, None),
        (["1"], None),
    ],
)
def test_posts_are_named_by_id_or_address(value: Any, id: str | None) -> None:
    assert convert.post_id(value) == id
