"""A furnished house on each database, and short ways to do with posts and accounts what tests about them do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from postroom.clock import to_ms
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.events import Event, EventType
from postroom.domain.jobs import Job
from postroom.domain.media import MediaKind
from postroom.domain.posts import GroupStatus, Post, PostGroup, PostStatus
from postroom.services.media import UploadAddress
from postroom.services.posts import Change, PostGroupView
from postroom.store import jobs
from tests.pictures import encoded, noise, png
from tests.servers import Built

PICTURE = encoded(noise((12, 10)))
ANOTHER = png()
PNG = "image/png"


async def pieces(content: bytes, size: int = 100) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


class Desk:
    """One user's desk: drafts, pictures, a clock that can be moved, and a worker that works when told to."""

    def __init__(self, built: Built, keys: Callable[[], set[str]] | None = None) -> None:
        """`keys` tells what is in the media store, where that is not the folder in the data folder."""
        self.built = built
        self._keys = keys
        self.house = built.house
        self.services = built.house.services
        self.caller: Caller = built.caller

    # the networks

    async def fault(self, operation: str, network: str = "bluesky", **rule: Any) -> None:
        """The next call of this operation goes wrong; `do` says how."""
        answer = await self.built.sim.post("/_sim/faults", json={"network": network, "operation": operation, **rule})
        assert answer.status_code == 201, answer.text

    async def no_faults(self) -> None:
        await self.built.sim.delete("/_sim/faults")

    async def calls(self, operation: str, network: str = "bluesky") -> int:
        """How often the network was asked for this."""
        found = await self.built.sim.get("/_sim/requests", params={"network": network, "operation": operation})
        return len(found.json()["requests"])

    async def struck(self, operation: str, network: str = "bluesky") -> None:
        """Until a fault has struck a call of this operation."""
        asked = {"network": network, "operation": operation}
        while not any(
            row["fault"] for row in (await self.built.sim.get("/_sim/requests", params=asked)).json()["requests"]
        ):
            await asyncio.sleep(0.02)

    async def live(self) -> list[dict[str, Any]]:
        """The posts that Bluesky shows."""
        return list((await self.built.sim.get("/_sim/network/bluesky/posts")).json()["posts"])

    async def advance(self, seconds: float) -> None:
        await self.built.sim.post("/_sim/clock/advance", json={"seconds": seconds})

    def now_ms(self) -> int:
        return to_ms(self.built.now())

    # posts and files

    async def account(self, provider: str = "bluesky") -> Account:
        return (await self.services.accounts.list(self.caller, provider=provider)).items[0]

    async def draft(self, content: str = "Hello", *, platforms: list[str] | None = None, **named: Any) -> PostGroup:
        return await self.services.posts.create(
            self.caller,
            content=content,
            platforms=platforms or [f"bluesky-{(await self.account()).provider_id}"],
            scheduled_at=named.get("at"),
            platform_settings=named.get("settings", {}),
        )

    async def due(self, content: str = "Hello", **named: Any) -> PostGroup:
        """A post group whose time has come."""
        return await self.draft(content, at=self.now_ms() - 1000, **named)

    async def schedule(self, group: PostGroup, at: int | None = None) -> PostGroup:
        return await self.services.posts.update(
            self.caller, group.id, Change(status=GroupStatus.SCHEDULED, scheduled_at=at or self.now_ms() - 1000)
        )

    async def view(self, group: PostGroup) -> PostGroupView:
        return await self.services.posts.get(self.caller, group.id)

    async def post(self, group: PostGroup) -> Post:
        (found,) = (await self.view(group)).posts
        return found

    async def status(self, group: PostGroup) -> PostStatus:
        return (await self.post(group)).status

    async def address(
        self,
        group: PostGroup,
        name: str = "a.png",
        *,
        alt_text: str = "",
        kind: MediaKind = MediaKind.IMAGE,
        caller: Caller | None = None,
    ) -> UploadAddress:
        return await self.services.media.upload_address(
            caller or self.caller, group.id, file_name=name, content_type=PNG, kind=kind, alt_text=alt_text
        )

    async def upload(
        self, address: UploadAddress, content: bytes = PICTURE, *, content_type: str = PNG, **changed: Any
    ) -> None:
        query = parse_qs(urlsplit(address.upload_url).query)
        await self.services.media.receive(
            changed.get("media_id", address.media_id),
            changed.get("expires", int(query["expires"][0])),
            changed.get("signature", query["signature"][0]),
            content_type,
            changed.get("chunks") or pieces(content, changed.get("piece_bytes", 100)),
        )

    async def attach(self, group: PostGroup, content: bytes = PICTURE, *, alt_text: str = "") -> UploadAddress:
        address = await self.address(group, alt_text=alt_text)
        await self.upload(address, content)
        return address

    async def read(self, address: UploadAddress) -> bytes:
        return await self.read_at(address.file_url)

    async def read_at(self, file_url: str) -> bytes:
        parts = urlsplit(file_url)
        file = await self.services.media.open(parts.path.split("/")[2], parse_qs(parts.query)["signature"][0])
        return b"".join([chunk async for chunk in file.chunks()])

    def files(self) -> set[str]:
        """Everything in the media store, whatever its name."""
        if self._keys is not None:
            return self._keys()
        home = self.built.data / "media"
        return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}

    # the worker

    async def work(self, *, at_most: int = 200) -> int:
        """Do what is due now, as the worker does, one job after the other; how many jobs that were."""
        for count in range(at_most):
            claimed = await self.house.worker._claim(1)
            if not claimed:
                return count
            await self.house.worker._run(claimed[0])
        raise AssertionError("the work has no end")

    async def settle(self) -> None:
        """Do all work of the next hours: retries, and what is purged when upload addresses have expired."""
        for _ in range(60):
            await self.work()
            waiting = "status in ('todo', 'doing') and task <> 'clean_up'"
            ((due,),) = await self.rows(f"select min(scheduled_at) from jobs where {waiting}")
            if due is None or due > self.now_ms() + 3 * 3600 * 1000:
                return
            await self.advance(max(0.0, (due - self.now_ms()) / 1000) + 0.01)
        raise AssertionError("the work has no end")

    async def jobs(self, task: str) -> list[tuple[str, int]]:
        """The status and attempts of every job of this task."""
        found = await self.rows(f"select status, attempts from jobs where task = '{task}' order by id")
        return [(row[0], row[1]) for row in found]

    async def claim(self) -> list[Job]:
        """What another worker would take now."""
        async with self.house.database.begin() as tx:
            return await jobs.claim(tx, "another", self.now_ms(), self.now_ms() + 300_000, 10)

    async def rows(self, sql: str) -> list[Any]:
        async with self.house.database.read() as reader:
            return [tuple(row) for row in await reader.fetch(sql)]

    async def events(self, *types: EventType) -> list[Event]:
        found = await self.services.events.after(self.caller, 0, 1000)
        return [event for event in found if not types or event.type in types]

    async def receipts(self, target_id: str) -> list[dict[str, Any]]:
        found = (await self.services.receipts.list(self.caller, target_id=target_id)).items
        return [dict(receipt.document) for receipt in found]
