"""A receiver of webhooks on this machine: it writes down what it is told, and answers as a test wants it to."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

_REASONS = {
    200: "OK",
    204: "No Content",
    302: "Found",
    410: "Gone",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


SILENT, DROPS = 0, -1


@dataclass(frozen=True)
class Told:
    """One request: what a receiver has to verify it by."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def vendor_signature(self, secret: str) -> str:
        """As the vendor's page has receivers compute it: over the parsed body, written anew."""
        written = json.dumps(self.json, separators=(",", ":"), ensure_ascii=False).encode()
        return hmac.new(secret.encode(), written, hashlib.sha256).hexdigest()

    def standard_signature(self, secret: str) -> str:
        """As the specification of Standard Webhooks says it."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class Receiver:
    """`script` holds the statuses of the next answers, then it is `status`; `answer` is what each says.

    SILENT: no answer; DROPS: the line goes dead.
    """

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.script: deque[int] = deque()
        self.status = 200
        self.headers = ""
        self.answer = ""
        self.silent = asyncio.Event()
        self.url = ""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.told.append(Told(first.split()[1], headers, body))
            status = self.script.popleft() if self.script else self.status
            if status == DROPS:
                pass
            elif status != SILENT:
                length = len(self.answer.encode())
                answer = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-length: {length}\r\n{self.headers}\r\n{self.answer}"
                writer.write(answer.encode())
                await writer.drain()
            else:
                await self.silent.wait()
        writer.close()

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.told]

    async def until(self, count: int, seconds: float = 20) -> list[Told]:
        """Wait until it was told so often."""
        async with asyncio.timeout(seconds):
            while len(self.told) < count:
                await asyncio.sleep(0.01)
        return self.told


@contextlib.asynccontextmanager
async def receiving(port: int = 0) -> AsyncIterator[Receiver]:
    """A receiver, listening."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver, "127.0.0.1", port)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks"
    try:
        yield receiver
    finally:
        receiver.silent.set()
        server.close()


@contextlib.contextmanager
def receiving_beside() -> Iterator[Receiver]:
    """The same in a thread of its own, for a test that waits with its own."""
    ready, over = threading.Event(), threading.Event()
    made: list[Receiver] = []

    async def listen() -> None:
        async with receiving() as receiver:
            made.append(receiver)
            ready.set()
            while not over.is_set():
                await asyncio.sleep(0.02)

    thread = threading.Thread(target=asyncio.run, args=(listen(),))
    thread.start()
    ready.wait(10)
    try:
        yield made[0]
    finally:
        over.set()
        thread.join()
