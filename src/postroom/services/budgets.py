"""Rate budgets: what a network takes in a time is counted before it is called, so that nobody is called in vain."""

from datetime import timedelta

from postroom.domain.accounts import Account
from postroom.domain.capabilities import Publishing
from postroom.domain.jobs import Holds, Retry
from postroom.errors import ErrorCode, ProviderError, Unavailable
from postroom.store import rates
from postroom.store.database import Tx


async def spend(tx: Tx, account: Account, limits: Publishing, now: int) -> Retry | None:
    """Count a post that is about to be made; or, where the budget is used up, until when who is to rest."""
    for budget in sorted(limits.budgets, key=lambda budget: budget.of_network):
        scope = account.provider if budget.of_network else account.id
        until = await rates.spend(tx, scope, int(budget.period.total_seconds()), budget.posts, now)
        if until is not None:
            return Retry(
                after=timedelta(milliseconds=until - now),
                reason=ErrorCode.TOO_MANY_REQUESTS,
                holds=Holds.PROVIDER if budget.of_network else Holds.LOCK,
            )
    return None


def holds(error: ProviderError | Unavailable) -> Holds:
    """Who has to rest after a network said that it was too much."""
    if error.code is not ErrorCode.TOO_MANY_REQUESTS:
        return Holds.JOB
    return Holds.PROVIDER if error.context.get("scope") == "network" else Holds.LOCK
