from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.sim.simulation import CONVERSATIONS, MESSAGES, Member, encoded

ODD: list[Any] = [None, True, -1, 10**30, "", "\x00", [], [[]], [{}], {}, {"$set": None}]
BODIES = [json.dumps(value).encode() for value in ODD] + [b"", b"{", b"\xff", b'{"messageUrn":"\\ud800"}', b"[" * 3000]


def bent(tree: Any) -> list[Any]:
    """The tree with each of its values replaced by each odd one."""
    if isinstance(tree, list):
        return [[item] for item in bent(tree[0])] if tree else []
    if not isinstance(tree, dict):
        return []
    found = []
    for name, value in tree.items():
        found += [{**tree, name: odd} for odd in [*ODD, *bent(value)]]
    return found


async def test_no_write_however_odd_breaks_the_far_side(ada: Member) -> None:
    chat = (await ada.conversation_with("Bea"))["entityUrn"]
    urn = await ada.send("x", chat)
    draft = ada.draft("x", chat)
    draft["message"]["renderContentUnions"] = [{"file": {"assetUrn": "x"}}]
    wanted = [
        (f"{MESSAGES}?action=createMessage", draft),
        (f"{MESSAGES}?action=recall", {"messageUrn": urn}),
        (f"{MESSAGES}?action=reactWithEmoji", {"messageUrn": urn, "emoji": "👍"}),
        (f"{MESSAGES}/{encoded(urn)}", {"patch": {"$set": {"body": {"text": "x", "attributes": []}}}}),
        (f"{CONVERSATIONS}?ids=List({encoded(chat)})", {"entities": {chat: {"patch": {"$set": {"read": True}}}}}),
        (f"{CONVERSATIONS}?action=addCategory", {"conversationUrns": [chat], "category": "STARRED"}),
    ]
    for address, tree in wanted:
        for body in [*BODIES, *(json.dumps(item).encode() for item in bent(tree))]:
            answer = await ada.client.post(address, headers=ada.headers, content=body)
            assert answer.status_code < 500, (address, body)


@pytest.mark.parametrize(
    "variables",
    ["", "()", "(", "(a)", "(a:", "(conversationUrn:List(a))", "(conversationIds:x)", "(" * 3000, "List(" * 2000],
)
async def test_no_query_however_odd_breaks_the_far_side(ada: Member, variables: str) -> None:
    for name in ("messengerConversations", "messengerMessages", "messengerMessagingParticipants"):
        assert (await ada.query(name, variables)).status_code == 400


async def test_no_record_however_odd_breaks_the_far_side(client: httpx.AsyncClient) -> None:
    address = "/bluesky/xrpc/com.atproto."
    login = {"identifier": "ada.test", "password": "app-ada-pass"}
    session = (await client.post(f"{address}server.createSession", json=login)).json()
    facet = {
        "index": {"byteStart": 0, "byteEnd": 1},
        "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "x"}],
    }
    record = {"text": "x", "createdAt": "2026-01-01T00:00:00Z", "facets": [facet], "embed": {"$type": "x", "a": 1.5}}
    tree = {"repo": session["did"], "collection": "app.bsky.feed.post", "rkey": "abc", "record": record}
    headers = {"Authorization": f"Bearer {session['accessJwt']}"}
    for method in ("createRecord", "putRecord", "deleteRecord"):
        for body in [*BODIES, *(json.dumps(item).encode() for item in bent(tree))]:
            answer = await client.post(f"{address}repo.{method}", headers=headers, content=body)
            assert answer.status_code < 500, (method, body)
