"""Realtime events: composed with the change that causes them, kept for replay, told after the commit."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from postroom_sim.linkedin import identifiers as urn
from postroom_sim.linkedin.model import Member, Message
from postroom_sim.linkedin.store import Store
from postroom_sim.linkedin.wire import TYPE, Wire, compact, legacy_message

Json = dict[str, Any]

_KEYS = {
    "messagesTopic": "doDecorateMessageMessengerRealtimeDecoration",
    "conversationsTopic": "doDecorateConversationMessengerRealtimeDecoration",
    "conversationDeletesTopic": "doDecorateConversationDeleteMessengerRealtimeDecoration",
    "messageSeenReceiptsTopic": "doDecorateSeenReceiptMessengerRealtimeDecoration",
    "messageReactionSummariesTopic": "doDecorateRealtimeReactionSummaryMessengerRealtimeDecoration",
    "typingIndicatorsTopic": "doDecorateTypingIndicatorMessengerRealtimeDecoration",
}


@dataclass(frozen=True, slots=True)
class Event:
    member_id: str
    topic: str
    decorated: str
    undecorated: str


class Events:
    """What is to be pushed to whom; `take` it once the change is committed."""

    def __init__(self, store: Store, wire: Wire) -> None:
        self._store = store
        self._wire = wire
        self._pending: list[Event] = []

    def take(self) -> list[Event]:
        taken, self._pending = self._pending, []
        return taken

    def past(self) -> list[Event]:
        sql = "SELECT member_id, topic, decorated, undecorated FROM linkedin_events ORDER BY position"
        return [Event(*row) for row in self._store.database.all(sql)]

    def message(self, message: Message) -> None:
        """New, edited and recalled messages look the same but for the render format; everyone in the thread is told."""
        thread = self._store.thread(message.thread_id)
        sender = self._store.member(message.sender_id)
        for mailbox in self._store.list_mailboxes_of_thread(thread.id):
            conversation = self._wire.conversation(thread, mailbox, None)
            conversation.pop("messages", None)
            full = self._wire.message(message, mailbox.member_id, conversation=conversation)
            self._add(mailbox.member_id, "messagesTopic", full, legacy_message(message, sender))

    def conversation(self, member_id: str, thread_id: str, latest: Message | None) -> None:
        thread = self._store.thread(thread_id)
        mailbox = self._store.find_mailbox(member_id, thread_id)
        assert mailbox is not None
        tree = self._wire.conversation(thread, mailbox, latest)
        legacy = {
            "action": "UPDATE",
            "conversation": f"urn:li:fs_conversation:{thread_id}",
            "read": tree["read"],
            "unreadCount": mailbox.unread_count,
        }
        self._add(member_id, "conversationsTopic", tree, legacy)

    def conversation_deleted(self, member_id: str, thread_id: str) -> None:
        result = {"_type": TYPE + "Conversation", "entityUrn": urn.conversation(member_id, thread_id)}
        legacy = {"action": "DELETE", "conversation": f"urn:li:fs_conversation:{thread_id}"}
        self._add(member_id, "conversationDeletesTopic", result, legacy)

    def reaction(self, message: Message, actor: Member, emoji: str, *, added: bool) -> None:
        for mailbox in self._store.list_mailboxes_of_thread(message.thread_id):
            viewer = mailbox.member_id
            summaries = self._wire.reactions(message.id, viewer)
            empty = {"emoji": emoji, "count": 0, "firstReactedAt": 0, "viewerReacted": False}
            result = {
                "reactionAdded": added,
                "actor": self._wire.participant(actor, viewer),
                "message": {"entityUrn": urn.message(viewer, message.id)},
                "reactionSummary": next((item for item in summaries if item["emoji"] == emoji), empty),
            }
            legacy = {
                "reactionAdded": added,
                "eventUrn": f"urn:li:fs_event:({message.thread_id},{message.id})",
                "actorMiniProfileUrn": f"urn:li:fs_miniProfile:{actor.id}",
                "reactionSummary": result["reactionSummary"],
            }
            self._add(viewer, "messageReactionSummariesTopic", result, legacy)

    def seen(self, message: Message, reader: Member, at: int) -> None:
        for mailbox in self._store.list_mailboxes_of_thread(message.thread_id):
            viewer = mailbox.member_id
            if viewer == reader.id:
                continue
            result = {
                "seenAt": at,
                "message": {"entityUrn": urn.message(viewer, message.id)},
                "seenByParticipant": self._wire.participant(reader, viewer),
            }
            legacy = {
                "fromEntity": urn.profile(reader.id),
                "seenReceipt": {"eventUrn": f"urn:li:fs_event:({message.thread_id},{message.id})", "seenAt": at},
            }
            self._add(viewer, "messageSeenReceiptsTopic", result, legacy)

    def typing(self, thread_id: str, member: Member) -> None:
        for mailbox in self._store.list_mailboxes_of_thread(thread_id):
            viewer = mailbox.member_id
            if viewer == member.id:
                continue
            result = {
                "typingParticipant": self._wire.participant(member, viewer),
                "conversation": {"entityUrn": urn.conversation(viewer, thread_id)},
            }
            legacy = {"fromEntity": urn.profile(member.id), "conversation": f"urn:li:fs_conversation:{thread_id}"}
            self._add(viewer, "typingIndicatorsTopic", result, legacy)

    def _add(self, member_id: str, topic: str, result: Json, legacy: Json) -> None:
        at = self._store.ground.clock.now_ms()
        envelope: Json = {
            "topic": f"urn:li-realtime:{topic}:urn:li-realtime:myself",
            "id": str(uuid.UUID(int=self._store.chance().getrandbits(128), version=4)),
            "leftServerAt": at,
            "trackingId": "c2ltdWxhdGVkLWV2ZW50IQ==",
            "publisherTrackingId": "c2ltdWxhdGVkLXB1Ymxpc2g=",
        }
        data = {
            "_type": f"{TYPE}RealtimeDecoration",
            "_recipeType": "com.linkedin.5b5c4d2b7a0c2b0b9b1d3b6d0a5f4b8e",
            _KEYS[topic]: {"result": result},
        }
        name = "com.linkedin.realtimefrontend.DecoratedEvent"
        decorated = compact({name: {**envelope, "payload": {"data": data, "$metadata": {}}}})
        undecorated = compact({name: {**envelope, "payload": legacy}})
        self._store.database.execute(
            "INSERT INTO linkedin_events (member_id, topic, at, decorated, undecorated) VALUES (?, ?, ?, ?, ?)",
            (member_id, topic, at, decorated, undecorated),
        )
        self._pending.append(Event(member_id, topic, decorated, undecorated))
