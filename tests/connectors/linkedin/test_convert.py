"""What LinkedIn's payloads become. `fixtures/` holds the payloads, by event; `golden/` what must come of them.

`POSTROOM_WRITE_GOLDEN=1` writes the golden files anew, to be read in the diff.
"""

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.connectors.linkedin import convert, realtime
from postroom.domain.remote import RemoteMessage
from postroom.errors import InvalidParameters

HERE = Path(__file__).parent
ME = "ACoAATPlQ0Bc8wdg-Iy8wZgEDuSdIVWJiE1Aio"
FIXTURES = sorted(path.stem for path in (HERE / "fixtures").glob("*.json"))


def fixture(name: str) -> Any:
    return json.loads((HERE / "fixtures" / f"{name}.json").read_text())


def converted(name: str) -> Any:
    tree = fixture(name)
    if name.startswith("message"):
        return convert.message(tree, ME)
    if name.startswith("chat"):
        return convert.chat(tree, ME)
    if name.startswith("sync"):
        return realtime.sync_events(tree, ME)
    return realtime.news(json.dumps(tree).encode(), ME)


def plain(value: Any) -> Any:
    """As JSON, with `original` as a tree so that it can be read."""
    tree = json.loads(msgspec.json.encode(value))
    for item in tree if isinstance(tree, list) else [tree]:
        for message in (item, (item or {}).get("message")):
            if isinstance(message, dict) and message.get("original"):
                message["original"] = json.loads(message["original"])
    return tree


@pytest.mark.parametrize("name", FIXTURES)
def test_a_payload_becomes_what_the_golden_file_says(name: str) -> None:
    golden = HERE / "golden" / f"{name}.json"
    found = plain(converted(name))
    if os.environ.get("POSTROOM_WRITE_GOLDEN"):
        golden.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    assert found == json.loads(golden.read_text())


@pytest.mark.parametrize("name", [name for name in FIXTURES if "recall" in name])
def test_nothing_of_a_recalled_message_is_read(name: str) -> None:
    assert "SHOULD NOT BE READ" not in json.dumps(plain(converted(name)))


def test_the_words_of_a_quoted_message_stand_in_the_quote_alone() -> None:
    message = converted("message-reply")
    assert message.quote.text == "The hive is full."
    assert "The hive is full." not in message.original
    assert "count.txt" not in message.original


def test_the_same_message_in_another_mailbox_has_the_same_key() -> None:
    tree = fixture("message-new")
    other = json.loads(json.dumps(tree).replace(ME, "ACoAAFpqSoMB8vTqRbg4mN_wbabO8w0gjgFu-6o"))
    seen, seen_by_other = convert.message(tree, ME), convert.message(other, ME)
    assert seen is not None
    assert seen_by_other is not None
    assert (seen.key, seen.chat_key, seen.provider_id) == (
        seen_by_other.key,
        seen_by_other.chat_key,
        seen_by_other.provider_id,
    )


def test_what_is_kept_of_a_payload_is_bounded() -> None:
    tree = fixture("message-new") | {"footer": {"text": "x" * 100_000}}
    message = convert.message(tree, ME)
    assert message is not None
    assert len(message.original) < convert.MAX_ORIGINAL_BYTES
    assert json.loads(message.original)["truncated"] is True
    assert json.loads(message.original)["entityUrn"] == tree["entityUrn"]


def test_what_is_kept_of_an_own_message_has_the_token_that_finds_it() -> None:
    message = converted("message-own")
    assert json.loads(message.original)["originToken"] == "5b0b1c9e-0000-4000-8000-000000000001"
    assert message.sender.is_self


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False, allow_infinity=False),
    lambda child: st.lists(child, max_size=3) | st.dictionaries(st.text(max_size=10), child, max_size=3),
    max_leaves=8,
)
PLACES = [
    (name, key)
    for name in ("message-attachments", "message-reply", "message-reactions-of-two", "chat-inmail")
    for key in fixture(name)
]


@given(place=st.sampled_from(PLACES), value=JSON)
def test_a_field_of_any_shape_breaks_nothing(place: tuple[str, str], value: Any) -> None:
    name, key = place
    tree = fixture(name) | {key: value}
    made = convert.message(tree, ME) if name.startswith("message") else convert.chat(tree, ME)
    if isinstance(made, RemoteMessage):
        msgspec.json.encode(made)


@given(tree=JSON)
def test_a_frame_of_any_shape_breaks_nothing(tree: Any) -> None:
    event = {
        "com.linkedin.realtimefrontend.DecoratedEvent": {"topic": "urn:li-realtime:messagesTopic:x", "payload": tree}
    }
    for frame in (tree, event):
        try:
            realtime.news(json.dumps(frame).encode(), ME)
        except InvalidParameters as error:
            raise AssertionError("a frame must never be the caller's fault") from error
