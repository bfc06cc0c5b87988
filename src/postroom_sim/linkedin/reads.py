"""The GraphQL reads: conversations, messages, reactors."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import Any

from postroom_sim.linkedin import identifiers as urn
from postroom_sim.linkedin import restli
from postroom_sim.linkedin.model import Mailbox, Member, Message
from postroom_sim.linkedin.store import Store
from postroom_sim.linkedin.wire import Wire, collection
from postroom_sim.network import Answer, Call, Refused, json_answer

Json = dict[str, Any]

PAGE = 20
LARGEST_PAGE = 100
_STALE_SECONDS = 60


def bad_request() -> Refused:
    return Refused(json_answer({"status": 400}, status=400))


class Reads:
    def __init__(self, store: Store, wire: Wire) -> None:
        self._store = store
        self._wire = wire

    def answer(self, call: Call, member: Member) -> Answer:
        """Match on the query's name and on which variables are there; its hash rotates."""
        name, _, hash = restli.query_parameters(call.query).get("queryId", "").partition(".")
        if not hash or hash in self._store.ground.switches["rejected_query_hashes"]:
            raise bad_request()
        try:
            variables = restli.parse_tuple(restli.query_parameters(call.query).get("variables", ""))
        except restli.Malformed as error:
            raise bad_request() from error
        reader = _Reader(self._store, self._wire, member, _lag_ms(call))
        match name:
            case "messengerConversations":
                field, tree = reader.conversations(variables)
            case "messengerMessages":
                field, tree = reader.messages(variables)
            case "messengerMessagingParticipants":
                field, tree = reader.reactors(variables)
            case _:
                raise bad_request()
        data = {"_type": "com.linkedin.graphql.Query", "_recipeType": "com.linkedin.graphql.Query", field: tree}
        return json_answer({"data": data}, media_type="application/graphql; charset=UTF-8")


def operation_of(query: str) -> str:
    name = restli.query_parameters(query).get("queryId", "").partition(".")[0]
    known = {
        "messengerConversations": "conversations",
        "messengerMessages": "messages",
        "messengerMessagingParticipants": "reactors",
    }
    return known.get(name, "unknown_query")


def _lag_ms(call: Call) -> int:
    stale = call.effects.get("stale_read")
    if stale is None:
        return 0
    return int((_STALE_SECONDS if stale is True else stale) * 1000)


class _Reader:
    """One member reading; `lag_ms` behind the truth when a fault asks for a stale replica."""

    def __init__(self, store: Store, wire: Wire, member: Member, lag_ms: int) -> None:
        self._store = store
        self._wire = wire
        self._me = member.id
        self._as_of = store.ground.clock.now_ms() - lag_ms if lag_ms else None

    # conversations

    def conversations(self, variables: Json) -> tuple[str, Any]:
        if "conversationIds" in variables:
            return "messengerConversationsByIds", self._by_ids(variables)
        if urn.member_of_profile(variables.get("mailboxUrn")) != self._me:
            raise bad_request()
        if "recipients" in variables:
            return "messengerConversationsByRecipients", self._by_recipients(variables)
        if "query" in variables or "nextCursor" in variables or "lastUpdatedBefore" in variables:
            return "messengerConversationsByCategoryQuery", self._by_category(variables)
        return "messengerConversationsBySyncToken", self._conversation_changes(variables)

    def _by_ids(self, variables: Json) -> list[Json]:
        wanted = variables["conversationIds"]
        if not isinstance(wanted, list):
            raise bad_request()
        found = (self._mailbox(text) for text in wanted)
        return [self._conversation(mailbox) for mailbox in found if mailbox is not None]

    def _by_recipients(self, variables: Json) -> Json:
        recipients = variables["recipients"]
        if not isinstance(recipients, list) or not recipients:
            raise bad_request()
        wanted = {urn.member_of_profile(recipient) for recipient in recipients}
        if len(wanted) == 1:
            thread = self._store.find_direct_thread(self._me, wanted.pop() or "")
            mailbox = self._store.find_mailbox(self._me, thread.id) if thread else None
            mailboxes = [mailbox] if mailbox is not None and mailbox.visible else []
        else:
            ids = self._store.list_shared_threads([self._me, *sorted(id for id in wanted if id is not None)])
            found = (self._store.find_mailbox(self._me, id) for id in ids)
            mailboxes = [mailbox for mailbox in found if mailbox is not None and mailbox.visible]
        return collection([self._conversation(mailbox) for mailbox in mailboxes], None)

    def _by_category(self, variables: Json) -> Json:
        try:
            unions = variables["query"]["predicateUnions"]
            categories = {union["conversationCategoryPredicate"]["category"] for union in unions}
        except (KeyError, TypeError) as error:
            raise bad_request() from error
        count = _count(variables, "count")
        where, values = "visible = 1", list[Any]()
        for category in sorted(categories):
            where += " AND categories LIKE ?"
            values.append(f'%"{category}"%')
        if "nextCursor" in variables:
            at, thread_id = _decode_cursor(variables["nextCursor"])
            where += " AND (last_activity_at, thread_id) < (?, ?)"
            values += [at, thread_id]
        elif "lastUpdatedBefore" in variables:
            where += " AND last_activity_at <= ?"
            values.append(_number(variables["lastUpdatedBefore"]))
        mailboxes = self._store.list_mailboxes(self._me, where, tuple(values), count + 1)
        page = mailboxes[:count]
        cursor = _encode_cursor(page[-1].last_activity_at, page[-1].thread_id) if len(mailboxes) > count else None
        return collection([self._conversation(mailbox) for mailbox in page], {"nextCursor": cursor})

    def _conversation_changes(self, variables: Json) -> Json:
        since = self._since(variables, "conversations")
        clear = since is None and "syncToken" in variables
        if since is None:
            mailboxes = self._store.list_mailboxes(self._me, "visible = 1", (), PAGE)
            gone: list[tuple[str, str]] = []
        else:
            changed = self._store.list_changed_mailboxes(self._me, since)
            mailboxes = [mailbox for mailbox in changed if mailbox.visible]
            gone = [
                ("conversation", urn.conversation(self._me, mailbox.thread_id))
                for mailbox in changed
                if not mailbox.visible
            ]
        return collection(
            [self._conversation(mailbox) for mailbox in mailboxes], self._sync("conversations", gone, clear)
        )

    def _conversation(self, mailbox: Mailbox) -> Json:
        thread = self._store.thread(mailbox.thread_id)
        where, values = self._visible(mailbox)
        latest = self._store.list_messages(thread.id, where, values, 1)
        return self._wire.conversation(thread, mailbox, self._seen(latest[0]) if latest else None)

    def _mailbox(self, text: object) -> Mailbox | None:
        """My mailbox of a thread that I name by my own URN."""
        parts = urn.split(text, "msg_conversation")
        if parts is None or parts[0] != self._me:
            return None
        mailbox = self._store.find_mailbox(self._me, parts[1])
        return mailbox if mailbox is not None and mailbox.member else None

    # messages

    def messages(self, variables: Json) -> tuple[str, Any]:
        mailbox = self._mailbox(variables.get("conversationUrn"))
        if mailbox is None:
            raise bad_request()
        if "deliveredAt" in variables:
            return "messengerMessagesByAnchorTimestamp", self._around(mailbox, variables)
        if "prevCursor" in variables or "count" in variables:
            return "messengerMessagesByConversation", self._older(mailbox, variables)
        return "messengerMessagesBySyncToken", self._message_changes(mailbox, variables)

    def _message_changes(self, mailbox: Mailbox, variables: Json) -> Json:
        purpose = f"messages:{mailbox.thread_id}"
        since = self._since(variables, purpose)
        clear = since is None and "syncToken" in variables
        where, values = self._visible(mailbox)
        if since is None:
            return self._page(
                self._store.list_messages(mailbox.thread_id, where, values, PAGE), self._sync(purpose, [], clear)
            )
        changed = self._store.list_changed_messages(mailbox.thread_id, since, where, values)
        gone = []
        if self._store.ground.switches["deleted_urns"]:
            only = "format = 'RECALLED' AND delivered_at > ?"
            recalled = self._store.list_changed_messages(mailbox.thread_id, since, only, (mailbox.cleared_at,))
            gone = [
                ("message", urn.message(self._me, message.id))
                for message in recalled
                if self._seen(message).format == "RECALLED"
            ]
        return self._page(changed, self._sync(purpose, gone, clear))

    def _around(self, mailbox: Mailbox, variables: Json) -> Json:
        anchor = _number(variables["deliveredAt"])
        before, after = _count(variables, "countBefore"), _count(variables, "countAfter")
        where, values = self._visible(mailbox)
        thread_id = mailbox.thread_id
        older = self._store.list_messages(thread_id, f"{where} AND delivered_at <= ?", (*values, anchor), before + 1)
        where, values = self._visible(mailbox, after=anchor)
        newer = self._store.list_messages(thread_id, where, values, after + 1, oldest_first=True)
        page = [*reversed(newer[:after]), *older[:before]]
        return self._page(page, self._cursors(page, has_older=len(older) > before, has_newer=len(newer) > after))

    def _older(self, mailbox: Mailbox, variables: Json) -> Json:
        count = _count(variables, "count")
        where, values = self._visible(mailbox)
        if "prevCursor" in variables:
            at, id = _decode_cursor(variables["prevCursor"])
            where, values = f"{where} AND (delivered_at, id) < (?, ?)", (*values, at, id)
        found = self._store.list_messages(mailbox.thread_id, where, values, count + 1)
        page = found[:count]
        return self._page(page, self._cursors(page, has_older=len(found) > count, has_newer="prevCursor" in variables))

    def _page(self, messages: list[Message], metadata: Json) -> Json:
        return collection([self._wire.message(self._seen(message), self._me) for message in messages], metadata)

    def _cursors(self, page: list[Message], *, has_older: bool, has_newer: bool) -> Json:
        return {
            "prevCursor": _encode_cursor(page[-1].delivered_at, page[-1].id) if page and has_older else None,
            "nextCursor": _encode_cursor(page[0].delivered_at, page[0].id) if page and has_newer else None,
        }

    def _visible(self, mailbox: Mailbox, *, after: int = 0) -> tuple[str, tuple[Any, ...]]:
        """One lower bound only, or SQLite walks the index from the lesser of two."""
        where, values = "delivered_at > ?", [max(mailbox.cleared_at, after)]
        if self._as_of is not None:
            where += " AND delivered_at <= ?"
            values.append(self._as_of)
        if self._store.ground.switches["recalled_rows"] == "omit":
            where += " AND (format <> 'RECALLED'"
            if self._as_of is not None:
                where += " OR recalled_at > ?"
                values.append(self._as_of)
            where += ")"
        return where, tuple(values)

    def _seen(self, message: Message) -> Message:
        """The message as this reader's replica has it."""
        if self._as_of is None:
            return message
        if message.recalled_at is not None and message.recalled_at > self._as_of:
            message = replace(
                message,
                format="DEFAULT",
                text=message.original_text,
                content=message.original_content,
                recalled_at=None,
            )
        if message.edited_at is not None and message.edited_at > self._as_of and message.format == "EDITED":
            message = replace(message, format="DEFAULT", text=message.original_text, edited_at=None)
        return message

    # reactors

    def reactors(self, variables: Json) -> tuple[str, Any]:
        parts = urn.split(variables.get("messageUrn"), "msg_message")
        message = self._store.find_message(parts[1]) if parts and parts[0] == self._me else None
        if message is None or self._store.find_mailbox(self._me, message.thread_id) is None:
            raise bad_request()
        reactions = self._store.list_reactions(message.id)
        members = [self._store.member(item.member_id) for item in reactions if item.emoji == variables.get("emoji")]
        elements = [self._wire.participant(member, self._me) for member in members]
        return "messengerMessagingParticipantsByMessageAndEmoji", collection(elements, None)

    # sync tokens

    def _since(self, variables: Json, purpose: str) -> int | None:
        """The version a sync token stands for; None for no token, a foreign one, or when caches are to be cleared."""
        if "syncToken" not in variables or self._store.ground.switches["clear_cache"]:
            return None
        try:
            text = base64.urlsafe_b64decode(str(variables["syncToken"]).encode()).decode()
            kind, _, version = text.rpartition("#")
            return int(version) if kind == f"{purpose}@{self._me}" else None
        except (ValueError, binascii.Error):
            return None

    def _sync(self, purpose: str, gone: list[tuple[str, str]], clear: bool) -> Json:
        token = f"{purpose}@{self._me}#{self._store.version()}"
        return {
            "newSyncToken": base64.urlsafe_b64encode(token.encode()).decode(),
            "deletedUrns": self._wire.deleted(gone),
            "shouldClearCache": clear,
        }


def _number(text: object) -> int:
    if not isinstance(text, str) or not text.isdecimal() or len(text) > 15:
        raise bad_request()
    return int(text)


def _count(variables: Json, name: str) -> int:
    return min(_number(variables.get(name, str(PAGE))), LARGEST_PAGE)


def _encode_cursor(at: int, id: str) -> str:
    return base64.b64encode(f"{at}|{id}".encode()).decode()


def _decode_cursor(text: object) -> tuple[int, str]:
    try:
        at, _, id = base64.b64decode(str(text).encode(), validate=True).decode().partition("|")
        return int(at), id
    except (ValueError, binascii.Error) as error:
        raise bad_request() from error
