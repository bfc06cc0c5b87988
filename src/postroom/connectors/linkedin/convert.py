"""LinkedIn's messages and conversations as ours, and our drafts as theirs. Pure.

Every field of theirs may be null or missing. What cannot be understood at all becomes None, never an exception.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from postroom.connectors.linkedin import keys
from postroom.connectors.linkedin.attachments import attachments, extras
from postroom.connectors.linkedin.people import as_list, as_number, as_object, as_text, attendee, id_of
from postroom.domain.chats import ChatRequest
from postroom.domain.messages import MessageKind, Quote, Reaction
from postroom.domain.remote import (
    ChatKey,
    MessageDraft,
    MessageKey,
    Profile,
    RemoteAttendee,
    RemoteChat,
    RemoteMessage,
)
from postroom.errors import InvalidParameters

Json = Any

MAX_ORIGINAL_BYTES = 32 * 1024
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_000
_REQUESTS = {"PENDING": ChatRequest.PENDING, "ACCEPTED": ChatRequest.ACCEPTED, "DECLINED": ChatRequest.DECLINED}
_CONTENT_TYPES = {"Sponsored": "sponsored", "InMail": "inmail", "LinkedIn Offer": "linkedin_offer"}


def moment(ms: Json) -> datetime | None:
    """A moment of theirs, in milliseconds since 1970."""
    number = as_number(ms)
    return _EPOCH + timedelta(milliseconds=number) if number is not None and number <= _LAST_MS else None


def to_ms(at: datetime | None) -> int:
    """The reverse; 0 for no moment."""
    return (at - _EPOCH) // timedelta(milliseconds=1) if at is not None else 0


def message_provider_id(key: str) -> str:
    """What a message is called outside: no mailbox in it, and padded as LinkedIn pads."""
    return f"urn:li:msg:{keys.padded(key)}"


def message(entity: Json, me: str) -> RemoteMessage | None:
    """A message as `me` sees it. Nothing of a recalled message's content is read."""
    tree = as_object(entity)
    conversation = as_object(tree.get("conversation"))
    ids = _ids(
        tree.get("entityUrn") or tree.get("backendUrn"),
        conversation.get("entityUrn") or tree.get("backendConversationUrn") or conversation.get("backendUrn"),
    )
    sender = attendee(tree.get("actor"), me) or attendee(tree.get("sender"), me)
    if ids is None or sender is None:
        return None
    message_id, chat_id = ids
    sent_at = moment(tree.get("deliveredAt")) or moment(keys.sent_ms(message_id))
    if sent_at is None:
        return None
    format_ = tree.get("messageBodyRenderFormat")
    found = RemoteMessage(
        provider_id=message_provider_id(message_id),
        key=keys.message_key(message_id),
        chat_provider_id=chat_id,
        chat_key=keys.chat_key(chat_id),
        sender=sender,
        sent_at=sent_at,
        recalled=format_ == "RECALLED",
    )
    if found.recalled:
        return found
    content = as_list(tree.get("renderContent"))
    extra = extras(content)
    subject = as_text(tree.get("subject"))
    files = attachments(content, found.key)
    text = "\n\n".join(filter(None, (as_text(tree.get("body")), extra.forwarded_text))) or None
    if text is None and not files:
        text = as_text(tree.get("renderContentFallbackText"))
    return msgspec.structs.replace(
        found,
        text=text,
        subject=subject,
        attachments=files,
        reactions=reactions(tree.get("reactionSummaries"), conversation, me),
        quote=quote(extra.replied, me),
        is_forwarded=extra.forwarded,
        edited=format_ == "EDITED",
        is_event=format_ == "SYSTEM",
        kind=MessageKind.INMAIL if subject or extra.inmail else MessageKind.MESSAGE,
        original=original(tree),
    )


def chat(entity: Json, me: str) -> RemoteChat | None:
    """A conversation as `me` sees it; None where it is only a reference to one."""
    tree = as_object(entity)
    id = _chat_id(tree.get("entityUrn") or tree.get("backendUrn"))
    participants = as_list(tree.get("conversationParticipants"))
    if id is None or not participants:
        return None
    latest = as_object(next(iter(as_list(as_object(tree.get("messages")).get("elements"))), None))
    folders = tuple(name for name in as_list(tree.get("categories")) if isinstance(name, str))
    subject = as_text(latest.get("subject")) if latest.get("messageBodyRenderFormat") != "RECALLED" else None
    features = {as_text(as_object(item).get("disabledFeature")) for item in as_list(tree.get("disabledFeatures"))}
    return RemoteChat(
        provider_id=id,
        key=keys.chat_key(id),
        kind=1 if tree.get("groupChat") is True else 0,
        name=as_text(tree.get("title")),
        subject=subject if (subject_key := _message_key(latest)) is not None else None,
        subject_key=subject_key if subject is not None else None,
        attendees=tuple(person for item in participants if (person := attendee(item, me)) is not None),
        last_message_at=moment(tree.get("lastActivityAt")),
        # One that was marked as unread has nothing unread to count.
        unread_count=as_number(tree.get("unreadCount")) or int(tree.get("read") is False),
        archived="ARCHIVE" in folders,
        starred="STARRED" in folders,
        muted=tree.get("notificationStatus") not in (None, "ACTIVE"),
        read_only=any(feature is not None and "REPLY" in feature for feature in features),
        folders=folders,
        content_type=_CONTENT_TYPES.get(as_text(tree.get("conversationTypeText")) or ""),
        request=_REQUESTS.get(as_text(tree.get("state")) or ""),
    )


def latest_message(entity: Json, me: str) -> RemoteMessage | None:
    """The message that a conversation shows as its last, where it shows one."""
    elements = as_list(as_object(as_object(entity).get("messages")).get("elements"))
    latest = as_object(next(iter(elements), None))
    return message({**latest, "conversation": entity}, me) if latest else None


def reactions(summaries: Json, conversation: Mapping[str, Json], me: str) -> tuple[Reaction, ...] | None:
    """Who reacted, where that follows; None where it does not, so that what realtime told stays.

    LinkedIn says how many reacted with an emoji and whether the viewer is among them. In a conversation of two that
    names everybody; elsewhere only if nobody but the viewer reacted.
    """
    if not isinstance(summaries, list):
        return None
    people = [
        person for item in as_list(conversation.get("conversationParticipants")) if (person := attendee(item, me))
    ]
    others = [person for person in people if not person.is_self]
    only_other = others[0].provider_id if len(people) == 2 and len(others) == 1 else None
    found: list[Reaction] = []
    for item in summaries:
        summary = as_object(item)
        emoji, count, mine = (
            as_text(summary.get("emoji")),
            as_number(summary.get("count")),
            summary.get("viewerReacted"),
        )
        if emoji is None or count is None:
            return None
        if mine is True:
            found.append(Reaction(value=emoji, sender_id=me, is_sender=True))
            count -= 1
        if count > 0:
            if only_other is None or count > 1:
                return None
            found.append(Reaction(value=emoji, sender_id=only_other, is_sender=False))
    return tuple(found)


def reactors(emoji: str, participants: Sequence[Json], me: str) -> list[Reaction]:
    """One reaction for each of those who reacted with an emoji."""
    people = [person for item in participants if (person := attendee(item, me)) is not None]
    return [Reaction(value=emoji, sender_id=person.provider_id, is_sender=person.is_self) for person in people]


def quote(replied: Json, me: str) -> Quote | None:
    """The message that a reply repeats."""
    tree = as_object(as_object(replied).get("originalMessage")) or as_object(replied)
    urn = tree.get("entityUrn") or tree.get("originalMessageUrn") or tree.get("backendUrn")
    sender = attendee(tree.get("actor"), me) or attendee(tree.get("sender"), me)
    sender_id = sender.provider_id if sender is not None else id_of(tree.get("originalSenderUrn"))
    try:
        key = keys.message_key(urn) if isinstance(urn, str) else None
    except InvalidParameters:
        return None
    if key is None or sender_id is None:
        return None
    sent_ms = as_number(tree.get("deliveredAt")) or as_number(tree.get("originalSendAt")) or keys.sent_ms(key)
    if tree.get("messageBodyRenderFormat") == "RECALLED":
        return Quote(provider_id=message_provider_id(key), key=key, sender_id=sender_id, sent_at=sent_ms)
    return Quote(
        provider_id=message_provider_id(key),
        key=key,
        sender_id=sender_id,
        sent_at=sent_ms,
        text=as_text(tree.get("body")) or as_text(tree.get("messageBody")),
        attachments=attachments(as_list(tree.get("renderContent")), key),
    )


def sent_message(value: Json, chat_key: ChatKey, draft: MessageDraft, profile: Profile) -> RemoteMessage | None:
    """What LinkedIn's answer to sending says of the new message."""
    tree = as_object(value)
    ids = _ids(tree.get("entityUrn") or tree.get("backendUrn"), keys.padded(chat_key))
    sent_at = moment(tree.get("deliveredAt")) or (moment(keys.sent_ms(ids[0])) if ids else None)
    if ids is None or sent_at is None:
        return None
    return RemoteMessage(
        provider_id=message_provider_id(ids[0]),
        key=keys.message_key(ids[0]),
        chat_provider_id=ids[1],
        chat_key=chat_key,
        sender=RemoteAttendee(provider_id=profile.provider_id, name=profile.name, is_self=True),
        sent_at=sent_at,
        text=as_text(tree.get("body")) or draft.text,
        reactions=(),
        quote=draft.quote,
        kind=MessageKind.MESSAGE,
        original=original(tree),
    )


def chat_key_of(value: Json) -> ChatKey | None:
    """The conversation that LinkedIn's answer to sending names."""
    tree = as_object(value)
    id = _chat_id(tree.get("conversationUrn") or tree.get("backendConversationUrn"))
    return None if id is None else keys.chat_key(id)


def quote_of(message: RemoteMessage) -> Quote:
    """A message, to be repeated in an answer to it."""
    return Quote(
        provider_id=message.provider_id,
        key=message.key,
        sender_id=message.sender.provider_id,
        sent_at=to_ms(message.sent_at),
        text=message.text,
        attachments=message.attachments,
    )


def reply_union(quote: Quote, me: str, sent_ms: int) -> Json:
    """What makes a new message a reply."""
    return {
        "repliedMessageContent": {
            "originalSenderUrn": f"urn:li:msg_messagingParticipant:urn:li:fsd_profile:{quote.sender_id}",
            "originalSendAt": sent_ms,
            "originalMessageUrn": keys.message_urn(me, quote.key),
            "messageBody": {"text": quote.text or "", "attributes": []},
        }
    }


def deleted(entries: Sequence[Json]) -> list[str]:
    """The URNs that a sync answer says are gone, whichever of the two forms it uses."""
    found: list[str] = []
    for entry in entries:
        if isinstance(entry, str):
            found.append(entry)
            continue
        for name in ("message", "conversation"):
            urn = as_text(as_object(as_object(entry).get(name)).get("entityUrn"))
            if urn is not None:
                found.append(urn)
    return found


def original(tree: Mapping[str, Json]) -> str:
    """What LinkedIn sent, as JSON text, never more than 32 KiB.

    The conversation and a quoted message stand in it only by their names: the words of another message live in `Quote`,
    where they can be blanked when that message is taken back.
    """
    kept = dict(tree)
    if isinstance(conversation := kept.get("conversation"), dict):
        kept["conversation"] = {"entityUrn": conversation.get("entityUrn")}
    if "renderContent" in kept:
        kept["renderContent"] = [_without_quote(item) for item in as_list(kept["renderContent"])]
    text = msgspec.json.encode(kept)
    if len(text) > MAX_ORIGINAL_BYTES:
        names = ("entityUrn", "backendUrn", "conversation", "deliveredAt", "originToken", "messageBodyRenderFormat")
        text = msgspec.json.encode({name: kept[name] for name in names if name in kept} | {"truncated": True})
    return text.decode()


def _without_quote(item: Json) -> Json:
    union = as_object(item)
    replied = as_object(union.get("repliedMessageContent"))
    if not replied:
        return item
    name = as_object(replied.get("originalMessage")).get("entityUrn") or replied.get("originalMessageUrn")
    return {**union, "repliedMessageContent": {"originalMessage": {"entityUrn": name}}}


def _ids(message_urn: Json, chat_urn: Json) -> tuple[str, str] | None:
    """Message and chat, as LinkedIn pads them."""
    chat_id = _chat_id(chat_urn)
    if not isinstance(message_urn, str) or chat_id is None:
        return None
    try:
        return keys.padded(keys.message_key(message_urn)), chat_id
    except InvalidParameters:
        return None


def _message_key(tree: Mapping[str, Json]) -> MessageKey | None:
    urn = tree.get("entityUrn") or tree.get("backendUrn")
    try:
        return keys.message_key(urn) if isinstance(urn, str) else None
    except InvalidParameters:
        return None


def _chat_id(urn: Json) -> str | None:
    if not isinstance(urn, str):
        return None
    try:
        return keys.padded(keys.chat_key(urn))
    except InvalidParameters:
        return None
