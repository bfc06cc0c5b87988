"""The workspace: keys, users, receipts, webhooks, events; and how the server is."""

from collections.abc import Collection, Sequence

from msgspec import UNSET, UnsetType

from postroom_client.calls import Call, Flow, Page, at, change, get
from postroom_client.flow import follow
from postroom_client.nouns import D, Noun, operation, paged, streamed
from postroom_client.types import (
    Delivery,
    Done,
    Event,
    Events,
    Health,
    Key,
    ManagedUser,
    Position,
    Receipt,
    ReceiptsKey,
    Secret,
    TakeDown,
    Webhook,
    Workspace,
)


class Workspaces(Noun[D]):
    """The key's own workspace."""

    @operation("get_workspace")
    def get(self) -> Call[Workspace]:
        """Get the key's workspace, and whom the key acts for."""
        return get(at("workspace"), Workspace)


class Keys(Noun[D]):
    """The workspace's keys; they need one with the scope `admin`."""

    @paged("list_keys")
    def list(self) -> Call[Page[Key]]:
        """List the keys, without their secrets."""
        return get(at("keys"), Page[Key])

    @operation("create_key")
    def create(
        self,
        name: str,
        *,
        scopes: Collection[str] | None = None,
        managed_user_id: str | None = None,
        deletes_per_hour: int | None = None,
        deletes_per_day: int | None = None,
    ) -> Call[Key]:
        """Make a key; its secret is shown this once. `scopes`: read, send, delete, publish, link, admin; all but admin
        if not said. `deletes_per_hour`, `deletes_per_day`: its budget of deletions, as an agent's key should have one.

        The secret is None where the answer was lost and came again: it is stored nowhere. Revoke that key.
        """
        body = {
            "name": name,
            "scopes": None if scopes is None else sorted(scopes),
            "managed_user_id": managed_user_id,
            "deletes_per_hour": deletes_per_hour,
            "deletes_per_day": deletes_per_day,
        }
        return change("POST", at("keys"), Key, body)

    @operation("set_key_budget")
    def budget(self, id: str, *, deletes_per_hour: int | None, deletes_per_day: int | None) -> Call[Key]:
        """Say how many deletions a key may ask for; None: as many as it likes. What it deleted lately counts."""
        body = {"deletes_per_hour": deletes_per_hour, "deletes_per_day": deletes_per_day}
        return change("PUT", at("keys", id, "budget"), Key, body)

    @operation("revoke_key")
    def revoke(self, id: str) -> Call[Done]:
        """End a key for good."""
        return change("DELETE", at("keys", id), Done)


class ManagedUsers(Noun[D]):
    """Users whom the workspace acts for."""

    @paged("list_managed_users")
    def list(self) -> Call[Page[ManagedUser]]:
        """List them."""
        return get(at("managed-users"), Page[ManagedUser])

    @operation("create_managed_user")
    def create(self, username: str, *, display_name: str | None = None) -> Call[ManagedUser]:
        """Add one."""
        return change("POST", at("managed-users"), ManagedUser, {"username": username, "display_name": display_name})


class Receipts(Noun[D]):
    """What became of deletions: signed, chained, without content."""

    @paged("list_receipts")
    def list(self, *, target_id: str | None = None, limit: int | None = None) -> Call[Page[Receipt]]:
        """List receipts, newest first; `target_id`: only those of this message, account or post group."""
        return get(at("receipts"), Page[Receipt], {"target_id": target_id, "limit": limit})

    @operation("get_receipt")
    def get(self, id: str) -> Call[Receipt]:
        """Get a receipt."""
        return get(at("receipts", id), Receipt)

    @operation("export_receipts")
    def export(self, *, after: int | None = None, limit: int | None = None) -> Call[bytes]:
        """Export the chain as JSON lines, which `postroom receipts verify` checks without the server."""
        return get(at("receipts", "export"), bytes, {"after": after, "limit": limit})

    @operation("get_receipts_key")
    def key(self) -> Call[ReceiptsKey]:
        """Get the public key that checks the signatures."""
        return get(at("receipts", "key"), ReceiptsKey)

    @operation("take_down_receipt")
    def take_down(self, id: str, *, wait_seconds: int = 10) -> Call[TakeDown]:
        """Remove what a deleted post group left live, by the receipt of its deletion."""
        path = at("receipts", id, "take-down")
        return change("POST", path, TakeDown, query={"wait_seconds": wait_seconds}, waits_seconds=wait_seconds)


class Webhooks(Noun[D]):
    """Endpoints that are told of events, signed as Standard Webhooks say."""

    @paged("list_webhook_endpoints")
    def list(self) -> Call[Page[Webhook]]:
        """List your webhooks, without their secrets."""
        return get(at("webhooks"), Page[Webhook])

    @operation("get_webhook_endpoint")
    def get(self, id: str) -> Call[Webhook]:
        """Get a webhook: how far it has been told, and what went wrong."""
        return get(at("webhooks", id), Webhook)

    @operation("create_webhook_endpoint")
    def create(self, name: str, url: str, *, events: Sequence[str] = ()) -> Call[Webhook]:
        """Be told of events at a URL; the secret is shown this once. `events` empty: all types, those to come too."""
        return change("POST", at("webhooks"), Webhook, {"name": name, "url": url, "events": list(events)})

    @operation("update_webhook_endpoint")
    def update(
        self,
        id: str,
        *,
        name: str | UnsetType = UNSET,
        url: str | UnsetType = UNSET,
        events: Sequence[str] | UnsetType = UNSET,
        active: bool | UnsetType = UNSET,
        position: int | UnsetType = UNSET,
    ) -> Call[Webhook]:
        """Change a webhook, enable it again, or have it told again of what came after a position."""
        body = {"name": name, "url": url, "events": events, "active": active, "position": position}
        return change("PATCH", at("webhooks", id), Webhook, body)

    @operation("delete_webhook_endpoint")
    def delete(self, id: str) -> Call[Done]:
        """Delete a webhook."""
        return change("DELETE", at("webhooks", id), Done)

    @operation("regenerate_endpoint_secret")
    def regenerate_secret(self, id: str) -> Call[Secret]:
        """Make another secret, shown this once; the one before it signs nothing more."""
        return change("POST", at("webhooks", id, "regenerate-secret"), Secret)

    @paged("list_webhook_deliveries")
    def deliveries(self, id: str, *, failed: bool = False, limit: int | None = None) -> Call[Page[Delivery]]:
        """List what was tried to tell it in the last week, newest first; `failed`: only what did not arrive."""
        return get(at("webhooks", id, "deliveries"), Page[Delivery], {"failed": failed, "limit": limit})

    @operation("replay_webhook_delivery")
    def replay(self, id: str, delivery_id: str) -> Call[Page[Delivery]]:
        """Tell the event of a delivery again, as it now stands: how each try went."""
        return change("POST", at("webhooks", id, "deliveries", delivery_id, "replay"), Page[Delivery])

    @operation("send_webhook_test")
    def test(self, id: str) -> Call[Delivery]:
        """Send it what says that it is a test, and hear how it went."""
        return change("POST", at("webhooks", id, "test"), Delivery)


class EventLog(Noun[D]):
    """What happened, in order, each with its position."""

    @operation("list_events")
    def read(self, after: int = 0, *, limit: int | None = None, wait_seconds: int = 0) -> Call[Events]:
        """Read what came after a position; where that is nothing, wait so long for it."""
        query = {"after": after, "limit": limit, "wait_seconds": wait_seconds}
        return get(at("events"), Events, query, waits_seconds=wait_seconds)

    @operation("get_events_position")
    def position(self) -> Call[Position]:
        """Get the position after which only what is yet to happen follows."""
        return get(at("events", "position"), Position)

    @streamed("list_events", "get_events_position", of=Event)
    def follow(
        self,
        after: int | None = None,
        *,
        types: Collection[str] = (),
        give_up_after_seconds: float | None = None,
    ) -> Flow[None]:
        """Go through events as they come, for ever: what came after a position, or (None) what happens from now on.

        It goes on where it was through lost connections and restarts of the server: nothing is missed, nothing comes
        twice. Keep the `position` of what you are done with, to go on there after a restart of your own. `types`: only
        these. `give_up_after_seconds`: raise what is wrong once the server has not been heard for so long.

        Raises:
            CursorTooOld: what came next is kept no longer; its `oldest` is where to go on.
            NoAnswer, NotAuthenticated: the server does not answer at the start; the key is revoked.
        """
        return follow(after, types, give_up_after_seconds, self._door.options)


class Server(Noun[D]):
    """How the server is."""

    @operation("health")
    def health(self) -> Call[Health]:
        """Whether it can do its work; `Unavailable` if not."""
        return get(at("health"), Health)

    @operation("metrics")
    def metrics(self) -> Call[str]:
        """Figures in Prometheus' text format: from its own machine, or with a key that may administer."""
        return get(at("metrics"), str)
