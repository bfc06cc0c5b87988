"""The magic logins of the simulated Bluesky."""

from __future__ import annotations

import json

from postroom_sim.network import Scenario

# handle, app password, taken down, the code its login also needs, what it is
ACCOUNTS: list[tuple[str, str, bool, str | None, str]] = [
    ("ada.test", "app-ada-pass", False, None, "user_good: the default account."),
    ("bea.test", "app-bea-pass", False, None, "user_second: another account."),
    ("barnaby.test", "app-barnaby-pass", True, None, "user_banned: taken down, 401 AccountTakedown."),
    (
        "cleo.test",
        "app-cleo-pass",
        False,
        "CLEO1-CODE2",
        "user_2fa: 401 AuthFactorTokenRequired until authFactorToken is CLEO1-CODE2.",
    ),
]


def scenarios(origin: str) -> list[Scenario]:
    listed = [
        Scenario("bluesky", handle, description, _example(origin, handle, password))
        for handle, password, _, _, description in ACCOUNTS
    ]
    wrong = "A wrong password: 401 AuthenticationRequired."
    return [*listed, Scenario("bluesky", "ada.test (wrong password)", wrong, _example(origin, "ada.test", "not-it"))]


def _example(origin: str, handle: str, password: str) -> str:
    body = json.dumps({"identifier": handle, "password": password})
    address = f"{origin}/bluesky/xrpc/com.atproto.server.createSession"
    return f"curl -i -H 'Content-Type: application/json' -d '{body}' {address}"
