"""LinkedIn's names for things with a network in memory behind them: so cheap that thousands of stories can be told."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random
from urllib.parse import quote

import msgspec

from postroom.clock import from_ms
from postroom.connectors.contract import Delta, Keep, Linked, LoginStep, Page, Reply
from postroom.connectors.linkedin.connector import LinkedInConnector
from postroom.domain.chats import ChatMark
from postroom.domain.messages import AnyAttachment, File, Quote
from postroom.domain.remote import (
    ChatDraft,
    ChatKey,
    Credentials,
    Download,
    HeldMessage,
    MessageDraft,
    MessageKey,
    Profile,
    RemoteAttendee,
    RemoteChat,
    RemoteEvent,
    RemoteMessage,
)
from postroom.errors import ErrorCode, Kind, NotFound, NotSupported, OutcomeUnknown, ProviderDown, Refused

MINUTE_MS = 60_000


def _id(payload: str) -> str:
    return "2-" + base64.b64encode(payload.encode()).decode()


@dataclass
class World:
    """One conversation of Ada and Bea, in which Ada says something that she then takes back."""

    seed: int
    now_ms: int
    secret: str
    """In whatever is said of the message that is taken back, and in nothing else."""
    chance: Random = field(init=False)
    recalled: bool = False
    edits: int = 0
    """How often Ada gave the message another text by us."""
    sent: list[RemoteMessage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = Random(f"world {self.seed}")
        self.chat_id = _id(f"{self.seed:08x}-aaaa-4bbb-8ccc-{self.seed:012x}_100")
        self.target_id = self.message_id(2 * MINUTE_MS, 1)

    def message_id(self, age_ms: int, number: int) -> str:
        return _id(f"{self.now_ms - age_ms:013d}b{number:05d}-{self.seed % 1000:03d}")

    # spellings

    def message_spelling(self, id: str) -> str:
        member = self.chance.choice(["ada", "bea", "carl"])
        text = self.chance.choice(
            [
                f"urn:li:msg_message:(urn:li:fsd_profile:{member},{id})",
                f"urn:li:messagingMessage:{id}",
                f"urn:li:fs_event:({self.chat_id},{id})",
                f"urn:li:msg:{id}",
                id,
                id.rstrip("="),
            ]
        )
        for _ in range(self.chance.choice([0, 0, 1, 2])):
            text = quote(text, safe="")
        return text

    def chat_spelling(self) -> str:
        member = self.chance.choice(["ada", "bea"])
        conversation = f"urn:li:msg_conversation:(urn:li:fsd_profile:{member},{self.chat_id})"
        return self.chance.choice(
            [conversation, f"urn:li:messagingThread:{self.chat_id}", self.chat_id, quote(conversation)]
        )

    def key(self, id: str) -> MessageKey:
        return BORDER.message_key(self.message_spelling(id))

    @property
    def chat_key(self) -> ChatKey:
        return BORDER.chat_key(self.chat_spelling())

    # what the network shows

    def message(self, mailbox: str, id: str, sender: str, age_ms: int, text: str | None) -> RemoteMessage:
        return RemoteMessage(
            provider_id=f"urn:li:msg:{id}",
            key=self.key(id),
            chat_provider_id=self.chat_id,
            chat_key=self.chat_key,
            sender=person(sender, mailbox),
            sent_at=from_ms(self.now_ms - age_ms),
            text=text,
            original=f'{{"body":"{text}"}}',
        )

    def target(self, mailbox: str, state: str) -> RemoteMessage:
        """The message that is taken back: as written, edited, or recalled."""
        better = f"{self.secret} said better" if not self.edits else self.edit_text(self.edits)
        words = {"written": f"{self.secret} said", "edited": better, "recalled": None}[state]
        shown = self.message(mailbox, self.target_id, "ada", 2 * MINUTE_MS, words)
        if state == "recalled":
            return msgspec.structs.replace(shown, recalled=True, original="")
        return msgspec.structs.replace(
            shown, edited=state == "edited", subject=f"{self.secret} subject", attachments=self._files()
        )

    @property
    def state(self) -> str:
        """How the message stands."""
        return "recalled" if self.recalled else "edited" if self.edits else "written"

    def edit_text(self, number: int) -> str:
        return f"{self.secret} said better {number} times"

    def answer(self, mailbox: str, number: int, *, edited: bool = False, thin: bool = False) -> RemoteMessage:
        """Bea's reply, which repeats the message; `thin`: a copy that does not say what it answers."""
        id = self.message_id(MINUTE_MS - number, 100 + number)
        text = f"answer {number} of {self.seed}" + (", better" if edited else "")
        shown = self.message(mailbox, id, "bea", MINUTE_MS - number, text)
        if thin:
            return shown
        quoted = Quote(
            provider_id=f"urn:li:msg:{self.target_id}",
            key=self.key(self.target_id),
            sender_id="ada",
            text=f"{self.secret} said",
            attachments=self._files(),
        )
        return msgspec.structs.replace(
            shown, quote=quoted, edited=edited, original=f'{{"body":"{text}","replied":"{self.secret} said"}}'
        )

    def plain(self, mailbox: str, number: int) -> RemoteMessage:
        id = self.message_id(3 * MINUTE_MS + number, 200 + number)
        return self.message(mailbox, id, "bea", 3 * MINUTE_MS + number, f"plain {number} of {self.seed}")

    def chat(self, mailbox: str, *, subject: bool = False) -> RemoteChat:
        return RemoteChat(
            provider_id=self.chat_id,
            key=self.chat_key,
            attendees=(person("ada", mailbox), person("bea", mailbox)),
            subject=f"{self.secret} subject" if subject else None,
            subject_key=self.key(self.target_id) if subject else None,
        )

    def page(self, mailbox: str) -> list[RemoteMessage]:
        """The whole conversation as one replica has it: some are late, some leave recalled messages out."""
        states = ["written", "edited", "recalled", ""] if self.recalled else ["written", "edited"]
        state = self.chance.choice(states)
        found = [self.answer(mailbox, 1), self.answer(mailbox, 2), self.plain(mailbox, 1), *self.sent]
        if state:
            found.append(self.target(mailbox, state))
        self.chance.shuffle(found)
        return found

    def _files(self) -> tuple[AnyAttachment, ...]:
        return (
            File(id=f"{self.target_id}.0", file_name=f"{self.secret}.pdf", url=f"https://files.test/{self.secret}"),
        )


def person(name: str, mailbox: str) -> RemoteAttendee:
    return RemoteAttendee(provider_id=name, name=name.title(), is_self=name == mailbox)


class Line:
    """One account's connection to the world."""

    def __init__(self, world: World, profile: Profile) -> None:
        self._world = world
        self._profile = profile
        self._me = profile.provider_id

    async def profile(self) -> Profile:
        return self._profile

    async def revoke(self) -> None:
        return None

    async def list_chats(self, cursor: str | None) -> Page[RemoteChat]:
        return Page([self._world.chat(self._me, subject=self._world.chance.random() < 0.5)], None)

    async def list_messages(self, chat: str, cursor: str | None) -> Page[RemoteMessage]:
        return Page(self._world.page(self._me), None)

    async def changes(self, token: str | None) -> Delta:
        return Delta(events=[], token="token", complete=False)

    async def send_message(self, chat: str, draft: MessageDraft) -> RemoteMessage:
        world = self._world
        id = world.message_id(-len(world.sent), 300 + len(world.sent))
        sent = world.message(self._me, id, self._me, -len(world.sent), draft.text)
        sent = msgspec.structs.replace(sent, quote=draft.quote)
        world.sent.append(sent)
        return sent

    async def start_chat(self, draft: ChatDraft) -> RemoteMessage:
        raise NotSupported

    async def edit_message(self, chat: str, message: HeldMessage, text: str) -> None:
        """Accepted unless the message is gone; then others go on with theirs before the answer comes."""
        world = self._world
        if world.recalled:
            raise Refused
        match world.chance.choice(["done", "done", "lost", "not done", "refused"]):
            case "refused":
                raise Refused
            case "not done":
                raise OutcomeUnknown
            case "lost":
                world.edits += 1
                raise OutcomeUnknown(code=ErrorCode.PROVIDER_ERROR)
            case _:
                world.edits += 1
                await self._dawdle()

    async def set_reaction(self, chat: str, message: HeldMessage, emoji: str, *, on: bool) -> None:
        if self._world.recalled:
            raise Refused
        await self._dawdle()

    async def forward_message(self, message: HeldMessage, to: str) -> RemoteMessage:
        raise NotSupported

    async def mark_chat(self, chat: str, mark: ChatMark, *, on: bool) -> None:
        raise NotSupported

    async def show_typing(self, chat: str, *, on: bool) -> None:
        raise NotSupported

    async def open_attachment(self, message: HeldMessage, attachment: AnyAttachment) -> Download:
        raise NotFound

    async def _dawdle(self) -> None:
        await asyncio.sleep(self._world.chance.choice([0, 0, 0.005, 0.02]))

    async def recall_message(self, chat: str, message: MessageKey) -> None:
        match self._world.chance.choice(["done", "done", "lost", "refused", "failed"]):
            case "lost":
                self._world.recalled = True
                raise OutcomeUnknown
            case "failed":
                self._world.recalled = True
                raise OutcomeUnknown(code=ErrorCode.PROVIDER_ERROR)
            case "refused":
                raise Refused(kind=Kind.RECALL_REFUSED)
            case _:
                self._world.recalled = True
                await self._dawdle()

    async def read_message(self, chat: str, message: MessageKey) -> RemoteMessage | None:
        if self._world.chance.random() < 0.2:
            raise ProviderDown
        return self._world.target(self._me, self._world.state)

    async def listen(self) -> AsyncIterator[RemoteEvent]:
        return
        yield


class Border(LinkedInConnector):
    """LinkedIn's keys and powers; behind them worlds in memory, by number."""

    def __init__(self) -> None:
        super().__init__()
        self.worlds: dict[str, World] = {}

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Whoever names a world and a member of it is let in."""
        assert reply is not None
        member = reply.answers["member"]
        profile = Profile(provider_id=member, username=member, name=member.title())
        return Linked(profile=profile, credentials=Credentials(values=reply.answers))

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> Line:  # type: ignore[override]
        return Line(self.worlds[credentials.values["world"]], profile)


BORDER = Border()
