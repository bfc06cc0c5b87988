"""The consumer of `follow`: one WebSocket of the event log. `python -m bench.consumer PORT KEY EXPECTED PATIENCE`.

A line of JSON once it is connected, and another at its end: how many messages it heard, and how late they were.
"""

import asyncio
import json
import re
import sys
import time

import uvloop
from websockets.asyncio.client import connect

_TOLD = re.compile(r"No\. (\d+) of (\d+) at (\d+):")


async def _main(port: int, key: str, expected: int, patience: float) -> None:
    heard: dict[tuple[str, str], int] = {}
    twice = positions = 0
    last = -1
    async with connect(
        f"ws://127.0.0.1:{port}/api/events",
        additional_headers={"authorization": f"Bearer {key}"},
        compression=None,
        ping_interval=None,
        max_size=None,
    ) as socket:
        print(json.dumps({"base": f"http://127.0.0.1:{port}"}), flush=True)
        while len(heard) < expected:
            try:
                async with asyncio.timeout(patience):
                    text = await socket.recv(decode=True)
            except TimeoutError:
                break
            now = time.time_ns()
            assert isinstance(text, str)
            # Never the same position, and never an older one.
            position = int(text[text.index('"position":') + 11 : text.index(",")])
            positions += position <= last
            last = position
            found = _TOLD.search(text)
            if found is not None and '"type":"message.received"' in text:
                twice += (found[1], found[2]) in heard
                heard[found[1], found[2]] = now - int(found[3])
    late = sorted(heard.values())
    told = {"heard": len(late), "twice": twice, "out_of_order": positions}
    if late:
        at = {f"p{share}_ms": late[min(len(late) - 1, len(late) * share // 100)] / 1e6 for share in (50, 90, 99)}
        told |= at | {"most_ms": late[-1] / 1e6}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    uvloop.run(_main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
