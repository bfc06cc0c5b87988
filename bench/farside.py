"""The far side of `publish`: answers a create on each network after some time, and counts. `python -m bench.farside MS`.

It parses no more than it must: it shares its cores with what is measured. `GET /counts` tells what it has seen.
"""

import asyncio
import json
import re
import sys
from collections import Counter
from typing import Any

import uvloop

_NUMBER = re.compile(rb"No\. (\d+)")
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

_seen: Counter[int] = Counter()
_paths: Counter[str] = Counter()


def _created(path: str, number: int) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body of each network's answer to the one call that makes a post."""
    if path.endswith("/com.atproto.repo.createRecord"):
        return 200, {}, {"uri": f"at://did:plc:bench/app.bsky.feed.post/{number}", "cid": "bafyreibench"}
    if path == "/api/v1/statuses":
        url = f"https://mastodon.example/@bench/{number}"
        return 200, {}, {"id": str(number), "url": url, "uri": url, "created_at": "2026-11-21T12:00:00.000Z"}
    if path == "/2/tweets":
        return 201, {}, {"data": {"id": str(number), "text": "", "edit_history_tweet_ids": [str(number)]}}
    if path == "/rest/posts":
        return 201, {"x-restli-id": f"urn:li:share:{number}"}, None
    if path.endswith("/sendMessage"):
        return 200, {}, {"ok": True, "result": {"message_id": number, "date": 1, "chat": {"id": 1, "type": "channel"}}}
    return 404, {}, {"error": "NotFound", "message": path}


class _Side(asyncio.Protocol):
    delay_seconds = 0.05

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._held = b""

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._held, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._held) < whole:
                return
            request, self._held = self._held[:whole], self._held[whole:]
            self._answer(request, end)

    def _answer(self, request: bytes, end: int) -> None:
        path = request.split(b" ", 2)[1].decode().partition("?")[0]
        if path == "/counts":
            told = {"posts": len(_seen), "twice": sum(1 for count in _seen.values() if count > 1), "paths": _paths}
            self._send(200, {}, told)
            return
        number = _NUMBER.search(request, end)
        status, headers, body = _created(path, int(number[1]) if number else 0)
        name = path.rpartition("/")[2]
        _paths[name if status < 300 else f"{status} {path}"] += 1
        if number is not None and status < 300:
            _seen[int(number[1])] += 1
        asyncio.get_running_loop().call_later(self.delay_seconds, self._send, status, headers, body)

    def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} OK\r\ncontent-type: application/json\r\n{more}content-length: {len(content)}\r\n\r\n"
        if not self._transport.is_closing():
            self._transport.write(head.encode() + content)


async def _main() -> None:
    _Side.delay_seconds = float(sys.argv[1]) / 1000
    server = await asyncio.get_running_loop().create_server(_Side, "127.0.0.1", 0)
    print(json.dumps({"base": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main())
