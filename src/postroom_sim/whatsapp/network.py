"""The simulated WhatsApp, put together: what the stand-in for the native library asks of it, over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import parse_qs

from postroom_sim.network import Answer, Call, Ground, Quiet, Refused, Scenario, json_answer
from postroom_sim.whatsapp.actions import Actions, jid
from postroom_sim.whatsapp.observer import Observer
from postroom_sim.whatsapp.seed import Seed
from postroom_sim.whatsapp.store import Chat, Device, Json, Store

CODES = 6


class WhatsApp(Quiet):
    """A device is known by its id, which is as good as its keys here."""

    name = "whatsapp"

    def __init__(self, ground: Ground) -> None:
        self._store = Store(ground)
        self._actions = Actions(self._store)
        self._seed = Seed(self._store, self._actions)
        self._waiting: dict[str, list[asyncio.Event]] = {}
        self._is_over = False
        self.observer = Observer(self._store, self._actions)

    def identify(self, call: Call) -> None:
        name = call.path.strip("/")
        tree = call.json() if name not in ("upload", "stream") else None
        if name == "send" and isinstance(tree, dict):
            text = json.dumps(tree.get("message", {}))
            name = "edit" if '"MESSAGE_EDIT"' in text else "recall" if '"protocolMessage"' in text else "send"
            name = "react" if '"reactionMessage"' in text else name
        call.operation = name
        device = self._store.device(call.headers.get("x-device", ""))
        call.account = None if device is None else self._store.needed(device.phone).login

    def answer(self, call: Call) -> Answer:
        if call.path == "/stream":
            return self._stream(call)
        tree = call.json() or {}
        match call.operation:
            case "begin":
                return self._begin()
            case "code":
                return self._code(tree)
            case "paired":
                return self._paired(tree)
        device = self._device(call)
        match call.operation:
            case "send" | "recall" | "edit" | "react":
                return self._send(device, tree)
            case "upload":
                return self._upload(call)
            case "download":
                return self._download(tree)
            case "receipt":
                return self._receipt(device, tree)
            case "presence":
                return json_answer({})
            case "groups":
                return json_answer({"groups": [self._group(chat) for chat in self._groups_of(device)]})
            case "create_group":
                return self._create_group(device, tree)
            case "logout":
                self._store.end_device(device.id, "logged out")
                return json_answer({})
        raise Refused(json_answer({"error": "no such call"}, status=404))

    # linking

    def _begin(self) -> Answer:
        chance = self._store.chance()
        id = chance.randbytes(8).hex()
        codes = [f"2@{base64.b64encode(chance.randbytes(24)).decode()},{id},{place}" for place in range(CODES)]
        self._store.database.execute(
            "INSERT INTO whatsapp_pairings VALUES (?, ?, NULL, NULL, ?)",
            (id, json.dumps(codes), self._store.ground.clock.now()),
        )
        return json_answer({"pairing": id, "codes": codes})

    def _code(self, tree: Json) -> Answer:
        digits = "".join(self._store.chance().choice("ABCDEFGHJKLMNPQRSTVWXYZ123456789") for _ in range(8))
        code = f"{digits[:4]}-{digits[4:]}"
        if len(str(tree.get("phone", ""))) < 8:
            raise Refused(json_answer({"error": "phone number too short"}, status=400))
        self._store.database.execute(
            "UPDATE whatsapp_pairings SET phone_code = ? WHERE id = ?", (code, tree.get("pairing"))
        )
        return json_answer({"code": code})

    def _paired(self, tree: Json) -> Answer:
        row = self._store.database.one("SELECT device FROM whatsapp_pairings WHERE id = ?", (tree.get("pairing"),))
        device = None if row is None or row[0] is None else self._store.device(row[0])
        if device is None:
            return json_answer({"device": None})
        me = self._store.needed(device.phone)
        people = [[each.lid, each.phone, each.name] for each in self._store.people()]
        return json_answer({"device": device.id, "jid": me.jid, "lid": me.hidden, "name": me.name, "people": people})

    def _device(self, call: Call) -> Device:
        device = self._store.device(call.headers.get("x-device", ""))
        if device is None or device.state != "linked":
            raise Refused(json_answer({"error": "the store doesn't contain a device JID"}, status=401))
        return device

    # what a device is told

    def _stream(self, call: Call) -> Answer:
        device = self._store.device(call.headers.get("x-device", ""))
        if device is None:
            raise Refused(json_answer({"error": "no such device"}, status=401))
        if self._store.needed(device.phone).login == "user_banned":
            raise Refused(json_answer({"error": "banned"}, status=403))
        after = int(parse_qs(call.query).get("after", ["0"])[0])
        headers = {"content-type": "application/x-ndjson"}
        return Answer(200, headers=headers, stream=self._told(device.id, after))

    async def _told(self, device: str, after: int) -> AsyncGenerator[bytes, None]:
        """Everything after this place, then what comes; it is told from there again until a later place is named."""
        waiting = asyncio.Event()
        self._waiting.setdefault(device, []).append(waiting)
        faults = self._store.ground.faults
        try:
            yield b'{"kind": "connected"}\n'
            found = self._store.device(device)
            if found is None or found.state != "linked":
                yield b'{"kind": "unlink"}\n'
                return
            account = self._store.needed(found.phone).login or ""
            while True:
                waiting.clear()
                for place, kind, body in self._store.news(device, after):
                    after = place
                    effects = faults.for_event(self.name, account)
                    for _ in range(0 if "drop_events" in effects else 1 + int(effects.get("duplicate_events", 0))):
                        yield f'{{"kind": "{kind}", "place": {place}, "body": {body}}}\n'.encode()
                    if kind in ("cut", "abort", "unlink", "ban", "outdated", "replace"):
                        return
                await waiting.wait()
                if self._is_over:
                    return
        finally:
            self._waiting[device].remove(waiting)

    def commit_done(self) -> None:
        for streams in self._waiting.values():
            for stream in streams:
                stream.set()

    def stop(self) -> None:
        self._is_over = True
        self.commit_done()

    # what a device does

    def _chat(self, device: Device, address: Any) -> Chat:
        chat = self._store.chat_of(device.phone, str(address))
        if chat is None:
            words = "you're not participating in that group" if str(address).endswith("g.us") else "no LID found for it"
            raise Refused(json_answer({"error": words}, status=400))
        return chat

    def _send(self, device: Device, tree: Json) -> Answer:
        chat = self._chat(device, tree.get("to"))
        me = self._store.needed(device.phone)
        id, moment = self._actions.send(me, chat, tree["message"], device=device.id)
        message = self._store.message(chat.id, id, me.phone)
        secret = None if message is None else message.secret
        return json_answer({"id": id, "timestamp": int(moment), "secret": secret})

    def _upload(self, call: Call) -> Answer:
        path = f"/v/t62.{self._store.chance().randbytes(8).hex()}"
        self._store.database.execute("INSERT INTO whatsapp_files VALUES (?, ?)", (path, call.body))
        return json_answer({"path": path})

    def _download(self, tree: Json) -> Answer:
        row = self._store.database.one("SELECT bytes FROM whatsapp_files WHERE path = ?", (tree.get("path"),))
        if row is None:
            raise Refused(json_answer({"error": "download failed with status code 404"}, status=404))
        return Answer(200, row[0])

    def _receipt(self, device: Device, tree: Json) -> Answer:
        chat = self._chat(device, tree.get("chat"))
        self._actions.receipt(self._store.needed(device.phone), chat, list(tree.get("ids", ())), "READ")
        return json_answer({})

    def _groups_of(self, device: Device) -> list[Chat]:
        return [chat for chat in self._store.chats(device.phone) if chat.is_group]

    def _group(self, chat: Chat) -> Json:
        people = [self._store.needed(member) for member in chat.members]
        participants = [
            {"JID": jid(each.hidden), "LID": jid(each.hidden), "PhoneNumber": jid(each.jid)} for each in people
        ]
        return {"JID": jid(chat.id), "GroupName": {"Name": chat.title}, "Participants": participants}

    def _create_group(self, device: Device, tree: Json) -> Answer:
        people = [self._store.person(str(address)) for address in tree.get("people", ())]
        if not people or None in people:
            raise Refused(json_answer({"error": "no LID found for it"}, status=400))
        members = (device.phone, *(each.phone for each in people if each is not None))
        number = self._store.database.next("whatsapp_groups")
        chat = Chat(f"1203631{number:011d}@g.us", str(tree.get("title")), members)
        self._store.add_chat(chat)
        return json_answer({"group": self._group(chat)})

    # the rest of a network

    def expired_session(self) -> Answer:
        return json_answer({"error": "the store doesn't contain a device JID"}, status=401)

    def challenge(self) -> Answer:
        return json_answer({"error": "server returned error 463"}, status=400)

    def journal_body(self, call: Call) -> Any:
        return None if call.operation in ("upload", "stream") else call.json()

    def seed(self) -> None:
        self._seed.fill()

    def freshen(self) -> None:
        self._seed.freshen()

    def scenarios(self) -> list[Scenario]:
        scan = 'curl -X POST {sim}/_sim/network/whatsapp/do/scan -d \'{"code": "<the code>", "login": "%s"}\''
        return [
            Scenario("whatsapp", "user_good", "Ada: four chats", scan % "user_good"),
            Scenario("whatsapp", "user_second", "Bea: shares two of them", scan % "user_second"),
            Scenario("whatsapp", "user_banned", "banned as soon as it connects", scan % "user_banned"),
        ]
