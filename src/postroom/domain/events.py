"""What can happen here. Events carry ids, never content: content is joined when an event is delivered."""

from enum import StrEnum

import msgspec


class EventType(StrEnum):
    """The catalogue. The names equal PostPost's where it has one."""

    ACCOUNT_LINKED = "account.linked"
    """An account was linked, or linked again."""
    ACCOUNT_LINK_FAILED = "account.link_failed"
    """An attempt to link came to its end without an account."""
    ACCOUNT_SYNCED = "account.synced"
    """The account's chats have been read: all of them, for the first time or as somebody asked."""
    ACCOUNT_SYNC_PROGRESS = "account.sync_progress"
    """Some of the account's chats have been read."""
    ACCOUNT_DISCONNECTED = "account.disconnected"
    """The network ended the session: its owner has to link again."""
    ACCOUNT_ACTION_REQUIRED = "account.action_required"
    """The owner has to do something at the network."""
    ACCOUNT_CONNECTED = "account.connected"
    """The account is heard of again."""
    ACCOUNT_RECONNECTING = "account.reconnecting"
    """The account hears nothing at the moment; calls are made."""
    ACCOUNT_PAUSED = "account.paused"
    """Somebody paused the account."""
    ACCOUNT_DELETED = "account.deleted"
    """The account was unlinked, and its key destroyed."""
    CHAT_CREATED = "chat.created"
    """A chat was seen for the first time."""
    CHAT_UPDATED = "chat.updated"
    """Something about a chat changed: its title, who is in it, what is unread."""
    MESSAGE_RECEIVED = "message.received"
    """Somebody else's message arrived."""
    MESSAGE_SENT = "message.sent"
    """A message of the account's was sent, here or in another client."""
    MESSAGE_EDITED = "message.edited"
    """A message has other words."""
    MESSAGE_UPDATED = "message.updated"
    """Something about a message changed; `reason`: `reaction` or `seen`."""
    MESSAGE_DELETED = "message.deleted"
    """A message is gone at its network, and buried here."""
    RECALL_IN_DOUBT = "recall.in_doubt"
    """A network did not answer to a recall: it is being read back."""
    RECALL_SETTLED = "recall.settled"
    """It is known how a recall in doubt ended, or that nobody can know; `reason` says which."""
    DEFERRAL_SETTLED = "deferral.settled"
    """What was put off is done, undone or refused; `reason` is the state."""
    POST_SCHEDULED = "post.scheduled"
    """A post group got a time."""
    POST_PUBLISHED = "post.published"
    """A post is live."""
    POST_FAILED = "post.failed"
    """A post did not go out, or nobody knows whether it did; `reason` is the code."""
    POST_TAKEN_DOWN = "post.taken_down"
    """A post is gone from its network."""
    POST_TAKE_DOWN_FAILED = "post.take_down_failed"
    """A post could not be taken down; `reason` is the outcome."""
    POST_GROUP_DELETED = "post_group.deleted"
    """A post group was deleted here."""
    TOKEN_EXPIRING = "token.expiring"
    """In seven days the account has to be linked again."""
    WEBHOOK_DISABLED = "webhook.disabled"
    """An endpoint is told nothing more until it is enabled."""
    WEBHOOK_PASSED_OVER = "webhook.passed_over"
    """An endpoint did not take an event after all tries; `event_id` names it."""


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
