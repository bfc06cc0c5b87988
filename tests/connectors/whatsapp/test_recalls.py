"""What was taken back on WhatsApp is nowhere: in the library's own store, under another address, or in a quote."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from postroom.connectors.whatsapp.addresses import People
from postroom.connectors.whatsapp.host import LibraryError
from postroom.connectors.whatsapp.mailbox import Mailbox
from postroom.domain.chats import ChatMark
from postroom.domain.remote import RemoteEvent
from postroom.errors import OutcomeUnknown, Unprocessable
from tests import opened
from tests.connectors.whatsapp.telephone import BEA, CLEO, GROUP, Telephone, linked
from tests.connectors.whatsapp.test_linking import places
from tests.connectors.whatsapp.test_mailbox import told

Json = dict[str, Any]
pytestmark = pytest.mark.asyncio(loop_scope="module")
HIDDEN, NUMBER = "180000000000099@lid", "4915550000099@s.whatsapp.net"


@pytest_asyncio.fixture(name="it", scope="module", loop_scope="module")
async def the_account(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Telephone]:
    async with linked(tmp_path_factory.mktemp("whatsapp") / "data") as found:
        yield found


async def take(it: Telephone, news: Sequence[RemoteEvent]) -> None:
    await it.services.messages._ingest.take(it.account, news, origin="network")


async def readable(it: Telephone, word: str) -> list[str]:
    return list(opened.where(await opened.rows(it.built.house.database), word))


def revoked(id: str, by: str) -> Json:
    """What the group's history says of a message that was taken back, and who that number is."""
    key = {"remoteJID": GROUP, "ID": id, "participant": by}
    web = {"key": key, "messageTimestamp": "1790000000", "messageStubType": "REVOKE"}
    return {
        "conversations": [{"ID": GROUP, "name": "G", "messages": [{"message": web}]}],
        "phoneNumberToLidMappings": [{"lidJID": HIDDEN, "pnJID": NUMBER}],
    }


async def test_an_edits_words_are_not_left_in_the_librarys_store(it: Telephone) -> None:
    (place,) = places(it)
    own = await it.own()
    await it.services.messages.edit(it.caller, own.id, "canary of an edit")
    await it.services.recalls.recall(it.caller, own.id)
    assert b"canary of an edit" not in (place / "session.db").read_bytes()


async def test_what_is_held_by_a_hidden_id_goes_when_its_number_is_known(it: Telephone) -> None:
    box = Mailbox(People(it.account.provider_id))
    said = told({"conversation": "canary-of-a-stub"}, chat=GROUP, sender=HIDDEN, alt="", id="3EB0STUB1")
    await take(it, box.read("message", said))
    assert await readable(it, "canary-of-a-stub")
    await take(it, box.read("history", revoked("3EB0STUB1", HIDDEN)))
    assert await readable(it, "canary-of-a-stub") == []


async def test_a_quote_by_the_number_of_what_was_taken_back_by_the_hidden_id_has_no_words(it: Telephone) -> None:
    box = Mailbox(People(it.account.provider_id))
    said = told({"conversation": "canary-of-a-quote"}, chat=GROUP, sender=HIDDEN, alt="", id="3EB0QUOTE1")
    await take(it, box.read("message", said))
    protocol = {"key": {"remoteJID": GROUP, "fromMe": True, "ID": "3EB0QUOTE1"}, "type": "REVOKE"}
    gone = told({"protocolMessage": protocol}, chat=GROUP, sender=HIDDEN, alt="", id="3EB0QUOTE2", edit="7")
    await take(it, box.read("message", gone))
    box.people.learn(HIDDEN, NUMBER)
    quoted = {"conversation": "canary-of-a-quote"}
    context = {"stanzaID": "3EB0QUOTE1", "participant": HIDDEN, "quotedMessage": quoted}
    body = {"extendedTextMessage": {"text": "an answer", "contextInfo": context}}
    await take(it, box.read("message", told(body, chat=GROUP, sender=BEA, alt="", id="3EB0QUOTE3")))
    assert await readable(it, "canary-of-a-quote") == []


async def test_a_group_that_was_made_and_whose_first_message_failed_is_no_failure_to_be_repeated(
    it: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection: Any = (await it.services.messages._connections._opened(it.account)).connection
    real = connection._host.ask

    async def ask(session: str, operation: str, **values: Any) -> Any:
        if operation == "send":
            raise LibraryError("websocket not connected")
        return await real(session, operation, **values)

    monkeypatch.setattr(connection._host, "ask", ask)
    await it.forget_calls()
    with pytest.raises(OutcomeUnknown):
        await it.services.chats.start(it.caller, it.account.id, [BEA, CLEO], "Hello both", title="Both")
    assert await it.calls("create_group") == ["create_group"]


async def test_a_chat_is_not_said_to_be_read_where_nobody_was_told(it: Telephone) -> None:
    chat = await it.chat(CLEO)
    theirs = await it.come((await it.write("Read me"))["text"])
    connection: Any = (await it.services.messages._connections._opened(it.account)).connection
    await connection._rest()
    await connection.profile()
    try:
        await it.services.chats.mark(it.caller, chat.id, ChatMark.READ, on=True)
    except Unprocessable:
        return
    assert (await it.shown(theirs.key))["read_by"] == [it.account.provider_id]
