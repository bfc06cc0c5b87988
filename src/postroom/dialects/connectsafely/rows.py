"""What the rows of ConnectSafely's table have in common: the statuses that its pages list, parameters, and small readings."""

import re
from collections.abc import Sequence

from postroom.dialects.connectsafely import wire
from postroom.dialects.operation import Parameter
from postroom.dialects.request import Request
from postroom.domain.access import Caller
from postroom.domain.accounts import Account
from postroom.domain.chats import Chat
from postroom.errors import InvalidParameters
from postroom.services.house import Services

MOST = 250

PAGE = frozenset({400, 401, 404, 500})
"""What every page lists."""

ACCOUNT_ID = Parameter(name="accountId", summary="The LinkedIn account; if not said, the one used last.")
CONVERSATION = {"conversationUrn": "The conversation's URN in any of its spellings, percent-encoded."}
MESSAGE = CONVERSATION | {"messageUrn": "The message's URN in any of its spellings, percent-encoded."}
ACCOUNT = {"accountId": "The account's id."}

_MILLISECONDS = re.compile(r"[0-9]{1,15}\Z")


async def accounts_of(services: Services, caller: Caller) -> Sequence[Account]:
    """All LinkedIn accounts of the caller's that have chats."""
    held: list[Account] = []
    cursor = None
    while True:
        found = await services.accounts.list(caller, provider=wire.PROVIDER, cursor=cursor, limit=MOST)
        held += [account for account in found.items if account.has_chats]
        cursor = found.next
        if cursor is None:
            return held


async def account_of(services: Services, caller: Caller, account_id: str | None) -> Account:
    """The account that is meant: the named one, else the one used last.

    Raises:
        NotFound: (kind ACCOUNT) it is not here, or there is none at all.
    """
    return wire.chosen(await accounts_of(services, caller), [account_id] if account_id else [])[0]


async def chat_of(services: Services, request: Request, urn: str, account_id: str | None = None) -> Chat:
    """The conversation that a URN names, as an account that holds it has it.

    Raises:
        NotSupported: it is one of Sales Navigator's.
        InvalidParameters: (kind URN) it is no conversation's.
        NotFound: (kind CHAT) no account of the caller's holds it; (kind ACCOUNT) no such account.
    """
    wire.check_channel(urn)
    return await services.chats.find_by_key(request.caller, wire.PROVIDER, urn, account_id)


async def person_of(services: Services, caller: Caller, account: Account, spelling: str) -> str:
    """LinkedIn's id of a person, by their URN, by that id, or by the name in the address of their page.

    LinkedIn is asked only about those whom the account has not met in a conversation.

    Raises:
        NotFound: (kind ATTENDEE) LinkedIn shows nobody of that name.
    """
    bare = wire.bare_profile(spelling)
    if wire.is_profile_id(bare):
        return bare
    found = await services.outreach.known(account, bare)
    if found is not None:
        return found.provider_id
    return (await services.people.profile(caller, account.id, bare)).provider_id


def moment(request: Request, name: str) -> int | None:
    """This query value as milliseconds since 1970."""
    value = request.text(name)
    if value is None:
        return None
    if not _MILLISECONDS.match(value):
        raise InvalidParameters(f"{name} must be milliseconds since 1970.")
    return int(value)
