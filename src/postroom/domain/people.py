"""People as a network shows them to one of its members. Nothing of it is kept."""

import msgspec


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody's profile, as far as the one who asks is shown it. Moments are milliseconds since 1970."""

    provider_id: str
    """The network's own id, by which messages name their sender."""
    username: str | None = None
    """What stands in the address of the profile; it may change."""
    name: str = ""
    first_name: str | None = None
    last_name: str | None = None
    headline: str | None = None
    summary: str | None = None
    location: str | None = None
    picture_url: str | None = None
    profile_url: str | None = None
    member_urn: str | None = None
    distance: int | None = None
    """0: oneself; 1: connected; 2, 3: by others; 4: not at all; None: the network does not say."""
    is_premium: bool | None = None
    is_open: bool | None = None
    """Whether anybody may write to them."""
    connected_at: int | None = None
