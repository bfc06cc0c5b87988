"""The far side of `follow`: a LinkedIn that pushes a message a second to each stream. `python -m bench.mailboxes`.

It parses no more than it must: it shares its cores with what is measured. `POST /begin?seconds=N` starts the pushing, once
all streams are open; `GET /counts` tells how many are open and how much was pushed.
"""

import asyncio
import base64
import json
import re
import time
from typing import Any
from urllib.parse import unquote

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_MEMBER = re.compile(rb"li_at=([A-Za-z0-9_-]+)")
_TYPE = "com.linkedin.messenger."
_EMPTY = {"elements": [], "metadata": {"newSyncToken": "dG9rZW4=", "deletedUrns": [], "shouldClearCache": False}}

_streams: dict[str, "_Side"] = {}
_pushed = 0
_calls: dict[str, int] = {}


def member(number: int) -> str:
    """The provider id of an account."""
    return f"ACoAA{number:034d}"


def _id(payload: str) -> str:
    return "2-" + base64.b64encode(payload.encode()).decode()


def _person(id: str, first: str, distance: str) -> dict[str, Any]:
    text = {"_type": "com.linkedin.pemberly.text.AttributedText", "attributes": []}
    return {
        "_type": _TYPE + "MessagingParticipant",
        "entityUrn": f"urn:li:msg_messagingParticipant:urn:li:fsd_profile:{id}",
        "hostIdentityUrn": f"urn:li:fsd_profile:{id}",
        "backendUrn": f"urn:li:member:{int(id[-9:]) + 1000}",
        "participantType": {
            "member": {
                "profileUrl": f"https://www.linkedin.com/in/{id}",
                "firstName": {**text, "text": first},
                "lastName": {**text, "text": "Okafor"},
                "headline": {**text, "text": "Keeps bees, and writes about them"},
                "distance": distance,
                "profilePicture": None,
                "pronoun": None,
            },
            "organization": None,
            "custom": None,
            "agent": None,
        },
    }


def _frame(account: int, number: int) -> bytes:
    """A message as LinkedIn tells of it: with its conversation and its people. The text says when it was pushed."""
    me, other = member(account), f"ACoAB{account:034d}"
    at_ms = int(time.time() * 1000)
    thread = _id(f"00000000-0000-4000-8000-{account:012d}_100")
    message = _id(f"{at_ms}b{number % 100_000:05d}-100&00000000-0000-4000-8000-{account:012d}_100")
    bea = _person(other, "Bea", "DISTANCE_1")
    conversation = {
        "_type": _TYPE + "Conversation",
        "entityUrn": f"urn:li:msg_conversation:(urn:li:fsd_profile:{me},{thread})",
        "backendUrn": f"urn:li:messagingThread:{thread}",
        "title": None,
        "groupChat": False,
        "read": False,
        "unreadCount": 2,
        "lastActivityAt": at_ms,
        "lastReadAt": None,
        "createdAt": 1759000000000,
        "categories": ["INBOX", "PRIMARY_INBOX"],
        "state": None,
        "notificationStatus": "ACTIVE",
        "conversationParticipants": [_person(me, "Ada", "SELF"), bea],
        "creator": None,
        "disabledFeatures": [],
    }
    result = {
        "_type": _TYPE + "Message",
        "entityUrn": f"urn:li:msg_message:(urn:li:fsd_profile:{me},{message})",
        "backendUrn": f"urn:li:messagingMessage:{message}",
        "backendConversationUrn": f"urn:li:messagingThread:{thread}",
        "conversation": conversation,
        "sender": bea,
        "actor": bea,
        "body": {
            "_type": "com.linkedin.pemberly.text.AttributedText",
            "text": f"No. {number} of {account} at {time.time_ns()}: the loom weaves flowers and leaves.",
            "attributes": [],
        },
        "subject": None,
        "deliveredAt": at_ms,
        "originToken": None,
        "messageBodyRenderFormat": "DEFAULT",
        "renderContent": [],
        "renderContentUnions": [],
        "reactionSummaries": [],
        "footer": None,
    }
    data = {"_type": "x", "_recipeType": "y", "doDecorateMessageMessengerRealtimeDecoration": {"result": result}}
    event = {
        "topic": "urn:li-realtime:messagesTopic:urn:li-realtime:myself",
        "id": f"e-{account}-{number}",
        "leftServerAt": at_ms,
        "trackingId": "t",
        "payload": {"data": data, "$metadata": {}},
    }
    text = json.dumps({"com.linkedin.realtimefrontend.DecoratedEvent": event}, separators=(",", ":"))
    return f"data: {text}\n\n".encode()


class _Side(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._held = b""

    def connection_lost(self, error: Exception | None) -> None:
        for name in [name for name, side in _streams.items() if side is self]:
            del _streams[name]

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._held, 0, end)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._held) < whole:
                return
            request, self._held = self._held[:whole], self._held[whole:]
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        path, _, query = request.split(b" ", 2)[1].decode().partition("?")
        name = path.rpartition("/")[2]
        _calls[name] = _calls.get(name, 0) + 1
        if path == "/counts":
            self._send({"streams": len(_streams), "pushed": _pushed, "calls": _calls})
        elif path == "/begin":
            asyncio.get_running_loop().create_task(_push(float(query.partition("=")[2])))
            self._send({})
        elif path == "/realtime/connect":
            found = _MEMBER.search(request)
            _streams[found[1].decode() if found else "?"] = self
            head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
            self._transport.write(head.encode())
            self.push(b'data: {"com.linkedin.realtimefrontend.ClientConnection":{"id":"bench"}}\n\n')
        elif "messengerConversations" in query:
            self._send({"data": {_field(query): _EMPTY}})
        else:
            self._send({})

    def push(self, data: bytes) -> None:
        """One chunk."""
        self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _send(self, body: Any) -> None:
        content = json.dumps(body).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        if not self._transport.is_closing():
            self._transport.write(head.encode() + content)


def _field(query: str) -> str:
    by_category = "predicateUnions" in unquote(query)
    return f"messengerConversationsBy{'CategoryQuery' if by_category else 'SyncToken'}"


async def _push(seconds: float) -> None:
    """To each stream one a second, evenly over the second."""
    global _pushed
    loop = asyncio.get_running_loop()
    streams = sorted(_streams)
    start = loop.time()
    for number in range(int(seconds)):
        for place, name in enumerate(streams):
            wait = start + number + place / len(streams) - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            _streams[name].push(_frame(int(name[5:]), number))
            _pushed += 1


async def _main() -> None:
    server = await asyncio.get_running_loop().create_server(_Side, "127.0.0.1", 0)
    print(json.dumps({"base": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main())
