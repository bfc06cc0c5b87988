"""Threads: what it can do, how an account is linked, how one is opened."""

from collections.abc import Mapping, Sequence
from functools import partial

from postroom.clock import Clock, now
from postroom.connectors import graph, oauth
from postroom.connectors.contract import AppSettings, Keep, Linked, LoginStep, Reply
from postroom.connectors.http import Http
from postroom.connectors.threads import api, convert
from postroom.connectors.threads.connection import (
    IMAGE_TYPES,
    MAX_FILES,
    MAX_IMAGE_BYTES,
    VIDEO_TYPES,
    ThreadsConnection,
)
from postroom.domain.capabilities import (
    MIB,
    Capabilities,
    ImageLimits,
    Measure,
    Publishing,
    Settles,
    VideoLimits,
)
from postroom.domain.remote import Credentials, Profile
from postroom.errors import InvalidParameters, ProviderDown

_CAPABILITIES = Capabilities(
    publish=Publishing(
        # Source: Threads API documentation, "Posts", checked 2026-11-21: an emoji counts its UTF-8 bytes.
        max_length=500,
        measure=Measure.EMOJI_BYTES,
        # Source: Threads API documentation, "Media Specifications", checked 2026-11-21.
        images=ImageLimits(max_count=MAX_FILES, types=IMAGE_TYPES, max_bytes=MAX_IMAGE_BYTES, max_width=1440),
        # Source: PostPost "Platform limits" (March 2026); Threads API documentation, checked 2026-11-21: five minutes.
        video=VideoLimits(types=VIDEO_TYPES, max_bytes=500 * MIB, max_count=MAX_FILES, max_seconds=300),
        mixed=True,
        threads=True,
        settles=Settles.ALWAYS,
    ),
    unpublish=True,
    proxies=True,
)


class ThreadsSettings(AppSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The app, and how patient an attempt at a post is."""

    wait_seconds: float = 20.0
    """How long an attempt waits for Threads to have fetched and prepared the files, before it comes back later."""


class ThreadsConnector:
    """Posts on Threads."""

    settings_type = ThreadsSettings

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: ThreadsSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
    ) -> None:
        self._http = http or Http()
        self._settings = settings or ThreadsSettings()
        self._origin = self._settings.origin.rstrip("/")
        self._callback_url = callback_url
        self._now = now

    @property
    def name(self) -> str:
        """The value of `accounts.provider`."""
        return api.PROVIDER

    @property
    def capabilities(self) -> Capabilities:
        """It publishes; it has no chats here."""
        return _CAPABILITIES

    @property
    def login_flows(self) -> Sequence[str]:
        """One: Threads' own page."""
        return ("oauth",)

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Send the owner to Threads; what they come back with becomes a token of sixty days."""
        if flow not in self.login_flows:
            raise InvalidParameters(f"Threads has no login flow {flow!r}; there is: oauth.")
        page = oauth.Page(
            network=api.PROVIDER,
            url=api.authorize_url(self._origin),
            app=self._settings,
            callback_url=self._callback_url,
            scopes=api.SCOPES,
            separator=",",
            pkce=False,
        )
        return await oauth.login(page, reply, partial(self._linked, page))

    async def _linked(self, page: oauth.Page, form: Mapping[str, str]) -> LoginStep:
        tree = await api.long_token(self._http, self._origin, {**form, **page.client})
        token = tree["access_token"]
        profile = convert.profile(await api.me(api.calls(self._http, self._origin), token))
        if profile is None:
            raise ProviderDown("Threads gave a token and did not say whose it is.")
        credentials = Credentials(values={"access_token": token}, expires_at=graph.ends_at(tree, self._now()))
        return Linked(profile=profile, credentials=credentials)

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> ThreadsConnection:
        """A client for one account."""
        return ThreadsConnection(
            self._http, self._origin, self._settings.wait_seconds, profile, credentials, keep, self._now
        )

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()
