"""One Facebook page: posting, finding a post again, taking it down."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from postroom.clock import Clock, from_ms, to_ms
from postroom.connectors.contract import Attempt
from postroom.connectors.facebook import api, convert
from postroom.connectors.graph import digest, words
from postroom.connectors.http import Http
from postroom.connectors.multipart import Form
from postroom.domain.remote import Credentials, Json, MediaSource, PostDraft, Profile, PublishedPost
from postroom.errors import ErrorCode, NotSupported, OutcomeUnknown, ProviderDown, Refused, Unprocessable

# Source: PostPost "Platform limits" (March 2026): ten; Graph API's own words to error 1366046, seen by clients: 4 MB.
MAX_IMAGES = 10
MAX_IMAGE_BYTES = 4_000_000
IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif"})
VIDEO_TYPES = frozenset({"video/mp4", "video/quicktime"})

_LINK_UNREADABLE = 1609005
_SHOWN_AFTER = timedelta(minutes=3)
_UPLOADED = ("photos", "uploaded_at", "digest")
_PHOTOS_LIVE = timedelta(hours=20)


class FacebookConnection:
    """A Publisher over a page's token, which does not end by itself."""

    def __init__(self, http: Http, origin: str, profile: Profile, credentials: Credentials, now: Clock) -> None:
        self._page_id = profile.provider_id
        self._api = api.calls(http, origin)
        self._credentials = credentials
        self._now = now

    def __repr__(self) -> str:
        return f"FacebookConnection({self._page_id})"

    @property
    def _token(self) -> str:
        return self._credentials.values["access_token"]

    async def profile(self) -> Profile:
        """Which page this is."""
        found = await api.page(self._api, self._token, self._page_id)
        id, name, username = found.get("id"), found.get("name"), found.get("username")
        if id != self._page_id:
            raise ProviderDown("Facebook did not say which page this is.")
        username = username if isinstance(username, str) and username else None
        return convert.profile(self._page_id, name if isinstance(name, str) and name else self._page_id, username)

    async def revoke(self) -> None:
        """A page's token ends only with all that its owner allowed this app, other pages included."""
        raise NotSupported("Facebook ends a page's token only together with those of its owner's other pages.")

    async def publish(self, draft: PostDraft, attempt: Attempt) -> PublishedPost:
        """Upload what nobody sees, then post once."""
        _check(draft)
        if draft.media and draft.media[0].kind == "video":
            fields = {"file_url": await draft.media[0].url()} | ({"description": draft.text} if draft.text else {})
            await attempt.write({"posting": True, "sent_at": to_ms(self._now()), "words": words(draft.text)})
            return convert.published_video(
                self._page_id, await api.post_video(self._api, self._token, self._page_id, fields)
            )
        photos = await self._photos(draft, attempt)
        uploaded = {name: _note(attempt.note).get(name) for name in _UPLOADED} if photos else {}
        await attempt.write({"posting": True, "sent_at": to_ms(self._now()), "words": words(draft.text), **uploaded})
        fields = convert.feed(draft.text, photos)
        try:
            id = await api.post(self._api, self._token, self._page_id, fields)
        except Unprocessable as error:
            if error.context.get("code") != _LINK_UNREADABLE or "link" not in fields:
                raise
            # Nothing was posted: it goes out without the preview.
            del fields["link"]
            id = await api.post(self._api, self._token, self._page_id, fields)
        return convert.published(id)

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """Look at what the page shows since it was sent. What it does not show may still be there."""
        note = _note(attempt.note)
        if not note.get("posting"):
            return None
        # Attempts before that one surely posted nothing: what is older is not ours.
        at = note.get("sent_at")
        sent_at = from_ms(at) if isinstance(at, int) else attempt.begun_at
        since = str(int(sent_at.timestamp()))
        photos = _held(note)
        if draft.media and draft.media[0].kind == "video":
            rows, field, made = await api.videos(self._api, self._token, self._page_id, since), "description", True
        else:
            rows, field, made = await api.posts(self._api, self._token, self._page_id, since), "message", False
        id = convert.find(rows, field, str(note.get("words")), photos, sent_at, self._page_id)
        if id is not None:
            return convert.published_video(self._page_id, id) if made else convert.published(id)
        if self._now() < sent_at + _SHOWN_AFTER:
            raise OutcomeUnknown("The page does not show it yet.")
        raise NotSupported("The page does not show it, which does not prove that it was not posted.")

    async def unpublish(self, provider_id: str) -> None:
        """Delete the post or the video."""
        if not convert.is_of(self._page_id, provider_id):
            raise Refused("This is not a post of this page.", code=ErrorCode.MALFORMED_REQUEST)
        await self._api.remove("delete", provider_id, self._token)

    async def _photos(self, draft: PostDraft, attempt: Attempt) -> list[str]:
        """The ids of the uploaded pictures; those of an earlier attempt while they last."""
        if not draft.media:
            return []
        note = _note(attempt.note)
        held, at = _held(note), note.get("uploaded_at")
        fresh = isinstance(at, int) and self._now().timestamp() - at < _PHOTOS_LIVE.total_seconds()
        same = digest(draft)
        if fresh and note.get("digest") == same:
            return held
        made = [await self._upload(item) for item in draft.media]
        await attempt.write({"photos": made, "uploaded_at": int(self._now().timestamp()), "digest": same})
        return made

    async def _upload(self, item: MediaSource) -> str:
        form = Form(
            {**convert.photo(item), "access_token": self._token},
            name="source",
            file_name="photo",
            content_type=item.content_type,
            size_bytes=item.size_bytes,
            chunks=item.chunks(),
        )
        return await api.upload_photo(self._api, self._token, self._page_id, form)


def _note(note: Json) -> Mapping[str, Json]:
    return note if isinstance(note, Mapping) else {}


def _held(note: Mapping[str, Json]) -> list[str]:
    found = note.get("photos")
    return [each for each in found if isinstance(each, str)] if isinstance(found, Sequence) else []


def _check(draft: PostDraft) -> None:
    """Raises Unprocessable: Facebook does not take these files; nobody was called."""
    videos = [item for item in draft.media if item.kind == "video"]
    if videos and len(draft.media) > 1:
        raise Unprocessable("Facebook takes one video, or pictures.")
    if len(draft.media) > MAX_IMAGES:
        raise Unprocessable(f"Facebook takes {MAX_IMAGES} pictures; there are {len(draft.media)}.")
    for item in draft.media:
        if item.content_type not in (VIDEO_TYPES if item.kind == "video" else IMAGE_TYPES):
            raise Unprocessable(f"Facebook takes no file of type {item.content_type}.")
        if item.kind == "image" and item.size_bytes > MAX_IMAGE_BYTES:
            raise Unprocessable(
                f"A picture has {item.size_bytes} bytes; Facebook takes {MAX_IMAGE_BYTES}.",
                context={"too_large": True},
            )
