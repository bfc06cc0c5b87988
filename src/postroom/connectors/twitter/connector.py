"""X: what it can do, how an account is linked, how one is opened."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from postroom.clock import Clock, now
from postroom.connectors import oauth
from postroom.connectors.contract import AppSettings, Keep, Linked, LoginStep, Reply
from postroom.connectors.http import Http
from postroom.connectors.twitter import convert
from postroom.connectors.twitter.api import PROVIDER, X
from postroom.connectors.twitter.connection import XConnection
from postroom.connectors.twitter.uploads import IMAGES, VIDEO
from postroom.domain.capabilities import Budget, Capabilities, Measure, Publishing, Settles
from postroom.domain.remote import Credentials, Profile
from postroom.errors import (
    ErrorCode,
    InvalidParameters,
    LoginFailed,
)

# Source: X API v2 documentation, OAuth 2.0 with PKCE, checked 2026-11-21.
_SCOPES = ("tweet.read", "tweet.write", "users.read", "media.write", "offline.access")
_AUTHORIZE, _API = "https://x.com", "https://api.x.com"

_CAPABILITIES = Capabilities(
    publish=Publishing(
        # Source: X API v2 documentation, counting characters, checked 2026-11-21; longer posts are for paying accounts.
        max_length=280,
        measure=Measure.WEIGHTED,
        images=IMAGES,
        video=VIDEO,
        threads=True,
        # Source: X API v2 documentation, manage posts and timelines, checked 2026-11-21: no key makes two calls one.
        settles=Settles.PARTLY,
        # Source: X API v2 documentation, rate limits, checked 2026-11-21: for each user, and for the app.
        budgets=(
            Budget(posts=100, period=timedelta(minutes=15)),
            Budget(posts=10_000, period=timedelta(days=1), of_network=True),
        ),
    ),
    # Source: X API v2 documentation, manage posts (delete), checked 2026-11-21.
    unpublish=True,
    proxies=True,
)


class XConnector:
    """Posts on X, for accounts that approved the server's app."""

    settings_type = AppSettings

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: AppSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
    ) -> None:
        """An app without a secret is a public client, as X calls it."""
        self._settings = settings or AppSettings()
        self._http = http or Http()
        self._callback_url = callback_url
        self._now = now
        self._pages = (self._settings.origin or _AUTHORIZE).rstrip("/")
        self._service = (self._settings.origin or _API).rstrip("/")

    @property
    def name(self) -> str:
        """The value of `accounts.provider`: what the network was called when the APIs that name it were written."""
        return PROVIDER

    @property
    def capabilities(self) -> Capabilities:
        """It publishes; it has no chats here."""
        return _CAPABILITIES

    @property
    def login_flows(self) -> Sequence[str]:
        """One: X's own page."""
        return ("oauth",)

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Send the owner to X's page, and take what they come back with."""
        if flow not in self.login_flows:
            raise InvalidParameters(f"X has no login flow {flow!r}; there is: oauth.")
        page = oauth.Page(
            network=PROVIDER,
            url=f"{self._pages}/i/oauth2/authorize",
            app=self._settings,
            callback_url=self._callback_url,
            scopes=_SCOPES,
        )
        return await oauth.login(page, reply, self._linked)

    async def _linked(self, form: Mapping[str, str]) -> LoginStep:
        secret = self._settings.client_secret
        hide = (form["code"], form["code_verifier"], secret)
        api = X(self._http, self._service, self._now, tuple(filter(None, hide)))
        found = convert.credentials(await api.tokens(form, self._settings.client_id, secret), self._now())
        api.hide = (*api.hide, *found.values.values())
        profile = convert.profile(await api.me(found.values["access_token"]))
        if profile is None:
            raise LoginFailed("X did not say whose account this is.", code=ErrorCode.INVALID_CREDENTIALS)
        return Linked(profile=profile, credentials=found)

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> XConnection:
        """A client for one account."""
        return XConnection(self._http, self._service, self._settings, profile, credentials, keep, self._now)

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()
