"""LinkedIn: what it can do, how an account is linked, how one is opened."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from postroom.clock import Clock, now
from postroom.connectors.contract import AppSettings, Ask, Keep, Linked, LoginStep, Reply
from postroom.connectors.http import Http
from postroom.connectors.linkedin import keys, people
from postroom.connectors.linkedin.api import QUERY_IDS, Session, Voyager, new_jsessionid
from postroom.connectors.linkedin.connection import LinkedInConnection
from postroom.connectors.linkedin.password import PasswordLogin
from postroom.connectors.linkedin.posts_api import Hosts
from postroom.connectors.linkedin.posts_connection import PostsConnection
from postroom.connectors.linkedin.posts_login import PostsLogin
from postroom.connectors.linkedin.posts_media import (
    IMAGE_TYPES,
    MAX_IMAGE_BYTES,
    MAX_IMAGES,
    MAX_VIDEO_BYTES,
    VIDEO_TYPES,
)
from postroom.domain.capabilities import (
    MIB,
    Capabilities,
    Editing,
    ImageLimits,
    Publishing,
    Reacting,
    Recalling,
    Sending,
    Settles,
    Starting,
    VideoLimits,
)
from postroom.domain.chats import ChatMark
from postroom.domain.remote import ChatKey, Credentials, MessageKey, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    ProviderDown,
    Refused,
)

USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"

_CAPABILITIES = Capabilities(
    # Source: the limits that published clients enforce, checked 2026-11-20; how many files is a bound of ours.
    send=Sending(
        max_length=8000,
        attachments=frozenset({"image", "video", "audio", "voice", "file"}),
        max_attachment_bytes=20 * MIB,
        max_attachments=10,
    ),
    # Source: published clients, checked 2026-11-20: titles of up to 300 characters.
    start=Starting(groups=True, max_title_length=300),
    # Source: Unipile "Edit a message" (2026), and the limit that published clients enforce, checked 2026-11-20.
    edit=Editing(window=timedelta(minutes=60)),
    # Source: published clients, checked 2026-11-20: any emoji, several of one person.
    react=Reacting(emojis=None, replaces=False),
    # Source: PostPress "Delete a message" (May 2026), and the limit that published clients enforce.
    recall=Recalling(window=timedelta(minutes=60), readable=True),
    typing=True,
    # Source: the categories of the web client as published clients use them, checked 2026-11-20.
    marks=frozenset({ChatMark.READ, ChatMark.ARCHIVED, ChatMark.STARRED, ChatMark.ACCEPTED}),
    publish=Publishing(
        # Source: LinkedIn Posts API, checked 2026-11-21.
        max_length=3000,
        # An image has fewer than 36,152,320 pixels.
        images=ImageLimits(
            max_count=MAX_IMAGES, types=IMAGE_TYPES, max_bytes=MAX_IMAGE_BYTES, max_width=6000, max_height=6000
        ),
        # Source: LinkedIn Videos API, checked 2026-11-21.
        video=VideoLimits(types=VIDEO_TYPES, max_bytes=MAX_VIDEO_BYTES, min_seconds=3, max_seconds=30 * 60),
        # The same post once more is refused, and the refusal names the one that is there.
        settles=Settles.ALWAYS,
    ),
    # Source: LinkedIn Posts API, checked 2026-11-21: DELETE, which may be repeated.
    unpublish=True,
    proxies=True,
)

_FIELDS = {
    "access_token": (
        "The value of the cookie li_at of a browser that is signed in to linkedin.com. "
        "LinkedIn's terms forbid automation: it may restrict an account for it."
    ),
    "user_agent": "Optional: the User-Agent of that browser. LinkedIn may end a session that changes browsers.",
}


class LinkedInSettings(AppSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How LinkedIn is spoken to. The app is for posts; messages need none."""

    client_id: str = ""
    """The registered app's id; empty: accounts can be linked for messages, and not for posts."""
    api_version: str = "202601"
    """The version of the Posts API, as YYYYMM. LinkedIn ends each after about a year."""
    scopes: str = "openid profile w_member_social"
    """What is asked of an owner who links for posts, divided by spaces; what pages need besides is in the README there."""
    user_agent: str = USER_AGENT
    """The User-Agent of sessions whose owner named none."""
    query_ids: Mapping[str, str] = {}
    """Replaces some of the web client's query ids, which LinkedIn changes every few weeks. In postroom.toml only."""


class LinkedInConnector:
    """LinkedIn's private messages, over the protocol of its web client, and posts, over its official API.

    An account has one of the two, as it was linked: flow `cookie` or `password`, or flow `oauth`.
    """

    settings_type = LinkedInSettings

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: LinkedInSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
    ) -> None:
        """Raises ValueError where `settings.query_ids` names one that is not in `api.QUERY_IDS`."""
        settings = settings or LinkedInSettings()
        unknown = set(settings.query_ids) - set(QUERY_IDS)
        if unknown:
            raise ValueError(f"unknown query ids: {', '.join(sorted(unknown))}; there are {', '.join(QUERY_IDS)}")
        self._origin = settings.origin or "https://www.linkedin.com"
        self._http = http or Http()
        self._query_ids = {**QUERY_IDS, **settings.query_ids}
        self._user_agent = settings.user_agent
        self._settings = settings
        self._hosts = Hosts.of(settings.origin)
        self._now = now
        self._posts_login = PostsLogin(
            self._http, self._hosts, settings.api_version, settings, settings.scopes, callback_url, now
        )

        self._password_login = PasswordLogin(self._http, self._origin, self._user_agent, self._linked)

    @property
    def name(self) -> str:
        """The value of `accounts.provider`."""
        return "linkedin"

    @property
    def capabilities(self) -> Capabilities:
        """An account has chats, or takes posts, as it was linked."""
        return _CAPABILITIES

    @property
    def login_flows(self) -> Sequence[str]:
        """The cookie of a browser that is signed in, or name and password, for messages; OAuth, for posts."""
        return ("cookie", "password", "oauth")

    def message_key(self, provider_id: str) -> MessageKey:
        """The message's id without mailbox, escapes and padding."""
        return keys.message_key(provider_id)

    def chat_key(self, provider_id: str) -> ChatKey:
        """The conversation's id without mailbox, escapes and padding."""
        return keys.chat_key(provider_id)

    def mailbox_of(self, provider_id: str) -> str | None:
        """The member or organisation in the first half of the URN."""
        return keys.mailbox_of(provider_id)

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Ask for the session's cookie, and see whose it is. An answer without one is asked again.

        By password: sign in as a browser does, from check to check.
        By OAuth: send the owner to LinkedIn, and ask as whom to post where there is a choice.
        """
        if flow not in self.login_flows:
            raise InvalidParameters(f"LinkedIn has no login flow {flow!r}; there are: cookie, password, oauth.")
        if flow == "oauth":
            return await self._posts_login.step(reply)
        if flow == "password":
            return await self._password_login.step(reply)
        return await self._by_cookie(reply)

    async def _by_cookie(self, reply: Reply | None) -> LoginStep:
        li_at = _cookie(reply.answers.get("access_token", "")) if reply is not None else ""
        if reply is None or not li_at:
            return Ask(fields=_FIELDS, state=None)
        user_agent = reply.answers.get("user_agent", "").strip() or self._user_agent
        if not _is_header(li_at) or any(mark in li_at for mark in ';," \\') or not _is_header(user_agent):
            raise LoginFailed("That is no value of the cookie li_at.", code=ErrorCode.INVALID_CREDENTIALS)
        session = Session(li_at=li_at, jsessionid=new_jsessionid(), user_agent=user_agent)
        return await self._linked(session)

    async def _linked(self, session: Session) -> Linked:
        """Whose session it is."""
        try:
            profile = people.profile(await self._voyager(session).me())
        except CredentialsRejected as error:
            raise LoginFailed("LinkedIn does not accept this cookie.", code=ErrorCode.INVALID_CREDENTIALS) from error
        except ActionRequired as error:
            raise LoginFailed(error.detail, code=ErrorCode.CHECKPOINT_ERROR) from error
        except Refused as error:
            raise LoginFailed(error.detail, code=ErrorCode.INVALID_CREDENTIALS) from error
        if profile is None:
            raise ProviderDown("LinkedIn did not say whose session this is.")
        values = {"li_at": session.li_at, "jsessionid": session.jsessionid, "user_agent": session.user_agent}
        return Linked(profile=profile, credentials=Credentials(values=values))

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> LinkedInConnection | PostsConnection:
        """A client for one account: a Messenger over its cookies, which do not change, or a Publisher over its token."""
        values = credentials.values
        if "author" in values:
            version = self._settings.api_version
            return PostsConnection(
                self._http, self._hosts, version, self._settings, profile, credentials, keep, self._now
            )
        session = Session(
            li_at=values["li_at"],
            jsessionid=values["jsessionid"],
            user_agent=values.get("user_agent", self._user_agent),
        )
        return LinkedInConnection(self._voyager(session), profile)

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()

    def _voyager(self, session: Session) -> Voyager:
        return Voyager(self._http, self._origin, session, self._query_ids)


def _cookie(text: str) -> str:
    """The value of li_at, of what people paste: the value, in quotes or not, or a whole Cookie header."""
    for part in text.split(";"):
        name, sign, value = part.strip().partition("=")
        if sign and name.strip() == "li_at":
            return value.strip().strip('"')
    return text.strip().strip('"')


def _is_header(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= 4096
