"""What a deletion would take, as it now stands: what is shown before it is confirmed, and what of it must not change."""

from typing import Any

import msgspec

from postroom.clock import iso
from postroom.connectors.registry import Registry
from postroom.domain.access import Caller
from postroom.domain.messages import Message
from postroom.domain.posts import PostStatus
from postroom.domain.previews import DeletionKind, Shown, Target
from postroom.domain.webhooks import Format, WebhookEndpoint
from postroom.errors import InvalidParameters, Kind, NotFound
from postroom.services.access import Access
from postroom.services.accounts import Accounts
from postroom.services.deadlines import Deadlines
from postroom.services.fittings import Fittings
from postroom.services.messages import Messages
from postroom.services.posts import PostGroupView, Posts
from postroom.services.webhooks import Webhooks

_UNDER_WAY = (PostStatus.PROCESSING, PostStatus.UNCONFIRMED)


class Previews:
    """Looks, and changes nothing."""

    def __init__(
        self,
        registry: Registry,
        access: Access,
        accounts: Accounts,
        messages: Messages,
        posts: Posts,
        webhooks: Webhooks,
        deadlines: Deadlines,
        fittings: Fittings,
    ) -> None:
        self._registry = registry
        self._access = access
        self._accounts = accounts
        self._messages = messages
        self._posts = posts
        self._webhooks = webhooks
        self._deadlines = deadlines
        self._fittings = fittings

    async def show(self, caller: Caller, target: Target) -> tuple[Shown, bytes]:
        """A target, and the state of it that a confirmation is bound to.

        Raises:
            NotFound: no such thing of the caller's.
            InvalidParameters: a comment or reaction without its post and account.
        """
        match target.kind:
            case DeletionKind.MESSAGE:
                return await self._message(caller, target.id)
            case DeletionKind.POST_GROUP | DeletionKind.TAKE_DOWN:
                view = await self._posts.get(caller, target.id)
                shown = self._group(view) if target.kind is DeletionKind.POST_GROUP else await self._live(caller, view)
                return shown, group_state(view)
            case DeletionKind.ACCOUNT:
                return await self._account(caller, target.id)
            case DeletionKind.WEBHOOK:
                return _webhook(await self.webhook(caller, target.id))
            case DeletionKind.MANAGED_USER:
                return await self._managed_user(caller, target.id)
            case DeletionKind.COMMENT | DeletionKind.REACTION:
                return _engagement(target)

    async def webhook(self, caller: Caller, endpoint_id: str) -> WebhookEndpoint:
        """A webhook of whichever format.

        Raises:
            NotFound: no such webhook of the user's.
        """
        for format in Format:
            for endpoint in await self._webhooks.list(caller, format):
                if endpoint.id == endpoint_id:
                    return endpoint
        raise NotFound("No such webhook.", kind=Kind.WEBHOOK)

    async def _message(self, caller: Caller, message_id: str) -> tuple[Shown, bytes]:
        message = await self._messages.get(caller, message_id)
        (deletion,) = await self._deadlines.of(caller.workspace_id, [message])
        shown = Shown(
            provider=message.provider,
            content={
                "account_id": message.account_id,
                "chat_id": message.chat_id,
                "sent_at": iso(message.sent_at),
                "is_sender": message.is_sender,
                "text": message.content.text,
                "attachments": len(message.content.attachments),
            },
            consequences=(
                f"The message is deleted at {message.provider} for everyone in the chat, and then here.",
                "That cannot be undone.",
            ),
            can_delete=deletion.can_delete,
            delete_by=deletion.delete_by,
            reason=deletion.reason,
            detail=deletion.detail,
        )
        return shown, message_state(message)

    def _group(self, view: PostGroupView) -> Shown:
        live = [post for post in view.posts if post.provider_id is not None]
        consequences = [
            f"The post group goes from here, with {_many(view.posts, 'post')} and {_many(view.media, 'file')}."
        ]
        if view.group.scheduled_at is not None and not live:
            consequences.append("What of it is not published yet will not be.")
        if live:
            consequences.append(
                f"What is live at networks stays there ({_many(live, 'post')}), and a receipt keeps the links: take it down "
                "first if it is to go."
            )
        if any(post.status in _UNDER_WAY for post in view.posts):
            consequences.append("A post that is being published, or may have been, can be live all the same.")
        return Shown(provider=None, content=_written(view), consequences=(*consequences, "That cannot be undone."))

    async def _live(self, caller: Caller, view: PostGroupView) -> Shown:
        live = [post for post in view.posts if post.provider_id is not None]
        linked = {(each.provider, each.provider_id): each.flow for each in await self._fittings.targets(caller)}
        by_hand = sorted(
            {
                post.platform
                for post in live
                if not self._registry.powers(post.platform).takes_down(linked.get((post.platform, post.platform_id)))
            }
        )
        under_way = any(post.status in _UNDER_WAY for post in view.posts)
        consequences = [f"Networks are asked to remove {_many(live, 'live post')}; the group stays here."]
        if by_hand:
            consequences.append(
                f"{', '.join(by_hand)}: no deletions by others there, or not as it is linked. Those are removed by hand."
            )
        if under_way:
            consequences.append("What is being published goes as soon as it is there.")
        can = bool(live) or under_way
        return Shown(
            provider=None,
            content=_written(view),
            consequences=(*consequences, "That cannot be undone."),
            can_delete=can,
            reason=None if can else "not_live",
            detail=None if can else "Nothing of this post group is live.",
        )

    async def _account(self, caller: Caller, account_id: str) -> tuple[Shown, bytes]:
        account = await self._accounts.get(caller, account_id)
        shown = Shown(
            provider=account.provider,
            content={
                "provider_id": account.provider_id,
                "name": account.profile.name,
                "username": account.profile.username,
                "status": account.status,
            },
            consequences=(
                f"The account is unlinked: its session at {account.provider} is ended.",
                "All that is held of it here goes with its key: chats, messages, files. No backup opens them any more.",
                "Posts that are scheduled for it fail. What it sent and published stays at its network.",
                "That cannot be undone: linking it again begins anew.",
            ),
        )
        return shown, _state(account.id, account.provider, account.provider_id)

    async def _managed_user(self, caller: Caller, user_id: str) -> tuple[Shown, bytes]:
        users = await self._access.list_managed_users(caller)
        user = next((each for each in users if each.id == user_id), None)
        if user is None:
            raise NotFound("No such managed user.", kind=Kind.MANAGED_USER)
        shown = Shown(
            provider=None,
            content={"username": user.username, "display_name": user.display_name},
            consequences=(
                "The user's keys and its page end at once. Its accounts and posts stay, and nobody acts for it any more.",
                "A user of the same name who is added later has them again.",
            ),
        )
        return shown, _state(user.id, user.username, user.display_name)


def engaged(target: Target) -> tuple[str, str, str]:
    """Of a comment or reaction: the network, the account's id there, and the post.

    Raises:
        InvalidParameters: they are not said.
    """
    provider, dash, account_id = (target.platform_id or "").partition("-")
    if not dash or not account_id or not target.post_id:
        raise InvalidParameters("Of comments and reactions, `post_id` and `platform_id` are needed as well.")
    return provider, account_id, target.post_id


def message_state(message: Message) -> bytes:
    """What of a message must be as it was shown: not who has seen it, or reacted."""
    content = message.content
    files = [each.id for each in content.attachments]
    return _state(message.id, message.provider_id, message.is_tombstone, content.subject, content.text, *files)


def group_state(view: PostGroupView) -> bytes:
    """The same of a post group: its words, files and time, and how each post stands."""
    group = view.group
    posts = [
        (post.id, post.platform, post.platform_id, post.status, post.provider_id, post.content) for post in view.posts
    ]
    files = [(file.id, file.blob_key, file.alt_text) for file in view.media]
    return _state(group.id, group.content, group.platform_settings, group.status, group.scheduled_at, posts, files)


def _webhook(endpoint: WebhookEndpoint) -> tuple[Shown, bytes]:
    shown = Shown(
        provider=None,
        content={"name": endpoint.name, "url": endpoint.url, "events": list(endpoint.types), "active": endpoint.active},
        consequences=("Nothing is sent there any more, and its secret is gone. That cannot be undone.",),
    )
    return shown, _state(endpoint.id, endpoint.name, endpoint.url, endpoint.types, endpoint.active)


def _engagement(target: Target) -> tuple[Shown, bytes]:
    provider, account_id, post = engaged(target)
    noun = "comment" if target.kind is DeletionKind.COMMENT else "reaction"
    shown = Shown(
        provider=provider,
        content={"platform_id": target.platform_id, "post_id": post, "id": target.id},
        consequences=(f"The account's {noun} is removed at {provider}. Its words are not known here.",),
    )
    return shown, _state(provider, account_id, post, target.id)


def _written(view: PostGroupView) -> dict[str, Any]:
    return {
        "text": view.group.content,
        "status": view.group.status,
        "scheduled_at": None if view.group.scheduled_at is None else iso(view.group.scheduled_at),
        "files": len(view.media),
        "posts": [
            {"platform": post.platform, "platform_id": post.platform_id, "status": post.status, "url": post.url}
            for post in view.posts
        ],
    }


def _many(things: Any, noun: str) -> str:
    return f"{len(things)} {noun}" if len(things) == 1 else f"{len(things)} {noun}s"


def _state(*parts: Any) -> bytes:
    return msgspec.json.encode(parts)
