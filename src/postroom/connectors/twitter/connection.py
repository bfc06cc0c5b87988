"""One X account: posting, looking for a post on one's own timeline, taking it down."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from postroom.clock import Clock, from_ms, to_ms
from postroom.connectors.contract import AppSettings, Attempt, Keep
from postroom.connectors.http import Http
from postroom.connectors.sessions import Session
from postroom.connectors.twitter import convert
from postroom.connectors.twitter.api import Gone, X
from postroom.connectors.twitter.uploads import Uploads, check, note_of
from postroom.domain.remote import Credentials, PostDraft, Profile, PublishedPost
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

# A post is on its author's timeline within moments; after this long it is not waited for any more.
_SHOWN_WITHIN = timedelta(minutes=10)
# X's clock and ours may differ.
_EARLIER = timedelta(seconds=60)
_MOST_PAGES = 5
# Media that were uploaded a moment ago are at times not known yet where posts are made.
_PAUSES_SECONDS = (0.5, 2.0)
# Before its end a token is not tried any more.
_EARLY = timedelta(seconds=60)


class XConnection:
    """A Publisher over tokens that it renews."""

    def __init__(
        self,
        http: Http,
        service: str,
        settings: AppSettings,
        profile: Profile,
        credentials: Credentials,
        keep: Keep,
        now: Clock,
    ) -> None:
        self._api = X(http, service, now, _secrets(credentials, settings))
        self._app = App(settings)
        self._profile = profile
        self._now = now
        # Of a token that ended X says no more than of any other that it does not take.
        self._session = Session(credentials, keep, self._renew, now=now, early=_EARLY, is_over=lambda error: True)

    def __repr__(self) -> str:
        return f"XConnection({self._profile.provider_id})"

    async def profile(self) -> Profile:
        """Whose account this is."""
        found = convert.profile(await self._session.call(self._api.me))
        if found is None:
            raise ProviderDown("X did not say whose token this is.")
        return found

    async def revoke(self) -> None:
        """End the session: with its refresh token the access token goes."""
        values = self._session.values
        try:
            await self._api.revoke(values.get("refresh_token", values["access_token"]), *self._app.pair)
        except CredentialsRejected:
            return

    async def publish(self, draft: PostDraft, attempt: Attempt) -> PublishedPost:
        """Post once. X takes no key, but refuses the same text: after an attempt of ours it is looked for then."""
        self._check(draft)
        note = note_of(attempt)
        earlier = note.get("first_sent_at", note.get("sent_at"))
        if note.pop("sent_at", None) is not None:
            # What was sent then surely made nothing: from here on nothing is sent, until it is noted.
            await attempt.write({**note, "first_sent_at": earlier})
        uploads = Uploads(self._api, self._session, attempt, self._now)
        ids = await uploads.ids(draft.media)
        now_ms = to_ms(self._now())
        first = {"first_sent_at": earlier if earlier is not None else now_ms}
        await attempt.write({**note_of(attempt), **first, "sent_at": now_ms})
        try:
            return await self._create(convert.post(draft, ids))
        except Refused as error:
            if error.context.get("duplicate") and earlier is not None:
                found = await self._look(draft, from_ms(earlier))
                if found is not None:
                    return found
            if error.context.get("unknown_media") and note.get("files"):
                # They are of an earlier attempt.
                await uploads.forget()
                raise ProviderDown("X forgot the files of an earlier attempt; nothing was published.") from error
            raise

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """Look for the post on the account's own timeline."""
        note = note_of(attempt)
        if attempt.note is not None and "sent_at" not in note:
            # The note says so before a post is sent.
            return None
        sent_at = from_ms(note["sent_at"]) if "sent_at" in note else attempt.begun_at
        found = await self._look(draft, sent_at)
        if found is not None:
            return found
        if self._now() < sent_at + _SHOWN_WITHIN:
            raise OutcomeUnknown("X does not show the post yet.", code=ErrorCode.PROVIDER_ERROR)
        raise NotSupported("X does not show the post, which does not prove that it was not made.")

    async def unpublish(self, provider_id: str) -> None:
        """Delete the post; X tells its absence, which is success."""
        if not convert.is_id(provider_id):
            raise Refused("This is not a post of this X account.", code=ErrorCode.MALFORMED_REQUEST)
        try:
            await self._session.call(lambda token: self._api.delete(token, provider_id))
        except Gone:
            return

    def _check(self, draft: PostDraft) -> None:
        check(draft.media)
        if draft.reply_to is not None and not convert.is_id(draft.reply_to):
            raise Refused("The part before this one is no post of X's.", code=ErrorCode.MALFORMED_REQUEST)
        for name in ("replyTo", "quoteTweet"):
            value = draft.settings.get(name)
            if value and convert.post_id(value) is None:
                raise Unprocessable(f"{name} names no post of X's: give its id, or its address.")

    async def _create(self, post: Json) -> PublishedPost:
        for pause in (*_PAUSES_SECONDS, None):
            try:
                made = await self._session.call(lambda token: self._api.create(token, post))
            except Unprocessable as error:
                if not error.context.get("unknown_media") or pause is None:
                    raise
                await asyncio.sleep(pause)
                continue
            if not convert.is_id(made.get("id")):
                break
            return convert.published(made["id"])
        raise OutcomeUnknown("X took the post and did not say how it is called.")

    async def _look(self, draft: PostDraft, since: datetime) -> PublishedPost | None:
        """The newest post since then that is this draft; None: it is not shown."""
        start = convert.moment(since - _EARLIER)
        page: str | None = None
        user = self._profile.provider_id
        for _ in range(_MOST_PAGES):
            shown, page = await self._session.call(partial(self._api.timeline, user=user, since=start, page=page))
            for each in shown:
                if convert.is_draft(each, draft):
                    return convert.published(each["id"])
            if page is None:
                return None
        return None

    async def _renew(self, old: Credentials) -> Credentials:
        form = {"grant_type": "refresh_token", "refresh_token": old.values["refresh_token"]}
        renewed = convert.credentials(await self._api.tokens(form, *self._app.pair), self._now(), old)
        self._api.hide = _secrets(old, self._app.settings) + _secrets(renewed, self._app.settings)
        return renewed


class App:
    """The registered app. Never shown."""

    def __init__(self, settings: AppSettings) -> None:
        self.settings = settings

    @property
    def pair(self) -> tuple[str, str]:
        """Its id and secret."""
        return self.settings.client_id, self.settings.client_secret


def _secrets(credentials: Credentials, settings: AppSettings) -> tuple[str, ...]:
    return tuple(value for value in (*credentials.values.values(), settings.client_secret) if value)
