"""The calls of one homeserver, and its errors in our classes. Knows no Remote*.

Source: Matrix specification v1.14, client-server API, checked 2026-11-21.
"""

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from postroom.connectors import answers
from postroom.connectors.guarded import AddressRefused
from postroom.connectors.http import Answer, Http, Stream
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    Kind,
    NotFound,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)

Json = Any

PROVIDER = "matrix"
POLL_SECONDS = 25
ABOUT = ("m.room.name", "m.room.canonical_alias", "m.room.encryption", "m.room.member")
"""The types of events that say what a room is called, and who is in it."""
# How slowly a file may go out before it counts as lost.
_LEAST_BYTES_PER_SECOND = 256 * 1024
_OWNERS_TURN = frozenset({"M_USER_LOCKED", "M_USER_SUSPENDED", "M_CONSENT_NOT_GIVEN", "M_THREEPID_AUTH_FAILED"})
_OVER = frozenset({"M_UNKNOWN_TOKEN", "M_MISSING_TOKEN", "M_USER_DEACTIVATED"})
_UNUSABLE = frozenset({"M_BAD_JSON", "M_NOT_JSON", "M_INVALID_PARAM", "M_MISSING_PARAM", "M_TOO_LARGE", "M_BAD_ALIAS"})


class Missing(Refused):
    """The homeserver knows no such thing, or does not show it to this account."""


class Matrix:
    """One account at one homeserver."""

    def __init__(self, http: Http, server: str, token: str | None = None, hide: tuple[str, ...] = ()) -> None:
        """`hide`: secrets that no error may repeat, even where the server does."""
        self._http = http
        self._base = f"{server.rstrip('/')}/_matrix/"
        self._token = token
        self._hide = (*hide, *((token,) if token else ()))

    # who

    async def log_in(self, user: str, password: str) -> dict[str, Json]:
        """A session for a name and a password: `user_id`, `access_token`, `device_id`. One that nobody uses does no harm,
        so no answer is `ProviderDown`.
        """
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": password,
            "initial_device_display_name": "Postroom",
        }
        try:
            return await self._change("login", "POST", "client/v3/login", body)
        except OutcomeUnknown as error:
            raise ProviderDown(error.detail) from error

    async def whoami(self) -> dict[str, Json]:
        """Whose token it is: `user_id`."""
        return await self._ask("whoami", "client/v3/account/whoami")

    async def profile(self, user: str) -> dict[str, Json]:
        return await self._ask("profile", f"client/v3/profile/{_part(user)}")

    async def log_out(self) -> None:
        headers = {**self._headers(), "content-type": "application/json"}
        answer = await self._write("logout", "POST", "client/v3/logout", headers, b"{}")
        if answer.status >= 300:
            raise self._meaning(answer, write=True)

    # reading

    async def sync(self, since: str | None, filter: Json, *, wait: bool = False) -> dict[str, Json]:
        """What is new since then; `wait`: until something is, or for half a minute."""
        if not wait:
            # Synapse gives the same answer to the same question for two minutes: this one is always another.
            filter = {**filter, "room": {**filter["room"], "not_rooms": [f"!{uuid.uuid4().hex}:invalid"]}}
        query = {"filter": _json(filter), "timeout": str(POLL_SECONDS * 1000 if wait else 0)}
        if since is not None:
            query["since"] = since
        return await self._long("sync", f"client/v3/sync?{urlencode(query)}")

    async def joined_rooms(self) -> list[str]:
        found = (await self._ask("joined_rooms", "client/v3/joined_rooms")).get("joined_rooms")
        return [room for room in found if isinstance(room, str)] if isinstance(found, list) else []

    async def joined_members(self, room: str) -> dict[str, Json]:
        """Who is in a room, by id, each with what they are called."""
        tree = await self._ask("joined_members", f"{_room(room)}/joined_members")
        joined = tree.get("joined")
        return joined if isinstance(joined, dict) else {}

    async def messages(self, room: str, start: str | None, filter: Json, *, limit: int, to: str | None = None) -> Json:
        """A room's events, newest first: `chunk`, `end` where there is more, `state` of who wrote them."""
        query = {"dir": "b", "limit": str(limit), "filter": _json(filter)}
        query |= {name: value for name, value in (("from", start), ("to", to)) if value is not None}
        return await self._long("messages", f"{_room(room)}/messages?{urlencode(query)}")

    async def event(self, room: str, id: str) -> dict[str, Json]:
        """One event, with its newest edit.

        Raises:
            Missing: it is not there for this account.
        """
        return await self._ask("event", f"{_room(room)}/event/{_part(id)}")

    async def relations(self, room: str, id: str, kind: str, type: str, start: str | None) -> dict[str, Json]:
        """The events that relate to another in this way: `chunk`, `next_batch` where there are more."""
        query = urlencode({"limit": "100"} | ({} if start is None else {"from": start}))
        path = f"client/v1/rooms/{_part(room)}/relations/{_part(id)}/{kind}/{type}"
        return await self._ask("relations", f"{path}?{query}")

    async def is_encrypted(self, room: str) -> bool:
        """Whether what is said in this room is encrypted from end to end."""
        try:
            found = await self._ask("encryption", f"{_room(room)}/state/m.room.encryption/")
        except Missing:
            return False
        return bool(found.get("algorithm"))

    async def account_data(self, user: str, type: str, room: str | None = None) -> dict[str, Json]:
        """What the owner's clients keep for each other; empty: nothing."""
        try:
            return await self._ask("account_data", self._data_path(user, type, room))
        except Missing:
            return {}

    # writing

    async def send(self, room: str, type: str, token: str, content: Json) -> str:
        """Send an event, once for each `token`: the id of what was made then or now."""
        path = f"{_room(room)}/send/{type}/{_part(token)}"
        operation = {"m.reaction": "react"}.get(type, "send")
        return self._id(await self._change(operation, "PUT", path, content))

    async def redact(self, room: str, id: str, token: str) -> None:
        """Take an event back for everyone: nothing of what it said stays."""
        await self._change("redact", "PUT", f"{_room(room)}/redact/{_part(id)}/{_part(token)}", {})

    async def create_room(self, settings: Json) -> str:
        tree = await self._change("create_room", "POST", "client/v3/createRoom", settings)
        room = tree.get("room_id")
        if not isinstance(room, str):
            raise OutcomeUnknown("The homeserver made a room and did not say which.")
        return room

    async def read_markers(self, room: str, id: str) -> None:
        body = {"m.fully_read": id, "m.read": id}
        await self._change("read_markers", "POST", f"{_room(room)}/read_markers", body)

    async def typing(self, room: str, user: str, *, on: bool, for_seconds: int) -> None:
        body: Json = {"typing": True, "timeout": for_seconds * 1000} if on else {"typing": False}
        await self._change("typing", "PUT", f"{_room(room)}/typing/{_part(user)}", body)

    async def set_account_data(self, user: str, type: str, content: Json, room: str | None = None) -> None:
        await self._change("set_account_data", "PUT", self._data_path(user, type, room), content)

    async def tags(self, user: str, room: str) -> dict[str, Json]:
        tree = await self._ask("tags", f"client/v3/user/{_part(user)}/rooms/{_part(room)}/tags")
        found = tree.get("tags")
        return found if isinstance(found, dict) else {}

    async def set_tag(self, user: str, room: str, tag: str, *, on: bool) -> None:
        path = f"client/v3/user/{_part(user)}/rooms/{_part(room)}/tags/{tag}"
        await self._change("set_tag", "PUT" if on else "DELETE", path, {"order": 0.5} if on else {})

    # files

    async def upload(self, name: str, content_type: str, content: bytes) -> str:
        """Keep a file, and where it is kept. One that no message shows is nobody's business, so no answer is
        `ProviderDown`.
        """
        headers = {**answers.headers(self._token), "content-type": content_type}
        seconds = 60 + len(content) / _LEAST_BYTES_PER_SECOND
        path = f"media/v3/upload?{urlencode({'filename': name})}"
        try:
            answer = await self._write("upload", "POST", path, headers, content, seconds=seconds)
            address = self._object(answer, write=True).get("content_uri")
        except OutcomeUnknown as error:
            raise ProviderDown("The homeserver did not say that it has the file; nothing was sent.") from error
        if not isinstance(address, str) or not address.startswith("mxc://"):
            raise ProviderDown("The homeserver took the file and did not say where it is.")
        return address

    async def download(self, server: str, id: str) -> tuple[str, int | None, AsyncIterator[bytes]]:
        """A file: its type, its size where that is told, and its bytes as they come.

        Raises:
            NotFound: (kind ATTACHMENT) it is not kept any more.
        """
        url = f"{self._base}client/v1/media/download/{_part(server)}/{_part(id)}"
        try:
            async with AsyncExitStack() as held:
                stream = await held.enter_async_context(
                    self._http.stream(PROVIDER, "download", url, headers=self._headers())
                )
                if stream.status != 200:
                    raise self._meaning(await stream.answer(), write=False)
                chunks = _closing(held.pop_all(), stream)
        except Missing as error:
            raise NotFound("The homeserver does not have this file any more.", kind=Kind.ATTACHMENT) from error
        except AddressRefused as error:
            raise Refused(error.detail) from error
        # Begun, so that it lets go of its socket however it is left.
        await anext(chunks)
        length = stream.headers.get("content-length", "")
        # As it was sent: what is packed for the way has another length.
        size = int(length) if length.isdecimal() and "content-encoding" not in stream.headers else None
        return stream.headers.get("content-type", "application/octet-stream"), size, chunks

    # how

    def _data_path(self, user: str, type: str, room: str | None) -> str:
        where = "" if room is None else f"/rooms/{_part(room)}"
        return f"client/v3/user/{_part(user)}{where}/account_data/{_part(type)}"

    def _headers(self) -> dict[str, str]:
        return answers.headers(self._token)

    def _id(self, tree: Mapping[str, Json]) -> str:
        id = tree.get("event_id")
        if not isinstance(id, str):
            raise OutcomeUnknown("The homeserver took the message and did not say what it is called.")
        return id

    async def _ask(self, operation: str, path: str) -> dict[str, Json]:
        try:
            answer = await self._http.read(PROVIDER, operation, self._base + path, headers=self._headers())
        except AddressRefused as error:
            raise Refused(error.detail) from error
        return self._object(answer, write=False)

    async def _long(self, operation: str, path: str) -> dict[str, Json]:
        """An answer that may take its time, and be long."""
        try:
            async with self._http.stream(PROVIDER, operation, self._base + path, headers=self._headers()) as stream:
                return self._object(await stream.answer(), write=False)
        except AddressRefused as error:
            raise Refused(error.detail) from error

    async def _change(self, operation: str, method: str, path: str, body: Json) -> dict[str, Json]:
        headers = {**self._headers(), "content-type": "application/json"}
        answer = await self._write(operation, method, path, headers, msgspec.json.encode(body))
        return self._object(answer, write=True)

    async def _write(
        self,
        operation: str,
        method: str,
        path: str,
        headers: Mapping[str, str],
        content: bytes,
        *,
        seconds: float | None = None,
    ) -> Answer:
        try:
            return await self._http.write(
                PROVIDER,
                operation,
                self._base + path,
                headers=headers,
                method=method,
                content=content,
                seconds=seconds,
            )
        except AddressRefused as error:
            raise Refused(error.detail) from error

    def _object(self, answer: Answer, *, write: bool) -> dict[str, Json]:
        if answer.status >= 300:
            raise self._meaning(answer, write=write)
        return answers.json_object(answer, "The homeserver's", write=write)

    def _meaning(self, answer: Answer, *, write: bool) -> ProviderError:
        tree = answer.json()
        tree = tree if isinstance(tree, dict) else {}
        status, code = answer.status, tree.get("errcode")
        words = answers.words(tree.get("error"), self._hide)
        said = f"Matrix: {words or status}"
        context = {"status": status, "errcode": code if isinstance(code, str) and code.startswith("M_") else None}
        if code in _OWNERS_TURN:
            return ActionRequired(said, context=context)
        if code in _OVER or status == 401:
            return CredentialsRejected(said, context=context)
        if code == "M_LIMIT_EXCEEDED" or status == 429:
            return RateLimited(said, retry_after_seconds=_seconds_to_wait(answer, tree), context=context)
        if status >= 500 or status == 408:
            if write:
                return OutcomeUnknown(said, code=ErrorCode.PROVIDER_ERROR, context=context)
            return ProviderDown(said, context=context)
        if code == "M_RESOURCE_LIMIT_EXCEEDED":
            return ProviderDown(said, context=context)
        if 300 <= status < 400:
            return ProviderDown(f"Matrix: this server sends to another address ({status}); it is not followed.")
        if status == 404 and code == "M_NOT_FOUND":
            return Missing(said, context=context)
        if status == 403:
            return Refused(said, context=context)
        if code in _UNUSABLE or status in (413, 422):
            return Unprocessable(said, context=context)
        return Refused(said, code=ErrorCode.MALFORMED_REQUEST, context=context)


async def _closing(held: AsyncExitStack, stream: Stream) -> AsyncGenerator[bytes, None]:
    async with held:
        yield b""
        async for chunk in stream.chunks():
            yield chunk


def _seconds_to_wait(answer: Answer, tree: Mapping[str, Json]) -> float | None:
    waited = answers.seconds_to_wait(answer)
    ms = tree.get("retry_after_ms")
    if waited is None and isinstance(ms, int | float) and not isinstance(ms, bool) and 0 <= ms < 1e9:
        return ms / 1000
    return waited


async def base_url(http: Http, address: str) -> str | None:
    """Where the homeserver of a name answers, as `/.well-known/matrix/client` says; None: it says nothing of it."""
    url = f"{address}/.well-known/matrix/client"
    try:
        answer = await http.read(PROVIDER, "well_known", url, headers=answers.headers())
    except AddressRefused as error:
        raise Refused(error.detail) from error
    tree = answer.json() if answer.status == 200 else None
    homeserver = tree.get("m.homeserver") if isinstance(tree, dict) else None
    found = homeserver.get("base_url") if isinstance(homeserver, dict) else None
    return found if isinstance(found, str) else None


def _part(text: str) -> str:
    return quote(text, safe="")


def _room(room: str) -> str:
    return f"client/v3/rooms/{_part(room)}"


def _json(tree: Json) -> str:
    return msgspec.json.encode(tree).decode()


def room_filter(rooms: Sequence[str] | None, types: Sequence[str], *, limit: int) -> Json:
    """What `sync` tells: of these rooms (None: all) the newest events of these types, and what chats show."""
    room: dict[str, Json] = {
        "timeline": {"types": list(types), "limit": limit, "lazy_load_members": True},
        "state": {"types": list(ABOUT), "lazy_load_members": True},
        "ephemeral": {"types": ["m.receipt"]},
        "account_data": {"types": ["m.tag", "m.marked_unread"]},
    }
    if rooms is not None:
        room["rooms"] = list(rooms)
    return {"room": room, "presence": {"types": []}, "account_data": {"types": ["m.direct"]}}
