"""What LinkedIn's web client does with messages and conversations beside sending and recalling.

Source: requests as published clients send them, checked 2026-11-20.
"""

from urllib.parse import quote

from postroom.connectors.linkedin.api import CONVERSATIONS, MESSAGES, Json, Voyager
from postroom.connectors.linkedin.people import as_object
from postroom.domain.chats import ChatMark
from postroom.errors import ErrorCode, InvalidParameters, Kind, Refused

INMAIL_SUBJECT, INMAIL_TEXT = 200, 2000
CATEGORIES = {ChatMark.ARCHIVED: "ARCHIVE", ChatMark.STARRED: "STARRED"}


async def edit(api: Voyager, message_urn: str, text: str) -> None:
    """Another text for a message of one's own, within an hour."""
    body = {"patch": {"$set": {"body": {"text": text, "attributes": []}}}}
    path = f"{MESSAGES}/{quote(message_urn, safe=':=')}"
    await api.act("edit", path, body, content_type="application/json; charset=utf-8")


async def react(api: Voyager, message_urn: str, emoji: str, *, on: bool) -> None:
    """Never by leaving out which way: the same emoji once more may take it back."""
    action, operation = ("reactWithEmoji", "react") if on else ("unreactWithEmoji", "unreact")
    await api.act(operation, f"{MESSAGES}?action={action}", {"messageUrn": message_urn, "emoji": emoji})


async def mark_read(api: Voyager, chat_urn: str, *, on: bool) -> None:
    """Raises:
    Refused: LinkedIn says by its answer that it did not.
    """
    body = {"entities": {chat_urn: {"patch": {"$set": {"read": on}}}}}
    told = as_object(await api.act("mark_read", f"{CONVERSATIONS}?ids=List({quote(chat_urn, safe='')})", body))
    if as_object(told.get("errors")):
        raise Refused("LinkedIn did not mark the conversation.", code=ErrorCode.MALFORMED_REQUEST)


async def categorise(api: Voyager, chat_urn: str, category: str, *, on: bool) -> None:
    """Put a conversation into one of LinkedIn's folders, or out of it."""
    body = {"conversationUrns": [chat_urn], "category": category}
    await api.act("category", f"{CONVERSATIONS}?action={'add' if on else 'remove'}Category", body)


async def answer_request(api: Voyager, chat_urn: str, *, accept: bool) -> None:
    """Answer somebody's request to talk. Not seen in a published client: a patch as that of the title."""
    body = {"patch": {"$set": {"state": "ACCEPTED" if accept else "DECLINED"}}}
    path = f"{CONVERSATIONS}/{quote(chat_urn, safe=':=')}"
    await api.act("answer_request", path, body, content_type="application/json; charset=utf-8")


def inmail(subject: str | None, text: str, people: int) -> dict[str, Json]:
    """What makes the first message to somebody an InMail.

    Raises:
        InvalidParameters: LinkedIn takes no such InMail; nobody was called.

    Source: LinkedIn Help "InMail message limits", and requests of published clients, checked 2026-11-21.
    """
    if people != 1:
        raise InvalidParameters("An InMail is for one person.", kind=Kind.ATTENDEE)
    if not subject or not subject.strip():
        raise InvalidParameters("An InMail needs a subject.", code=ErrorCode.MISSING_PARAMETERS)
    if len(subject) > INMAIL_SUBJECT or len(text) > INMAIL_TEXT:
        raise InvalidParameters(
            f"An InMail has at most {INMAIL_SUBJECT} characters of subject and {INMAIL_TEXT} of text.",
            code=ErrorCode.TOO_MANY_CHARACTERS,
        )
    union: Json = {"messageCreateContentUnion": {"premiumInMail": {}}}
    return {"hostMessageCreateContent": {"com.linkedin.voyager.dash.messaging.MessageCreateContent": union}}


async def show_typing(api: Voyager, chat_urn: str) -> None:
    """Shown for some seconds; there is no taking back."""
    await api.act("typing", f"{CONVERSATIONS}?action=typing", {"conversationUrn": chat_urn})
