"""TikTok: what it can do, how an account is linked, how one is opened."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from postroom.clock import Clock, now
from postroom.connectors import oauth
from postroom.connectors.contract import Keep, Linked, LoginStep, Reply
from postroom.connectors.http import Http
from postroom.connectors.tiktok import convert
from postroom.connectors.tiktok.api import PROVIDER, Address, Api
from postroom.connectors.tiktok.connection import (
    MAX_VIDEO_BYTES,
    VIDEO_TYPES,
    TikTokConnection,
    TikTokSettings,
    token_values,
)
from postroom.domain.capabilities import Budget, Capabilities, Measure, Publishing, Settles, VideoLimits
from postroom.domain.remote import Credentials, Profile
from postroom.errors import (
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    ProviderDown,
    ProviderError,
)

_SCOPES = ("user.info.basic", "video.publish")

_CAPABILITIES = Capabilities(
    publish=Publishing(
        # Source: TikTok for Developers, Content Posting API, direct post, checked 2026-11-21: 2200 UTF-16 runes.
        max_length=2200,
        measure=Measure.UTF16_UNITS,
        # Source: PostPost "Platform limits" (March 2026) for the length; TikTok for Developers, video restrictions, checked
        # 2026-11-21, for the rest. How long one account's videos may be, TikTok says only when it is asked.
        video=VideoLimits(types=VIDEO_TYPES, max_bytes=MAX_VIDEO_BYTES, min_seconds=3.0, max_seconds=600.0),
        media_required=True,
        # The upload has an id, which is asked for.
        settles=Settles.ALWAYS,
        # Source: TikTok for Developers, Content Posting API, direct post, checked 2026-11-21: six uploads begun in a minute.
        budgets=(Budget(posts=6, period=timedelta(minutes=1)),),
    ),
    proxies=True,
)


class TikTokConnector:
    """Videos on TikTok."""

    settings_type = TikTokSettings

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: TikTokSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
    ) -> None:
        self._http = http or Http()
        self._settings = settings or TikTokSettings()
        self._callback_url = callback_url
        self._now = now

    @property
    def name(self) -> str:
        """The value of `accounts.provider`."""
        return PROVIDER

    @property
    def capabilities(self) -> Capabilities:
        """It publishes videos; nothing can be taken down."""
        return _CAPABILITIES

    @property
    def login_flows(self) -> Sequence[str]:
        """One: the owner approves at TikTok."""
        return ("oauth",)

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Send the owner to TikTok, and make an account of what they come back with."""
        if flow not in self.login_flows:
            raise InvalidParameters(f"TikTok has no login flow {flow!r}; there is: oauth.")
        address = Address(self._settings)
        page = oauth.Page(
            network=PROVIDER,
            url=address.authorize,
            app=self._settings,
            callback_url=self._callback_url,
            scopes=_SCOPES,
            separator=",",
            client_id_name="client_key",
            # Source: TikTok for Developers, Login Kit for Web, checked 2026-11-21: PKCE is for apps on devices only.
            pkce=False,
        )
        return await oauth.login(page, reply, partial(self._linked, address))

    async def _linked(self, address: Address, form: Mapping[str, str]) -> LoginStep:
        api = Api(self._http, address, (form["code"],))
        with oauth.exchanging("TikTok"):
            tree = await api.tokens(self._settings, form)
        if "video.publish" not in str(tree.get("scope", "")).split(","):
            raise LoginFailed("TikTok was not allowed to let us publish.", code=ErrorCode.INVALID_CREDENTIALS)
        credentials = Credentials(values=token_values(tree), expires_at=oauth.expires_at(tree, self._now()))
        if "refresh_token" not in credentials.values:
            raise ProviderDown("TikTok gave no refresh token.")
        api.hide = (form["code"], *credentials.values.values())
        return Linked(profile=await _profile(api, credentials.values["access_token"]), credentials=credentials)

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> TikTokConnection:
        """A client for one account."""
        return TikTokConnection(self._http, self._settings, profile, credentials, keep, self._now)

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()


async def _profile(api: Api, token: str) -> Profile:
    try:
        user = await api.user_info(token)
    except CredentialsRejected as error:
        raise LoginFailed("TikTok does not say whose account this is.", code=ErrorCode.INVALID_CREDENTIALS) from error
    try:
        creator = await api.creator_info(token)
    except ProviderError:
        # Only its name is missing: TikTok refuses this to accounts that may not post now.
        creator = {}
    found = convert.profile(user, creator)
    if found is None:
        raise ProviderDown("TikTok did not say whose account this is.")
    return found
