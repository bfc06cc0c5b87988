"""PostPress's users: people as a network shows them to an account. Nothing of it is kept here."""

from postroom.dialects.operation import Operation, Parameter
from postroom.dialects.postpress import people, rows
from postroom.dialects.request import Request
from postroom.errors import ErrorCode, InvalidParameters
from postroom.services.house import Services

MOST_RELATIONS = 1000


async def retrieve_own_profile(services: Services, request: Request) -> people.AccountOwnerProfile:
    account = await services.accounts.get(request.caller, _account_id(request))
    return people.own_profile(account.provider, await services.people.me(request.caller, account.id))


async def retrieve_profile(services: Services, request: Request) -> people.UserProfile:
    account = await services.accounts.get(request.caller, _account_id(request))
    person = await services.people.profile(request.caller, account.id, request.path["identifier"])
    return people.profile(account.provider, person)


async def list_relations(services: Services, request: Request) -> people.UserRelationsList:
    request.integer("limit", rows.USUAL, 1, MOST_RELATIONS)
    account = await services.accounts.get(request.caller, _account_id(request))
    words, cursor = request.text("filter"), request.text("cursor")
    found = await services.people.relations(request.caller, account.id, words=words, cursor=cursor)
    return people.relations(account.provider, found)


def _account_id(request: Request) -> str:
    account_id = request.text("account_id")
    if account_id is None:
        raise InvalidParameters("account_id is missing.", code=ErrorCode.MISSING_PARAMETERS)
    return account_id


_ACCOUNT = Parameter(name="account_id", summary="The account that asks.", required=True)
_ERRORS = rows.LIST | {501}

OPERATIONS = (
    Operation(
        name="retrieve_own_profile",
        method="GET",
        path="/users/me",
        summary="Retrieve the profile of an account's owner, from the network.",
        docs="What the network does not say is empty.",
        handler=retrieve_own_profile,
        answer=people.AccountOwnerProfile,
        errors=_ERRORS,
        parameters=(_ACCOUNT,),
    ),
    Operation(
        name="list_relations",
        method="GET",
        path="/users/relations",
        summary="List who is connected to an account's owner, from the network, in its own pages.",
        docs="A page may be empty and not the last one: only the cursor says.",
        handler=list_relations,
        answer=people.UserRelationsList,
        errors=_ERRORS,
        parameters=(
            _ACCOUNT,
            Parameter(name="filter", summary="Only those whose name has this."),
            Parameter(name="cursor", summary="Where the page before ended."),
            Parameter(name="limit", summary=f"1 to {MOST_RELATIONS}; the network decides how many come.", kind=int),
        ),
    ),
    Operation(
        name="retrieve_profile",
        method="GET",
        path="/users/{identifier}",
        summary="Retrieve somebody's profile, from the network.",
        docs="What is asked for by `linkedin_sections`, and through other products of LinkedIn, is not shown.",
        handler=retrieve_profile,
        answer=people.UserProfile,
        errors=_ERRORS,
        path_values={"identifier": "The network's id of them, or what stands in the address of their profile."},
        parameters=(_ACCOUNT,),
    ),
)
