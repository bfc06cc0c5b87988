"""Profiles and connections, in the plain form of LinkedIn's web client's own requests."""

from __future__ import annotations

from typing import Any

from postroom_sim.linkedin import identifiers as urn
from postroom_sim.linkedin.model import Member
from postroom_sim.linkedin.restli import query_parameters
from postroom_sim.linkedin.store import Store
from postroom_sim.linkedin.wire import Wire
from postroom_sim.network import Answer, Call, Refused, json_answer

Json = dict[str, Any]

LARGEST_PAGE = 100
_DAY_MS = 86_400_000


def profile(call: Call, store: Store, wire: Wire, me: Member) -> Answer:
    """By slug or id. A name that nobody has is an empty list."""
    asked = query_parameters(call.query)
    name = asked.get("memberIdentity", "")
    if asked.get("q") != "memberIdentity" or not name or "decorationId" not in asked:
        raise Refused(json_answer({"status": 400}, status=400))
    found = store.find_member(name) or store.find_slug(name)
    elements = [] if found is None else [_profile(found, store, wire, me)]
    return json_answer({"elements": elements, "paging": {"count": 10, "start": 0, "links": []}})


def connections(call: Call, store: Store, wire: Wire, me: Member) -> Answer:
    """Everybody whom this member is connected to, the latest first."""
    asked = query_parameters(call.query)
    start, count = asked.get("start", "0"), asked.get("count", "40")
    if asked.get("q") != "search" or not (start.isdecimal() and count.isdecimal()) or int(count) > LARGEST_PAGE:
        raise Refused(json_answer({"status": 400}, status=400))
    others = store.list_connections(me.id)
    page = others[int(start) : int(start) + int(count)]
    elements = [
        {
            "entityUrn": f"urn:li:fsd_connection:{other.id}",
            "connectedMember": urn.profile(other.id),
            "connectedMemberResolutionResult": _profile(other, store, wire, me),
            "createdAt": store.ground.clock.now_ms() - (30 + number) * _DAY_MS,
        }
        for number, other in enumerate(page, int(start))
    ]
    return json_answer({"elements": elements, "paging": {"count": int(count), "start": int(start), "links": []}})


def _profile(member: Member, store: Store, wire: Wire, me: Member) -> Json:
    distance = "SELF" if member.id == me.id else "DISTANCE_1" if store.are_connected(me, member) else "DISTANCE_3"
    picture = wire.picture(member)
    return {
        "entityUrn": urn.profile(member.id),
        "objectUrn": f"urn:li:member:{member.number}",
        "publicIdentifier": member.slug,
        "firstName": member.first_name,
        "lastName": member.last_name,
        "headline": member.headline,
        "summary": None,
        "geoLocation": {"geo": {"defaultLocalizedName": "Quillfern Harbour"}},
        "memberRelationship": {"memberDistance": {"value": distance}},
        "premium": False,
        "openProfile": False,
        "profilePicture": {"displayImageReference": {"vectorImage": picture}} if picture else None,
    }
