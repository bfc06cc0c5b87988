"""Media bytes by key, in a folder or in an object store. A key holds all of its bytes, or is not there."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store, from_url

from postroom.errors import Unavailable

_CHUNK_BYTES = 256 * 1024
_S3_CLIENT = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "1h"}
"""An answer may be long, but it may not stand still: the library's own limit is 30 seconds for all of it."""
_S3_RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=15)}
"""The library's own patience is minutes; ours is a job that tries again, or a client who is told so."""
_PART = re.compile(r"#\d+")
"""How the names of files end that are still being written: no listing shows them."""


class Blobs:
    """A folder, or what a URL such as `s3://bucket/prefix` names.

    `options` are the store's own. For S3: `endpoint`, `region`, `access_key_id`, `secret_access_key`; what is not
    given comes from the usual variables (`AWS_ACCESS_KEY_ID` and so on), or from the machine's role.
    """

    def __init__(self, store_url: str | Path, options: Mapping[str, str] | None = None) -> None:
        """Name the store; a folder is made if it is not there. A bucket is not asked for before it is used.

        Raises:
            Unavailable: there is no such store, or an option is wrong.
        """
        with _unavailable():
            self._folder: Path | None = None
            if isinstance(store_url, Path) or "://" not in store_url:
                self._folder = Path(store_url)
                self._store: Any = LocalStore(self._folder, mkdir=True, automatic_cleanup=True)
            elif store_url.startswith(("s3://", "s3a://")):
                self._store = _s3(store_url, dict(options or {}))
            else:
                given: dict[str, Any] = dict(options or {})
                self._store = from_url(store_url, **given)

    async def put(self, key: str, chunks: AsyncIterator[bytes]) -> int:
        """Keep these bytes, as they come, at the key; how many. If they end in an exception, nothing was kept.

        Raises:
            Unavailable: the store does not take them.
        """
        size = 0
        failure: BaseException | None = None

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size, failure
            try:
                async for chunk in chunks:
                    size += len(chunk)
                    yield bytes(chunk)
            except BaseException as error:
                failure = error
                raise

        try:
            with _unavailable():
                await obstore.put_async(self._store, key, counted(), max_concurrency=2)
        except Unavailable:
            if failure is not None:
                raise failure from None
            raise
        if self._folder is not None:
            # As durable as the row that will speak of it.
            with _unavailable():
                await asyncio.to_thread(_flush, self._folder / key)
        return size

    async def read(self, key: str) -> bytes:
        """All bytes at the key.

        Raises:
            Unavailable: they are not there, or the store does not answer.
        """
        with _unavailable():
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes at the key from `start` to before `end`, piece by piece.

        Raises:
            Unavailable: they are not there, or the store does not answer.
        """
        options: Any = {}
        if end is not None:
            options = {"range": (start, end)}
        elif start:
            options = {"range": {"offset": start}}
        with _unavailable():
            result = await obstore.get_async(self._store, key, options=options)
            async for chunk in result.stream(min_chunk_size=_CHUNK_BYTES):
                yield bytes(chunk)

    async def delete(self, keys: list[str]) -> None:
        """Remove these; what is not there is gone already.

        Raises:
            Unavailable: the store does not answer. Some may be gone; asking again is safe.
        """
        for key in keys:
            with _unavailable(), contextlib.suppress(FileNotFoundError):
                await obstore.delete_async(self._store, key)

    async def sweep(self, prefix: str) -> None:
        """Remove what a process that was killed in the middle of a `put` left under these folders, and emptied folders.

        Nobody may be putting there now. An object store does this by a rule of its own: have it abort uploads in parts
        that were not completed within a day.

        Raises:
            Unavailable: the folder cannot be read. Asking again is safe.
        """
        if self._folder is not None:
            with _unavailable():
                await asyncio.to_thread(_sweep, self._folder / prefix)

    async def list(self, prefix: str = "") -> list[str]:
        """The keys that begin with these folders."""
        found: list[str] = []
        with _unavailable():
            async for batch in obstore.list(self._store, prefix or None):
                found += [meta["path"] for meta in batch]
        return found


def _s3(url: str, options: dict[str, Any]) -> Any:
    # Without encryption only if that is what whoever runs this server wrote: such as for a store on the same machine.
    plain = options.get("endpoint", "").startswith("http://")
    client: Any = {**_S3_CLIENT, **({"allow_http": True} if plain else {})}
    return S3Store.from_url(url, client_options=client, retry_config=_S3_RETRIES, **options)


def _flush(file: Path) -> None:
    for path in (file, file.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(folder: Path) -> None:
    for file in sorted(folder.rglob("*"), reverse=True):
        if _PART.search(file.name) and file.is_file():
            file.unlink(missing_ok=True)
        elif file.is_dir():
            _remove_if_empty(file)
    if folder.is_dir():
        _remove_if_empty(folder)


def _remove_if_empty(folder: Path) -> None:
    # It may hold something, or something may be put there now: then it stays.
    with contextlib.suppress(OSError):
        folder.rmdir()


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    """A store's own failures, as ours."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise Unavailable(f"The media store does not answer: {reason}") from error
