"""The people of the simulated homeserver, their magic tokens, and how it says no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from postroom_sim.network import Refused, Scenario, json_answer

HOST = "quillfern.test"


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    display_name: str
    login: str
    """An access token that is always there."""
    about: str
    refusal: tuple[int, str] | None = None

    @property
    def user(self) -> str:
        return f"@{self.name}:{HOST}"

    @property
    def password(self) -> str:
        return f"{self.name}-pass"


PEOPLE = (
    Person("ada", "Ada Marlow", "user_good", "The default account."),
    Person("bea", "Bea Lindqvist", "user_second", "Another account, in rooms with the first."),
    Person("carl", "Carl Okoro", "user_third", "A third one."),
    Person("barnaby", "Barnaby Crane", "user_banned", "403 M_USER_DEACTIVATED.", (403, "M_USER_DEACTIVATED")),
    Person("lotte", "Lotte Brandt", "user_locked", "401 M_USER_LOCKED.", (401, "M_USER_LOCKED")),
)
BY_NAME = {person.name: person for person in PEOPLE}
BY_USER = {person.user: person for person in PEOPLE}
BY_LOGIN = {person.login: person for person in PEOPLE}


def refusal(status: int, code: str, words: str, **more: Any) -> Refused:
    """A Refused to raise: `{"errcode", "error"}`."""
    return Refused(json_answer({"errcode": code, "error": words, **more}, status=status))


def scenarios(origin: str) -> list[Scenario]:
    """Each login, and a call in its name."""
    path = f"{origin}/matrix/_matrix/client/v3/account/whoami"
    return [
        Scenario("matrix", each.login, each.about, f"curl '{path}' -H 'Authorization: Bearer {each.login}'")
        for each in PEOPLE
    ]
