"""The magic logins of the simulated TikTok."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from postroom_sim.network import Scenario
from postroom_sim.oauth import CLIENT_ID

_EVERYONE = ("PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY")
_PRIVATE = ("FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY")


@dataclass(frozen=True, slots=True)
class Person:
    open_id: str
    username: str
    name: str
    what: str
    options: tuple[str, ...] = _EVERYONE
    banned: bool = False
    unaudited: bool = False
    duet_disabled: bool = False


PEOPLE = {
    "user_good": Person("-000ada1TikTok", "ada.makes", "Ada", "a public account; all may see its videos."),
    "user_second": Person("-000bea2TikTok", "bea.hive", "Bea", "another account, without duets.", duet_disabled=True),
    "user_private": Person("-000cleo3TikTok", "cleo", "Cleo", "a private account: nothing for everyone.", _PRIVATE),
    "user_banned": Person("-000barn4TikTok", "barnaby", "Barnaby", "banned from posting.", banned=True),
    "user_unaudited": Person("-000dora5TikTok", "dora", "Dora", "its app may post for oneself only.", unaudited=True),
}
NAMES = {person.open_id: person for person in PEOPLE.values()}


def scenarios(origin: str) -> list[Scenario]:
    listed = [
        Scenario("tiktok", login, f"{login}: {person.what}", _example(origin, login))
        for login, person in PEOPLE.items()
    ]
    return [*listed, Scenario("tiktok", "user_denied", "The owner says no.", _example(origin, "user_denied"))]


def _example(origin: str, login: str) -> str:
    query = {
        "client_key": CLIENT_ID,
        "response_type": "code",
        "scope": "user.info.basic,video.publish",
        "redirect_uri": "http://127.0.0.1/callback",
        "state": "x",
        "login": login,
    }
    return f"curl -i '{origin}/tiktok/v2/auth/authorize/?{urlencode(query)}'"
