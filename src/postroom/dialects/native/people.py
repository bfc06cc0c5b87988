"""The people of our own API: those in chats, as they are held here, and anybody, as a network shows them."""

import msgspec

from postroom.dialects.native.chats import PAGE
from postroom.dialects.native.messages import CHAT_ID, MOST
from postroom.dialects.native.wire_accounts import moment
from postroom.dialects.operation import Operation, Parameter, Streamed
from postroom.dialects.request import Request
from postroom.domain import people
from postroom.domain.chats import Attendee
from postroom.domain.pages import Listing
from postroom.services.house import Services

_LIST = frozenset({400, 401, 403, 500, 503})
_ONE = _LIST | {404}
_NETWORK = _ONE | {409, 422, 501, 502, 504}


class Person(msgspec.Struct, kw_only=True):
    """Somebody in a chat, as one account sees them."""

    id: str
    account_id: str
    provider: str
    provider_id: str
    """The network's id, by which messages name their sender."""
    name: str
    kind: str
    """member, organization or other."""
    is_self: bool
    """Whether it is the account's own."""
    headline: str | None
    profile_url: str | None
    picture: bool
    """Whether there is a picture to be had."""
    distance: int | None
    """1, 2, 3; 4: out of network; -1: not known; null where the network has no such thing."""


class People(msgspec.Struct, kw_only=True):
    items: list[Person]
    cursor: str | None


class Profile(msgspec.Struct, kw_only=True):
    """Somebody, as the network shows them to an account now. Nothing of it is kept; null is what it does not show."""

    provider_id: str
    username: str | None
    name: str
    headline: str | None
    summary: str | None
    location: str | None
    picture_url: str | None
    profile_url: str | None
    distance: int | None
    connected_at: str | None


class Profiles(msgspec.Struct, kw_only=True):
    items: list[Profile]
    cursor: str | None


async def list_people(services: Services, request: Request) -> People:
    found = await services.attendees.list(
        request.caller,
        account_id=request.text("account_id"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", 100, 1, MOST),
    )
    return People(items=[_person(each) for each in found.items], cursor=found.next)


async def list_chat_people(services: Services, request: Request) -> People:
    found = await services.chats.attendees(request.caller, request.path["id"])
    return People(items=[_person(each) for each in found], cursor=None)


async def get_person(services: Services, request: Request) -> Person:
    return _person(await services.attendees.get(request.caller, request.path["id"]))


async def get_person_picture(services: Services, request: Request) -> Streamed:
    picture = await services.attendees.picture(request.caller, request.path["id"])
    return Streamed(content_type=picture.content_type, size_bytes=picture.size_bytes, chunks=picture.chunks)


async def get_profile(services: Services, request: Request) -> Profile:
    id, name = request.path["id"], request.path["name"]
    if name == "me":
        return _profile(await services.people.me(request.caller, id))
    return _profile(await services.people.profile(request.caller, id, name))


async def list_relations(services: Services, request: Request) -> Profiles:
    found: Listing[people.Person] = await services.people.relations(
        request.caller, request.path["id"], words=request.text("q"), cursor=request.text("cursor")
    )
    return Profiles(items=[_profile(each) for each in found.items], cursor=found.next)


def _person(found: Attendee) -> Person:
    return Person(
        id=found.id,
        account_id=found.account_id,
        provider=found.provider,
        provider_id=found.provider_id,
        name=found.content.name,
        kind=found.kind,
        is_self=found.is_self,
        headline=found.content.headline,
        profile_url=found.content.profile_url,
        picture=found.content.picture_url is not None,
        distance=found.distance,
    )


def _profile(found: people.Person) -> Profile:
    return Profile(
        provider_id=found.provider_id,
        username=found.username,
        name=found.name,
        headline=found.headline,
        summary=found.summary,
        location=found.location,
        picture_url=found.picture_url,
        profile_url=found.profile_url,
        distance=found.distance,
        connected_at=moment(found.connected_at),
    )


_ACCOUNT_ID = {"id": "The account's id, such as `acc_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}
_PERSON_ID = {"id": "The person's id, such as `att_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."}

OPERATIONS = (
    Operation(
        name="list_people",
        method="GET",
        path="/people",
        summary="List the people in all chats, those who became known last first.",
        handler=list_people,
        answer=People,
        errors=_LIST,
        parameters=(*PAGE, Parameter(name="account_id", summary="Only those whom this account knows.")),
    ),
    Operation(
        name="get_person",
        method="GET",
        path="/people/{id}",
        summary="Get somebody who is in a chat.",
        handler=get_person,
        answer=Person,
        errors=_ONE,
        path_values=_PERSON_ID,
    ),
    Operation(
        name="get_person_picture",
        method="GET",
        path="/people/{id}/picture",
        summary="Get somebody's picture, fetched from where the network says it is; with a chat of two's id, the other's.",
        handler=get_person_picture,
        answer=bytes,
        errors=_NETWORK,
        path_values=_PERSON_ID,
    ),
    Operation(
        name="list_chat_people",
        method="GET",
        path="/chats/{id}/people",
        summary="List the people in a chat.",
        handler=list_chat_people,
        answer=People,
        errors=_ONE,
        path_values=CHAT_ID,
    ),
    Operation(
        name="get_profile",
        method="GET",
        path="/accounts/{id}/profiles/{name}",
        summary="Ask the network for somebody's profile, by any of its names of them; `me`: the account's own.",
        docs="501: nothing is known here about this network's people.",
        handler=get_profile,
        answer=Profile,
        errors=_NETWORK,
        path_values=_ACCOUNT_ID | {"name": "The network's id, or the name in their profile's address; or `me`."},
    ),
    Operation(
        name="list_relations",
        method="GET",
        path="/accounts/{id}/relations",
        summary="Ask the network who is connected to the account's owner, in its own pages.",
        docs="501: nothing is known here about this network's people. A page may be empty and not the last.",
        handler=list_relations,
        answer=Profiles,
        errors=_NETWORK,
        parameters=(
            Parameter(name="cursor", summary="Where the page before ended."),
            Parameter(name="q", summary="Only those in whose name these words are."),
        ),
        path_values=_ACCOUNT_ID,
    ),
)
