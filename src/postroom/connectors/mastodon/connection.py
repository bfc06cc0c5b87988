"""One Mastodon account: posting, settling what became of a post, taking it down."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from postroom.clock import Clock, from_ms, to_ms
from postroom.connectors.contract import Attempt
from postroom.connectors.http import Http
from postroom.connectors.mastodon import convert
from postroom.connectors.mastodon.api import Gone, Mastodon
from postroom.domain.capabilities import MIB, ImageLimits, VideoLimits
from postroom.domain.remote import Credentials, MediaSource, PostDraft, Profile, PublishedPost
from postroom.errors import (
    CredentialsRejected,
    ErrorCode,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    Refused,
    Unprocessable,
)

Json = Any

# Source: Mastodon documentation, entities/Instance (configuration of a server as it is installed), checked 2026-11-21;
# 33,177,600 pixels are 5760 in the square.
IMAGES = ImageLimits(
    max_count=4,
    types=frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"}),
    max_bytes=16 * MIB,
    max_width=5760,
    max_height=5760,
)
VIDEO = VideoLimits(types=frozenset({"video/mp4", "video/quicktime", "video/webm"}), max_bytes=99 * MIB)

# Source: Mastodon documentation, methods/statuses: a key is kept for one hour, checked 2026-11-21. Five minutes less,
# for clocks that differ.
_KEY_LIVES = timedelta(minutes=55)
# A file that no status shows is thrown away after a day or so.
_FILE_LIVES = timedelta(hours=12)
_FIRST_LOOK_SECONDS, _LONGEST_LOOK_SECONDS, _LOOKS = 0.5, 5.0, 14


class MastodonConnection:
    """A Publisher over one token."""

    def __init__(self, http: Http, profile: Profile, credentials: Credentials, home: str, now: Clock) -> None:
        self._credentials = credentials
        secrets = (self._values["access_token"], self._values["client_secret"])
        self._api = Mastodon(http, self._values["server"], now, secrets)
        self._profile = profile
        self._home = home
        self._now = now

    def __repr__(self) -> str:
        return f"MastodonConnection({self._profile.provider_id})"

    @property
    def _values(self) -> Mapping[str, str]:
        return self._credentials.values

    @property
    def _token(self) -> str:
        return self._values["access_token"]

    async def profile(self) -> Profile:
        """Whose account this is."""
        tree = await self._api.verify_credentials(self._token)
        found = convert.profile(tree, self._values["server"], self._home)
        if found is None:
            raise ProviderDown("Mastodon did not say whose token this is.")
        return found

    async def revoke(self) -> None:
        """End the token."""
        try:
            await self._api.revoke(self._values["client_id"], self._values["client_secret"], self._token)
        except CredentialsRejected:
            return

    async def publish(self, draft: PostDraft, attempt: Attempt) -> PublishedPost:
        """Post under the token as Idempotency-Key: a second try within the hour meets the first one."""
        self._check(draft)
        note = _note(attempt.note)
        if note.pop("sent_at", None) is not None:
            # What was sent then surely made nothing: from here on nothing is sent, until it is noted.
            await attempt.write(note)
        ids = await self._files(draft.media, attempt)
        await attempt.write(_note(attempt.note) | {"sent_at": to_ms(self._now())})
        return await self._create(draft, ids, attempt.token)

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """Send the same again: within the hour the server answers with what it made, or makes it now."""
        note = _note(attempt.note)
        if attempt.note is not None and "sent_at" not in note:
            # The note says what it is for before the call that publishes.
            return None
        sent_at = from_ms(note["sent_at"]) if "sent_at" in note else attempt.begun_at
        if self._now() >= max(sent_at, attempt.begun_at) + _KEY_LIVES:
            raise NotSupported("Mastodon has forgotten the key of this post by now: nobody can tell.")
        ids = await self._files(draft.media, attempt)
        try:
            return await self._create(draft, ids, attempt.token)
        except Unprocessable as error:
            if error.context.get("invalid"):
                return None
            raise

    async def unpublish(self, provider_id: str) -> None:
        """Delete the status and its files."""
        if not convert.is_id(provider_id):
            raise Refused("This is not a post of this Mastodon account.", code=ErrorCode.MALFORMED_REQUEST)
        try:
            await self._api.delete_status(self._token, provider_id)
        except Gone:
            return

    async def _create(self, draft: PostDraft, ids: list[str], key: str) -> PublishedPost:
        made = convert.published(await self._api.create_status(self._token, key, convert.status(draft, ids)))
        if made is None:
            raise OutcomeUnknown("Mastodon took the post and did not say how it is called.")
        return made

    def _check(self, draft: PostDraft) -> None:
        visibility = draft.settings.get("visibility")
        if visibility and visibility not in convert.VISIBILITIES:
            raise Unprocessable(f"A post on Mastodon is one of {', '.join(convert.VISIBILITIES)}.")
        if draft.reply_to is not None and not convert.is_id(draft.reply_to):
            raise Refused("The part before this one is no post of Mastodon's.", code=ErrorCode.MALFORMED_REQUEST)
        videos = sum(item.kind == "video" for item in draft.media)
        if len(draft.media) > (1 if videos else IMAGES.max_count):
            raise Unprocessable(f"Mastodon takes {IMAGES.max_count} images or one video.")
        for item in draft.media:
            limits: ImageLimits | VideoLimits = VIDEO if item.kind == "video" else IMAGES
            if item.content_type not in limits.types:
                raise Unprocessable(f"Mastodon takes no file of type {item.content_type} here.")
            if item.size_bytes > limits.max_bytes:
                raise Unprocessable(
                    f"A file has {item.size_bytes} bytes; Mastodon takes {limits.max_bytes}.",
                    context={"too_large": True},
                )

    async def _files(self, media: tuple[MediaSource, ...], attempt: Attempt) -> list[str]:
        """The ids of the files at the server, each ready to be shown. What an earlier attempt uploaded is used."""
        ids: list[str] = []
        for number, item in enumerate(media):
            id = self._uploaded(attempt.note, number, item.etag)
            ready = False
            if id is None:
                id, ready = await self._api.upload(self._token, item)
                await self._remember(
                    attempt, number, {"id": id, "at": to_ms(self._now()), "ready": ready, "etag": item.etag}
                )
            elif self._entry(attempt.note, number).get("ready"):
                ready = True
            if not ready:
                await self._wait(id, number, attempt)
            ids.append(id)
        return ids

    async def _wait(self, id: str, number: int, attempt: Attempt) -> None:
        """Until the server has processed a file, or for as long as one attempt may take."""
        pause = _FIRST_LOOK_SECONDS
        for _ in range(_LOOKS):
            try:
                ready = await self._api.is_ready(self._token, id)
            except Gone as error:
                await self._remember(attempt, number, None)
                raise ProviderDown("Mastodon lost a file that was uploaded; nothing was published.") from error
            if ready:
                await self._remember(attempt, number, {**self._entry(attempt.note, number), "ready": True})
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_LOOK_SECONDS)
        raise ProviderDown("Mastodon is still processing a file; nothing was published.")

    async def _remember(self, attempt: Attempt, number: int, entry: Json) -> None:
        note = _note(attempt.note)
        files = {**note.get("files", {}), str(number): entry}
        await attempt.write({**note, "files": files})

    def _uploaded(self, note: Json, number: int, etag: str) -> str | None:
        entry = self._entry(note, number)
        if "id" not in entry or entry.get("etag") != etag or self._now() >= _moment(entry) + _FILE_LIVES:
            return None
        return str(entry["id"])

    def _entry(self, note: Json, number: int) -> Mapping[str, Json]:
        return _note(note).get("files", {}).get(str(number)) or {}


def _note(note: Json) -> dict[str, Json]:
    return dict(note) if isinstance(note, dict) else {}


def _moment(entry: Mapping[str, Json]) -> datetime:
    return from_ms(int(entry["at"]))
