"""Drafts as records: byte offsets, keys that follow from a token, addresses that may be followed."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.connectors.bluesky import convert
from postroom.domain.remote import PostDraft

AT = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


def found(text: str) -> list[tuple[str, str]]:
    return [(span.kind, span.value) for span in convert.spans(text)]


SPANS = {
    "nothing": ("Just words.", []),
    "a link": ("See https://example.com/a?b=c#d now", [("link", "https://example.com/a?b=c#d")]),
    "a link at the end of a sentence": ("See https://example.com/a.", [("link", "https://example.com/a")]),
    "a link in brackets": ("(https://example.com/a)", [("link", "https://example.com/a")]),
    "a link that has brackets": ("https://example.com/a_(b)", [("link", "https://example.com/a_(b)")]),
    "a bare name is no link": ("example.com", []),
    "a scheme alone is no link": ("https://", []),
    "a mention": ("Hi @ada.test!", [("mention", "ada.test")]),
    "a mention at the end of a sentence": ("Thanks @ada.bsky.social.", [("mention", "ada.bsky.social")]),
    "an e-mail address is no mention": ("ada@ada.test", []),
    "one word is no handle": ("@ada", []),
    "a tag": ("#bees are #good.", [("tag", "bees"), ("tag", "good")]),
    "a tag in another script": ("#蜂 ＃蜂蜜", [("tag", "蜂"), ("tag", "蜂蜜")]),
    "a number is no tag": ("#1", []),
    "a tag inside a word": ("a#b", []),
    "a tag that is too long": ("#" + "a" * 65, []),
    "a keycap is no tag": ("#️⃣", []),
    "a tag inside a link": ("https://example.com/#bees", [("link", "https://example.com/#bees")]),
}


@pytest.mark.parametrize(("text", "expected"), SPANS.values(), ids=SPANS)
def test_what_is_more_than_text_is_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text) == expected


PIECES = st.sampled_from([*"aé🐝 #@.(/)\n", "👩‍🌾", "https://a.test/", "@ada.test", "#蜂"])


@given(st.lists(PIECES, max_size=20).map("".join))
def test_offsets_are_bytes_that_cut_no_character_and_overlap_nowhere(text: str) -> None:
    raw = text.encode()
    end = 0
    for span in convert.spans(text):
        assert end <= span.start < span.end <= len(raw)
        marked = raw[span.start : span.end].decode()
        assert marked.removeprefix("@").removeprefix("#").removeprefix("＃") == span.value
        end = span.end


def test_a_mention_of_nobody_stays_text() -> None:
    spans = convert.spans("@ada.test and @nobody.test")
    assert convert.facets(spans, {"ada.test": "did:plc:ada"}) == [
        {
            "index": {"byteStart": 0, "byteEnd": 9},
            "features": [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:ada"}],
        }
    ]


def test_a_record_is_the_same_on_every_attempt() -> None:
    draft = PostDraft(text="Hello", created_at=AT.astimezone(timezone(timedelta(hours=2))), settings={"langs": ["en"]})
    assert convert.record(draft, [], []) == {
        "$type": "app.bsky.feed.post",
        "text": "Hello",
        "createdAt": "2026-11-20T12:00:00.123Z",
        "langs": ["en"],
    }


@pytest.mark.parametrize("langs", ["en", 7, None, ["not a language", 5]])
def test_settings_that_make_no_sense_are_left_out(langs: Any) -> None:
    draft = PostDraft(text="Hello", created_at=AT, settings={"langs": langs})
    assert not convert.record(draft, [], []).get("langs")


@given(st.text(min_size=1, max_size=80))
def test_a_record_key_is_a_moment_in_the_past(token: str) -> None:
    key = convert.record_key(token)
    assert key == convert.record_key(token)
    assert len(key) == 13
    number = 0
    for letter in key:
        number = number << 5 | "234567abcdefghijklmnopqrstuvwxyz".index(letter)
    assert number < 1 << 63
    moment = datetime.fromtimestamp((number >> 10) / 1_000_000, UTC)
    assert datetime(2023, 1, 1, tzinfo=UTC) <= moment < datetime(2026, 1, 1, tzinfo=UTC)


def test_record_keys_do_not_meet() -> None:
    assert len({convert.record_key(f"token-{number}") for number in range(20_000)}) == 20_000


def test_a_record_key_never_changes() -> None:
    # Posts in flight are looked up under this key after an upgrade.
    assert convert.record_key("token-1") == "3l472o4abllld"


def session(endpoint: Any) -> Any:
    return {"didDoc": {"service": [{"id": "#atproto_pds", "serviceEndpoint": endpoint}]}}


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("https://morel.host.example", "https://morel.host.example"),
        ("https://morel.host.example/", "https://morel.host.example"),
        ("http://127.0.0.1:9/bluesky", "http://127.0.0.1:9/bluesky"),
        ("http://127.0.0.1:10", "http://127.0.0.1:9/start"),
        ("http://other.example", "http://127.0.0.1:9/start"),
        ("https://user:word@other.example", "http://127.0.0.1:9/start"),
        ("https://other.example?x=1", "http://127.0.0.1:9/start"),
        ("ftp://other.example", "http://127.0.0.1:9/start"),
        ("https://[broken", "http://127.0.0.1:9/start"),
        ("", "http://127.0.0.1:9/start"),
        (None, "http://127.0.0.1:9/start"),
    ],
)
def test_an_address_is_followed_over_https_or_where_one_signed_in(endpoint: Any, expected: str) -> None:
    assert convert.pds_of(session(endpoint), "http://127.0.0.1:9/start", trusted=True) == expected


def test_no_address_is_followed_where_that_is_switched_off() -> None:
    here = "https://bsky.social"
    assert convert.pds_of(session("https://morel.host.example"), here, trusted=False) == here


@pytest.mark.parametrize("document", [None, [], {}, {"service": None}, {"service": [None, {"id": 5}]}])
def test_a_document_of_any_shape_is_understood(document: Any) -> None:
    assert convert.pds_of({"didDoc": document}, "https://bsky.social/", trusted=True) == "https://bsky.social"
