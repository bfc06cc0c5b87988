"""The dashboard's own files: scripts, styles and icons, read once, named by what is in them."""

import functools
import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from starlette.requests import Request
from starlette.responses import Response

_FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_FOR_GOOD = "public, max-age=31536000, immutable"


class Asset(msgspec.Struct, frozen=True):
    content: bytes
    zipped: bytes
    type: str
    mark: str
    """Of its content: an address that bears it may be kept for good."""


@functools.cache
def assets() -> Mapping[str, Asset]:
    """All there are, by name. What is asked for is looked up here and never on the disk."""
    found = {}
    for path in sorted(_FOLDER.iterdir()):
        kind = _TYPES.get(path.suffix)
        if kind is not None:
            content = path.read_bytes()
            mark = hashlib.sha256(content).hexdigest()[:12]
            found[path.name] = Asset(content, gzip.compress(content, mtime=0), kind, mark)
    return found


def address(name: str) -> str:
    """Where a file is, for as long as it stays as it is."""
    return f"/static/{name}?v={assets()[name].mark}"


def serve(request: Request) -> Response:
    """The file that an address below /static/ names."""
    asset = assets().get(request.url.path.removeprefix("/static/"))
    if asset is None or request.method not in ("GET", "HEAD"):
        return Response("There is no such file.\n", 404, media_type="text/plain")
    tag = f'"{asset.mark}"'
    headers = {
        "etag": tag,
        "vary": "accept-encoding",
        "cache-control": _FOR_GOOD if request.query_params.get("v") == asset.mark else "no-cache",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    content = asset.content
    if "gzip" in request.headers.get("accept-encoding", ""):
        content = asset.zipped
        headers["content-encoding"] = "gzip"
    return Response(content, headers=headers, media_type=asset.type)
