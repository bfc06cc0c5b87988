"""Telegram: what it can do, how a chat is linked, how one is opened."""

from collections.abc import Sequence
from typing import Any

import regex

from postroom.clock import Clock, now
from postroom.connectors.contract import Ask, ConnectorSettings, Keep, Linked, LoginStep, Reply
from postroom.connectors.http import Http
from postroom.connectors.telegram import convert
from postroom.connectors.telegram.api import BotApi, Gone, Moved
from postroom.connectors.telegram.connection import (
    IMAGE_TYPES,
    MAX_FILES,
    MAX_IMAGE_BYTES,
    MAX_VIDEO_BYTES,
    VIDEO_TYPES,
    TelegramConnection,
)
from postroom.domain.capabilities import Capabilities, ImageLimits, Publishing, Settles, VideoLimits
from postroom.domain.remote import Credentials, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    ProviderDown,
    Refused,
)

_CAPABILITIES = Capabilities(
    publish=Publishing(
        # Source: Telegram Bot API 10.1, sendMessage and sendPhoto, checked 2026-11-21.
        max_length=4096,
        max_caption_length=1024,
        # Width and height come to 10,000 at most, and one is at most twenty times the other.
        images=ImageLimits(
            max_count=MAX_FILES,
            types=IMAGE_TYPES,
            max_bytes=MAX_IMAGE_BYTES,
            max_width=5000,
            max_height=5000,
            min_aspect=0.05,
            max_aspect=20.0,
        ),
        video=VideoLimits(types=VIDEO_TYPES, max_bytes=MAX_VIDEO_BYTES, max_count=MAX_FILES),
        mixed=True,
        # A bot is not shown what it has sent.
        settles=Settles.NEVER,
    ),
    # Source: Telegram Bot API 10.1, deleteMessage, checked 2026-11-21: within 48 hours, with the right to delete longer.
    unpublish=True,
    proxies=True,
)

_FIELDS = {
    "token": "The bot's token, as BotFather gave it, such as 1234567890:AAF...",
    "chat": "Where the bot posts: @name of the channel or group, or its id. Make the bot an administrator there first.",
}
_TOKEN = regex.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,200}")


class TelegramSettings(ConnectorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the Bot API is: `origin` may also be a Bot API server of one's own."""


class TelegramConnector:
    """Posts in Telegram's channels and groups, by a bot. An account is one chat."""

    settings_type = TelegramSettings

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: TelegramSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
    ) -> None:
        """`settings.origin` is where the Bot API answers; empty: api.telegram.org."""
        settings = settings or TelegramSettings()
        self._origin = settings.origin or "https://api.telegram.org"
        self._http = http or Http()

    @property
    def name(self) -> str:
        """The value of `accounts.provider`."""
        return "telegram"

    @property
    def capabilities(self) -> Capabilities:
        """It publishes; it has no chats here."""
        return _CAPABILITIES

    @property
    def login_flows(self) -> Sequence[str]:
        """One: a bot's token, and the chat it posts to."""
        return ("bot_token",)

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Ask for token and chat, and see that this bot may post there. An answer without one is asked again."""
        if flow not in self.login_flows:
            raise InvalidParameters(f"Telegram has no login flow {flow!r}; there is: bot_token.")
        token = reply.answers.get("token", "").strip() if reply is not None else ""
        written = reply.answers.get("chat", "").strip() if reply is not None else ""
        if not token or not written:
            return Ask(fields=_FIELDS, state=None)
        chat = convert.chat_of(written)
        if not _TOKEN.fullmatch(token):
            raise LoginFailed("That is no bot's token.", code=ErrorCode.INVALID_CREDENTIALS)
        if chat is None:
            raise LoginFailed("That is no chat: write its @name or its id.", code=ErrorCode.INVALID_CREDENTIALS)
        try:
            return await self._linked(token, chat)
        except CredentialsRejected as error:
            raise LoginFailed("Telegram does not accept this token.", code=ErrorCode.INVALID_CREDENTIALS) from error
        except (ActionRequired, Refused) as error:
            raise LoginFailed(error.detail, code=ErrorCode.INVALID_CREDENTIALS) from error
        except (Moved, Gone) as error:
            raise LoginFailed("This group has another id by now.", code=ErrorCode.INVALID_CREDENTIALS) from error

    async def _linked(self, token: str, chat: str) -> Linked:
        api = BotApi(self._http, self._origin, token)
        me = (await api.get_me()).get("id")
        found: dict[str, Any] = await api.get_chat(chat)
        profile = convert.profile(found)
        if profile is None or not isinstance(me, int):
            raise ProviderDown("Telegram did not say which bot or chat this is.")
        if found.get("type") != "private":
            problem = convert.problem(found, await api.get_chat_member(profile.provider_id, me))
            if problem is not None:
                raise LoginFailed(problem, code=ErrorCode.INVALID_CREDENTIALS)
        return Linked(profile=profile, credentials=convert.credentials(token, profile.provider_id))

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> TelegramConnection:
        """A client for one chat. `keep` is called where a group becomes a supergroup, and has another id."""
        return TelegramConnection(self._http, self._origin, credentials, keep)

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()
