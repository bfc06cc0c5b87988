"""Mastodon: what it can do, how an account is linked on any server, how one is opened."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from postroom.clock import Clock, now
from postroom.connectors import oauth
from postroom.connectors.contract import AppSettings, Ask, Keep, Linked, LoginStep, Reply, Visit
from postroom.connectors.http import Http
from postroom.connectors.mastodon import convert
from postroom.connectors.mastodon.api import PROVIDER, Mastodon
from postroom.connectors.mastodon.connection import IMAGES, VIDEO, MastodonConnection
from postroom.connectors.mastodon.servers import HOME
from postroom.connectors.servers import server_address
from postroom.domain.capabilities import Budget, Capabilities, Measure, Publishing, Settles
from postroom.domain.remote import Credentials, Json, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    Refused,
)

_SCOPES = ("read:accounts", "write:statuses", "write:media")

_CAPABILITIES = Capabilities(
    publish=Publishing(
        # Source: Mastodon documentation, entities/Instance (configuration.statuses), checked 2026-11-21.
        max_length=500,
        measure=Measure.SHORT_LINKS,
        images=IMAGES,
        video=VIDEO,
        threads=True,
        # Source: Mastodon documentation, methods/statuses (Idempotency-Key), checked 2026-11-21.
        settles=Settles.ALWAYS,
        # Source: Mastodon documentation, api/rate-limits, checked 2026-11-21: 300 calls of an account in 5 minutes.
        budgets=(Budget(posts=300, period=timedelta(minutes=5)),),
    ),
    # Source: Mastodon documentation, methods/statuses (delete), checked 2026-11-21.
    unpublish=True,
    proxies=True,
)

_FIELDS = {"server": "The server at which the account lives, such as mastodon.social."}


class MastodonSettings(AppSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which server, and which app there."""

    origin: str = ""
    """The one server of all accounts; empty: owners are asked for theirs, which must be public."""
    client_id: str = ""
    """The id of an app at that server; empty: an app is registered there when an account is linked."""
    client_secret: str = ""
    """That app's secret."""


class MastodonConnector:
    """Posts on Mastodon. Accounts live on many servers; each is asked for its own, unless the settings name one."""

    settings_type = MastodonSettings
    calls_given_addresses = True

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: MastodonSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
        guarded: Http | None = None,
    ) -> None:
        """`guarded` is the way to servers that owners name, `http` the one to `settings.origin`."""
        self._settings = settings or MastodonSettings()
        self._http = (http if self._settings.origin else guarded or http) or Http()
        self._callback_url = callback_url
        self._now = now
        self._home = self._settings.origin.rstrip("/") or HOME

    @property
    def name(self) -> str:
        """The value of `accounts.provider`."""
        return PROVIDER

    @property
    def capabilities(self) -> Capabilities:
        """It publishes; it has no chats here."""
        return _CAPABILITIES

    @property
    def login_flows(self) -> Sequence[str]:
        """One: the server's own page."""
        return ("oauth",)

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Ask for the server, unless it is set; send the owner there; take what they come back with."""
        if flow not in self.login_flows:
            raise InvalidParameters(f"Mastodon has no login flow {flow!r}; there is: oauth.")
        state = reply.state if reply is not None and isinstance(reply.state, dict) else {}
        if reply is not None and "server" in state:
            return await self._linked(state, reply)
        if self._settings.origin:
            return await self._visit(self._home)
        text = reply.answers.get("server", "") if reply is not None else ""
        if not text.strip():
            return Ask(fields=_FIELDS, state=None)
        server = server_address(text)
        if server is None:
            raise LoginFailed(
                "That is not the address of a public server: give its name, such as mastodon.social.",
                code=ErrorCode.AUTHENTICATION_INTENT_ERROR,
            )
        return await self._visit(server)

    async def _visit(self, server: str) -> Visit:
        client_id, client_secret = self._settings.client_id, self._settings.client_secret
        if not client_id:
            try:
                api = Mastodon(self._http, server, self._now)
                client_id, client_secret = await api.register(self._callback_url, " ".join(_SCOPES))
            except (Refused, CredentialsRejected, ActionRequired) as error:
                raise LoginFailed(
                    f"{server} does not answer as Mastodon does.", code=ErrorCode.AUTHENTICATION_INTENT_ERROR
                ) from error
        known = {"server": server, "client_id": client_id, "client_secret": client_secret}
        step = oauth.visit(self._page(known))
        return Visit(url=step.url, nonce=step.nonce, state={**step.state, **known})

    def _page(self, known: Mapping[str, str]) -> oauth.Page:
        """A server's page, for the app that is registered there."""
        app = AppSettings(client_id=known["client_id"], client_secret=known["client_secret"])
        return oauth.Page(
            network=PROVIDER,
            url=f"{known['server']}/oauth/authorize",
            app=app,
            callback_url=self._callback_url,
            scopes=_SCOPES,
        )

    async def _linked(self, state: Json, reply: Reply) -> Linked:
        values = {name: str(state[name]) for name in ("server", "client_id", "client_secret")}
        page = self._page(values)
        form = {**oauth.grant(page, reply), **page.client}
        hide = (values["client_secret"], form["code"], form["code_verifier"])
        with oauth.linking():
            token = await Mastodon(self._http, values["server"], self._now, hide).token(form)
            api = Mastodon(self._http, values["server"], self._now, (values["client_secret"], token))
            profile = convert.profile(await api.verify_credentials(token), values["server"], self._home)
        if profile is None:
            raise LoginFailed("The server did not say whose account this is.", code=ErrorCode.INVALID_CREDENTIALS)
        return Linked(profile=profile, credentials=Credentials(values={**values, "access_token": token}))

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> MastodonConnection:
        """A client for one account."""
        return MastodonConnection(self._http, profile, credentials, self._home, self._now)

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()
