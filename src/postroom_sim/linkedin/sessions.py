"""Who is calling: cookies, the csrf token, and the magic logins."""

from __future__ import annotations

from urllib.parse import parse_qs

from postroom_sim.linkedin.model import Member
from postroom_sim.linkedin.store import Store
from postroom_sim.network import Answer, Call, Refused, json_answer

REVOKED, EXPIRED, BANNED, CHALLENGED = "user_revoked", "user_expired", "user_banned", "user_challenge"
# How each login's check begins, where one signs in by password.
CHECKS = {
    "user_2fa": "app_code",
    "user_2fa_sms": "sms_code",
    "user_otp": "email_code",
    "user_captcha": "captcha",
    "user_in_app": "in_app",
    "user_in_app_denied": "in_app",
    "user_phone": "phone",
}
_NEW = "user_new_"


def cookies(call: Call) -> dict[str, str]:
    found = {}
    for header in call.headers.getlist("cookie"):
        for part in header.split(";"):
            name, _, value = part.strip().partition("=")
            found[name] = value.strip().strip('"')
    return found


def login_of(li_at: str) -> str:
    """`user_good~phone` is one more session of `user_good`."""
    return li_at.partition("~")[0]


def new_member_name(login: str) -> str | None:
    """The name in `user_new_<name>`: such a login makes its member at the first use, and so do those that are checked."""
    if login in CHECKS:
        return login.removeprefix("user_")
    name = login.removeprefix(_NEW)
    plain = name.replace("_", "").replace("-", "")
    return name if login.startswith(_NEW) and plain.isalnum() and len(name) <= 40 else None


def unauthorised() -> Answer:
    return json_answer({"status": 401}, status=401)


def revoked() -> Answer:
    return Answer(
        302,
        headers={
            "location": "/linkedin/uas/login?session_redirect=%2Fmessaging",
            "set-cookie": "li_at=delete me; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly",
        },
    )


def challenged() -> Answer:
    return Answer(302, headers={"location": "/linkedin/checkpoint/challenge/AgF4Simulated?ut=challenge"})


def require_member(call: Call, store: Store, *, csrf: bool = True) -> Member:
    """The member whose session this is. Raises Refused as LinkedIn refuses."""
    jar = cookies(call)
    li_at, jsessionid = jar.get("li_at"), jar.get("JSESSIONID")
    if not li_at or not jsessionid:
        raise Refused(unauthorised())
    if csrf and _token(call) != jsessionid:
        raise Refused(Answer(403, b"CSRF check failed.", {"content-type": "text/plain"}))
    login = login_of(li_at)
    if login == REVOKED or is_ended(store, li_at, jsessionid):
        raise Refused(revoked())
    if login == CHALLENGED:
        raise Refused(challenged())
    member = store.find_login(login)
    if member is None or login == EXPIRED:
        raise Refused(unauthorised())
    if login == BANNED and call.operation != "me":
        raise Refused(json_answer({"status": 403}, status=403))
    return member


def _token(call: Call) -> str | None:
    if call.operation == "logout":
        return parse_qs(call.query).get("csrfToken", [""])[0].strip('"')
    return call.headers.get("csrf-token")


def is_ended(store: Store, li_at: str, jsessionid: str) -> bool:
    sql = "SELECT 1 FROM linkedin_ended_sessions WHERE li_at = ? AND jsessionid = ?"
    return store.database.one(sql, (li_at, jsessionid)) is not None


def end(call: Call, store: Store) -> str:
    """Log this session out; the same pair of cookies never works again. Returns its key."""
    jar = cookies(call)
    store.database.execute(
        "INSERT OR IGNORE INTO linkedin_ended_sessions VALUES (?, ?)", (jar["li_at"], jar["JSESSIONID"])
    )
    return session_key(call)


def session_key(call: Call) -> str:
    jar = cookies(call)
    return f"{jar.get('li_at')}|{jar.get('JSESSIONID')}"
