"""The process that holds the native library: the only module that imports neonize, and it is imported by nobody.

It is told what to do over a socket, and tells what happens. The library may end this process at any moment (a nil
client aborts it): nothing else lives here, and what was told and not yet taken in is kept in the session's place.
"""

import asyncio
import contextlib
import importlib
import logging
import os
import socket
import sys
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from postroom.connectors.whatsapp import edits, frames, vault
from postroom.connectors.whatsapp.addresses import HIDDEN, PERSON, of_jid, plain

Json = dict[str, Any]

# One thread is held for each session while it is open, besides those that calls take.
_MOST_THREADS = 1024
_PACK_SECONDS = 20.0
_PAIR_SECONDS = 20.0


class Library:
    """neonize, or what stands in for its native part."""

    def __init__(self, stand_in: str, origin: str) -> None:
        # The root logger would be configured by the import, and written to standard output.
        logging.basicConfig(level=logging.CRITICAL, stream=sys.stderr)
        try:
            importlib.import_module("magic")
        except ImportError:
            # libmagic is the system's, and is needed for nothing that is done here.
            sys.modules["magic"] = types.ModuleType("magic")
        self.client = importlib.import_module("neonize.aioze.client")
        self.events = importlib.import_module("neonize.events")
        self.jids = importlib.import_module("neonize.utils.jid")
        self.enums = importlib.import_module("neonize.utils.enum")
        self.json = importlib.import_module("google.protobuf.json_format")
        self.Message = importlib.import_module("neonize.proto.waE2E.WAWebProtobufsE2E_pb2").Message
        if stand_in:
            module, _, name = stand_in.partition(":")
            vars(self.client)["gocode"] = getattr(importlib.import_module(module), name)(origin)

    def to_json(self, message: Any) -> Json:
        tree: Json = self.json.MessageToDict(message, preserving_proto_field_name=True)
        return tree

    def to_message(self, tree: Json) -> Any:
        return self.json.ParseDict(tree, self.Message(), ignore_unknown_fields=True)

    def jid(self, address: str) -> Any:
        user, _, server = address.partition("@")
        return self.jids.build_jid(user, server)


class Session:
    """One account's client."""

    def __init__(self, library: Library, place: vault.Place, name: str, tell: Callable[[frames.Event], None]) -> None:
        self._library = library
        self._tell = tell
        self._name = name
        self.place = place
        self._client: Any = None
        self._ended: asyncio.Task[None] | None = None
        self._packing: asyncio.Task[None] | None = None
        self._introducing: asyncio.Task[None] | None = None
        self._packed_at = 0.0
        self._me: Json | None = None
        self._asking = asyncio.Lock()

    # its life

    async def start(self, me: Json | None, proxy: str | None) -> None:
        """Connect; `me` is None while it is being paired. All that the library does goes by the proxy."""
        library = self._library
        self._me = me
        self._client = client = library.client.NewAClient(str(self.place.database), uuid=self._name)
        os.umask(0o077)

        async def show_code(_: Any, code: bytes) -> None:
            self._now("qr", {"code": code.decode()})

        client.qr(show_code)
        events = library.events
        self._on(events.PairStatusEv, lambda event: self._now("paired", library.to_json(event)))
        self._on(events.ConnectedEv, lambda event: self._connected())
        self._on(events.DisconnectedEv, lambda event: self._now("disconnected"))
        self._on(events.LoggedOutEv, lambda event: self._now("logged_out", library.to_json(event)))
        self._on(events.StreamReplacedEv, lambda event: self._now("replaced"))
        self._on(events.TemporaryBanEv, lambda event: self._now("banned", library.to_json(event)))
        self._on(events.ClientOutdatedEv, lambda event: self._now("outdated"))
        self._on(events.ConnectFailureEv, lambda event: self._now("failed", library.to_json(event)))
        self._on(events.MessageEv, self._message)
        self._on(events.ReceiptEv, lambda event: self._later("receipt", library.to_json(event)))
        self._on(events.HistorySyncEv, lambda event: self._later("history", library.to_json(event.Data)))
        self._on(events.JoinedGroupEv, lambda event: self._later("group", library.to_json(event).get("GroupInfo")))
        running = await client.connect(None if proxy is None else library.client.ProxySettings(proxy_address=proxy))
        self._ended = asyncio.create_task(self._until_end(running))
        self._packing = asyncio.create_task(self._pack_when_changed())

    def _on(self, event: Any, take: Callable[[Any], None]) -> None:
        # Handlers run side by side, each from its start to its first wait: without one they keep their order.
        async def handle(_: Any, told: Any) -> None:
            try:
                take(told)
            except Exception as error:  # noqa: BLE001 neonize drops it, and goes on: it is told instead
                self._now("unread", {"error": type(error).__name__})

        self._client.event(event)(handle)

    async def _until_end(self, running: "asyncio.Task[None]") -> None:
        try:
            await running
        except Exception as error:  # noqa: BLE001 the library's own: whatever it is, the client has ended
            self._now("ended", {"error": str(error)})
        else:
            self._now("ended", {"error": ""})

    def tell_waiting(self) -> None:
        """Once more what was told and not acknowledged."""
        for place, kind, values in self.place.waiting():
            self._tell(frames.Event(session=self._name, kind=kind, values=values, place=place))

    async def stop(self) -> str:
        """End the connection; the session, packed."""
        await self._quiet()
        packed = self.place.pack()
        self.place.leave()
        return packed

    async def _quiet(self) -> None:
        if self._packing is not None:
            self._packing.cancel()
        async with self._asking:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._client.stop(), 5)
        if self._ended is not None:
            await asyncio.wait([self._ended], timeout=5)

    async def discard(self) -> None:
        await self._quiet()
        self.place.leave()

    async def _pack_when_changed(self) -> None:
        await asyncio.sleep(2)
        while True:
            if self._me is not None and self.place.changed_at() > self._packed_at:
                self._packed_at = self.place.changed_at()
                self._now("packed", {"store": self.place.pack()})
            await asyncio.sleep(_PACK_SECONDS)

    # what it tells

    def _now(self, kind: str, values: Any = None) -> None:
        self._tell(frames.Event(session=self._name, kind=kind, values=values))

    def _later(self, kind: str, values: Any) -> None:
        place = self.place.keep(kind, values)
        self._tell(frames.Event(session=self._name, kind=kind, values=values, place=place))

    def _connected(self) -> None:
        if self._me is not None:
            self._now("connected", {**self._me, **self.people()})
        else:
            self._introducing = asyncio.create_task(self._introduce())

    async def _introduce(self) -> None:
        """Who this is: asked once, and only of a client that is connected. It aborts the process otherwise."""
        try:
            async with self._asking:
                device = await self._client.get_me()
        except Exception as error:  # noqa: BLE001 the library's own: there is no account to be linked then
            self._now("ended", {"error": str(error)})
            return
        tree = self._library.to_json(device)
        self._me = {
            "jid": of_jid(tree.get("JID")),
            "lid": of_jid(tree.get("LID")),
            "name": tree.get("PushName", ""),
        }
        self._now("connected", {**self._me, **self.people()})

    def people(self) -> Json:
        """Whom the library knows. Source: whatsmeow's tables, checked 2026-11-21."""
        pairs = self.place.look("select lid, pn from whatsmeow_lid_map")
        contacts = self.place.look(
            "select their_jid, coalesce(nullif(full_name, ''), nullif(push_name, ''), nullif(business_name, ''))"
            " from whatsmeow_contacts"
        )
        return {
            "pairs": [[_at(lid, HIDDEN), _at(number, PERSON)] for lid, number in pairs],
            "names": {_at(address, PERSON): name for address, name in contacts if name},
        }

    def _message(self, event: Any) -> None:
        tree = self._library.to_json(event)
        source = tree.get("Info", {}).get("MessageSource", {})
        if event.Message.HasField("secretEncryptedMessage"):
            opened = self._opened(event.Message.secretEncryptedMessage, source)
            if opened is None:
                return
            tree["Message"] = opened
        chat, sender = of_jid(source.get("Chat")), of_jid(source.get("Sender"))
        if not source.get("IsFromMe") and chat and sender:
            self.place.note_newest(chat, sender, tree["Info"].get("ID", ""))
        self._forget_recalled(tree.get("Message", {}))
        self._later("message", tree)

    def _forget_recalled(self, message: Json, by: str = "") -> None:
        protocol = message.get("protocolMessage", {})
        if protocol.get("key") and protocol.get("type", "REVOKE") == "REVOKE":
            self.place.forget(protocol["key"].get("ID", ""), by)

    def _opened(self, envelope: Any, source: Json) -> Json | None:
        """An encrypted edit as a plain one; None: it cannot be read, or is none."""
        if envelope.secretEncType != envelope.MESSAGE_EDIT:
            return None
        id = envelope.targetMessageKey.ID
        editors = [of_jid(source.get(name)) for name in ("Sender", "SenderAlt")]
        if source.get("IsFromMe") and self._me is not None:
            editors += [self._me["jid"], self._me["lid"]]
        secrets = self.place.look("select key from whatsmeow_message_secrets where message_id = ?", id)
        body = edits.open_edit(
            [bytes(row[0]) for row in secrets],
            id,
            dict.fromkeys(filter(None, editors)),
            bytes(envelope.encIV),
            bytes(envelope.encPayload),
        )
        if body is None:
            self._now("unread", {"error": "an edit could not be opened"})
            return None
        message = self._library.to_json(self._library.Message.FromString(body))
        inner = message.get("protocolMessage") or {"editedMessage": message}
        # The target in the clear is the one that the key was made for.
        inner["key"] = self._library.to_json(envelope.targetMessageKey)
        inner["type"] = "MESSAGE_EDIT"
        return {"protocolMessage": inner}

    # what it does

    async def pair_by_phone(self, phone: str) -> str:
        """The code to be typed on the telephone."""
        until = asyncio.get_running_loop().time() + _PAIR_SECONDS
        while True:
            try:
                code: str = await self._client.PairPhone(phone, True)
                return code
            except Exception as error:
                if "websocket not connected" not in str(error) or asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(0.2)

    async def send(self, chat: str, message: Json) -> Json:
        sent = await self._client.send_message(self._library.jid(chat), self._library.to_message(message))
        self._forget_recalled(message, sent.ID)
        return {"id": sent.ID, "timestamp": sent.Timestamp}

    async def upload(self, data: bytes, kind: str) -> Json:
        kinds = self._library.enums.MediaType
        chosen = {
            "image": kinds.MediaImage,
            "video": kinds.MediaVideo,
            "audio": kinds.MediaAudio,
            "voice": kinds.MediaAudio,
        }.get(kind, kinds.MediaDocument)
        found = self._library.to_json(await self._client.upload(data, chosen))
        names = ("MediaKey", "FileEncSHA256", "FileSHA256", "FileLength")
        tree = {name[0].lower() + name[1:]: found[name] for name in names if name in found}
        return {**tree, "URL": found.get("url", ""), "directPath": found.get("DirectPath", "")}

    async def download(self, message: Json) -> bytes:
        data: bytes = await self._client.download_any(self._library.to_message(message))
        return data

    async def read(self, chat: str) -> bool:
        newest = self.place.newest(chat)
        if newest is None:
            return False
        sender, id = newest
        kind = self._library.enums.ReceiptType.READ
        await self._client.mark_read(id, chat=self._library.jid(chat), sender=self._library.jid(sender), receipt=kind)
        return True

    async def type(self, chat: str, on: bool) -> None:
        enums = self._library.enums
        state = enums.ChatPresence.CHAT_PRESENCE_COMPOSING if on else enums.ChatPresence.CHAT_PRESENCE_PAUSED
        media = enums.ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT
        await self._client.send_chat_presence(self._library.jid(chat), state, media)

    async def groups(self) -> list[Json]:
        return [self._library.to_json(group) for group in await self._client.get_joined_groups()]

    async def create_group(self, title: str, people: list[str]) -> Json:
        members = [self._library.jid(person) for person in people]
        return self._library.to_json(await self._client.create_group(title, members))

    async def logout(self) -> None:
        async with self._asking:
            await self._client.logout()


def _at(address: str, server: str) -> str:
    return plain(address if "@" in address else f"{address}@{server}")


class Child:
    """Takes requests, each in a task of its own."""

    def __init__(self, library: Library, folder: Path, writer: asyncio.StreamWriter) -> None:
        self._library = library
        self._folder = folder
        self._writer = writer
        self._sessions: dict[str, Session] = {}

    async def take(self, request: frames.Request) -> None:
        try:
            values = await self._done(request)
            answer = frames.Answer(id=request.id, values=values)
        except Exception as error:  # noqa: BLE001 whatever it is, somebody waits for the answer
            answer = frames.Answer(id=request.id, error=str(error) or type(error).__name__)
        frames.write(self._writer, answer)

    async def _done(self, request: frames.Request) -> Any:
        name, values = request.session, request.values
        if request.operation == "open":
            return await self._open(name, values)
        session = self._sessions.get(name)
        if session is None:
            raise LookupError("client is nil: this session is not open")
        match request.operation:
            case "acknowledge":
                return session.place.acknowledge(values["place"])
            case "kept":
                return session.place.mark(values["generation"])
            case "stop":
                del self._sessions[name]
                return {"store": await session.stop()}
            case "discard":
                del self._sessions[name]
                return await session.discard()
            case "pack":
                return {"store": session.place.pack()}
        return await getattr(session, request.operation)(**values)

    async def _open(self, name: str, values: Json) -> Json:
        if name in self._sessions:
            return self._sessions[name].people()
        place = vault.Place(self._folder, name)
        place.take(values.get("store"), values.get("generation", 0))
        session = Session(self._library, place, name, lambda event: frames.write(self._writer, event))
        self._sessions[name] = session
        session.tell_waiting()
        try:
            await session.start(values.get("me"), values.get("proxy"))
        except BaseException:
            self._sessions.pop(name, None)
            place.leave()
            raise
        return session.people()

    async def end(self) -> None:
        """The server is gone: what is here lies for the next."""
        await asyncio.gather(*(session.discard() for session in self._sessions.values()), return_exceptions=True)


async def main(descriptor: int, folder: str, stand_in: str, origin: str) -> None:
    """Serve one server, until it is gone."""
    os.umask(0o077)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(max_workers=_MOST_THREADS))
    connected = socket.socket(fileno=descriptor)
    reader, writer = await asyncio.open_unix_connection(sock=connected, limit=1 << 20)
    try:
        library = Library(stand_in, origin)
    except Exception as error:  # noqa: BLE001 nobody would know why this process ended
        frames.write(
            writer, frames.Event(session="", kind="fatal", values={"error": f"{type(error).__name__}: {error}"})
        )
        await writer.drain()
        return
    frames.write(writer, frames.Event(session="", kind="ready"))
    child = Child(library, Path(folder), writer)
    tasks: set[asyncio.Task[None]] = set()
    while isinstance(frame := await frames.read(reader), frames.Request):
        task = asyncio.create_task(child.take(frame))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await writer.drain()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(child.end(), 2)


if __name__ == "__main__":
    try:
        asyncio.run(asyncio.wait_for(main(int(sys.argv[1]), *sys.argv[2:5]), None))
    finally:
        # Threads of the library would be waited for.
        os._exit(0)
