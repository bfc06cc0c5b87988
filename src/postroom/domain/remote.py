"""Things as a network tells them, and what we hand to it. Ids are the network's own, opaque to all but its connector."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, NewType, Protocol

import msgspec

from postroom.domain.chats import ChatRequest
from postroom.domain.messages import AnyAttachment, MessageKind, Quote, Reaction

Json = Any
MessageKey = NewType("MessageKey", str)
ChatKey = NewType("ChatKey", str)


class Profile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whose account it is."""

    provider_id: str
    username: str
    name: str
    picture_url: str | None = None
    profile_url: str | None = None


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What opens an account. Never shown: `repr` hides the values."""

    values: Mapping[str, str]
    expires_at: int | None = None

    @property
    def ends_at(self) -> int | None:
        """When the owner has to link again, in milliseconds; None: they renew themselves, or nobody said."""
        return None if any("refresh" in name.lower() for name in self.values) else self.expires_at

    def __repr__(self) -> str:
        return f"Credentials({', '.join(sorted(self.values))})"


class RemoteAttendee(msgspec.Struct, frozen=True, kw_only=True):
    provider_id: str
    name: str
    is_self: bool
    kind: str = "member"
    member_urn: str | None = None
    distance: int | None = None
    picture_url: str | None = None
    profile_url: str | None = None
    headline: str | None = None


class RemoteChat(msgspec.Struct, frozen=True, kw_only=True):
    provider_id: str
    key: ChatKey
    kind: int = 0
    name: str | None = None
    subject: str | None = None
    subject_key: MessageKey | None = None
    """The message whose subject that is, where it is one's: it goes with that message."""
    attendees: tuple[RemoteAttendee, ...] = ()
    last_message_at: datetime | None = None
    unread_count: int = 0
    archived: bool = False
    muted: bool = False
    read_only: bool = False
    pinned: bool = False
    starred: bool = False
    folders: tuple[str, ...] = ()
    content_type: str | None = None
    request: ChatRequest | None = None
    """Where somebody's request to chat stands; None: it is none, or the network did not say."""


class RemoteMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the network shows it now. `recalled`: it is gone, and nothing of its content is read."""

    provider_id: str
    key: MessageKey
    chat_provider_id: str
    chat_key: ChatKey
    sender: RemoteAttendee
    sent_at: datetime
    other_keys: tuple[MessageKey, ...] = ()
    """Keys that it may have been seen by, where the network calls its author by several addresses."""
    text: str | None = None
    subject: str | None = None
    attachments: tuple[AnyAttachment, ...] = ()
    reactions: tuple[Reaction, ...] | None = None
    """None: the network did not say; what is stored stays."""
    quote: Quote | None = None
    quote_other_keys: tuple[MessageKey, ...] = ()
    """As `other_keys`, of the message that is quoted."""
    is_forwarded: bool = False
    seen: bool | None = None
    """None: the network did not say; what is stored stays."""
    delivered: bool = True
    edited: bool = False
    newest: bool = False
    """Looked up because an edit may have been taken back: its text is newer than an edit's that is held."""
    hidden: bool = False
    is_event: bool = False
    kind: MessageKind | None = None
    recalled: bool = False
    original: str = ""


# What a network tells us, one class for each kind of news. Each may come twice, late, or out of order.


class MessageSeen(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A message is new, or shown again, perhaps edited or recalled."""

    message: RemoteMessage
    chat: RemoteChat | None = None


class MessageGone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A message was taken back, and is not shown."""

    key: MessageKey
    chat_key: ChatKey | None = None
    by: tuple[str, ...] | None = None
    """Who says so, under every address of theirs. None: the network's own word, or that of one whom it lets.

    Of a message that is held, only its author is believed. One that is not held is buried under the key: where someone
    else could name it, the key has to name its author.
    """


class MessageEdited(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A message has another text; the rest of it is not shown. One that is not held is left alone."""

    key: MessageKey
    chat_key: ChatKey | None
    text: str | None
    by: tuple[str, ...] | None
    """As in `MessageGone`."""
    edited_at: datetime
    """The latest one wins, in whichever order they come."""
    original: str | None = None
    """None: what is stored stays."""


class ReactionChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    key: MessageKey
    chat_key: ChatKey | None
    emoji: str
    sender_id: str
    is_sender: bool
    added: bool
    replaces: bool = False
    """Whether it takes the place of this person's earlier one; where nothing is added, that one goes, whatever it was."""


class MessageDelivered(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A message has reached the device of someone to whom it was sent."""

    key: MessageKey


class ReadUpTo(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Someone has read a chat up to this message."""

    key: MessageKey
    chat_key: ChatKey | None
    reader_id: str
    seen_at: datetime


class ChatChanged(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    chat: RemoteChat


class ChatGone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The conversation left this account's mailbox. It says nothing about recalls."""

    key: ChatKey


class Gap(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something may have been missed: sync again."""

    reason: str


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """From here on nothing new is heard, until the next event of another kind."""

    reason: str
    code: str = "realtime_closed"
    """What the account shows of it."""


RemoteEvent = (
    MessageSeen
    | MessageGone
    | MessageEdited
    | MessageDelivered
    | ReactionChanged
    | ReadUpTo
    | ChatChanged
    | ChatGone
    | Gap
    | Closed
)


# What we hand to a network.


class MessageFile(Protocol):
    """A file to send in a chat."""

    @property
    def kind(self) -> str:
        """`image`, `video`, `audio`, `voice` or `file`."""
        ...

    @property
    def name(self) -> str: ...

    @property
    def content_type(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    async def read(self) -> bytes: ...


class MessageDraft(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    """Empty where the files say it all."""
    token: str
    """Ours, the same for one send: found again in the network's echo where it carries one."""
    quote: Quote | None = None
    quote_provider_id: str | None = None
    files: tuple[MessageFile, ...] = ()


class ChatDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A chat that is to begin, with its first message."""

    people: tuple[str, ...]
    """Provider ids."""
    message: MessageDraft
    title: str | None = None
    subject: str | None = None
    options: Mapping[str, Json] = {}
    """What only one network knows, such as LinkedIn's `inmail`."""


class HeldMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is held here, as far as a network needs it to act on it."""

    key: MessageKey
    provider_id: str
    sender_id: str
    is_sender: bool
    sent_at: datetime
    text: str | None
    original: str
    """What the connector gave as `RemoteMessage.original`."""


class Download(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message, as it comes from the network."""

    content_type: str
    size_bytes: int | None
    chunks: AsyncIterator[bytes]


class MediaSource(Protocol):
    """A file to publish, as the network takes it: read, not located."""

    @property
    def kind(self) -> str:
        """`image` or `video`."""
        ...

    @property
    def content_type(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def alt_text(self) -> str: ...

    @property
    def width(self) -> int | None:
        """In pixels; None where it is not known."""
        ...

    @property
    def height(self) -> int | None: ...

    @property
    def etag(self) -> str:
        """Another one as soon as the bytes are others: of a file that was replaced, nothing uploaded before is used."""
        ...

    async def read(self) -> bytes:
        """All of it: for images."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """Piece by piece, in order, in sizes of the store's choosing."""
        ...

    async def url(self) -> str:
        """A signed public address of it at our server, good for an hour: for networks that fetch."""
        ...


class PostDraft(msgspec.Struct, frozen=True, kw_only=True):
    """One post, or one part of a thread."""

    text: str
    created_at: datetime
    media: tuple[MediaSource, ...] = ()
    settings: Mapping[str, Json] = {}
    """PostPost's `platformSettings` of this platform."""
    reply_to: str | None = None
    """The provider id of the part before, which this one answers."""


class PublishedPost(msgspec.Struct, frozen=True, kw_only=True):
    provider_id: str
    """What `unpublish` takes: where one post is several things at the network, it names them all."""
    url: str | None
    rest_seconds: float = 0.0
    """How long the network wants nothing more of this account: its limit is used up with this post."""
