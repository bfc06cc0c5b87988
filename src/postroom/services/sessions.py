"""People who signed in to the dashboard with a key: each request asks again whether they still may."""

import re
import secrets
from datetime import timedelta

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller, Session
from postroom.errors import Kind, NotAuthenticated
from postroom.services.access import Access
from postroom.store import sessions
from postroom.store.database import Database

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\Z")


class Sessions:
    """A session never outlives its key: what it may do is looked up at the key each time, and remembered nowhere."""

    def __init__(self, database: Database, access: Access, now: Clock, *, lives: timedelta, sandbox: bool) -> None:
        """`now` is the clock that browsers go by, which is this machine's."""
        self._database = database
        self._access = access
        self._now = now
        self._sandbox = sandbox
        self.lives = lives

    async def begin(self, secret: str) -> str:
        """Sign in with a key; the token of a new session.

        Raises:
            NotAuthenticated: the key is unknown, was revoked, or is not for this server.
        """
        caller = await self._access.resolve(secret)
        now = self._now()
        token = secrets.token_urlsafe(32)
        session = Session(
            workspace_id=caller.workspace_id,
            key_id=caller.key_id,
            created_at=to_ms(now),
            expires_at=to_ms(now + self.lives),
        )
        async with self._database.begin() as tx:
            await sessions.add(tx, session, token)
        return token

    async def resolve(self, token: str) -> Caller:
        """The caller whose session this is.

        Raises:
            NotAuthenticated: there is no such session, it has expired, or (kind KEY) its key is no more.
        """
        if not _TOKEN.match(token):
            raise NotAuthenticated("Sign in with a key.")
        async with self._database.read() as reader:
            found = await sessions.find_by_token(reader, token)
        if found is None:
            raise NotAuthenticated("Sign in with a key.")
        session, key, workspace = found
        if session.expires_at <= to_ms(self._now()):
            raise NotAuthenticated("You were signed in long enough: sign in again.")
        if key is None or key.revoked_at is not None:
            raise NotAuthenticated("The key that you signed in with was revoked.", kind=Kind.KEY)
        if workspace is None or workspace.sandbox is not self._sandbox:
            raise NotAuthenticated("The key's workspace is not here.", kind=Kind.KEY_OWNER)
        return self._access.caller(workspace, key)

    async def end(self, token: str) -> None:
        """Sign out. Doing so again is success."""
        async with self._database.read() as reader:
            found = await sessions.find_by_token(reader, token)
        if found is not None:
            async with self._database.begin() as tx:
                await sessions.remove(tx, found[0].workspace_id, token)

    def form_token(self, token: str) -> str:
        """What the forms of a session's pages carry, and no other site knows. It opens nothing by itself."""
        return self._database.keyring.hash(f"sessions.form\n{token}").hex()
