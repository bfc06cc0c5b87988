"""Which addresses the server lets itself be sent to by what callers give it. Pure: no name is looked up here."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from enum import StrEnum

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

LOOPBACK: tuple[IpNetwork, ...] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))

# `0x7f.1`, `017700000001` and `2130706433` are 127.0.0.1 to every resolver that asks inet_aton.
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\Z", re.IGNORECASE)
_NAME = re.compile(r"(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\Z")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_LONGEST_NAME = 253
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_LINK_LOCAL = (ipaddress.ip_network("169.254.0.0/16"), ipaddress.ip_network("fe80::/10"))

# Where clouds tell a machine its own secrets. Two of them are in no private network.
_METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(each)
    for each in ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254")
)
_METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)


class Why(StrEnum):
    """Why an address is refused."""

    FORMAT = "format"
    SCHEME = "scheme"
    LOCALHOST = "localhost"
    PRIVATE = "private"
    LINK_LOCAL = "link_local"
    METADATA = "metadata"


# Source: PostPost "Webhooks" (March 2026); the sentence about the scheme stands for http and https.
SENTENCES = {
    Why.FORMAT: "Invalid URL format",
    Why.SCHEME: "URL must use HTTPS",
    Why.LOCALHOST: "Localhost URLs are not allowed",
    Why.PRIVATE: "Private IP addresses are not allowed",
    Why.LINK_LOCAL: "Link-local addresses are not allowed",
    Why.METADATA: "Cloud metadata endpoints are not allowed",
}


def literal(host: str) -> IpAddress | None:
    """The address that a host is, in any form that a resolver takes for one; None: it is a name.

    Raises:
        ValueError: it ends in a number, and is no address.
    """
    text = host.strip("[]").removesuffix(".")
    if ":" in text:
        text = text.partition("%")[0]
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        if ":" in text:
            raise
    if _NUMBER.match(text.rpartition(".")[2]) is None:
        return None
    if not all(_NUMBER.match(part) for part in text.split(".")):
        raise ValueError(host)
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text))
    except OSError as error:
        raise ValueError(host) from error


def why_not_host(host: str, allowed: Iterable[IpNetwork] = ()) -> Why | None:
    """Why this host is refused, as far as it can be told without looking its name up."""
    name = host.lower().removesuffix(".")
    if name in _METADATA_NAMES:
        return Why.METADATA
    if name == "localhost" or name.endswith((".localhost", ".localdomain")):
        return why_not_address(ipaddress.IPv4Address("127.0.0.1"), allowed)
    try:
        address = literal(host)
    except ValueError:
        return Why.FORMAT
    if address is not None:
        return why_not_address(address, allowed)
    return None if _NAME.match(name) and len(name) <= _LONGEST_NAME else Why.FORMAT


def why_not_address(address: IpAddress, allowed: Iterable[IpNetwork] = ()) -> Why | None:
    """Why no connection is made to this address; None: it is public, or in a network that is `allowed`."""
    address = _reached(address)
    if any(address in network for network in allowed):
        return None
    if address in _METADATA_ADDRESSES:
        return Why.METADATA
    if address.is_loopback or address.is_unspecified:
        return Why.LOCALHOST
    if any(address in network for network in _LINK_LOCAL):
        return Why.LINK_LOCAL
    public = address.is_global and not address.is_multicast and address not in _LOCAL_NAT64
    return None if public else Why.PRIVATE


def _reached(address: IpAddress) -> IpAddress:
    """Where a connection ends up: IPv6 has several ways to write, and to reach, an IPv4 address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is not None:
        return inner
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


_URL = re.compile(r"[a-z][a-z0-9+.-]*:[^\s\x00-\x1f]+\Z", re.IGNORECASE)
_WITH_HOST = re.compile(r"https?:/*[^/?#\\]", re.IGNORECASE)


def is_url(text: str) -> bool:
    """Whether this is shaped like a URL at all, of whatever scheme."""
    web = text[:5].lower() in ("http:", "https")
    return _URL.match(text) is not None and (not web or _WITH_HOST.match(text) is not None)
