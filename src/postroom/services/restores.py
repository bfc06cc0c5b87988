"""What a restored database goes through before anybody reads it: what was deleted since the backup is deleted again.

Whatever deletes goes on; whatever would send, and may have done so since, waits for its owner.
"""

from collections import defaultdict
from collections.abc import Callable

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.accounts import IN_USE, AccountStatus
from postroom.domain.deferrals import DeferralState
from postroom.errors import Unavailable
from postroom.services import deferral_ends
from postroom.services.accounts import Accounts
from postroom.services.burial import bury
from postroom.services.events import Events
from postroom.services.ingest import Ingest
from postroom.services.posts import Posts
from postroom.store import access, accounts, burials, deferrals, jobs, library, posts, restoring, unwritten, webhooks
from postroom.store.database import Database, Tx
from postroom.store.graves import (
    DEFERRAL,
    EXPIRY,
    FILE,
    KEY,
    MESSAGE,
    POST_CHANGED,
    POST_GROUP,
    WEBHOOK,
    Grave,
    message_kind,
)

_ORIGIN = "restore"
_POST_IN_DOUBT = (
    "It was to be published between the backup and its restore, so it may be live: look there, then decide."
)
_UNSENT = "It was waiting when the backup was made. Whether it was undone since is not known, so it was not sent."
_SENT_PERHAPS = "It was to be sent between the backup and its restore, so that it may have been: look in the chat."
_CALLED_OFF = "It was undone after the backup was made that this server was restored from."
_HELD = "It was waiting when the backup was made. Whether it was undone since is not known, so it was not done."


class Replayed(msgspec.Struct, kw_only=True):
    """What was deleted again, and what waits for its owner."""

    accounts: int = 0
    messages: int = 0
    post_groups: int = 0
    files: int = 0
    """Of libraries."""
    keys: int = 0
    webhooks: int = 0
    posts_in_doubt: int = 0
    posts_called_off: list[str] = msgspec.field(default_factory=list)
    """Post groups that were unscheduled, moved or written anew since, or that were held: drafts now."""
    deletions_called_off: list[str] = msgspec.field(default_factory=list)
    """Deferrals of deletions that were undone since, or that were held."""
    takedowns_called_off: int = 0
    """Of those for a moment: called off or moved since, or held."""
    unsent: int = 0
    scheduled: int = 0
    """Posts that go out at their time, as the backup has it."""


class Restores:
    """The operator's own: across workspaces, while nothing else is at work."""

    def __init__(
        self, database: Database, accounts: Accounts, posts: Posts, ingest: Ingest, events: Events, now: Clock
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._posts = posts
        self._ingest = ingest
        self._events = events
        self._now = now

    async def require_whole(self) -> None:
        """Raises:
        Unavailable: nobody may read this database yet.
        """
        async with self._database.read() as reader:
            if await restoring.begun(reader) is not None:
                raise Unavailable(
                    "A restore into this database was begun and is not over: run `postroom restore` again."
                )

    async def remember(self) -> None:
        """Have the keyring know what this database knows to be deleted: a crash may have come between the two."""
        keyring = self._database.keyring
        since = max(int(keyring.marked(restoring.REMEMBERED) or 0) - restoring.SLACK_MS, 0)
        until = to_ms(self._now())
        async with self._database.read() as reader:
            waiting = await unwritten.list_all(reader)
            keyring.graves.dig(*await restoring.list_graves(reader, since), *waiting)
        await keyring.graves.settled()
        if keyring.graves.behind:
            return
        keyring.mark(restoring.REMEMBERED, str(until))
        if waiting:
            async with self._database.begin() as tx:
                await unwritten.remove(tx, waiting)

    async def replay(self, told: Callable[[str], None] = lambda _: None, *, hold: bool = False) -> Replayed:
        """Delete again what was deleted since, and leave what may have been sent to its owner. Safe to repeat.

        What was called off since is off. `hold`: so is all that waits for its moment, as if it had been.
        Nobody may read the database before `finish`.
        """
        done = Replayed()
        graves: dict[str, list[Grave]] = defaultdict(list)
        for grave in self._database.keyring.graves.list():
            graves[grave.kind.partition(":")[0]].append(grave)
        told("accounts that were unlinked")
        await self._forget_accounts(done)
        told("messages that were recalled")
        await self._bury(graves[MESSAGE], done)
        told("posts, keys and webhooks that were deleted")
        await self._remove_groups(graves[POST_GROUP], done)
        await self._remove_files(graves[FILE], done)
        await self._remove_doors(graves[KEY], graves[WEBHOOK], done)
        told("what may have been sent")
        await self._leave_to_their_owners(done)
        told("what was called off")
        await self._call_off_posts(graves[POST_CHANGED], done, hold=hold)
        await self._call_off_deletions(graves[DEFERRAL], graves[EXPIRY], done, hold=hold)
        async with self._database.read() as reader:
            done.scheduled = await restoring.count_scheduled(reader)
        return done

    async def _forget_accounts(self, done: Replayed) -> None:
        held = self._database.keyring.accounts()
        async with self._database.read() as reader:
            found = await restoring.list_accounts(reader)
        for workspace_id, account_id, *_ in found:
            if account_id not in held:
                async with self._database.begin() as tx:
                    await accounts.set_status(tx, workspace_id, account_id, AccountStatus.UNLINKING, None)
                await self._accounts.finish_unlink(workspace_id, account_id)
                done.accounts += 1

    async def _bury(self, graves: list[Grave], done: Replayed) -> None:
        buried = {(grave.workspace_id, grave.kind, grave.name) for grave in graves}
        async with self._database.read() as reader:
            held = {workspace.id for workspace in await access.list_workspaces(reader)}
        async with self._database.begin() as tx:
            for grave in graves:
                if grave.workspace_id in held:
                    provider = grave.kind.partition(":")[2]
                    await burials.add_tombstone(tx, grave.workspace_id, provider, grave.name, "", grave.at)
        async with self._database.read() as reader:
            shown = await restoring.list_keys_of_subjects(reader)
        place: str | None = ""
        while shown or place is not None:
            for workspace_id, provider, key, key_hash in sorted(shown):
                if (workspace_id, message_kind(provider), key_hash) in buried:
                    done.messages += await self._bury_one(workspace_id, provider, key)
            shown = set()
            if place is not None:
                async with self._database.read() as reader:
                    shown, place = await restoring.list_keys_of_messages(reader, place)

    async def _bury_one(self, workspace_id: str, provider: str, key: str) -> int:
        async with self._database.begin() as tx:
            gone = await bury(
                tx,
                self._events,
                self._now,
                workspace_id=workspace_id,
                provider=provider,
                key=key,
                chat_key="",
                origin=_ORIGIN,
            )
        return len(gone)

    async def _remove_groups(self, graves: list[Grave], done: Replayed) -> None:
        for grave in graves:
            async with self._database.begin() as tx:
                user_id = await posts.find_user(tx, grave.workspace_id, grave.name)
                if user_id is not None:
                    await self._posts.remove(tx, grave.workspace_id, user_id, grave.name, origin=_ORIGIN)
                    done.post_groups += 1

    async def _remove_files(self, graves: list[Grave], done: Replayed) -> None:
        for grave in graves:
            async with self._database.begin() as tx:
                done.files += await library.remove(tx, grave.workspace_id, grave.name) is not None

    async def _remove_doors(self, keys: list[Grave], endpoints: list[Grave], done: Replayed) -> None:
        async with self._database.begin() as tx:
            await restoring.close_pages(tx)
            for grave in keys:
                done.keys += await access.revoke_key(tx, grave.workspace_id, grave.name, grave.at)
            for grave in endpoints:
                if await webhooks.hold(tx, grave.workspace_id, grave.name) is not None:
                    await webhooks.remove(tx, grave.workspace_id, grave.name)
                    done.webhooks += 1

    async def _leave_to_their_owners(self, done: Replayed) -> None:
        now = to_ms(self._now())
        async with self._database.read() as reader:
            doubtful = await restoring.list_posts_in_doubt(reader, now)
            unsent = await restoring.list_unsent(reader)
        for workspace_id, post_id in doubtful:
            async with self._database.begin() as tx:
                done.posts_in_doubt += await self._posts.leave_in_doubt(tx, workspace_id, post_id, _POST_IN_DOUBT)
        for workspace_id, deferral_id in unsent:
            async with self._database.begin() as tx:
                held = await deferrals.hold(tx, workspace_id, deferral_id)
                if held is None or held.settled_at is not None:
                    continue
                waits = held.state is DeferralState.WAITING and held.due_at > now
                state, detail = (DeferralState.UNDONE, _UNSENT) if waits else (DeferralState.IN_DOUBT, _SENT_PERHAPS)
                await jobs.cancel_by_lock(tx, workspace_id, f"deferral:{held.id}")
                await deferral_ends.end(tx, self._events, self._now, held, state, detail)
                done.unsent += 1

    async def _call_off_posts(self, graves: list[Grave], done: Replayed, *, hold: bool) -> None:
        """Of a post that was changed since nobody knows what it says now: it goes out when its owner says so."""
        now = to_ms(self._now())
        newest: dict[tuple[str, str], tuple[int, bool]] = {}
        for grave in graves:
            group_id, _, number = grave.name.partition(":")
            place = grave.workspace_id, group_id
            due_since = 0 < grave.at <= now
            newest[place] = max(newest.get(place, (0, False)), (int(number), due_since))
        for (workspace_id, group_id), (version, due_since) in newest.items():
            async with self._database.begin() as tx:
                held = await restoring.find_version(tx, workspace_id, group_id)
                if held is None or held >= version:
                    continue
                if due_since:
                    done.posts_in_doubt += await self._doubt_group(tx, workspace_id, group_id)
                elif await self._posts.hold_back(tx, workspace_id, group_id):
                    done.posts_called_off.append(group_id)
        if hold:
            async with self._database.read() as reader:
                scheduled = await restoring.list_scheduled(reader)
            for workspace_id, group_id in scheduled:
                async with self._database.begin() as tx:
                    if await self._posts.hold_back(tx, workspace_id, group_id):
                        done.posts_called_off.append(group_id)

    async def _doubt_group(self, tx: Tx, workspace_id: str, group_id: str) -> int:
        found = (await posts.list_posts(tx, workspace_id, [group_id])).get(group_id, [])
        doubted = [
            await self._posts.leave_in_doubt(tx, workspace_id, post.id, _POST_IN_DOUBT) for post in reversed(found)
        ]
        return sum(doubted)

    async def _call_off_deletions(
        self, undone: list[Grave], called_off: list[Grave], done: Replayed, *, hold: bool
    ) -> None:
        """No deletion is done that somebody undid: it would be for good."""
        known = {(grave.workspace_id, grave.name): _CALLED_OFF for grave in undone}
        jobs_known = {(grave.workspace_id, grave.name) for grave in called_off}
        async with self._database.read() as reader:
            waiting = await restoring.list_deletions(reader)
            expiries = await restoring.list_expiries(reader)
        for place in waiting:
            if not (hold or place in known):
                continue
            async with self._database.begin() as tx:
                held = await deferrals.hold(tx, *place)
                if held is not None and held.settled_at is None:
                    await jobs.cancel_by_lock(tx, held.workspace_id, f"deferral:{held.id}")
                    detail = known.get(place, _HELD)
                    await deferral_ends.end(tx, self._events, self._now, held, DeferralState.UNDONE, detail)
                    done.deletions_called_off.append(held.id)
        for workspace_id, job_id in expiries:
            if hold or (workspace_id, job_id) in jobs_known:
                async with self._database.begin() as tx:
                    await restoring.cancel(tx, job_id)
                    done.takedowns_called_off += 1

    async def finish(self) -> None:
        """The restore is over, its files included: from now on it may be served. What networks know since is asked for."""
        async with self._database.read() as reader:
            found = await restoring.list_accounts(reader)
        async with self._database.begin() as tx:
            await restoring.let_go(tx)
            for workspace_id, account_id, status, has_chats in found:
                if has_chats and status in IN_USE:
                    await self._ingest.queue_sync_in(tx, workspace_id, account_id)
            await restoring.over(tx)
        await self._database.scrub()
