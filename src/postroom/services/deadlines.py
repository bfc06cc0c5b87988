"""Until when a message can be deleted: the answer of the rule that a recall goes by, from the networks' declared limits."""

from collections.abc import Callable, Sequence

from postroom.clock import Clock, to_ms
from postroom.domain.accounts import AccountStatus
from postroom.domain.capabilities import Capabilities
from postroom.domain.deletions import Deletion, deletion
from postroom.domain.messages import Message
from postroom.store import accounts
from postroom.store.database import Database, Reader


class Deadlines:
    """What can be deleted now. `powers`: what the network of a name can do."""

    def __init__(self, database: Database, powers: Callable[[str], Capabilities], now: Clock) -> None:
        self._database = database
        self._powers = powers
        self._now = now

    async def of(self, workspace_id: str, found: Sequence[Message]) -> list[Deletion]:
        """For each of these messages of the workspace, in their order."""
        async with self._database.read() as reader:
            return await self.within(reader, workspace_id, found)

    async def within(self, reader: Reader, workspace_id: str, found: Sequence[Message]) -> list[Deletion]:
        """The same for who is reading already."""
        now = to_ms(self._now())
        statuses: dict[str, AccountStatus] = {}
        answers = []
        for message in found:
            powers = self._powers(message.provider)
            answer = deletion(message, powers, AccountStatus.CONNECTED, now)
            if answer.can_delete:
                # Only of what could be deleted is it asked how its account is.
                status = statuses.get(message.account_id)
                if status is None:
                    held = await accounts.find_status(reader, workspace_id, message.account_id)
                    status = statuses[message.account_id] = held or AccountStatus.UNLINKING
                answer = deletion(message, powers, status, now)
            answers.append(answer)
        return answers
