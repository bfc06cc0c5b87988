"""`python -m bench`: measure, print ratios, and write figures and a plot."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench import dashboard, deleting, following, ingesting, machine, publishing, reading, seeding, starting
from bench.ratios import Measured
from bench.size import SIZES, Size
from tests.parts.postgres import PostgresServer

RESULTS = Path("bench/results")
NAMES = {
    "read": "GET a message: CPU per request, against a bare static answer on the same server",
    "baseline": "GET a message: against FastAPI with SQLAlchemy's async ORM and asyncpg",
    "delete": "durable deletions of post groups a second, against the least statements that do the same",
    "ingest": "messages taken in by sync a second, where many are stored against where few are",
    "publish": "posts due in the same moment: how late the last one is, and the memory that takes",
    "follow": "messages that linked accounts receive: how late a WebSocket hears of them, and the memory that takes",
    "dashboard": "first contentful paint of each page, and the slowest query of a scroll through a large inbox",
    "start": "second start to listening, and memory at rest",
}


def _arguments() -> argparse.Namespace:
    listed = "\n".join(f"  {name:<10}{what}" for name, what in NAMES.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=f"Measure Postroom. Runs are interleaved, figures are medians.\n\n{listed}",
        epilog="What is stored for it is kept under .data/bench and used again; full needs some 6 GB and ten minutes.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="what to measure; all, if not said")
    parser.add_argument(
        "--size",
        choices=SIZES,
        default=os.environ.get("POSTROOM_BENCH_SIZE") or "full",
        help="how much (or POSTROOM_BENCH_SIZE); full is what the project's bars speak of",
    )
    parser.add_argument("--data", type=Path, default=seeding.FOLDER, help="where to keep what is stored for it")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where to write them")
    parser.add_argument("--no-plot", action="store_true", help="write the figures only")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(NAMES))
    if unknown:
        parser.error(f"no such measurement: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if given.size not in SIZES:
        parser.error(f"POSTROOM_BENCH_SIZE is {given.size!r}; it may be {', '.join(SIZES)}")
    return given


def main() -> None:
    given = _arguments()
    seeding.FOLDER = given.data
    size, names = SIZES[given.size], given.names or list(NAMES)
    described = machine.described()
    print(f"{described['cpu']}, {described['cores']} cores, Python {described['python']}; size {size.name}\n")
    found: list[Measured] = []
    with contextlib.ExitStack() as running:
        postgres = running.enter_context(seeding.server(size)) if set(names) - {"start"} else None
        for measure in _chosen(size, names, postgres):
            found.append(measure())
            print("\n".join(found[-1].lines()) + "\n", flush=True)
    given.results.mkdir(parents=True, exist_ok=True)
    for measured in found:
        document = {"machine": described, "size": size, **msgspec.to_builtins(measured)}
        file = given.results / f"{measured.name}.json"
        file.write_bytes(msgspec.json.format(msgspec.json.encode(document)) + b"\n")
    if not given.no_plot:
        from bench import plots

        for measured in found:
            plots.draw(measured, described, given.results / f"{measured.name}.svg")
    missed = [ratio for measured in found for ratio in measured.ratios if not ratio.reached]
    print(f"written to {given.results}" + (f"; {len(missed)} not reached" if missed else ""), file=sys.stderr)


def _chosen(size: Size, names: list[str], postgres: PostgresServer | None) -> list[Callable[[], Measured]]:
    measures: list[Callable[[], Measured]] = []
    if postgres is not None:
        if {"read", "baseline"} & set(names):
            measures.append(
                lambda: reading.measure(
                    size, postgres, against_bare="read" in names, against_baseline="baseline" in names
                )
            )
        if "delete" in names:
            measures.append(lambda: deleting.measure(size, postgres))
        if "ingest" in names:
            measures.append(lambda: ingesting.measure(size, postgres))
        if "publish" in names:
            measures.append(lambda: publishing.measure(size, postgres))
        if "follow" in names:
            measures.append(lambda: following.measure(size, postgres))
        if "dashboard" in names:
            measures.append(lambda: dashboard.measure(size, postgres))
    if "start" in names:
        measures.append(lambda: starting.measure(size))
    return measures


if __name__ == "__main__":
    main()
