"""One LinkedIn author, a person or an organisation: posting, finding a post again, taking it down."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from postroom.clock import Clock, from_ms, to_ms
from postroom.connectors import oauth
from postroom.connectors.contract import AppSettings, Attempt, Keep
from postroom.connectors.http import Http
from postroom.connectors.linkedin import posts_convert, posts_figures, posts_media
from postroom.connectors.linkedin.posts_api import PROVIDER, Duplicate, Hosts, PostsApi
from postroom.connectors.sessions import Session
from postroom.domain.engagement import Comment, DailyCount, Days, Metric, Reaction, ReactionKind
from postroom.domain.remote import Credentials, PostDraft, Profile, PublishedPost
from postroom.errors import (
    ErrorCode,
    NotSupported,
    ProviderDown,
    Refused,
    Unprocessable,
)

Json = Any

# How long LinkedIn is trusted to know a post again by its words. What it forgets is not sent a second time.
_KNOWS_AGAIN = timedelta(hours=24)
# Between our clock and LinkedIn's once their difference is taken away, and where it is not known.
_TOLERANCE, _TOLERANCE_UNKNOWN = timedelta(seconds=2), timedelta(minutes=1)


class PostsConnection:
    """A Publisher over one access token, which it renews where it can; and the figures and comments of posts."""

    def __init__(
        self,
        http: Http,
        hosts: Hosts,
        version: str,
        app: AppSettings,
        profile: Profile,
        credentials: Credentials,
        keep: Keep,
        now: Clock,
    ) -> None:
        self._api = PostsApi(http, hosts, version)
        self._http = http
        self._hosts = hosts
        self._app = app
        self._profile = profile
        self._now = now
        self._session = Session(credentials, keep, self._renew, now=now, early=timedelta())
        self._figures = posts_figures.Figures(self._api, self._author, self._session)
        self._engagement = posts_figures.Engagement(self._api, self._author, self._session)
        self._uploads = posts_media.Uploads(self._api, self._author, self._session)

    def __repr__(self) -> str:
        return f"PostsConnection({self._author})"

    @property
    def _author(self) -> str:
        """The URN that it posts as."""
        return self._session.values["author"]

    async def profile(self) -> Profile:
        """Whose account this is; for an organisation, that its owner may still post for it."""
        openid = "openid" in self._session.values.get("scope", "openid")
        if self._author.startswith("urn:li:person:"):
            found = posts_convert.person(await self._session.call(lambda token: self._api.person(token, openid=openid)))
            if found is None or found.urn != self._author:
                raise ProviderDown("LinkedIn did not say whose token this is.")
            return posts_convert.profile(found)
        number = self._author.rpartition(":")[2]
        acls = await self._session.call(self._api.organization_acls)
        if number not in posts_convert.organization_ids(acls):
            raise Refused("The owner of this account has no role in the organisation any more.")
        return self._profile

    async def revoke(self) -> None:
        """End the token. Whatever else hangs on the same approval ends with it."""
        token = self._session.values["access_token"]
        await self._api.revoke(token, self._app.client_id, self._app.client_secret)

    async def publish(self, draft: PostDraft, attempt: Attempt) -> PublishedPost:
        """Upload what is not uploaded yet, write down what will be sent, and post."""
        body = await self._body(draft, attempt)
        try:
            return posts_convert.published(await self._create(body))
        except Duplicate as error:
            raise Unprocessable(f"LinkedIn has this very post already{_named(error)}.") from error

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """Send the very same post once more: where the first attempt made it, LinkedIn refuses and names it."""
        body = attempt.note.get("body") if isinstance(attempt.note, dict) else None
        if body is None:
            # What will be sent is written down before it is sent.
            return None
        # Attempts before that one surely made nothing: what is older is not ours.
        sent_at = from_ms(attempt.note["sent_at"]) if "sent_at" in attempt.note else attempt.begun_at
        if self._now() - sent_at > _KNOWS_AGAIN:
            raise NotSupported("LinkedIn may not know this post again after a day.")
        # Where the post was deleted meanwhile, this says so, and nothing is sent.
        await attempt.write(attempt.note)
        try:
            return posts_convert.published(await self._create(body))
        except Duplicate as error:
            if error.urn is None:
                raise NotSupported("LinkedIn has this post, and did not say which it is.") from error
            if not self._is_ours(error.urn, sent_at, error.at):
                # An older post of the same words is in the way, so ours was never made, and cannot be.
                return None
            return posts_convert.published(error.urn)

    async def unpublish(self, provider_id: str) -> None:
        """Delete the post; LinkedIn calls its absence success."""
        if not posts_convert.is_post(provider_id):
            raise Refused("This is not a post of LinkedIn's.", code=ErrorCode.MALFORMED_REQUEST)
        await self._session.call(lambda token: self._api.delete_post(token, provider_id))

    async def post_count(self, post: str, metric: Metric) -> int | None:
        """How often, over a post's whole life."""
        return await self._figures.of_post(post, metric)

    async def account_count(self, metric: Metric, days: Days | None) -> int | None:
        """How often, over all posts of the author."""
        return await self._figures.of_account(metric, days)

    async def account_days(self, metric: Metric, days: Days | None) -> Sequence[DailyCount]:
        """The same, day by day."""
        return await self._figures.by_day(metric, days)

    async def follower_count(self) -> int:
        """How many follow the author now."""
        return await self._figures.followers()

    async def follower_days(self, days: Days) -> Sequence[DailyCount]:
        """How many came to follow the author, day by day."""
        return await self._figures.followers_by_day(days)

    async def react(self, post: str, kind: ReactionKind) -> Reaction:
        """React as the author."""
        return await self._engagement.react(post, kind)

    async def unreact(self, post: str) -> Reaction:
        """Take the author's reaction back."""
        return await self._engagement.unreact(post)

    async def comment(self, post: str, text: str, parent: str | None) -> Comment:
        """Comment as the author, once."""
        return await self._engagement.comment(post, text, parent)

    async def delete_comment(self, post: str, comment: str) -> None:
        """Delete the author's comment."""
        await self._engagement.delete_comment(post, comment)

    def _is_ours(self, urn: str, sent_at: datetime, their_now: datetime | None) -> bool:
        """Whether a post was made since it was first sent, by LinkedIn's clock."""
        difference = timedelta() if their_now is None else their_now - self._now()
        tolerance = _TOLERANCE_UNKNOWN if their_now is None else _TOLERANCE
        return posts_convert.made_at(urn) >= sent_at + difference - tolerance

    async def _body(self, draft: PostDraft, attempt: Attempt) -> Json:
        note: Mapping[str, Json] = attempt.note if isinstance(attempt.note, dict) else {}
        posts_media.check(draft.media)
        media = posts_media.kept(note, draft.media)
        if media is None:
            media = await self._uploads.upload(draft.media)
            if media:
                await attempt.write({"media": media})
        await self._uploads.wait(draft.media, media)
        body = posts_convert.body(self._author, draft, posts_media.content(draft.media, media))
        await attempt.write({"media": media, "body": body, "sent_at": to_ms(self._now())})
        return body

    async def _create(self, body: Json) -> str:
        return await self._session.call(lambda token: self._api.create_post(token, body))

    async def _renew(self, old: Credentials) -> Credentials:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": old.values["refresh_token"],
            "client_id": self._app.client_id,
            "client_secret": self._app.client_secret,
        }
        url = f"{self._hosts.www}/oauth/v2/accessToken"
        tree = await oauth.tokens(self._http, PROVIDER, "refreshToken", url, form)
        return posts_convert.credentials(self._author, tree, oauth.expires_at(tree, self._now()), old.values)


def _named(duplicate: Duplicate) -> str:
    return "" if duplicate.urn is None else f": {duplicate.urn}"
