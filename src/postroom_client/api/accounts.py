"""Linked accounts, and how they are linked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from postroom_client.calls import Call, Page, at, change, get
from postroom_client.nouns import D, Noun, operation, paged
from postroom_client.types import Account, Done, Link, Network, ProxyOf, Sync


class Networks(Noun[D]):
    """The networks that the server speaks to."""

    @paged("list_capabilities")
    def list(self) -> Call[Page[Network]]:
        """List what each network can do, with its limits and the ways to link an account."""
        return get(at("capabilities"), Page[Network])


class Accounts(Noun[D]):
    """Linked accounts of all networks."""

    @paged("list_accounts")
    def list(self, *, provider: str | None = None, limit: int | None = None) -> Call[Page[Account]]:
        """List linked accounts, of one network or of all. `limit`: how many a page has."""
        return get(at("accounts"), Page[Account], {"provider": provider, "limit": limit})

    @operation("get_account")
    def get(self, id: str) -> Call[Account]:
        """Get an account."""
        return get(at("accounts", id), Account)

    @operation("unlink_account")
    def unlink(self, id: str) -> Call[Done]:
        """Unlink an account, and destroy the key of everything that was held of it. There is no way back."""
        return change("DELETE", at("accounts", id), Done)

    @operation("sync_account")
    def sync(self, id: str) -> Call[Done]:
        """Have an account synced soon."""
        return change("POST", at("accounts", id, "sync"), Done)

    @operation("pause_account")
    def pause(self, id: str) -> Call[Account]:
        """Pause an account: nothing is heard, synced or sent until it is resumed."""
        return change("POST", at("accounts", id, "pause"), Account)

    @operation("resume_account")
    def resume(self, id: str) -> Call[Account]:
        """Resume a paused account, and catch up with what happened meanwhile."""
        return change("POST", at("accounts", id, "resume"), Account)

    @operation("resync_account")
    def resync(
        self,
        id: str,
        *,
        before: datetime | None = None,
        after: datetime | None = None,
        chunk_chats: int | None = None,
    ) -> Call[Sync]:
        """Read all chats of an account anew, or hear how far that is: ask until it says `done` or `failed`."""
        body = {"before": _ms(before), "after": _ms(after), "chunk_chats": chunk_chats}
        return change("POST", at("accounts", id, "resync"), Sync, body)

    @operation("relink_account")
    def relink(
        self,
        id: str,
        flow: str,
        answers: Mapping[str, str] | None = None,
        *,
        proxy: Mapping[str, Any] | None = None,
    ) -> Call[Link]:
        """Link an account again, step by step. Another person's credentials change nothing.

        `proxy`: as in `links.start`; without one it is linked by the one that it has.
        """
        body = {"flow": flow, "answers": answers, "proxy": None if proxy is None else dict(proxy)}
        return change("POST", at("accounts", id, "link"), Link, body)

    @operation("get_proxy")
    def proxy(self, id: str) -> Call[ProxyOf]:
        """Get the proxy by which an account goes out."""
        return get(at("accounts", id, "proxy"), ProxyOf)

    @operation("set_proxy")
    def set_proxy(
        self,
        id: str,
        host: str,
        port: int,
        *,
        protocol: str = "http",
        username: str | None = None,
        password: str | None = None,
    ) -> Call[ProxyOf]:
        """Have an account go out by a proxy, and by nothing else; its connections are opened anew."""
        body = {"protocol": protocol, "host": host, "port": port, "username": username, "password": password}
        return change("PUT", at("accounts", id, "proxy"), ProxyOf, body)

    @operation("remove_proxy")
    def remove_proxy(self, id: str) -> Call[Done]:
        """Have an account go out by the server's own address again."""
        return change("DELETE", at("accounts", id, "proxy"), Done)


class Links(Noun[D]):
    """Attempts to link an account, step by step, until a `Link` says `linked`."""

    @operation("start_link")
    def start(self, provider: str, flow: str, *, proxy: Mapping[str, Any] | None = None) -> Call[Link]:
        """Begin to link an account: what is its owner asked first? `flow` is one of the network's.

        `proxy`: `{"protocol", "host", "port", "username", "password"}`, by which alone the account goes out.
        """
        body = {"provider": provider, "flow": flow, "proxy": None if proxy is None else dict(proxy)}
        return change("POST", at("links"), Link, body)

    @operation("answer_link")
    def answer(self, id: str, answers: Mapping[str, str] | None = None) -> Call[Link]:
        """Answer the last step, by field; without answers: ask whether the owner has done what was to be done."""
        return change("POST", at("links", id), Link, {"answers": dict(answers or {})})

    @operation("get_link")
    def get(self, id: str) -> Call[Link]:
        """Read what was asked last; `id` is the attempt's, or that of the account that is being linked."""
        return get(at("links", id), Link)

    @operation("resend_code")
    def resend_code(self, id: str) -> Call[Link]:
        """Have the network send the code of a checkpoint once more."""
        return change("POST", at("links", id, "resend"), Link)


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
