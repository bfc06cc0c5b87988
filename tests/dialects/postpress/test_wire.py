"""PostPress's objects, exactly as they stand on the wire."""

from typing import Any

import msgspec
import pytest

from postroom.dialects.postpress import mailbox, wire
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.chats import Attendee, AttendeeContent, Chat, ChatContent, ChatKind, Speaker
from postroom.domain.messages import (
    NO_CONTENT,
    Audio,
    Content,
    File,
    Image,
    LinkedPost,
    Message,
    MessageKind,
    Quote,
    Reaction,
    Size,
    Video,
    VideoMeeting,
)
from postroom.domain.pages import Listing
from postroom.domain.remote import Profile
from tests.dialects.postpress.shapes import check

ULID = "01HXYZ4QK3WJ8FN3M6QH7TZ8GR"
AT = 1_779_010_931_000  # 2026-05-17T09:42:11.000Z
ME, BEA = "ACoAAMe", "ACoAACr-1eYBl"

MESSAGE = Message(
    id=f"msg_{ULID}",
    account_id=f"acc_{ULID}",
    chat_id=f"chat_{ULID}",
    provider="linkedin",
    provider_id="urn:li:msg:2-NTRkZDA4",
    chat_provider_id="2-NTRkZDA4M2Qt",
    key="2-NTRkZDA4",
    sender_id=BEA,
    sender_attendee_id=f"att_{ULID}",
    sent_at=AT,
    is_sender=False,
    seen=True,
    delivered=True,
    edited=False,
    hidden=False,
    is_event=False,
    kind=None,
    deleted_at=None,
    quoted_id=None,
    content=Content(text="Sounds good - let's chat tomorrow.", original="{...raw provider payload...}"),
)

# The example of "Retrieve a message" (May 2026), its ids completed.
SEED: dict[str, Any] = {
    "object": "Message",
    "id": f"msg_{ULID}",
    "provider_id": "urn:li:msg:2-NTRkZDA4",
    "account_id": f"acc_{ULID}",
    "chat_id": f"chat_{ULID}",
    "chat_provider_id": "2-NTRkZDA4M2Qt",
    "sender_id": BEA,
    "sender_attendee_id": f"att_{ULID}",
    "timestamp": "2026-05-17T09:42:11.000Z",
    "text": "Sounds good - let's chat tomorrow.",
    "is_sender": 0,
    "attachments": [],
    "reactions": [],
    "seen": 1,
    "seen_by": {f"att_{ULID}": True},
    "hidden": 0,
    "deleted": 0,
    "edited": 0,
    "is_event": 0,
    "delivered": 1,
    "behavior": 0,
    "original": "{...raw provider payload...}",
}


def attendee(provider_id: str, *, is_self: bool = False, distance: int | None = 1) -> Attendee:
    return Attendee(
        id=f"att_{provider_id}",
        account_id=f"acc_{ULID}",
        provider="linkedin",
        provider_id=provider_id,
        is_self=is_self,
        kind="member",
        member_urn="urn:li:member:1",
        distance=distance,
        content=AttendeeContent(name="Bea", headline="Editor"),
    )


PEOPLE: wire.People = {
    (f"acc_{ULID}", BEA): Speaker(id=f"att_{BEA}", kind="member", member_urn="urn:li:member:1", distance=1),
    (f"acc_{ULID}", ME): Speaker(id=f"att_{ME}", kind="member", member_urn="urn:li:member:2", distance=-1),
}


def shown(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def changed(**fields: Any) -> Message:
    return msgspec.structs.replace(MESSAGE, **fields)


def test_a_message_is_the_example_of_the_seed() -> None:
    found = shown(wire.message(MESSAGE, {}))
    assert found == SEED
    assert next(iter(found)) == "object"
    check("Message", found)


def test_a_tombstone_has_nothing_of_its_content() -> None:
    found = shown(wire.message(changed(deleted_at=AT + 1, content=NO_CONTENT, seen=False), {}))
    assert found == {**SEED, "deleted": 1, "text": None, "original": "", "seen": 0, "seen_by": {}}
    check("Message", found)


def test_every_attachment_has_the_members_its_kind_must_have() -> None:
    content = Content(
        text=None,
        attachments=(
            Image(id="1"),
            Video(id="2", size=Size(4, 3), gif=True, url="https://a/b", url_expires_at=AT),
            Audio(id="3", duration=2.5, voice_note=True),
            File(id="4", file_name="a.pdf", file_size=7, mimetype="application/pdf"),
            LinkedPost(id="5", unavailable=True),
            VideoMeeting(id="6", starts_at=None, expires_at=AT, time_range=60),
        ),
    )
    found = shown(wire.message(changed(content=content), {}))
    assert found["attachments"] == [
        {"type": "img", "id": "1", "unavailable": False, "size": {"width": 0, "height": 0}, "sticker": False},
        {
            "type": "video",
            "id": "2",
            "unavailable": False,
            "url": "https://a/b",
            "url_expires_at": AT,
            "size": {"width": 4, "height": 3},
            "gif": True,
        },
        {"type": "audio", "id": "3", "unavailable": False, "duration": 2.5, "voice_note": True},
        {
            "type": "file",
            "id": "4",
            "unavailable": False,
            "file_size": 7,
            "mimetype": "application/pdf",
            "file_name": "a.pdf",
        },
        {"type": "linkedin_post", "id": "5", "unavailable": True},
        {
            "type": "video_meeting",
            "id": "6",
            "unavailable": False,
            "starts_at": None,
            "expires_at": AT,
            "time_range": 60,
        },
    ]
    check("Message", found)


def test_a_reply_shows_what_it_answers_as_quoted_and_as_reply_to() -> None:
    quote = Quote(provider_id="urn:li:msg:2-Q", key="2-Q", sender_id=ME, sent_at=AT - 1000, text="Tomorrow?")
    found = shown(wire.message(changed(quoted_id=f"msg_{ULID}", content=Content(text="Yes", quote=quote)), PEOPLE))
    assert found["quoted"] == {
        "message_id": f"msg_{ULID}",
        "provider_id": "urn:li:msg:2-Q",
        "sender_id": ME,
        "text": "Tomorrow?",
        "attachments": [],
    }
    assert found["reply_to"] == {
        "id": f"msg_{ULID}",
        "provider_id": "urn:li:msg:2-Q",
        "timestamp": "2026-05-17T09:42:10.000Z",
        "sender_attendee_id": f"att_{ME}",
        "sender_id": ME,
        "text": "Tomorrow?",
    }
    check("Message", found)


def test_a_blanked_quote_keeps_its_place_and_no_text() -> None:
    quote = Quote(provider_id="urn:li:msg:2-Q", key="2-Q", sender_id=ME, sent_at=AT)
    found = shown(wire.message(changed(quoted_id=f"msg_{ULID}", content=Content(text="Yes", quote=quote)), PEOPLE))
    assert (found["quoted"]["text"], found["quoted"]["attachments"], found["reply_to"]["text"]) == (None, [], None)
    check("Message", found)


def test_what_is_known_of_an_inmail_and_its_sender_is_shown() -> None:
    content = Content(
        text="Hello",
        subject="About us",
        is_forwarded=True,
        reactions=(Reaction(value="👍", sender_id=ME, is_sender=True),),
    )
    found = shown(wire.message(changed(content=content, kind=MessageKind.INMAIL, is_event=True), PEOPLE))
    extra = {
        "reactions": [{"value": "👍", "sender_id": ME, "is_sender": True}],
        "is_event": 1,
        "event_type": 0,
        "message_type": "INMAIL",
        "is_forwarded": True,
        "subject": "About us",
        "attendee_type": "MEMBER",
        "attendee_distance": 1,
        "sender_urn": "urn:li:member:1",
        "text": "Hello",
        "original": "",
    }
    assert found == SEED | extra
    check("Message", found)


def test_an_account_a_chat_and_an_attendee_are_what_the_pages_show() -> None:
    account = Account(
        id=f"acc_{ULID}",
        workspace_id="w",
        user_id="w",
        provider="linkedin",
        provider_id=ME,
        status=AccountStatus.CONNECTED,
        status_detail=None,
        profile=Profile(provider_id=ME, username="ada", name="Ada M"),
        created_at=AT,
        last_synced_at=None,
        last_used_at=AT,
        synced=False,
    )
    chat = Chat(
        id=f"chat_{ULID}",
        account_id=account.id,
        provider="linkedin",
        provider_id="2-x",
        key="2-x",
        kind=ChatKind.GROUP,
        content=ChatContent(name="Team"),
        attendee_provider_id=None,
        last_message_at=AT,
        unread_count=2,
        archived=False,
        muted=True,
        read_only=False,
        pinned=True,
        folders=("INBOX", "PRIMARY_INBOX"),
        content_type="inmail",
    )
    found = shown(mailbox.account(account))
    assert found == {
        "object": "Account",
        "id": account.id,
        "type": "LINKEDIN",
        "name": "Ada M",
        "created_at": "2026-05-17T09:42:11.000Z",
        "connection_params": {"im": {"id": ME, "username": "ada", "premiumContractId": None}},
        "groups": [],
        "sources": [{"id": f"{account.id}_MESSAGING", "status": "OK"}],
    }
    check("Account", found)
    listed = shown(mailbox.chat(chat))
    assert listed == {
        "object": "Chat",
        "id": chat.id,
        "account_id": account.id,
        "account_type": "LINKEDIN",
        "provider_id": "2-x",
        "name": "Team",
        "type": 1,
        "timestamp": "2026-05-17T09:42:11.000Z",
        "unread_count": 2,
        "archived": 0,
        "muted_until": -1,
        "read_only": 0,
        "pinned": 1,
        "content_type": "inmail",
        "folder": ["INBOX", "INBOX_LINKEDIN_CLASSIC"],
    }
    check("Chat", listed)
    for last in (None, wire.last_message(MESSAGE, {})):
        one = shown(mailbox.chat(chat, last))
        check("ChatWithLastMessage", one)
        assert one["lastMessage"] is None or "object" not in one["lastMessage"]
    people = shown(mailbox.attendee_list([attendee(BEA), attendee(ME, is_self=True)]))
    assert people["cursor"] is None
    assert people["items"][0]["specifics"] == {
        "provider": "LINKEDIN",
        "member_urn": "urn:li:member:1",
        "network_distance": "DISTANCE_1",
        "headline": "Editor",
    }
    assert "network_distance" not in people["items"][1]["specifics"]
    check("ChatAttendeeList", people)


def test_accounts_that_postpress_has_no_type_for_are_not_listed() -> None:
    account = Account(
        id="acc_1",
        workspace_id="w",
        user_id="w",
        provider="bluesky",
        provider_id="did:plc:x",
        status=AccountStatus.CONNECTED,
        status_detail=None,
        profile=Profile(provider_id="did:plc:x", username="x", name="x"),
        created_at=AT,
        last_synced_at=None,
        last_used_at=AT,
        synced=True,
    )
    assert shown(mailbox.account_list(Listing(items=[account], next="bW9yZQ=="))) == {
        "object": "AccountList",
        "items": [],
        "cursor": "bW9yZQ==",
    }


@pytest.mark.parametrize("status", AccountStatus)
def test_every_status_of_an_account_has_a_word_there(status: AccountStatus) -> None:
    assert mailbox.STATUSES[status] in {"OK", "STOPPED", "ERROR", "CREDENTIALS", "PERMISSIONS", "CONNECTING"}
