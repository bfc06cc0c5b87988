"""The Bot API's methods that publishing needs, as they are, and its errors in our classes. Knows no Remote*.

Source: Telegram Bot API 10.1, and the server's own sources for the words of its errors, checked 2026-11-21.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec

from postroom.connectors import answers
from postroom.connectors.http import Answer, Http
from postroom.connectors.multipart import FormFile, FormOfFiles
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)

Json = Any

PROVIDER = "telegram"
_GONE = ("message to delete not found", "message_id_invalid")
_STAYS = ("message can't be deleted", "message_delete_forbidden")
_TOO_LARGE = (
    "message is too long",
    "caption is too long",
    "file is too big",
    "request entity too large",
    "media_caption_too_long",
)
# The bot was put out of the chat, or lost a right in it: its owner has to let it in again.
_SHUT_OUT = (
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_admin_required",
    "chat not found",
)


class Gone(Exception):
    """The network says for certain that there is no such message."""


class Moved(Exception):
    """The group became a supergroup, which has another id; nothing was done."""

    def __init__(self, chat: str) -> None:
        super().__init__(chat)
        self.chat = chat


class BotApi:
    """The methods of one bot."""

    def __init__(self, http: Http, origin: str, token: str) -> None:
        self._http = http
        self._origin = origin.rstrip("/")
        self._token = token

    def __repr__(self) -> str:
        return f"BotApi({self._token.partition(':')[0]})"

    async def get_me(self) -> dict[str, Json]:
        """Which bot this is."""
        return self._object(await self._read("getMe", {}), "getMe")

    async def get_chat(self, chat: str) -> dict[str, Json]:
        """A chat, by its id or `@name`."""
        return self._object(await self._read("getChat", {"chat_id": chat}), "getChat")

    async def get_chat_member(self, chat: str, user_id: int) -> dict[str, Json]:
        """What somebody is, and may do, in a chat."""
        parameters = {"chat_id": chat, "user_id": str(user_id)}
        return self._object(await self._read("getChatMember", parameters), "getChatMember")

    async def send_message(self, fields: Mapping[str, Json]) -> Json:
        """Send a text; the message."""
        headers = {"content-type": "application/json"}
        answer = await self._write("sendMessage", headers, msgspec.json.encode(fields))
        return self._result(answer, "sendMessage", write=True)

    async def send_files(
        self, method: str, fields: Mapping[str, Json], files: Sequence[FormFile], seconds: float
    ) -> Json:
        """Send one photo, one video or an album, with their bytes; the message, or the messages."""
        words = {
            name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
            for name, value in fields.items()
        }
        form = FormOfFiles(words, files)
        answer = await self._write(method, form.headers, form.content(), seconds)
        return self._result(answer, method, write=True)

    async def delete_message(self, chat: str, message: int) -> None:
        """Delete a message for everyone.

        Raises:
            Gone: there is none.
        """
        content = msgspec.json.encode({"chat_id": chat, "message_id": message})
        answer = await self._write("deleteMessage", {"content-type": "application/json"}, content)
        self._result(answer, "deleteMessage", write=True)

    async def _read(self, method: str, parameters: Mapping[str, str]) -> Answer:
        query = f"?{urlencode(parameters)}" if parameters else ""
        return await self._http.read(PROVIDER, method, f"{self._url(method)}{query}", headers=_HEADERS)

    async def _write(
        self, method: str, headers: Mapping[str, str], content: Any, seconds: float | None = None
    ) -> Answer:
        return await self._http.write(
            PROVIDER, method, self._url(method), headers={**_HEADERS, **headers}, content=content, seconds=seconds
        )

    def _url(self, method: str) -> str:
        return f"{self._origin}/bot{self._token}/{method}"

    def _result(self, answer: Answer, what: str, *, write: bool) -> Json:
        tree = answer.json()
        if answer.status == 200 and isinstance(tree, dict) and tree.get("ok") is True:
            return tree.get("result")
        if answer.status < 300:
            sentence = f"Telegram's answer could not be understood ({what})."
            raise OutcomeUnknown(sentence) if write else ProviderDown(sentence)
        raise _meaning(answer, tree if isinstance(tree, dict) else {}, self._token, write=write)

    def _object(self, answer: Answer, what: str) -> dict[str, Json]:
        found = self._result(answer, what, write=False)
        if isinstance(found, dict):
            return found
        raise ProviderDown(f"Telegram's answer could not be understood ({what}).")


_HEADERS = {"accept": "application/json", "user-agent": "postroom"}


def _meaning(answer: Answer, tree: dict[str, Json], token: str, *, write: bool) -> Exception:
    status = answer.status
    description = tree.get("description")
    known = isinstance(description, str)
    words = answers.words(description, (token, token.partition(":")[2])) if known else str(status)
    said = words.lower()
    parameters = tree.get("parameters")
    more: dict[str, Json] = parameters if isinstance(parameters, dict) else {}
    if status == 400 and any(name in said for name in _GONE):
        return Gone()
    moved = more.get("migrate_to_chat_id")
    if status == 400 and isinstance(moved, int):
        return Moved(str(moved))
    return _error(status, words, said, known, _seconds(answer, more), write)


def _error(status: int, words: str, said: str, known: bool, seconds: float | None, write: bool) -> ProviderError:
    sentence = f"Telegram: {words}"
    if status == 401 or (status == 404 and said == "not found"):
        # A token that is no token at all is an unknown address to Telegram.
        return CredentialsRejected("Telegram does not accept this bot's token any more.")
    if (status == 403 and known) or (status == 400 and any(name in said for name in _SHUT_OUT)):
        return ActionRequired(sentence)
    if status == 429:
        return RateLimited(sentence, retry_after_seconds=seconds)
    if status >= 500 or status == 408:
        return OutcomeUnknown(sentence, code=ErrorCode.PROVIDER_ERROR) if write else ProviderDown(sentence)
    if status == 413 or any(name in said for name in _TOO_LARGE):
        return Unprocessable(sentence, context={"too_large": True})
    if any(name in said for name in _STAYS):
        return Refused("Telegram does not delete this message: it is too old, or the bot lacks the right to.")
    if status == 400:
        return Unprocessable(sentence)
    if 300 <= status < 400:
        return ProviderDown(f"This server sends to another address ({status}); it is not followed.")
    return Refused(sentence)


def _seconds(answer: Answer, parameters: Mapping[str, Json]) -> float | None:
    found = parameters.get("retry_after")
    if isinstance(found, int) and not isinstance(found, bool) and found >= 0:
        return float(found)
    return answers.seconds_to_wait(answer)
