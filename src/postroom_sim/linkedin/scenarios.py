"""The magic logins of the simulated LinkedIn."""

from __future__ import annotations

from postroom_sim.linkedin import official_people
from postroom_sim.network import Scenario

_LOGINS = {
    "user_good": "Ada Merino, the default account: six chats, every kind of attachment, fresh and old messages.",
    "user_second": "Bea Okafor: shares a chat and a group with Ada, and has her own.",
    "user_third": "Chen Wei: shares a chat and the group with Ada.",
    "user_revoked": "The session was revoked: 302 with Set-Cookie li_at=delete me.",
    "user_expired": "The session expired: 401.",
    "user_banned": "/me answers 200, everything after it 403.",
    "user_challenge": "302 to a checkpoint page; the cookie stays.",
    "user_new_<name>": "Makes a member of that name, with two chats, at the first use: an account of your own.",
    "user_2fa": "By password (any but `wrong`): a code of an authenticator app is asked; every code is 123456.",
    "user_2fa_sms": "By password: a code by SMS is asked, which can be sent again.",
    "user_otp": "By password: a code by e-mail is asked, which can be sent again.",
    "user_captcha": "By password: a captcha is asked; its token is 123456.",
    "user_in_app": "By password: a yes in LinkedIn's app is waited for; it comes the second time that is looked.",
    "user_in_app_denied": "The same, and a no comes the third time.",
    "user_phone": "By password: a telephone number is asked, (+33)0612345678, and then the code that is sent there.",
    "user_good~<word>": "One more session of the same member; any login takes such a suffix.",
}


def scenarios(origin: str) -> list[Scenario]:
    listed = []
    for login, description in _LOGINS.items():
        li_at = login.replace("<name>", "ines").replace("<word>", "phone")
        example = (
            f"curl -i -H 'Cookie: li_at={li_at}; JSESSIONID=\"ajax:1\"' -H 'csrf-token: ajax:1'"
            f" {origin}/linkedin/voyager/api/me"
        )
        listed.append(Scenario("linkedin", login, description, example))
    return [*listed, *official_people.scenarios(origin)]
