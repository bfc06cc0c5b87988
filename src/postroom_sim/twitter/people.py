"""The magic logins of the simulated X, and how it says no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from postroom_sim.network import Refused, Scenario, json_answer

PROBLEMS = "https://api.twitter.com/2/problems"


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    login: str
    username: str
    name: str
    suspended: bool
    about: str


PEOPLE = (
    Person("1445880548472320001", "user_good", "ada_marlow", "Ada Marlow", False, "The default account."),
    Person("1445880548472320002", "user_second", "bea_l", "Bea Lindqvist", False, "Another account."),
    Person("1445880548472320003", "user_banned", "barnaby_c", "Barnaby Crane", True, "403: the account is suspended."),
)
LOGINS = {person.login: person.id for person in PEOPLE}
BY_ID = {person.id: person for person in PEOPLE}


def problem(status: int, title: str, detail: str, kind: str = "about:blank", **more: Any) -> Refused:
    """A Refused to raise: X's problem object."""
    tree = {"title": title, "detail": detail, "type": kind, "status": status, **more}
    return Refused(json_answer(tree, status=status, media_type="application/problem+json"))


def invalid(message: str, parameter: str = "", value: object = "") -> Refused:
    """A request that X does not understand."""
    errors = [{"parameters": {parameter: [str(value)]} if parameter else {}, "message": message}]
    tree = {
        "errors": errors,
        "title": "Invalid Request",
        "detail": "One or more parameters to your request was invalid.",
        "type": f"{PROBLEMS}/invalid-request",
    }
    return Refused(json_answer(tree, status=400))


def forbidden(detail: str) -> Refused:
    return problem(403, "Forbidden", detail)


def unauthorized() -> Refused:
    return problem(401, "Unauthorized", "Unauthorized")


def scenarios(origin: str) -> list[Scenario]:
    """Each login, and the page at which it approves."""
    query = "client_id=sandbox&response_type=code&redirect_uri=http://127.0.0.1/&code_challenge_method=S256"
    page = f"{origin}/twitter/i/oauth2/authorize?{query}&code_challenge=x"
    listed = [Scenario("twitter", each.login, each.about, f"curl -i '{page}&login={each.login}'") for each in PEOPLE]
    denied = Scenario("twitter", "user_denied", "An owner who says no.", f"curl -i '{page}&login=user_denied'")
    return [*listed, denied]
