"""An edit that was taken back, as a process sees it that never saw the edit."""

from postroom.connectors.matrix.api import Matrix
from postroom.connectors.matrix.timeline import Timeline
from postroom.domain.remote import MessageSeen, RemoteEvent
from tests import opened
from tests.connectors.matrix.test_timeline import ADA, CHAT, ROOM, event, redaction, told
from tests.connectors.wire import Wire, answer
from tests.scene import Scene
from tests.scene import the_scene as the_scene

TAKEN_BACK = answer(200, event("$edit", {}, unsigned={"redacted_because": {}}))
ONE = event("$one", {"body": "a", "msgtype": "m.text"})
EDIT = event("$edit", {"m.new_content": {"body": "canary-of-an-edit", "msgtype": "m.text"}})


def timeline(*script: object) -> Timeline:
    wire = Wire(*script)  # type: ignore[arg-type]
    return Timeline(Matrix(wire.http(tries=1), "https://a.example", "t"), ADA)


async def test_the_message_is_looked_at_again() -> None:
    found = await told([redaction("$edit")], TAKEN_BACK, answer(200, {"chunk": [ONE]}))
    assert any(isinstance(each, MessageSeen) and each.message.key == "$one" for each in found)


async def test_its_words_are_read_no_more(scene: Scene) -> None:
    account, ingest = await scene.linkedin(), scene.services.messages._ingest
    edited = event("$one", {"body": "a", "msgtype": "m.text"}, unsigned={"m.relations": {"m.replace": EDIT}})
    await ingest.take(account, await timeline().news(ROOM, [edited], {}, CHAT), origin="network")
    assert opened.where(await scene.rows(), "canary-of-an-edit")
    later = timeline(TAKEN_BACK, answer(200, {"chunk": [ONE]}))
    news: list[RemoteEvent] = [*await later.news(ROOM, [redaction("$edit")], {}, CHAT)]
    listed, *_ = await timeline(answer(200, {"chunk": [ONE]})).page(ROOM, None)
    news += [MessageSeen(message=message) for message in listed]
    await ingest.take(account, news, origin="network")
    assert opened.where(await scene.rows(), "canary-of-an-edit") == []
