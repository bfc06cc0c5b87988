"""Fittings: what a post group's owner should know before it goes out, of each platform that it is for."""

from collections.abc import Sequence

import msgspec

from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.capabilities import Publishing
from postroom.domain.fitting import Misfit, Problem, longest_text, problems
from postroom.domain.media import MediaItem
from postroom.domain.posts import GroupStatus, PostGroup
from postroom.domain.texts import parts, text_length
from postroom.services.connections import Connections
from postroom.store import accounts, media
from postroom.store.database import Database

_MOST_ACCOUNTS = 1000


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One post of a thread, or the only one, as it would go out."""

    text: str
    length: int
    """As the network counts."""
    most: int


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a text and its files would become at one account."""

    account: Account
    limits: Publishing
    parts: Sequence[Part]
    problems: Sequence[Problem]
    unpublish: bool
    """Whether the network takes it down when it is asked."""
    unpublish_flows: frozenset[str]
    """Where it does so only for accounts that were linked in one of these ways."""

    @property
    def platform_id(self) -> str:
        return f"{self.account.provider}-{self.account.provider_id}"


class Fittings:
    """Looks at post groups as the networks will."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections

    def limits(self) -> dict[str, Publishing]:
        """What the networks that take posts take, by name."""
        networks = self._connections.connectors().items()
        return {name: limits for name, each in networks if (limits := each.capabilities.publish) is not None}

    async def targets(self, caller: Caller) -> Sequence[Account]:
        """The accounts of the user's that take posts, by network and name."""
        limits = self.limits()
        async with self._database.read() as reader:
            found = await accounts.list_page(reader, caller.workspace_id, user_id=caller.user_id, limit=_MOST_ACCOUNTS)
        taken = [each for each in found if each.takes_posts and each.provider in limits]
        return sorted(taken, key=lambda each: (each.provider, each.profile.name or each.profile.username or ""))

    async def previews(
        self, caller: Caller, content: str, platforms: Sequence[str], files: Sequence[MediaItem]
    ) -> Sequence[Preview]:
        """How this would go out to each of these accounts (`<platform>-<id>`). Ids of no account are left out."""
        limits = self.limits()
        networks = self._connections.connectors()
        held = {f"{each.provider}-{each.provider_id}": each for each in await self.targets(caller)}
        return [
            Preview(
                account=account,
                limits=taken,
                parts=_parts(content, taken, with_media=bool(files)),
                problems=list(problems(platform_id, content, files, taken)),
                unpublish=powers.takes_down(account.flow),
                unpublish_flows=powers.unpublish_flows,
            )
            for platform_id in platforms
            if (account := held.get(platform_id)) is not None
            for taken, powers in ((limits[account.provider], networks[account.provider].capabilities),)
        ]

    async def problems(self, caller: Caller, group: PostGroup) -> Sequence[Problem]:
        """Why the group will not go out as it stands. A draft may still be given what it needs: that is no problem."""
        limits = self.limits()
        found: list[Problem] = []
        async with self._database.read() as reader:
            held = await media.list_of_groups(reader, caller.workspace_id, [group.id])
            for platform_id in group.platforms:
                platform, _, raw_id = platform_id.partition("-")
                if platform not in limits:
                    found.append(Problem(code=Misfit.PLATFORM_NOT_SUPPORTED, platform_id=platform_id))
                    continue
                account = await accounts.find_by_provider_id(
                    reader, caller.workspace_id, caller.user_id, platform, raw_id
                )
                if account is None or not account.takes_posts:
                    found.append(Problem(code=Misfit.INVALID_PLATFORM_CONNECTION, platform_id=platform_id))
                found += problems(platform_id, group.content, held.get(group.id, []), limits[platform])
        lacking = (Misfit.MEDIA_REQUIRED, Misfit.VIDEO_REQUIRED)
        return [each for each in found if group.status is not GroupStatus.DRAFT or each.code not in lacking]


def _parts(content: str, limits: Publishing, *, with_media: bool) -> list[Part]:
    most = longest_text(limits, with_media=with_media)
    return [Part(text=text, length=text_length(text, limits.measure), most=most) for text in parts(content, limits)]
