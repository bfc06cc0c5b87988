"""A real S3 server for tests: OpenStack Swift with its S3 API. `make parts` installs it under `.parts/`.

Tests look at what is there with requests of their own, beside the library that is tested.
"""

import contextlib
import hashlib
import hmac
import itertools
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tests.parts import processes

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".parts" / "swift" / "bin" / "python"
SERVE = Path(__file__).parent / "swift" / "serve.py"
KEY, SECRET, REGION = "app:user", "secret", "us-east-1"


class S3:
    """A running server. `bucket()` makes a new bucket."""

    def __init__(self, port: int, folder: Path) -> None:
        self.host = "127.0.0.1"
        self.port = port
        self.folder = folder
        self._numbers = itertools.count(1)
        self._client = httpx.Client(timeout=30, trust_env=False)

    def endpoint(self, port: int | None = None) -> str:
        """Its address; with `port`, through a proxy that listens there."""
        return f"http://{self.host}:{port or self.port}"

    def options(self, port: int | None = None) -> dict[str, str]:
        """What `Blobs` wants to know."""
        return {
            "endpoint": self.endpoint(port),
            "region": REGION,
            "access_key_id": KEY,
            "secret_access_key": SECRET,
        }

    def settings(self, place: str, port: int | None = None) -> dict[str, Any]:
        """Settings of a house that keeps its media in `place`, a bucket and a prefix."""
        return {
            "media_url": f"s3://{place}",
            "media_endpoint": self.endpoint(port),
            "media_region": REGION,
            "media_access_key": KEY,
            "media_secret_key": SECRET,
        }

    def bucket(self) -> str:
        """A new bucket, by name."""
        name = f"bucket{next(self._numbers)}"
        self._ask("PUT", name).raise_for_status()
        return name

    def keys(self, bucket: str) -> set[str]:
        """All that is there, parts of uploads that did not end included."""
        found: set[str] = set()
        for place in (bucket, f"{bucket}+segments"):
            answer = self._ask("GET", place)
            if answer.status_code == 200:
                found |= {f"{place}/{key}" for key in re.findall("<Key>([^<]+)</Key>", answer.text)}
        return {each.removeprefix(f"{bucket}/") for each in found}

    def _ask(self, method: str, bucket: str) -> httpx.Response:
        """A request about a bucket, with its signature in the address.

        Source: Amazon S3, "Authenticating Requests: Using Query Parameters", checked 2026-11-21.
        """
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
        named = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{KEY}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": "60",
            "X-Amz-SignedHeaders": "host",
        }
        path, query = f"/{quote(bucket)}", "&".join(f"{name}={quote(named[name], safe='')}" for name in sorted(named))
        request = f"{method}\n{path}\n{query}\nhost:{self.host}:{self.port}\n\nhost\nUNSIGNED-PAYLOAD"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{SECRET}".encode()
        for part in (*scope.split("/"), text):
            key = hmac.digest(key, part.encode(), "sha256")
        return self._client.request(method, f"{self.endpoint()}{path}?{query}&X-Amz-Signature={key.hex()}")

    def close(self) -> None:
        self._client.close()


@contextlib.contextmanager
def running_s3() -> Iterator[S3]:
    """Start a server on a new folder, and remove both at the end."""
    if not PYTHON.exists():
        raise RuntimeError("the S3 server is not installed: run `make parts`")
    folder = Path(tempfile.mkdtemp(prefix="postroom-s3-"))
    log = folder / "log"
    try:
        port = processes.free_block(4)
        with log.open("wb") as out:
            process = subprocess.Popen(
                [PYTHON, SERVE, folder, str(port)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        watcher = processes.kill_when_we_die(process.pid, signal.SIGTERM)
        try:
            processes.wait_until(lambda: b"ready" in log.read_bytes(), "Swift", process=process, log=str(log))
            server = S3(port, folder)
            try:
                yield server
            finally:
                server.close()
        finally:
            processes.end(process)
            processes.release(watcher)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
