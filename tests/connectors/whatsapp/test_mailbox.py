"""What the library tells, read: who may do what to whose message, whoever says so and by whichever address."""

from typing import Any

import pytest

from postroom.connectors.whatsapp import convert, edits
from postroom.connectors.whatsapp.addresses import People, chat_key, make_key, message_key, plain
from postroom.connectors.whatsapp.connector import WhatsAppConnector
from postroom.connectors.whatsapp.frames import Event
from postroom.connectors.whatsapp.mailbox import Mailbox
from postroom.connectors.whatsapp.refusals import of_call, of_ending
from postroom.domain.remote import (
    MessageDelivered,
    MessageEdited,
    MessageGone,
    MessageSeen,
    ReactionChanged,
    ReadUpTo,
)
from postroom.errors import (
    ActionRequired,
    CredentialsRejected,
    ErrorCode,
    InvalidParameters,
    OutcomeUnknown,
    ProviderDown,
    Refused,
    Unprocessable,
)

Json = dict[str, Any]
ME, MY_HIDDEN = "4915550000001@s.whatsapp.net", "180000000000001@lid"
CLEO, HIDDEN_CLEO = "4915550000003@s.whatsapp.net", "180000000000003@lid"
DARIO = "4915550000004@s.whatsapp.net"
GROUP = "120363000000000001@g.us"


def mailbox() -> Any:
    return Mailbox(People(ME, MY_HIDDEN))


def jid(address: str) -> Json:
    user, _, server = address.partition("@")
    return {"User": user, "Server": server, "RawAgent": 0, "Device": 3}


def told(
    message: Json, *, chat: str = CLEO, sender: str = CLEO, alt: str = HIDDEN_CLEO, edit: str = "", id: str = "3EB0AA"
) -> Json:
    source = {
        "Chat": jid(chat),
        "Sender": jid(sender),
        "SenderAlt": jid(alt) if alt else {},
        "IsFromMe": sender in (ME, MY_HIDDEN),
        "IsGroup": chat == GROUP,
    }
    return {"Info": {"MessageSource": source, "ID": id, "Timestamp": "1790000000000", "Edit": edit}, "Message": message}


def revoke(**key: Any) -> Json:
    return {"protocolMessage": {"key": {"ID": "3EB0BB", **key}, "type": "REVOKE"}}


def read(message: Json, **more: Any) -> list[Any]:
    return mailbox().read("message", told(message, **more))


def test_a_key_names_who_wrote_it_and_reads_itself() -> None:
    connector = WhatsAppConnector()
    for key in (make_key(CLEO, CLEO, "3EB0AA"), make_key(GROUP, HIDDEN_CLEO, "3EB0AA"), f"{ME}/AC-1.x_2"):
        assert connector.message_key(key) == key
    assert connector.chat_key("4915550000003:12@s.whatsapp.net") == CLEO
    assert (plain("4915550000003@c.us"), plain("180000000000003.1:7@lid")) == (CLEO, HIDDEN_CLEO)
    for spelling in (
        "",
        "x",
        "3EB0AA",
        "urn:li:",
        "(",
        "%",
        "\x00",
        f"{CLEO}/",
        f"{CLEO}/a b",
        f"{GROUP}/3EB0AA",
        "٣٤٥@lid",
    ):
        with pytest.raises(InvalidParameters):
            message_key(spelling)
        with pytest.raises(InvalidParameters):
            chat_key(spelling)
        assert connector.mailbox_of(spelling) is None


def test_a_person_is_one_by_number_and_by_hidden_id() -> None:
    it = mailbox()
    (first,) = it.read("message", told({"conversation": "a"}, sender=HIDDEN_CLEO, alt="", chat=HIDDEN_CLEO))
    assert first.message.key == f"{HIDDEN_CLEO}/3EB0AA"
    (second,) = it.read("message", told({"conversation": "b"}, sender=CLEO, alt=HIDDEN_CLEO, id="3EB0AB"))
    (third,) = it.read("message", told({"conversation": "a"}, sender=HIDDEN_CLEO, alt="", chat=HIDDEN_CLEO))
    for seen, id in ((second, "3EB0AB"), (third, "3EB0AA")):
        assert (seen.message.key, seen.message.other_keys) == (f"{CLEO}/{id}", (f"{HIDDEN_CLEO}/{id}",))
        assert (seen.message.chat_key, seen.message.sender.provider_id) == (CLEO, CLEO)
    # Whoever is known by both is taken at their word by either.
    gone = it.read("message", told(revoke(fromMe=True), sender=HIDDEN_CLEO, alt="", chat=HIDDEN_CLEO))
    assert {each.key for each in gone} == {f"{CLEO}/3EB0BB", f"{HIDDEN_CLEO}/3EB0BB"}
    assert {each.by for each in gone} == {(CLEO, HIDDEN_CLEO)}


def test_a_plain_text_is_no_recall_though_that_is_number_nought() -> None:
    (seen,) = read({"conversation": "hello"})
    assert isinstance(seen, MessageSeen)
    assert (seen.message.text, seen.message.sender.is_self, seen.message.delivered) == ("hello", False, True)
    assert read({"protocolMessage": {"type": "APP_STATE_SYNC_KEY_SHARE"}}) == []
    assert read({"protocolMessage": {"type": "HISTORY_SYNC_NOTIFICATION", "key": {"ID": "3EB0BB"}}}) == []
    assert read({"senderKeyDistributionMessage": {}}) == []
    assert read({"conversation": "x"}, chat="status@broadcast") == []


@pytest.mark.parametrize(
    ("key", "more", "author"),
    [
        ({"fromMe": True}, {}, CLEO),
        ({"fromMe": True}, {"chat": GROUP}, CLEO),
        ({"fromMe": False, "participant": HIDDEN_CLEO}, {"chat": GROUP}, CLEO),
        # From another device of mine.
        ({"fromMe": True}, {"sender": ME, "alt": MY_HIDDEN}, ME),
        # By an administrator.
        ({"fromMe": False, "participant": DARIO}, {"chat": GROUP, "edit": "8"}, DARIO),
        # Said to be mine by somebody else, or of nobody, or by an administrator of no group.
        ({"fromMe": False}, {}, None),
        ({"fromMe": False, "participant": DARIO}, {"chat": GROUP, "edit": "7"}, None),
        ({"fromMe": False}, {"chat": GROUP}, None),
        ({"fromMe": False}, {"edit": "8"}, None),
        ({"fromMe": False}, {"sender": ME, "alt": MY_HIDDEN}, None),
    ],
)
def test_a_recall_is_believed_of_its_author_and_of_an_administrator(key: Json, more: Json, author: str | None) -> None:
    found = read(revoke(**key), **more)
    assert all(isinstance(each, MessageGone) for each in found)
    chat = more.get("chat", CLEO)
    assert [each.key for each in found][:1] == ([] if author is None else [make_key(chat, author, "3EB0BB")])
    if author == DARIO:
        assert found[0].by is None


def test_an_edit_is_believed_of_its_author_only() -> None:
    edit = {"type": "MESSAGE_EDIT", "timestampMS": "1790000000500", "editedMessage": {"conversation": "new"}}
    found = read({"protocolMessage": {"key": {"ID": "3EB0BB", "fromMe": True}, **edit}}, edit="1")
    assert (found[0].key, found[0].text, found[0].by) == (f"{CLEO}/3EB0BB", "new", (CLEO, HIDDEN_CLEO))
    assert all(isinstance(each, MessageEdited) for each in found)
    assert read({"protocolMessage": {"key": {"ID": "3EB0BB", "fromMe": False}, **edit}}, edit="1") == []


def test_a_sealed_edit_opens_for_its_author_alone() -> None:
    secret, nonce = bytes(range(32)), bytes(12)
    sealed = edits.seal(secret, "3EB0BB", HIDDEN_CLEO, HIDDEN_CLEO, b"new", nonce)
    others = [b"another secret of thirty-two byte", secret]
    assert edits.open_edit(others, "3EB0BB", (CLEO, HIDDEN_CLEO), nonce, sealed) == b"new"
    assert edits.open_edit([secret], "3EB0BB", (DARIO,), nonce, sealed) is None
    assert edits.open_edit([secret], "3EB0CC", (HIDDEN_CLEO,), nonce, sealed) is None
    assert edits.open_edit([], "3EB0BB", (HIDDEN_CLEO,), nonce, sealed) is None
    assert edits.open_edit([secret], "3EB0BB", (HIDDEN_CLEO,), b"short", sealed) is None


def test_reactions_and_receipts_are_of_whoever_sent_them() -> None:
    (reacted, _) = read({"reactionMessage": {"key": {"ID": "3EB0BB", "fromMe": True}, "text": "🎉"}})
    assert isinstance(reacted, ReactionChanged)
    assert (reacted.key, reacted.sender_id, reacted.added, reacted.replaces) == (f"{CLEO}/3EB0BB", CLEO, True, True)
    (taken, *_) = read({"reactionMessage": {"key": {"ID": "3EB0BB", "fromMe": False}, "text": ""}})
    assert (taken.key, taken.added) == (f"{ME}/3EB0BB", False)
    source = told({})["Info"]["MessageSource"]
    for kind, expected in (("READ", ReadUpTo), ("DELIVERED", MessageDelivered), ("PLAYED", ReadUpTo)):
        body = {"MessageSource": source, "MessageIDs": ["3EB0BB"], "Timestamp": "1790000000", "Type": kind}
        (news,) = mailbox().read("receipt", body)
        assert (type(news), news.key) == (expected, f"{ME}/3EB0BB")
    assert mailbox().read("receipt", {"MessageSource": source, "MessageIDs": ["3EB0BB"], "Type": "RETRY"}) == []


def test_history_says_what_was_taken_back_and_never_what_it_said() -> None:
    key = {"remoteJID": CLEO, "fromMe": False, "ID": "3EB0BB"}
    web = {
        "key": key,
        "messageTimestamp": "1790000000",
        "messageStubType": "REVOKE",
        "message": {"conversation": "old"},
    }
    (chat, seen) = mailbox().read("history", {"conversations": [{"ID": CLEO, "messages": [{"message": web}]}]})
    assert chat.chat.attendees[0].provider_id == CLEO
    assert (seen.message.recalled, seen.message.text, seen.message.original) == (True, None, "")


def test_what_is_kept_of_a_message_forwards_and_opens_it_and_holds_no_keys_of_edits() -> None:
    image = {
        "caption": "Look",
        "mimetype": "image/png",
        "fileLength": "12",
        "mediaKey": "a2V5",
        "JPEGThumbnail": "eA==",
        "contextInfo": {"stanzaID": "3EB0CC", "participant": MY_HIDDEN, "quotedMessage": {"conversation": "mine"}},
    }
    (seen,) = read(
        {"ephemeralMessage": {"message": {"imageMessage": image, "messageContextInfo": {"messageSecret": "c2VjcmV0"}}}}
    )
    message = seen.message
    assert (message.text, message.quote.key, message.quote.text) == ("Look", f"{ME}/3EB0CC", "mine")
    assert not {"c2VjcmV0", "eA==", "mine"} & set(message.original.replace('"', " ").split())
    held = convert.from_original(message.original)
    assert held is not None
    forwarded = convert.forwarded(held)
    assert forwarded is not None
    assert forwarded["imageMessage"]["contextInfo"] == {"isForwarded": True, "forwardingScore": 1}
    assert forwarded["imageMessage"]["mediaKey"] == "a2V5"
    assert (convert.from_original(""), convert.from_original("{"), convert.forwarded({"x": 1})) == (None, None, None)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("client is nil", ProviderDown),
        ("websocket not connected", ProviderDown),
        ("the store doesn't contain a device JID", CredentialsRejected),
        ("server returned error 479", Refused),
        ("no LID found for 49@s.whatsapp.net from server", Unprocessable),
        ("timed out waiting for message send response", OutcomeUnknown),
        ("context deadline exceeded", OutcomeUnknown),
        ("whatever they think of next", OutcomeUnknown),
    ],
)
def test_only_what_surely_was_not_sent_is_said_to_have_done_nothing(words: str, error: type[Exception]) -> None:
    assert type(of_call(words)) is error


def test_each_ending_is_what_it_is() -> None:
    def ending(kind: str, **values: Any) -> Any:
        return of_ending(Event(session="s", kind=kind, values=values))

    assert isinstance(ending("logged_out"), CredentialsRejected)
    assert isinstance(ending("failed", Reason="MAIN_DEVICE_GONE"), CredentialsRejected)
    assert ending("replaced").code is ErrorCode.MULTIPLE_SESSIONS
    assert "3600 seconds" in ending("banned", Expire="3600", Code="SEND_TO_TOO_MANY_PEOPLE").detail
    assert isinstance(ending("failed", Reason="TEMP_BANNED"), ActionRequired)
    assert "neonize" in ending("failed", Reason="CLIENT_OUTDATED").detail
    assert all(type(ending(kind)) is ProviderDown for kind in ("ended", "lost", "failed"))
