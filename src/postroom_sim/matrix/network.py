"""The simulated Matrix homeserver, put together: one server under /matrix."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from postroom_sim.feed import Feed
from postroom_sim.matrix.people import BY_LOGIN, BY_NAME, BY_USER, HOST, refusal, scenarios
from postroom_sim.matrix.store import Store, bundled, display_name
from postroom_sim.matrix.syncing import Syncing, limited
from postroom_sim.network import Answer, Call, Ground, Quiet, Refused, Scenario, json_answer
from postroom_sim.oauth import bearer

Json = dict[str, Any]

_CLIENT, _ROOM = "/_matrix/client/v3/", "/_matrix/client/v3/rooms/([^/]+)/"
_DATA = "/_matrix/client/v3/user/([^/]+)/"
# What is called how: method, path, operation.
_ROUTES = tuple(
    (method, re.compile(path), operation)
    for method, path, operation in (
        ("POST", f"{_CLIENT}login", "login"),
        ("POST", f"{_CLIENT}register", "register"),
        ("POST", f"{_CLIENT}logout", "logout"),
        ("GET", f"{_CLIENT}devices", "devices"),
        ("GET", f"{_CLIENT}account/whoami", "whoami"),
        ("GET", f"{_CLIENT}profile/([^/]+)", "profile"),
        ("GET", f"{_CLIENT}sync", "sync"),
        ("GET", f"{_CLIENT}joined_rooms", "joined_rooms"),
        ("POST", f"{_CLIENT}createRoom", "create_room"),
        ("POST", f"{_CLIENT}join/([^/]+)", "join"),
        ("POST", f"{_ROOM}leave", "leave"),
        ("GET", f"{_ROOM}joined_members", "joined_members"),
        ("GET", f"{_ROOM}messages", "messages"),
        ("GET", f"{_ROOM}event/([^/]+)", "event"),
        ("GET", f"{_ROOM}state/m.room.encryption/?", "encryption"),
        ("PUT", f"{_ROOM}state/([^/]+)/?", "set_state"),
        ("POST", f"{_ROOM}receipt/m.read/([^/]+)", "receipt"),
        ("PUT", f"{_ROOM}send/([^/]+)/([^/]+)", "send"),
        ("PUT", f"{_ROOM}redact/([^/]+)/([^/]+)", "redact"),
        ("POST", f"{_ROOM}read_markers", "read_markers"),
        ("PUT", f"{_ROOM}typing/([^/]+)", "typing"),
        ("GET", "/_matrix/client/v1/rooms/([^/]+)/relations/([^/]+)/([^/]+)/([^/]+)", "relations"),
        ("GET", f"{_DATA}account_data/([^/]+)", "account_data"),
        ("PUT", f"{_DATA}account_data/([^/]+)", "set_account_data"),
        ("GET", f"{_DATA}rooms/([^/]+)/account_data/([^/]+)", "room_data"),
        ("PUT", f"{_DATA}rooms/([^/]+)/account_data/([^/]+)", "set_room_data"),
        ("GET", f"{_DATA}rooms/([^/]+)/tags", "tags"),
        ("PUT", f"{_DATA}rooms/([^/]+)/tags/([^/]+)", "set_tag"),
        ("DELETE", f"{_DATA}rooms/([^/]+)/tags/([^/]+)", "set_tag"),
        ("POST", "/_matrix/media/v3/upload", "upload"),
        ("GET", "/_matrix/client/v1/media/download/([^/]+)/([^/]+)", "download"),
    )
)
_SEEDED = 20


class Matrix(Quiet):
    name = "matrix"

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._store = Store(ground)
        self._typing: dict[str, list[str]] = {}
        self._syncing = Syncing(self._store, self._typing)
        self._feed = Feed(ground, self.name)

    def identify(self, call: Call) -> None:
        found = self._route(call)
        call.operation = found[0] if found else "unknown"
        try:
            call.account = self._who(call)
        except Refused:
            call.account = None

    def _route(self, call: Call) -> tuple[str, list[str]] | None:
        for method, path, operation in _ROUTES:
            matched = path.fullmatch(call.path)
            if matched and call.method == method:
                parts = [unquote(part) for part in matched.groups()]
                if operation == "send":
                    operation = self._kind(call, parts[1])
                return operation, parts
        return None

    def _kind(self, call: Call, type: str) -> str:
        content = call.json()
        relation = content.get("m.relates_to") if isinstance(content, dict) else None
        if type == "m.reaction":
            return "react"
        return "edit" if isinstance(relation, dict) and relation.get("rel_type") == "m.replace" else "send"

    def _who(self, call: Call) -> str:
        token = bearer(call)
        if token is None:
            raise refusal(401, "M_MISSING_TOKEN", "Missing access token")
        session = self._store.session(token)
        magic = BY_LOGIN.get(token.partition("~")[0])
        if session is None and magic is None:
            raise refusal(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", soft_logout=False)
        user = session[0] if session else magic.user if magic else ""
        if session is not None and session[1]:
            raise refusal(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", soft_logout=False)
        person = BY_USER.get(user)
        if person is not None and person.refusal is not None:
            raise refusal(*person.refusal, "This account cannot be used.")
        return user

    def answer(self, call: Call) -> Answer:
        route = self._route(call)
        if route is None:
            raise refusal(404, "M_UNRECOGNIZED", "Unrecognized request")
        operation, parts = route
        if operation in ("login", "register"):
            return self._login(call) if operation == "login" else self._register(call)
        user = self._who(call)
        if operation == "sync":
            return self._syncing.sync(call, user)
        if operation == "download":
            return self._download(parts[1])
        if operation == "upload":
            return self._upload(call, user)
        doing: dict[str, Callable[[Call, str, list[str]], Json]] = {
            "whoami": lambda call, user, parts: {"user_id": user, "device_id": "DEVICE"},
            "profile": lambda call, user, parts: {"displayname": display_name(parts[0])},
            "logout": self._logout,
            "joined_rooms": self._joined_rooms,
            "create_room": self._create_room,
            "join": self._join,
            "devices": self._devices,
            "account_data": lambda call, user, parts: self._data(user, "", parts[1]),
            "set_account_data": lambda call, user, parts: self._set_data(call, user, "", parts[1]),
            "room_data": lambda call, user, parts: self._data(user, parts[1], parts[2]),
            "set_room_data": lambda call, user, parts: self._set_data(call, user, parts[1], parts[2]),
            "tags": lambda call, user, parts: self._store.data(user, parts[1], "m.tag") or {"tags": {}},
            "set_tag": self._set_tag,
        }
        if operation in doing:
            return json_answer(doing[operation](call, user, parts))
        return json_answer(self._in_room(operation, call, user, parts))

    def _in_room(self, operation: str, call: Call, user: str, parts: list[str]) -> Json:
        room = parts[0]
        if self._store.membership(room, user)[0] != "join":
            raise refusal(403, "M_FORBIDDEN", f"User {user} not in room {room}")
        match operation:
            case "leave":
                self._store.set_membership(room, user, user, "leave")
                return {}
            case "joined_members":
                people = self._store.members(room, "join")
                return {"joined": {each: {"display_name": display_name(each)} for each in people}}
            case "messages":
                return self._syncing.messages(call, room)
            case "event":
                return bundled(self._store, self._event(room, parts[1]))
            case "encryption":
                found = [each for each in self._store.state(room) if each["type"] == "m.room.encryption"]
                if not found:
                    raise refusal(404, "M_NOT_FOUND", "Event not found.")
                return dict(found[-1]["content"])
            case "relations":
                self._event(room, parts[1])
                found = self._store.relations(parts[1], parts[2])
                return {"chunk": [bundled(self._store, each) for each in found if each["type"] == parts[3]]}
            case "redact":
                return self._once(call, lambda: self._redact(room, user, parts[1]))
            case "read_markers" | "receipt":
                self._store.read(room, user, parts[1] if operation == "receipt" else str(_object(call).get("m.read")))
                return {}
            case "set_state":
                return {"event_id": self._store.add(room, user, parts[1], _object(call), state_key="")["event_id"]}
            case "typing":
                self._typing[room] = [user] if _object(call).get("typing") else []
                return {}
            case _:
                return self._once(call, lambda: self._send(room, user, parts[1], _object(call)))

    def _once(self, call: Call, do: Callable[[], Json]) -> Json:
        """One event for each transaction of a session."""
        token = bearer(call) or ""
        done = self._store.done(token, call.path)
        if done is None:
            done = do()["event_id"]
            self._store.remember(token, call.path, done)
        return {"event_id": done}

    def _send(self, room: str, user: str, type: str, content: Json) -> Json:
        relation = content.get("m.relates_to")
        relation = relation if isinstance(relation, dict) else {}
        if relation.get("rel_type") == "m.annotation":
            for each in self._store.relations(str(relation.get("event_id")), "m.annotation"):
                if each["sender"] == user and each["content"]["m.relates_to"].get("key") == relation.get("key"):
                    raise refusal(400, "M_DUPLICATE_ANNOTATION", "Can't send same reaction twice")
        if len(str(content).encode()) > 65_536:
            raise refusal(413, "M_TOO_LARGE", "event too large")
        return self._store.add(room, user, type, content)

    def _redact(self, room: str, user: str, id: str) -> Json:
        event = self._event(room, id)
        if event["sender"] != user:
            raise refusal(403, "M_FORBIDDEN", "You don't have permission to redact events")
        return self._store.redact(room, user, id)

    def _event(self, room: str, id: str) -> Json:
        event = self._store.event(id)
        if event is None or event["room_id"] != room:
            raise refusal(404, "M_NOT_FOUND", "Event not found.")
        return event

    def _login(self, call: Call) -> Answer:
        fields = _object(call)
        identifier = fields.get("identifier")
        name = str(identifier.get("user", "")) if isinstance(identifier, dict) else ""
        name = name.removeprefix("@").removesuffix(f":{HOST}")
        person, user = BY_NAME.get(name), f"@{name}:{HOST}"
        password = person.password if person is not None else self._store.password(user)
        if password is None or fields.get("password") != password:
            raise refusal(403, "M_FORBIDDEN", "Invalid username or password")
        if person is not None and person.refusal is not None:
            raise refusal(*person.refusal, "This account cannot be used.")
        return self._session(user, str(fields.get("initial_device_display_name", "")))

    def _register(self, call: Call) -> Answer:
        fields = _object(call)
        user = f"@{fields.get('username')}:{HOST}"
        if not self._store.register(user, str(fields.get("password"))):
            raise refusal(400, "M_USER_IN_USE", "User ID already taken.")
        return self._session(user, "")

    def _session(self, user: str, device_name: str) -> Answer:
        token, device = self._store.open_session(user, device_name)
        return json_answer({"user_id": user, "access_token": token, "device_id": device})

    def _devices(self, call: Call, user: str, parts: list[str]) -> Json:
        return {"devices": [{"device_id": id, "display_name": name} for id, name in self._store.devices(user)]}

    def _logout(self, call: Call, user: str, parts: list[str]) -> Json:
        self._store.end_session(bearer(call) or "", user)
        return {}

    def _joined_rooms(self, call: Call, user: str, parts: list[str]) -> Json:
        return {"joined_rooms": [room for room, (how, _) in self._store.rooms_of(user).items() if how == "join"]}

    def _create_room(self, call: Call, user: str, parts: list[str]) -> Json:
        fields = _object(call)
        state: dict[str, Json] = {"m.room.name": {"name": fields["name"]}} if "name" in fields else {}
        for event in fields.get("initial_state", []):
            state[event["type"]] = event["content"]
        return {"room_id": self._store.create_room(user, list(fields.get("invite", [])), state)}

    def _join(self, call: Call, user: str, parts: list[str]) -> Json:
        if self._store.membership(parts[0], user)[0] not in ("invite", "join"):
            raise refusal(403, "M_FORBIDDEN", "You are not invited to this room.")
        self._store.set_membership(parts[0], user, user, "join")
        return {"room_id": parts[0]}

    def _data(self, user: str, room: str, type: str) -> Json:
        found = self._store.data(user, room, type)
        if found is None:
            raise refusal(404, "M_NOT_FOUND", "Account data not found")
        return found

    def _set_data(self, call: Call, user: str, room: str, type: str) -> Json:
        self._store.set_data(user, room, type, _object(call))
        return {}

    def _set_tag(self, call: Call, user: str, parts: list[str]) -> Json:
        tags = (self._store.data(user, parts[1], "m.tag") or {"tags": {}})["tags"]
        tags.pop(parts[2], None)
        if call.method == "PUT":
            tags[parts[2]] = _object(call)
        self._store.set_data(user, parts[1], "m.tag", {"tags": tags})
        return {}

    def _upload(self, call: Call, user: str) -> Answer:
        id = f"file{self._feed.next('files')}"
        self._feed.keep_file(id, user, call.headers.get("content-type", "application/octet-stream"), call.body)
        return json_answer({"content_uri": f"mxc://{HOST}/{id}"})

    def _download(self, id: str) -> Answer:
        file = self._feed.file(id)
        if file is None:
            raise refusal(404, "M_NOT_FOUND", "Not found")
        return Answer(200, file.content, {"content-type": file.media_type})

    def truncate_page(self, answer: Answer, length: int) -> Answer:
        return limited(answer, length) if answer.stream is None else answer

    def expired_session(self) -> Answer:
        return refusal(401, "M_UNKNOWN_TOKEN", "Invalid access token passed.", soft_logout=False).answer

    def challenge(self) -> Answer:
        return refusal(403, "M_CONSENT_NOT_GIVEN", "Agree to the terms first.").answer

    def journal_body(self, call: Call) -> Any:
        """Without passwords, and without what is said."""
        if call.operation == "upload":
            return {"size_bytes": len(call.body)}
        return None if call.operation in ("login", "register") else call.json()

    def seed(self) -> None:
        """A chat of two and a group, each with some messages; in the chat every third is Ada's."""
        ada, bea, carl = (BY_NAME[name].user for name in ("ada", "bea", "carl"))
        for people, state in (((ada, bea), {}), ((ada, bea, carl), {"m.room.name": {"name": "Harbour"}})):
            room = self._store.create_room(bea, [], state)
            for each in people[:1] + people[2:]:
                self._store.set_membership(room, each, each, "join")
            for number in range(_SEEDED):
                sender = people[number % len(people)]
                text = f"Message {number} of {BY_USER[sender].display_name}"
                self._store.add(room, sender, "m.room.message", {"msgtype": "m.text", "body": text})

    def scenarios(self) -> list[Scenario]:
        return scenarios(self._ground.origin)


def _object(call: Call) -> Json:
    tree = call.json()
    if not isinstance(tree, dict):
        raise refusal(400, "M_NOT_JSON", "Content not JSON.")
    return tree
