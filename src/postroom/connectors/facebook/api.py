"""The calls of the Graph API that publishing to pages needs. Knows no Remote*.

Source: Pages API documentation, "Posts"; Graph API reference, "Page Photos" and "Page Videos", checked 2026-11-21.
"""

from collections.abc import Mapping
from typing import Any

from postroom.connectors import answers, graph
from postroom.connectors.graph import Graph
from postroom.connectors.http import Http
from postroom.connectors.multipart import Form

Json = Any

PROVIDER = "facebook"
NAME = "Facebook"
SCOPES = ("pages_show_list", "pages_read_engagement", "pages_manage_posts")

_GRAPH = "https://graph.facebook.com"
_PAGES = "https://www.facebook.com"
_VERSION = "v25.0"
_UPLOAD_SECONDS = 300.0


def authorize_url(origin: str) -> str:
    """The page at which an owner approves."""
    return f"{origin or _PAGES}/{_VERSION}/dialog/oauth"


def calls(http: Http, origin: str) -> Graph:
    """The versioned part of the API."""
    return Graph(http, PROVIDER, NAME, f"{origin or _GRAPH}/{_VERSION}")


async def long_token(http: Http, origin: str, form: Mapping[str, str]) -> str:
    """A code as a user's token; `form` is the grant, with our client."""
    url = f"{origin or _GRAPH}/{_VERSION}/oauth/access_token"
    return await graph.user_token(http, PROVIDER, NAME, url, form)


async def pages(api: Graph, token: str) -> list[Json]:
    """The pages that a user manages, each with a token of its own."""
    asked = {"fields": "id,name,username,access_token,tasks", "limit": "100"}
    rows = (await api.get("pages", "me/accounts", token, asked)).get("data")
    return rows if isinstance(rows, list) else []


async def page(api: Graph, token: str, page_id: str) -> dict[str, Json]:
    """A page."""
    return await api.get("page", page_id, token, {"fields": "id,name,username"})


async def upload_photo(api: Graph, token: str, page_id: str, form: Form) -> str:
    """A picture that nobody sees yet; its id. `form` has the token in it."""
    headers = answers.headers() | form.headers
    return await api.send(
        "photo",
        f"{page_id}/photos",
        (token,),
        headers,
        form.content(),
        publishes=False,
        seconds=_UPLOAD_SECONDS,
    )


async def post(api: Graph, token: str, page_id: str, fields: Mapping[str, str]) -> str:
    """A post in the page's feed; its id."""
    return await api.post("feed", f"{page_id}/feed", token, fields, publishes=True)


async def post_video(api: Graph, token: str, page_id: str, fields: Mapping[str, str]) -> str:
    """A video that Facebook fetches; its id."""
    return await api.post("video", f"{page_id}/videos", token, fields, publishes=True)


async def posts(api: Graph, token: str, page_id: str, since: str) -> list[Json]:
    """What the feed shows since then, newest first."""
    shown = "id,message,created_time,from,attachments{target{id},subattachments{target{id}}}"
    rows = (await api.get("posts", f"{page_id}/feed", token, {"fields": shown, "since": since, "limit": "100"})).get(
        "data"
    )
    return rows if isinstance(rows, list) else []


async def videos(api: Graph, token: str, page_id: str, since: str) -> list[Json]:
    """The page's videos since then, newest first."""
    shown = {"fields": "id,description,created_time", "since": since, "limit": "100"}
    rows = (await api.get("videos", f"{page_id}/videos", token, shown)).get("data")
    return rows if isinstance(rows, list) else []
