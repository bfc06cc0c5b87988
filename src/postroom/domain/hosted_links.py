"""Links that a workspace gives to somebody outside, who links one account by it."""

import msgspec


class Wish(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What whoever made the link wants done with whoever follows it. Sealed: it has names and addresses."""

    name: str = ""
    """What `notify_url` is told, to know them again."""
    success_url: str | None = None
    failure_url: str | None = None
    notify_url: str | None = None
    straight_on: bool = False
    """Whether to go to `success_url` without a word."""


class HostedLink(msgspec.Struct, frozen=True, kw_only=True):
    """One such link. It is used up by the account that was linked by it."""

    id: str
    workspace_id: str
    user_id: str
    """The user whom the account will belong to."""
    providers: tuple[str, ...]
    """The networks that are offered."""
    relinks: str | None
    """The account that is to be linked again; None: a new one."""
    created_at: int
    expires_at: int
    wish: Wish
    attempt_id: str | None = None
    """The attempt that was begun by it last: nobody else's is gone on with there."""
    account_id: str | None = None
    """What was linked; then it is used up."""
    was_new: bool = False
