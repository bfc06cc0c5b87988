"""The people in chats: listed, read, and seen."""

from collections.abc import AsyncIterator, Sequence

import msgspec

from postroom.connectors.contract import MediaHost
from postroom.connectors.http import Http
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.chats import Attendee
from postroom.domain.pages import Listing, check_limit, decode_cursor, listing
from postroom.domain.remote import Download
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotFound
from postroom.ids import is_id
from postroom.services.access import seen_accounts, sees
from postroom.services.connections import Connections
from postroom.store import accounts, attendees, chats
from postroom.store.database import Database, Reader

MOST = 250
_GONE = "There is no such person in a chat."
_NO_PICTURE = "There is no picture of them."


class _Filters(msgspec.Struct, frozen=True, kw_only=True):
    account_id: str | None


class Attendees:
    """What a caller may see of the people whom its accounts know."""

    def __init__(self, database: Database, connections: Connections, guarded: Http) -> None:
        """`guarded` is the way out to addresses that others gave: pictures are where a network says they are."""
        self._database = database
        self._connections = connections
        self._guarded = guarded

    async def list(
        self, caller: Caller, *, account_id: str | None = None, cursor: str | None = None, limit: int = 100
    ) -> Listing[Attendee]:
        """All of them, those who became known last first."""
        place = None
        if cursor is not None:
            start = decode_cursor(cursor, _Filters)
            account_id, limit, place = start.filters.account_id, start.limit, start.cursor
        check_limit(limit, MOST)
        async with self._database.read() as reader:
            found = await attendees.list_page(
                reader,
                caller.workspace_id,
                account_ids=await seen_accounts(reader, caller, None if account_id is None else [account_id]),
                after=None if place is None else place[1],
                limit=limit + 1,
            )
        return listing(found, limit, _Filters(account_id=account_id), lambda attendee: (0, attendee.id))

    async def get(self, caller: Caller, attendee_id: str, account_id: str | None = None) -> Attendee:
        """One of them; with `account_id` the network's id will do.

        Raises:
            NotFound: (kind ATTENDEE) no account that the caller sees knows them.
        """
        if account_id is None and not is_id("att", attendee_id):
            raise NotFound("Not a person's id.", code=ErrorCode.INVALID_RESOURCE_IDENTIFIER, kind=Kind.ATTENDEE)
        async with self._database.read() as reader:
            found = await _found(reader, caller, attendee_id, account_id)
        if not found:
            raise NotFound(_GONE, kind=Kind.ATTENDEE)
        return found[0]

    async def named(self, caller: Caller, ids: Sequence[str]) -> Sequence[Attendee]:
        """Everybody who has one of these ids, ours or a network's; a person may be known to several accounts.

        Raises:
            NotFound: (kind ATTENDEE) one that is shaped like ours is nobody's.
        """
        people: list[Attendee] = []
        async with self._database.read() as reader:
            for each in ids:
                found = await _found(reader, caller, each, None)
                if not found and is_id("att", each):
                    raise NotFound(_GONE, kind=Kind.ATTENDEE)
                people += found
        return people

    async def provider_ids(self, caller: Caller, account_id: str, ids: Sequence[str]) -> Sequence[str]:
        """The network's ids of people whom this account knows; what is no id of ours is the network's already.

        Raises:
            NotFound: (kind ATTENDEE) the account knows nobody of that id.
        """
        return [(await self.get(caller, each, account_id)).provider_id if is_id("att", each) else each for each in ids]

    async def picture(self, caller: Caller, id: str) -> Download:
        """The picture of a person; of a chat of two, that of the other one. As their account sees it, where it has to.

        Raises:
            NotFound: (kind ATTENDEE) nobody has this id; or there is no picture, or not any more.
            ProviderDown: the network did not give it.
        """
        person = await self._depicted(caller, id)
        url = person.content.picture_url
        async with self._database.read() as reader:
            account = await accounts.find(reader, caller.workspace_id, person.account_id)
        if url is None or account is None:
            raise NotFound(_NO_PICTURE, kind=Kind.ATTENDEE)
        try:
            async with self._connections.opened(account) as connection:
                found = await (
                    connection.open_media(url) if isinstance(connection, MediaHost) else self._public(account, url)
                )
        except (NotFound, InvalidParameters) as error:
            raise NotFound(_NO_PICTURE, kind=Kind.ATTENDEE) from error
        if not found.content_type.startswith("image/"):
            raise NotFound(_NO_PICTURE, kind=Kind.ATTENDEE)
        return found

    async def _public(self, account: Account, url: str) -> Download:
        http = await self._connections.by_proxy(account, self._guarded)
        answer = await http.read("picture", "get", url, headers={})
        if answer.status != 200:
            raise NotFound(_NO_PICTURE, kind=Kind.ATTENDEE)
        content_type = answer.headers.get("content-type", "")
        return Download(content_type=content_type, size_bytes=len(answer.body), chunks=_whole(answer.body))

    async def _depicted(self, caller: Caller, id: str) -> Attendee:
        if not is_id("chat", id):
            return await self.get(caller, id)
        async with self._database.read() as reader:
            chat = await chats.find(reader, caller.workspace_id, id)
            if chat is None or not await sees(reader, caller, chat.account_id):
                raise NotFound(_GONE, kind=Kind.ATTENDEE)
            people = await attendees.list_attendees(reader, caller.workspace_id, chat.id)
        for person in people:
            if person.provider_id == chat.attendee_provider_id:
                return person
        raise NotFound(_NO_PICTURE, kind=Kind.ATTENDEE)


async def _found(reader: Reader, caller: Caller, id: str, account_id: str | None) -> Sequence[Attendee]:
    seen = await seen_accounts(reader, caller, None if account_id is None else [account_id])
    named = {"attendee_id" if is_id("att", id) else "provider_id": id}
    return await attendees.find_by_id(reader, caller.workspace_id, account_ids=seen, **named)


async def _whole(data: bytes) -> AsyncIterator[bytes]:
    yield data
