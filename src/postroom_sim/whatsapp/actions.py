"""What people do in the simulated WhatsApp, and what their linked devices are told of it."""

from __future__ import annotations

import base64

from postroom_sim.whatsapp.store import Chat, Device, Json, Message, Person, Store

# A telephone ignores what comes later: 2 days and 12 hours, and 20 minutes. The server acknowledges it all the same.
REVOKE_SECONDS = 60 * 3600
EDIT_SECONDS = 20 * 60

_WRAPPERS = ("deviceSentMessage", "ephemeralMessage", "editedMessage", "documentWithCaptionMessage")


class Actions:
    def __init__(self, store: Store) -> None:
        self._store = store

    def send(
        self, sender: Person, chat: Chat, content: Json, *, at: float | None = None, device: str | None = None
    ) -> tuple[str, float]:
        """Say something: a message, or what concerns one. `at`: long ago, and nobody is told. (id, moment)."""
        chance = self._store.chance()
        id = f"3EB0{chance.getrandbits(72):018X}"
        moment = self._store.ground.clock.now() if at is None else at
        content = _unwrapped(content)
        protocol = content.get("protocolMessage", {})
        if protocol.get("key"):
            self._about(sender, chat, content, protocol, moment, id, device)
        elif "reactionMessage" in content:
            self._react(sender, chat, content["reactionMessage"], moment, id, device)
        else:
            secret = chance.randbytes(32).hex()
            message = Message(
                chat.id, sender.phone, id, content, moment, None, None, {}, [], secret, content
            )  # fmt: skip
            self._store.add_message(message)
            if at is None:
                self.tell(message, device=device)
        return id, moment

    def write(self, sender: Person, chat: Chat, text: str, reply_to: Message | None = None) -> Message:
        """A plain text of a person at their telephone."""
        content: Json = {"conversation": text}
        if reply_to is not None:
            quoted = {
                "stanzaID": reply_to.id,
                "participant": self._address(chat, reply_to.author),
                "quotedMessage": reply_to.content,
            }
            content = {"extendedTextMessage": {"text": text, "contextInfo": quoted}}
        id, _ = self.send(sender, chat, content)
        found = self._store.message(chat.id, id)
        assert found is not None
        return found

    def _about(
        self, sender: Person, chat: Chat, content: Json, protocol: Json, moment: float, id: str, device: str | None
    ) -> None:
        """A message is taken back, or edited. Whoever may not, or comes too late, is not told so."""
        key = protocol["key"]
        author = self._author(sender, chat, key)
        message = None if author is None else self._store.message(chat.id, str(key.get("ID")), author)
        edits = protocol.get("type") == "MESSAGE_EDIT"
        if message is not None and author == sender.phone and message.revoked_at is None:
            age = moment - message.sent_at
            if edits and age <= EDIT_SECONDS:
                self._store.set_message(message, content=protocol.get("editedMessage", {}), edited_at=moment)
            elif not edits and age <= REVOKE_SECONDS:
                self._store.set_message(message, revoked_at=moment, reactions={})
        if edits and message is not None and self._store.ground.switches["whatsapp_sealed_edits"]:
            content = {"sealed": {"secret": message.secret, "id": message.id, "edit": protocol}}
        self._pass_on(sender, chat, content, moment, id, "1" if edits else "7", device)

    def _author(self, sender: Person, chat: Chat, key: Json) -> str | None:
        if key.get("fromMe") is True:
            return sender.phone
        if key.get("participant"):
            person = self._store.person(str(key["participant"]))
            return None if person is None else person.phone
        return None if chat.is_group else chat.other(sender.phone)

    def _react(self, sender: Person, chat: Chat, reaction: Json, moment: float, id: str, device: str | None) -> None:
        author = self._author(sender, chat, reaction.get("key", {}))
        message = None if author is None else self._store.message(chat.id, str(reaction["key"].get("ID")), author)
        if message is not None and message.revoked_at is None:
            reactions = {who: emoji for who, emoji in message.reactions.items() if who != sender.phone}
            if reaction.get("text"):
                reactions[sender.phone] = str(reaction["text"])
            self._store.set_message(message, reactions=reactions)
        self._pass_on(sender, chat, {"reactionMessage": reaction}, moment, id, "", device)

    def receipt(self, reader: Person, chat: Chat, ids: list[str], kind: str) -> None:
        """Somebody got messages, or read them: their authors are told, and the reader's own devices."""
        now = self._store.ground.clock.now()
        authors: dict[str, list[str]] = {}
        for id in ids:
            message = self._store.message(chat.id, id)
            if message is not None and message.author != reader.phone:
                authors.setdefault(message.author, []).append(id)
                if kind == "READ" and reader.phone not in message.readers:
                    self._store.set_message(message, readers=[*message.readers, reader.phone])
        for author, found in authors.items():
            for device in self._store.devices(author):
                source = self._source(chat, reader, author)
                body = {"MessageSource": source, "MessageIDs": found, "Timestamp": str(int(now)), "Type": kind}
                self._store.add_news(device.id, "receipt", body)

    # what devices are told

    def tell(self, message: Message, device: str | None = None, *, original: bool = False) -> None:
        """A message, as it is, or as it was first written."""
        sender = self._store.needed(message.author)
        chat = self._store.chat(message.chat)
        assert chat is not None
        content = message.original if original else message.content
        content = {**content, "messageContextInfo": {"messageSecret": _base64(message.secret)}}
        self._pass_on(sender, chat, content, message.sent_at, message.id, "", device)

    def _pass_on(
        self, sender: Person, chat: Chat, content: Json, moment: float, id: str, edit: str, but: str | None
    ) -> None:
        for member in chat.members:
            for device in self._store.devices(member):
                if device.id == but:
                    continue
                body = {
                    "Info": {
                        "MessageSource": self._source(chat, sender, member),
                        "ID": id,
                        "Pushname": sender.name,
                        "Timestamp": str(int(moment * 1000)),
                        "Edit": edit,
                        "Type": "text",
                    },
                    "Message": content,
                    "IsEdit": edit == "1",
                }
                self._store.add_news(device.id, "message", body)

    def _source(self, chat: Chat, sender: Person, viewer: str) -> Json:
        """Groups know people by their hidden ids, other chats by their numbers; the other address stands beside it."""
        own = sender.phone == viewer
        if chat.is_group:
            return {
                "Chat": jid(chat.id),
                "Sender": jid(sender.hidden),
                "SenderAlt": jid(sender.jid),
                "IsFromMe": own,
                "IsGroup": True,
                "AddressingMode": "LID",
            }
        other = self._store.needed(chat.other(viewer))
        source = {
            "Chat": jid(other.jid),
            "Sender": jid(sender.jid),
            "SenderAlt": jid(sender.hidden),
            "IsFromMe": own,
            "IsGroup": False,
            "AddressingMode": "PN",
        }
        return {**source, "RecipientAlt": jid(other.hidden)} if own else source

    def _address(self, chat: Chat, phone: str) -> str:
        person = self._store.needed(phone)
        return person.hidden if chat.is_group else person.jid

    def history(self, device: Device) -> list[Json]:
        """All that a device is told after it was linked, in two pieces."""
        me = self._store.needed(device.phone)
        conversations = []
        for chat in self._store.chats(device.phone):
            messages = self._store.messages(chat.id)
            if messages:
                conversations.append(self._conversation(chat, me, messages))
        people = self._store.people()
        first = {
            "syncType": "INITIAL_BOOTSTRAP",
            "chunkOrder": 1,
            "progress": 50,
            "conversations": conversations[:2],
            "phoneNumberToLidMappings": [{"pnJID": each.jid, "lidJID": each.hidden} for each in people],
        }
        second = {"syncType": "RECENT", "chunkOrder": 2, "progress": 100, "conversations": conversations[2:]}
        names = [{"ID": each.jid, "pushname": each.name} for each in people]
        return [{"syncType": "PUSH_NAME", "pushnames": names}, first, second]

    def _conversation(self, chat: Chat, me: Person, messages: list[Message]) -> Json:
        address = chat.id if chat.is_group else self._store.needed(chat.other(me.phone)).jid
        name = chat.title or self._store.needed(chat.other(me.phone)).name
        return {
            "ID": address,
            "name": name,
            "conversationTimestamp": str(int(messages[-1].sent_at)),
            "unreadCount": 0,
            "messages": [{"message": self._web(chat, me, address, message)} for message in reversed(messages)],
        }

    def _web(self, chat: Chat, me: Person, address: str, message: Message) -> Json:
        own = message.author == me.phone
        key: Json = {"remoteJID": address, "fromMe": own, "ID": message.id}
        author = self._store.needed(message.author)
        if chat.is_group and not own:
            key["participant"] = author.hidden
        web: Json = {
            "key": key,
            "messageTimestamp": str(int(message.sent_at)),
            "pushName": author.name,
            "status": "READ" if message.readers else "DELIVERY_ACK",
        }
        if message.revoked_at is not None:
            return {**web, "messageStubType": "REVOKE"}
        secret = {"messageContextInfo": {"messageSecret": _base64(message.secret)}}
        reactions = []
        for who, emoji in message.reactions.items():
            person = self._store.needed(who)
            about: Json = {"remoteJID": address, "fromMe": who == me.phone}
            if chat.is_group and who != me.phone:
                about["participant"] = person.hidden
            reactions.append({"key": about, "text": emoji})
        return {**web, "message": {**message.content, **secret}, "reactions": reactions}


def jid(address: str) -> Json:
    user, _, server = address.partition("@")
    return {"User": user, "RawAgent": 0, "Device": 0, "Integrator": 0, "Server": server}


def text_of(content: Json) -> str | None:
    """What a message says."""
    if "conversation" in content:
        return str(content["conversation"])
    for tree in content.values():
        if isinstance(tree, dict) and ("text" in tree or "caption" in tree):
            return str(tree.get("text", tree.get("caption")))
    return None


def _unwrapped(content: Json) -> Json:
    for name in _WRAPPERS:
        if name in content:
            inner: Json = content[name].get("message", {})
            return _unwrapped(inner)
    return content


def _base64(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()
