"""The pages at which managed users link their accounts: given out, looked up, expired."""

import secrets
from base64 import urlsafe_b64encode
from datetime import timedelta

from postroom.clock import Clock, to_ms
from postroom.domain.access import EVERYDAY_SCOPES, Caller, ManagedUser
from postroom.errors import Kind, NotFound
from postroom.services.access import Access
from postroom.store import access
from postroom.store.database import Database

LONGEST = timedelta(days=36_500)


class ManagedUsers:
    """What a workspace's owner does with the users it acts for, beyond what `Access` knows of them."""

    def __init__(self, database: Database, keys: Access, now: Clock, *, public_url: str) -> None:
        self._database = database
        self._keys = keys
        self._now = now
        self._public_url = public_url.rstrip("/")

    async def issue_key(self, caller: Caller, user_id: str) -> str:
        """The user's one key, made anew: the one before ends. It may do what the caller's may, for that user alone.

        Raises:
            NotPermitted: the caller manages nobody, or its key has a budget of deletions, and would get round it.
            NotFound: no such managed user.

        Source: PostPost "Workspace" (March 2026).
        """
        self._keys.require_owner(caller)
        self._keys.require_unbudgeted(caller)
        scopes = caller.scopes & EVERYDAY_SCOPES
        _, secret = await self._keys.issue_key(caller.workspace_id, "Per-user key", scopes, user_id, per_user=True)
        return secret

    async def page(self, caller: Caller, user_id: str, lives: timedelta, *, rotate: bool) -> ManagedUser:
        """The user with a page: the one it has, while that lives, or (`rotate`, and where there is none) a fresh one.

        Raises:
            NotPermitted: the caller manages nobody.
            NotFound: no such managed user.
        """
        self._keys.require_owner(caller)
        now = self._now()
        async with self._database.begin() as tx:
            user = await access.hold_managed_user(tx, caller.workspace_id, user_id)
            if user is None:
                raise NotFound("No such managed user.", kind=Kind.MANAGED_USER)
            if rotate or self.page_url(user) is None:
                nonce = secrets.token_hex(16)
                page_hash = tx.keyring.hash(_hashed(self._token(user, nonce)))
                expires_at = to_ms(now + min(lives, LONGEST))
                await access.set_page(
                    tx, caller.workspace_id, user_id, nonce=nonce, page_hash=page_hash, expires_at=expires_at
                )
                user = await access.hold_managed_user(tx, caller.workspace_id, user_id)
        assert user is not None
        return user

    def page_url(self, user: ManagedUser) -> str | None:
        """Where the user links accounts. None: nowhere, or no more."""
        if user.page_nonce is None or user.page_expires_at is None or user.page_expires_at <= to_ms(self._now()):
            return None
        return f"{self._public_url}/connect/{self._token(user, user.page_nonce)}"

    async def visitor(self, token: str) -> tuple[ManagedUser, Caller]:
        """Whose page this is, and the caller who acts there: that user, who may link and see, and nothing else.

        Raises:
            NotFound: the token was never given out, was replaced, has expired, or its user was detached.
        """
        async with self._database.read() as reader:
            found = await access.find_by_page(reader, reader.keyring.hash(_hashed(token)))
        if found is None or self.page_url(found[0]) is None:
            raise NotFound("No such page: its address was replaced, or has expired.", kind=Kind.MANAGED_USER)
        user, workspace = found
        return user, self._keys.guest(workspace, user)

    def _token(self, user: ManagedUser, nonce: str) -> str:
        # Derived, so that it can be shown again: what is stored opens nothing without the master key.
        made = self._database.keyring.hash(f"page\n{user.workspace_id}\n{user.id}\n{nonce}")
        return urlsafe_b64encode(made).rstrip(b"=").decode()


def _hashed(token: str) -> str:
    return f"page token\n{token}"
