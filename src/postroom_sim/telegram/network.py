"""The simulated Telegram, put together: the Bot API under /telegram/bot<token>/<method>."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from postroom_sim import multipart
from postroom_sim.network import Answer, Call, Ground, Scenario, json_answer
from postroom_sim.telegram.messages import Messages
from postroom_sim.telegram.refusals import bad, refusal
from postroom_sim.telegram.scenarios import BOTS, CHATS, NAMES, Chat, scenarios

Json = dict[str, Any]

_PATH = re.compile(r"/bot([^/]*)/(\w+)/?")
_TOKEN = re.compile(r"(\d+):([\w-]+)")
_METHODS = [
    "getMe", "getChat", "getChatMember", "sendMessage", "sendPhoto", "sendVideo", "sendMediaGroup", "deleteMessage",
    "deleteMessages",
]  # fmt: skip
_BY_LOWER = {name.lower(): name for name in _METHODS}
_MOST_BYTES = 50 * 1024 * 1024


class Telegram:
    name = "telegram"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._messages = Messages(ground)

    def identify(self, call: Call) -> None:
        found = _PATH.fullmatch(call.path)
        call.operation = _BY_LOWER.get(found[2].lower(), "unknown") if found else "unknown"
        chat = _chat(_fields(call).get("chat_id"))
        call.account = str(chat.id) if chat else None

    def answer(self, call: Call) -> Answer:
        found = _PATH.fullmatch(call.path)
        token = _TOKEN.fullmatch(found[1]) if found else None
        if token is None:
            raise refusal(404)
        login = token[2]
        if BOTS.get(login) != int(token[1]) or login == "user_banned":
            raise refusal(401)
        if call.operation == "unknown":
            raise refusal(404, "method not found")
        if len(call.body) > _MOST_BYTES:
            raise refusal(413)
        return json_answer({"ok": True, "result": self._result(call, login)})

    def _result(self, call: Call, login: str) -> Any:
        fields = _fields(call)
        if call.operation == "getMe":
            return {"id": BOTS[login], "is_bot": True, "first_name": "Harbour", "username": NAMES[login]}
        chat = _chat(fields.get("chat_id"))
        if chat is None or (chat.username is None and login not in chat.members):
            raise bad("chat not found")
        match call.operation:
            case "getChat":
                return chat_object(chat)
            case "getChatMember":
                return _member(chat, fields.get("user_id"))
            case "deleteMessage" | "deleteMessages":
                return self._messages.delete(chat, login, fields)
        return self._messages.send(call.operation, chat, login, fields, multipart.parts(call))

    def commit_done(self) -> None:
        """Nobody listens."""

    def forget_pending(self) -> None:
        """Nothing is pending."""

    def expired_session(self) -> Answer:
        return refusal(401).answer

    def challenge(self) -> Answer:
        return refusal(403, "bot was kicked from the channel chat").answer

    def truncate_page(self, answer: Answer, length: int) -> Answer:
        return answer

    def journal_path(self, call: Call) -> str:
        """Without the token's secret."""
        return re.sub(r"^/bot(\d*)[^/]*", r"/bot\1:(hidden)", call.path)

    def journal_body(self, call: Call) -> Any:
        fields = _fields(call)
        files = {name: {"size_bytes": len(part.content)} for name, part in _files(call).items()}
        return {**fields, **files} or None

    def journal_query(self, call: Call) -> str:
        return call.query

    def seed(self) -> None:
        """The chats are always the same; nothing was written in them yet."""

    def freshen(self) -> None:
        """A channel has nothing to say by itself."""

    def scenarios(self) -> list[Scenario]:
        return scenarios(self._ground.origin)

    def end_streams(self, wanted: Callable[[str], bool]) -> int:
        return 0

    def stop(self) -> None:
        """No streams to end."""

    def posts(self, account: str | None) -> list[Json]:
        """What stands in a chat (id or @name), or in all of them, oldest first; an album is one post."""
        chat = _chat(account) if account else None
        if account and chat is None:
            return []
        return self._messages.shown(str(chat.id) if chat else None)


def chat_object(chat: Chat) -> Json:
    """A chat as the Bot API shows it."""
    name = {"first_name": chat.title} if chat.kind == "private" else {"title": chat.title}
    return {"id": chat.id, "type": chat.kind, **name} | ({"username": chat.username} if chat.username else {})


def _member(chat: Chat, user_id: Any) -> Json:
    login = next((name for name, bot in BOTS.items() if str(bot) == str(user_id)), None)
    if login is None:
        raise bad("invalid user_id specified")
    user = {"id": BOTS[login], "is_bot": True, "first_name": "Harbour", "username": NAMES[login]}
    rights = chat.members.get(login)
    if rights is None:
        if chat.kind == "channel":
            # Source: issues of grammY and python-telegram-bot; a channel hides its members from strangers.
            raise refusal(403, "bot is not a member of the channel chat")
        return {"status": "left", "user": user}
    if chat.kind == "channel":
        powers = {"can_post_messages": "post" in rights, "can_delete_messages": "delete" in rights}
        return {"status": "administrator", "user": user, "can_be_edited": False, **powers}
    return {"status": "member", "user": user}


def _chat(named: Any) -> Chat | None:
    text = str(named) if isinstance(named, int | str) else ""
    if text.startswith("@"):
        return next((chat for chat in CHATS if (chat.username or "").lower() == text[1:].lower()), None)
    return next((chat for chat in CHATS if str(chat.id) == text), None)


def _files(call: Call) -> dict[str, multipart.Part]:
    return {name: part for name, part in multipart.parts(call).items() if part.file_name is not None}


def _fields(call: Call) -> Json:
    """The parameters, however they came; what is JSON in a form is read."""
    fields: Json = dict(parse_qsl(call.query, keep_blank_values=True))
    kind = call.headers.get("content-type", "")
    if kind.startswith("application/json"):
        tree = call.json()
        return fields | tree if isinstance(tree, dict) else fields
    if kind.startswith("multipart/"):
        words = {name: part for name, part in multipart.parts(call).items() if part.file_name is None}
        return fields | {name: _read(part.content.decode("utf-8", "replace")) for name, part in words.items()}
    return fields | dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))


def _read(text: str) -> Any:
    if text[:1] not in ("[", "{") and text not in ("true", "false"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
