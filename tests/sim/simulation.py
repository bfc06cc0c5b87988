"""Starts the simulation as a process of its own, and speaks to it as a LinkedIn web client would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

ROOT = Path(__file__).parents[2]
MESSAGES = "/linkedin/voyager/api/voyagerMessagingDashMessengerMessages"
CONVERSATIONS = "/linkedin/voyager/api/voyagerMessagingDashMessengerConversations"
QUERY_MAP = {"X-LI-Query-Map": '{"topicToGraphQLQueryParams":{"messagesTopic":{"queryId":"x.y"}}}'}
DECORATED = "com.linkedin.realtimefrontend.DecoratedEvent"

Json = dict[str, Any]


class Process:
    """One `python -m postroom_sim`."""

    def __init__(self, folder: Path, *arguments: str, clock: Path | None = None) -> None:
        self.folder = folder
        self.clock = clock or folder / "clock"
        command = [sys.executable, "-m", "postroom_sim", "--port", "0", "--data", str(folder / "data")]
        self.process = subprocess.Popen(
            [*command, "--clock", str(self.clock), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self.addresses: dict[str, str] = json.loads(line) if line else {}

    @property
    def origin(self) -> str:
        return self.addresses["sim"]

    def end(self) -> int:
        self.process.terminate()
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(timeout=10)
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        return code


def encoded(text: str) -> str:
    return quote(text, safe="")


class Member:
    """A member's browser."""

    def __init__(self, client: httpx.AsyncClient, login: str = "user_good", token: str = "ajax:1") -> None:
        self.client = client
        self.headers = {"Cookie": f'li_at={login}; JSESSIONID="{token}"', "csrf-token": token}
        self.id = ""

    async def sign_in(self) -> Member:
        answer = await self.client.get("/linkedin/voyager/api/me", headers=self.headers)
        self.id = answer.json()["miniProfile"]["entityUrn"].rpartition(":")[2]
        return self

    @property
    def profile(self) -> str:
        return f"urn:li:fsd_profile:{self.id}"

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(f"/linkedin{path}", headers=self.headers | headers)

    async def post(self, address: str, tree: Any) -> httpx.Response:
        headers = self.headers | {"Content-Type": "text/plain;charset=UTF-8", "Accept": "application/json"}
        return await self.client.post(address, headers=headers, content=json.dumps(tree))

    async def query(self, name: str, variables: str, hash: str = "abc") -> httpx.Response:
        path = f"/voyager/api/voyagerMessagingGraphQL/graphql?queryId={name}.{hash}&variables={variables}"
        return await self.get(path, accept="application/graphql")

    async def conversations(self, more: str = "") -> Json:
        answer = await self.query("messengerConversations", f"(mailboxUrn:{encoded(self.profile)}{more})")
        field: Json = next(value for value in answer.json()["data"].values() if isinstance(value, dict))
        return field

    async def conversation_with(self, name: str) -> Json:
        """The chat with one person, by first name."""
        for element in (await self.conversations())["elements"]:
            names = [p["participantType"]["member"]["firstName"]["text"] for p in element["conversationParticipants"]]
            if name in names and not element["groupChat"] and len(names) == 2:
                found: Json = element
                return found
        raise LookupError(name)

    async def messages(self, conversation: str, more: str = "") -> Json:
        answer = await self.query("messengerMessages", f"(conversationUrn:{encoded(conversation)}{more})")
        field: Json = next(value for value in answer.json()["data"].values() if isinstance(value, dict))
        return field

    def draft(self, text: str, conversation: str | None, **more: Any) -> Json:
        message = {"body": {"text": text, "attributes": []}, "renderContentUnions": [], "originToken": "token"}
        if conversation is not None:
            message["conversationUrn"] = conversation
        return {"message": message, "mailboxUrn": self.profile, "trackingId": "sixteen-bytes-ok", **more}

    async def send(self, text: str, conversation: str) -> str:
        """The URN of what was sent."""
        answer = await self.post(f"{MESSAGES}?action=createMessage", self.draft(text, conversation))
        assert answer.status_code == 200, answer.text
        urn: str = answer.json()["value"]["entityUrn"]
        return urn

    async def recall(self, urn: str) -> httpx.Response:
        return await self.post(f"{MESSAGES}?action=recall", {"messageUrn": urn})

    @contextlib.asynccontextmanager
    async def listening(self, *, decorated: bool = True) -> AsyncIterator[Stream]:
        headers = self.headers | {"Accept": "text/event-stream"} | (QUERY_MAP if decorated else {})
        address = "/linkedin/realtime/connect?rc=1"
        async with self.client.stream("GET", address, headers=headers, timeout=None) as answer:
            assert answer.status_code == 200
            stream = Stream(answer)
            assert "com.linkedin.realtimefrontend.ClientConnection" in await stream.next()
            yield stream
            await answer.aclose()


class Stream:
    """The frames of one realtime connection."""

    def __init__(self, answer: httpx.Response) -> None:
        self._lines = answer.aiter_lines()

    async def next(self, patience_seconds: float = 3) -> Json:
        """The next frame; StopAsyncIteration at the end, TimeoutError when nothing comes."""
        async with asyncio.timeout(patience_seconds):
            while True:
                line = await anext(self._lines)
                if line.startswith("data:"):
                    frame: Json = json.loads(line[5:])
                    return frame

    async def message(self) -> Json:
        """The next message on messagesTopic, decorated."""
        while True:
            frame = await self.next()
            data = frame.get(DECORATED, {}).get("payload", {}).get("data", {})
            if "doDecorateMessageMessengerRealtimeDecoration" in data:
                result: Json = data["doDecorateMessageMessengerRealtimeDecoration"]["result"]
                return result


def tail(urn: str) -> str:
    return urn.rpartition(",")[2].removesuffix(")")
