"""Post groups: written once, published at several networks, taken down."""

from datetime import datetime

from postroom_client.calls import Call, at, change, get, moment
from postroom_client.nouns import D, Noun, operation
from postroom_client.types import Done, TakeDown

_WAIT_SECONDS = 10


class Posts(Noun[D]):
    """Post groups of the user that the key acts for."""

    @operation("take_down_post_group")
    def take_down(self, id: str, *, wait_seconds: int = _WAIT_SECONDS) -> Call[TakeDown]:
        """Remove a post group's live posts from their networks, with an outcome for each. The group stays.

        `wait_seconds`: how long to wait until all is settled; ask `take_downs.get` for what is not by then.
        """
        path = at("post-groups", id, "take-down")
        return change("POST", path, TakeDown, query={"wait_seconds": wait_seconds}, waits_seconds=wait_seconds)

    @operation("set_delete_at")
    def delete_at(self, id: str, at_: datetime | None, *, then: str = "keep") -> Call[Done]:
        """Have the live posts taken down at a moment, and `then` the group kept, or deleted; None: not any more."""
        body = {"delete_at": None if at_ is None else moment(at_), "then": then}
        return change("PUT", at("post-groups", id, "delete-at"), Done, body)


class TakeDowns(Noun[D]):
    """Removals of live posts, and what came of them."""

    @operation("get_take_down")
    def get(self, id: str) -> Call[TakeDown]:
        """Get a take-down: what came of it so far."""
        return get(at("take-downs", id), TakeDown)
