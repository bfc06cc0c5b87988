"""People, as the networks show them to an account: asked for each time, and kept nowhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from postroom.connectors.contract import Directory
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.chats import Chat
from postroom.domain.pages import Cursor, Listing, decode_cursor
from postroom.domain.people import Person
from postroom.domain.remote import RemoteChat
from postroom.errors import InvalidParameters, Kind, NotFound, NotImplementedHere
from postroom.services.connections import Connections
from postroom.store import accounts, chats
from postroom.store.database import Database


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, and the chat that the account has with them."""

    person: Person
    remote: RemoteChat | None
    """At the network; None: there is none."""
    chat: Chat | None
    """The same, where it is held here already."""


class _Filters(msgspec.Struct, frozen=True, kw_only=True):
    account_id: str
    words: str | None


class People:
    """What a network shows an account of its people."""

    def __init__(self, database: Database, connections: Connections) -> None:
        self._database = database
        self._connections = connections

    async def me(self, caller: Caller, account_id: str) -> Person:
        """The account's owner.

        Raises:
            NotFound: no such account in the caller's workspace.
            NotImplementedHere: nothing is known here about this network's people.
        """
        async with self._directory(await self._account(caller, account_id)) as directory:
            return await directory.own_person()

    async def profile(self, caller: Caller, account_id: str, identifier: str) -> Person:
        """Somebody, by any of the network's names of them.

        Raises:
            NotFound: no such account; (kind ATTENDEE) the network shows nobody of that name.
            NotImplementedHere: nothing is known here about this network's people.
        """
        async with self._directory(await self._account(caller, account_id)) as directory:
            return await directory.person(identifier)

    async def relations(
        self, caller: Caller, account_id: str, *, words: str | None = None, cursor: str | None = None
    ) -> Listing[Person]:
        """Who is connected to the account's owner, in the network's own pages; one may be empty and not the last.

        Raises:
            NotFound: no such account.
            NotImplementedHere: nothing is known here about this network's people.
        """
        place = None
        if cursor is not None:
            start = decode_cursor(cursor, _Filters)
            if start.filters.account_id != account_id:
                raise InvalidParameters("The cursor is another account's.", kind=Kind.CURSOR)
            words, place = start.filters.words, start.cursor[1]
        async with self._directory(await self._account(caller, account_id)) as directory:
            page = await directory.relations(place, words=words)
        if page.next is None:
            return Listing(items=page.items, next=None)
        filters = _Filters(account_id=account_id, words=words)
        return Listing(items=page.items, next=Cursor(filters=filters, limit=1, cursor=(0, page.next)).encode())

    async def known(self, caller: Caller, account_id: str, identifier: str) -> Known:
        """Somebody, and whether there is a chat with them. Two calls.

        Raises:
            NotFound: no such account; (kind ATTENDEE) the network shows nobody of that name.
            NotImplementedHere: nothing is known here about this network's people.
        """
        account = await self._account(caller, account_id)
        async with self._directory(account) as directory:
            person = await directory.person(identifier)
            remote = await directory.find_chat(person.provider_id)
        held = None
        if remote is not None:
            async with self._database.read() as reader:
                held = await chats.find_by_key(reader, account.workspace_id, account.id, remote.key)
        return Known(person=person, remote=remote, chat=held)

    async def _account(self, caller: Caller, account_id: str) -> Account:
        async with self._database.read() as reader:
            account = await accounts.find(reader, caller.workspace_id, account_id)
        if account is None or caller.only_user not in (None, account.user_id):
            raise NotFound("No such account.", kind=Kind.ACCOUNT)
        return account

    @asynccontextmanager
    async def _directory(self, account: Account) -> AsyncIterator[Directory]:
        async with self._connections.opened(account) as connection:
            if not isinstance(connection, Directory):
                raise NotImplementedHere(f"Nothing is known here about the people of {account.provider}.")
            yield connection
