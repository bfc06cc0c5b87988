"""LinkedIn's people: profiles, connections, and with whom there is a conversation.

Source: requests as published clients send them, seen 2026-11-21. The plain answers are read, not the normalised ones.
"""

import re
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from postroom.connectors.contract import Page
from postroom.connectors.linkedin import convert, people, refusals
from postroom.connectors.linkedin.api import Voyager
from postroom.connectors.linkedin.people import as_list, as_number, as_object, as_text, id_of
from postroom.domain.people import Person
from postroom.domain.remote import RemoteChat
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotFound, Refused

Json = Any

PROFILES = "/voyager/api/identity/dash/profiles"
CONNECTIONS = "/voyager/api/relationships/dash/connections"
_PROFILE = "com.linkedin.voyager.dash.deco.identity.profile.FullProfileWithEntities-96"
_CONNECTION = "com.linkedin.voyager.dash.deco.web.mynetwork.ConnectionListWithProfile-16"
_MOST = 100
_DISTANCES = {"SELF": 0, "DISTANCE_1": 1, "DISTANCE_2": 2, "DISTANCE_3": 3, "OUT_OF_NETWORK": 4}
_ADDRESS = re.compile(r"^(?:https?://)?(?:[a-z]{2,3}\.)?linkedin\.com/in/([^/?#]+)", re.IGNORECASE)
_URN = re.compile(
    r"^urn:li:(?:fsd_profile|fs_miniProfile|member|msg_messagingParticipant):(?:urn:li:fsd_profile:)?(.+)$"
)
_NAME = re.compile(r"^[^\s/?#&%:()]{1,200}$")


class LinkedInDirectory:
    """The part of a connection that is about people."""

    _api: Voyager
    _me: str

    async def own_person(self) -> Person:
        """The account's owner."""
        return await self.person(self._me)

    async def person(self, identifier: str) -> Person:
        """By slug, provider id, URN or the address of a profile."""
        name = slug_of(identifier)
        query = f"q=memberIdentity&memberIdentity={quote(name, safe='')}&decorationId={_PROFILE}"
        try:
            tree = await self._api.get("profile", f"{PROFILES}?{query}")
        except Refused as error:
            if error.code is not ErrorCode.MALFORMED_REQUEST:
                raise
            raise _nobody() from error
        elements = as_list(tree.get("elements"))
        if not elements:
            raise _nobody()
        found = person(elements[0], self._me)
        if found is None:
            raise refusals.unreadable("profile")
        return found

    async def relations(self, cursor: str | None, *, words: str | None = None) -> Page[Person]:
        """Who is connected, the latest first; `words` of a name narrow a page down to those who have them."""
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 9):
            raise InvalidParameters("The cursor is not one of LinkedIn's connections.", kind=Kind.CURSOR)
        start = int(cursor or 0)
        query = f"decorationId={_CONNECTION}&count={_MOST}&q=search&sortType=RECENTLY_ADDED&start={start}"
        tree = await self._api.get("connections", f"{CONNECTIONS}?{query}")
        elements = tree.get("elements")
        if not isinstance(elements, list):
            raise refusals.unreadable("connections")
        found = [each for item in elements if (each := relation(item, self._me)) is not None]
        wanted = (words or "").casefold().split()
        named = [each for each in found if all(word in each.name.casefold() for word in wanted)]
        return Page(named, str(start + len(elements)) if len(elements) == _MOST else None)

    async def find_chat(self, provider_id: str) -> RemoteChat | None:
        """The conversation with that one person; None: there is none. One call."""
        found = await self._api.conversations_with(self._me, [provider_id])
        chats = [chat for item in found["elements"] if (chat := convert.chat(item, self._me)) is not None]
        return chats[0] if chats else None


def slug_of(identifier: str) -> str:
    """What LinkedIn is asked by: a slug, or a provider id.

    Raises:
        NotFound: (kind ATTENDEE) this is nobody's identifier at LinkedIn.
    """
    text = identifier.strip()
    found = _ADDRESS.match(text) or _URN.match(text)
    name = unquote(found[1]) if found else text
    if not _NAME.match(name):
        raise NotFound(
            "That is no identifier of a LinkedIn member.",
            code=ErrorCode.INVALID_RESOURCE_IDENTIFIER,
            kind=Kind.ATTENDEE,
        )
    return name


def person(tree: Json, me: str) -> Person | None:
    """A profile."""
    given = as_object(tree)
    id = id_of(given.get("entityUrn"))
    if id is None:
        return None
    first, last = as_text(given.get("firstName")), as_text(given.get("lastName"))
    slug = as_text(given.get("publicIdentifier"))
    image = as_object(given.get("profilePicture"))
    artifacts = as_object(as_object(image.get("displayImageReference")).get("vectorImage"))
    picture = people.largest_artifact(artifacts or image.get("vectorImage"))
    distance = as_text(as_object(as_object(given.get("memberRelationship")).get("memberDistance")).get("value"))
    return Person(
        provider_id=id,
        username=slug,
        name=" ".join(filter(None, (first, last))),
        first_name=first,
        last_name=last,
        headline=as_text(given.get("headline")),
        summary=as_text(given.get("summary")),
        location=as_text(as_object(as_object(given.get("geoLocation")).get("geo")).get("defaultLocalizedName")),
        picture_url=picture[0] if picture else None,
        profile_url=f"https://www.linkedin.com/in/{quote(slug or id, safe='')}",
        member_urn=as_text(given.get("objectUrn")),
        distance=0 if id == me else _DISTANCES.get(distance or ""),
        is_premium=_flag(given.get("premium")),
        is_open=_flag(given.get("openProfile")),
    )


def relation(tree: Json, me: str) -> Person | None:
    """One of the connections."""
    given = as_object(tree)
    found = person(given.get("connectedMemberResolutionResult"), me)
    if found is None:
        return None
    at = as_number(given.get("createdAt"))
    return msgspec.structs.replace(found, distance=1, connected_at=at)


def _flag(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


def _nobody() -> NotFound:
    return NotFound("LinkedIn shows nobody of that name.", kind=Kind.ATTENDEE)
