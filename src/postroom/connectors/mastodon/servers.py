"""Accounts of many servers, told apart. Pure."""

from urllib.parse import urlsplit

HOME = "https://mastodon.social"
"""The server whose account ids stand by themselves."""


def account_id(id: str, server: str, home: str) -> str:
    """An account's id among all servers: as it is at home, with the server's name elsewhere.

    Servers number their accounts each for itself. The form is that of PostPost's platform ids.
    """
    host = urlsplit(server).hostname or ""
    return id if server == home else f"{id}_{host.replace('.', '_')}"
