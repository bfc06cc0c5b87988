"""Proxies: the one way out of an account that has one."""

from enum import StrEnum

import msgspec

from postroom.errors import InvalidParameters

_LONGEST_HOST = 253
# Source: RFC 1929: a name and a password have 1 to 255 bytes; Basic's name has no colon (RFC 7617).
_LONGEST_LOGIN_BYTES = 255


class ProxyProtocol(StrEnum):
    """How a proxy is spoken to."""

    HTTP = "http"
    HTTPS = "https"
    """HTTP, over TLS to the proxy itself."""
    SOCKS5 = "socks5"


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy, and the login to it. Nothing of the login is ever shown by accident."""

    protocol: ProxyProtocol
    host: str
    port: int
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Proxy({self.url})"

    @property
    def url(self) -> str:
        """Where it is, without the login."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.protocol}://{host}:{self.port}"


def make_proxy(protocol: str | None, host: str, port: int, username: str | None, password: str | None) -> Proxy:
    """A proxy as somebody described it; without a protocol it is `http`. Whether it may be called is not judged here.

    Raises:
        InvalidParameters: that is none.
    """
    try:
        spoken = ProxyProtocol((protocol or ProxyProtocol.HTTP).lower())
    except ValueError:
        raise InvalidParameters(f"proxy.protocol is one of {', '.join(ProxyProtocol)}.") from None
    host = host.strip().removeprefix("[").removesuffix("]")
    if not 0 < len(host) <= _LONGEST_HOST or not host.isascii() or any(mark in host for mark in "/@?#\\ \t\r\n"):
        raise InvalidParameters("proxy.host is the name or the address of a machine, without a scheme.")
    if not 0 < port < 65536:
        raise InvalidParameters("proxy.port is a number from 1 to 65535.")
    if password and not username:
        raise InvalidParameters("proxy.password comes with a proxy.username.")
    for name, said in (("username", username), ("password", password)):
        if len((said or "").encode()) > _LONGEST_LOGIN_BYTES or not (said or "x").isprintable():
            raise InvalidParameters(f"proxy.{name} has at most {_LONGEST_LOGIN_BYTES} bytes, all of them to be seen.")
    if ":" in (username or ""):
        raise InvalidParameters("proxy.username has no colon.")
    return Proxy(
        protocol=spoken,
        host=host,
        port=port,
        username=username or None,
        password=(password or "") if username else None,
    )
