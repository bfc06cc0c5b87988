"""The real Matrix homeserver that tests run against does what the connector counts on."""

import pytest

from tests.parts.synapse import Homeserver

pytestmark = pytest.mark.parts


def test_an_edit_counts_if_it_is_the_senders_and_a_redaction_leaves_nothing(synapse: Homeserver) -> None:
    ada, bea = synapse.register("ada"), synapse.register("bea")
    room = ada.create_room(bea)
    message = ada.send(room, "hello")
    bea.edit(room, message, "not hers")
    edit = ada.edit(room, message, "better")
    relations = ada.event(room, message)["unsigned"]["m.relations"]
    assert relations["m.replace"]["content"]["m.new_content"]["body"] == "better"
    reaction = bea.react(room, message, "👍")
    ada.redact(room, message)
    gone = bea.event(room, message)
    assert (gone["content"], "redacted_because" in gone["unsigned"]) == ({}, True)
    # What was said in an edit stays until that is redacted as well.
    assert bea.event(room, edit)["content"]["m.new_content"]["body"] == "better"
    bea.redact(room, reaction)
    assert ada.event(room, reaction)["content"] == {}
