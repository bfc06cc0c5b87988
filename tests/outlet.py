"""An account of one network, and what tests about publishing there do with it."""

from dataclasses import dataclass
from typing import Any

from postroom import sandbox
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.media import MediaKind
from postroom.domain.posts import PostGroup, PostStatus
from tests.desk import Desk

FILM = b"\x00\x00\x00\x18ftypmp42" + bytes(1000)
LOST = {"commit_then_lose": True}
PUBLISHED = (PostStatus.PUBLISHED, None)


@dataclass
class Outlet:
    """An account, and the desk at which posts for it are made."""

    desk: Desk
    account: Account

    @property
    def platform(self) -> str:
        return f"{self.account.provider}-{self.account.provider_id}"

    async def due(self, text: str = "A moth", *, pictures: int = 0, **named: Any) -> PostGroup:
        group = await self.desk.draft(text, platforms=[self.platform], **named)
        for number in range(pictures):
            await self.desk.attach(group, alt_text=f"Picture {number + 1}")
        return await self.desk.schedule(group)

    async def film(self, text: str = "A moth", **named: Any) -> PostGroup:
        """A post with a video."""
        group = await self.desk.draft(text, platforms=[self.platform], **named)
        address = await self.desk.services.media.upload_address(
            self.desk.caller, group.id, file_name="moth.mp4", content_type="video/mp4", kind=MediaKind.VIDEO
        )
        await self.desk.upload(address, FILM, content_type="video/mp4")
        return await self.desk.schedule(group)

    async def fault(self, operation: str, **rule: Any) -> None:
        await self.desk.fault(operation, self.account.provider, **rule)

    async def calls(self, operation: str) -> int:
        return await self.desk.calls(operation, self.account.provider)

    async def live(self) -> list[dict[str, Any]]:
        answer = await self.desk.built.sim.get(f"/_sim/network/{self.account.provider}/posts")
        return list(answer.json()["posts"])

    async def ends(self, group: PostGroup) -> tuple[PostStatus, str | None]:
        await self.desk.settle()
        post = (await self.desk.view(group)).posts[0]
        return post.status, None if post.error is None else post.error.code

    async def status(self) -> AccountStatus:
        return (await self.desk.services.accounts.get(self.desk.caller, self.account.id)).status


async def link(desk: Desk, provider: str, login: str = "user_good", flow: str = "oauth", **answers: str) -> Outlet:
    """Link an account of a simulated network whose owner approves at its page."""
    return Outlet(desk, await sandbox.link(desk.house, desk.caller, provider, flow, {"login": login, **answers}))
