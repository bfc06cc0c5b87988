"""The answers have the fields that hand-written examples of the wire have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.sim.simulation import DECORATED, MESSAGES, Member

FIXTURES = Path(__file__).parent / "fixtures" / "linkedin"


def example(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


def differences(wanted: Any, actual: Any, where: str = "") -> list[str]:
    """Where actual lacks a field of the example or has another JSON type there; null in the example allows anything."""
    if wanted is None:
        return []
    if isinstance(wanted, bool) or not isinstance(wanted, int | float):
        if type(wanted) is not type(actual):
            return [f"{where}: {actual!r} is no {type(wanted).__name__}"]
    elif not isinstance(actual, int | float):
        return [f"{where}: {actual!r} is no number"]
    if isinstance(wanted, dict):
        missing = [f"{where}.{name} is missing" for name in wanted if name not in actual]
        parts = [differences(wanted[name], actual[name], f"{where}.{name}") for name in wanted if name in actual]
        return missing + [item for part in parts for item in part]
    if isinstance(wanted, list) and wanted and actual:
        return differences(wanted[0], actual[0], f"{where}[0]")
    return []


async def test_me(ada: Member) -> None:
    answer = (await ada.get("/voyager/api/me")).json()
    assert not differences(example("me"), answer)
    assert len(ada.id) == 39
    assert ada.id.startswith("ACoAA")


async def test_conversations_and_participants(ada: Member) -> None:
    page = await ada.conversations()
    assert page["metadata"]["newSyncToken"]
    for element in page["elements"]:
        assert not differences(example("conversation"), element)
        for participant in element["conversationParticipants"]:
            assert not differences(example("participant"), participant)


async def test_messages(ada: Member) -> None:
    conversation = await ada.conversation_with("Bea")
    newest = (await ada.messages(conversation["entityUrn"]))["elements"]
    older = await ada.messages(conversation["entityUrn"], f",deliveredAt:{newest[-1]['deliveredAt']},countBefore:20")
    for message in newest + older["elements"]:
        assert not differences(example("message"), message)
        assert "participantType" not in message["sender"]


async def test_every_kind_of_attachment_occurs(ada: Member) -> None:
    seen: dict[str, Any] = {}
    for conversation in (await ada.conversations())["elements"]:
        found = await ada.messages(conversation["entityUrn"], ",deliveredAt:9999999999999,countBefore:100,countAfter:0")
        for message in found["elements"]:
            for union in message["renderContent"]:
                seen |= {name: value for name, value in union.items() if value and not name.startswith("_")}
    for name, wanted in example("attachments").items():
        assert not differences(wanted, seen[name], name)


async def test_send_and_upload(ada: Member) -> None:
    conversation = await ada.conversation_with("Bea")
    answer = await ada.post(f"{MESSAGES}?action=createMessage", ada.draft("Hello", conversation["entityUrn"]))
    assert not differences(example("sent"), answer.json())
    wanted = {"mediaUploadType": "MESSAGING_FILE_ATTACHMENT", "fileSize": 3, "filename": "a.txt"}
    answer = await ada.post("/linkedin/voyager/api/voyagerVideoDashMediaUploadMetadata?action=upload", wanted)
    assert not differences(example("upload"), answer.json())


async def test_realtime_frames_of_both_ages(ada: Member) -> None:
    conversation = await ada.conversation_with("Bea")
    async with ada.listening() as modern, ada.listening(decorated=False) as old:
        await ada.send("Hello", conversation["entityUrn"])
        frame = await modern.next()
        assert not differences(example("event"), frame)
        result = frame[DECORATED]["payload"]["data"]["doDecorateMessageMessengerRealtimeDecoration"]["result"]
        assert not differences(example("message"), result)
        conversation_example = example("conversation")
        del conversation_example["messages"]
        assert not differences(conversation_example, result["conversation"])
        assert not differences(example("undecorated"), (await old.next())[DECORATED]["payload"])
