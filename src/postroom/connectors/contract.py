"""What a network must offer. The core knows this file, and no network by name.

A network is a `Connector`: stateless facts and the steps of linking; one that has messages is `Mailboxes` too, and knows
their ids again. `open` gives a `Connection` for one account; what more it can do is found by `isinstance`: `Messenger` (it
has chats), `Publisher` (it takes posts), `Directory` (it shows people), `Statistics` (it tells how posts do) and `Engager`
(it reacts and comments). A power that is missing inside a role is None in `Capabilities`, and is never called.

Every method that reaches the network raises `ProviderError`, in the class that says what Postroom does next.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar, runtime_checkable

import msgspec

from postroom.domain.addresses import IpAddress
from postroom.domain.capabilities import Capabilities
from postroom.domain.chats import ChatMark
from postroom.domain.engagement import Comment, DailyCount, Days, Metric, Reaction, ReactionKind
from postroom.domain.files import Uploaded
from postroom.domain.logins import Ask as Ask
from postroom.domain.logins import Checkpoint as Checkpoint
from postroom.domain.logins import CheckpointKind as CheckpointKind
from postroom.domain.logins import Linked as Linked
from postroom.domain.logins import LoginStep as LoginStep
from postroom.domain.logins import Reply as Reply
from postroom.domain.logins import Show as Show
from postroom.domain.logins import Visit as Visit
from postroom.domain.logins import Wait as Wait
from postroom.domain.messages import AnyAttachment
from postroom.domain.people import Person
from postroom.domain.proxies import Proxy
from postroom.domain.remote import (
    ChatDraft,
    ChatKey,
    Credentials,
    Download,
    HeldMessage,
    Json,
    MessageDraft,
    MessageFile,
    MessageKey,
    PostDraft,
    Profile,
    PublishedPost,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)

T = TypeVar("T")


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a listing, and how to ask for the next."""

    items: Sequence[T]
    next: str | None
    """Opaque; None: that was all."""


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """What changed since a sync token."""

    events: Sequence[RemoteEvent]
    token: str
    complete: bool
    """False: the network could not tell from there; list everything again."""


Keep = Callable[[Credentials], Awaitable[None]]


class ConnectorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every network can be told: POSTROOM_PROVIDER_<NAME>_<FIELD>. Connectors add fields of their own."""

    origin: str = ""
    """One address that answers for all hosts of the network (a simulation, a proxy); empty: the network's own."""


class AppSettings(ConnectorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a network with OAuth needs to be told: the app that its owner registered there."""

    client_id: str = ""
    """The registered app's id; empty: accounts of this network cannot be linked."""
    client_secret: str = ""
    """The registered app's secret."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.client_id})"


class Connector(Protocol):
    """One network: what it can do, how to link an account, how to open one. It keeps no state.

    It is made by its class with `http`, `settings`, `callback_url` (where `Visit` returns to) and `now` (the one
    clock). The class attribute `settings_type` names its settings, a subclass of `ConnectorSettings`.
    """

    @property
    def name(self) -> str:
        """The value of `accounts.provider`, such as "linkedin". Never changes."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def login_flows(self) -> Sequence[str]:
        """The ways to link, such as "cookie" or "app_password"."""
        ...

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Take one step; `reply` is None to learn what is asked first.

        An answer that was not right, and may be given again, is no failure: it is an `Ask` that says `refused`.

        Raises:
            LoginFailed: this attempt is over; start again.
            ProviderDown: try the same step later.
        """
        ...

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> "Connection":
        """A client for one account. No I/O. Refreshed credentials go to `keep` before they are used."""
        ...

    async def close(self) -> None:
        """Let go of what is shared between connections."""
        ...


Find = Callable[[Proxy], Awaitable[Sequence[IpAddress]]]
"""Where a proxy is now. Raises AddressRefused, OSError, TimeoutError."""


@runtime_checkable
class Tunnelled(Protocol):
    """A connector that goes out otherwise than by its `http`, and can be led through a proxy all the same.

    One whose `Capabilities.proxies` and that has no such method is made once more, with an `http` that goes through.
    """

    def through(self, proxy: Proxy, find: Find) -> Connector:
        """The same connector, all of whose calls go out by this proxy."""
        ...


@runtime_checkable
class Mailboxes(Protocol):
    """A connector whose network has messages: what stands behind the many spellings of their ids. Pure."""

    def message_key(self, provider_id: str) -> MessageKey:
        """A message's identity, the same whichever mailbox it is seen through. Pure; `key(key(x)) == key(x)`.

        Raises:
            InvalidParameters: (kind URN) this is not a message's id at this network.
        """
        ...

    def chat_key(self, provider_id: str) -> ChatKey:
        """A conversation's identity across mailboxes. Pure.

        Raises:
            InvalidParameters: (kind URN) this is not a conversation's id at this network.
        """
        ...

    def mailbox_of(self, provider_id: str) -> str | None:
        """The account's provider id whose copy this spelling names, where it names one."""
        ...


@runtime_checkable
class Connection(Protocol):
    """One linked account's client. Cheap to make, safe to drop."""

    async def profile(self) -> Profile:
        """Whose account this is, asked of the network: the check that the session is alive."""
        ...

    async def revoke(self) -> None:
        """End the session at the network. Already ended is success."""
        ...


@runtime_checkable
class Resting(Connection, Protocol):
    """A connection that holds something open between its calls."""

    async def rest(self) -> None:
        """Close it, and keep what the next one needs."""
        ...


@runtime_checkable
class Messenger(Connection, Protocol):
    """A connection that has chats."""

    async def list_chats(self, cursor: str | None) -> Page[RemoteChat]:
        """Most recently active first."""
        ...

    async def list_messages(self, chat: str, cursor: str | None) -> Page[RemoteMessage]:
        """A chat's messages by its provider id or key, newest first."""
        ...

    async def changes(self, token: str | None) -> Delta:
        """What changed in the mailbox since `token`; None: the newest state, and a first token."""
        ...

    async def send_message(self, chat: str, draft: MessageDraft) -> RemoteMessage:
        """Send once.

        Raises:
            OutcomeUnknown: it may have gone out; `draft.token` finds it in what the network shows.
        """
        ...

    async def start_chat(self, draft: ChatDraft) -> RemoteMessage:
        """Begin a chat by its first message, once; where there is one with just these people, it is gone on with.

        Called only where `Capabilities.start`, as the following are where theirs say so.

        Raises:
            Unprocessable: not with these people.
            OutcomeUnknown: it may have begun.
        """
        ...

    async def edit_message(self, chat: str, message: HeldMessage, text: str) -> None:
        """Give a message of the account's another text. To do so again is safe.

        Raises:
            Refused: the network said no.
            OutcomeUnknown: it may have been done.
        """
        ...

    async def set_reaction(self, chat: str, message: HeldMessage, emoji: str, *, on: bool) -> None:
        """React as the account, or take that reaction back. To do so again is safe."""
        ...

    async def forward_message(self, message: HeldMessage, to: str) -> RemoteMessage:
        """Send a message of one chat to another one, once.

        Raises:
            OutcomeUnknown: it may have gone out.
        """
        ...

    async def mark_chat(self, chat: str, mark: ChatMark, *, on: bool) -> None:
        """Say of a chat what its owner would. To do so again is safe."""
        ...

    async def show_typing(self, chat: str, *, on: bool) -> None:
        """Let the others see that the account is writing, or not any more."""
        ...

    async def open_attachment(self, message: HeldMessage, attachment: AnyAttachment) -> Download:
        """A file of a message, from the network.

        Raises:
            NotFound: (kind ATTACHMENT) the network does not have it any more.
        """
        ...

    async def recall_message(self, chat: str, message: MessageKey) -> None:
        """Ask once to take a message back for everyone. Returning means that the network accepted it.

        Raises:
            Refused: the network said no. Whether that means "already gone" is for `read_message` to tell.
            OutcomeUnknown: it may be gone.
        """
        ...

    async def read_message(self, chat: str, message: MessageKey) -> RemoteMessage | None:
        """The message as the network shows it now; None: it does not show it. One call."""
        ...

    def listen(self) -> AsyncIterator[RemoteEvent]:
        """Everything new, at least once, until cancelled; a `Gap` asks for a sync.

        As soon as it hears, it says so by an event, such as a `Gap`; when it hears no more, by `Closed`. It connects
        again by itself, after a while that grows and is never the same for all accounts; or it raises, and is called
        again after such a while.

        Raises:
            CredentialsRejected, ActionRequired: the session is over, as far as this side can tell; at once, whatever
                else is still open.
            ProviderDown: nothing is heard any more.
        """
        ...


@runtime_checkable
class MediaHost(Connection, Protocol):
    """A connection to a network that has addresses for its chats' files, and takes files before their message."""

    async def upload_file(self, file: MessageFile) -> Uploaded:
        """Give the network a file; it goes out with a message later, or never.

        Raises:
            ProviderDown: it did not arrive; try again.
        """
        ...

    async def open_media(self, url: str) -> Download:
        """What is at one of the network's own addresses, fetched as the account.

        Raises:
            InvalidParameters: (kind ADDRESS) it is none of them; nobody was called.
            NotFound: (kind ATTACHMENT) nothing is there.
        """
        ...


@runtime_checkable
class Directory(Connection, Protocol):
    """A connection to a network that shows its people. Nothing of what it shows is kept here."""

    async def own_person(self) -> Person:
        """The account's owner."""
        ...

    async def person(self, identifier: str) -> Person:
        """Somebody, by any of the network's names of them.

        Raises:
            NotFound: (kind ATTENDEE) the network shows nobody of that name.
        """
        ...

    async def relations(self, cursor: str | None, *, words: str | None = None) -> Page[Person]:
        """Who is connected to the owner; `words` of a name narrow it down. A page may be empty and not the last."""
        ...

    async def find_chat(self, provider_id: str) -> RemoteChat | None:
        """The chat with just that person; None: there is none."""
        ...


class Attempt(Protocol):
    """The attempts at one post: what they have in common, and what they leave for the next."""

    @property
    def token(self) -> str:
        """The same on every attempt at the same post."""
        ...

    @property
    def begun_at(self) -> datetime:
        """When the first attempt began."""
        ...

    @property
    def note(self) -> Json:
        """What was written last, by this attempt or by one before; None at first."""
        ...

    async def write(self, note: Json) -> None:
        """Keep what the next attempt needs. Durable when it returns: write before the call that publishes."""
        ...


@runtime_checkable
class Publisher(Connection, Protocol):
    """A connection that can post."""

    async def publish(self, draft: PostDraft, attempt: Attempt) -> PublishedPost:
        """Post now, once.

        Raises:
            OutcomeUnknown: it may be live; ask `find` before trying again.
        """
        ...

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """The post that an earlier attempt made; None: it surely was not made, and `publish` may be called again.

        Called only where `Publishing.settles` says that it can be asked.

        Raises:
            NotSupported: nobody can tell, or not any more.
            OutcomeUnknown, ProviderDown, RateLimited: ask again later.
        """
        ...

    async def unpublish(self, provider_id: str) -> None:
        """Take a live post down. Gone already is success. Called only where `Capabilities.unpublish`.

        Raises:
            NotSupported: not this post, or not with this account's permissions.
            Refused: the network said no.
        """
        ...


@runtime_checkable
class Statistics(Connection, Protocol):
    """A connection that can tell how posts do. None: the network has no figure to show."""

    async def post_count(self, post: str, metric: Metric) -> int | None:
        """How often, over a post's whole life."""
        ...

    async def account_count(self, metric: Metric, days: Days | None) -> int | None:
        """How often, over all posts of the account; `days` None: ever."""
        ...

    async def account_days(self, metric: Metric, days: Days | None) -> Sequence[DailyCount]:
        """The same, day by day.

        Raises:
            NotSupported: the network does not count this by day.
        """
        ...

    async def follower_count(self) -> int:
        """How many follow the account now."""
        ...

    async def follower_days(self, days: Days) -> Sequence[DailyCount]:
        """How many came to follow it, day by day."""
        ...


@runtime_checkable
class Engager(Connection, Protocol):
    """A connection that can react to posts, anybody's, and comment on them."""

    async def react(self, post: str, kind: ReactionKind) -> Reaction:
        """React as the account.

        Raises:
            OutcomeUnknown: it may have been made. To make the same one again is safe.
        """
        ...

    async def unreact(self, post: str) -> Reaction:
        """Take the account's reaction back. None there is success."""
        ...

    async def comment(self, post: str, text: str, parent: str | None) -> Comment:
        """Comment as the account, once; `parent` is the comment that this one answers.

        Raises:
            OutcomeUnknown: it may have been made, and nobody can tell.
        """
        ...

    async def delete_comment(self, post: str, comment: str) -> None:
        """Delete the account's comment, by either of its ids. Gone already is success."""
        ...
