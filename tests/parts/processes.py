"""Starting real servers for tests so that none outlives the test run, even one that was killed."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on now. All are held until the last is known, so they differ."""
    with contextlib.ExitStack() as held:
        ports = []
        for _ in range(count):
            holder = held.enter_context(socket.socket())
            holder.bind(("127.0.0.1", 0))
            ports.append(int(holder.getsockname()[1]))
        return ports


def free_block(count: int) -> int:
    """The first of `count` ports in a row that nobody listens on now."""
    while True:
        with contextlib.ExitStack() as held, contextlib.suppress(OSError, OverflowError):
            first = held.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            for number in range(1, count):
                held.enter_context(socket.socket()).bind(("127.0.0.1", port + number))
            return port


def kill_when_we_die(pid: int, number: signal.Signals, *, user: int | None = None) -> subprocess.Popen[bytes]:
    """A watcher that sends `number` to `pid` as soon as this process is gone. Close its stdin to end it sooner."""
    command = f'read -r done; [ "$done" = stopped ] || kill -{int(number)} {pid} 2> /dev/null'
    return subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.PIPE, user=user, start_new_session=True)


def release(watcher: subprocess.Popen[bytes]) -> None:
    """Tell the watcher that there is nothing left to kill."""
    with contextlib.suppress(BrokenPipeError):
        watcher.communicate(b"stopped\n", timeout=10)


def wait_until(
    ready: Callable[[], bool], what: str, *, process: subprocess.Popen[bytes], log: str, seconds: float = 60
) -> None:
    """Wait for `ready()`; a process that ends first, or the time that runs out, is an error with the end of its log."""
    until = time.monotonic() + seconds
    while not ready():
        ended = process.poll() is not None
        if ended or time.monotonic() > until:
            with contextlib.suppress(OSError), open(log, errors="replace") as told:
                raise RuntimeError(f"{what} {'ended' if ended else 'is not ready'}:\n{told.read()[-4000:]}")
            raise RuntimeError(f"{what} {'ended' if ended else 'is not ready'}, and left no log")
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGTERM, *, seconds: float = 15) -> None:
    """Stop a process: ask, wait, and insist."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(seconds)
