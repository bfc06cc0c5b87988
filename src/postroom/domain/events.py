"""What can happen here. Events carry ids, never content: content is joined when an event is delivered."""

from enum import StrEnum

import msgspec


class EventType(StrEnum):
    """The catalogue. The names equal PostPost's where it has one."""

    ACCOUNT_LINKED = "account.linked"
    ACCOUNT_LINK_FAILED = "account.link_failed"
    ACCOUNT_SYNCED = "account.synced"
    ACCOUNT_SYNC_PROGRESS = "account.sync_progress"
    ACCOUNT_DISCONNECTED = "account.disconnected"
    ACCOUNT_ACTION_REQUIRED = "account.action_required"
    ACCOUNT_CONNECTED = "account.connected"
    ACCOUNT_RECONNECTING = "account.reconnecting"
    ACCOUNT_PAUSED = "account.paused"
    ACCOUNT_DELETED = "account.deleted"
    CHAT_CREATED = "chat.created"
    CHAT_UPDATED = "chat.updated"
    MESSAGE_RECEIVED = "message.received"
    MESSAGE_SENT = "message.sent"
    MESSAGE_EDITED = "message.edited"
    MESSAGE_UPDATED = "message.updated"
    MESSAGE_DELETED = "message.deleted"
    RECALL_IN_DOUBT = "recall.in_doubt"
    RECALL_SETTLED = "recall.settled"
    DEFERRAL_SETTLED = "deferral.settled"
    POST_SCHEDULED = "post.scheduled"
    POST_PUBLISHED = "post.published"
    POST_FAILED = "post.failed"
    POST_TAKEN_DOWN = "post.taken_down"
    POST_TAKE_DOWN_FAILED = "post.take_down_failed"
    POST_GROUP_DELETED = "post_group.deleted"
    TOKEN_EXPIRING = "token.expiring"
    WEBHOOK_DISABLED = "webhook.disabled"
    WEBHOOK_PASSED_OVER = "webhook.passed_over"


class EventData(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The ids that an event is about, and small facts that are no content."""

    account_id: str | None = None
    chat_id: str | None = None
    message_id: str | None = None
    message_key: str | None = None
    chat_key: str | None = None
    recall_id: str | None = None
    deferral_id: str | None = None
    post_group_id: str | None = None
    post_id: str | None = None
    takedown_id: str | None = None
    platform: str | None = None
    webhook_id: str | None = None
    event_id: str | None = None
    """An event that this one is about."""
    person_id: str | None = None
    """The network's id of who did it, where the change is a person's."""
    origin: str | None = None
    """`api`, `realtime` or `sync`: how it came to be known."""
    reason: str | None = None
    """A word such as an error code, or `reaction` or `seen` where a message changed; never a network's sentence."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the log. `position` is the one cursor of polling, WebSocket and webhooks."""

    position: int
    id: str
    workspace_id: str
    type: EventType
    data: EventData
    created_at: int
