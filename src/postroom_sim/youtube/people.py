"""The magic logins of the simulated YouTube."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from postroom_sim.network import Scenario
from postroom_sim.oauth import CLIENT_ID


@dataclass(frozen=True, slots=True)
class Person:
    channel: str
    handle: str
    name: str
    what: str
    suspended: bool = False
    limited: bool = False


PEOPLE = {
    "user_good": Person("UCada1simulatedChannel00", "@adamakes", "Ada makes", "a channel."),
    "user_second": Person("UCbea2simulatedChannel00", "@beahive", "Bea's hive", "another channel."),
    "user_banned": Person("UCbarn3simulatedChannel0", "@barnaby", "Barnaby", "suspended.", suspended=True),
    "user_limited": Person("UCcleo4simulatedChannel0", "@cleo", "Cleo", "has no uploads left today.", limited=True),
    "user_no_channel": Person("none-dora", "", "Dora", "a Google account without a channel."),
}
CHANNELS = {person.channel: person for person in PEOPLE.values()}


def scenarios(origin: str) -> list[Scenario]:
    listed = [
        Scenario("youtube", login, f"{login}: {person.what}", _example(origin, login))
        for login, person in PEOPLE.items()
    ]
    return [*listed, Scenario("youtube", "user_denied", "The owner says no.", _example(origin, "user_denied"))]


def _example(origin: str, login: str) -> str:
    query = {
        "client_id": CLIENT_ID,
        "response_type": "code",
        "scope": "https://www.googleapis.com/auth/youtube",
        "redirect_uri": "http://127.0.0.1/callback",
        "state": "x",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
        "login": login,
    }
    return f"curl -i '{origin}/youtube/o/oauth2/v2/auth?{urlencode(query)}'"
