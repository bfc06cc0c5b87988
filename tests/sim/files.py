"""Pictures and a film that simulated networks can fetch."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + struct.pack(">II", 30, 20)


def jpeg(width: int, height: int, size: int = 0) -> bytes:
    """The beginning of a picture, as far as its frame header."""
    head = b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + b"JFIF".ljust(14, b"\0")
    return (head + b"\xff\xc0" + struct.pack(">HBHH", 17, 8, height, width)).ljust(max(size, 60), b"\0")


FILES = {
    "/a.png": (PNG, "image/png"),
    "/a.jpg": (jpeg(30, 20), "image/jpeg"),
    "/wide.jpg": (jpeg(40, 10), "image/jpeg"),
    "/large.jpg": (jpeg(30, 20, 8 * 1024 * 1024 + 1), "image/jpeg"),
    "/a.mp4": (b"film", "video/mp4"),
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content, kind = FILES.get(urlsplit(self.path).path, (b"", ""))
        self.send_response(200 if content else 404)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def served() -> Iterator[str]:
    """Where they are to be had."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    running = threading.Thread(target=server.serve_forever)
    running.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        running.join()
        server.server_close()
