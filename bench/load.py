"""A load generator: keep-alive connections that each send the next request as soon as the last one is answered.

A process of its own, so that its work is not counted: `python -m bench.load`, told what to do on standard input as JSON.
"""

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from bench import machine


class Answered(dict[str, Any]):
    """What came of a run: `seconds`, `count`, and `bytes` of the last answer's body."""


def run(
    port: int, method: str, paths: Sequence[str], headers: Mapping[str, str], connections: int, *, sleeps: bool = False
) -> Answered:
    """Send each path once, from the cores that what is measured does not use. Any answer but 200 is an error.

    `sleeps`: while there is no answer it leaves its core to others, a database for one; else it never does, since waking a
    sleeper costs the one who writes, the more often the slower it answers.
    """
    told = {
        "port": port,
        "method": method,
        "paths": list(paths),
        "headers": dict(headers),
        "connections": connections,
        "sleeps": sleeps,
        "cores": sorted(machine.cores()[1]),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=json.dumps(told), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"the load generator failed: {done.stderr[-2000:]}")
    return Answered(json.loads(done.stdout))


def _main() -> None:
    import os

    told = json.loads(sys.stdin.read())
    os.sched_setaffinity(0, told["cores"])
    head = "".join(f"{name}: {value}\r\n" for name, value in {"host": "127.0.0.1", **told["headers"]}.items())
    requests = [f"{told['method']} {path} HTTP/1.1\r\n{head}\r\n".encode() for path in told["paths"]]
    print(json.dumps(_drive(told["port"], requests, told["connections"], -1 if told["sleeps"] else 0)))


def _drive(port: int, requests: list[bytes], connections: int, patience: float) -> dict[str, Any]:
    poll = select.epoll()
    open_sockets: dict[int, socket.socket] = {}
    held: dict[int, bytes] = {}
    for _ in range(min(connections, len(requests))):
        opened = socket.create_connection(("127.0.0.1", port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        open_sockets[opened.fileno()] = opened
        held[opened.fileno()] = b""
        poll.register(opened.fileno(), select.EPOLLIN)
    waiting = iter(requests)
    size = answered = 0
    start = time.perf_counter()
    for opened in open_sockets.values():
        opened.sendall(next(waiting))
    while answered < len(requests):
        for number, _ in poll.poll(patience):
            data = held[number] + open_sockets[number].recv(65_536)
            end = data.find(b"\r\n\r\n")
            if end < 0:
                held[number] = data
                continue
            at = data.find(b"content-length: ")
            length = int(data[at + 16 : data.index(b"\r\n", at)])
            if len(data) < end + 4 + length:
                held[number] = data
                continue
            if not data.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"not 200: {data[:1000]!r}")
            size = length
            held[number] = b""
            answered += 1
            request = next(waiting, None)
            if request is not None:
                open_sockets[number].sendall(request)
    return {"count": answered, "seconds": time.perf_counter() - start, "bytes": size}


if __name__ == "__main__":
    _main()
