"""What stands in for the native part of neonize: the same calls, answered by the simulated WhatsApp over HTTP.

It runs in the process that uses the library, and everything above it is the real one: clients, protobufs, callbacks
and threads. Like the real one it keeps a session in a SQLite file with its keys in clear, and may end its process.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import hmac
import http.client
import json
import os
import socket
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from google.protobuf.json_format import MessageToDict, ParseDict
from neonize import events as kinds
from neonize.proto import Neonize_pb2 as proto
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message

Json = dict[str, Any]

_TABLES = """
create table if not exists whatsmeow_device (jid text primary key, lid text, noise_key blob, push_name text);
create table if not exists whatsmeow_message_secrets (
    our_jid text, chat_jid text, sender_jid text, message_id text, key blob,
    primary key (our_jid, chat_jid, sender_jid, message_id));
create table if not exists whatsmeow_lid_map (lid text primary key, pn text unique);
create table if not exists whatsmeow_contacts (
    our_jid text, their_jid text, first_name text, full_name text, push_name text, business_name text,
    primary key (our_jid, their_jid));
create table if not exists whatsmeow_retry_buffer (
    our_jid text, chat_jid text, message_id text, format text, plaintext blob, timestamp integer,
    primary key (our_jid, chat_jid, message_id));
create table if not exists simulated (id text, place integer);
"""
_TIMED_OUT = "timed out waiting for message send response"
_CODE_SECONDS = 20.0


class _Tunnel(urllib.request.HTTPHandler):
    """Every connection by CONNECT through an HTTP proxy, as the library's own."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._proxy = urlsplit(address)
        self._headers = {}
        if self._proxy.username is not None:
            login = f"{unquote(self._proxy.username)}:{unquote(self._proxy.password or '')}"
            self._headers["Proxy-Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"

    def http_open(self, request: urllib.request.Request) -> Any:
        return self.do_open(self._connection, request)

    def _connection(self, host: str, **more: Any) -> http.client.HTTPConnection:
        if self._proxy.scheme != "http":
            raise OSError("unsupported proxy scheme here")
        connection = http.client.HTTPConnection(self._proxy.hostname or "", self._proxy.port, **more)
        connection.set_tunnel(host, headers=self._headers)
        return connection


class _Client:
    def __init__(self, database: str, qr: Any, told: Any, proxy: str | None) -> None:
        through = [] if proxy is None else [_Tunnel(proxy)]
        self.web = urllib.request.build_opener(urllib.request.ProxyHandler({}), *through)
        self.database = database
        self.qr = qr
        self.told = told
        self.device: str | None = None
        self.pairing: str | None = None
        self.me: Json = {}
        self.stopped = threading.Event()
        self.is_connected = False
        self.stream: Any = None


class Library:
    """`gocode` of neonize, for one process."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._clients: dict[bytes, _Client] = {}

    # its life

    def Neonize(self, database: bytes, uuid: bytes, *rest: Any) -> bytes:
        """Blocks for as long as the client lives, as Go does; what it returns is why it ended."""
        qr, told = rest[4], rest[6]
        proxy = None if rest[14] is None else rest[14]._obj.proxyAddress.decode()
        client = self._clients[uuid] = _Client(database.decode(), qr, told, proxy)
        with closing(sqlite3.connect(client.database)) as opened:
            opened.executescript(_TABLES)
            found = opened.execute("select id from simulated").fetchone()
            if found is not None:
                me = opened.execute("select jid, lid, push_name from whatsmeow_device").fetchone()
                client.device, client.me = found[0], {"jid": me[0], "lid": me[1], "name": me[2]}
        try:
            if client.device is None and not self._pair(client, uuid):
                return b""
            while not client.stopped.is_set():
                if self._follow(client, uuid):
                    break
                client.stopped.wait(0.2)
        except OSError as error:
            return f"failed to dial whatsapp web websocket: {error}".encode()
        finally:
            self._clients.pop(uuid, None)
        return b""

    def _pair(self, client: _Client, uuid: bytes) -> bool:
        begun = self._ask(client, "begin", {})
        client.pairing = begun["pairing"]
        for place, code in enumerate(begun["codes"]):
            text = ctypes.create_string_buffer(code.encode())
            client.qr(ctypes.addressof(ctypes.create_string_buffer(uuid)), ctypes.addressof(text))
            until = time.monotonic() + (3 if place == 0 else 1) * _CODE_SECONDS
            while time.monotonic() < until and not client.stopped.is_set():
                found = self._ask(client, "paired", {"pairing": client.pairing})
                if found["device"] is not None:
                    self._remember(client, found)
                    status = proto.PairStatus(BusinessName="", Platform="android", Status=proto.PairStatus.SUCCESS)
                    _set_jid(status.ID, found["jid"])
                    self._tell(client, uuid, status)
                    return True
                client.stopped.wait(0.1)
        return False

    def _remember(self, client: _Client, found: Json) -> None:
        client.device, client.me = found["device"], found
        with closing(sqlite3.connect(client.database)) as opened, opened:
            key = hashlib.sha256(found["device"].encode()).digest()
            device = (found["jid"], found["lid"], b"PRIVATE-KEY " + key, found["name"])
            opened.execute("insert or replace into whatsmeow_device values (?, ?, ?, ?)", device)
            opened.execute("insert into simulated values (?, 0)", (found["device"],))
            for lid, phone, name in found["people"]:
                opened.execute("insert or replace into whatsmeow_lid_map values (?, ?)", (lid, phone))
                row = (found["jid"], f"{phone}@s.whatsapp.net", "", "", name, "")
                opened.execute("insert or replace into whatsmeow_contacts values (?, ?, ?, ?, ?, ?)", row)

    def _follow(self, client: _Client, uuid: bytes) -> bool:
        """Pass on what is told until the stream ends; whether that is for good."""
        with closing(sqlite3.connect(client.database)) as opened:
            (after,) = opened.execute("select place from simulated").fetchone()
        request = urllib.request.Request(
            f"{self._origin}/stream?after={after}", headers={"x-device": str(client.device)}
        )
        try:
            client.stream = client.web.open(request, timeout=600)
        except urllib.error.HTTPError as error:
            if error.code == 403:
                self._tell(
                    client, uuid, proto.TemporaryBan(Code=proto.TemporaryBan.SEND_TO_TOO_MANY_PEOPLE, Expire=3600)
                )
            else:
                self._tell(client, uuid, proto.LoggedOut(OnConnect=True, Reason=2))
            return True
        except OSError:
            if not client.is_connected and after == 0:
                raise
            return False
        try:
            for line in client.stream:
                told = json.loads(line)
                if told["kind"] == "connected":
                    client.is_connected = True
                    self._tell(client, uuid, proto.Connected(status=True))
                    continue
                # A place of its own, before it is told: what ends the session is not told twice.
                with suppress(KeyError), closing(sqlite3.connect(client.database)) as opened, opened:
                    opened.execute("update simulated set place = ?", (told["place"],))
                if self._news(client, uuid, told):
                    return True
                if client.stopped.is_set():
                    return True
        except (OSError, ValueError, AttributeError):
            pass
        finally:
            was, client.is_connected = client.is_connected, False
            if was and not client.stopped.is_set():
                self._tell(client, uuid, proto.Disconnected(status=True))
        return False

    def _news(self, client: _Client, uuid: bytes, told: Json) -> bool:
        match told["kind"]:
            case "message":
                self._keep_secrets(client, [told["body"]])
                self._tell(client, uuid, ParseDict(_sealed(told["body"]), proto.Message(), ignore_unknown_fields=True))
            case "receipt":
                self._tell(client, uuid, ParseDict(told["body"], proto.Receipt()))
            case "history":
                webs = [each["message"] for chat in told["body"].get("conversations", ()) for each in chat["messages"]]
                messages = [{"Info": web["key"], "Message": web.get("message", {})} for web in webs]
                self._keep_secrets(client, messages)
                self._tell(client, uuid, ParseDict({"Data": told["body"]}, proto.HistorySync()))
            case "abort":
                os.abort()
            case "unlink":
                self._tell(client, uuid, proto.LoggedOut(OnConnect=False, Reason=2))
                return True
            case "ban":
                self._tell(
                    client, uuid, proto.TemporaryBan(Code=proto.TemporaryBan.SEND_TO_TOO_MANY_PEOPLE, Expire=3600)
                )
                return True
            case "outdated":
                self._tell(client, uuid, proto.ClientOutdated())
                return True
            case "replace":
                self._tell(client, uuid, proto.StreamReplaced())
                return True
        return False

    def _keep_secrets(self, client: _Client, bodies: list[Json]) -> None:
        rows = []
        for body in bodies:
            secret = body["Message"].get("messageContextInfo", {}).get("messageSecret")
            if secret is not None:
                rows.append((client.me["jid"], "", "", body["Info"]["ID"], base64.b64decode(secret)))
        with closing(sqlite3.connect(client.database)) as opened, opened:
            opened.executemany("insert or replace into whatsmeow_message_secrets values (?, ?, ?, ?, ?)", rows)

    def _tell(self, client: _Client, uuid: bytes, event: Any) -> None:
        _fill(event)
        raw = event.SerializeToString()
        buffer = ctypes.create_string_buffer(raw, len(raw) or 1)
        client.told(uuid, ctypes.addressof(buffer), len(raw), kinds.EVENT_TO_INT[type(event)])

    def Stop(self, uuid: bytes) -> bytes:
        client = self._clients.get(uuid)
        if client is not None:
            client.stopped.set()
            self._hang_up(client)
        return b""

    def _hang_up(self, client: _Client) -> None:
        if client.stream is not None:
            with suppress(OSError, AttributeError, ValueError):
                client.stream.fp.raw._sock.shutdown(socket.SHUT_RDWR)

    def Logout(self, uuid: bytes) -> bytes:
        client = self._clients.get(uuid)
        if client is None or not client.is_connected:
            return b"websocket not connected"
        answer = self._ask(client, "logout", {})
        if "error" not in answer:
            with closing(sqlite3.connect(client.database)) as opened, opened:
                opened.execute("delete from whatsmeow_device")
                opened.execute("delete from simulated")
            self.Stop(uuid)
        return str(answer.get("error", "")).encode()

    def GetMe(self, uuid: bytes) -> bytes:
        client = self._clients.get(uuid)
        if client is None:
            # A nil client: the real one ends the process.
            os.abort()
        device = proto.Device(Platform="android", BussinessName="", PushName=client.me["name"], Initialized=True)
        _set_jid(device.JID, client.me["jid"])
        _set_jid(device.LID, client.me["lid"])
        return _bytes(device)

    def IsConnected(self, uuid: bytes) -> bool:
        client = self._clients.get(uuid)
        return client is not None and client.is_connected

    def PairPhone(self, uuid: bytes, parameters: bytes, length: int) -> bytes:
        client = self._clients.get(uuid)
        if client is None or client.pairing is None:
            return _bytes(proto.PairPhoneReturnFunction(Error="websocket not connected"))
        phone = proto.PairPhoneParams.FromString(parameters).phone
        answer = self._ask(client, "code", {"pairing": client.pairing, "phone": phone})
        return _bytes(proto.PairPhoneReturnFunction(Code=answer.get("code"), Error=answer.get("error")))

    # what it does

    def SendMessage(self, uuid: bytes, to: bytes, to_length: int, message: bytes, length: int) -> bytes:
        client = self._clients.get(uuid)
        if client is None:
            return _bytes(proto.SendMessageReturnFunction(Error="client is nil"))
        if not client.is_connected:
            return _bytes(proto.SendMessageReturnFunction(Error="websocket not connected"))
        tree = MessageToDict(Message.FromString(message), preserving_proto_field_name=True)
        answer = self._ask(client, "send", {"to": _address(proto.JID.FromString(to)), "message": tree})
        if "error" in answer:
            return _bytes(proto.SendMessageReturnFunction(Error=answer["error"]))
        with closing(sqlite3.connect(client.database)) as opened, opened:
            row = (client.me["jid"], "", answer["id"], "waE2E", message, answer["timestamp"])
            opened.execute("insert or replace into whatsmeow_retry_buffer values (?, ?, ?, ?, ?, ?)", row)
        if answer["secret"]:
            secret = base64.b64encode(bytes.fromhex(answer["secret"])).decode()
            context = {"messageContextInfo": {"messageSecret": secret}}
            self._keep_secrets(client, [{"Info": {"ID": answer["id"]}, "Message": context}])
        sent = proto.SendMessageReturnFunction(
            SendResponse=proto.SendResponse(ID=answer["id"], Timestamp=answer["timestamp"], ServerID=0)
        )
        return _bytes(sent)

    def Upload(self, uuid: bytes, data: bytes, length: int, kind: int) -> bytes:
        answer = self._ask(self._clients[uuid], "upload", data)
        if "error" in answer:
            return _bytes(proto.UploadReturnFunction(Error=answer["error"]))
        digest = hashlib.sha256(data).digest()
        found = proto.UploadResponse(
            url=f"https://mmg.whatsapp.net{answer['path']}",
            DirectPath=answer["path"],
            Handle="",
            MediaKey=digest,
            FileSHA256=digest,
            FileEncSHA256=digest,
            FileLength=length,
        )
        return _bytes(proto.UploadReturnFunction(UploadResponse=found))

    def DownloadAny(self, uuid: bytes, message: bytes, length: int) -> bytes:
        tree = MessageToDict(Message.FromString(message), preserving_proto_field_name=True)
        path = next((part["directPath"] for part in tree.values() if "directPath" in part), "")
        answer = self._ask(self._clients[uuid], "download", {"path": path})
        return _bytes(proto.DownloadReturnFunction(Binary=answer.get("bytes"), Error=answer.get("error")))

    def MarkRead(
        self, uuid: bytes, ids: bytes, at: int, chat: bytes, length: int, sender: bytes, length_: int, kind: bytes
    ) -> bytes:
        tree = {"chat": _address(proto.JID.FromString(chat)), "ids": ids.decode().split()}
        return str(self._ask(self._clients[uuid], "receipt", tree).get("error", "")).encode()

    def SendChatPresence(self, uuid: bytes, chat: bytes, length: int, state: int, media: int) -> bytes:
        tree = {"chat": _address(proto.JID.FromString(chat)), "typing": state == 0}
        return str(self._ask(self._clients[uuid], "presence", tree).get("error", "")).encode()

    def GetJoinedGroups(self, uuid: bytes) -> bytes:
        answer = self._ask(self._clients[uuid], "groups", {})
        if "error" in answer:
            return _bytes(proto.GetJoinedGroupsReturnFunction(Error=answer["error"]))
        return _bytes(ParseDict({"Group": answer["groups"]}, proto.GetJoinedGroupsReturnFunction()))

    def GenerateMessageID(self, uuid: bytes) -> bytes:
        return b"3EB0" + os.urandom(9).hex().upper().encode()

    def CreateGroup(self, uuid: bytes, group: bytes, length: int) -> bytes:
        wanted = proto.ReqCreateGroup.FromString(group)
        tree = {"title": wanted.name, "people": [_address(each) for each in wanted.Participants]}
        answer = self._ask(self._clients[uuid], "create_group", tree)
        if "error" in answer:
            return _bytes(proto.GetGroupInfoReturnFunction(Error=answer["error"]))
        return _bytes(ParseDict({"GroupInfo": answer["group"]}, proto.GetGroupInfoReturnFunction()))

    def _ask(self, client: _Client, operation: str, tree: Json | bytes) -> Json:
        """Ask the simulated network; no answer is what the library says when it waited in vain."""
        body = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
        headers = {"content-type": "application/json", "x-device": client.device or ""}
        request = urllib.request.Request(f"{self._origin}/{operation}", data=body, headers=headers)
        try:
            with client.web.open(request, timeout=70) as answer:
                data = answer.read()
            return {"bytes": data} if operation == "download" else json.loads(data)
        except urllib.error.HTTPError as error:
            if error.code == 599:
                os.abort()
            with suppress(ValueError):
                words = json.loads(error.read())
                if isinstance(words, dict) and "error" in words:
                    return {"error": str(words["error"])}
            return {"error": f"server returned error {error.code}"}
        except urllib.error.URLError as error:
            if operation == "begin":
                raise
            refused = isinstance(error.reason, ConnectionRefusedError)
            return {"error": "websocket not connected" if refused else _TIMED_OUT}
        except OSError:
            return {"error": _TIMED_OUT}


def _bytes(message: Any) -> bytes:
    raw: bytes = _fill(message).SerializeToString()
    return raw


def _fill(message: Any) -> Any:
    """Set what must be there, and is not said."""
    for field in message.DESCRIPTOR.fields:
        if field.is_repeated:
            if field.message_type is not None and not field.message_type.GetOptions().map_entry:
                for each in getattr(message, field.name):
                    _fill(each)
        elif field.message_type is not None:
            if field.is_required or message.HasField(field.name):
                part = getattr(message, field.name)
                part.SetInParent()
                _fill(part)
        elif field.is_required and not message.HasField(field.name):
            setattr(message, field.name, field.default_value)
    return message


def _sealed(body: Json) -> Json:
    """An edit that comes in an envelope, as the telephone seals it."""
    sealed = body["Message"].get("sealed")
    if sealed is None:
        return body
    source = body["Info"]["MessageSource"]
    sender = f"{source['Sender']['User']}@{source['Sender']['Server']}"
    information = sealed["id"].encode() + sender.encode() * 2 + b"Message Edit"
    mixed = hmac.new(bytes(32), bytes.fromhex(sealed["secret"]), hashlib.sha256).digest()
    key = hmac.new(mixed, information + b"\x01", hashlib.sha256).digest()
    edit = ParseDict({"protocolMessage": sealed["edit"]}, Message(), ignore_unknown_fields=True)
    nonce = os.urandom(12)
    envelope = {
        "targetMessageKey": sealed["edit"]["key"],
        "encPayload": base64.b64encode(AESGCM(key).encrypt(nonce, edit.SerializeToString(), None)).decode(),
        "encIV": base64.b64encode(nonce).decode(),
        "secretEncType": "MESSAGE_EDIT",
    }
    return {**body, "Message": {"secretEncryptedMessage": envelope}}


def _set_jid(to: Any, address: str) -> None:
    to.User, _, to.Server = address.partition("@")


def _address(jid: Any) -> str:
    return f"{jid.User}@{jid.Server}"
