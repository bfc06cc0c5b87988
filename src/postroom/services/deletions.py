"""Deletions in two steps, for agents: what would go is shown with a token, and only that token deletes it, once.

The token is sealed for the key, the user it acts for and the target, and holds a hash of the target as it was shown: with
another key, for another target, after a change, a second time or too late it confirms nothing. It is not stored.
"""

import base64
import binascii
import hashlib
import os
from datetime import timedelta

import msgspec

from postroom.clock import Clock, to_ms
from postroom.domain.access import Caller
from postroom.domain.messages import Message
from postroom.domain.previews import NEEDS, DeletionKind, Outcome, Preview, Target
from postroom.domain.takedowns import Takedown, TargetOutcome
from postroom.errors import Conflict, Kind, ProviderDown, RateLimited, Unavailable
from postroom.services import spending as budgets
from postroom.services.access import Access
from postroom.services.accounts import Accounts
from postroom.services.engagement import Engagement
from postroom.services.posts import PostGroupView, Posts
from postroom.services.previews import Previews, engaged, group_state, message_state
from postroom.services.recalls import Recalls
from postroom.services.receipts import Receipts
from postroom.services.spending import Budget
from postroom.services.takedowns import Takedowns
from postroom.services.webhooks import Webhooks
from postroom.store import spending
from postroom.store.database import Database
from postroom.store.seal import Unreadable

TOKEN_LIVES = timedelta(minutes=5)
_PREFIX = "del_"
_ID_BYTES = 10
_HASH_BYTES = 16

_NO_TOKEN = (
    "This token does not confirm that: tokens are for the key, the user and the target that they were given out for. "
    "Nothing was deleted: preview it again."
)
_SPENT = "This token was used already, or has expired. Nothing was deleted by this call: preview it again."
_CHANGED = "What would go has changed since it was shown. Nothing was deleted: preview it again."


class Powers(msgspec.Struct, frozen=True, kw_only=True):
    """The services that delete, each its own things."""

    access: Access
    accounts: Accounts
    engagement: Engagement
    posts: Posts
    recalls: Recalls
    takedowns: Takedowns
    webhooks: Webhooks


class Deletions:
    """What callers delete in two steps. The services that delete count it against the budget of the caller's key."""

    def __init__(
        self,
        database: Database,
        previews: Previews,
        powers: Powers,
        receipts: Receipts,
        now: Clock,
    ) -> None:
        self._database = database
        self._previews = previews
        self._powers = powers
        self._receipts = receipts
        self._now = now

    async def preview(self, caller: Caller, target: Target) -> Preview:
        """What would go, as it now stands, and for five minutes the token that confirms it. Nothing is deleted.

        Raises:
            NotFound: no such thing of the caller's.
            NotAuthenticated: the key may not delete things of that kind.
            InvalidParameters: a comment or reaction without its post and account.
        """
        self._powers.access.require(caller, NEEDS[target.kind])
        shown, state = await self._previews.show(caller, target)
        if not shown.can_delete:
            return Preview(target=target, shown=shown, token=None, expires_at=None)
        now = self._now()
        id = os.urandom(_ID_BYTES)
        expires_at = to_ms(now + TOKEN_LIVES)
        async with self._database.begin() as tx:
            await spending.add_token(tx, caller.workspace_id, id.hex(), expires_at)
            sealed = tx.keyring.token_seal.close(id + _hash(state), _context(caller, target))
        token = _PREFIX + base64.urlsafe_b64encode(sealed).decode()
        return Preview(target=target, shown=shown, token=token, expires_at=expires_at)

    async def confirm(self, caller: Caller, target: Target, token: str) -> Outcome:
        """Delete what was shown, as it was shown, once.

        The token is used up by this, unless nothing was done and it is only to be tried again later.

        Raises:
            Conflict: (kind CONFIRMATION) the token is not for that, was used, has expired, or the target has changed.
            RateLimited: (kind DELETE_BUDGET) the key's budget is used up.
            NotFound, NotAuthenticated, ProviderError: as the services that delete it. OutcomeUnknown: it may be gone.
        """
        self._powers.access.require(caller, NEEDS[target.kind])
        id, hashed = self._open(caller, target, token)
        async with self._database.begin() as tx:
            if not await spending.use_token(tx, caller.workspace_id, id.hex(), to_ms(self._now())):
                raise Conflict(_SPENT, kind=Kind.CONFIRMATION)

        try:
            _, state = await self._previews.show(caller, target)
            _check(state, hashed)
            takedown = await self._delete(caller, target, hashed)
        except (RateLimited, ProviderDown, Unavailable):
            async with self._database.begin() as tx:
                await spending.give_back_token(tx, caller.workspace_id, id.hex())
            raise
        receipts = (await self._receipts.list(caller, target_id=target.id, limit=1)).items
        return Outcome(
            target=target,
            done=_DONE[target.kind] if takedown is None else _how_far(takedown),
            takedown=takedown,
            receipt_id=receipts[0].id if receipts else None,
        )

    async def budget(self, caller: Caller) -> Budget:
        """What is left of the budget of the caller's key."""
        async with self._database.read() as reader:
            return await budgets.standing(reader, caller, to_ms(self._now()))

    def _open(self, caller: Caller, target: Target, token: str) -> tuple[bytes, bytes]:
        try:
            sealed = base64.b64decode(token.removeprefix(_PREFIX), altchars=b"-_", validate=True)
            opened = self._database.keyring.token_seal.open(sealed, _context(caller, target))
        except (Unreadable, binascii.Error, ValueError) as error:
            raise Conflict(_NO_TOKEN, kind=Kind.CONFIRMATION) from error
        return opened[:_ID_BYTES], opened[_ID_BYTES:]

    async def _delete(self, caller: Caller, target: Target, hashed: bytes) -> Takedown | None:
        powers = self._powers

        def same_message(found: Message) -> None:
            _check(message_state(found), hashed)

        def same_group(found: PostGroupView) -> None:
            _check(group_state(found), hashed)

        match target.kind:
            case DeletionKind.MESSAGE:
                await powers.recalls.recall(caller, target.id, same_message)
            case DeletionKind.POST_GROUP:
                await powers.posts.delete(caller, target.id, same_group)
            case DeletionKind.TAKE_DOWN:
                return await powers.takedowns.take_down(caller, target.id)
            case DeletionKind.ACCOUNT:
                await powers.accounts.unlink(caller, target.id)
            case DeletionKind.WEBHOOK:
                endpoint = await self._previews.webhook(caller, target.id)
                await powers.webhooks.remove(caller, target.id, endpoint.format)
            case DeletionKind.MANAGED_USER:
                await powers.access.detach_managed_user(caller, target.id)
            case DeletionKind.COMMENT:
                provider, account_id, post = engaged(target)
                await powers.engagement.delete_comment(caller, provider, account_id, post, target.id)
            case DeletionKind.REACTION:
                provider, account_id, post = engaged(target)
                await powers.engagement.react(caller, provider, account_id, post, None)
        return None


_DONE = dict.fromkeys(DeletionKind, "deleted") | {
    DeletionKind.ACCOUNT: "unlinked",
    DeletionKind.MANAGED_USER: "detached",
}


def _how_far(takedown: Takedown) -> str:
    outcomes = {target.outcome for target in takedown.targets}
    if TargetOutcome.IN_DOUBT in outcomes:
        return "in_doubt"
    if takedown.settled_at is None:
        return "under_way"
    return "taken_down" if outcomes <= {TargetOutcome.DONE} else "not_all"


def _context(caller: Caller, target: Target) -> str:
    parts = (caller.workspace_id, caller.key_id, caller.user_id, *msgspec.structs.astuple(target))
    return "deletion " + msgspec.json.encode(parts).decode()


def _hash(state: bytes) -> bytes:
    return hashlib.blake2b(state, digest_size=_HASH_BYTES).digest()


def _check(state: bytes, hashed: bytes) -> None:
    if _hash(state) != hashed:
        raise Conflict(_CHANGED, kind=Kind.CONFIRMATION)
