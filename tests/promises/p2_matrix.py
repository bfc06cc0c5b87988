"""P2 over Matrix: what the homeserver refused leaves every row about the message as it was, byte for byte."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from postroom.domain.messages import Message
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    NotSupported,
    PostroomError,
    ProviderDown,
    RateLimited,
    Refused,
    Unprocessable,
)
from tests.promises.matrix_scene import MatrixScene
from tests.promises.matrix_scene import the_matrix_scene as the_matrix_scene
from tests.promises.p2_network_first import bytes_of

pytestmark = pytest.mark.promise("P2")


def errcode(status: int, code: str, **more: Any) -> dict[str, Any]:
    return {"status": status, "body": {"errcode": code, "error": "scripted", **more}}


REFUSALS: dict[str, tuple[dict[str, Any], type[PostroomError]]] = {
    "not permitted": (errcode(403, "M_FORBIDDEN"), Refused),
    "not found, and still there": (errcode(404, "M_NOT_FOUND"), Refused),
    "not understood, and still there": (errcode(400, "M_UNKNOWN"), Refused),
    "unusable": (errcode(413, "M_TOO_LARGE"), Unprocessable),
    "another path": (errcode(404, "M_UNRECOGNIZED"), Refused),
    "too many": (errcode(429, "M_LIMIT_EXCEEDED", retry_after_ms=1500), RateLimited),
    "an owner's turn": ({"challenge": True}, ActionRequired),
    "a failure, and still there": ({"status": 502}, ProviderDown),
    # The last: it ends the session.
    "a session that has ended": ({"expired_session": True}, CredentialsRejected),
}


async def test_what_the_homeserver_refuses_changes_no_row(scene: MatrixScene) -> None:
    message = await scene.sent()
    before = await bytes_of(scene)
    for name, (do, error) in REFUSALS.items():
        await scene.refuse("redact", do)
        await scene.forget_calls()
        with pytest.raises(error) as caught:
            await scene.recall(message)
        assert len(await scene.calls("redact")) == 1, name
        if name == "too many":
            assert caught.value.retry_after_seconds == 1.5
        assert await bytes_of(scene) == before, name
        if error is ActionRequired:
            # Its owner has done it.
            await scene.link_again()
    assert {row["outcome"] for row in await scene.intents()} == {"refused"}
    assert scene.seen()[-1]["content"]["body"] == "From here."


Change = Callable[[MatrixScene, Message], Awaitable[object]]
CHANGES: dict[str, Change] = {
    "edit": lambda scene, message: scene.services.messages.edit(scene.caller, message.id, "Otherwise."),
    "react": lambda scene, message: scene.services.messages.react(scene.caller, message.id, "👍"),
    "send": lambda scene, message: scene.sent("Once more."),
}


async def test_other_writes_that_are_refused_change_no_row(scene: MatrixScene) -> None:
    message = await scene.sent()
    before = await bytes_of(scene)
    for operation, change in CHANGES.items():
        for name in ("not permitted", "unusable", "too many"):
            do, error = REFUSALS[name]
            await scene.refuse(operation, do)
            with pytest.raises(error):
                await change(scene, message)
            assert await bytes_of(scene) == before, (operation, name)
    assert len(scene.seen()) == 1


async def test_what_is_refused_before_the_call_changes_no_row(scene: MatrixScene) -> None:
    theirs = scene.bea.send(scene.room, "Not yours.")
    await scene.sync(scene.account)
    message = next(held for held in await scene.messages() if held.key == theirs)
    before = await bytes_of(scene)
    await scene.forget_calls()
    for refused in (scene.recall(message), scene.services.messages.edit(scene.caller, message.id, "Mine.")):
        with pytest.raises(Refused):
            await refused
    assert await scene.calls() == []
    scene.bea.call(
        "PUT", f"client/v3/rooms/{scene.room}/state/m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}
    )
    with pytest.raises(NotSupported, match="encrypted from end to end"):
        await scene.sent("In the clear.")
    assert await bytes_of(scene) == before
    assert await scene.calls("send", "redact", "edit") == []
