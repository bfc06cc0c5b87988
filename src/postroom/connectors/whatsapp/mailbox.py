"""What the library tells of one account, read as news. It knows people and chats as far as it was told; no I/O."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from postroom.connectors.whatsapp import addresses, convert
from postroom.connectors.whatsapp.addresses import People, is_group, is_person, of_jid, plain
from postroom.connectors.whatsapp.convert import as_list, as_number, as_object, as_text, moment
from postroom.domain.chats import ChatKind
from postroom.domain.messages import Reaction
from postroom.domain.remote import (
    ChatChanged,
    ChatKey,
    MessageDelivered,
    MessageEdited,
    MessageGone,
    MessageSeen,
    ReactionChanged,
    ReadUpTo,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)

Json = Any

_REVOKED_STUBS = frozenset({"REVOKE", "ADMIN_REVOKE"})
_BY_ADMIN = "8"
"""`Info.Edit` of a removal by a group's administrator, as WhatsApp's server lets it through."""
_DELIVERED = frozenset({"DELIVERY_ACK", "READ", "PLAYED"})
_READ = frozenset({"READ", "PLAYED"})

log = structlog.get_logger()


class Where(msgspec.Struct, frozen=True, kw_only=True):
    """Where something was said, and by whom; addresses as `People.one` has them."""

    chat: str
    sender: str
    is_group: bool

    @property
    def chat_key(self) -> ChatKey:
        return ChatKey(self.chat)


class Mailbox:
    """Reads what comes for one account."""

    def __init__(self, people: People) -> None:
        self.people = people
        self._chats: dict[str, RemoteChat] = {}

    def read(self, kind: str, body: Json) -> list[RemoteEvent]:
        """The news in one of the library's events."""
        tree = as_object(body)
        match kind:
            case "message":
                return self._message(tree)
            case "receipt":
                return self._receipt(tree)
            case "history":
                return self._history(tree)
            case "group":
                return [ChatChanged(chat=chat) for chat in self.groups([tree])]
        return []

    # chats

    def groups(self, found: Sequence[Json]) -> list[RemoteChat]:
        """The account's groups, with who is in them."""
        chats = []
        for group in map(as_object, found):
            address = of_jid(as_object(group.get("JID")))
            if not is_group(address):
                continue
            for each in map(as_object, as_list(group.get("Participants"))):
                self._learn_participant(each)
            members = [of_jid(as_object(each).get("JID")) for each in as_list(group.get("Participants"))]
            known = self._chat(address)
            name = as_text(as_object(group.get("GroupName")).get("Name")) or known.name
            people = tuple(convert.attendee(member, self.people) for member in dict.fromkeys(filter(None, members)))
            chats.append(self._keep(msgspec.structs.replace(known, name=name, attendees=people or known.attendees)))
        return chats

    def _learn_participant(self, each: dict[str, Json]) -> None:
        addresses_ = [of_jid(each.get(name)) for name in ("JID", "LID", "PhoneNumber")]
        for one in addresses_:
            for other in addresses_:
                self.people.learn(one, other)
        if name := as_text(each.get("DisplayName")):
            self.people.learn_name(addresses_[0], name)

    def _chat(self, address: str) -> RemoteChat:
        known = self._chats.get(address)
        if known is not None:
            return known
        group = is_group(address)
        return RemoteChat(
            provider_id=address,
            key=ChatKey(address),
            kind=ChatKind.GROUP if group else ChatKind.SINGLE,
            name=None if group else self.people.name(address),
            attendees=()
            if group
            else (convert.attendee(address, self.people), convert.attendee(self.people.me, self.people)),
        )

    def _keep(self, chat: RemoteChat) -> RemoteChat:
        self._chats[chat.provider_id] = chat
        return chat

    # what is said

    def _where(self, source: dict[str, Json]) -> Where | None:
        """Raises nothing; None: not a chat of people (a status, a channel)."""
        chat, sender = of_jid(source.get("Chat")), of_jid(source.get("Sender"))
        sender_alt, recipient_alt = of_jid(source.get("SenderAlt")), of_jid(source.get("RecipientAlt"))
        self.people.learn(sender, sender_alt)
        own = source.get("IsFromMe") is True
        if own:
            sender = self.people.me
        if is_person(chat):
            self.people.learn(chat, recipient_alt if own else sender_alt)
        if not (is_group(chat) or is_person(chat)) or not is_person(sender):
            return None
        return Where(chat=self.people.one(chat), sender=self.people.one(sender), is_group=is_group(chat))

    def _message(self, body: dict[str, Json]) -> list[RemoteEvent]:
        info = as_object(body.get("Info"))
        where = self._where(as_object(info.get("MessageSource")))
        if where is None:
            return []
        self.people.learn_name(where.sender, as_text(info.get("Pushname")))
        message = convert.unwrapped(body.get("Message"))
        sent_ms = as_number(info.get("Timestamp"))
        protocol = as_object(message.get("protocolMessage"))
        if as_object(protocol.get("key")):
            # REVOKE is 0, and so left out by some.
            if protocol.get("type", "REVOKE") == "REVOKE":
                return self._revoked(where, protocol["key"], as_text(info.get("Edit")))
            if protocol["type"] == "MESSAGE_EDIT":
                return self._edited(where, protocol, as_number(protocol.get("timestampMS")) or sent_ms)
            return []
        if "reactionMessage" in message:
            return self._reacted(where, as_object(message["reactionMessage"]))
        found = self._shown(where, message, as_text(info.get("ID")), sent_ms)
        if found is None:
            return []
        chat = self._chat(where.chat)
        unread = 0 if self.people.is_me(where.sender) else chat.unread_count + 1
        chat = self._keep(msgspec.structs.replace(chat, last_message_at=found.sent_at, unread_count=unread))
        # A group that is not known by name yet is left to the sync that its first message asks for.
        return [MessageSeen(message=found, chat=chat if chat.name is not None else None)]

    def _shown(self, where: Where, message: dict[str, Json], id: str, sent_ms: int) -> RemoteMessage | None:
        sent_at = moment(sent_ms)
        if not id or sent_at is None:
            return None
        key, *others = self.people.keys(where.chat, where.sender, id)
        said = convert.shown(message, key)
        if said is None:
            return None
        own = self.people.is_me(where.sender)
        quote = convert.quote(said.context, where.chat, self.people)
        return RemoteMessage(
            provider_id=key,
            key=key,
            other_keys=tuple(others),
            chat_provider_id=where.chat,
            chat_key=where.chat_key,
            sender=convert.attendee(where.sender, self.people),
            sent_at=sent_at,
            text=said.text,
            attachments=said.attachments,
            quote=quote,
            quote_other_keys=()
            if quote is None
            else self.people.keys(quote.key.partition("/")[0], quote.sender_id, quote.key.rpartition("/")[2])[1:],
            is_forwarded=said.context.get("isForwarded") is True,
            delivered=not own,
            original=convert.original(message),
        )

    def _target(self, where: Where, key: dict[str, Json]) -> tuple[str, str] | None:
        """(author, id) of the message that a key names, from the view of whoever sent it.

        Source: the rule of the mautrix bridge for WhatsApp, checked 2026-11-21.
        """
        id = as_text(key.get("ID"))
        if not id:
            return None
        if key.get("fromMe") is True:
            return where.sender, id
        participant = plain(as_text(key.get("participant")))
        if participant:
            return self.people.one(participant), id
        if where.is_group:
            return None
        return (where.chat if self.people.is_me(where.sender) else self.people.me), id

    def _revoked(self, where: Where, key: dict[str, Json], edit: str) -> list[RemoteEvent]:
        target = self._target(where, as_object(key))
        if target is None:
            return []
        author, id = target
        by_admin = where.is_group and edit == _BY_ADMIN
        if not by_admin and not self.people.same(author, where.sender):
            log.warning("whatsapp.recall_not_believed")
            return []
        by = None if by_admin else self.people.all(where.sender)
        return [
            MessageGone(key=each, chat_key=where.chat_key, by=by) for each in self.people.keys(where.chat, author, id)
        ]

    def _edited(self, where: Where, protocol: dict[str, Json], at_ms: int) -> list[RemoteEvent]:
        target = self._target(where, as_object(protocol.get("key")))
        edited_at = moment(at_ms)
        if target is None or edited_at is None:
            return []
        author, id = target
        if not self.people.same(author, where.sender):
            log.warning("whatsapp.edit_not_believed")
            return []
        new = convert.unwrapped(protocol.get("editedMessage"))
        keys = self.people.keys(where.chat, author, id)
        said = convert.shown(new, keys[0])
        if said is None:
            return []
        # A caption comes without the file, and what names the file must stay.
        whole = convert.original(new) if not said.attachments else None
        return [
            MessageEdited(
                key=each,
                chat_key=where.chat_key,
                text=said.text,
                by=self.people.all(where.sender),
                edited_at=edited_at,
                original=whole,
            )
            for each in keys
        ]

    def _reacted(self, where: Where, reaction: dict[str, Json]) -> list[RemoteEvent]:
        target = self._target(where, as_object(reaction.get("key")))
        if target is None:
            return []
        emoji = as_text(reaction.get("text"))
        return [
            ReactionChanged(
                key=each,
                chat_key=where.chat_key,
                emoji=emoji,
                sender_id=where.sender,
                is_sender=self.people.is_me(where.sender),
                added=bool(emoji),
                replaces=True,
            )
            for each in self.people.keys(where.chat, *target)
        ]

    def _receipt(self, body: dict[str, Json]) -> list[RemoteEvent]:
        source = as_object(body.get("MessageSource"))
        where = self._where(source)
        kind = body.get("Type", "DELIVERED")
        if where is None:
            return []
        by_me = kind == "READ_SELF" or self.people.is_me(where.sender)
        if by_me and where.is_group:
            return []
        # The others' receipts are of one's own messages, one's own are of the other's.
        author = where.chat if by_me else self.people.me
        if by_me:
            self._keep(msgspec.structs.replace(self._chat(where.chat), unread_count=0))
        news: list[RemoteEvent] = []
        seen_at = moment(as_number(body.get("Timestamp")) * 1000)
        for id in map(as_text, as_list(body.get("MessageIDs"))):
            key = addresses.make_key(where.chat, author, id)
            if kind in ("READ", "PLAYED", "READ_SELF") and seen_at is not None:
                news.append(ReadUpTo(key=key, chat_key=where.chat_key, reader_id=where.sender, seen_at=seen_at))
            elif kind == "DELIVERED" and not by_me:
                news.append(MessageDelivered(key=key))
        return news

    # history

    def _history(self, body: dict[str, Json]) -> list[RemoteEvent]:
        for pair in map(as_object, as_list(body.get("phoneNumberToLidMappings"))):
            self.people.learn(plain(as_text(pair.get("lidJID"))), plain(as_text(pair.get("pnJID"))))
        for each in map(as_object, as_list(body.get("pushnames"))):
            self.people.learn_name(plain(as_text(each.get("ID"))), as_text(each.get("pushname")))
        news: list[RemoteEvent] = []
        for conversation in map(as_object, as_list(body.get("conversations"))):
            news += self._conversation(conversation)
        return news

    def _conversation(self, tree: dict[str, Json]) -> list[RemoteEvent]:
        address = plain(as_text(tree.get("ID")))
        for other in ("pnJID", "lidJID"):
            self.people.learn(address, plain(as_text(tree.get(other))))
        if not (is_group(address) or is_person(address)):
            return []
        address = self.people.one(address)
        chat = self._chat(address)
        name: str | None = as_text(tree.get("name")) or as_text(tree.get("displayName")) or chat.name
        if not is_group(address):
            self.people.learn_name(address, as_text(tree.get("name")))
        chat = self._keep(
            msgspec.structs.replace(
                chat,
                name=name,
                unread_count=as_number(tree.get("unreadCount")),
                archived=tree.get("archived") is True,
                pinned=as_number(tree.get("pinned")) > 0,
                muted=as_number(tree.get("muteEndTime")) != 0,
                read_only=tree.get("readOnly") is True,
                last_message_at=moment(as_number(tree.get("conversationTimestamp")) * 1000) or chat.last_message_at,
            )
        )
        news: list[RemoteEvent] = [ChatChanged(chat=chat)]
        for each in map(as_object, as_list(tree.get("messages"))):
            found = self._of_history(address, as_object(each.get("message")))
            if found is not None:
                news.append(MessageSeen(message=found))
        return news

    def _of_history(self, chat: str, web: Mapping[str, Json]) -> RemoteMessage | None:
        key = as_object(web.get("key"))
        participant = plain(as_text(key.get("participant")) or as_text(web.get("participant")))
        author = self.people.me if key.get("fromMe") is True else participant if is_group(chat) else chat
        if not is_person(author):
            return None
        where = Where(chat=chat, sender=self.people.one(author), is_group=is_group(chat))
        self.people.learn_name(where.sender, as_text(web.get("pushName")))
        id, sent_ms = as_text(key.get("ID")), as_number(web.get("messageTimestamp")) * 1000
        if web.get("messageStubType") in _REVOKED_STUBS:
            gone = self._shown(where, {"conversation": ""}, id, sent_ms)
            return None if gone is None else msgspec.structs.replace(gone, recalled=True, text=None, original="")
        found = self._shown(where, convert.unwrapped(web.get("message")), id, sent_ms)
        if found is None:
            return None
        status = web.get("status")
        return msgspec.structs.replace(
            found,
            delivered=found.delivered or status in _DELIVERED,
            seen=status in _READ or None,
            reactions=self._reactions(where, as_list(web.get("reactions"))) or None,
        )

    def _reactions(self, where: Where, found: list[Json]) -> tuple[Reaction, ...]:
        reactions = []
        for each in map(as_object, found):
            key = as_object(each.get("key"))
            participant = plain(as_text(key.get("participant")))
            sender = self.people.me if key.get("fromMe") is True else participant or where.chat
            if as_text(each.get("text")) and is_person(sender):
                sender = self.people.one(sender)
                reactions.append(Reaction(value=each["text"], sender_id=sender, is_sender=self.people.is_me(sender)))
        return tuple(reactions)
