"""The inbox: chats and their messages, as all linked accounts have them together, live."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from postroom.domain.access import Scope
from postroom.domain.accounts import IN_USE, Account
from postroom.domain.chats import Attendee, Chat, ChatMark, name_of
from postroom.domain.messages import Message
from postroom.errors import InvalidParameters, Kind, NotImplementedHere
from postroom.services.threads import Room
from postroom.web.dashboard.messages import DRAWN
from postroom.web.dashboard.routes import get, post
from postroom.web.dashboard.visit import Visit

CHATS_ON_A_PAGE = 30
MESSAGES_ON_A_PAGE = 40
_MOST_NEW = 200
_MOST_PEOPLE = 250
_LONGEST_SNIPPET = 120
_BEFORE_FOUND = 20
_MOST_AT_ONCE = 250


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A chat in the list."""

    chat: Chat
    title: str
    account: Account | None
    snippet: str
    is_own: bool
    """Whether the newest message is the account's."""


def title_of(chat: Chat, people: Sequence[Attendee]) -> str:
    """What a chat is called."""
    return name_of(chat, people) or "Somebody"


async def show_inbox(visit: Visit) -> Response:
    """The list of chats; with `q`, where in them these words are."""
    words = visit.query.get("q", "").strip()
    return visit.page("inbox/inbox.html", room=None, **(await _sought(visit, words) if words else await _chats(visit)))


async def show_chats(visit: Visit) -> Response:
    """The list alone, or its next page."""
    return visit.part("inbox/_chats.html", **await _chats(visit))


async def show_chat(visit: Visit) -> Response:
    room = await visit.services.threads.room(visit.caller, visit.path["chat"])
    # Who comes from a search wants to see what was found, which may be further up.
    wanted, limit = visit.query.get("found"), MESSAGES_ON_A_PAGE if "found" not in visit.query else _MOST_AT_ONCE
    thread = await visit.services.threads.page(visit.caller, room.chat.id, limit=limit)
    values: dict[str, Any] = {
        **_about(visit, room),
        **DRAWN,
        "thread": thread,
        "further_up": wanted is not None and all(each.message.id != wanted for each in thread.entries),
        "sendings": await visit.services.threads.sendings(visit.caller, room.chat),
    }
    if visit.is_part:
        return visit.part("inbox/_thread.html", **values)
    return visit.page("inbox/inbox.html", **values, **await _chats(visit))


async def show_messages(visit: Visit) -> Response:
    """Earlier messages by `cursor`, or what came `since` a moment; what is shown already comes once more."""
    cursor, since, limit = visit.query.get("cursor"), None, MESSAGES_ON_A_PAGE
    if cursor is None:
        limit, since = _MOST_NEW, _number(visit.query.get("since", "0"))
    chat_id = visit.path["chat"]
    thread = await visit.services.threads.page(visit.caller, chat_id, cursor=cursor, since=since, limit=limit)
    return visit.part("inbox/_messages.html", thread=thread, chat_id=chat_id, earlier=cursor is not None, **DRAWN)


async def mark(visit: Visit) -> Response:
    try:
        what = ChatMark(visit.text("mark"))
    except ValueError:
        raise InvalidParameters("There is no such mark.") from None
    on = visit.text("on") != "no"
    chat = await visit.services.chats.mark(visit.caller, visit.path["chat"], what, on=on)
    return visit.go(f"/inbox/{chat.id}", _MARKED[what][on])


_MARKED: Mapping[ChatMark, tuple[str, str]] = {
    ChatMark.READ: ("It counts as not read.", "It is marked as read."),
    ChatMark.ARCHIVED: ("It is out of the archive.", "It is in the archive."),
    ChatMark.MUTED: ("It is not muted any more.", "It is muted."),
    ChatMark.PINNED: ("It is not pinned any more.", "It is pinned."),
    ChatMark.STARRED: ("It has no star any more.", "It has a star."),
    ChatMark.ACCEPTED: ("The request is declined.", "The request is accepted."),
}


async def show_new(visit: Visit) -> Response:
    return await _asked_new(visit)


async def begin_chat(visit: Visit) -> Response:
    """Somebody of the list, or any name that the network has for a person."""
    account_id, text = visit.text("account"), visit.text("text")
    account = await visit.services.accounts.get(visit.caller, account_id)
    people = [each for each in visit.texts("people") if each]
    named = visit.text("person")
    if named:
        people.append(await _person(visit, account, named))
    people = list(dict.fromkeys(people))
    chats = visit.services.chats
    title = visit.text("title") or None
    first = await chats.start(visit.caller, account.id, people, text, title=title if len(people) > 1 else None)
    return visit.go(f"/inbox/{first.chat_id}#{first.id}", "The chat has begun.")


async def _person(visit: Visit, account: Account, named: str) -> str:
    try:
        return (await visit.services.people.profile(visit.caller, account.id, named)).provider_id
    except NotImplementedHere:
        # Nothing is known of this network's people: it may know the name itself.
        return named


async def _asked_new(visit: Visit) -> Response:
    powers = visit.services.accounts.capabilities()
    held = (await visit.services.accounts.list(visit.caller, limit=250)).items
    able = [each for each in held if each.has_chats and each.status in IN_USE and powers[each.provider].start]
    chosen = next((each for each in able if each.id == visit.query.get("account")), able[0] if able else None)
    known: Sequence[Attendee] = ()
    if chosen is not None:
        found = await visit.services.attendees.list(visit.caller, account_id=chosen.id, limit=_MOST_PEOPLE)
        known = sorted(
            (each for each in found.items if not each.is_self and each.content.name),
            key=lambda each: each.content.name.casefold(),
        )
    starting = None if chosen is None else powers[chosen.provider].start
    return visit.page("inbox/new.html", accounts=able, chosen=chosen, known=known, starting=starting)


async def _chats(visit: Visit) -> dict[str, Any]:
    """The list of chats, as the address asks for it."""
    query, caller, services = visit.query, visit.caller, visit.services
    account_id, unread = query.get("account") or None, query.get("show") == "unread"
    starred = True if query.get("show") == "starred" else None
    held = (await services.accounts.list(caller, limit=250)).items
    found = await services.chats.list(
        caller,
        account_ids=None if account_id is None else [account_id],
        unread=True if unread else None,
        starred=starred,
        cursor=query.get("cursor"),
        limit=CHATS_ON_A_PAGE,
    )
    by_id = {account.id: account for account in held}
    newest, people = await services.chats.latest(caller, found.items), await services.chats.people(caller, found.items)
    rows = [
        Row(
            chat=chat,
            title=title_of(chat, people[chat.id]),
            account=by_id.get(chat.account_id),
            snippet=_snippet(newest.get(chat.id)),
            is_own=chat.id in newest and newest[chat.id].is_sender,
        )
        for chat in found.items
    ]
    return {
        "rows": rows,
        "cursor": found.next,
        "accounts": [each for each in held if each.has_chats],
        "filters": {"account": account_id or "", "show": query.get("show", ""), "q": ""},
        "chosen": query.get("chosen") or visit.path.get("chat", ""),
        "sought": None,
    }


async def _sought(visit: Visit, words: str) -> dict[str, Any]:
    """Where in the chats that the address names these words are."""
    query, services = visit.query, visit.services
    account_id, show = query.get("account") or None, query.get("show", "")
    found = await services.searching.search(
        visit.caller,
        words,
        account_id=account_id,
        unread=True if show == "unread" else None,
        starred=True if show == "starred" else None,
        cursor=query.get("cursor"),
    )
    held = (await services.accounts.list(visit.caller, limit=250)).items
    return {
        "sought": found,
        "finds": [(each, _around(each.message, words)) for each in found.hits],
        "accounts": [each for each in held if each.has_chats],
        "filters": {"account": account_id or "", "show": show, "q": words},
    }


def _around(message: Message, words: str) -> tuple[str, str, str]:
    """The words where a message has them, with what stands before and after."""
    for text in (message.content.text, message.content.subject):
        plain = " ".join((text or "").split())
        # As long as it is in small letters a text is not always: then its beginning will do.
        at = plain.casefold().find(words.casefold())
        if at >= 0 and len(plain.casefold()) == len(plain):
            end, start = at + len(words), max(0, at - _BEFORE_FOUND)
            before = ("…" if start else "") + plain[start:at]
            return before, plain[at:end], plain[end : end + _LONGEST_SNIPPET - _BEFORE_FOUND]
    return _snippet(message), "", ""


def _about(visit: Visit, room: Room) -> dict[str, Any]:
    return {
        "room": room,
        "title": title_of(room.chat, room.people),
        "usable": room.account.status in IN_USE,
        "may_send": visit.may(Scope.SEND) and room.powers.send is not None and not room.chat.read_only,
    }


def _snippet(message: Message | None) -> str:
    if message is None:
        return ""
    text = " ".join((message.content.text or message.content.subject or "").split())
    if not text and message.content.attachments:
        return "A file"
    return text[:_LONGEST_SNIPPET]


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise InvalidParameters("That is no moment.", kind=Kind.CURSOR)
    return int(text)


PAGES = (
    get("/inbox", show_inbox),
    get("/inbox/chats", show_chats),
    get("/inbox/new", show_new, Scope.SEND),
    post("/inbox/new", begin_chat, Scope.SEND),
    get("/inbox/{chat}", show_chat),
    get("/inbox/{chat}/messages", show_messages),
    post("/inbox/{chat}/marks", mark, Scope.SEND),
)
