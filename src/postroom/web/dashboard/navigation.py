"""Where one can go: what the menu, the keyboard's help and the phone's bar show."""

import msgspec


class Place(msgspec.Struct, frozen=True):
    """An entry of the menu."""

    name: str
    href: str
    icon: str
    """Of `static/icons.svg`."""
    key: str
    """`g` and this lead there."""
    scope: str = "read"
    on_phone: bool = False
    """Whether it is in the bar at the bottom; all are in the menu."""
    only_sandbox: bool = False


NAVIGATION = (
    Place("Overview", "/", "overview", "o", on_phone=True),
    Place("Inbox", "/inbox", "inbox", "i", on_phone=True),
    Place("Posts", "/posts", "posts", "p", on_phone=True),
    Place("Media", "/library", "media", "m"),
    Place("Accounts", "/accounts", "accounts", "a", on_phone=True),
    Place("Webhooks", "/webhooks", "webhooks", "w"),
    Place("Receipts", "/receipts", "receipts", "r"),
    Place("Keys", "/keys", "keys", "k", scope="admin"),
    Place("Health", "/health", "health", "h"),
    Place("Settings", "/settings", "settings", "s"),
    Place("Sandbox", "/sandbox", "sandbox", "x", only_sandbox=True),
)


def section(path: str) -> str:
    """The entry that a path belongs to, by its address."""
    return "/" + path.split("/", 2)[1] if path.startswith("/") else "/"
