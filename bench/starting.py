"""`start`: how long the second start takes to listen, and the memory of the one process some time later."""

import tempfile
import time

from bench.processes import started
from bench.ratios import Measured
from bench.size import Size


def measure(size: Size) -> Measured:
    """The sandbox, as `make run` starts it. The simulated networks are another process, and not counted."""
    seconds, memory = [], []
    with tempfile.TemporaryDirectory(prefix="postroom-bench-") as folder:
        arguments = ("postroom", "serve", "--sandbox", "--port", "0", "--data", folder, "--json")
        usable = list(range(64))
        with started(*arguments, cores=usable) as first:
            first_seconds = first.seconds_to_listen
        for number in range(min(size.rounds, 3)):
            with started(*arguments, cores=usable) as again:
                seconds.append(again.seconds_to_listen)
                if number == 0:
                    time.sleep(size.idle_seconds)
                    memory.append(again.pss_mb())
    return Measured(
        name="start",
        unit="s or MB",
        what=f"a second start to listening (under 2 s), and PSS {size.idle_seconds:g} s later (under 150 MB)",
        runs={"second start, s": seconds, "PSS, MB": memory},
        notes={"first_start_seconds": round(first_seconds, 2)},
    )
