"""YouTube: what it can do, how an account is linked, how one is opened."""

from collections.abc import Mapping, Sequence
from functools import partial

from postroom.clock import Clock, now
from postroom.connectors import oauth
from postroom.connectors.contract import AppSettings, Keep, Linked, LoginStep, Reply
from postroom.connectors.http import Http
from postroom.connectors.youtube import convert
from postroom.connectors.youtube.api import PROVIDER, Address, Api
from postroom.connectors.youtube.connection import (
    MAX_VIDEO_BYTES,
    VIDEO_TYPES,
    YouTubeConnection,
    token_values,
)
from postroom.domain.capabilities import Capabilities, Publishing, Settles, VideoLimits
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

# All that is needed is below the first: uploading, reading the channel's name, deleting.
_SCOPES = ("https://www.googleapis.com/auth/youtube",)

# Source: Google Identity, OAuth 2.0 for web server applications, checked 2026-11-21: without `prompt`, a refresh token
# comes with the first approval only.
_ALWAYS_A_REFRESH_TOKEN = {"access_type": "offline", "prompt": "consent"}

_CAPABILITIES = Capabilities(
    publish=Publishing(
        # Source: YouTube Data API, videos, snippet.description, checked 2026-11-21: 5000 bytes.
        max_length=5000,
        max_bytes=5000,
        # Source: PostPost "Platform limits" (March 2026); channels that are not verified may post 15 minutes.
        video=VideoLimits(types=VIDEO_TYPES, max_bytes=MAX_VIDEO_BYTES, max_seconds=12 * 3600.0),
        media_required=True,
        # The upload session is asked for its video.
        settles=Settles.ALWAYS,
    ),
    # Source: YouTube Data API, videos.delete, checked 2026-11-21.
    unpublish=True,
    proxies=True,
)


class YouTubeSettings(AppSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The app: an OAuth client of a Google Cloud project in which the YouTube Data API is on."""


class YouTubeConnector:
    """Videos on YouTube."""

    settings_type = YouTubeSettings

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: YouTubeSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
    ) -> None:
        self._http = http or Http()
        self._settings = settings or YouTubeSettings()
        self._callback_url = callback_url
        self._now = now

    @property
    def name(self) -> str:
        """The value of `accounts.provider`."""
        return PROVIDER

    @property
    def capabilities(self) -> Capabilities:
        """It publishes videos and takes them down."""
        return _CAPABILITIES

    @property
    def login_flows(self) -> Sequence[str]:
        """One: the owner approves at Google."""
        return ("oauth",)

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Send the owner to Google, and make an account of what they come back with."""
        if flow not in self.login_flows:
            raise InvalidParameters(f"YouTube has no login flow {flow!r}; there is: oauth.")
        address = Address(self._settings)
        page = oauth.Page(
            network=PROVIDER,
            url=address.authorize,
            app=self._settings,
            callback_url=self._callback_url,
            scopes=_SCOPES,
            extra=_ALWAYS_A_REFRESH_TOKEN,
        )
        return await oauth.login(page, reply, partial(self._linked, address))

    async def _linked(self, address: Address, form: Mapping[str, str]) -> LoginStep:
        code, verifier = form["code"], form["code_verifier"]
        api = Api(self._http, address, self._now, (code, verifier))
        with oauth.exchanging("Google"):
            tree = await api.tokens(self._settings, form)
        if not set(_SCOPES) <= set(str(tree.get("scope", "")).split()):
            raise LoginFailed("Google was not allowed to let us publish.", code=ErrorCode.INVALID_CREDENTIALS)
        credentials = Credentials(values=token_values(tree), expires_at=oauth.expires_at(tree, self._now()))
        if "refresh_token" not in credentials.values:
            raise ProviderDown("Google gave no refresh token.")
        api.hide = (code, verifier, *credentials.values.values())
        return Linked(profile=await _profile(api, credentials.values["access_token"]), credentials=credentials)

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> YouTubeConnection:
        """A client for one account."""
        return YouTubeConnection(self._http, self._settings, profile, credentials, keep, self._now)

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()


async def _profile(api: Api, token: str) -> Profile:
    try:
        channel = await api.channel(token)
    except (CredentialsRejected, ActionRequired, Refused) as error:
        raise LoginFailed(error.detail, code=ErrorCode.INVALID_CREDENTIALS) from error
    if channel is None:
        raise LoginFailed("This Google account has no YouTube channel.", code=ErrorCode.INVALID_CREDENTIALS)
    found = convert.profile(channel)
    if found is None:
        raise ProviderDown("YouTube did not say whose channel this is.")
    return found
