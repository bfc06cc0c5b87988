"""What a room's events tell, where they are not what they seem."""

from typing import Any

from postroom.connectors.matrix.api import Matrix
from postroom.connectors.matrix.timeline import Timeline
from postroom.domain.remote import ChatKey, MessageGone, MessageSeen, ReactionChanged, RemoteChat
from tests.connectors.wire import Responder, Wire, answer

ROOM, ADA, BEA = "!room:a.example", "@ada:a.example", "@bea:b.example"
CHAT = RemoteChat(provider_id=ROOM, key=ChatKey(ROOM))


def event(id: str, content: dict[str, Any], type: str = "m.room.message", **more: Any) -> dict[str, Any]:
    return {"event_id": id, "type": type, "sender": BEA, "origin_server_ts": 1, "content": content, **more}


def redaction(of: str, **more: Any) -> dict[str, Any]:
    return event("$redaction", {"redacts": of}, "m.room.redaction", **more)


async def told(events: list[dict[str, Any]], *script: Responder) -> list[Any]:
    timeline = Timeline(Matrix(Wire(*script).http(tries=1), "https://a.example", "t"), ADA)
    return list(await timeline.news(ROOM, events, {}, CHAT))


async def test_a_redaction_that_was_not_done_is_not_believed() -> None:
    there = answer(200, event("$one", {"body": "still here"}))
    assert await told([redaction("$one")], there) == []
    gone = answer(200, event("$one", {}, unsigned={"redacted_because": {}}))
    assert await told([redaction("$one")], gone) == [MessageGone(key="$one", chat_key=CHAT.key)]  # type: ignore[arg-type]


async def test_a_redaction_is_read_in_either_place() -> None:
    missing = answer(404, {"errcode": "M_NOT_FOUND"})
    for named in (redaction("$one"), event("$r", {}, "m.room.redaction", redacts="$one")):
        assert [each.key for each in await told([named], missing)] == ["$one"]


async def test_what_is_said_and_taken_back_in_one_answer_ends_as_gone() -> None:
    gone = answer(200, event("$one", {}, unsigned={"redacted_because": {}}))
    first, last = await told([event("$one", {"body": "a", "msgtype": "m.text"}), redaction("$one")], gone)
    assert isinstance(first, MessageSeen)
    assert isinstance(last, MessageGone)


async def test_a_state_event_that_was_redacted_is_no_message() -> None:
    gone = answer(200, event("$one", {}, "m.room.topic", state_key="", unsigned={"redacted_because": {}}))
    assert await told([redaction("$one")], gone) == []


async def test_a_reaction_is_taken_back_as_it_was_made() -> None:
    relation = {"rel_type": "m.annotation", "event_id": "$one", "key": "👍"}
    made = event("$reaction", {"m.relates_to": relation}, "m.reaction")
    found = await told([made, redaction("$reaction")], answer(500))
    assert [(each.key, each.emoji, each.added) for each in found if isinstance(each, ReactionChanged)] == [
        ("$one", "👍", True),
        ("$one", "👍", False),
    ]


async def test_an_edit_that_was_taken_back_shows_the_text_of_before() -> None:
    edit = event("$edit", {"body": "* b", "m.relates_to": {"rel_type": "m.replace", "event_id": "$one"}})
    (seen,) = await told([edit, redaction("$edit")], answer(200, event("$one", {"body": "a", "msgtype": "m.text"})))
    assert (seen.message.text, seen.message.edited) == ("a", True)
