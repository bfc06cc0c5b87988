"""Keys, and the users whom the workspace acts for. Secrets are shown once, on the page that answers their making."""

from datetime import timedelta

from starlette.responses import Response

from postroom.domain.access import EVERYDAY_SCOPES, DeleteBudget, ManagedUser, Scope
from postroom.errors import InvalidParameters, Kind, NotFound, PostroomError
from postroom.web.dashboard.failures import status_of
from postroom.web.dashboard.routes import Page, get, post
from postroom.web.dashboard.visit import Visit

_LONGEST_NAME = 200
_MOST_DAYS = 3650
SCOPES = {
    Scope.READ: "See accounts, messages, posts and receipts",
    Scope.SEND: "Send, edit and react",
    Scope.DELETE: "Recall messages, delete and take down posts, unlink accounts",
    Scope.PUBLISH: "Write and schedule posts",
    Scope.LINK: "Link accounts",
    Scope.ADMIN: "Manage keys and users, see the server's settings",
}


async def list_keys(visit: Visit) -> Response:
    """`/keys`: those that open the workspace, and those that did."""
    return await _keys(visit)


async def _keys(visit: Visit, status: int = 200, wrong: str = "") -> Response:
    keys = await visit.services.access.list_keys(visit.caller)
    users = {user.id: user for user in await _users(visit)}
    return visit.page(
        "keys/index.html",
        status,
        keys=[key for key in reversed(keys) if key.revoked_at is None],
        revoked=[key for key in reversed(keys) if key.revoked_at is not None],
        users=users,
        people=[("", "The workspace"), *((user.id, user.display_name) for user in users.values())],
        scopes=SCOPES,
        chosen=set(visit.texts("scope")) if visit.form else set(EVERYDAY_SCOPES),
        name=visit.text("name"),
        wrong=wrong,
    )


async def create_key(visit: Visit) -> Response:
    """A new key; its secret is on the page that answers, and nowhere else."""
    name, chosen = visit.text("name"), visit.texts("scope")
    try:
        _check_name(name, "A key needs a name, so that you know it again.")
        if not chosen or not set(chosen) <= set(Scope):
            raise InvalidParameters("Choose what the key may do.")
        scopes = frozenset(map(Scope, chosen))
        key, secret = await visit.services.access.create_key(
            visit.caller, name, scopes, visit.text("user") or None, budget=_budget(visit)
        )
    except PostroomError as error:
        return await _keys(visit, status_of(error), error.detail)
    return visit.page("keys/made.html", key=key, secret=secret, user=None, back="/keys")


async def set_budget(visit: Visit) -> Response:
    """How many deletions the key may ask for, from now on."""
    key = await visit.services.access.set_budget(visit.caller, visit.path["id"], _budget(visit))
    return visit.go("/keys", f"“{key.name}” has {'a' if key.budget.is_set else 'no'} budget of deletions.")


async def revoke_key(visit: Visit) -> Response:
    """The key ends, and with it whoever is signed in with it."""
    await visit.services.access.revoke_key(visit.caller, visit.path["id"])
    return visit.go("/keys", "The key was revoked: it opens nothing any more.")


async def list_users(visit: Visit) -> Response:
    """`/keys/users`: whom the workspace acts for."""
    return await _listed(visit)


async def _listed(visit: Visit, status: int = 200, wrong: str = "") -> Response:
    visit.services.access.require_owner(visit.caller)
    users = await visit.services.access.list_managed_users(visit.caller)
    keys = await visit.services.access.list_keys(visit.caller)
    held = {user.id: sum(key.managed_user_id == user.id and key.revoked_at is None for key in keys) for user in users}
    return visit.page(
        "keys/users.html",
        status,
        users=users,
        held=held,
        urls={user.id: visit.services.managed_users.page_url(user) for user in users},
        username=visit.text("username"),
        display_name=visit.text("display_name"),
        wrong=wrong,
    )


async def add_user(visit: Visit) -> Response:
    """Someone more to act for; who was detached comes back with what they had."""
    username, display_name = visit.text("username"), visit.text("display_name")
    try:
        _check_name(username, "A user needs a name, such as an email address.")
        _check_name(display_name or "-", "")
        user = await visit.services.access.add_managed_user(visit.caller, username, display_name or None)
    except PostroomError as error:
        return await _listed(visit, status_of(error), error.detail)
    return visit.go("/keys/users", f"{user.display_name} was added. Give them a page to link their accounts at.")


async def detach_user(visit: Visit) -> Response:
    """Their keys and their page end; their accounts and posts stay."""
    await visit.services.access.detach_managed_user(visit.caller, visit.path["id"])
    return visit.go("/keys/users", "The workspace acts for that user no more: their keys and their page have ended.")


async def make_user_key(visit: Visit) -> Response:
    """The user's one key, in the place of the one before."""
    user = await _user(visit)
    secret = await visit.services.managed_users.issue_key(visit.caller, user.id)
    return visit.page("keys/made.html", key=None, secret=secret, user=user, back="/keys/users")


async def make_page(visit: Visit) -> Response:
    """The page at which the user links accounts; a fresh one ends the one before."""
    days = visit.text("days", "90")
    if not days.isascii() or not days.isdigit() or not 0 < int(days) <= _MOST_DAYS:
        raise InvalidParameters(f"A page lives from 1 to {_MOST_DAYS} days.")
    user = await _user(visit)
    await visit.services.managed_users.page(visit.caller, user.id, timedelta(days=int(days)), rotate=True)
    return visit.go("/keys/users", f"{user.display_name} has a page to link accounts at. Send them its address.")


async def _users(visit: Visit) -> list[ManagedUser]:
    """None, where the caller manages nobody."""
    if not visit.is_owner or not visit.caller.workspace.entitlements.managed_users:
        return []
    return await visit.services.access.list_managed_users(visit.caller)


async def _user(visit: Visit) -> ManagedUser:
    for user in await visit.services.access.list_managed_users(visit.caller):
        if user.id == visit.path["id"]:
            return user
    raise NotFound("No such managed user.", kind=Kind.MANAGED_USER)


def _budget(visit: Visit) -> DeleteBudget:
    found = {name: visit.text(name) for name in ("per_hour", "per_day")}
    if any(each and not (each.isascii() and each.isdigit()) for each in found.values()):
        raise InvalidParameters("A budget of deletions is a number, or empty: as many as it likes.")
    return DeleteBudget(**{name: int(each[:9]) if each else None for name, each in found.items()})


def _check_name(name: str, wrong: str) -> None:
    if not name:
        raise InvalidParameters(wrong)
    if len(name) > _LONGEST_NAME:
        raise InvalidParameters(f"A name has at most {_LONGEST_NAME} characters.")


PAGES: list[Page] = [
    get("/keys", list_keys, Scope.ADMIN),
    post("/keys", create_key, Scope.ADMIN),
    post("/keys/{id}/budget", set_budget, Scope.ADMIN),
    post("/keys/{id}/revoke", revoke_key, Scope.ADMIN),
    get("/keys/users", list_users, Scope.ADMIN),
    post("/keys/users", add_user, Scope.ADMIN),
    post("/keys/users/{id}/detach", detach_user, Scope.ADMIN),
    post("/keys/users/{id}/key", make_user_key, Scope.ADMIN),
    post("/keys/users/{id}/page", make_page, Scope.ADMIN),
]
