"""Instagram: what it can do, how an account is linked, how one is opened."""

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from postroom.clock import Clock, now
from postroom.connectors import graph, oauth
from postroom.connectors.contract import AppSettings, Ask, Keep, Linked, LoginStep, Reply
from postroom.connectors.http import Http
from postroom.connectors.instagram import api, convert
from postroom.connectors.instagram.connection import (
    IMAGE_TYPES,
    MAX_ASPECT,
    MAX_FILES,
    MAX_IMAGE_BYTES,
    MIN_ASPECT,
    VIDEO_TYPES,
    InstagramConnection,
)
from postroom.domain.capabilities import MIB, Capabilities, ImageLimits, Publishing, Settles, VideoLimits
from postroom.domain.remote import Credentials, Json, Profile
from postroom.errors import ErrorCode, InvalidParameters, LoginFailed, ProviderDown

_FACEBOOK = "facebook_oauth"
_CAPABILITIES = Capabilities(
    publish=Publishing(
        # Source: Instagram Platform documentation, "IG User Media", checked 2026-11-21.
        max_length=2200,
        images=ImageLimits(
            max_count=MAX_FILES,
            types=IMAGE_TYPES,
            max_bytes=MAX_IMAGE_BYTES,
            max_width=1440,
            min_aspect=MIN_ASPECT,
            max_aspect=MAX_ASPECT,
        ),
        # Source: PostPost "Platform limits" (March 2026): 300 MB; Instagram's reels have 3 seconds to 15 minutes.
        video=VideoLimits(
            types=VIDEO_TYPES, max_bytes=300 * MIB, max_count=MAX_FILES, min_seconds=3, max_seconds=15 * 60
        ),
        mixed=True,
        media_required=True,
        settles=Settles.ALWAYS,
    ),
    unpublish=True,
    # Source: Instagram Platform documentation, "IG Media" (deleting is of the API with Facebook Login), checked 2026-11-21.
    unpublish_flows=frozenset({_FACEBOOK}),
    proxies=True,
)


class InstagramSettings(AppSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The apps, and how patient an attempt at a post is."""

    facebook_client_id: str = ""
    """The Facebook app's id, for accounts that are linked by Facebook; empty: the same app as Instagram's."""
    facebook_client_secret: str = ""
    """The Facebook app's secret; empty: the same as Instagram's."""
    wait_seconds: float = 20.0
    """How long an attempt waits for Instagram to have fetched and prepared the files, before it comes back later."""


class InstagramConnector:
    """Posts on Instagram's professional accounts."""

    settings_type = InstagramSettings

    def __init__(
        self,
        *,
        http: Http | None = None,
        settings: InstagramSettings | None = None,
        callback_url: str = "",
        now: Clock = now,
    ) -> None:
        self._http = http or Http()
        self._settings = settings or InstagramSettings()
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
        """Instagram's own page; or Facebook's, for accounts that belong to a page: these can delete."""
        return ("oauth", _FACEBOOK)

    async def login(self, flow: str, reply: Reply | None) -> LoginStep:
        """Send the owner to Instagram or Facebook; of several accounts there ask which."""
        if flow not in self.login_flows:
            raise InvalidParameters(f"Instagram has no login flow {flow!r}; there are: oauth, {_FACEBOOK}.")
        offered = _offered(reply.state) if reply is not None else None
        if reply is not None and offered is not None:
            return _chosen(*offered, reply.answers.get("account"))
        by_facebook = flow == _FACEBOOK
        page = oauth.Page(
            network=api.PROVIDER,
            url=api.facebook_authorize_url(self._origin) if by_facebook else api.authorize_url(self._origin),
            app=self._app(flow),
            callback_url=self._callback_url,
            scopes=api.FACEBOOK_SCOPES if by_facebook else api.INSTAGRAM_SCOPES,
            separator=",",
            pkce=False,
        )
        return await oauth.login(page, reply, partial(self._by_facebook if by_facebook else self._by_instagram, page))

    def _app(self, flow: str) -> AppSettings:
        """The app that a flow goes through."""
        own = self._settings
        if flow == _FACEBOOK and own.facebook_client_id:
            return AppSettings(client_id=own.facebook_client_id, client_secret=own.facebook_client_secret)
        return own

    async def _by_instagram(self, page: oauth.Page, form: Mapping[str, str]) -> LoginStep:
        tree = await api.long_token(self._http, self._origin, {**form, **page.client})
        token = tree["access_token"]
        shown = await api.me(api.calls(self._http, self._origin, by_facebook=False), token)
        profile = convert.profile(shown.get("user_id"), shown)
        if profile is None:
            raise ProviderDown("Instagram gave a token and did not say whose it is.")
        values = {"access_token": token, "login": "instagram"}
        return Linked(
            profile=profile, credentials=Credentials(values=values, expires_at=graph.ends_at(tree, self._now()))
        )

    async def _by_facebook(self, page: oauth.Page, form: Mapping[str, str]) -> LoginStep:
        token = await api.facebook_token(self._http, self._origin, {**form, **page.client})
        calls = api.calls(self._http, self._origin, by_facebook=True)
        found = convert.offered(await api.accounts(calls, token))
        if not found:
            raise LoginFailed(
                "No page of this account has an Instagram account that may be posted to.",
                code=ErrorCode.INVALID_CREDENTIALS,
            )
        granted = convert.granted(await api.permissions(calls, token))
        return _chosen(found, granted, found[0].id if len(found) == 1 else None)

    def open(self, profile: Profile, credentials: Credentials, keep: Keep) -> InstagramConnection:
        """A client for one account."""
        return InstagramConnection(
            self._http, self._origin, self._settings.wait_seconds, profile, credentials, keep, self._now
        )

    async def close(self) -> None:
        """Close the shared sockets."""
        await self._http.close()


def _offered(state: Json) -> tuple[list[convert.Offered], list[str]] | None:
    """The accounts among which the owner was asked to choose; None before that."""
    rows = state.get("accounts") if isinstance(state, Mapping) else None
    if not isinstance(rows, Sequence):
        return None
    return [msgspec.convert(row, convert.Offered) for row in rows], list(state["granted"])


def _chosen(found: Sequence[convert.Offered], granted: Sequence[str], id: str | None) -> LoginStep:
    """The account that was chosen, linked; or the question again."""
    chosen = next((each for each in found if each.id == id), None)
    if chosen is None:
        return Ask(
            fields={"account": "The account to post to"},
            choices={"account": {each.id: each.username for each in found}},
            state={"accounts": [msgspec.to_builtins(each) for each in found], "granted": list(granted)},
        )
    profile = Profile(
        provider_id=chosen.id,
        username=chosen.username,
        name=chosen.name,
        picture_url=chosen.picture_url,
        profile_url=f"https://www.instagram.com/{chosen.username}/",
    )
    values = {"access_token": chosen.token, "login": "facebook", "granted": ",".join(granted)}
    return Linked(profile=profile, credentials=Credentials(values=values))
