"""Facebook pages: what they can do, how one is linked, how one is opened."""

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from postroom.clock import Clock, now
from postroom.connectors import oauth
from postroom.connectors.contract import AppSettings, Ask, Keep, Linked, LoginStep, Reply
from postroom.connectors.facebook import api, convert
from postroom.connectors.facebook.connection import (
    IMAGE_TYPES,
    MAX_IMAGE_BYTES,
    MAX_IMAGES,
    VIDEO_TYPES,
    FacebookConnection,
)
from postroom.connectors.http import Http
from postroom.domain.capabilities import Capabilities, ImageLimits, Publishing, Settles, VideoLimits
from postroom.domain.remote import Credentials, Json, Profile
from postroom.errors import ErrorCode, InvalidParameters, LoginFailed

_CAPABILITIES = Capabilities(
    publish=Publishing(
        # Source: PostPost "Platform limits" (March 2026), as Facebook itself counts.
        max_length=63_206,
        # Source: see connection.py, where the limits are.
        images=ImageLimits(max_count=MAX_IMAGES, types=IMAGE_TYPES, max_bytes=MAX_IMAGE_BYTES, max_width=2048),
        # Source: PostPost "Platform limits" (March 2026): 45 minutes, 2 GB.
        video=VideoLimits(types=VIDEO_TYPES, max_bytes=2_000_000_000, max_seconds=45 * 60),
        settles=Settles.PARTLY,
    ),
    unpublish=True,
    proxies=True,
)


class FacebookSettings(AppSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The app."""


class FacebookConnector:
    """Posts on Facebook pages."""

    settings_type = FacebookSettings

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: FacebookSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
    ) -> None:
        self._http = http or Http()
        self._settings = settings or FacebookSettings()
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
        """One: Facebook's own page, and then the choice of one's pages."""
        return ("oauth",)

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Send the owner to Facebook; of several pages ask which. What is kept opens that page only."""
        if flow not in self.login_flows:
            raise InvalidParameters(f"Facebook has no login flow {flow!r}; there is: oauth.")
        offered = _offered(reply.state) if reply is not None else []
        if reply is not None and offered:
            return _chosen(offered, reply.answers.get("page"))
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
        token = await api.long_token(self._http, self._origin, {**form, **page.client})
        found = convert.pages(await api.pages(api.calls(self._http, self._origin), token))
        if not found:
            raise LoginFailed(
                "There is no page that this account may post to, or none was chosen at Facebook.",
                code=ErrorCode.INVALID_CREDENTIALS,
            )
        return _chosen(found, found[0].id if len(found) == 1 else None)

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> FacebookConnection:
        """A client for one page."""
        return FacebookConnection(self._http, self._origin, profile, credentials, self._now)

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()


def _offered(state: Json) -> list[convert.Page]:
    """The pages among which the owner was asked to choose; none before that."""
    rows = state.get("pages") if isinstance(state, Mapping) else None
    return [msgspec.convert(row, convert.Page) for row in rows] if isinstance(rows, Sequence) else []


def _chosen(pages: Sequence[convert.Page], id: str | None) -> LoginStep:
    """The page that was chosen, linked; or the question again."""
    chosen = next((page for page in pages if page.id == id), None)
    if chosen is None:
        return Ask(
            fields={"page": "The page to post to"},
            choices={"page": {page.id: page.name for page in pages}},
            state={"pages": [msgspec.to_builtins(page) for page in pages]},
        )
    profile = convert.profile(chosen.id, chosen.name, chosen.username)
    return Linked(profile=profile, credentials=Credentials(values={"access_token": chosen.token}))
