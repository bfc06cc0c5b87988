"""Sessions whose tokens end: renewed once for all who wait, and kept before they are used."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from postroom.clock import Clock, now, to_ms
from postroom.connectors.contract import Keep
from postroom.domain.remote import Credentials
from postroom.errors import CredentialsRejected, ErrorCode

T = TypeVar("T")

Renew = Callable[[Credentials], Awaitable[Credentials | None]]
"""Asks the network for new credentials in the place of these. None: not now, and the old ones are good for a while."""


def has_expired(error: CredentialsRejected) -> bool:
    """Whether a refusal means that the token ended, and not that the owner's approval did."""
    return error.code is ErrorCode.EXPIRED_CREDENTIALS


class Session:
    """The credentials of one account while it is open, renewed where they can be."""

    def __init__(
        self,
        credentials: Credentials,
        keep: Keep,
        renew: Renew,
        *,
        now: Clock = now,
        token: str = "access_token",
        by: str = "refresh_token",
        early: timedelta | None = None,
        is_over: Callable[[CredentialsRejected], bool] = has_expired,
    ) -> None:
        """`token` names the value to call with, and `by` the one without which there is no renewing.

        `early`: how long before its end a token is renewed without being tried; None: when it is refused. `is_over`:
        which refusals come of a token that ended. Whatever is refused so did nothing.
        """
        self._credentials = credentials
        self._keep = keep
        self._renew = renew
        self._now = now
        self._name = token
        self._by = by
        self._early = early
        self._is_over = is_over
        self._renewing = asyncio.Lock()

    @property
    def values(self) -> Mapping[str, str]:
        """The credentials as they are now."""
        return self._credentials.values

    async def token(self) -> str:
        """The token to call with; where it is time, a new one.

        Raises:
            CredentialsRejected: it cannot be renewed any more.
        """
        if self._is_due():
            await self._renewed(self._token)
        return self._token

    async def call(self, ask: Callable[[str], Awaitable[T]]) -> T:
        """Ask with the token; one that has ended did nothing, so it is renewed, and asked with once more.

        Raises:
            CredentialsRejected: it cannot be renewed any more.
        """
        used = self._token
        if not self._is_due():
            try:
                return await ask(used)
            except CredentialsRejected as error:
                if not self._is_over(error) or self._by not in self.values:
                    raise
        await self._renewed(used)
        return await ask(self._token)

    @property
    def _token(self) -> str:
        return self.values[self._name]

    def _is_due(self) -> bool:
        ends_at = self._credentials.expires_at
        if ends_at is None or self._early is None or self._by not in self.values:
            return False
        return to_ms(self._now() + self._early) >= ends_at

    async def _renewed(self, used: str) -> None:
        """Renew, unless somebody just did. What is new is kept before it is used: the old ends with it, at some."""
        async with self._renewing:
            if self._token != used:
                return
            renewed = await self._renew(self._credentials)
            if renewed is not None:
                await self._keep(renewed)
                self._credentials = renewed
