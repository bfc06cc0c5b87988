"""The calls of the Instagram API that publishing needs, with either of its two logins. Knows no Remote*.

Source: Instagram Platform documentation, "Content Publishing", "IG Container", "Business Login for Instagram" and
"Instagram API with Facebook Login", checked 2026-11-21. Deletion: release notes of two clients that use it (2026).
"""

from collections.abc import Mapping
from typing import Any

from postroom.connectors import graph
from postroom.connectors.containers import Spelling
from postroom.connectors.graph import Graph
from postroom.connectors.http import Http

Json = Any

PROVIDER = "instagram"
NAME = "Instagram"
INSTAGRAM_SCOPES = ("instagram_business_basic", "instagram_business_content_publish")
FACEBOOK_SCOPES = (
    "instagram_basic",
    "instagram_content_publish",
    "instagram_manage_contents",
    "pages_show_list",
    "pages_read_engagement",
)
SPELLING = Spelling(publish="media_publish", status="status_code", reason="status")

_VERSION = "v25.0"
_INSTAGRAM = "https://graph.instagram.com"
_INSTAGRAM_TOKENS = "https://api.instagram.com"
_INSTAGRAM_PAGES = "https://www.instagram.com"
_FACEBOOK = "https://graph.facebook.com"
_FACEBOOK_PAGES = "https://www.facebook.com"


def authorize_url(origin: str) -> str:
    """Instagram's page at which an owner approves."""
    return f"{origin or _INSTAGRAM_PAGES}/oauth/authorize"


def facebook_authorize_url(origin: str) -> str:
    """Facebook's page at which an owner approves."""
    return f"{origin or _FACEBOOK_PAGES}/{_VERSION}/dialog/oauth"


def refresh_url(origin: str) -> str:
    """Where a long token of Instagram's login is renewed."""
    return f"{origin or _INSTAGRAM}/refresh_access_token"


def calls(http: Http, origin: str, *, by_facebook: bool) -> Graph:
    """The versioned part of the API, at the host of the login that the token came from."""
    return Graph(http, PROVIDER, NAME, f"{origin or (_FACEBOOK if by_facebook else _INSTAGRAM)}/{_VERSION}")


async def long_token(http: Http, origin: str, form: Mapping[str, str]) -> dict[str, Json]:
    """A code of Instagram's login as a token of sixty days; `form` is the grant, with our client."""
    url = f"{origin or _INSTAGRAM_TOKENS}/oauth/access_token"
    short = await graph.token(http, PROVIDER, NAME, "access_token", url, form, method="POST")
    fields = {
        "grant_type": "ig_exchange_token",
        "client_secret": form["client_secret"],
        "access_token": short["access_token"],
    }
    return await graph.token(http, PROVIDER, NAME, "exchange_token", f"{origin or _INSTAGRAM}/access_token", fields)


async def facebook_token(http: Http, origin: str, form: Mapping[str, str]) -> str:
    """A code of Facebook's login as a user's token."""
    url = f"{origin or _FACEBOOK}/{_VERSION}/oauth/access_token"
    return await graph.user_token(http, PROVIDER, NAME, url, form)


async def me(api: Graph, token: str) -> dict[str, Json]:
    """Whose token of Instagram's login it is; `user_id` is the account's id."""
    return await api.get("me", "me", token, {"fields": "user_id,username,name,profile_picture_url"})


async def account(api: Graph, token: str, user_id: str) -> dict[str, Json]:
    """An account, by its id."""
    return await api.get("account", user_id, token, {"fields": "id,username,name,profile_picture_url"})


async def accounts(api: Graph, token: str) -> list[Json]:
    """The pages that a user manages, each with its Instagram account."""
    shown = "id,name,access_token,tasks,instagram_business_account{id,username,name,profile_picture_url}"
    return _rows(await api.get("accounts", "me/accounts", token, {"fields": shown, "limit": "100"}))


async def permissions(api: Graph, token: str) -> list[Json]:
    """What a user allowed this app, and what not."""
    return _rows(await api.get("permissions", "me/permissions", token))


async def create(api: Graph, token: str, user_id: str, fields: Mapping[str, str]) -> str:
    """A new container; its id."""
    return await api.post("create", f"{user_id}/media", token, fields)


async def post(api: Graph, token: str, id: str) -> dict[str, Json]:
    """A published post."""
    return await api.get("post", id, token, {"fields": "id,permalink"})


async def posts(api: Graph, token: str, user_id: str, since: str, *, stories: bool) -> list[Json]:
    """What the account published since then, newest first; stories are listed apart."""
    edge = "stories" if stories else "media"
    shown = {"fields": "id,caption,permalink,timestamp", "since": since, "limit": "100"}
    return _rows(await api.get("posts", f"{user_id}/{edge}", token, shown))


def _rows(found: Mapping[str, Json]) -> list[Json]:
    rows = found.get("data")
    return rows if isinstance(rows, list) else []
