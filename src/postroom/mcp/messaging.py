"""Tools for messages, accounts and what became of deletions: over our own API."""

from typing import Any
from urllib.parse import quote

from postroom.domain.previews import DeletionKind
from postroom.mcp.deleting import TOKEN, TWO_STEPS, confirm, preview
from postroom.mcp.table import ADDS, CHANGES, DELETES, READS, Api, Arguments, Hints, Tool, choice, number, said, text

_MOST_SEARCHED = 1000
_A_PAGE = 250

_ACCOUNT = text("An account's id, such as acc_....")
_CHAT = text("A chat's id, such as chat_....")
_MESSAGE = text("A message's id, such as msg_....")
_CURSOR = text("`cursor` of the page before.")
_LIMIT = number("How many at most; 30 if not said.", 1, _A_PAGE)
_FEW = 30


def _at(*segments: str) -> str:
    # Nothing, and dots alone, are no id: on the way they would name what is above.
    return "".join("/" + (quote(each, safe="") if each.strip(".") else "_") for each in segments)


async def _list_accounts(api: Api, arguments: Arguments) -> Any:
    return await api.native("GET", "/accounts", {"limit": _FEW, **said(arguments, "provider", "limit", "cursor")})


async def _list_chats(api: Api, arguments: Arguments) -> Any:
    wanted = said(arguments, "account_id", "provider", "unread", "limit", "cursor")
    return await api.native("GET", "/chats", {"limit": _FEW, **wanted})


async def _read_chat(api: Api, arguments: Arguments) -> Any:
    where = _at("chats", arguments["chat_id"])
    page = await api.native("GET", where + "/messages", {"limit": _FEW, **said(arguments, "limit", "cursor")})
    chat = await api.native("GET", where)
    people = await api.native("GET", where + "/people")
    shown = [{name: each.get(name) for name in ("provider_id", "name", "is_self")} for each in people["items"]]
    return {"chat": chat, "people": shown, "messages": page["items"], "cursor": page["cursor"]}


async def _list_messages(api: Api, arguments: Arguments) -> Any:
    wanted = said(arguments, "account_id", "before", "after", "limit", "cursor")
    return await api.native("GET", "/messages", {"limit": _FEW, **wanted})


async def _search_messages(api: Api, arguments: Arguments) -> Any:
    needle = arguments["text"].casefold()
    found: list[Any] = []
    searched, cursor = 0, arguments.get("cursor")
    while searched < _MOST_SEARCHED and len(found) < _FEW:
        query = {"limit": _A_PAGE, "cursor": cursor, **said(arguments, "account_id")}
        page = await api.native("GET", "/messages", query)
        found += [each for each in page["items"] if needle in (each.get("text") or "").casefold()]
        searched, cursor = searched + len(page["items"]), page["cursor"]
        if cursor is None:
            break
    return {"items": found, "searched": searched, "cursor": cursor}


async def _get_message(api: Api, arguments: Arguments) -> Any:
    return await api.native("GET", _at("messages", arguments["message_id"]))


async def _send_message(api: Api, arguments: Arguments) -> Any:
    body = said(arguments, "text", "quote_id")
    if arguments.get("undo_seconds"):
        body["grace"] = arguments["undo_seconds"]
    return await api.native("POST", _at("chats", arguments["chat_id"], "messages"), body=body)


async def _undo(api: Api, arguments: Arguments) -> Any:
    return await api.native("POST", _at("deferrals", arguments["deferral_id"], "undo"))


async def _edit_message(api: Api, arguments: Arguments) -> Any:
    return await api.native("PATCH", _at("messages", arguments["message_id"]), body=said(arguments, "text"))


async def _react(api: Api, arguments: Arguments) -> Any:
    body = {"emoji": arguments["emoji"], "on": arguments.get("on", True)}
    return await api.native("POST", _at("messages", arguments["message_id"], "reactions"), body=body)


async def _preview(api: Api, arguments: Arguments) -> Any:
    return await preview(api, said(arguments, "kind", "id", "post_id", "platform_id"))


async def _confirm(api: Api, arguments: Arguments) -> Any:
    return await confirm(api, said(arguments, "kind", "id", "post_id", "platform_id"), arguments["token"])


async def _capabilities(api: Api, arguments: Arguments) -> Any:
    found = await api.native("GET", "/capabilities")
    wanted = arguments.get("provider")
    return {"items": [each for each in found["items"] if wanted in (None, each["name"])]}


async def _list_events(api: Api, arguments: Arguments) -> Any:
    if arguments.get("after") is None:
        position = await api.native("GET", "/events/position")
        return {"items": [], "position": position["position"], "note": "This is now: ask for what comes after it."}
    return await api.native("GET", "/events", said(arguments, "after", "limit", "wait_seconds"))


async def _list_receipts(api: Api, arguments: Arguments) -> Any:
    return await api.native("GET", "/receipts", {"limit": _FEW, **said(arguments, "target_id", "limit", "cursor")})


async def _get_take_down(api: Api, arguments: Arguments) -> Any:
    return await api.native("GET", _at("take-downs", arguments["take_down_id"]))


_TARGET = {
    "kind": choice(
        "What it is. take_down: a post group's live posts, at their networks, by the group's id.", *DeletionKind
    ),
    "id": text("Its id. Of a comment the network's id of it, of a reaction that of the post."),
    "post_id": text("Of comments and reactions: the network's id of the post."),
    "platform_id": text("Of comments and reactions: the account's platformId, such as linkedin-ACoAA...."),
}

TOOLS = (
    Tool(
        name="list_accounts",
        title="List accounts",
        does="List the linked social accounts with their state. One that is not `connected` needs its owner.",
        hints=READS,
        takes={"provider": text("Only of this network, such as linkedin."), "limit": _LIMIT, "cursor": _CURSOR},
        marked=True,
        call=_list_accounts,
    ),
    Tool(
        name="list_chats",
        title="List chats",
        does="List chats, most recently active first.",
        hints=READS,
        takes={
            "account_id": _ACCOUNT,
            "provider": text("Only of this network."),
            "unread": {"type": "boolean", "description": "Only with unread messages; false: only without."},
            "limit": _LIMIT,
            "cursor": _CURSOR,
        },
        marked=True,
        call=_list_chats,
    ),
    Tool(
        name="read_chat",
        title="Read a chat",
        does="Read a chat's messages, newest first, with its people by the ids that messages name their sender by. Each "
        "message says whether it can be deleted, and until when. Reading marks nothing as read.",
        hints=READS,
        takes={"chat_id": _CHAT, "limit": _LIMIT, "cursor": _CURSOR},
        needs=("chat_id",),
        marked=True,
        call=_read_chat,
    ),
    Tool(
        name="list_messages",
        title="List messages",
        does="List messages of all chats, newest first.",
        hints=READS,
        takes={
            "account_id": _ACCOUNT,
            "after": text("Only after this moment (ISO 8601)."),
            "before": text("Only before this moment (ISO 8601)."),
            "limit": _LIMIT,
            "cursor": _CURSOR,
        },
        marked=True,
        call=_list_messages,
    ),
    Tool(
        name="search_messages",
        title="Search messages",
        does=f"Look for messages with these words, newest first. It looks through {_MOST_SEARCHED} at a time: `searched` says "
        "how many those were, and `cursor`, where there is one, leads on to older ones.",
        hints=READS,
        takes={
            "text": text("What the message has in it; capitals do not matter.", minLength=1),
            "account_id": _ACCOUNT,
            "cursor": _CURSOR,
        },
        needs=("text",),
        marked=True,
        call=_search_messages,
    ),
    Tool(
        name="get_message",
        title="Get a message",
        does="Get a message as it now stands: whether it is deleted, can be, and until when (`delete_by`).",
        hints=READS,
        takes={"message_id": _MESSAGE},
        needs=("message_id",),
        marked=True,
        call=_get_message,
    ),
    Tool(
        name="send_message",
        title="Send a message",
        does="Send a message in a chat, as the account. People outside read it: ask your user before. With undo_seconds it "
        "waits so long, and can be undone by undo_send.",
        hints=ADDS,
        scope="send",
        takes={
            "chat_id": _CHAT,
            "text": text("The text.", minLength=1),
            "quote_id": text("The message of this chat that it answers."),
            "undo_seconds": number("How long it can be undone before it goes.", 0, 3600),
        },
        needs=("chat_id", "text"),
        marked=True,
        call=_send_message,
    ),
    Tool(
        name="undo_send",
        title="Undo what waits",
        does="Undo a message that waits to be sent, or a deletion that waits to be done. Nobody is called.",
        hints=Hints(destructive=True, idempotent=True),
        scope="send",
        takes={"deferral_id": text("`deferral.id` of send_message's result, such as dfr_....")},
        needs=("deferral_id",),
        marked=True,
        call=_undo,
    ),
    Tool(
        name="edit_message",
        title="Edit a message",
        does="Give a message of the account's own another text, at its network and here. The text before is lost.",
        hints=CHANGES,
        scope="send",
        takes={"message_id": _MESSAGE, "text": text("The new text.", minLength=1)},
        needs=("message_id", "text"),
        marked=True,
        call=_edit_message,
    ),
    Tool(
        name="react_to_message",
        title="React to a message",
        does="React to a message with an emoji, or take that back. At some networks it replaces an earlier reaction.",
        hints=CHANGES,
        scope="send",
        takes={
            "message_id": _MESSAGE,
            "emoji": text("One emoji.", minLength=1),
            "on": {"type": "boolean", "description": "false: take it back."},
        },
        needs=("message_id", "emoji"),
        marked=True,
        call=_react,
    ),
    Tool(
        name="preview_deletion",
        title="Show what a deletion would do",
        does="The first step to recall a message, take live posts down, unlink an account, or delete something else: shows "
        "what would go, from where, until when that can be done, and what is left of this key's budget of deletions. "
        "Nothing is deleted. It gives the token for confirm_deletion.",
        hints=READS,
        scope="delete",
        takes=_TARGET,
        needs=("kind", "id"),
        marked=True,
        call=_preview,
    ),
    Tool(
        name="confirm_deletion",
        title="Delete what was shown",
        does="The second step: delete what preview_deletion showed, with its token. " + TWO_STEPS.split(": ", 1)[1],
        hints=DELETES,
        scope="delete",
        takes={**_TARGET, "token": TOKEN},
        needs=("kind", "id", "token"),
        marked=True,
        call=_confirm,
    ),
    Tool(
        name="get_take_down",
        title="See how a take-down ended",
        does="What came of a take-down so far, for each post: done, unsupported (by hand at its url), refused, or in_doubt.",
        hints=READS,
        takes={"take_down_id": text("`take_down.id` of confirm_deletion's result, such as tkd_....")},
        needs=("take_down_id",),
        marked=True,
        call=_get_take_down,
    ),
    Tool(
        name="list_capabilities",
        title="What networks can do",
        does="What each network can do here, with its limits: how long a message can be, how long it can be deleted or edited.",
        hints=READS,
        takes={"provider": text("Only this network, such as linkedin.")},
        call=_capabilities,
    ),
    Tool(
        name="list_events",
        title="What happened since",
        does="What happened after a position of the log, in order: messages, deletions, posts, accounts. Without `after` it "
        "says where the log is now; ask again with the `position` that it answered.",
        hints=READS,
        takes={
            "after": number("The position after which.", 0, 2**53),
            "limit": _LIMIT,
            "wait_seconds": number("How long to wait for something to happen.", 0, 20),
        },
        marked=True,
        call=_list_events,
    ),
    Tool(
        name="list_receipts",
        title="Receipts of deletions",
        does="List the receipts of what was deleted: what was asked, what the network answered, what was read back. They say "
        "how a deletion ended that was in doubt.",
        hints=READS,
        takes={"target_id": text("Only of this message, post group or account."), "limit": _LIMIT, "cursor": _CURSOR},
        marked=True,
        call=_list_receipts,
    ),
)
