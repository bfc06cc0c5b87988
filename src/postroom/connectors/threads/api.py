"""The calls of the Threads API that publishing needs. Knows no Remote*.

Source: Threads API documentation, "Posts", "Publishing", "Delete Posts", "Retrieve and Manage Replies" and "Get
Access Tokens", checked 2026-11-21.
"""

from collections.abc import Mapping
from typing import Any

from postroom.connectors import graph
from postroom.connectors.containers import Spelling
from postroom.connectors.graph import Graph
from postroom.connectors.http import Http

Json = Any

PROVIDER = "threads"
NAME = "Threads"
SCOPES = (
    "threads_basic",
    "threads_content_publish",
    "threads_manage_replies",
    "threads_read_replies",
    "threads_delete",
)
SPELLING = Spelling(publish="threads_publish", status="status", reason="error_message")

_GRAPH = "https://graph.threads.net"
_PAGES = "https://threads.net"
_VERSION = "v1.0"
_SHOWN = "id,text,permalink,timestamp"


def authorize_url(origin: str) -> str:
    """The page at which an owner approves."""
    return f"{origin or _PAGES}/oauth/authorize"


def refresh_url(origin: str) -> str:
    """Where a long token is renewed."""
    return f"{origin or _GRAPH}/refresh_access_token"


def calls(http: Http, origin: str) -> Graph:
    """The versioned part of the API."""
    return Graph(http, PROVIDER, NAME, f"{origin or _GRAPH}/{_VERSION}")


async def long_token(http: Http, origin: str, form: Mapping[str, str]) -> dict[str, Json]:
    """A code as a token of sixty days; `form` is the grant, with our client."""
    base = origin or _GRAPH
    short = await graph.token(http, PROVIDER, NAME, "access_token", f"{base}/oauth/access_token", form, method="POST")
    fields = {
        "grant_type": "th_exchange_token",
        "client_secret": form["client_secret"],
        "access_token": short["access_token"],
    }
    return await graph.token(http, PROVIDER, NAME, "exchange_token", f"{base}/access_token", fields)


async def me(api: Graph, token: str) -> dict[str, Json]:
    """Whose token it is."""
    return await api.get("me", "me", token, {"fields": "id,username,name,threads_profile_picture_url"})


async def create(api: Graph, token: str, user_id: str, fields: Mapping[str, str]) -> str:
    """A new container; its id."""
    return await api.post("create", f"{user_id}/threads", token, fields)


async def post(api: Graph, token: str, id: str) -> dict[str, Json]:
    """A published post."""
    return await api.get("post", id, token, {"fields": "id,permalink"})


async def posts(api: Graph, token: str, user_id: str, since: str, *, replies: bool) -> list[Json]:
    """What the account published since then, newest first; posts and replies are listed apart."""
    edge = "replies" if replies else "threads"
    found = await api.get("posts", f"{user_id}/{edge}", token, {"fields": _SHOWN, "since": since, "limit": "100"})
    rows = found.get("data")
    return rows if isinstance(rows, list) else []
