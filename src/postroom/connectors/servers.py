"""Addresses of servers as owners write them. Pure."""

import re
from urllib.parse import urlsplit

_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
# Source: RFC 2606, 6761, 6762, 8375, 9476: names that mean something on this machine or in this house only.
_NOT_PUBLIC = frozenset(
    {"localhost", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa", "onion", "alt"}
)


def server_address(text: str) -> str | None:
    """`https://host` of `host`, an address at it, or somebody's name there; None: that is no public server.

    A public name only: no address in numbers, no port, nothing but HTTPS.
    """
    text = text.strip()
    try:
        parsed = urlsplit(text if "://" in text else f"https://{text.rpartition('@')[2]}")
        host, port = (parsed.hostname or "").encode("idna").decode().lower(), parsed.port
    except (ValueError, UnicodeError):
        return None
    if parsed.scheme.lower() != "https" or port is not None or parsed.username is not None:
        return None
    if len(host) > 253 or not _NAME.fullmatch(host) or host.rpartition(".")[2] in _NOT_PUBLIC:
        return None
    return f"https://{host}"
