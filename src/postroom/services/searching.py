"""Searching messages. Texts are sealed, and there is no index over them: a search opens the newest, so many at most."""

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec

from postroom.domain.access import Caller
from postroom.domain.chats import Chat
from postroom.domain.messages import Message
from postroom.errors import InvalidParameters, NotFound
from postroom.services.chats import MOST as MOST_CHATS
from postroom.services.chats import Chats
from postroom.services.messages import Messages

MOST_SEARCHED = 2_000
LONGEST_NEEDLE = 200
_AT_ONCE = 50
_ENOUGH = 30


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A message that has the words, and where it is."""

    message: Message
    chat: Chat
    name: str | None
    """What people call the chat."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found, the newest first."""

    hits: Sequence[Hit]
    searched: int
    """How many messages were opened."""
    next: str | None
    """Where it stopped, for whoever wants older ones; None: there are none."""


class Searching:
    """Looks for words in the messages of the accounts that a caller sees."""

    def __init__(self, chats: Chats, messages: Messages) -> None:
        self._chats = chats
        self._messages = messages

    async def search(
        self,
        caller: Caller,
        words: str,
        *,
        account_id: str | None = None,
        unread: bool | None = None,
        starred: bool | None = None,
        cursor: str | None = None,
        most: int = MOST_SEARCHED,
    ) -> Found:
        """Messages whose text or subject has these words, in small or capital letters, as they now stand.

        It goes through the newest `most` messages, or on from `cursor`, a few at a time, so that others are answered
        meanwhile. `unread` and `starred`: only in such chats, of the 250 that were last active.

        Raises:
            InvalidParameters: there are no words, or too many.
        """
        needle = words.strip().casefold()
        if not 0 < len(needle) <= LONGEST_NEEDLE:
            raise InvalidParameters(f"Say what to look for, in {LONGEST_NEEDLE} characters at most.")
        only = None if unread is None and starred is None else await self._like(caller, account_id, unread, starred)
        held: list[Message] = []
        searched = 0
        while True:
            page = await self._messages.list(caller, account_id=account_id, cursor=cursor, limit=_AT_ONCE)
            held += [each for each in page.items if (only is None or each.chat_id in only) and _has(each, needle)]
            searched, cursor = searched + len(page.items), page.next
            if cursor is None or searched >= most or len(held) >= _ENOUGH:
                break
            # A page is opened in one go: between two of them it is the others' turn.
            await asyncio.sleep(0)
        return Found(hits=await self._placed(caller, held), searched=searched, next=cursor)

    async def _like(
        self, caller: Caller, account_id: str | None, unread: bool | None, starred: bool | None
    ) -> frozenset[str]:
        accounts = None if account_id is None else [account_id]
        found = await self._chats.list(caller, account_ids=accounts, unread=unread, starred=starred, limit=MOST_CHATS)
        return frozenset(chat.id for chat in found.items)

    async def _placed(self, caller: Caller, held: Sequence[Message]) -> Sequence[Hit]:
        chats: dict[str, Chat] = {}
        for id in dict.fromkeys(each.chat_id for each in held):
            # It may have gone with its account since.
            with contextlib.suppress(NotFound):
                chats[id], _ = await self._chats.get(caller, id)
        names = await self._chats.names(caller, list(chats.values()))
        hits = ((each, chats.get(each.chat_id)) for each in held)
        return [Hit(message=each, chat=chat, name=names[chat.id]) for each, chat in hits if chat is not None]


def _has(message: Message, needle: str) -> bool:
    texts = (message.content.text, message.content.subject)
    return not message.is_tombstone and any(needle in text.casefold() for text in texts if text)
