"""PostPress's profiles and relations as they stand on the wire, and from our values to them.

Source: published clients of Unipile v1 (LinkedIn's variant of each), and PostPress's pages of profiles (2026).
"""

import msgspec
from msgspec import UNSET, UnsetType

from postroom.dialects.postpress.mailbox import TYPES
from postroom.domain.pages import Listing
from postroom.domain.people import Person
from postroom.errors import NotImplementedHere

_DISTANCES = {1: "FIRST_DEGREE", 2: "SECOND_DEGREE", 3: "THIRD_DEGREE", 4: "OUT_OF_NETWORK"}
_SHOWN = "LINKEDIN"


class AccountOwnerProfile(msgspec.Struct, kw_only=True, tag_field="object", tag="AccountOwnerProfile"):
    provider: str
    provider_id: str
    entity_urn: str
    object_urn: str
    first_name: str
    last_name: str
    profile_picture_url: str | None
    email: str
    """Empty: the network does not say."""
    premium: bool
    open_profile: bool
    recruiter: None = None
    sales_navigator: None = None
    public_profile_url: str | UnsetType = UNSET
    public_identifier: str | UnsetType = UNSET
    headline: str | UnsetType = UNSET
    location: str | UnsetType = UNSET


class UserProfile(msgspec.Struct, kw_only=True, tag_field="object", tag="UserProfile"):
    provider: str
    provider_id: str
    public_identifier: str | None
    first_name: str | None
    last_name: str | None
    headline: str
    websites: list[str]
    summary: str | UnsetType = UNSET
    location: str | UnsetType = UNSET
    profile_picture_url: str | UnsetType = UNSET
    public_profile_url: str | UnsetType = UNSET
    is_premium: bool | UnsetType = UNSET
    is_open_profile: bool | UnsetType = UNSET
    is_self: bool | UnsetType = UNSET
    is_relationship: bool | UnsetType = UNSET
    network_distance: str | UnsetType = UNSET


class UserRelation(msgspec.Struct, kw_only=True, tag_field="object", tag="UserRelation"):
    first_name: str
    last_name: str
    headline: str
    public_identifier: str
    public_profile_url: str
    created_at: int
    member_id: str
    member_urn: str
    connection_urn: str
    profile_picture_url: str | UnsetType = UNSET


class UserRelationsList(msgspec.Struct, kw_only=True, tag_field="object", tag="UserRelationsList"):
    items: list[UserRelation]
    cursor: str | None


def own_profile(provider: str, found: Person) -> AccountOwnerProfile:
    """The owner of an account."""
    return AccountOwnerProfile(
        provider=_type(provider),
        provider_id=found.provider_id,
        entity_urn=f"urn:li:fsd_profile:{found.provider_id}",
        object_urn=found.member_urn or "",
        first_name=found.first_name or found.name,
        last_name=found.last_name or "",
        profile_picture_url=found.picture_url,
        email="",
        premium=bool(found.is_premium),
        open_profile=bool(found.is_open),
        public_profile_url=found.profile_url or UNSET,
        public_identifier=found.username or UNSET,
        headline=found.headline or UNSET,
        location=found.location or UNSET,
    )


def profile(provider: str, found: Person) -> UserProfile:
    """Somebody, as the account is shown them."""
    distance = found.distance
    return UserProfile(
        provider=_type(provider),
        provider_id=found.provider_id,
        public_identifier=found.username,
        first_name=found.first_name or found.name or None,
        last_name=found.last_name,
        headline=found.headline or "",
        websites=[],
        summary=found.summary or UNSET,
        location=found.location or UNSET,
        profile_picture_url=found.picture_url or UNSET,
        public_profile_url=found.profile_url or UNSET,
        is_premium=UNSET if found.is_premium is None else found.is_premium,
        is_open_profile=UNSET if found.is_open is None else found.is_open,
        is_self=UNSET if distance is None else distance == 0,
        is_relationship=UNSET if distance is None else distance == 1,
        network_distance=UNSET if distance is None else _DISTANCES.get(distance, UNSET),
    )


def relations(provider: str, found: Listing[Person]) -> UserRelationsList:
    """A page of those who are connected to the owner."""
    _type(provider)
    return UserRelationsList(items=[_relation(each) for each in found.items], cursor=found.next)


def _relation(found: Person) -> UserRelation:
    return UserRelation(
        first_name=found.first_name or found.name,
        last_name=found.last_name or "",
        headline=found.headline or "",
        public_identifier=found.username or "",
        public_profile_url=found.profile_url or "",
        created_at=found.connected_at or 0,
        member_id=found.provider_id,
        member_urn=found.member_urn or "",
        connection_urn=f"urn:li:fsd_connection:{found.provider_id}",
        profile_picture_url=found.picture_url or UNSET,
    )


def _type(provider: str) -> str:
    """Raises:
    NotImplementedHere: PostPress's shape for people of this network is not known here.
    """
    if TYPES.get(provider) != _SHOWN:
        raise NotImplementedHere("People of this network are not shown here.")
    return _SHOWN
