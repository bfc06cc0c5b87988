"""Who has an account for the official API, and whose pages they run."""

from __future__ import annotations

from dataclasses import dataclass

from postroom_sim.network import Json, Scenario


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    login: str
    first_name: str
    last_name: str
    roles: dict[str, str]
    """Organisation to role."""
    description: str

    @property
    def urn(self) -> str:
        return f"urn:li:person:{self.id}"


PEOPLE = [
    Person(
        "Tz9W5i6ZYG", "user_good", "Ada", "Merino",
        {"2414183": "ADMINISTRATOR", "2414184": "CONTENT_ADMINISTRATOR", "2414185": "ANALYST"},
        "Ada Merino, who runs two pages and may only read the figures of a third.",
    ),
    Person("bEaOkaf0r1", "user_second", "Bea", "Okafor", {}, "Bea Okafor, who runs no page."),
    Person("bArNaby0x9", "user_banned", "Barnaby", "Cole", {}, "may sign in, and not post: 403."),
]  # fmt: skip
ORGANIZATIONS = {"2414183": ("Harbour Works", "harbour-works"), "2414184": ("Lighthouse", "lighthouse"),
                 "2414185": ("Strangers", "strangers")}  # fmt: skip
LOGINS = {person.login: person.id for person in PEOPLE}
BY_ID = {person.id: person for person in PEOPLE}
_POSTING = ("ADMINISTRATOR", "CONTENT_ADMINISTRATOR")


def may_post_as(person: Person, author: object, scope: str) -> bool:
    """Whether this person's token with this scope may post as that author."""
    if author == person.urn:
        return "w_member_social" in scope
    kind, _, number = str(author).rpartition(":")
    return kind == "urn:li:organization" and person.roles.get(number) in _POSTING and "w_organization_social" in scope


def acls(person: Person) -> Json:
    """The answer to `organizationAcls?q=roleAssignee`."""
    elements = [
        {"role": role, "organization": f"urn:li:organization:{number}", "roleAssignee": person.urn, "state": "APPROVED"}
        for number, role in person.roles.items()
    ]
    return {"paging": {"start": 0, "count": 100, "links": []}, "elements": elements}


def lookup(ids: list[str]) -> Json:
    """The answer to `organizationsLookup?ids=List(...)`."""
    found = {
        number: {"id": int(number), "localizedName": ORGANIZATIONS[number][0], "vanityName": ORGANIZATIONS[number][1]}
        for number in ids
        if number in ORGANIZATIONS
    }
    return {"results": found, "statuses": {}, "errors": {}}


def scenarios(origin: str) -> list[Scenario]:
    address = f"{origin}/linkedin/oauth/v2/authorization?client_id=sandbox&response_type=code"
    return [
        Scenario(
            "linkedin",
            f"{person.login} (OAuth)",
            person.description,
            f"curl -i '{address}&redirect_uri=http://localhost/&scope=openid%20profile%20w_member_social"
            f"&state=x&login={person.login}'",
        )
        for person in PEOPLE
    ]
