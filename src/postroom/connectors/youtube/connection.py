"""One YouTube channel: a video goes up in a session that can be gone on with, and is published with its last byte."""

import msgspec

from postroom.clock import Clock
from postroom.connectors.contract import AppSettings, Attempt, Keep
from postroom.connectors.http import Http
from postroom.connectors.oauth import expires_at
from postroom.connectors.pieces import Pieces
from postroom.connectors.sessions import Session
from postroom.connectors.youtube import convert
from postroom.connectors.youtube.api import Address, Api, Json, Over, Progress
from postroom.connectors.youtube.convert import Upload
from postroom.domain.remote import Credentials, MediaSource, PostDraft, Profile, PublishedPost
from postroom.errors import (
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    Unprocessable,
)

# Source: PostPost "Platform limits" (March 2026) for the types; YouTube Data API, videos.insert, checked 2026-11-21, for
# the size.
VIDEO_TYPES = frozenset({"video/mp4", "video/quicktime", "video/x-msvideo", "video/webm"})
MAX_VIDEO_BYTES = 256 * 1024 * 1024 * 1024
# Source: YouTube Data API, resumable uploads, checked 2026-11-21: a multiple of 256 KiB.
CHUNK_BYTES = 8 * 1024 * 1024
_STANDSTILLS = 3


class YouTubeConnection:
    """A Publisher over one owner's approval, whose access token it renews."""

    def __init__(
        self, http: Http, settings: AppSettings, profile: Profile, credentials: Credentials, keep: Keep, now: Clock
    ) -> None:
        self._api = Api(http, Address(settings), now, tuple(credentials.values.values()))
        self._settings = settings
        self._profile = profile
        self._now = now
        self._session = Session(credentials, keep, self._renew)

    def __repr__(self) -> str:
        return f"YouTubeConnection({self._profile.provider_id})"

    async def profile(self) -> Profile:
        """Whose channel this is."""
        found = convert.profile(await self._session.call(self._api.channel))
        if found is None:
            raise ProviderDown("YouTube did not say whose channel this is.")
        return found

    async def revoke(self) -> None:
        """Take the owner's approval back."""
        await self._api.revoke(self._session.values["refresh_token"])

    async def publish(self, draft: PostDraft, attempt: Attempt) -> PublishedPost:
        """Send the video; YouTube publishes it when it has the last byte. A session that was begun is gone on with."""
        video = _video(draft)
        body = convert.video(draft)
        upload, progress = await self._begun(draft, attempt)
        if upload is None:
            session = await self._session.call(
                lambda token: self._api.begin(token, body, video.size_bytes, video.content_type)
            )
            upload = Upload(session=session, size_bytes=video.size_bytes, digest=convert.digest(draft))
            await attempt.write(msgspec.to_builtins(upload))
        try:
            return _made(await self._send(upload, video, progress))
        except Over as error:
            # What it had was not all, so it will never be published: the next attempt begins anew.
            await attempt.write(None)
            raise ProviderDown("YouTube does not know the upload any more.") from error

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """Ask the session. One that lacks bytes published nothing."""
        upload = convert.upload(attempt.note)
        if upload is None:
            return None
        try:
            progress = await self._progress(upload)
        except Over as error:
            raise NotSupported("YouTube does not know this upload any more.") from error
        return None if progress.video is None else _made(progress)

    async def unpublish(self, provider_id: str) -> None:
        """Delete the video; gone already is success."""
        await self._session.call(lambda token: self._api.delete(token, provider_id))

    async def _begun(self, draft: PostDraft, attempt: Attempt) -> tuple[Upload | None, Progress]:
        """What earlier attempts left, and how far it is; no upload: begin one."""
        upload = convert.upload(attempt.note)
        if upload is None:
            return None, Progress()
        try:
            progress = await self._progress(upload)
        except Over:
            return None, Progress()
        if progress.video is None and upload.digest != convert.digest(draft):
            return None, Progress()
        return upload, progress

    async def _progress(self, upload: Upload) -> Progress:
        return await self._session.call(lambda token: self._api.progress(token, upload.session, upload.size_bytes))

    async def _send(self, upload: Upload, video: MediaSource, progress: Progress) -> Progress:
        """Only the last chunk publishes: of the others a lost answer is no unknown outcome."""
        standstills = 0
        async with Pieces(video) as pieces:
            while progress.video is None:
                first = progress.received_bytes
                last = min(first + CHUNK_BYTES, upload.size_bytes) - 1
                if last < first:
                    raise OutcomeUnknown("YouTube has all of the video and does not say what became of it.")
                progress = await self._send_chunk(upload, pieces, first, last)
                standstills = standstills + 1 if progress.received_bytes <= first else 0
                if progress.video is None and standstills == _STANDSTILLS:
                    raise ProviderDown("YouTube takes no more of the video for now.")
        return progress

    async def _send_chunk(self, upload: Upload, pieces: Pieces, first: int, last: int) -> Progress:
        async def send(token: str) -> Progress:
            content = pieces.range(first, last - first + 1)
            return await self._api.send(token, upload.session, first, last, upload.size_bytes, content)

        try:
            return await self._session.call(send)
        except OutcomeUnknown as error:
            if last == upload.size_bytes - 1:
                raise
            raise ProviderDown(error.detail) from error

    async def _renew(self, old: Credentials) -> Credentials:
        form = {"grant_type": "refresh_token", "refresh_token": old.values["refresh_token"]}
        tree = await self._api.tokens(self._settings, form)
        renewed = Credentials(values={**old.values, **token_values(tree)}, expires_at=expires_at(tree, self._now()))
        self._api.hide = (*old.values.values(), *renewed.values.values())
        return renewed


def token_values(tree: Json) -> dict[str, str]:
    """The tokens of an answer, as credentials keep them."""
    return {name: tree[name] for name in ("access_token", "refresh_token") if isinstance(tree.get(name), str)}


def _made(progress: Progress) -> PublishedPost:
    found = convert.published(progress.video)
    if found is None:
        raise OutcomeUnknown("YouTube took the video and did not say how it is called.")
    return found


def _video(draft: PostDraft) -> MediaSource:
    """The one video of a post.

    Raises:
        Unprocessable: there is none, or several, or it is not one for YouTube.
    """
    if len(draft.media) != 1 or draft.media[0].content_type not in VIDEO_TYPES:
        raise Unprocessable("A post on YouTube is one video: mp4, mov, avi or webm.")
    video = draft.media[0]
    if video.size_bytes > MAX_VIDEO_BYTES:
        raise Unprocessable(
            f"The video has {video.size_bytes} bytes; YouTube takes {MAX_VIDEO_BYTES}.", context={"too_large": True}
        )
    return video
