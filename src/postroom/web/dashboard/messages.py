"""What is done with messages in the inbox: sent, edited, reacted to, taken back, and undone while that can be."""

from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import Response, StreamingResponse

from postroom.domain.access import Scope
from postroom.domain.deferrals import Deferral, DeferralState
from postroom.domain.files import Upload
from postroom.domain.messages import Image
from postroom.errors import Conflict, InvalidParameters, OutcomeUnknown, ProviderError, Unavailable
from postroom.services.deferrals import LONGEST_GRACE_SECONDS
from postroom.web.dashboard.routes import Page, get, post
from postroom.web.dashboard.visit import Tone, Visit

GRACE_SECONDS = 10
EMOJIS = ("👍", "❤️", "😂", "😮", "😢", "🙏", "🎉", "👏")
# Why a recall that was asked did nothing, by what is on record of it.
REASONS = {
    "provider_error": "the network failed; nothing was changed, try again",
    "too_many_requests": "the network wants fewer requests; try again later",
    "service_unavailable": "the network could not be asked; try again",
    "no_client_session": "the network could not be asked; try again",
    "disconnected_account": "the session at the network is over; link the account again",
    "expired_credentials": "the session at the network is over; link the account again",
    "action_required": "the network wants the owner of the account to do something there first",
    "not done": "the network was read, and still shows it",
    "insufficient_permissions": "the network refused",
}
DRAWN: dict[str, Any] = {"reasons": REASONS, "editing": False, "why": None}
"""What the template of a message wants beside it."""
_MOST_FILES = 10
# Shown where they stand; whatever else a message brings is a file to keep.
_SHOWN_IN_PAGE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


async def show_message(visit: Visit) -> Response:
    return await shown(visit, visit.path["message"])


async def open_file(visit: Visit) -> Response:
    """A file of a message, from its network now: nothing of it is kept here, nor by the browser, which no recall reaches."""
    found, file = await visit.services.messages.open_attachment(visit.caller, visit.path["message"], visit.path["file"])
    inline = isinstance(found, Image) and file.content_type in _SHOWN_IN_PAGE
    headers = {"content-disposition": "inline" if inline else "attachment", "cache-control": "no-store"}
    if file.size_bytes is not None:
        headers["content-length"] = str(file.size_bytes)
    return StreamingResponse(file.chunks, headers=headers, media_type=file.content_type)


async def send(visit: Visit) -> Response:
    """Now, or after some seconds in which it can be undone; what has files goes now."""
    chat_id, text, grace = visit.path["chat"], visit.text("text"), _grace(visit)
    quote_id = visit.text("quote") or None
    files = [await _upload(each) for each in visit.files("files")]
    if grace and not files:
        made = await visit.services.deferrals.send(visit.caller, chat_id, text, grace_seconds=grace, quote_id=quote_id)
        return await _put_off(visit, made)
    sent = await visit.services.messages.send(visit.caller, chat_id, text, quote_id=quote_id, files=files)
    return await shown(visit, sent.id)


async def ask_edit(visit: Visit) -> Response:
    entry = await visit.services.threads.entry(visit.caller, visit.path["message"])
    if visit.is_part:
        return visit.part("inbox/_message.html", entry=entry, **(DRAWN | {"editing": True}))
    return visit.page("inbox/edit.html", entry=entry)


async def edit(visit: Visit) -> Response:
    edited = await visit.services.messages.edit(visit.caller, visit.path["message"], visit.text("text"))
    return await shown(visit, edited.id, "The message has its new text, for everyone.")


async def ask_reaction(visit: Visit) -> Response:
    entry = await visit.services.threads.entry(visit.caller, visit.path["message"])
    taken = None if entry.powers.react is None else entry.powers.react.emojis
    values: dict[str, Any] = {"entry": entry, "emojis": [each for each in EMOJIS if taken is None or each in taken]}
    return visit.part("inbox/_emojis.html", **values) if visit.is_part else visit.page("inbox/react.html", **values)


async def react(visit: Visit) -> Response:
    on = visit.text("on") != "no"
    found = await visit.services.messages.react(visit.caller, visit.path["message"], visit.text("emoji"), on=on)
    return await shown(visit, found.id)


async def ask_recall(visit: Visit) -> Response:
    """Whether it can be taken back, until when, and why not."""
    entry = await visit.services.threads.entry(visit.caller, visit.path["message"])
    if visit.is_part:
        return visit.part("inbox/_recall.html", entry=entry, grace=GRACE_SECONDS)
    return visit.page("inbox/recall.html", entry=entry, grace=GRACE_SECONDS)


async def recall(visit: Visit) -> Response:
    """What became of it is said as it is: done, refused in the network's words, or in doubt until it was read back."""
    message_id, grace = visit.path["message"], _grace(visit)
    try:
        if grace:
            made = await visit.services.deferrals.delete(visit.caller, message_id, grace)
            said = "" if made is not None else "It was taken back before."
            return await shown(visit, message_id, said)
        await visit.services.recalls.recall(visit.caller, message_id)
    except OutcomeUnknown as error:
        return await shown(visit, message_id, error.detail, "warn")
    except (ProviderError, Unavailable, Conflict) as error:
        return await shown(visit, message_id, error.detail, "bad", why=error.detail)
    return await shown(visit, message_id, "It is taken back, for everyone.")


async def show_deferral(visit: Visit) -> Response:
    """What was put off, as it now stands."""
    return await _put_off(visit, await visit.services.deferrals.get(visit.caller, visit.path["deferral"]))


async def undo(visit: Visit) -> Response:
    found = await visit.services.deferrals.get(visit.caller, visit.path["deferral"])
    visit.services.access.require(visit.caller, visit.services.deferrals.scope_of(found))
    said, tone = "Undone: nobody was called, and nobody will be.", "good"
    try:
        found = await visit.services.deferrals.undo(visit.caller, found.id)
    except Conflict as error:
        said, tone = error.detail, "warn"
        found = await visit.services.deferrals.get(visit.caller, found.id)
    return await _put_off(visit, found, said, tone)


async def _put_off(visit: Visit, found: Deferral, said: str = "", tone: Any = "good") -> Response:
    if found.message_id is not None:
        # What is to be taken back, or what was sent.
        return await shown(visit, found.message_id, said, tone, why=None if tone == "good" else said)
    if not visit.is_part:
        return visit.go(f"/inbox/{found.chat_id}", said or "It is sent in a moment.", tone)
    room = await visit.services.threads.room(visit.caller, found.chat_id)
    waiting = await visit.services.threads.sendings(visit.caller, room.chat)
    draft = next((each.draft for each in waiting if each.deferral.id == found.id), None)
    values: dict[str, Any] = {"deferral": found, "draft": draft, "over": found.state not in _OPEN}
    return visit.part("inbox/_sending.html", **values)


_OPEN = (DeferralState.WAITING, DeferralState.UNDER_WAY)


async def shown(
    visit: Visit, message_id: str, said: str = "", tone: Tone = "good", *, why: str | None = None
) -> Response:
    """A message as it now stands: in its place, or on the page of its chat.

    `said` is for a whole page: in its place a message itself shows what was done. `why` it was not is said there.
    """
    entry = await visit.services.threads.entry(visit.caller, message_id)
    if visit.is_part:
        return visit.part("inbox/_message.html", entry=entry, **(DRAWN | {"why": why}))
    return visit.go(f"/inbox/{entry.message.chat_id}#{message_id}", said, tone)


def _grace(visit: Visit) -> int:
    text = visit.text("grace") or "0"
    if not text.isascii() or not text.isdigit() or int(text) > LONGEST_GRACE_SECONDS:
        raise InvalidParameters(f"It can be put off by at most {LONGEST_GRACE_SECONDS} seconds.")
    return int(text)


async def _upload(file: UploadFile) -> Upload:
    content_type = file.content_type or "application/octet-stream"
    return Upload(name=file.filename or "file", content_type=content_type, data=await file.read())


_MESSAGE = "/inbox/messages/{message}"
PAGES = (
    get(_MESSAGE, show_message),
    get(f"{_MESSAGE}/files/{{file}}", open_file),
    Page(
        method="POST",
        path="/inbox/{chat}/send",
        handler=send,
        scope=Scope.SEND,
        most_bytes=32 << 20,
        most_files=_MOST_FILES,
    ),
    get(f"{_MESSAGE}/edit", ask_edit, Scope.SEND),
    post(f"{_MESSAGE}/edit", edit, Scope.SEND),
    get(f"{_MESSAGE}/react", ask_reaction, Scope.SEND),
    post(f"{_MESSAGE}/react", react, Scope.SEND),
    get(f"{_MESSAGE}/recall", ask_recall, Scope.DELETE),
    post(f"{_MESSAGE}/recall", recall, Scope.DELETE),
    get("/inbox/deferrals/{deferral}", show_deferral),
    post("/inbox/deferrals/{deferral}/undo", undo, Scope.READ),
)
