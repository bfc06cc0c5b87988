"""Matrix: what it can do, how an account is linked on any homeserver, how one is opened."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from postroom.clock import Clock, now
from postroom.connectors.contract import Ask, ConnectorSettings, Keep, Linked, LoginStep, Reply
from postroom.connectors.http import Http
from postroom.connectors.matrix import convert
from postroom.connectors.matrix.api import PROVIDER, Matrix, base_url
from postroom.connectors.matrix.connection import MatrixConnection
from postroom.connectors.servers import server_address
from postroom.domain.capabilities import MIB, Capabilities, Editing, Reacting, Recalling, Sending, Starting
from postroom.domain.chats import ChatMark
from postroom.domain.remote import ChatKey, Credentials, Json, MessageKey, Profile
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
    send=Sending(
        # Source: Matrix specification v1.14, size limits, checked 2026-11-21: 65,536 bytes are an event, which an edit
        # fills with its text twice. A text of many bytes a character may still be refused.
        max_length=30_000,
        attachments=frozenset({"image", "video", "audio", "voice", "file"}),
        # Source: Synapse configuration manual, max_upload_size as it is installed, checked 2026-11-21.
        max_attachment_bytes=50 * MIB,
        max_attachments=1,
    ),
    # Source: Matrix specification v1.14, createRoom and m.room.name, checked 2026-11-21.
    start=Starting(groups=True, max_title_length=255),
    # Source: Matrix specification v1.14, event replacements, checked 2026-11-21: at any time.
    edit=Editing(window=None),
    # Source: Matrix specification v1.14, redactions, checked 2026-11-21: at any time.
    recall=Recalling(window=None, readable=True),
    # Source: Matrix specification v1.14, event annotations and reactions, checked 2026-11-21: any text, several of each.
    react=Reacting(emojis=None, replaces=False),
    forward=True,
    typing=True,
    marks=frozenset({ChatMark.READ, ChatMark.PINNED}),
    proxies=True,
)

_SERVER = "The homeserver at which the account lives, such as matrix.org."
_FLOWS = {
    "password": {
        "server": _SERVER,
        "user": "The account's name there, such as ada or @ada:matrix.org.",
        "password": "Its password: it opens a session of its own, and is not kept.",
    },
    "access_token": {
        "server": _SERVER,
        "access_token": "An access token of the account. When the account is unlinked, the token ends.",
    },
}


class MatrixSettings(ConnectorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which homeserver."""

    origin: str = ""
    """The one homeserver of all accounts; empty: owners are asked for theirs, which must be public."""


class MatrixConnector:
    """Chats on Matrix. Accounts live on many homeservers; each is asked for its own, unless the settings name one."""

    settings_type = MatrixSettings
    calls_given_addresses = True

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: MatrixSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
        guarded: Http | None = None,
    ) -> None:
        """`guarded` is the way to homeservers that owners name, `http` the one to `settings.origin`."""
        self._origin = (settings or MatrixSettings()).origin.rstrip("/")
        self._http = (http if self._origin else guarded or http) or Http()
        self._now = now

    @property
    def name(self) -> str:
        """The value of `accounts.provider`."""
        return PROVIDER

    @property
    def capabilities(self) -> Capabilities:
        """Chats, whole; rooms that are encrypted from end to end are listed, and neither read nor written."""
        return _CAPABILITIES

    @property
    def login_flows(self) -> Sequence[str]:
        """A password, which opens a session; or a session's access token."""
        return tuple(_FLOWS)

    def message_key(self, provider_id: str) -> MessageKey:
        """An event's id."""
        return convert.message_key(provider_id)

    def chat_key(self, provider_id: str) -> ChatKey:
        """A room's id."""
        return convert.chat_key(provider_id)

    def mailbox_of(self, provider_id: str) -> str | None:
        """Ids say nothing of whose copy they name."""
        return None

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Find the homeserver, and see whose account it is. An answer that is not whole is asked again."""
        if flow not in _FLOWS:
            raise InvalidParameters(f"Matrix has no login flow {flow!r}; there are: {', '.join(_FLOWS)}.")
        fields = {name: text for name, text in _FLOWS[flow].items() if name != "server" or not self._origin}
        given = {name: reply.answers.get(name, "").strip() for name in fields} if reply is not None else {}
        if not all(given.get(name) for name in fields):
            return Ask(fields=fields, state=None)
        token, hide = given.get("access_token", ""), tuple(given.get(name, "") for name in ("password", "access_token"))
        if token and not (token.isascii() and token.isprintable() and " " not in token and len(token) <= 4096):
            raise LoginFailed("That is no access token.", code=ErrorCode.INVALID_CREDENTIALS)
        try:
            server = self._origin or await self._homeserver(given["server"])
            if not token:
                session = await Matrix(self._http, server, hide=hide).log_in(given["user"], given["password"])
                token = _text(session.get("access_token"))
            api = Matrix(self._http, server, token, hide)
            user = _text((await api.whoami()).get("user_id"))
            await self._check_name(user, server)
            profile = convert.profile(user, await api.profile(user))
        except ActionRequired as error:
            raise LoginFailed(error.detail, code=ErrorCode.CHECKPOINT_ERROR) from error
        except (CredentialsRejected, Refused) as error:
            raise LoginFailed(error.detail, code=ErrorCode.INVALID_CREDENTIALS) from error
        return Linked(profile=profile, credentials=Credentials(values={"server": server, "access_token": token}))

    async def _homeserver(self, text: str) -> str:
        """The address of the homeserver that an owner names, by its name or its own address.

        Source: Matrix specification v1.14, server discovery, checked 2026-11-21.
        """
        address = server_address(text)
        if address is None:
            raise LoginFailed(
                "That is not the address of a public homeserver: give its name, such as matrix.org.",
                code=ErrorCode.AUTHENTICATION_INTENT_ERROR,
            )
        told = await base_url(self._http, address)
        if told is None:
            return address
        found = server_address(told)
        if found is None:
            raise LoginFailed(
                f"{address} names a homeserver that is not public.", code=ErrorCode.AUTHENTICATION_INTENT_ERROR
            )
        return found + urlsplit(told).path.rstrip("/")

    async def _check_name(self, user: str, server: str) -> None:
        """Whether this homeserver may speak for the account's name: one could claim to be anybody's.

        Raises:
            LoginFailed: the name's own server says otherwise.
        """
        if self._origin:
            return
        domain = user.partition(":")[2].partition(":")[0]
        if not user.startswith("@") or await self._homeserver(domain) != server:
            raise LoginFailed(
                "This homeserver is not the one that the account's name belongs to.", code=ErrorCode.WRONG_ACCOUNT
            )

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> MatrixConnection:
        """A client for one account. Its token does not change."""
        api = Matrix(self._http, credentials.values["server"], credentials.values["access_token"])
        return MatrixConnection(api, profile, self._now)

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()


def _text(value: Json) -> str:
    if not isinstance(value, str) or not value:
        raise ProviderDown("The homeserver's answer could not be understood.")
    return value
