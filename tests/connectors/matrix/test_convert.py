"""What Matrix events mean, where a real homeserver in good order would never show it."""

import json
from typing import Any

import pytest

from postroom.connectors.matrix import convert
from postroom.connectors.servers import server_address
from postroom.domain.messages import Audio, File, Image, Video
from postroom.domain.remote import RemoteMessage

ROOM, ADA, BEA = "!room:a.example", "@ada:a.example", "@bea:b.example"


def event(content: dict[str, Any], *, sender: str = ADA, type: str = "m.room.message", **more: Any) -> dict[str, Any]:
    return {
        "event_id": "$one",
        "type": type,
        "sender": sender,
        "origin_server_ts": 1_795_000_000_000,
        "content": content,
        **more,
    }


def message(tree: dict[str, Any]) -> RemoteMessage | None:
    return convert.message(tree, ROOM, ADA, {ADA: "Ada"}, {})


def shown(tree: dict[str, Any]) -> RemoteMessage:
    found = message(tree)
    assert found is not None
    return found


def with_edit(sender: str, type: str = "m.room.message") -> dict[str, Any]:
    edit = event({"body": "* b", "m.new_content": {"msgtype": "m.text", "body": "b"}}, sender=sender, type=type)
    return event({"msgtype": "m.text", "body": "a"}, unsigned={"m.relations": {"m.replace": edit}})


def test_an_edit_counts_from_the_messages_sender_only() -> None:
    assert (shown(with_edit(ADA)).text, shown(with_edit(ADA)).edited) == ("b", True)
    assert (shown(with_edit(BEA)).text, shown(with_edit(BEA)).edited) == ("a", False)
    assert shown(with_edit(ADA, "m.sticker")).text == "a"


def test_nothing_of_a_redacted_event_is_read_even_where_a_homeserver_still_shows_it() -> None:
    found = shown(event({"msgtype": "m.text", "body": "secret"}, unsigned={"redacted_because": {}}))
    assert found.recalled
    assert "secret" not in repr(found)


def test_an_answer_is_read_without_what_it_repeats() -> None:
    content = {
        "msgtype": "m.text",
        "body": f"> <{BEA}> secret\n> and more\n\nanswer\n> kept",
        "format": "org.matrix.custom.html",
        "formatted_body": "<MX-reply><blockquote>secret</blockquote></MX-reply>answer",
        "m.relates_to": {"m.in_reply_to": {"event_id": "$two"}},
    }
    found = shown(event(content))
    assert found.text == "answer\n> kept"
    assert "secret" not in repr(found)
    assert found.quote is not None
    assert (found.quote.key, found.quote.sender_id, found.quote.text) == ("$two", BEA, None)
    plain = shown(event({"msgtype": "m.text", "body": f"> <{BEA}> said\n\nso"}))
    assert plain.text == f"> <{BEA}> said\n\nso"


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        ({"msgtype": "m.image", "body": "a.png", "info": {"w": 3, "h": 2, "size": 9}}, Image, None),
        ({"msgtype": "m.image", "body": "Look", "filename": "a.png"}, Image, "Look"),
        ({"msgtype": "m.video", "body": "a.mp4", "filename": "a.mp4"}, Video, None),
        ({"msgtype": "m.audio", "body": "a.ogg", "info": {"duration": 1500}}, Audio, None),
        ({"msgtype": "m.file", "body": "a.pdf"}, File, None),
    ],
)
def test_files_are_attachments_and_captions_are_texts(content: dict[str, Any], kind: type, text: str | None) -> None:
    found = shown(event({**content, "url": "mxc://a.example/abc"}))
    (attachment,) = found.attachments
    assert (type(attachment), attachment.id, found.text) == (kind, "abc", text)
    assert not shown(event({**content, "url": "https://evil.example/abc"})).attachments
    sealed = shown(event({**content, "file": {"url": "mxc://a.example/abc"}}))
    assert [each.unavailable for each in sealed.attachments] == [True]


@pytest.mark.parametrize(
    "tree",
    [
        {},
        event({}, type="m.room.name"),
        event({"body": "x"}, state_key=""),
        {**event({"body": "x"}), "event_id": 7},
        {**event({"body": "x"}), "event_id": "one"},
        {**event({"body": "x"}), "sender": None},
        {**event({"body": "x"}), "origin_server_ts": "now"},
        event({"body": "x", "m.relates_to": {"rel_type": "m.replace", "event_id": "$two"}}),
    ],
)
def test_what_is_no_message_is_none(tree: dict[str, Any]) -> None:
    assert message(tree) is None


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {"body": 7, "msgtype": []},
        {"m.relates_to": "x", "body": {}},
        {"m.relates_to": {"m.in_reply_to": {"event_id": "two"}}},
        {"info": 3, "url": "mxc://a/b", "msgtype": "m.image"},
        {"info": {"size": -1, "w": True}, "url": "mxc://a/b", "msgtype": "m.image", "body": 1},
    ],
)
def test_whatever_a_client_puts_into_an_event_is_a_message_all_the_same(content: Any) -> None:
    found = shown({**event({}), "content": content, "unsigned": "x"})
    assert found.text is None
    json.loads(found.original)


def test_moments_that_cannot_be_do_not_lose_a_message() -> None:
    assert shown({**event({"body": "x"}), "origin_server_ts": 10**18}).sent_at.year == 9999
    assert shown({**event({"body": "x"}), "origin_server_ts": -5}).sent_at.year == 1970


def test_an_edit_of_a_file_keeps_the_file() -> None:
    was = {"msgtype": "m.image", "body": "a.png", "url": "mxc://a.example/abc", "m.relates_to": {}}
    made = convert.edit_content("$one", was, "Look")
    assert made["m.new_content"] == {
        "msgtype": "m.image",
        "body": "Look",
        "filename": "a.png",
        "url": "mxc://a.example/abc",
    }
    assert made["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$one"}


def test_homeservers_are_public_names() -> None:
    assert server_address("matrix.org") == "https://matrix.org"
    assert server_address("@ada:matrix.org") is None
    for text in ("localhost", "127.0.0.1", "http://matrix.org", "matrix.org:8448", "10.0.0.1"):
        assert server_address(text) is None
