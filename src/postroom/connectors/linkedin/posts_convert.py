"""Drafts as LinkedIn's Posts API takes them, and what it tells as ours. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import regex

from postroom.domain.remote import Credentials, PostDraft, Profile, PublishedPost

Json = Any

# Source: LinkedIn "little text format", checked 2026-11-21.
_RESERVED = regex.compile(r"[\\|{}@\[\]()<>#*_~]")
_MARKS = regex.compile(
    r"""
      @\{(?P<urn>urn:li:(?:person|organization):[A-Za-z0-9_-]+)\|(?P<name>[^{}|\n]+)\}
    | (?<![\w&/\#])\#(?P<tag>\w*[^\W\d_]\w*)
    """,
    regex.VERBOSE,
)
_POST = regex.compile(r"urn:li:(?:share|ugcPost):[0-9]{1,20}")
_VISIBILITIES = ("PUBLIC", "CONNECTIONS", "LOGGED_IN")
# Source: LinkedIn "Organization access control by role", checked 2026-11-21: who may post for a page.
_POSTING_ROLES = frozenset({"ADMINISTRATOR", "CONTENT_ADMIN", "CONTENT_ADMINISTRATOR"})
# An id begins with the moment it was made at, in milliseconds since 1970.
_MOMENT_SHIFT = 22


class Author(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be posted as: the person, or an organisation."""

    urn: str
    name: str
    username: str
    picture_url: str | None = None

    @property
    def is_person(self) -> bool:
        return self.urn.startswith("urn:li:person:")


def little(text: str) -> str:
    """The text with everything escaped that LinkedIn would take for a mark; hashtags and PostPost's mentions become
    what they are: `@{urn:li:person:1|Name}`.

    Source: PostPost "LinkedIn mentions" (March 2026).
    """
    made, end = "", 0
    for match in _MARKS.finditer(text):
        made += escaped(text[end : match.start()])
        end = match.end()
        if match["urn"] is not None:
            made += f"@[{escaped(match['name'])}]({match['urn']})"
        else:
            made += f"{{hashtag|\\#|{escaped(match['tag'])}}}"
    return made + escaped(text[end:])


def escaped(text: str) -> str:
    """The text as it is, to be read by LinkedIn as it is."""
    return _RESERVED.sub(r"\\\g<0>", text)


def body(author: str, draft: PostDraft, media: Sequence[Mapping[str, Json]]) -> Json:
    """What creates the post. `media` are uploaded files: `id`, and `altText` for an image."""
    made: Json = {
        "author": author,
        "commentary": little(draft.text),
        "visibility": "PUBLIC",
        "distribution": {
            "feedDistribution": "MAIN_FEED",
            "targetEntities": [],
            "thirdPartyDistributionChannels": [],
        },
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": False,
    }
    if len(media) == 1:
        made["content"] = {"media": dict(media[0])}
    elif media:
        made["content"] = {"multiImage": {"images": [dict(item) for item in media]}}
    parent = draft.settings.get("repostParentUrn")
    if draft.settings.get("repostEnabled") is True and isinstance(parent, str) and not media:
        made["reshareContext"] = {"parent": parent}
        if draft.settings.get("repostVisibility") in _VISIBILITIES:
            made["visibility"] = draft.settings["repostVisibility"]
    return made


def published(urn: str) -> PublishedPost:
    """A post by its URN, and the page that shows it."""
    return PublishedPost(provider_id=urn, url=f"https://www.linkedin.com/feed/update/{urn}/")


def is_post(provider_id: str) -> bool:
    """Whether this is a post's URN."""
    return _POST.fullmatch(provider_id) is not None


def posts_in(text: str) -> list[str]:
    """The posts whose URNs stand in a sentence."""
    return _POST.findall(text)


def made_at(urn: str) -> datetime:
    """The moment at which a post was made, which its id begins with."""
    return datetime.fromtimestamp((int(urn.rpartition(":")[2]) >> _MOMENT_SHIFT) / 1000, UTC)


def person(tree: Mapping[str, Json]) -> Author | None:
    """Who has signed in, from OpenID's userinfo or from the older /me."""
    found = tree.get("sub") or tree.get("id")
    if not isinstance(found, str) or not found:
        return None
    names = [tree.get("localizedFirstName"), tree.get("localizedLastName")]
    name = _text(tree.get("name")) or " ".join(part for part in map(_text, names) if part) or found
    picture = _text(tree.get("picture"))
    return Author(
        urn=f"urn:li:person:{found}", name=name, username=_text(tree.get("vanityName")) or name, picture_url=picture
    )


def organization_ids(acls: Json) -> list[str]:
    """The organisations for which the member may post, each once."""
    found: dict[str, None] = {}
    elements = acls.get("elements") if isinstance(acls, dict) else None
    for element in elements if isinstance(elements, list) else []:
        if not isinstance(element, dict) or element.get("role") not in _POSTING_ROLES:
            continue
        if element.get("state", "APPROVED") != "APPROVED":
            continue
        urn = next(
            (
                element[name]
                for name in ("organization", "organizationTarget", "organizationalTarget")
                if name in element
            ),
            None,
        )
        kind, _, number = str(urn).rpartition(":")
        if kind == "urn:li:organization" and number.isascii() and number.isdecimal():
            found[number] = None
    return list(found)


def organizations(ids: Iterable[str], looked_up: Json) -> list[Author]:
    """Organisations with their names, as far as the network told them."""
    results = looked_up.get("results") if isinstance(looked_up, dict) else None
    made = []
    for number in ids:
        about = results.get(number) if isinstance(results, dict) else None
        tree = about if isinstance(about, dict) else {}
        name = _text(tree.get("localizedName")) or f"Organisation {number}"
        username = _text(tree.get("vanityName")) or name
        made.append(Author(urn=f"urn:li:organization:{number}", name=name, username=username))
    return made


def profile(author: Author) -> Profile:
    """The account that posts as this person or organisation."""
    number = author.urn.rpartition(":")[2]
    page = None if author.is_person else f"https://www.linkedin.com/company/{number}/"
    return Profile(
        provider_id=number,
        username=author.username,
        name=author.name,
        picture_url=author.picture_url,
        profile_url=page,
    )


def credentials(author: str, tree: Mapping[str, Json], ends_at: int | None, before: Mapping[str, str]) -> Credentials:
    """What opens the account, from a token endpoint's answer; `before`: what it had, where the token was renewed."""
    values = {"author": author, "access_token": str(tree["access_token"])}
    for name in ("refresh_token", "scope"):
        value = tree.get(name) or before.get(name)
        if isinstance(value, str) and value:
            values[name] = value
    return Credentials(values=values, expires_at=ends_at)


def scopes(tree: Mapping[str, Json]) -> frozenset[str]:
    """What the owner allowed, divided by spaces or commas."""
    return frozenset(str(tree.get("scope") or "").replace(",", " ").split())


def _text(value: Json) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
