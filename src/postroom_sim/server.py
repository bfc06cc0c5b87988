"""The HTTP server: uvicorn on loopback, with a real connection reset for the faults that want one."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http import httptools_impl

RESET = "postroom_sim.reset"

# uvicorn knows the statuses 100 to 599; LinkedIn's bot block is a 999.
httptools_impl.STATUS_LINE.setdefault(999, b"HTTP/1.1 999 Request denied\r\n")


class ResettableProtocol(httptools_impl.HttpToolsProtocol):
    """Puts a function into each scope that drops the connection with a TCP RST."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {RESET: {"reset": self._reset}}

    def _reset(self) -> None:
        transport_socket = self.transport.get_extra_info("socket")
        if transport_socket is not None:
            # Linger zero makes the kernel answer with RST instead of an orderly FIN.
            duplicate = socket.socket(fileno=os.dup(transport_socket.fileno()))
            with duplicate:
                duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Server(uvicorn.Server):
    """Says when it listens, and ends open streams at the first signal to stop."""

    def __init__(self, app: Any, *, on_listening: Callable[[], None], on_stop: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=ResettableProtocol,
                loop="uvloop",
                ws="none",
                lifespan="off",
                access_log=False,
                log_level="warning",
                timeout_graceful_shutdown=1,
                server_header=False,
                date_header=False,
                timeout_keep_alive=75,
            )
        )
        self._on_listening = on_listening
        self._on_stop = on_stop
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self._on_listening()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stop()

    def stop_from_thread(self) -> None:
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self.stop)

    def stop(self) -> None:
        self.should_exit = True
        self._on_stop()
