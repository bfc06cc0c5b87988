"""The writes: from LinkedIn's requests to actions, and back to its answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from postroom_sim.linkedin import identifiers as urn
from postroom_sim.linkedin import restli
from postroom_sim.linkedin.actions import Actions, Denied, quote
from postroom_sim.linkedin.model import Content, Mailbox, Member, Message, Thread
from postroom_sim.linkedin.reads import bad_request
from postroom_sim.linkedin.store import Store
from postroom_sim.network import Answer, Call, Refused, json_answer

Json = dict[str, Any]

CATEGORIES = ("INBOX", "PRIMARY_INBOX", "SECONDARY_INBOX", "ARCHIVE", "SPAM", "INMAIL", "OTHER", "STARRED")


class Writes:
    def __init__(self, store: Store, actions: Actions) -> None:
        self._store = store
        self._actions = actions

    def send(self, call: Call, me: Member) -> Answer:
        request = _object(call)
        message = request.get("message")
        if not isinstance(message, dict) or urn.member_of_profile(request.get("mailboxUrn")) != me.id:
            raise bad_request()
        if not _is_tracking_id(request.get("trackingId")) or not isinstance(message.get("originToken"), str):
            raise bad_request()
        if not isinstance(message.get("subject"), str | None):
            raise bad_request()
        text, attributes = _body(message)
        thread = self._thread_to_write_in(request, message, me)
        try:
            sent = self._actions.send(
                me,
                thread,
                text,
                attributes=attributes,
                content=self._content(message.get("renderContentUnions") or [], thread, me),
                subject=message.get("subject"),
                origin_token=message["originToken"],
            )
        except Denied as error:
            raise bad_request() from error
        return self._sent(call, sent, me)

    def _sent(self, call: Call, sent: Message, me: Member) -> Answer:
        value: Json = {
            "entityUrn": urn.message(me.id, sent.id),
            "backendUrn": f"urn:li:messagingMessage:{sent.id}",
            "conversationUrn": urn.conversation(me.id, sent.thread_id),
            "backendConversationUrn": f"urn:li:messagingThread:{sent.thread_id}",
            "senderUrn": urn.participant(me.id),
            "originToken": sent.origin_token,
            "body": {"text": sent.text, "attributes": sent.attributes},
            "renderContentUnions": [],
            "deliveredAt": sent.delivered_at,
        }
        if "normalized" in call.headers.get("accept", ""):
            included = [{"$type": "com.linkedin.messenger.Message", **value}]
            tree = {"data": {"$type": "com.linkedin.restli.ActionResponse", "*value": value["entityUrn"]}}
            return json_answer(
                {**tree, "included": included}, media_type="application/vnd.linkedin.normalized+json+2.1"
            )
        return json_answer({"value": value})

    def _thread_to_write_in(self, request: Json, message: Json, me: Member) -> Thread:
        if "conversationUrn" in message:
            return self._store.thread(self._mailbox(message["conversationUrn"], me).thread_id)
        recipients = request.get("hostRecipientUrns")
        title = request.get("conversationTitle")
        if not isinstance(recipients, list) or not (title is None or isinstance(title, str)):
            raise bad_request()
        others = [self._store.find_member(urn.member_of_profile(recipient) or "") for recipient in recipients]
        known = [other for other in others if other is not None]
        if len(known) < len(others):
            raise bad_request()
        if _is_inmail(request):
            return self._inmail_thread(message, known, me)
        if len(known) == 1 and not self._store.are_connected(me, known[0]):
            if self._store.find_direct_thread(me.id, known[0].id) is None:
                raise Refused(json_answer({"status": 422, "code": "RECIPIENT_NOT_CONNECTED"}, status=422))
        try:
            return self._actions.start_thread(me, known, title)
        except Denied as error:
            raise bad_request() from error

    def _inmail_thread(self, message: Json, others: list[Member], me: Member) -> Thread:
        if len(others) != 1 or not message.get("subject"):
            raise bad_request()
        if self._store.count_inmails(me.id) >= self._store.ground.switches["linkedin_inmail_credits"]:
            raise Refused(json_answer({"status": 422, "code": "INSUFFICIENT_INMAIL_CREDITS"}, status=422))
        try:
            return self._actions.start_inmail(me, others[0])
        except Denied as error:
            raise bad_request() from error

    def _content(self, unions: Any, thread: Thread, me: Member) -> Content:
        if not isinstance(unions, list) or not all(isinstance(union, dict) and union for union in unions):
            raise bad_request()
        content: Content = []
        for union in unions:
            for name, value in union.items():
                if value is not None and name not in ("_type", "_recipeType"):
                    content.append(self._item(name, value, thread, me))
        return content

    def _item(self, name: str, value: Any, thread: Thread, me: Member) -> Json:
        if not isinstance(value, dict):
            raise bad_request()
        if name == "repliedMessageContent":
            parts = urn.split(value.get("originalMessageUrn"), "msg_message")
            original = self._store.find_message(parts[1]) if parts and parts[0] == me.id else None
            if original is None or original.thread_id != thread.id:
                raise bad_request()
            return quote(original)
        if name not in ("file", "audio", "video"):
            raise bad_request()
        asset_urn = str(value.get("media") if name == "video" else value.get("assetUrn"))
        asset = self._store.find_asset(asset_urn.removeprefix("urn:li:digitalmediaAsset:"))
        if asset is None or asset.owner != me.id or asset.bytes is None:
            raise bad_request()
        kind = "photo" if name == "file" and asset.media_type.startswith("image/") else name
        duration = value.get("duration", 1000)
        return {"kind": kind, "asset": asset.id, "duration": duration if isinstance(duration, int) else 1000}

    def edit(self, call: Call, me: Member) -> Answer:
        message = self._message(unquote(call.path.rpartition("/")[2]), me)
        try:
            text, attributes = _body(_object(call)["patch"]["$set"])
            self._actions.edit(me, message, text, attributes)
        except (KeyError, TypeError, Denied) as error:
            raise Refused(Answer(400)) from error
        return Answer(204)

    def recall(self, call: Call, me: Member) -> Answer:
        request = _object(call)
        if set(request) != {"messageUrn"}:
            raise Refused(Answer(400))
        message = self._message(request["messageUrn"], me)
        if message.format == "RECALLED" and message.sender_id == me.id:
            return Answer(self._store.ground.switches["repeat_recall"])
        try:
            self._actions.recall(me, message)
        except Denied as error:
            raise Refused(Answer(400)) from error
        return Answer(204)

    def react(self, call: Call, me: Member, *, add: bool) -> Answer:
        request = _object(call)
        message = self._message(request.get("messageUrn"), me)
        emoji = request.get("emoji")
        try:
            if not isinstance(emoji, str):
                raise Denied("emoji")
            if add:
                self._actions.react(me, message, emoji)
            else:
                self._actions.unreact(me, message, emoji)
        except Denied as error:
            raise Refused(Answer(400)) from error
        return Answer(204)

    def typing(self, call: Call, me: Member) -> Answer:
        self._actions.type(me, self._mailbox(_object(call).get("conversationUrn"), me).thread_id)
        return Answer(202)

    def mark_read(self, call: Call, me: Member) -> Answer:
        entities = _object(call).get("entities")
        try:
            wanted = restli.parse_list(restli.query_parameters(call.query).get("ids", ""))
        except restli.Malformed as error:
            raise bad_request() from error
        if not isinstance(entities, dict) or sorted(map(str, wanted)) != sorted(entities):
            raise bad_request()
        results: Json = {}
        errors: Json = {}
        for text, change in entities.items():
            parts = urn.split(text, "msg_conversation")
            known = parts is not None and parts[0] == me.id and self._store.find_mailbox(me.id, parts[1]) is not None
            try:
                read = change["patch"]["$set"]["read"]
            except (KeyError, TypeError) as error:
                raise bad_request() from error
            if parts is None or not known or not isinstance(read, bool):
                errors[text] = {"status": 404 if isinstance(read, bool) else 400}
                continue
            self._actions.mark(me, parts[1], read=read)
            results[text] = {"status": 204}
        return json_answer({"results": results, "errors": errors})

    def mark_all_seen(self, call: Call, me: Member) -> Answer:
        if not isinstance(_object(call).get("until"), int):
            raise bad_request()
        return Answer(204)

    def category(self, call: Call, me: Member, *, add: bool) -> Answer:
        request = _object(call)
        urns, category = request.get("conversationUrns"), request.get("category")
        if not isinstance(urns, list) or not urns or category not in CATEGORIES:
            raise bad_request()
        for mailbox in [self._mailbox(text, me) for text in urns]:
            self._actions.categorise(me, mailbox, str(category), add=add)
        return Answer(204)

    def rename(self, call: Call, me: Member) -> Answer:
        mailbox = self._mailbox(unquote(call.path.rpartition("/")[2]), me)
        try:
            changes = _object(call)["patch"]["$set"]
            if "state" in changes:
                self._actions.answer_request(me, mailbox.thread_id, changes["state"])
                return Answer(204)
            title = changes["title"]
            if not isinstance(title, str):
                raise Denied("title")
            self._actions.rename(me, self._store.thread(mailbox.thread_id), title)
        except (KeyError, TypeError, Denied) as error:
            raise bad_request() from error
        return Answer(204)

    def delete_conversation(self, call: Call, me: Member) -> Answer:
        self._actions.delete_for(me, self._mailbox(unquote(call.path.rpartition("/")[2]), me))
        return Answer(204)

    def participants(self, call: Call, me: Member, *, add: bool) -> Answer:
        request = _object(call)
        thread = self._store.thread(self._mailbox(request.get("conversationUrn"), me).thread_id)
        urns = request.get("participants")
        if not isinstance(urns, list):
            raise bad_request()
        members = [self._store.find_member(urn.member_of_profile(text) or "") for text in urns]
        known = [member for member in members if member is not None]
        try:
            if len(known) < len(members):
                raise Denied("participants")
            (self._actions.add_participants if add else self._actions.remove_participants)(me, thread, known)
        except Denied as error:
            raise bad_request() from error
        return Answer(204)

    def _mailbox(self, text: object, me: Member) -> Mailbox:
        parts = urn.split(text, "msg_conversation")
        mailbox = self._store.find_mailbox(me.id, parts[1]) if parts and parts[0] == me.id else None
        if mailbox is None or not mailbox.member:
            raise bad_request()
        return mailbox

    def _message(self, text: object, me: Member) -> Message:
        """The message I name by my own URN, in a thread I am in; else a 400 with an empty body."""
        parts = urn.split(text, "msg_message")
        message = self._store.find_message(parts[1]) if parts and parts[0] == me.id else None
        mailbox = self._store.find_mailbox(me.id, message.thread_id) if message else None
        if message is None or mailbox is None or not mailbox.member:
            raise Refused(Answer(400))
        return message


def _object(call: Call) -> Json:
    tree = call.json()
    if not isinstance(tree, dict):
        raise bad_request()
    return tree


def _body(message: Any) -> tuple[str, list[Json]]:
    """Text and mentions; styles are dropped, as LinkedIn does."""
    body = message.get("body") if isinstance(message, dict) else None
    if not isinstance(body, dict) or not isinstance(body.get("text"), str):
        raise bad_request()
    attributes = body.get("attributes") or []
    if not isinstance(attributes, list) or not all(isinstance(item, dict) for item in attributes):
        raise bad_request()
    kept = []
    for item in attributes:
        kind = item.get("attributeKindUnion") or item.get("attributeKind") or {}
        if isinstance(kind, dict) and "entity" in kind:
            kept.append(
                {"start": item.get("start"), "length": item.get("length"), "attributeKind": {"entity": kind["entity"]}}
            )
    return body["text"], kept


def _is_tracking_id(value: object) -> bool:
    """Sixteen bytes written as Latin-1 characters; their base64 form is refused."""
    return isinstance(value, str) and len(value) == 16 and all(ord(character) < 256 for character in value)


def _is_inmail(request: Json) -> bool:
    content = request.get("hostMessageCreateContent")
    inner = (
        content.get("com.linkedin.voyager.dash.messaging.MessageCreateContent") if isinstance(content, dict) else None
    )
    union = inner.get("messageCreateContentUnion") if isinstance(inner, dict) else None
    return isinstance(union, dict) and "premiumInMail" in union
