"""One account: the messenger over the host. Its client runs while somebody listens, or since it was first asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from postroom.clock import Clock, to_ms
from postroom.connectors.contract import Delta, Keep, Page
from postroom.connectors.whatsapp import convert, refusals
from postroom.connectors.whatsapp.addresses import People, chat_key, is_group, make_key, parts
from postroom.connectors.whatsapp.host import ENDINGS, Host, LibraryError, Lost, Session
from postroom.connectors.whatsapp.mailbox import Mailbox
from postroom.connectors.whatsapp.proxied import Way
from postroom.domain.chats import ChatMark
from postroom.domain.messages import AnyAttachment
from postroom.domain.remote import (
    ChatDraft,
    Closed,
    Credentials,
    Download,
    Gap,
    HeldMessage,
    MessageDraft,
    MessageKey,
    Profile,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)
from postroom.errors import (
    CredentialsRejected,
    ErrorCode,
    Kind,
    NotFound,
    NotSupported,
    OutcomeUnknown,
    PostroomError,
    ProviderDown,
    ProxyRefused,
    Refused,
    Unprocessable,
)

Json = Any

CONNECT_SECONDS = 20.0
"""How long a session may take to connect; the library itself waits a minute for a network that is not there."""
_CALL_SECONDS = 60.0


class WhatsAppConnection:
    """One account's messenger."""

    def __init__(
        self,
        host: Host,
        profile: Profile,
        credentials: Credentials,
        keep: Keep,
        now: Clock,
        way: Way | None = None,
    ) -> None:
        """`way`: by what its session goes out, and by nothing else."""
        values = credentials.values
        self._host = host
        self._profile = profile
        self._keep = keep
        self._now = now
        self._name = values["session"]
        self._values = dict(values)
        self._generation = int(values["generation"])
        self._me = values["jid"]
        self._mailbox = Mailbox(People(self._me, values.get("lid", "")))
        self._opening = asyncio.Lock()
        self._way = way
        self._is_gone = False
        self._is_over = False

    def __repr__(self) -> str:
        return f"WhatsAppConnection({self._profile.provider_id})"

    # its life

    async def profile(self) -> Profile:
        """Whose account it is: the session is connected."""
        await self._connected()
        return self._profile

    async def revoke(self) -> None:
        """Unlink this device at WhatsApp, and remove the session here, whatever WhatsApp says."""
        try:
            await self._connected()
            await self._asked("logout")
        except CredentialsRejected:
            pass
        finally:
            self._is_gone = True
            await self._host.wipe(self._name)

    async def _open(self) -> Session:
        if self._is_gone:
            raise CredentialsRejected("This device was unlinked from WhatsApp: link the account again.")
        async with self._opening:
            if self._is_over:
                raise ProviderDown("The account goes out another way now. Nothing was sent: try again.")
            held = self._host.session(self._name)
            if not held.is_open:
                me = {name: self._values.get(name, "") for name in ("jid", "lid", "name")}
                proxy = None if self._way is None else await self._way.address()
                store, generation = self._values["store"], self._generation
                held = await self._host.open(self._name, me=me, store=store, generation=generation, proxy=proxy)
            self._host.keepers[self._name] = self._rest
            self._learn(held)
            return held

    def _learn(self, held: Session) -> None:
        pairs = [(pair[0], pair[1]) for pair in held.people.get("pairs", ())]
        self._mailbox.people.learn_all(pairs, held.people.get("names", {}))

    async def _connected(self) -> Session:
        """The session, once it is connected.

        Raises:
            ProviderDown: it is not, for now.
            CredentialsRejected, ActionRequired: it cannot be.
        """
        held = await self._open()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                while not held.is_connected:
                    if held.ending is not None:
                        raise refusals.of_ending(held.ending, is_proxied=self._way is not None)
                    held.changed.clear()
                    await held.changed.wait()
        except TimeoutError as error:
            raise ProviderDown("WhatsApp does not answer. Nothing was sent.") from error
        except (ProviderDown, ProxyRefused):
            # The library has given up: it is begun anew the next time.
            await self._host.discard(self._name)
            raise
        self._learn(held)
        return held

    async def _asked(self, operation: str, **values: Any) -> Any:
        """Ask what changes nothing, or may be asked again.

        Raises:
            ProviderDown: no answer came.
        """
        await self._connected()
        try:
            return await self._host.ask(self._name, operation, seconds=_CALL_SECONDS, **values)
        except LibraryError as error:
            found = refusals.of_call(str(error))
            raise (ProviderDown("WhatsApp did not do it.") if isinstance(found, OutcomeUnknown) else found) from error
        except (Lost, TimeoutError) as error:
            raise ProviderDown("WhatsApp's process did not answer.") from error

    async def _sent(self, chat: str, message: dict[str, Json]) -> tuple[str, int]:
        """Send once: (id, milliseconds).

        Raises:
            OutcomeUnknown: it may have gone out.
        """
        await self._connected()
        try:
            sent = await self._host.ask(self._name, "send", seconds=_CALL_SECONDS, chat=chat, message=message)
        except LibraryError as error:
            raise refusals.of_call(str(error)) from error
        except Lost as error:
            raise OutcomeUnknown("WhatsApp's process ended while it was asked.") from error
        except TimeoutError as error:
            raise OutcomeUnknown("WhatsApp did not answer.") from error
        return sent["id"], int(sent["timestamp"]) * 1000

    # what it is told

    async def listen(self) -> AsyncIterator[RemoteEvent]:
        """Everything that is told and was not taken in yet; connects, and closes the connection at its end.

        The library connects again by itself while its process lives. One that has not connected within
        `CONNECT_SECONDS` is begun anew.
        """
        try:
            held = await self._connected()
            yield Gap(reason="connected")
            while True:
                event = await held.news.get()
                if event.kind in ENDINGS and held.ending is not None:
                    raise refusals.of_ending(held.ending, is_proxied=self._way is not None)
                if event.kind == "disconnected":
                    yield Closed(reason="disconnected")
                elif event.kind == "connected":
                    self._learn(held)
                    yield Gap(reason="connected")
                elif event.kind == "packed" and held.store is not None:
                    await self._save(held.store)
                for news in self._mailbox.read(event.kind, event.values):
                    yield news
                if event.place is not None:
                    self._host.tell(self._name, "acknowledge", place=event.place)
        finally:
            await self._rest()

    async def _groups(self) -> list[RemoteChat]:
        try:
            return self._mailbox.groups(await self._asked("groups"))
        except (ProviderDown, Refused, Unprocessable):
            return []

    async def _save(self, store: str) -> None:
        """Keep the session as it is now: what encrypts the next message depends on the last one."""
        if store == self._values["store"]:
            return
        values = {**self._values, "store": store, "generation": str(self._generation + 1)}
        await self._keep(Credentials(values=values))
        self._values, self._generation = values, self._generation + 1
        self._host.tell(self._name, "kept", generation=self._generation)

    async def rest(self) -> None:
        """Close the connection for good, and keep the session: the next one goes out another way."""
        async with self._opening:
            await self._rest()
            self._is_over = True

    async def _rest(self) -> None:
        """Close the connection, keep the session, and leave nothing of it in clear."""
        if self._is_over:
            # Who keeps the session now is another.
            return
        self._host.keepers.pop(self._name, None)
        if self._is_gone:
            return
        store = await self._host.stop(self._name)
        if store is None:
            return
        # Where it is not kept the account is gone, or has another session.
        with contextlib.suppress(PostroomError):
            await self._save(store)
        await self._host.wipe(self._name)

    # lists: WhatsApp tells its history by itself, once, after linking

    async def list_chats(self, cursor: str | None) -> Page[RemoteChat]:
        """The groups. Chats with one person come with their history, or with their first message."""
        return Page(items=await self._groups() if self._host.session(self._name).is_connected else (), next=None)

    async def list_messages(self, chat: str, cursor: str | None) -> Page[RemoteMessage]:
        """None: there is nothing to be asked for messages."""
        return Page(items=(), next=None)

    async def changes(self, token: str | None) -> Delta:
        """None: what changed is told while it is listened to."""
        return Delta(events=(), token="told", complete=True)

    async def read_message(self, chat: str, message: MessageKey) -> RemoteMessage | None:
        """Raises NotSupported: nobody can read it back."""
        raise NotSupported("WhatsApp cannot be asked for a message.")

    # messages

    async def send_message(self, chat: str, draft: MessageDraft) -> RemoteMessage:
        """Send a text, or one file with its caption. Nobody can tell later whether it went out."""
        address = chat_key(chat)
        message = convert.text_message(draft)
        if draft.files:
            file = draft.files[0]
            uploaded = await self._asked("upload", data=await file.read(), kind=file.kind)
            message = convert.media_message(file.kind, file.name, file.content_type, uploaded, draft)
        id, sent_ms = await self._sent(address, message)
        return self._own(address, id, sent_ms, message)

    def _own(self, chat: str, id: str, sent_ms: int, message: dict[str, Json]) -> RemoteMessage:
        key = make_key(chat, self._me, id)
        said = convert.shown(message, key)
        sent_at = convert.moment(sent_ms) or self._now()
        assert said is not None
        return RemoteMessage(
            provider_id=key,
            key=key,
            chat_provider_id=chat,
            chat_key=chat_key(chat),
            sender=convert.attendee(self._me, self._mailbox.people),
            sent_at=sent_at,
            text=said.text,
            attachments=said.attachments,
            quote=convert.quote(said.context, chat, self._mailbox.people),
            is_forwarded=said.context.get("isForwarded") is True,
            delivered=False,
            original=convert.original(message),
        )

    async def start_chat(self, draft: ChatDraft) -> RemoteMessage:
        """With one person: write to them. With several: make a group, and write there."""
        people = [
            chat_key(person if "@" in person else f"{person.lstrip('+')}@s.whatsapp.net") for person in draft.people
        ]
        if len(people) == 1 and not is_group(people[0]):
            return await self.send_message(people[0], draft.message)
        await self._connected()
        try:
            group = await self._host.ask(self._name, "create_group", title=draft.title or "Group", people=people)
        except LibraryError as error:
            raise refusals.of_call(str(error)) from error
        except (Lost, TimeoutError) as error:
            raise OutcomeUnknown("WhatsApp did not say whether it made the group.") from error
        (chat,) = self._mailbox.groups([group])
        try:
            return await self.send_message(chat.provider_id, draft.message)
        except PostroomError as error:
            raise OutcomeUnknown(
                "The group was made, and its first message may not have gone out.", code=ErrorCode.PROVIDER_ERROR
            ) from error

    async def edit_message(self, chat: str, message: HeldMessage, text: str) -> None:
        """Send the new text. WhatsApp accepts one that comes too late as well, and does nothing."""
        _, author, id = parts(message.key)
        self._must_be_own(author)
        held = convert.from_original(message.original)
        await self._sent(chat_key(chat), convert.edit_message(chat_key(chat), id, text, held, to_ms(self._now())))

    async def set_reaction(self, chat: str, message: HeldMessage, emoji: str, *, on: bool) -> None:
        """A person has one reaction to a message; another one takes its place."""
        _, author, id = parts(message.key)
        own, at = self._mailbox.people.is_me(author), to_ms(self._now())
        reaction = convert.reaction_message(chat_key(chat), author, id, emoji if on else "", own=own, at_ms=at)
        await self._sent(chat_key(chat), reaction)

    async def forward_message(self, message: HeldMessage, to: str) -> RemoteMessage:
        """Send it on, marked as forwarded; a file goes without being fetched."""
        held = convert.from_original(message.original)
        forwarded = convert.forwarded(held if held is not None else {"conversation": message.text or ""})
        if forwarded is None:
            raise Unprocessable("This message cannot be forwarded.")
        id, sent_ms = await self._sent(chat_key(to), forwarded)
        return self._own(chat_key(to), id, sent_ms, forwarded)

    async def mark_chat(self, chat: str, mark: ChatMark, *, on: bool) -> None:
        """Mark a chat as read, up to the newest message that came since the account was linked."""
        if mark is not ChatMark.READ or not on:
            raise NotSupported("WhatsApp's chats can only be marked as read from here.")
        if not await self._asked("read", chat=chat_key(chat)):
            raise Unprocessable("Nothing came in this chat since the session began. Nothing was marked.")

    async def show_typing(self, chat: str, *, on: bool) -> None:
        await self._asked("type", chat=chat_key(chat), on=on)

    async def open_attachment(self, message: HeldMessage, attachment: AnyAttachment) -> Download:
        """Fetch the file, and decrypt it."""
        held = convert.from_original(message.original)
        if held is None:
            raise NotFound("WhatsApp does not say where this file is.", kind=Kind.ATTACHMENT)
        await self._connected()
        try:
            data = await self._host.ask(self._name, "download", seconds=_CALL_SECONDS, message=held)
        except LibraryError as error:
            raise refusals.of_download(str(error)) from error
        except (Lost, TimeoutError) as error:
            raise ProviderDown("WhatsApp did not give the file.") from error
        content_type = attachment.mimetype or "application/octet-stream"
        return Download(content_type=content_type, size_bytes=len(data), chunks=_once(data))

    async def recall_message(self, chat: str, message: MessageKey) -> None:
        """Take it back for everyone. WhatsApp accepts one that comes too late as well, and nobody can read it back."""
        _, author, id = parts(message)
        self._must_be_own(author)
        await self._sent(chat_key(chat), convert.revoke_message(chat_key(chat), id))

    def _must_be_own(self, author: str) -> None:
        if not self._mailbox.people.is_me(author):
            raise Refused(
                "Somebody else wrote this message.", code=ErrorCode.INSUFFICIENT_PERMISSIONS, kind=Kind.NOT_OWN
            )


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
