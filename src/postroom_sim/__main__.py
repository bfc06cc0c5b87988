"""`python -m postroom_sim`: start the simulated networks on loopback."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import IO

from postroom_sim.app import Simulation
from postroom_sim.server import Server

_LOCK_PATIENCE_SECONDS = 5.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="postroom_sim", description="The simulated networks.")
    parser.add_argument("--port", type=int, required=True, help="port on 127.0.0.1; 0 takes any free one")
    parser.add_argument("--data", type=Path, required=True, help="folder that keeps the state")
    parser.add_argument("--clock", type=Path, required=True, help="file that holds the clock's offset")
    parser.add_argument("--seed", type=int, default=1, help="what a fresh folder is filled from")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    lock = _lock(options.data / "lock")
    if lock is None:
        print(f"postroom_sim: {options.data} is held by another simulation", file=sys.stderr)
        return 2
    with lock:
        return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", options.port))
    except OSError as error:
        print(f"postroom_sim: cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return 2
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    simulation = Simulation(data=options.data, clock=options.clock, seed=options.seed)
    simulation.listen_at(origin)

    def announce() -> None:
        below = {name: f"{origin}/{name}" for name in simulation.names}
        print(json.dumps({"sim": origin, **below}), flush=True)

    server = Server(simulation, on_listening=announce, on_stop=simulation.stop)
    if options.until_stdin_closes:
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
    server.run(sockets=[listener])
    return 0


def _stop_at_end_of_input(server: Server) -> None:
    while os.read(0, 4096):
        pass
    server.stop_from_thread()


def _lock(path: Path) -> IO[str] | None:
    """The folder's lock; waits a little for a predecessor that is on its way out."""
    file = path.open("a")
    deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() > deadline:
                file.close()
                return None
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
