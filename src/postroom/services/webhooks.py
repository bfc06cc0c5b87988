"""Webhook endpoints of a user: made, changed, removed. What is sent to them is `deliveries`'."""

import os
import re
from collections.abc import Mapping, Sequence

import msgspec

from postroom.clock import Clock, to_ms
from postroom.connectors.guarded import Guard
from postroom.domain.access import Caller
from postroom.domain.events import EventType
from postroom.domain.pages import Listing, check_limit, decode_cursor, listing
from postroom.domain.webhooks import Format, Vocabulary, WebhookEndpoint, Wishes, new_secret
from postroom.errors import InvalidParameters, Kind, NotFound
from postroom.ids import is_object_id, new_object_id
from postroom.services.events import Events
from postroom.services.spending import counted
from postroom.store import accounts, deliveries, unwritten, webhooks
from postroom.store.database import Database, Tx
from postroom.store.graves import WEBHOOK, Grave
from postroom.store.notify import Notifier

MOST = {Format.POSTPOST: 10, Format.NATIVE: 100, Format.POSTPRESS: 100, Format.CONNECTSAFELY: 100}
"""Endpoints of one user, by format. Source for the first: PostPost "Webhooks" (March 2026)."""

LONGEST_NAME = 200
LONGEST_URL = 2048
MOST_HEADERS = 20
LONGEST_HEADER = 1000
_SECRET_BYTES = 32
_NO_WISHES = Wishes()
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}\Z")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*\Z")
_OURS = """
    host content-length transfer-encoding connection keep-alive te trailer upgrade expect proxy-authorization
    accept-encoding webhook-id webhook-timestamp webhook-signature x-webhook-signature
"""
_OUR_HEADERS = frozenset(_OURS.split())


class _Filters(msgspec.Struct, frozen=True):
    """Nothing to filter by."""


class Webhooks:
    """What a caller may do with the endpoints of the user it acts for. Who names a format sees no others."""

    def __init__(
        self,
        database: Database,
        notifier: Notifier,
        guard: Guard,
        events: Events,
        vocabularies: Mapping[Format, Vocabulary],
        now: Clock,
    ) -> None:
        self._database = database
        self._notifier = notifier
        self._guard = guard
        self._events = events
        self.vocabularies = vocabularies
        """What endpoints of each format can be told of."""
        self._now = now

    async def list(self, caller: Caller, format: Format | None = None) -> Sequence[WebhookEndpoint]:
        """All of them, or those of a format, oldest first."""
        async with self._database.read() as reader:
            found = await webhooks.list_of_user(reader, caller.workspace_id, caller.user_id)
        return [each for each in found if format in (None, each.format)]

    async def page(
        self, caller: Caller, format: Format, *, cursor: str | None = None, limit: int = 100
    ) -> Listing[WebhookEndpoint]:
        """The same, page by page."""
        place = None
        if cursor is not None:
            start = decode_cursor(cursor, _Filters)
            limit, place = start.limit, start.cursor
        check_limit(limit, max(MOST.values()))
        found = await self.list(caller, format)
        rest = [each for each in found if place is None or (each.created_at, each.id) > place]
        return listing(rest[: limit + 1], limit, _Filters(), lambda each: (each.created_at, each.id))

    async def get(self, caller: Caller, endpoint_id: str, format: Format | None = None) -> WebhookEndpoint:
        """Of that format, or of any.

        Raises:
            NotFound: no such endpoint of the user's, or not an id.
        """
        async with self._database.read() as reader:
            found = await webhooks.find(reader, caller.workspace_id, _checked(endpoint_id))
        return _own(found, caller, format)

    async def create(
        self,
        caller: Caller,
        *,
        name: str,
        url: str,
        types: Sequence[EventType],
        format: Format,
        active: bool = True,
        wishes: Wishes = _NO_WISHES,
    ) -> tuple[WebhookEndpoint, str]:
        """Make an endpoint that is told of these types (none: of all) from now on; with its secret, shown this once.

        In PostPost's format it hears of its own user's things. In others the workspace's owner hears of everybody's.

        Raises:
            NotFound: (kind ACCOUNT) an account that it is to be told of is not the caller's.
            InvalidParameters: (kind ADDRESS) the address is not one to call; (kind WEBHOOK) there are too many.
        """
        _check(name, url)
        _check_headers(wishes.headers)
        await self._guard.check(url)
        await self._check_accounts(caller, wishes.account_ids)
        now = self._now()
        position = await self._events.newest(caller)
        endpoint = WebhookEndpoint(
            id=new_object_id(now),
            workspace_id=caller.workspace_id,
            user_id=caller.user_id,
            only_user=caller.user_id if format is Format.POSTPOST else caller.only_user,
            format=format,
            name=name,
            url=url,
            types=tuple(types),
            active=active,
            disabled_reason=None,
            failure_count=0,
            last_failure=None,
            position=position,
            last_attempt_at=None,
            created_at=to_ms(now),
            updated_at=to_ms(now),
            wishes=wishes,
        )
        secret = new_secret(format, os.urandom(_SECRET_BYTES))
        async with self._database.begin() as tx:
            held = await webhooks.list_of_user(tx, caller.workspace_id, caller.user_id)
            if sum(each.format is format for each in held) >= MOST[format]:
                raise InvalidParameters(f"Maximum of {MOST[format]} webhooks per user", kind=Kind.WEBHOOK)
            await webhooks.add(tx, endpoint, secret)
            self._wake(tx)
        return endpoint, secret

    async def create_named(
        self,
        caller: Caller,
        *,
        name: str,
        url: str,
        format: Format,
        source: str = "",
        events: Sequence[str] = (),
        account_ids: Sequence[str] = (),
    ) -> tuple[WebhookEndpoint, str]:
        """Make an endpoint that is told of these events, by the names of its format. In ours, none means all.

        Raises:
            NotFound: (kind ACCOUNT) an account that it is to be told of is not the caller's.
            InvalidParameters: there is no such source or event; or what `create` says.
        """
        known = self.vocabularies[format].get(source)
        if known is None or any(each not in known for each in events):
            raise InvalidParameters("There is no such event.", kind=Kind.WEBHOOK)
        if not name or not url:
            raise InvalidParameters("An endpoint has a name and a URL.", kind=Kind.WEBHOOK)
        if not events and format is not Format.NATIVE:
            raise InvalidParameters("Choose at least one event.", kind=Kind.WEBHOOK)
        types = list(dict.fromkeys(type for each in events for type in known[each]))
        wishes = Wishes(account_ids=tuple(account_ids))
        if format in (Format.POSTPRESS, Format.CONNECTSAFELY):
            wishes = Wishes(source=source, events=tuple(events), account_ids=tuple(account_ids))
        return await self.create(caller, name=name, url=url, types=types, format=format, wishes=wishes)

    async def update(
        self,
        caller: Caller,
        endpoint_id: str,
        format: Format,
        *,
        name: str | None = None,
        url: str | None = None,
        types: Sequence[EventType] | None = None,
        active: bool | None = None,
        position: int | None = None,
    ) -> WebhookEndpoint:
        """Change what is said. Enabled again it goes on where it stopped, or after `position`.

        Its failures stay counted until a delivery arrives: one that was disabled is after its next failure.

        Raises:
            NotFound: no such endpoint of the user's.
            InvalidParameters: (kind ADDRESS) the address is not one to call; (kind CURSOR) the position is yet to come.
        """
        await self.get(caller, endpoint_id, format)
        _check(name, url)
        if url is not None:
            await self._guard.check(url)
        if position is not None and position > await self._events.newest(caller):
            raise InvalidParameters("The position is ahead of the log.", kind=Kind.CURSOR)
        now = to_ms(self._now())
        async with self._database.begin() as tx:
            found = await webhooks.hold(tx, caller.workspace_id, _checked(endpoint_id))
            endpoint = _own(found, caller, format)
            said = {"name": name, "url": url, "active": active, "position": position}
            changed = msgspec.structs.replace(
                endpoint, updated_at=now, **{key: value for key, value in said.items() if value is not None}
            )
            if types is not None:
                changed = msgspec.structs.replace(changed, types=tuple(types))
            if changed.active:
                changed = msgspec.structs.replace(changed, disabled_reason=None)
            await webhooks.set_endpoint(tx, caller.workspace_id, changed, now)
            self._wake(tx)
        return changed

    @counted
    async def remove(self, caller: Caller, endpoint_id: str, format: Format) -> None:
        """Remove an endpoint and its secret; nothing is sent to it any more, but for what is on its way.

        Raises:
            NotFound: no such endpoint of the user's.
        """
        async with self._database.begin() as tx:
            found = await webhooks.hold(tx, caller.workspace_id, _checked(endpoint_id))
            removed = _own(found, caller, format).id
            await webhooks.remove(tx, caller.workspace_id, removed)
            await deliveries.remove_of_endpoint(tx, caller.workspace_id, removed)
            await unwritten.dig(tx, Grave(caller.workspace_id, WEBHOOK, removed, to_ms(self._now())))
        await self._database.keyring.graves.settled()

    async def regenerate_secret(self, caller: Caller, endpoint_id: str, format: Format) -> str:
        """Make another secret, shown this once; the one before it signs nothing more.

        Raises:
            NotFound: no such endpoint of the user's.
        """
        secret = new_secret(format, os.urandom(_SECRET_BYTES))
        async with self._database.begin() as tx:
            found = await webhooks.hold(tx, caller.workspace_id, _checked(endpoint_id))
            endpoint = _own(found, caller, format)
            await webhooks.set_secret(tx, caller.workspace_id, endpoint.id, secret, to_ms(self._now()))
        return secret

    async def _check_accounts(self, caller: Caller, account_ids: Sequence[str]) -> None:
        async with self._database.read() as reader:
            for account_id in account_ids:
                user_id = await accounts.find_user(reader, caller.workspace_id, account_id)
                if user_id is None or caller.only_user not in (None, user_id):
                    raise NotFound("No such account.", kind=Kind.ACCOUNT)

    def _wake(self, tx: Tx) -> None:
        tx.on_commit(lambda: self._notifier.wake("webhooks"))


def _checked(endpoint_id: str) -> str:
    if not is_object_id(endpoint_id):
        raise NotFound("Not a webhook's id.", kind=Kind.WEBHOOK)
    return endpoint_id.lower()


def _own(found: WebhookEndpoint | None, caller: Caller, format: Format | None) -> WebhookEndpoint:
    if found is None or found.user_id != caller.user_id or format not in (None, found.format):
        raise NotFound("No such webhook.", kind=Kind.WEBHOOK)
    return found


def _check(name: str | None, url: str | None) -> None:
    if name is not None and len(name) > LONGEST_NAME:
        raise InvalidParameters(f"A name has at most {LONGEST_NAME} characters.", kind=Kind.WEBHOOK)
    if url is not None and len(url) > LONGEST_URL:
        raise InvalidParameters(f"A URL has at most {LONGEST_URL} characters.", kind=Kind.ADDRESS)


def _check_headers(headers: Sequence[tuple[str, str]]) -> None:
    if len(headers) > MOST_HEADERS:
        raise InvalidParameters(f"At most {MOST_HEADERS} headers are sent along.", kind=Kind.WEBHOOK)
    for name, value in headers:
        if not _HEADER_NAME.match(name) or not _HEADER_VALUE.match(value) or len(value) > LONGEST_HEADER:
            raise InvalidParameters("A header has a name, and a value of printable ASCII.", kind=Kind.WEBHOOK)
        if name.lower() in _OUR_HEADERS:
            raise InvalidParameters(f"The header {name} is not the receiver's to choose.", kind=Kind.WEBHOOK)
