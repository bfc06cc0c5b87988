"""No socket of a test leaves this machine."""

import contextlib
import ipaddress
import socket
from collections.abc import Iterator
from typing import Any


class LeavesLoopback(Exception):
    """A test tried to reach another machine. Not an OSError, so that no retry swallows it."""


def is_loopback(address: Any) -> bool:
    """Whether a socket address stays here: a Unix socket, 127.0.0.0/8, ::1, or the name localhost."""
    if not isinstance(address, tuple):
        return True
    host = str(address[0])
    if host in ("", "localhost"):
        return True
    try:
        parsed = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


@contextlib.contextmanager
def only_loopback() -> Iterator[None]:
    """While this lasts, to connect or send elsewhere, or to look up a name but localhost, is LeavesLoopback."""

    def guarded(name: str) -> Any:
        original = getattr(socket.socket, name)

        def guard(self: socket.socket, *arguments: Any) -> Any:
            address = arguments[-1]
            if self.family in (socket.AF_INET, socket.AF_INET6) and not is_loopback(address):
                raise LeavesLoopback(f"this test wanted to reach {address}")
            return original(self, *arguments)

        return guard

    look_up = socket.getaddrinfo

    def guarded_look_up(host: Any, *arguments: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not is_loopback((name,)):
            raise LeavesLoopback(f"this test wanted the address of {name}")
        return look_up(host, *arguments, **named)

    replaced = {name: socket.socket.__dict__.get(name) for name in ("connect", "connect_ex", "sendto")}
    guards = {name: guarded(name) for name in replaced}
    try:
        for name, guard in guards.items():
            setattr(socket.socket, name, guard)
        socket.getaddrinfo = guarded_look_up
        yield
    finally:
        socket.getaddrinfo = look_up
        for name, before in replaced.items():
            if before is None:
                delattr(socket.socket, name)
            else:
                setattr(socket.socket, name, before)
