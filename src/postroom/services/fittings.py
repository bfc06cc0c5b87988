"""Fittings: what a post group's owner should know before it goes out, of each platform that it is for."""

from collections.abc import Sequence

from postroom.domain.access import Caller
from postroom.domain.capabilities import Publishing
from postroom.domain.fitting import Misfit, Problem, problems
from postroom.domain.posts import GroupStatus, PostGroup
from postroom.services.connections import Connections
from postroom.store import accounts, media
from postroom.store.database import Database


class Fittings:
    """Looks at post groups as the networks will."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections

    def limits(self) -> dict[str, Publishing]:
        """What the networks that take posts take, by name."""
        networks = self._connections.connectors().items()
        return {name: limits for name, each in networks if (limits := each.capabilities.publish) is not None}

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
