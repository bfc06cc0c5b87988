"""Bluesky: what it can do, how an account is linked, how one is opened."""

from collections.abc import Sequence
from datetime import timedelta

from postroom.clock import Clock, now
from postroom.connectors.bluesky import convert
from postroom.connectors.bluesky.api import Xrpc
from postroom.connectors.bluesky.connection import (
    IMAGE_TYPES,
    MAX_IMAGE_BYTES,
    MAX_IMAGES,
    BlueskyConnection,
    about,
)
from postroom.connectors.contract import Ask, ConnectorSettings, Keep, Linked, LoginStep, Reply
from postroom.connectors.http import Http
from postroom.domain.capabilities import Budget, Capabilities, ImageLimits, Measure, Publishing, Settles
from postroom.domain.remote import Credentials, Profile
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    LoginFailed,
    OutcomeUnknown,
    ProviderDown,
    Refused,
)

_CAPABILITIES = Capabilities(
    publish=Publishing(
        # Source: lexicon app.bsky.feed.post, checked 2026-11-20.
        max_length=300,
        measure=Measure.GRAPHEMES,
        max_bytes=3000,
        # Source: lexicon app.bsky.embed.images, checked 2026-11-20; the web client shows no more than 2000 pixels a side.
        images=ImageLimits(
            max_count=MAX_IMAGES, types=IMAGE_TYPES, max_bytes=MAX_IMAGE_BYTES, max_width=2000, max_height=2000
        ),
        threads=True,
        # The record's key follows from the token.
        settles=Settles.ALWAYS,
        # Source: Bluesky documentation, Rate Limits, checked 2026-11-21: 5,000 points an hour and 35,000 a day; a post
        # costs three of them.
        budgets=(
            Budget(posts=1_666, period=timedelta(hours=1)),
            Budget(posts=11_666, period=timedelta(days=1)),
        ),
    ),
    # Source: lexicon com.atproto.repo.deleteRecord, checked 2026-11-20.
    unpublish=True,
    proxies=True,
)

_FIELDS = {
    "identifier": "The handle, such as ada.bsky.social, or the e-mail address.",
    "password": "An app password, made under Settings, Privacy and security; not the account's own password.",
}


class BlueskySettings(ConnectorSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where accounts sign in, and whether they are followed from there."""

    follow_pds: bool = True
    """Whether an account's own server, as its DID document names it, is called after signing in."""


class BlueskyConnector:
    """Posts on Bluesky, or on any other server of the AT Protocol."""

    settings_type = BlueskySettings

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: BlueskySettings | None = None,
        callback_url: str = "",
        now: Clock = now,
    ) -> None:
        """`settings.origin` is the service at which accounts sign in; empty: bsky.social."""
        settings = settings or BlueskySettings()
        self._service = (settings.origin or "https://bsky.social").rstrip("/")
        self._http = http or Http()
        self._follow_pds = settings.follow_pds

    @property
    def name(self) -> str:
        """The value of `accounts.provider`."""
        return "bluesky"

    @property
    def capabilities(self) -> Capabilities:
        """It publishes; it has no chats here."""
        return _CAPABILITIES

    @property
    def login_flows(self) -> Sequence[str]:
        """One: an app password."""
        return ("app_password",)

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Ask for handle and app password, and sign in. An answer without one of them is asked again."""
        if flow not in self.login_flows:
            raise InvalidParameters(f"Bluesky has no login flow {flow!r}; there is: app_password.")
        identifier = reply.answers.get("identifier", "").strip().removeprefix("@") if reply is not None else ""
        password = reply.answers.get("password", "").strip() if reply is not None else ""
        if not identifier or not password:
            return Ask(fields=_FIELDS, state=None)
        try:
            session = await Xrpc(self._http, self._service, (password,)).create_session(identifier, password)
        except CredentialsRejected as error:
            raise LoginFailed(
                "Bluesky does not accept this handle and app password.", code=ErrorCode.INVALID_CREDENTIALS
            ) from error
        except ActionRequired as error:
            raise LoginFailed(error.detail, code=ErrorCode.CHECKPOINT_ERROR) from error
        except Refused as error:
            raise LoginFailed(error.detail, code=ErrorCode.INVALID_CREDENTIALS) from error
        except OutcomeUnknown as error:
            # A session that nobody knows of ends by itself.
            raise ProviderDown(error.detail) from error
        pds = convert.pds_of(session, self._service, trusted=self._follow_pds)
        credentials = convert.credentials(session, pds)
        if credentials is None:
            raise ProviderDown("Bluesky signed in and gave no session.")
        profile = convert.profile(session, await about(Xrpc(self._http, pds), credentials.values["did"]), pds)
        if profile is None:
            raise ProviderDown("Bluesky signed in and did not say whom.")
        return Linked(profile=profile, credentials=credentials)

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> BlueskyConnection:
        """A client for one account."""
        return BlueskyConnection(self._http, profile, credentials, keep)

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()
