"""WhatsApp's names for things with telephones in memory behind them: what its library tells is read by the connector."""

from random import Random
from typing import Any

import msgspec

from postroom.clock import from_ms
from postroom.connectors.contract import Delta, Keep, Linked, LoginStep, Page, Reply
from postroom.connectors.whatsapp.addresses import People, make_key
from postroom.connectors.whatsapp.connector import WhatsAppConnector
from postroom.connectors.whatsapp.mailbox import Mailbox
from postroom.domain.remote import (
    ChatKey,
    Credentials,
    MessageDraft,
    MessageKey,
    Profile,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)
from postroom.errors import NotSupported, OutcomeUnknown, Refused
from tests.promises.border import Line, World

Json = dict[str, Any]

GROUP = "120363000000000001@g.us"
NUMBERS = {"ada": "4915550000001@s.whatsapp.net", "bea": "4915550000002@s.whatsapp.net"}
HIDDEN = {"ada": "180000000000001@lid", "bea": "180000000000002@lid"}


def jid(address: str) -> Json:
    user, _, server = address.partition("@")
    return {"User": user, "Server": server, "RawAgent": 0, "Device": 7}


class Telephones(World):
    """One group of Ada and Bea, in which Ada says something that she then takes back."""

    def __post_init__(self) -> None:
        self.chance = Random(f"telephones {self.seed}")
        self.chat_id = GROUP
        self.target_id = self.message_id(120_000, 1)
        self._mailboxes: dict[str, Mailbox] = {}

    def mailbox(self, member: str) -> Mailbox:
        """What the connector knows for this account; who has which number it knows from the start."""
        if member not in self._mailboxes:
            people = People(NUMBERS[member], HIDDEN[member])
            people.learn_all(((HIDDEN[each], NUMBERS[each]) for each in NUMBERS), {})
            self._mailboxes[member] = Mailbox(people)
        return self._mailboxes[member]

    def message_id(self, age_ms: int, number: int) -> str:
        return f"3EB0{self.now_ms - age_ms:013d}B{number:05d}{self.seed:08d}"

    # spellings

    def author(self, id: str) -> str:
        """Who wrote the message of this id: the target and what was sent is Ada's."""
        number = int(id.rpartition("B")[2][:5])
        return "ada" if number == 1 or number >= 300 else "bea"

    def message_spelling(self, id: str) -> str:
        return make_key(GROUP, NUMBERS[self.author(id)], id)

    def chat_spelling(self) -> str:
        return GROUP

    def key(self, id: str) -> MessageKey:
        return TELEPHONES.message_key(self.message_spelling(id))

    @property
    def chat_key(self) -> ChatKey:
        return TELEPHONES.chat_key(GROUP)

    # what the library tells

    def body(self, mailbox: str, sender: str, id: str, age_ms: int, message: Json, edit: str = "") -> Json:
        """Its event, in which the sender has one of their addresses, or both."""
        number, hidden = jid(NUMBERS[sender]), jid(HIDDEN[sender])
        first, second = self.chance.choice([(number, hidden), (hidden, number), (hidden, {}), (number, {})])
        source = {
            "Chat": jid(GROUP),
            "Sender": first,
            "SenderAlt": second,
            "IsFromMe": sender == mailbox,
            "IsGroup": True,
        }
        info = {
            "MessageSource": source,
            "ID": id,
            "Timestamp": str(self.now_ms - age_ms),
            "Edit": edit,
            "Pushname": sender,
        }
        return {"Info": info, "Message": message}

    def told(self, mailbox: str, *told: Any) -> list[RemoteEvent]:
        return self.mailbox(mailbox).read("message", self.body(mailbox, *told))

    def message(self, mailbox: str, id: str, sender: str, age_ms: int, text: str | None) -> RemoteMessage:
        (seen,) = self.told(mailbox, sender, id, age_ms, {"conversation": text})
        found: RemoteMessage = seen.message  # type: ignore[union-attr]
        return found

    def target(self, mailbox: str, state: str) -> RemoteMessage:
        """As it came, as a history that was read after an edit shows it, or as one that shows it is gone."""
        words = f"{self.secret} said" + (" better" if state == "edited" else "")
        image = {
            "imageMessage": {"caption": words, "URL": f"https://files.test/{self.secret}", "mimetype": "image/png"}
        }
        (seen,) = self.told(mailbox, "ada", self.target_id, 120_000, image)
        found: RemoteMessage = seen.message  # type: ignore[union-attr]
        if state == "recalled":
            return msgspec.structs.replace(found, recalled=True, text=None, attachments=(), original="")
        return msgspec.structs.replace(found, edited=state == "edited")

    def answer(self, mailbox: str, number: int, *, edited: bool = False, thin: bool = False) -> RemoteMessage:
        id = self.message_id(60_000 - number, 100 + number)
        text = f"answer {number} of {self.seed}" + (", better" if edited else "")
        context: Json = {
            "stanzaID": self.target_id,
            "participant": self.chance.choice([NUMBERS["ada"], HIDDEN["ada"]]),
            "quotedMessage": {"imageMessage": {"caption": f"{self.secret} said"}},
        }
        message = {"extendedTextMessage": {"text": text, **({} if thin else {"contextInfo": context})}}
        (seen,) = self.told(mailbox, "bea", id, 60_000 - number, message)
        found: RemoteMessage = seen.message  # type: ignore[union-attr]
        return msgspec.structs.replace(found, edited=edited)

    def chat(self, mailbox: str, *, subject: bool = False) -> RemoteChat:
        group = {"JID": jid(GROUP), "GroupName": {"Name": "Harbour"}}
        participants = [{"JID": jid(HIDDEN[each]), "PhoneNumber": jid(NUMBERS[each])} for each in NUMBERS]
        (found,) = self.mailbox(mailbox).groups([{**group, "Participants": participants}])
        return found

    # what somebody says of a message, as the library tells it

    def about(self, mailbox: str, sender: str, message: Json, edit: str = "") -> list[RemoteEvent]:
        age_ms = self.chance.randint(0, 60_000)
        return self.told(mailbox, sender, self.message_id(age_ms, 900), age_ms, message, edit)

    def _named(self, sender: str) -> Json:
        """The key of the target, as its author or somebody else names it."""
        key: Json = {"remoteJID": GROUP, "ID": self.target_id, "fromMe": sender == "ada"}
        if sender != "ada" or self.chance.random() < 0.5:
            key["participant"] = self.chance.choice([NUMBERS["ada"], HIDDEN["ada"]])
        return key

    def revoked(self, mailbox: str) -> list[RemoteEvent]:
        """By its author, or by an administrator of the group."""
        sender, edit = self.chance.choice([("ada", "7"), ("ada", "7"), ("bea", "8")])
        return self.about(mailbox, sender, {"protocolMessage": {"key": self._named(sender), "type": "REVOKE"}}, edit)

    def edited(self, mailbox: str, sender: str = "ada") -> list[RemoteEvent]:
        text = f"{self.secret} said by hand" if sender == "ada" else f"forged {self.seed}"
        moment = str(self.now_ms - self.chance.randint(0, 60_000))
        edit = {"type": "MESSAGE_EDIT", "timestampMS": moment, "editedMessage": {"conversation": text}}
        return self.about(mailbox, sender, {"protocolMessage": {"key": self._named(sender), **edit}}, "1")

    def reacted(self, mailbox: str) -> list[RemoteEvent]:
        emoji = self.chance.choice(["👍", "🎉", ""])
        return self.about(mailbox, "bea", {"reactionMessage": {"key": self._named("bea"), "text": emoji}})

    def read_by_bea(self) -> list[RemoteEvent]:
        source = {"Chat": jid(GROUP), "Sender": jid(HIDDEN["bea"]), "SenderAlt": {}, "IsFromMe": False, "IsGroup": True}
        body = {"MessageSource": source, "MessageIDs": [self.target_id], "Timestamp": "1790000000", "Type": "READ"}
        return self.mailbox("ada").read("receipt", body)

    def imported(self, mailbox: str) -> list[RemoteEvent]:
        """A piece of history, as a device gets it after it was linked."""
        chat = {"remoteJID": GROUP, "fromMe": mailbox == "ada", "ID": self.target_id, "participant": HIDDEN["ada"]}
        web: Json = {"key": chat, "messageTimestamp": str((self.now_ms - 120_000) // 1000)}
        if self.recalled and self.chance.random() < 0.3:
            web["messageStubType"] = "REVOKE"
        else:
            web["message"] = {"imageMessage": {"caption": f"{self.secret} said"}}
        conversation = {"ID": GROUP, "name": "Harbour", "messages": [{"message": web}]}
        return self.mailbox(mailbox).read("history", {"conversations": [conversation]})


class Wire(Line):
    """One account's connection: what it sends is echoed nowhere, and nothing can be read back."""

    _world: Telephones

    def __init__(self, world: Telephones, profile: Profile) -> None:
        super().__init__(world, profile)
        self._me = next(member for member, number in NUMBERS.items() if number == profile.provider_id)

    async def changes(self, token: str | None) -> Delta:
        return Delta(events=(), token="told", complete=self._world.chance.random() < 0.5)

    async def list_messages(self, chat: str, cursor: str | None) -> Page[RemoteMessage]:
        return Page(self._world.page(self._me), None)

    async def send_message(self, chat: str, draft: MessageDraft) -> RemoteMessage:
        sent = await super().send_message(chat, draft)
        return msgspec.structs.replace(sent, sent_at=from_ms(self._world.now_ms))

    async def recall_message(self, chat: str, message: MessageKey) -> None:
        if self._me != "ada":
            raise Refused
        self._world.recalled = True
        if self._world.chance.random() < 0.3:
            raise OutcomeUnknown

    async def read_message(self, chat: str, message: MessageKey) -> RemoteMessage | None:
        raise NotSupported


class Telephone(WhatsAppConnector):
    """WhatsApp's keys and powers; behind them worlds in memory, by number."""

    def __init__(self) -> None:
        super().__init__()
        self.worlds: dict[str, Telephones] = {}

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        assert reply is not None
        member = reply.answers["member"]
        profile = Profile(provider_id=NUMBERS[member], username=member, name=member.title())
        return Linked(profile=profile, credentials=Credentials(values=reply.answers))

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> Wire:  # type: ignore[override]
        return Wire(self.worlds[credentials.values["world"]], profile)


TELEPHONES = Telephone()
