"""The simulated LinkedIn, put together: which request is which operation, and who answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from postroom_sim.linkedin import directory, mailboxes, media, sessions, signing_in
from postroom_sim.linkedin.actions import Actions
from postroom_sim.linkedin.events import Events
from postroom_sim.linkedin.model import Member
from postroom_sim.linkedin.observer import Observer
from postroom_sim.linkedin.official import Official
from postroom_sim.linkedin.reads import Reads, operation_of
from postroom_sim.linkedin.realtime import Streams
from postroom_sim.linkedin.restli import query_parameters
from postroom_sim.linkedin.scenarios import scenarios
from postroom_sim.linkedin.seed import Seed
from postroom_sim.linkedin.store import Store
from postroom_sim.linkedin.wire import Wire
from postroom_sim.linkedin.writes import Writes
from postroom_sim.network import Answer, BadRequest, Call, Ground, Refused, Scenario, json_answer

_API = "/voyager/api/"
_MESSAGES = _API + "voyagerMessagingDashMessengerMessages"
_CONVERSATIONS = _API + "voyagerMessagingDashMessengerConversations"

# (method, path, action) of what has one fixed address
_FIXED = {
    ("GET", _API + "me", None): "me",
    ("GET", _API + "identity/dash/profiles", None): "profile",
    ("GET", _API + "relationships/dash/connections", None): "connections",
    ("POST", _MESSAGES, "createMessage"): "send",
    ("POST", _MESSAGES, "recall"): "recall",
    ("POST", _MESSAGES, "reactWithEmoji"): "react",
    ("POST", _MESSAGES, "unreactWithEmoji"): "unreact",
    ("POST", _CONVERSATIONS, None): "mark_read",
    ("POST", _CONVERSATIONS, "typing"): "typing",
    ("POST", _CONVERSATIONS, "addCategory"): "category",
    ("POST", _CONVERSATIONS, "removeCategory"): "category",
    ("POST", _CONVERSATIONS, "addParticipants"): "participants",
    ("POST", _CONVERSATIONS, "removeParticipants"): "participants",
    ("POST", _API + "voyagerMessagingDashMessagingBadge", "markAllMessagesAsSeen"): "mark_all_seen",
    ("POST", _API + "voyagerMessagingDashMessengerMessageDeliveryAcknowledgements", "sendDeliveryAcknowledgement"):
        "delivery_acknowledgement",
    ("POST", _API + "voyagerVideoDashMediaUploadMetadata", "upload"): "upload_metadata",
    ("POST", _API + "voyagerMediaUploadMetadata", "upload"): "upload_metadata",
    ("GET", "/realtime/connect", None): "realtime",
    ("POST", "/realtime/realtimeFrontendClientConnectivityTracking", "sendHeartbeat"): "heartbeat",
    ("GET", "/uas/logout", None): "logout",
    ("GET", "/messaging", None): "page",
    ("GET", "/messaging/", None): "page",
}  # fmt: skip
_PAGE = (
    b'<!doctype html><html><head><meta name="clientPageInstanceId" content="0a1b2c3d-0000-4000-8000-5e6f70819203">'
    b'<meta name="serviceVersion" content="1.13.40953"><meta name="i18nLocale" content="en_US">'
    b"<title>Messaging | LinkedIn</title></head><body></body></html>"
)


class LinkedIn:
    name = "linkedin"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._store = Store(ground)
        self._wire = Wire(self._store)
        self._events = Events(self._store, self._wire)
        self._actions = Actions(self._store, self._events)
        self._reads = Reads(self._store, self._wire)
        self._writes = Writes(self._store, self._actions)
        self._seed = Seed(self._store, self._actions)
        self._streams = Streams(ground)
        self._ended_session: str | None = None
        self._official = Official(ground)
        self._signing_in = signing_in.SigningIn(self._store)
        self.observer = Observer(self._store, self._actions, self._events)

    def identify(self, call: Call) -> None:
        if self._official.concerns(call):
            self._official.identify(call)
            return
        before = self._signing_in.operation(call)
        if before is not None:
            call.operation = before
            return
        call.operation = _operation(call)
        login = sessions.login_of(sessions.cookies(call).get("li_at", ""))
        member = self._store.find_login(login) if login else None
        name = sessions.new_member_name(login)
        if member is None and name is not None:
            member = self._seed.new_member(login, name)
            self._events.take()
        call.account = member.id if member else None

    def answer(self, call: Call) -> Answer:
        if self._official.concerns(call):
            return self._official.answer(call)
        if self._signing_in.operation(call) is not None:
            return self._signing_in.answer(call)
        without_token = call.operation in ("media", "page")
        me = sessions.require_member(call, self._store, csrf=not without_token)
        match call.operation:
            case "me":
                return json_answer(self._wire.me(me))
            case "profile":
                return directory.profile(call, self._store, self._wire, me)
            case "connections":
                return directory.connections(call, self._store, self._wire, me)
            case "conversations" | "messages" | "reactors" | "unknown_query":
                return self._reads.answer(call, me)
            case "upload_metadata":
                return media.upload_metadata(call, self._store, me)
            case "upload":
                return media.upload(call, self._store, me)
            case "media":
                return media.serve(call, self._store)
            case "page":
                return Answer(200, _PAGE, {"content-type": "text/html; charset=utf-8"})
            case "logout":
                self._ended_session = sessions.end(call, self._store)
                return Answer(
                    303, headers={"location": "/linkedin/", "set-cookie": "li_at=delete me; Path=/; Max-Age=0"}
                )
            case "realtime":
                return self._connect(call, me)
            case "heartbeat" | "delivery_acknowledgement":
                return Answer(200 if isinstance(call.json(), dict) else 400)
        return self._write(call, me)

    def _write(self, call: Call, me: Member) -> Answer:
        writes = self._writes
        add = query_parameters(call.query).get("action", "").startswith("add")
        match call.operation:
            case "send":
                return writes.send(call, me)
            case "edit":
                return writes.edit(call, me)
            case "recall":
                return writes.recall(call, me)
            case "react" | "unreact":
                return writes.react(call, me, add=call.operation == "react")
            case "typing":
                return writes.typing(call, me)
            case "mark_read":
                return writes.mark_read(call, me)
            case "mark_all_seen":
                return writes.mark_all_seen(call, me)
            case "category":
                return writes.category(call, me, add=add)
            case "participants":
                return writes.participants(call, me, add=add)
            case "rename":
                return writes.rename(call, me)
            case "delete_conversation":
                return writes.delete_conversation(call, me)
        raise Refused(json_answer({"status": 404}, status=404))

    def _connect(self, call: Call, me: Member) -> Answer:
        """Without a query map the stream speaks the old, undecorated format."""
        decorated = False
        if "x-li-query-map" in call.headers:
            try:
                decorated = "topicToGraphQLQueryParams" in msgspec.json.decode(call.headers["x-li-query-map"])
            except (msgspec.DecodeError, TypeError):
                raise Refused(Answer(400)) from None
        stream = self._streams.connect(me.id, sessions.session_key(call), decorated=decorated)
        return Answer(200, headers={"content-type": "text/event-stream", "cache-control": "no-cache"}, stream=stream)

    def commit_done(self) -> None:
        self._streams.publish(self._events.take())
        if self._ended_session is not None:
            ended, self._ended_session = self._ended_session, None
            self._streams.end(lambda stream: stream.session == ended)

    def forget_pending(self) -> None:
        self._events.take()
        self._ended_session = None

    def expired_session(self) -> Answer:
        return sessions.unauthorised()

    def challenge(self) -> Answer:
        return sessions.challenged()

    def truncate_page(self, answer: Answer, length: int) -> Answer:
        if not answer.headers.get("content-type", "").startswith("application/graphql"):
            return answer
        tree = msgspec.json.decode(answer.body)
        for field in tree["data"].values():
            if isinstance(field, dict) and "elements" in field:
                field["elements"] = field["elements"][:length]
            elif isinstance(field, list):
                del field[length:]
        return json_answer(tree, media_type=answer.headers["content-type"])

    def journal_body(self, call: Call) -> Any:
        if not call.body:
            return None
        if self._official.concerns(call):
            return self._official.journal_body(call)
        if self._signing_in.operation(call) is not None:
            return signing_in.journal_body(call)
        if call.operation == "upload":
            return {"size_bytes": len(call.body)}
        tree = call.json()
        return call.body.decode("utf-8", "replace")[:10_000] if tree is None else tree

    def journal_query(self, call: Call) -> str:
        return "csrfToken=(hidden)" if call.operation == "logout" else call.query

    def seed(self) -> None:
        self._seed.fill()

    def freshen(self) -> None:
        self._seed.freshen()

    def scenarios(self) -> list[Scenario]:
        return scenarios(self._ground.origin)

    def posts(self, account: str | None) -> list[dict[str, Any]]:
        """Live posts of the official API, oldest first, of one author or of all."""
        return self._official.posts(account)

    def streaming(self) -> list[str]:
        return sorted(self._streams.members())

    def replay(self, *, shuffle_seed: int | None, duplicates: int) -> int:
        return self._streams.replay(self._events.past(), shuffle_seed=shuffle_seed, duplicates=duplicates)

    def fill_mailbox(self, tree: dict[str, Any]) -> dict[str, int]:
        """Fill the mailbox of `login` with `chats` of two and `messages` in all."""
        login = str(tree.get("login", ""))
        member, name = self._store.find_login(login), sessions.new_member_name(login)
        if member is None and name is not None:
            member = self._seed.new_member(login, name)
            self._events.take()
        if member is None:
            raise BadRequest("login must be somebody's, or user_new_<name>")
        return mailboxes.fill(self._store, member, tree)

    def end_streams(self, wanted: Callable[[str], bool]) -> int:
        return self._streams.end(lambda stream: wanted(stream.member_id))

    def stop(self) -> None:
        self.end_streams(lambda account: True)


def _operation(call: Call) -> str:
    parameters = query_parameters(call.query)
    fixed = _FIXED.get(("GET" if call.method == "HEAD" else call.method, call.path, parameters.get("action")))
    if fixed is not None:
        return fixed
    if call.method == "GET" and call.path in (_API + "voyagerMessagingGraphQL/graphql", _API + "graphql"):
        return operation_of(call.query)
    if call.method == "POST" and call.path.startswith(_MESSAGES + "/"):
        return "edit"
    if call.path.startswith(_CONVERSATIONS + "/"):
        return {"POST": "rename", "DELETE": "delete_conversation"}.get(call.method, "unknown")
    if call.path.startswith("/dms-uploads/") and call.method == "PUT":
        return "upload"
    if call.path.startswith("/dms/prv/") and call.method in ("GET", "HEAD"):
        return "media"
    return "unknown"
