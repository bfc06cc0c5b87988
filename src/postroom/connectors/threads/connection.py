"""One Threads account: posting, finding a post again, taking it down."""

from functools import partial

from postroom.clock import Clock
from postroom.connectors.containers import Containers, pick, since_seconds
from postroom.connectors.contract import Attempt, Keep
from postroom.connectors.graph import digest, long_session, words
from postroom.connectors.http import Http
from postroom.connectors.threads import api, convert
from postroom.domain.remote import Credentials, MediaSource, PostDraft, Profile, PublishedPost
from postroom.errors import ErrorCode, NotSupported, ProviderDown, ProviderError, Refused, Unprocessable

# Source: Threads API documentation, "Posts", checked 2026-11-21; PostPost takes ten files (March 2026).
MAX_FILES = 10
MAX_IMAGE_BYTES = 8 * 1024 * 1024
IMAGE_TYPES = frozenset({"image/jpeg", "image/png"})
VIDEO_TYPES = frozenset({"video/mp4", "video/quicktime"})


class ThreadsConnection:
    """A Publisher over one token, which it renews."""

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
        self._api = api.calls(http, origin)
        self._containers = Containers(self._api, api.SPELLING, self._user_id, wait_seconds)
        url = api.refresh_url(origin)
        self._session = long_session(http, api.PROVIDER, api.NAME, url, "th_refresh_token", credentials, keep, now)

    def __repr__(self) -> str:
        return f"ThreadsConnection({self._user_id})"

    async def profile(self) -> Profile:
        """Whose account this is."""
        found = convert.profile(await api.me(self._api, await self._session.token()))
        if found is None:
            raise ProviderDown("Threads did not say whose token this is.")
        return found

    async def revoke(self) -> None:
        """Threads has no call for that: its owner removes the app there, or the token ends by itself."""
        raise NotSupported("Threads ends an app's token only at its owner's wish, under Settings, Website permissions.")

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
            words=words(draft.text),
        )
        if isinstance(made, PublishedPost):
            return made
        try:
            return convert.published(await api.post(self._api, token, made)) or PublishedPost(
                provider_id=made, url=None
            )
        except ProviderError:
            # It is live; only its address is not known.
            return PublishedPost(provider_id=made, url=None)

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """Ask the container, which knows whether it was published, and the account's list for what it became."""
        token = await self._session.token()
        return await self._containers.find(token, attempt, partial(self._look, token, draft, attempt))

    async def unpublish(self, provider_id: str) -> None:
        """Delete the post."""
        if not provider_id.isascii() or not provider_id.isdigit():
            raise Refused("This is not a post of Threads.", code=ErrorCode.MALFORMED_REQUEST)
        await self._api.remove("delete", provider_id, await self._session.token())

    async def _make(self, token: str, draft: PostDraft, children: list[str]) -> str:
        fields = convert.container(draft)
        if children:
            fields |= {"media_type": "CAROUSEL", "children": ",".join(children)}
        elif draft.media:
            fields |= convert.file(draft.media[0], await draft.media[0].url())
        else:
            fields["media_type"] = "TEXT"
        return await api.create(self._api, token, self._user_id, fields)

    async def _make_child(self, token: str, item: MediaSource) -> str:
        fields = convert.file(item, await item.url()) | {"is_carousel_item": "true"}
        return await api.create(self._api, token, self._user_id, fields)

    async def _look(self, token: str, draft: PostDraft, attempt: Attempt, noted: str) -> PublishedPost | None:
        rows = await api.posts(
            self._api,
            token,
            self._user_id,
            since_seconds(attempt.begun_at),
            replies=draft.reply_to is not None,
        )
        found = pick(rows, "text", noted, attempt.begun_at)
        return None if found is None else convert.published(found)


def _check(draft: PostDraft) -> None:
    """Raises Unprocessable: Threads does not take these files; nobody was called."""
    if len(draft.media) > MAX_FILES:
        raise Unprocessable(f"Threads takes {MAX_FILES} files; there are {len(draft.media)}.")
    for item in draft.media:
        if item.content_type not in IMAGE_TYPES | VIDEO_TYPES:
            raise Unprocessable(f"Threads takes no file of type {item.content_type}.")
        if item.kind == "image" and item.size_bytes > MAX_IMAGE_BYTES:
            raise Unprocessable(
                f"An image has {item.size_bytes} bytes; Threads takes {MAX_IMAGE_BYTES}.", context={"too_large": True}
            )
