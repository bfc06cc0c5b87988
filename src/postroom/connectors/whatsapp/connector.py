"""WhatsApp: what it can do, how an account is linked, how one is opened."""

import asyncio
import contextlib
import copy
import importlib.util
import secrets
from collections.abc import Sequence
from datetime import timedelta

from postroom.clock import Clock, now
from postroom.connectors.contract import (
    Ask,
    Checkpoint,
    CheckpointKind,
    ConnectorSettings,
    Find,
    Keep,
    Linked,
    LoginStep,
    Reply,
    Show,
    Wait,
)
from postroom.connectors.http import Http
from postroom.connectors.whatsapp import addresses, refusals
from postroom.connectors.whatsapp.connection import WhatsAppConnection
from postroom.connectors.whatsapp.host import Host, LibraryError, Lost, Session
from postroom.connectors.whatsapp.proxied import Way
from postroom.domain.capabilities import MIB, Capabilities, Editing, Reacting, Recalling, Sending, Starting
from postroom.domain.chats import ChatMark
from postroom.domain.proxies import Proxy
from postroom.domain.remote import ChatKey, Credentials, Json, MessageKey, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    NotImplementedHere,
    ProviderDown,
    ProviderError,
    ProxyRefused,
)

_CAPABILITIES = Capabilities(
    # Source: mautrix-whatsapp's capabilities (65,536 characters) and WhatsApp's help (16 MB of media), checked 2026-11-21.
    send=Sending(
        max_length=65_536,
        attachments=frozenset({"image", "video", "audio", "voice", "file"}),
        max_attachment_bytes=16 * MIB,
    ),
    # Source: WhatsApp's help on groups, checked 2026-11-21.
    start=Starting(groups=True, max_title_length=100),
    # Source: WhatsApp Cloud API, webhook `edit`: within 15 minutes, checked 2026-11-21.
    edit=Editing(window=timedelta(minutes=15)),
    # Source: the app's limit of two days and twelve hours; WhatsApp Cloud API, webhook `revoke`, says two days, checked
    # 2026-11-21: between the two it is best effort. WhatsApp acknowledges a late one without doing it.
    recall=Recalling(window=timedelta(hours=60), readable=False),
    react=Reacting(),
    forward=True,
    typing=True,
    marks=frozenset({ChatMark.READ}),
    one_session=True,
    proxies=True,
)

_MISSING = "WhatsApp is an extra of this server, and it is not installed: pip install 'postroom[whatsapp]', and start it again."
_PHONE = {"phone_number": "The account's telephone number with its country code, such as +49 170 1234567."}
# The first code lives 60 seconds and the other five 20. Source: whatsmeow, `GetQRChannel`, checked 2026-11-21.
_CODES_SECONDS = 160.0
_AGAIN_SECONDS = 2.0
_CODE_SECONDS = 30.0
_OVER = "The code was not used in time: start again."


class WhatsAppSettings(ConnectorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How WhatsApp is spoken to. `origin` is for what stands in for its library: the library goes to WhatsApp alone."""

    library: str = ""
    """`module:class` that stands in for the native part of the library (a simulation); empty: the real one."""
    working_folder: str = ""
    """Where sessions lie in clear while they are used; empty: in memory where there is /dev/shm, else a temporary folder."""


class WhatsAppConnector:
    """WhatsApp's messages, as one more device of an account. The library is in a process of its own."""

    settings_type = WhatsAppSettings

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: WhatsAppSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
    ) -> None:
        settings = settings or WhatsAppSettings()
        self._now = now
        self.host = Host(settings.library, settings.origin, settings.working_folder)
        self._way: Way | None = None
        self._timers: set[asyncio.TimerHandle] = set()
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """The value of `accounts.provider`."""
        return "whatsapp"

    @property
    def capabilities(self) -> Capabilities:
        return _CAPABILITIES

    @property
    def login_flows(self) -> Sequence[str]:
        """A code that the telephone scans, or one that is typed on it."""
        return ("qr", "pairing_code")

    def message_key(self, provider_id: str) -> MessageKey:
        """The group if it is one's, who wrote it, and its id."""
        return addresses.message_key(provider_id)

    def chat_key(self, provider_id: str) -> ChatKey:
        """The person's or the group's address, without device."""
        return addresses.chat_key(provider_id)

    def mailbox_of(self, provider_id: str) -> str | None:
        """None: no spelling names a mailbox."""
        return None

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Show a code until the telephone has taken it. For a pairing code, ask for the number first."""
        if flow not in self.login_flows:
            raise InvalidParameters(f"WhatsApp has no login flow {flow!r}; there are: qr, pairing_code.")
        if importlib.util.find_spec("neonize") is None:
            raise NotImplementedHere(_MISSING)
        state = None if reply is None else reply.state
        if state is not None:
            return await self._again(flow, state)
        if flow == "qr":
            return await self._show(await self._begin(), None)
        number = "" if reply is None else "".join(filter(str.isdigit, reply.answers.get("phone_number", "")))
        if not number:
            return Ask(fields=_PHONE, state=None)
        return await self._show(await self._begin(), number)

    async def _begin(self) -> Session:
        """A new session, that shows its first code."""
        name = secrets.token_hex(16)
        try:
            proxy = None if self._way is None else await self._way.address()
            held = await self.host.open(name, me=None, store=None, generation=0, proxy=proxy)
            async with asyncio.timeout(_CODE_SECONDS):
                while held.code is None:
                    if held.ending is not None:
                        raise _failed(held, is_proxied=self._way is not None)
                    held.changed.clear()
                    await held.changed.wait()
        except TimeoutError as error:
            await self.host.wipe(name)
            raise ProviderDown("WhatsApp gave no code. Try again.") from error
        except (ProviderDown, ProxyRefused, LoginFailed):
            await self.host.wipe(name)
            raise
        held.began = asyncio.get_running_loop().time()
        self._end_later(name)
        return held

    def _end_later(self, name: str) -> None:
        """A session that nobody took up when its codes are over goes."""

        def end() -> None:
            held = self.host.find(name)
            self._timers.discard(timer)
            if held is not None and held.is_open and not held.is_given:
                task = asyncio.ensure_future(self._abandon(held))
                self._ending.add(task)
                task.add_done_callback(self._ending.discard)

        timer = asyncio.get_running_loop().call_later(_CODES_SECONDS + 30, end)
        self._timers.add(timer)

    async def _abandon(self, held: Session) -> None:
        if held.me is not None:
            with contextlib.suppress(Lost, LibraryError, TimeoutError, ProviderDown):
                await self.host.ask(held.name, "logout", seconds=15)
        await self.host.wipe(held.name)

    async def _show(self, held: Session, number: str | None) -> LoginStep:
        state: dict[str, Json] = {"session": held.name}
        if number is None:
            return _qr_code(held, state)
        try:
            code = await self.host.ask(held.name, "pair_by_phone", phone=number)
        except LibraryError as error:
            await self.host.wipe(held.name)
            raise LoginFailed("WhatsApp gives no code for that number.", code=ErrorCode.INVALID_CREDENTIALS) from error
        except (Lost, TimeoutError) as error:
            await self.host.wipe(held.name)
            raise ProviderDown("WhatsApp gave no code. Try again.") from error
        return _pairing_code({**state, "code": code})

    async def _again(self, flow: str, state: Json) -> LoginStep:
        """Whether the code was used meanwhile."""
        held = self.host.find(state.get("session", "")) if isinstance(state, dict) else None
        if held is None:
            raise LoginFailed(_OVER, code=ErrorCode.EXPIRED_LINK)
        if held.is_connected and held.me is not None:
            return await self._linked(held)
        if held.ending is not None:
            await self.host.wipe(held.name)
            raise _failed(held, is_proxied=self._way is not None)
        if held.paired is not None:
            if held.paired.get("Status") == "ERROR":
                await self.host.wipe(held.name)
                raise LoginFailed("WhatsApp did not link this device.", code=ErrorCode.CHECKPOINT_ERROR)
            kind = CheckpointKind.QR_CODE if flow == "qr" else CheckpointKind.PAIRING_CODE
            return Wait(checkpoint=Checkpoint(kind=kind), again_seconds=_AGAIN_SECONDS / 2, state=state)
        if asyncio.get_running_loop().time() - held.began > _CODES_SECONDS:
            await self.host.wipe(held.name)
            raise LoginFailed(_OVER, code=ErrorCode.EXPIRED_LINK)
        return _qr_code(held, state) if flow == "qr" else _pairing_code(state)

    async def _linked(self, held: Session) -> Linked:
        me = held.me or {}
        try:
            packed = await self.host.ask(held.name, "pack")
        except (Lost, LibraryError, TimeoutError) as error:
            raise ProviderDown("WhatsApp's process ended while the account was linked. Try again.") from error
        self.host.tell(held.name, "kept", generation=1)
        held.is_given = True
        number = me["jid"].partition("@")[0]
        values = {
            "session": held.name,
            "jid": me["jid"],
            "lid": me.get("lid", ""),
            "name": me.get("name", ""),
            "store": packed["store"],
            "generation": "1",
        }
        profile = Profile(provider_id=me["jid"], username=f"+{number}", name=me.get("name") or f"+{number}")
        return Linked(profile=profile, credentials=Credentials(values=values))

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> WhatsAppConnection:
        """A client for one account."""
        return WhatsAppConnection(self.host, profile, credentials, keep, self._now, self._way)

    def through(self, proxy: Proxy, find: Find) -> "WhatsAppConnector":
        """The same, with the same process: each of its sessions has a way out of its own."""
        other = copy.copy(self)
        other._way = Way(proxy, find)
        return other

    async def close(self) -> None:
        """End the library's process."""
        for timer in self._timers:
            timer.cancel()
        await self.host.close()


def _qr_code(held: Session, state: Json) -> Show:
    assert held.code is not None
    checkpoint = Checkpoint(kind=CheckpointKind.QR_CODE)
    return Show(code=held.code, checkpoint=checkpoint, again_seconds=_AGAIN_SECONDS, state=state)


def _pairing_code(state: Json) -> Show:
    checkpoint = Checkpoint(kind=CheckpointKind.PAIRING_CODE)
    return Show(code=state["code"], checkpoint=checkpoint, again_seconds=_AGAIN_SECONDS, state=state)


def _failed(held: Session, *, is_proxied: bool) -> ProviderError:
    """Why an attempt to link is over."""
    assert held.ending is not None
    reason = refusals.of_ending(held.ending, is_proxied=is_proxied)
    if isinstance(reason, CredentialsRejected | ActionRequired):
        return LoginFailed(reason.detail, code=ErrorCode.CHECKPOINT_ERROR)
    return reason if isinstance(reason, ProxyRefused | ProviderDown) else ProviderDown(reason.detail)
