"""One TikTok account: a video is announced, sent in chunks, and published by TikTok once it has all of it."""

import asyncio

import msgspec

from postroom.clock import Clock
from postroom.connectors.contract import AppSettings, Attempt, Keep
from postroom.connectors.http import Http
from postroom.connectors.oauth import expires_at
from postroom.connectors.pieces import Pieces
from postroom.connectors.sessions import Session
from postroom.connectors.tiktok import convert
from postroom.connectors.tiktok.api import Address, Api, Json, Over
from postroom.connectors.tiktok.convert import Phase, State, Upload
from postroom.domain.remote import Credentials, MediaSource, PostDraft, Profile, PublishedPost
from postroom.errors import (
    CredentialsRejected,
    ErrorCode,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    ProviderError,
    RateLimited,
    Refused,
    Unprocessable,
)

# Source: TikTok for Developers, Content Posting API, video restrictions, checked 2026-11-21.
VIDEO_TYPES = frozenset({"video/mp4", "video/quicktime", "video/webm"})
MAX_VIDEO_BYTES = 4 * 1024 * 1024 * 1024


class TikTokSettings(AppSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The app, registered at TikTok for Developers; its client key is the `client_id`."""

    patience_seconds: float = 15.0
    """How long an attempt waits for TikTok to be done with a video; what takes longer is looked up later."""


_TRANSIENT = frozenset({"internal", "internal_error", "video_pull_failed", "upload_failed"})
"""Why TikTok gives up on an upload that is good: it may be sent anew."""


class TikTokConnection:
    """A Publisher over one owner's approval, whose tokens it renews."""

    def __init__(
        self, http: Http, settings: TikTokSettings, profile: Profile, credentials: Credentials, keep: Keep, now: Clock
    ) -> None:
        self._api = Api(http, Address(settings), tuple(credentials.values.values()))
        self._settings = settings
        self._profile = profile
        self._now = now
        self._session = Session(credentials, keep, self._renew)

    def __repr__(self) -> str:
        return f"TikTokConnection({self._profile.provider_id})"

    async def profile(self) -> Profile:
        """Whose account this is."""
        found = convert.profile(await self._session.call(self._api.user_info), await self._session.call(self._creator))
        if found is None:
            raise ProviderDown("TikTok did not say whose account this is.")
        return found

    async def revoke(self) -> None:
        """Take the owner's approval back."""
        await self._api.revoke(self._settings, self._session.values["access_token"])

    async def publish(self, draft: PostDraft, attempt: Attempt) -> PublishedPost:
        """Send the video; TikTok publishes it when it has the last byte. An upload that was begun is gone on with."""
        video = _video(draft)
        upload, state = await self._begun(draft, attempt)
        if state.phase is Phase.PUBLISHED and upload is not None:
            return convert.published(upload.publish_id, state.post_id, self._username)
        if upload is None:
            upload = await self._begin(draft, attempt, video)
        if state.phase is Phase.UPLOADING:
            try:
                await self._send(upload, video, state.received_bytes)
            except Over as error:
                if await self._lacks_bytes(upload):
                    # So it will never be published: the next attempt begins anew.
                    await attempt.write(None)
                    raise ProviderDown("TikTok takes no more at the address that it gave for the video.") from error
        return await self._outcome(upload)

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """Ask what became of the upload. One that lacks bytes, or that TikTok gave up on, published nothing."""
        upload = convert.upload(attempt.note)
        if upload is None:
            return None
        try:
            data = await self._session.call(lambda token: self._api.status(token, upload.publish_id))
        except Over as error:
            raise NotSupported("TikTok does not know this upload any more.") from error
        state = convert.state(data, upload.size_bytes)
        if state.phase is Phase.PROCESSING:
            raise OutcomeUnknown("TikTok is still working on the video.")
        if state.phase is Phase.PUBLISHED:
            return convert.published(upload.publish_id, state.post_id, self._username)
        return None

    async def unpublish(self, provider_id: str) -> None:
        """TikTok lets no app delete a post."""
        raise NotSupported("TikTok lets no app take a post down: delete it in TikTok itself.")

    @property
    def _username(self) -> str:
        return self._profile.username if self._profile.profile_url else ""

    async def _creator(self, token: str) -> Json:
        return await self._api.creator_info(token)

    async def _begun(self, draft: PostDraft, attempt: Attempt) -> tuple[Upload | None, State]:
        """What earlier attempts left, and where it stands; no upload: begin one."""
        anew = State(phase=Phase.UPLOADING)
        upload = convert.upload(attempt.note)
        if upload is None:
            return None, anew
        try:
            data = await self._session.call(lambda token: self._api.status(token, upload.publish_id))
        except Over:
            return None, anew
        state = convert.state(data, upload.size_bytes)
        changed = upload.digest != convert.digest(draft)
        if state.phase is Phase.FAILED:
            if state.reason not in _TRANSIENT and not changed:
                raise _failed(state)
            return None, anew
        return (None, anew) if changed and state.phase is Phase.UPLOADING else (upload, state)

    async def _begin(self, draft: PostDraft, attempt: Attempt, video: MediaSource) -> Upload:
        creator = await self._session.call(self._creator)
        body = {
            "post_info": convert.post_info(draft.text, draft.settings, creator),
            "source_info": convert.source_info(video.size_bytes),
        }
        publish_id, upload_url = await self._session.call(lambda token: self._api.begin(token, body))
        upload = Upload(
            publish_id=publish_id,
            upload_url=upload_url,
            size_bytes=video.size_bytes,
            digest=convert.digest(draft),
        )
        await attempt.write(msgspec.to_builtins(upload))
        return upload

    async def _send(self, upload: Upload, video: MediaSource, received: int) -> None:
        """Only the last chunk publishes: of the others a lost answer is no unknown outcome."""
        total = video.size_bytes
        async with Pieces(video) as pieces:
            for first, last in convert.chunks(total, received):
                content = pieces.range(first, last - first + 1)
                try:
                    await self._api.send(upload.upload_url, video.content_type, first, last, total, content)
                except OutcomeUnknown as error:
                    if last == total - 1:
                        raise
                    raise ProviderDown(error.detail) from error

    async def _lacks_bytes(self, upload: Upload) -> bool:
        """Whether TikTok takes no more because the address ended, and not because an earlier attempt sent it all."""
        try:
            data = await self._session.call(lambda token: self._api.status(token, upload.publish_id))
        except Over:
            return True
        except ProviderError as error:
            raise OutcomeUnknown("TikTok does not say whether it has all of the video.") from error
        return convert.state(data, upload.size_bytes).phase is Phase.UPLOADING

    async def _outcome(self, upload: Upload) -> PublishedPost:
        """Wait a little for TikTok to be done with the video.

        Raises:
            OutcomeUnknown: it is still at work, or does not say.
        """
        waited, wait = 0.0, 1.0
        while True:
            try:
                data = await self._session.call(lambda token: self._api.status(token, upload.publish_id))
            except (Over, ProviderError) as error:
                # The video is there, and nobody else would look for it.
                raise OutcomeUnknown("TikTok has the video and does not say what became of it.") from error
            state = convert.state(data, upload.size_bytes)
            if state.phase is Phase.PUBLISHED:
                return convert.published(upload.publish_id, state.post_id, self._username)
            if state.phase is Phase.FAILED:
                raise _failed(state)
            if waited + wait > self._settings.patience_seconds:
                raise OutcomeUnknown("TikTok is still working on the video.")
            await asyncio.sleep(wait)
            waited, wait = waited + wait, wait * 2

    async def _renew(self, old: Credentials) -> Credentials:
        form = {"grant_type": "refresh_token", "refresh_token": old.values["refresh_token"]}
        tree = await self._api.tokens(self._settings, form)
        renewed = Credentials(values={**old.values, **token_values(tree)}, expires_at=expires_at(tree, self._now()))
        self._api.hide = (*old.values.values(), *renewed.values.values())
        return renewed


def token_values(tree: Json) -> dict[str, str]:
    """The tokens of an answer, as credentials keep them."""
    return {name: tree[name] for name in ("access_token", "refresh_token") if isinstance(tree.get(name), str)}


def _video(draft: PostDraft) -> MediaSource:
    """The one video of a post.

    Raises:
        Unprocessable: there is none, or several, or it is not one for TikTok.
    """
    if len(draft.media) != 1 or draft.media[0].content_type not in VIDEO_TYPES:
        raise Unprocessable("A post on TikTok is one video: mp4, mov or webm.")
    video = draft.media[0]
    if video.size_bytes > MAX_VIDEO_BYTES:
        raise Unprocessable(
            f"The video has {video.size_bytes} bytes; TikTok takes {MAX_VIDEO_BYTES}.", context={"too_large": True}
        )
    return video


def _failed(state: State) -> ProviderError:
    """Why TikTok gave up on an upload. Nothing was published."""
    words = f"TikTok did not publish the video: {state.reason or 'it does not say why'}."
    if state.reason in _TRANSIENT:
        return ProviderDown(words)
    if state.reason == "spam_risk_too_many_posts":
        return RateLimited(words, retry_after_seconds=2 * 3600.0)
    if state.reason == "auth_removed":
        return CredentialsRejected(words)
    if state.reason.startswith("spam_risk_user_banned"):
        return Refused(words, code=ErrorCode.ACCOUNT_RESTRICTED)
    return Unprocessable(words)
