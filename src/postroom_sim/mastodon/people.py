"""The magic logins of the simulated Mastodon, and how it says no."""

from __future__ import annotations

from dataclasses import dataclass

from postroom_sim.network import Refused, Scenario, json_answer

HOST = "quillfern.test"


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    login: str
    username: str
    name: str
    disabled: bool
    about: str


PEOPLE = (
    Person("109348684215471001", "user_good", "ada", "Ada Marlow", False, "The default account."),
    Person("109348684215471002", "user_second", "bea", "Bea Lindqvist", False, "Another account."),
    Person(
        "109348684215471003", "user_banned", "barnaby", "Barnaby Crane", True, "403 Your login is currently disabled."
    ),
)
LOGINS = {person.login: person.id for person in PEOPLE}
BY_ID = {person.id: person for person in PEOPLE}


def refusal(status: int, words: str) -> Refused:
    """A Refused to raise: `{"error": words}`."""
    return Refused(json_answer({"error": words}, status=status))


def scenarios(origin: str) -> list[Scenario]:
    """Each login, and the page at which it approves."""
    query = "client_id=sandbox&response_type=code&redirect_uri=http://127.0.0.1/&code_challenge_method=S256"
    page = f"{origin}/mastodon/oauth/authorize?{query}&code_challenge=x"
    listed = [Scenario("mastodon", each.login, each.about, f"curl -i '{page}&login={each.login}'") for each in PEOPLE]
    denied = Scenario("mastodon", "user_denied", "An owner who says no.", f"curl -i '{page}&login=user_denied'")
    return [*listed, denied]
