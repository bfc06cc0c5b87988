"""One Bluesky account: posting, finding a post again, taking it down."""

from functools import partial

import msgspec

from postroom.connectors.bluesky import convert
from postroom.connectors.bluesky.api import Absent, Json, Xrpc
from postroom.connectors.contract import Attempt, Keep
from postroom.connectors.http import Http
from postroom.connectors.sessions import Session
from postroom.domain.remote import Credentials, PostDraft, Profile, PublishedPost
from postroom.errors import (
    CredentialsRejected,
    ErrorCode,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    Refused,
    Unprocessable,
)

# Source: lexicon app.bsky.embed.images, checked 2026-11-20.
MAX_IMAGES = 4
MAX_IMAGE_BYTES = 1_000_000
IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})


class BlueskyConnection:
    """A Publisher over one session, which it renews."""

    def __init__(self, http: Http, profile: Profile, credentials: Credentials, keep: Keep) -> None:
        self._api = Xrpc(http, credentials.values["service"], _secrets(credentials))
        self._profile = profile
        self._session = Session(credentials, keep, self._renew, token="accessJwt", by="refreshJwt")

    def __repr__(self) -> str:
        return f"BlueskyConnection({self._did})"

    @property
    def _did(self) -> str:
        return self._session.values["did"]

    async def profile(self) -> Profile:
        """Whose account this is."""
        session = await self._session.call(self._api.get_session)
        found = convert.profile(session, await about(self._api, self._did), self._session.values["service"])
        if found is None:
            raise ProviderDown("Bluesky did not say whose session this is.")
        return found

    async def revoke(self) -> None:
        """End the session, which ends both of its tokens."""
        try:
            await self._api.delete_session(self._session.values["refreshJwt"])
        except CredentialsRejected:
            return

    async def publish(self, draft: PostDraft, attempt: Attempt) -> PublishedPost:
        """Post under a key that follows from the token: a second try at the same post meets the first one."""
        rkey = convert.record_key(attempt.token)
        reply = await self._reply(draft.reply_to)
        images = await self._upload(draft)
        spans = convert.spans(draft.text)
        dids = await self._resolve({span.value for span in spans if span.kind == "mention"})
        record = convert.record(draft, convert.facets(spans, dids), images, reply)
        try:
            rest = await self._session.call(
                lambda access: self._api.create_record(access, self._did, convert.POSTS, rkey, record)
            )
        except (OutcomeUnknown, Unprocessable):
            # A key that is taken is answered by some servers as a wrong request, by others as a failure of their own.
            earlier = await self._look(rkey)
            if earlier is None:
                raise
            return earlier
        return msgspec.structs.replace(convert.published(self._did, rkey), rest_seconds=rest)

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """Look under the key that follows from the token."""
        rkey = convert.record_key(attempt.token)
        try:
            await self._api.get_record(self._did, convert.POSTS, rkey)
        except Absent:
            return None
        return convert.published(self._did, rkey)

    async def unpublish(self, provider_id: str) -> None:
        """Delete the record; the network calls its absence success."""
        parts = convert.split_uri(provider_id)
        if parts is None or parts[0] != self._did or parts[1] != convert.POSTS:
            raise Refused("This is not a post of this Bluesky account.", code=ErrorCode.MALFORMED_REQUEST)
        did, collection, rkey = parts
        await self._session.call(lambda access: self._api.delete_record(access, did, collection, rkey))

    async def _look(self, rkey: str) -> PublishedPost | None:
        """Like `find`, but a look that fails leaves the first failure to be told."""
        try:
            await self._api.get_record(self._did, convert.POSTS, rkey)
        except (Absent, ProviderError):
            return None
        return convert.published(self._did, rkey)

    async def _reply(self, parent: str | None) -> Json:
        """How a post names the one that it answers, and the one that began the thread; None for a first post."""
        if parent is None:
            return None
        parts = convert.split_uri(parent)
        if parts is None:
            raise Refused("The part before this one is no post of Bluesky's.", code=ErrorCode.MALFORMED_REQUEST)
        try:
            found = await self._api.get_record(*parts)
        except Absent as error:
            raise Unprocessable("The part before this one is gone.") from error
        return convert.reply(parent, found)

    async def _upload(self, draft: PostDraft) -> list[Json]:
        if len(draft.media) > MAX_IMAGES:
            raise Unprocessable(f"Bluesky takes {MAX_IMAGES} images; there are {len(draft.media)}.")
        for item in draft.media:
            if item.content_type not in IMAGE_TYPES:
                raise Unprocessable(f"Bluesky takes no file of type {item.content_type} here.")
            if item.size_bytes > MAX_IMAGE_BYTES:
                raise Unprocessable(
                    f"An image has {item.size_bytes} bytes; Bluesky takes {MAX_IMAGE_BYTES}.",
                    context={"too_large": True},
                )
        images: list[Json] = []
        for item in draft.media:
            upload = partial(self._api.upload_blob, content_type=item.content_type, content=await item.read())
            image = {"alt": item.alt_text, "image": await self._session.call(upload)}
            if item.width and item.height:
                image["aspectRatio"] = {"width": item.width, "height": item.height}
            images.append(image)
        return images

    async def _resolve(self, handles: set[str]) -> dict[str, str]:
        """Whom the text mentions. A handle that leads nowhere, or cannot be asked for now, stays text."""
        found: dict[str, str] = {}
        for handle in sorted(handles):
            try:
                did = await self._api.resolve_handle(handle)
            except ProviderError:
                continue
            if did is not None:
                found[handle] = did
        return found

    async def _renew(self, old: Credentials) -> Credentials:
        renewed = convert.credentials(await self._api.refresh_session(old.values["refreshJwt"]), old.values["service"])
        if renewed is None or renewed.values["did"] != self._did:
            raise CredentialsRejected("Bluesky renewed the session for somebody else, or for nobody.")
        self._api.hide = _secrets(old) + _secrets(renewed)
        return renewed


def _secrets(credentials: Credentials) -> tuple[str, ...]:
    return credentials.values["accessJwt"], credentials.values["refreshJwt"]


async def about(api: Xrpc, did: str) -> Json:
    """Somebody's profile record; None where there is none, or it cannot be read now."""
    try:
        return await api.get_record(did, "app.bsky.actor.profile", "self")
    except (Absent, ProviderError):
        return None
