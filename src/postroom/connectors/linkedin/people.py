"""LinkedIn's members, organisations and pictures as ours. Pure."""

from typing import Any

from postroom.domain.messages import Size
from postroom.domain.remote import Profile, RemoteAttendee

Json = Any

_DISTANCES = {"DISTANCE_1": 1, "DISTANCE_2": 2, "DISTANCE_3": 3, "OUT_OF_NETWORK": 4}


def as_object(value: Json) -> dict[str, Json]:
    """A JSON object, empty where LinkedIn sent null, nothing, or something else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    """A JSON array, empty where LinkedIn sent null, nothing, or something else."""
    return value if isinstance(value, list) else []


def as_text(value: Json) -> str | None:
    """A string that says something; LinkedIn often wraps one as `{"text": ...}`."""
    if isinstance(value, dict):
        value = value.get("text")
    return value if isinstance(value, str) and value else None


def as_number(value: Json) -> int | None:
    """A whole number that is not negative."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def id_of(urn: Json) -> str | None:
    """The id at the end of a profile's, organisation's or participant's URN."""
    tail = urn.rpartition(":")[2] if isinstance(urn, str) else ""
    return tail or None


def profile(tree: Json) -> Profile | None:
    """Whose session answered to "me"."""
    mini = as_object(as_object(tree).get("miniProfile"))
    id = id_of(mini.get("dashEntityUrn")) or id_of(mini.get("entityUrn"))
    if id is None:
        return None
    username = as_text(mini.get("publicIdentifier")) or id
    picture = largest_artifact(as_object(mini.get("picture")).get("com.linkedin.common.VectorImage"))
    return Profile(
        provider_id=id,
        username=username,
        name=" ".join(filter(None, (as_text(mini.get("firstName")), as_text(mini.get("lastName"))))) or username,
        picture_url=picture[0] if picture else None,
        profile_url=f"https://www.linkedin.com/in/{username}",
    )


def attendee(participant: Json, me: str) -> RemoteAttendee | None:
    """A participant in its full form, or in the brief one that has no name."""
    tree = as_object(participant)
    id = id_of(tree.get("hostIdentityUrn")) or id_of(tree.get("entityUrn"))
    if id is None:
        return None
    type_ = as_object(tree.get("participantType"))
    urn = as_text(tree.get("backendUrn"))
    if organization := as_object(type_.get("organization")):
        picture = largest_artifact(organization.get("logo"))
        return RemoteAttendee(
            provider_id=id,
            name=as_text(organization.get("name")) or "",
            is_self=id == me,
            kind="organization",
            member_urn=urn,
            picture_url=picture[0] if picture else None,
            profile_url=as_text(organization.get("pageUrl")),
            headline=as_text(organization.get("tagline")),
        )
    member = as_object(type_.get("member"))
    other = not member and any(as_object(type_.get(name)) for name in ("custom", "agent"))
    if other:
        member = as_object(type_.get("custom")) or as_object(type_.get("agent"))
    organization_by_urn = ":fsd_company:" in str(tree.get("hostIdentityUrn") or tree.get("entityUrn"))
    picture = largest_artifact(member.get("profilePicture") or member.get("image"))
    name = " ".join(filter(None, (as_text(member.get("firstName")), as_text(member.get("lastName")))))
    return RemoteAttendee(
        provider_id=id,
        name=name or as_text(member.get("name")) or "",
        is_self=id == me,
        kind="organization" if organization_by_urn else "other" if other else "member",
        member_urn=urn,
        # Missing is unknown: the brief form has none, and one's own ("SELF") is no distance.
        distance=_DISTANCES.get(str(member.get("distance")), -1),
        picture_url=picture[0] if picture else None,
        profile_url=as_text(member.get("profileUrl")),
        headline=as_text(member.get("headline")),
    )


def mini_attendee(sender: Json, me: str) -> RemoteAttendee | None:
    """The sender of an event in the old format."""
    wrapped = next(iter(as_object(sender).values()), None) if sender else None
    mini = as_object(as_object(wrapped).get("miniProfile"))
    id = id_of(mini.get("dashEntityUrn")) or id_of(mini.get("entityUrn"))
    if id is None:
        return None
    name = " ".join(filter(None, (as_text(mini.get("firstName")), as_text(mini.get("lastName")))))
    return RemoteAttendee(
        provider_id=id,
        name=name,
        is_self=id == me,
        member_urn=as_text(mini.get("objectUrn")),
        distance=-1,
        headline=as_text(mini.get("occupation")),
    )


def largest_artifact(image: Json) -> tuple[str, Size, int | None] | None:
    """URL, size and end of validity (ms) of the largest rendition of a picture."""
    tree = as_object(image)
    root = as_text(tree.get("rootUrl")) or ""
    best: tuple[str, Size, int | None] | None = None
    for item in as_list(tree.get("artifacts")):
        artifact = as_object(item)
        segment = as_text(artifact.get("fileIdentifyingUrlPathSegment"))
        size = Size(as_number(artifact.get("width")) or 0, as_number(artifact.get("height")) or 0)
        if segment and (best is None or size.width * size.height > best[1].width * best[1].height):
            best = root + segment, size, as_number(artifact.get("expiresAt"))
    return best
