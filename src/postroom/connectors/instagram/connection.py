"""One Instagram account: posting, finding a post again, taking it down where its login allows that."""

from functools import partial

from postroom.clock import Clock
from postroom.connectors.containers import Containers, pick, since_seconds
from postroom.connectors.contract import Attempt, Keep
from postroom.connectors.graph import digest, long_session, words
from postroom.connectors.http import Http
from postroom.connectors.instagram import api, convert
from postroom.domain.remote import Credentials, MediaSource, PostDraft, Profile, PublishedPost
from postroom.errors import ErrorCode, NotSupported, ProviderDown, ProviderError, Refused, Unprocessable

# Source: Instagram Platform documentation, "IG User Media", checked 2026-11-21.
MAX_FILES = 10
MAX_IMAGE_BYTES = 8 * 1024 * 1024
IMAGE_TYPES = frozenset({"image/jpeg"})
MIN_ASPECT = 4 / 5
MAX_ASPECT = 1.91
VIDEO_TYPES = frozenset({"video/mp4", "video/quicktime"})

_ROUNDED = 0.005


class InstagramConnection:
    """A Publisher over one token, which it renews where it ends."""

    def __init__(
        self,
        http: Http,
        origin: str,
        wait_seconds: float,
        profile: Profile,
        credentials: Credentials,
        keep: Keep,
        now: Clock,
    ) -> None:
        self._user_id = profile.provider_id
        self._by_facebook = credentials.values["login"] == "facebook"
        self._deletes = convert.DELETES in credentials.values.get("granted", "").split(",")
        self._api = api.calls(http, origin, by_facebook=self._by_facebook)
        self._containers = Containers(self._api, api.SPELLING, self._user_id, wait_seconds)
        url = api.refresh_url(origin)
        self._session = long_session(http, api.PROVIDER, api.NAME, url, "ig_refresh_token", credentials, keep, now)

    def __repr__(self) -> str:
        return f"InstagramConnection({self._user_id})"

    async def profile(self) -> Profile:
        """Whose account this is."""
        token = await self._session.token()
        if self._by_facebook:
            shown = await api.account(self._api, token, self._user_id)
            found = convert.profile(shown.get("id"), shown)
        else:
            shown = await api.me(self._api, token)
            found = convert.profile(shown.get("user_id"), shown)
        if found is None:
            raise ProviderDown("Instagram did not say whose token this is.")
        return found

    async def revoke(self) -> None:
        """There is no call that ends one account's token: its owner removes the app there."""
        raise NotSupported("Instagram ends an app's token only at its owner's wish, under Settings, Apps and websites.")

    async def publish(self, draft: PostDraft, attempt: Attempt) -> PublishedPost:
        """Make a container, wait until it is prepared, publish it."""
        _check(draft)
        token = await self._session.token()
        files = draft.media if len(draft.media) > 1 else ()
        children = [partial(self._make_child, token, item) for item in files]
        made = await self._containers.publish(
            token,
            attempt,
            children,
            partial(self._make, token, draft),
            partial(self._look, token, draft, attempt),
            digest=digest(draft),
            words=words(convert.caption(draft)),
        )
        if isinstance(made, PublishedPost):
            return made
        only_id = PublishedPost(provider_id=made, url=None)
        try:
            return convert.published(await api.post(self._api, token, made)) or only_id
        except ProviderError:
            # It is live; only its address is not known.
            return only_id

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """Ask the container, which knows whether it was published, and the account's list for what it became."""
        token = await self._session.token()
        return await self._containers.find(token, attempt, partial(self._look, token, draft, attempt))

    async def unpublish(self, provider_id: str) -> None:
        """Delete the post, where the account was linked by Facebook and the app may do that."""
        if not provider_id.isascii() or not provider_id.isdigit():
            raise Refused("This is not a post of Instagram.", code=ErrorCode.MALFORMED_REQUEST)
        if not self._by_facebook:
            raise NotSupported("Instagram has no deletion for accounts that are linked by Instagram's own login.")
        if not self._deletes:
            raise NotSupported(f"Instagram deletes only with the permission {convert.DELETES}, which was not given.")
        await self._api.remove("delete", provider_id, await self._session.token())

    async def _make(self, token: str, draft: PostDraft, children: list[str]) -> str:
        whole = convert.carousel(draft, children) if children else None
        fields = whole or convert.container(draft, await draft.media[0].url())
        return await api.create(self._api, token, self._user_id, fields)

    async def _make_child(self, token: str, item: MediaSource) -> str:
        return await api.create(self._api, token, self._user_id, convert.child(item, await item.url()))

    async def _look(self, token: str, draft: PostDraft, attempt: Attempt, noted: str) -> PublishedPost | None:
        since = since_seconds(attempt.begun_at)
        rows = await api.posts(self._api, token, self._user_id, since, stories=convert.is_story(draft))
        found = pick(rows, "caption", noted, attempt.begun_at)
        return None if found is None else convert.published(found)


def _check(draft: PostDraft) -> None:
    """Raises Unprocessable: Instagram does not take these files; nobody was called."""
    if not draft.media:
        raise Unprocessable("Instagram takes no post without a picture or a video.")
    if len(draft.media) > MAX_FILES:
        raise Unprocessable(f"Instagram takes {MAX_FILES} files; there are {len(draft.media)}.")
    for item in draft.media:
        if item.content_type not in (VIDEO_TYPES if item.kind == "video" else IMAGE_TYPES):
            raise Unprocessable(f"Instagram takes no file of type {item.content_type}.")
        if item.kind != "image":
            continue
        if item.size_bytes > MAX_IMAGE_BYTES:
            raise Unprocessable(
                f"A picture has {item.size_bytes} bytes; Instagram takes {MAX_IMAGE_BYTES}.",
                context={"too_large": True},
            )
        if item.width and item.height:
            aspect = item.width / item.height
            if not MIN_ASPECT - _ROUNDED <= aspect <= MAX_ASPECT + _ROUNDED:
                raise Unprocessable(f"A picture is {aspect:.2f} times as wide as high; Instagram takes 0.80 to 1.91.")
