"""Linking by OAuth: the owner says yes at LinkedIn, and then picks as whom to post.

Source: LinkedIn "Authorization code flow", checked 2026-11-21: without PKCE, which refuses the app there.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import msgspec

from postroom.clock import Clock
from postroom.connectors import oauth
from postroom.connectors.contract import AppSettings, Ask, Linked, LoginStep, Reply
from postroom.connectors.http import Http
from postroom.connectors.linkedin import posts_convert
from postroom.connectors.linkedin.posts_api import PROVIDER, Hosts, PostsApi
from postroom.connectors.linkedin.posts_convert import Author
from postroom.errors import ErrorCode, LoginFailed, ProviderDown, Refused

Json = Any

_PERSON, _ORGANIZATION = "w_member_social", "w_organization_social"
_FIELD = {"author": "As whom to post: yourself, or a page that you administer."}


class PostsLogin:
    """The steps of the flow `oauth`."""

    def __init__(
        self, http: Http, hosts: Hosts, version: str, app: AppSettings, scopes: str, callback_url: str, now: Clock
    ) -> None:
        self._http = http
        self._hosts = hosts
        self._api = PostsApi(http, hosts, version)
        self._app = app
        self._scopes = scopes.split()
        self._callback_url = callback_url
        self._now = now

    async def step(self, reply: Reply | None) -> LoginStep:
        """One step; the answer to the page is a code, and where there is a choice, the next one is the author.

        Raises:
            LoginFailed: this attempt is over; start again.
            ProviderDown, RateLimited: try the same step later.
        """
        state = reply.state if reply is not None and isinstance(reply.state, dict) else None
        if reply is not None and state is not None and "tree" in state:
            return self._chosen(state, reply.answers.get("author", "").strip())
        page = oauth.Page(
            network=PROVIDER,
            url=f"{self._hosts.www}/oauth/v2/authorization",
            app=self._app,
            callback_url=self._callback_url,
            scopes=self._scopes,
            pkce=False,
        )
        return await oauth.login(page, reply, partial(self._linked, page))

    async def _linked(self, page: oauth.Page, form: Mapping[str, str]) -> LoginStep:
        url = f"{self._hosts.www}/oauth/v2/accessToken"
        with oauth.exchanging("LinkedIn"):
            tree = await oauth.tokens(self._http, PROVIDER, "accessToken", url, {**form, **page.client})
            authors = await self._authors(tree)
        if not authors:
            raise LoginFailed(
                "LinkedIn allows this server no posts for this member: its app lacks w_member_social.",
                code=ErrorCode.INVALID_CREDENTIALS,
            )
        ends_at = oauth.expires_at(tree, self._now())
        if len(authors) == 1:
            return _linked(authors[0], tree, ends_at)
        kept = {name: tree[name] for name in ("access_token", "refresh_token", "scope") if name in tree}
        return _asked({"tree": kept, "ends_at": ends_at, "authors": msgspec.to_builtins(authors)})

    def _chosen(self, state: Mapping[str, Json], wanted: str) -> LoginStep:
        authors = msgspec.convert(state["authors"], list[Author])
        author = next((each for each in authors if each.urn == wanted), None)
        return _asked(state) if author is None else _linked(author, state["tree"], state["ends_at"])

    async def _authors(self, tree: Mapping[str, Json]) -> Sequence[Author]:
        token = str(tree["access_token"])
        allowed = posts_convert.scopes(tree) or frozenset(self._scopes)
        person = posts_convert.person(await self._api.person(token, openid="openid" in allowed))
        if person is None:
            raise ProviderDown("LinkedIn did not say who signed in.")
        found = [person] if _PERSON in allowed else []
        if _ORGANIZATION in allowed:
            found += await self._organizations(token)
        return found

    async def _organizations(self, token: str) -> Sequence[Author]:
        try:
            ids = posts_convert.organization_ids(await self._api.organization_acls(token))
        except Refused:
            # An app that may post for pages, and not ask which: then there is the person only.
            return []
        looked_up: Json = None
        if ids:
            try:
                looked_up = await self._api.organizations(token, ids)
            except Refused:
                looked_up = None
        return posts_convert.organizations(ids, looked_up)


def _asked(state: Mapping[str, Json]) -> Ask:
    choices = {author["urn"]: author["name"] for author in state["authors"]}
    return Ask(fields=_FIELD, choices={"author": choices}, state=state)


def _linked(author: Author, tree: Mapping[str, Json], ends_at: int | None) -> Linked:
    return Linked(
        profile=posts_convert.profile(author), credentials=posts_convert.credentials(author.urn, tree, ends_at, {})
    )
