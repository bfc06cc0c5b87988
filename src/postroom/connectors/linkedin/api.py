"""LinkedIn's own messaging HTTP, as its web client speaks it, and its failures in our classes. Knows JSON, no Remote*.

Source: requests and answers as published clients and captured-shape test data show them, checked 2026-11-20.
"""

import json
import re
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import quote

import msgspec

from postroom.connectors.http import Answer, Http, Stream
from postroom.connectors.linkedin import refusals

Json = Any

PROVIDER = "linkedin"
CLIENT_VERSION = "1.13.40953"

# The part after the dot changes every few weeks: a setting of the connector replaces it. Checked 2026-11-20.
QUERY_IDS: Mapping[str, str] = {
    "conversations": "messengerConversations.f0873b936b43ed663997b215b2c28359",
    "conversations_delta": "messengerConversations.74c17e85611b60b7ba2700481151a316",
    "conversations_category": "messengerConversations.8656fb361a8ad0c178e8d3ff1a84ce26",
    "messages": "messengerMessages.5846eeb71c981f11e0134cb6626cc314",
    "messages_anchor": "messengerMessages.4088d03bc70c91c3fa68965cb42336de",
    "messages_older": "messengerMessages.34c9888be71c8010fecfb575cb38308f",
    "reactors": "messengerMessagingParticipants.6bedbcf9406fa19045dc627ffc51f286",
}

_DECORATION = "voyagerMessagingDashMessengerRealtimeDecoration."
_TOPICS: Mapping[str, str] = {
    "conversationsTopic": "f855048b390b286e513d7b23c59efee3",
    "conversationDeletesTopic": "282abe5fa1a242cb76825c32dbbfaede",
    "messagesTopic": "db0f1d3f53747f49f3fd87b139df9eda",
    "messageReactionSummariesTopic": "85ff5a1aabf7c52f40aa85ccc84e3bf5",
    "messageSeenReceiptsTopic": "e23d3971dc83a115b03584cf2381256c",
}

_API = "/voyager/api"
_GRAPHQL = f"{_API}/voyagerMessagingGraphQL/graphql"
MESSAGES = f"{_API}/voyagerMessagingDashMessengerMessages"
CONVERSATIONS = f"{_API}/voyagerMessagingDashMessengerConversations"
_UPLOADS = f"{_API}/voyagerVideoDashMediaUploadMetadata?action=upload"
_NORMALIZED = "application/vnd.linkedin.normalized+json+2.1"
_UPLOAD_SECONDS = 300.0
_CATEGORY_QUERY = "(predicateUnions:List((conversationCategoryPredicate:(category:{}))))"
_TEXT = "text/plain;charset=UTF-8"
_CHROME = re.compile(r"Chrome/(\d+)")


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """What makes a request this account's. `repr` shows nothing of it."""

    li_at: str
    jsessionid: str
    user_agent: str

    def __repr__(self) -> str:
        return "Session()"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no error may repeat."""
        return (self.li_at, self.jsessionid)


def new_jsessionid() -> str:
    """A session id as LinkedIn's web client makes one; it is also the token against forged requests."""
    return "ajax:" + "".join(secrets.choice("0123456789") for _ in range(19))


class Voyager:
    """One session's calls."""

    def __init__(self, http: Http, origin: str, session: Session, query_ids: Mapping[str, str]) -> None:
        self._http = http
        self._origin = origin.rstrip("/")
        self._session = session
        self._query_ids = query_ids
        self._page = str(uuid.uuid4())

    # reads

    async def me(self) -> Json:
        """Whose session it is."""
        return self._tree(await self._read("me", f"{_API}/me", self._common()))

    async def conversations(self, me: str, sync_token: str | None) -> Json:
        """What changed in the mailbox since the token; without one the newest conversations, and a first token."""
        variables = {"mailboxUrn": _leaf(f"urn:li:fsd_profile:{me}")}
        if sync_token is None:
            return await self._query("conversations", variables, "messengerConversationsBySyncToken")
        variables["syncToken"] = _leaf(sync_token)
        return await self._query("conversations_delta", variables, "messengerConversationsBySyncToken")

    async def conversations_by_category(
        self, me: str, category: str, *, before_ms: int | None = None, cursor: str | None = None
    ) -> Json:
        """A page of one folder, most recently active first."""
        variables = {
            "query": _CATEGORY_QUERY.format(_leaf(category)),
            "count": "20",
            "mailboxUrn": _leaf(f"urn:li:fsd_profile:{me}"),
        }
        if cursor is not None:
            variables["nextCursor"] = _leaf(cursor)
        else:
            # A year ahead means "the newest", whatever the two clocks say.
            variables["lastUpdatedBefore"] = str(before_ms or int(time.time() * 1000) + 366 * 86_400_000)
        return await self._query("conversations_category", variables, "messengerConversationsByCategoryQuery")

    async def conversations_with(self, me: str, member_ids: Sequence[str]) -> Json:
        """The conversations with exactly these people."""
        recipients = ",".join(_leaf(f"urn:li:fsd_profile:{each}") for each in member_ids)
        variables = {"mailboxUrn": _leaf(f"urn:li:fsd_profile:{me}"), "recipients": f"List({recipients})"}
        return await self._query("conversations", variables, "messengerConversationsByRecipients")

    async def get(self, operation: str, path: str) -> dict[str, Json]:
        """Another of the web client's reads; its answer is a JSON object."""
        return self._tree(await self._read(operation, path, self._messaging() | {"accept": "application/json"}))

    async def messages(self, chat_urn: str) -> Json:
        """The newest messages of a conversation."""
        return await self._query("messages", {"conversationUrn": _leaf(chat_urn)}, "messengerMessagesBySyncToken")

    async def messages_around(self, chat_urn: str, at_ms: int, *, before: int, after: int) -> Json:
        """Messages delivered up to that moment, and after it."""
        variables = {
            "deliveredAt": str(at_ms),
            "conversationUrn": _leaf(chat_urn),
            "countBefore": str(before),
            "countAfter": str(after),
        }
        return await self._query("messages_anchor", variables, "messengerMessagesByAnchorTimestamp")

    async def messages_older(self, chat_urn: str, cursor: str) -> Json:
        """The page before."""
        variables = {"conversationUrn": _leaf(chat_urn), "count": "20", "prevCursor": _leaf(cursor)}
        return await self._query("messages_older", variables, "messengerMessagesByConversation")

    async def reactors(self, message_urn: str, emoji: str) -> Json:
        """Who reacted to a message with that emoji."""
        variables = {"messageUrn": _leaf(message_urn), "emoji": _leaf(emoji)}
        return await self._query("reactors", variables, "messengerMessagingParticipantsByMessageAndEmoji")

    async def _query(self, name: str, variables: Mapping[str, str], field: str) -> Json:
        """The collection under `field`: `elements` is a list for certain, `metadata` an object."""
        text = ",".join(f"{key}:{value}" for key, value in variables.items())
        path = f"{_GRAPHQL}?queryId={self._query_ids[name]}&variables=({text})"
        tree = self._tree(await self._read(name, path, self._messaging() | {"accept": "application/graphql"}))
        data = tree.get("data")
        collection = data.get(field) if isinstance(data, dict) else None
        if not isinstance(collection, dict) or not isinstance(collection.get("elements"), list):
            # Never an empty page: "nothing there" is what deletions are concluded from.
            raise refusals.unreadable(name)
        metadata = collection.get("metadata")
        return {"elements": collection["elements"], "metadata": metadata if isinstance(metadata, dict) else {}}

    # writes

    async def create_message(
        self,
        me: str,
        text: str,
        token: str,
        unions: list[Json],
        *,
        chat_urn: str | None = None,
        subject: str | None = None,
        started: Mapping[str, Json] | None = None,
    ) -> Json:
        """Send, to a conversation or to those whom `started` names. Never repeated: LinkedIn does not tell two requests
        with one token apart.
        """
        message: dict[str, Json] = {
            "body": {"text": text, "attributes": []},
            "renderContentUnions": unions,
            "originToken": token,
        }
        if chat_urn is not None:
            message["conversationUrn"] = chat_urn
        if subject is not None:
            message["subject"] = subject
        body = {
            "message": message,
            **(started or {}),
            "mailboxUrn": f"urn:li:fsd_profile:{me}",
            # Sixteen characters as they are; LinkedIn refuses their base64 form.
            "trackingId": secrets.token_hex(8),
            "dedupeByClientGeneratedToken": False,
        }
        headers = self._messaging() | {"accept": "application/json", "content-type": _TEXT}
        answer = await self._write("send", f"{MESSAGES}?action=createMessage", headers, body)
        tree = answer.json()
        return tree.get("value") if isinstance(tree, dict) else None

    async def recall(self, message_urn: str) -> None:
        """Take back; LinkedIn answers 204, and says nothing about why where it refuses."""
        await self._write("recall", f"{MESSAGES}?action=recall", self._messaging(), {"messageUrn": message_urn})

    async def act(self, operation: str, path: str, body: Json, *, content_type: str = _TEXT) -> Json:
        """Another of the web client's writes; its answer as JSON, None where there is none."""
        headers = self._messaging() | {
            "accept": "application/json",
            "content-type": content_type,
            "origin": self._origin,
        }
        return (await self._write(operation, path, headers, body)).json()

    # files

    @property
    def origin(self) -> str:
        """Where LinkedIn is."""
        return self._origin

    async def upload_place(self, kind: str, size_bytes: int, name: str) -> dict[str, Json]:
        """Where a file is to be uploaded to, and what it will be called."""
        headers = self._messaging() | {"accept": _NORMALIZED, "content-type": "application/json; charset=utf-8"}
        body = {"mediaUploadType": kind, "fileSize": size_bytes, "filename": name}
        tree = self._tree(await self._write("upload_metadata", _UPLOADS, headers, body))
        data = tree.get("data")
        value = (data if isinstance(data, dict) else tree).get("value")
        return value if isinstance(value, dict) else {}

    async def put(self, url: str, data: bytes, content_type: str, more: Mapping[str, Json]) -> None:
        """Upload. `more`: headers that LinkedIn asked for."""
        asked = {name.lower(): text for name, text in more.items() if isinstance(text, str)}
        headers = asked | self._common() | {"content-type": content_type}
        answer = await self._http.write(
            PROVIDER, "upload", url, headers=headers, method="PUT", content=data, seconds=_UPLOAD_SECONDS
        )
        refusals.check(answer, write=True, hide=self._session.secrets)

    def media(self, url: str, *, as_member: bool) -> AbstractAsyncContextManager[Stream]:
        """What is at an address, whatever its status. `as_member`: with the session's cookies."""
        headers = self._common() if as_member else {"user-agent": self._session.user_agent}
        return self._http.stream(PROVIDER, "media", url, headers=headers)

    async def log_out(self) -> None:
        """End the session. Any answer but a failure of the network means that it is over."""
        path = f"/uas/logout?csrfToken={quote(self._session.jsessionid, safe='')}"
        answer = await self._http.write(PROVIDER, "logout", self._origin + path, headers=self._common(), method="GET")
        if answer.status not in (200, 204, 302, 303, 401):
            refusals.check(answer, write=True, hide=self._session.secrets)

    # realtime

    @asynccontextmanager
    async def realtime(self, session_id: str) -> AsyncIterator[Stream]:
        """The stream of events. Without the query map LinkedIn sends an older, thinner format."""
        headers = self._messaging() | {
            "accept": "text/event-stream",
            "x-li-realtime-session": session_id,
            "x-li-accept": _NORMALIZED,
            "x-li-recipe-accept": _NORMALIZED,
            "x-li-query-accept": "application/graphql",
            "x-li-query-map": _query_map(),
            "x-li-recipe-map": "{}",
            "priority": "u=1, i",
            "sec-fetch-dest": "empty",
            "sec-fetch-mode": "cors",
            "sec-fetch-site": "same-origin",
        }
        url = f"{self._origin}/realtime/connect?rc=1"
        async with self._http.stream(PROVIDER, "realtime", url, headers=headers) as stream:
            if stream.status != 200:
                refusals.check(await stream.answer(), write=False, hide=self._session.secrets)
                raise refusals.unreadable("realtime")
            yield stream

    async def heartbeat(self, me: str, session_id: str, *, first: bool) -> None:
        """Tell LinkedIn that somebody is still listening."""
        profile = f"urn:li:fsd_profile:{me}"
        body = {
            "isFirstHeartbeat": first,
            "isLastHeartbeat": False,
            "realtimeSessionId": session_id,
            "mpName": "voyager-web",
            "mpVersion": CLIENT_VERSION,
            "clientId": "voyager-web",
            "actorUrn": profile,
            "contextUrns": [profile],
        }
        headers = self._messaging() | {"accept": "*/*", "content-type": _TEXT, "origin": self._origin}
        path = "/realtime/realtimeFrontendClientConnectivityTracking?action=sendHeartbeat"
        await self._write("heartbeat", path, headers, body)

    # how a request is dressed

    def _common(self) -> dict[str, str]:
        headers = {
            "user-agent": self._session.user_agent,
            "accept-language": "en-US,en;q=0.9",
            "sec-ch-ua-mobile": "?0",
            "sec-ch-ua-platform": '"Linux"',
            "sec-ch-prefers-color-scheme": "light",
            "csrf-token": self._session.jsessionid,
            "cookie": f'li_at={self._session.li_at}; JSESSIONID="{self._session.jsessionid}"',
        }
        chrome = _CHROME.search(self._session.user_agent)
        if chrome:
            headers["sec-ch-ua"] = f'"Chromium";v="{chrome[1]}", "Google Chrome";v="{chrome[1]}", "Not_A Brand";v="24"'
        return headers

    def _messaging(self) -> dict[str, str]:
        return self._common() | {
            "x-restli-protocol-version": "2.0.0",
            "x-li-lang": "en_US",
            "x-li-track": _TRACK,
            "x-li-page-instance": f"urn:li:page:messaging_thread;{self._page}",
            "referer": "https://www.linkedin.com/messaging/",
        }

    async def _read(self, operation: str, path: str, headers: Mapping[str, str]) -> Answer:
        answer = await self._http.read(PROVIDER, operation, self._origin + path, headers=headers)
        refusals.check(answer, write=False, hide=self._session.secrets)
        return answer

    async def _write(self, operation: str, path: str, headers: Mapping[str, str], body: Json) -> Answer:
        content = msgspec.json.encode(body)
        answer = await self._http.write(PROVIDER, operation, self._origin + path, headers=headers, content=content)
        refusals.check(answer, write=True, hide=self._session.secrets)
        return answer

    def _tree(self, answer: Answer) -> dict[str, Json]:
        tree = answer.json()
        if not isinstance(tree, dict):
            raise refusals.unreadable("answer")
        return tree


def _leaf(value: str) -> str:
    """A value inside a tuple: punctuation that the tuple uses is escaped, that of the tuple itself is raw."""
    return quote(value, safe="")


def _query_map() -> str:
    params: dict[str, Json] = {}
    for topic, digest in _TOPICS.items():
        query: Json = {"queryId": _DECORATION + digest, "variables": {}, "extensions": {}}
        params[topic] = query
        params[topic.replace("Topic", "BroadcastTopic")] = query
    return json.dumps({"topicToGraphQLQueryParams": params}, separators=(",", ":"))


_TRACK = json.dumps(
    {
        "clientVersion": CLIENT_VERSION,
        "mpVersion": CLIENT_VERSION,
        "osName": "web",
        "timezoneOffset": 0,
        "timezone": "Etc/UTC",
        "deviceFormFactor": "DESKTOP",
        "mpName": "voyager-web",
        "displayDensity": 1,
        "displayWidth": 1920,
        "displayHeight": 1080,
    },
    separators=(",", ":"),
)
