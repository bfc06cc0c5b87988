"""From rows to the objects LinkedIn puts on the wire, as one viewer sees them."""

from __future__ import annotations

import json
from typing import Any

from postroom_sim.linkedin import identifiers as urn
from postroom_sim.linkedin.attachments import render
from postroom_sim.linkedin.model import Mailbox, Member, Message, Thread
from postroom_sim.linkedin.store import Store

Json = dict[str, Any]

TYPE = "com.linkedin.messenger."


def collection(elements: list[Json], metadata: Json | None) -> Json:
    return {"_type": "com.linkedin.restli.common.CollectionResponse", "elements": elements, "metadata": metadata}


def attributed(text: str, attributes: list[Json] | None = None) -> Json:
    return {
        "_type": "com.linkedin.pemberly.text.AttributedText",
        "_recipeType": "com.linkedin.1ea7e24db829a1347b841f2dd496da36",
        "text": text,
        "attributes": attributes or [],
    }


class Wire:
    def __init__(self, store: Store) -> None:
        self._store = store

    def _switch(self, name: str) -> Any:
        return self._store.ground.switches[name]

    def me(self, member: Member) -> Json:
        profile = {
            "firstName": member.first_name,
            "lastName": member.last_name,
            "occupation": member.headline,
            "publicIdentifier": member.slug,
            "memorialized": False,
            "entityUrn": f"urn:li:fs_miniProfile:{member.id}",
            "dashEntityUrn": urn.profile(member.id),
            "objectUrn": f"urn:li:member:{member.number}",
            "trackingId": "c2ltdWxhdGVkLW1lbWJlcg==",
        }
        picture = self.picture(member)
        if picture:
            profile["picture"] = {"com.linkedin.common.VectorImage": picture}
        return {"plainId": member.number, "miniProfile": profile}

    def picture(self, member: Member) -> Json | None:
        if member.picture is None:
            return None
        root = f"{self._store.ground.origin}/linkedin/dms/prv/image/{member.picture}/"
        artifacts = [
            {
                "width": size,
                "height": size,
                "fileIdentifyingUrlPathSegment": f"{size}_{size}",
                "expiresAt": 1924992000000,
            }
            for size in (100, 400)
        ]
        return {"rootUrl": root, "artifacts": artifacts}

    def participant(self, member: Member, viewer: str) -> Json:
        return {
            "_type": TYPE + "MessagingParticipant",
            "_recipeType": "com.linkedin.c80dd22c4c1bb9a8ae5ac1e6c8d1ee0c",
            "entityUrn": urn.participant(member.id),
            "hostIdentityUrn": urn.profile(member.id),
            "backendUrn": f"urn:li:member:{member.number}",
            "showPremiumInBug": False,
            "showVerificationBadge": False,
            "preview": None,
            "participantType": {
                "member": {
                    "profileUrl": f"https://www.linkedin.com/in/{member.id}",
                    "firstName": attributed(member.first_name),
                    "lastName": attributed(member.last_name),
                    "headline": attributed(member.headline),
                    "distance": "SELF" if member.id == viewer else "DISTANCE_1",
                    "profilePicture": self.picture(member),
                    "pronoun": None,
                },
                "organization": None,
                "custom": None,
                "agent": None,
            },
        }

    def sender(self, member: Member) -> Json:
        """The brief form, which has no participantType."""
        return {
            "_type": TYPE + "MessagingParticipant",
            "_recipeType": "com.linkedin.2d2d3d2f8a6d3cf0a9e2a9b3cd4d2f6c",
            "entityUrn": urn.participant(member.id),
            "hostIdentityUrn": urn.profile(member.id),
            "backendUrn": f"urn:li:member:{member.number}",
        }

    def message(self, message: Message, viewer: str, *, conversation: Json | None = None) -> Json:
        """Reads embed a reference to the conversation; realtime passes the full one."""
        sender = self._store.member(message.sender_id)
        tree: Json = {
            "_type": TYPE + "Message",
            "_recipeType": "com.linkedin.adcf5d2ac60f0f9f8d5a3c4e22fba0c3",
            "entityUrn": urn.message(viewer, message.id),
            "backendUrn": f"urn:li:messagingMessage:{message.id}",
            "backendConversationUrn": f"urn:li:messagingThread:{message.thread_id}",
            "conversation": conversation
            or {"_type": TYPE + "Conversation", "entityUrn": urn.conversation(viewer, message.thread_id)},
            "body": attributed(message.text, message.attributes),
            "subject": message.subject,
            "deliveredAt": message.delivered_at,
            "sender": self.sender(sender),
            "actor": self.participant(sender, viewer),
            "originToken": message.origin_token if message.sender_id == viewer else None,
            "messageBodyRenderFormat": message.format,
            "renderContent": [render(item, message, viewer, self._store) for item in message.content],
            "renderContentFallbackText": None,
            "reactionSummaries": self.reactions(message.id, viewer),
            "footer": None,
            "inlineWarning": None,
            "incompleteRetriableData": False,
        }
        if message.format == "RECALLED":
            self._blank(tree)
        if self._switch("unknown_fields"):
            tree["agenticProvenance"] = {"_type": TYPE + "Provenance", "steps": [None, {"kind": "UNSEEN_BEFORE"}]}
        if self._switch("sparse_conversations"):
            tree["actor"] = None
            tree["reactionSummaries"] = None if not tree["reactionSummaries"] else tree["reactionSummaries"]
        return tree

    def _blank(self, tree: Json) -> None:
        tree["renderContent"] = []
        tree["subject"] = None
        body = self._switch("recalled_body")
        if body == "null":
            tree["body"] = None
        elif body == "absent":
            del tree["body"]
        else:
            tree["body"] = attributed("")

    def reactions(self, message_id: str, viewer: str) -> list[Json]:
        summaries: dict[str, Json] = {}
        for reaction in self._store.list_reactions(message_id):
            summary = summaries.setdefault(
                reaction.emoji,
                {
                    "_type": TYPE + "ReactionSummary",
                    "emoji": reaction.emoji,
                    "count": 0,
                    "firstReactedAt": reaction.at,
                    "viewerReacted": False,
                },
            )
            summary["count"] += 1
            summary["viewerReacted"] |= reaction.member_id == viewer
        return list(summaries.values())

    def conversation(self, thread: Thread, mailbox: Mailbox, latest: Message | None) -> Json:
        viewer = mailbox.member_id
        sparse = self._switch("sparse_conversations")
        kind = {"_type": TYPE + "ConversationTypeText", "text": "InMail"} if thread.kind == "inmail" else None
        members = self._store.list_participants(thread.id)
        tree: Json = {
            "_type": TYPE + "Conversation",
            "_recipeType": "com.linkedin.2a1f3aa9cf0ad2a5dd2e0a0d2ad8f3f3",
            "entityUrn": urn.conversation(viewer, thread.id),
            "backendUrn": f"urn:li:messagingThread:{thread.id}",
            "conversationUrl": f"https://www.linkedin.com/messaging/thread/{thread.id}/",
            "title": thread.title,
            "groupChat": thread.group_chat,
            "read": mailbox.unread_count == 0 and not mailbox.marked_unread,
            "unreadCount": mailbox.unread_count,
            "lastActivityAt": mailbox.last_activity_at,
            "lastReadAt": mailbox.last_read_at,
            "createdAt": thread.created_at,
            "categories": mailbox.categories,
            "state": self._store.request_state(viewer, thread.id) or ("ACCEPTED" if thread.kind == "inmail" else None),
            "notificationStatus": "ACTIVE",
            "conversationParticipants": [self.participant(member, viewer) for member in members],
            "creator": None if sparse else self.participant(self._store.member(thread.creator), viewer),
            "messages": collection([self.message(latest, viewer)] if latest else [], None),
            "draftMessages": None,
            "disabledFeatures": [],
            "conversationTypeText": kind,
            "headlineText": None,
            "shortHeadlineText": None,
            "descriptionText": None,
            "contentMetadata": None,
            "hostConversationActions": [],
            "incompleteRetriableData": False,
        }
        if sparse:
            del tree["messages"]
            tree["disabledFeatures"] = None
        if self._switch("unknown_fields"):
            tree["conversationMood"] = {"_type": TYPE + "Mood", "label": None}
        return tree

    def deleted(self, urns: list[tuple[str, str]]) -> list[Any]:
        """Entries of deletedUrns; each is ("message" or "conversation", URN)."""
        if self._switch("deleted_urns") == "plain":
            return [text for _, text in urns]
        return [
            {
                "message": {"entityUrn": text} if kind == "message" else None,
                "conversation": {"entityUrn": text} if kind == "conversation" else None,
            }
            for kind, text in urns
        ]


def legacy_message(message: Message, sender: Member) -> Json:
    """The undecorated realtime shape, from before GraphQL."""
    content: Json = {
        "attributedBody": {"text": message.text, "attributes": []},
        "body": message.text,
        "subject": message.subject,
        "attachments": [],
        "recalledAt": message.recalled_at,
        "lastEditedAt": message.edited_at,
        "messageBodyRenderFormat": message.format,
    }
    return {
        "event": {
            "entityUrn": f"urn:li:fs_event:({message.thread_id},{message.id})",
            "dashEntityUrn": f"urn:li:fsd_message:{message.id}",
            "backendUrn": f"urn:li:messagingMessage:{message.id}",
            "createdAt": message.delivered_at,
            "originToken": message.origin_token,
            "subtype": "MEMBER_TO_MEMBER",
            "from": {
                "com.linkedin.voyager.messaging.MessagingMember": {
                    "miniProfile": {
                        "entityUrn": f"urn:li:fs_miniProfile:{sender.id}",
                        "firstName": sender.first_name,
                        "lastName": sender.last_name,
                        "objectUrn": f"urn:li:member:{sender.number}",
                    }
                }
            },
            "eventContent": {"com.linkedin.voyager.messaging.event.MessageEvent": content},
        }
    }


def compact(tree: Any) -> str:
    return json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
