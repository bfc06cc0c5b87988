"""P5, nobody else's: no key sees, changes or can infer what belongs to another workspace, or to another managed user.

Every operation of every dialect is tried, from the tables themselves: a new operation, parameter or body field that
this file has not been told about fails it.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from postroom.clock import to_ms
from postroom.dialects.connectsafely.operations import DIALECT as CONNECTSAFELY
from postroom.dialects.native.operations import DIALECT as NATIVE
from postroom.dialects.operation import Dialect, Operation
from postroom.dialects.postpost.operations import DIALECT as POSTPOST
from postroom.dialects.postpress.operations import DIALECT as POSTPRESS
from postroom.domain.access import Caller, Scope
from postroom.domain.media import MediaKind
from postroom.domain.webhooks import Delivery, Format, Occasion
from postroom.ids import new_id
from postroom.store import deliveries
from tests.desk import pieces
from tests.pictures import png
from tests.receiver import Receiver, receiving
from tests.servers import Built, lent

pytestmark = pytest.mark.promise("P5")

DIALECTS = (POSTPRESS, CONNECTSAFELY, POSTPOST, NATIVE)
ALL = frozenset(Scope)

# Which of our ids a parameter or a field holds, and those that hold none: a network's own ids are everybody's.
IDS: dict[str, str | None] = {
    "message_id": "message",
    "chat_id": "chat",
    "account_id": "account",
    "accountId": "account",
    "linkedinAccountIds": "account",
    "postGroupId": "post_group",
    "quote_id": "message",
    "managed_user_id": "managed_user",
    "target_id": "message",
    "x-postpost-user-id": "managed_user",
    "x-publora-user-id": "managed_user",
    "userId": "managed_user",
    "mediaFileId": "media",
    "retrieve_account.id": "account",
    "delete_account.id": "account",
    "get_account.id": "account",
    "unlink_account.id": "account",
    "sync_account.id": "account",
    "pause_account.id": "account",
    "get_proxy.id": "account",
    "set_proxy.id": "account",
    "remove_proxy.id": "account",
    "resume_account.id": "account",
    "attendee_id": "attendee",
    "list_attendee_messages.sender_id": "attendee",
    "retrieve_attendee.id": "attendee",
    "get_attendee_picture.id": "attendee",
    "attendees_ids": "attendee",
    "recipients": "attendee",
    "reconnect_account": "account",
    "reconnect_account.id": "account",
    "update_account.id": "account",
    "restart_account.id": "account",
    "resync_account.id": "account",
    "resync_chat.id": "chat",
    "revoke_key.id": "key",
    "set_key_budget.id": "key",
    "preview_deletion.id": "message",
    "confirm_deletion.id": "message",
    "answer_link.id": "link",
    "get_link.id": "link",
    "resend_code.id": "link",
    "relink_account.id": "account",
    "get_receipt.id": "receipt",
    "get_post_group.id": "post_group",
    "update_post_group.id": "post_group",
    "delete_post_group.id": "post_group",
    "get_post_group_log.id": "post_group",
    "add_media.id": "post_group",
    "retry_post_group.id": "post_group",
    "get_media.id": "file",
    "get_media_file.id": "file",
    "delete_media.id": "file",
    "list_webhook_deliveries.id": "webhook_endpoint",
    "replay_webhook_delivery.id": "webhook_endpoint",
    "replay_webhook_delivery.delivery_id": "delivery",
    "send_webhook_test.id": "webhook_endpoint",
    "create_post_group.files": "file",
    "update_post_group.files": "file",
    "update_post_group.without": "media",
    "get_message.id": "message",
    "get_chat.id": "chat",
    "list_chat_people.id": "chat",
    "get_person.id": "attendee",
    "get_person_picture.id": "attendee",
    "get_profile.id": "account",
    "list_relations.id": "account",
    "list_chat_messages.id": "chat",
    "delete_chat_message.id": "message",
    "send_chat_message.id": "chat",
    "set_message_delete_at.id": "message",
    "get_deferral.id": "deferral",
    "undo_deferral.id": "deferral",
    "take_down_receipt.id": "receipt",
    "take_down_post_group.id": "post_group",
    "set_delete_at.id": "post_group",
    "get_take_down.id": "takedown",
    "mark_chat.id": "chat",
    "type_in_chat.id": "chat",
    "edit_message.id": "message",
    "react_to_message.id": "message",
    "forward_message.id": "message",
    "get_message_file.id": "message",
    "update_webhook.id": "webhook",
    "delete_webhook.id": "webhook",
    "regenerate_webhook_secret.id": "webhook",
    "get_webhook_endpoint.id": "webhook_endpoint",
    "update_webhook_endpoint.id": "webhook_endpoint",
    "delete_webhook_endpoint.id": "webhook_endpoint",
    "regenerate_endpoint_secret.id": "webhook_endpoint",
    "delete_account_webhook.id": "account_webhook",
    "account_ids": "account",
    "delete_message_webhook.id": "message_webhook",
    "update_message_webhook.id": "message_webhook",
    "accountIds": "account",
}
_NO_IDS = """
    conversationUrn messageUrn limit count before after since sender_id account_type unread unreadOnly labelId labeledOnly
    sync q provider
    chunk_chats wait_seconds x-postpost-client status page sortBy sortOrder fromDate toDate platform name scopes username
    display_name flow answers text attachments voice_message video_message typing_duration access_token user_agent
    premium_token recruiter_contract_id password content platforms scheduledTime platformSettings thread_id fileName
    delete_at then mediaUrls deleteAt deleteThen
    contentType type altText cursor nextCursor x-publora-client platformId displayName expiresInDays rotate
    contentType type altText cursor nextCursor x-publora-client platformId displayName expiresInDays rotate url events
    chunk_chats chunk_size partial linkedin_product filter
    code reaction action value title subject linkedin expiresOn api_url providers success_redirect_url country ip proxy
    host port protocol
    failure_redirect_url bypass_success_screen notify_url disabled_features sync_limit pairing_phone_number
    identifier invitation_id post_id job_id email_id attachment_id folder_id calendar_id event_id
    isActive active position file source request_url format enabled headers data
    filename sync force profileId threadId eventId companyId keywords read deliveredAt countBefore countAfter
    recipientProfileUrn recipientProfileId subject messagingChannel messageType messageUrns groupId emoji react
    attachment_id emoji on mark people title subject files options typing_seconds
    kind platform_id token deletes_per_hour deletes_per_day
    grace person starred
    failed looked scheduled_at settings media_urls scheduled_from scheduled_to sort descending file_name content_type alt_text
    postedId queryType queryTypes aggregation dateRange period reactionType message parentComment commentId
"""


@dataclass
class Things:
    """What one caller has, one of each kind, and words that nobody else may read."""

    key: str
    caller: Caller
    ids: dict[str, str]
    urns: tuple[str, str]
    secret_words: set[str]


@dataclass
class Trial:
    """One request with an id in one place of it."""

    method: str
    path: str
    kind: str
    place: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None


@pytest.fixture(params=["sqlite", "postgres"])
async def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Built]:
    postgres = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    async with lent(tmp_path_factory.mktemp("house") / "data", postgres) as made:
        yield made


@pytest.fixture
async def http(house: Built) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=house.house.app, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
        yield client


async def furnish(house: Built, caller: Caller, key: str, word: str, cookie: str) -> Things:
    """One thing of each kind for this caller, with words in it that are its alone."""
    services = house.house.services
    account = await services.accounts.link(caller, "linkedin", "cookie", {"access_token": cookie})
    await house.house.sync.sync(caller.workspace_id, account.id)
    own = [
        message
        for message in (await services.messages.list(caller, account_id=account.id, limit=250)).items
        if message.is_sender and not message.is_tombstone
    ]
    await services.recalls.recall(caller, own[0].id)
    message = own[1]
    group = await services.posts.create(
        caller, content=f"Written by {word}", platforms=["bluesky-x"], scheduled_at=None, platform_settings={}
    )
    address = await services.media.upload_address(
        caller, group.id, file_name=f"{word}.png", content_type="image/png", kind=MediaKind.IMAGE
    )
    file = await services.library.upload(caller, pieces(png(len(word), *word.encode()[:2])), file_name=f"{word}.png")
    attempt, _ = await services.accounts.start_link(caller, "linkedin", "cookie")
    issued, _ = await services.access.issue_key(caller.workspace_id, f"Key of {word}", ALL, caller.only_user)
    receipts = await services.receipts.list(caller)
    people = await services.chats.attendees(caller, message.chat_id)
    hooks = {
        format: (
            await services.webhooks.create(
                caller, name=f"Hook of {word}", url=f"https://8.8.8.8/{word}", types=[], format=format
            )
        )[0].id
        for format in Format
    }
    user = "" if caller.only_user else (await services.access.add_managed_user(caller, word, f"User of {word}")).id
    deferral = await services.deferrals.send(caller, message.chat_id, f"Later by {word}", grace_seconds=3600)
    delivery = Delivery(
        id=new_id("dlv", house.now()),
        workspace_id=caller.workspace_id,
        webhook_id=hooks[Format.NATIVE],
        event_id=new_id("evt", house.now()),
        event_type="post.failed",
        position=None,
        occasion=Occasion.EVENT,
        failure=word,
        status=None,
        took_ms=1,
        tried_at=to_ms(house.now()),
    )
    async with house.house.database.begin() as tx:
        await deliveries.add(tx, delivery)
    ids = {
        "message": message.id,
        "file": file.id,
        "delivery": delivery.id,
        "chat": message.chat_id,
        "account": account.id,
        "attendee": people[0].id,
        "post_group": group.id,
        "media": address.media_id,
        "key": issued.id,
        "link": attempt.id,
        "receipt": receipts.items[0].id,
        "deferral": deferral.id,
        "takedown": (await services.takedowns.take_down(caller, group.id, 0)).id,
        "managed_user": user or caller.user_id,
        "webhook": hooks[Format.POSTPOST],
        "webhook_endpoint": hooks[Format.NATIVE],
        "account_webhook": hooks[Format.POSTPRESS],
        "message_webhook": hooks[Format.CONNECTSAFELY],
    }
    return Things(
        key=key,
        caller=caller,
        ids=ids,
        urns=(
            f"urn:li:msg_conversation:(urn:li:fsd_profile:{account.provider_id},{message.chat_provider_id})",
            message.provider_id,
        ),
        secret_words={word, own[0].id, *ids.values()},
    )


@pytest.fixture
async def two(house: Built) -> tuple[Things, Things]:
    """Two workspaces that linked the very same LinkedIn account: the network's ids are the same in both."""
    access = house.house.services.access
    made = []
    for number, caller in enumerate((house.caller, house.other)):
        _, key = await access.issue_key(caller.workspace_id, "whole", ALL)
        word = ("zebrafinch", "quokkamoss")[number]
        made.append(await furnish(house, await access.resolve(key), key, word, f"user_good~{word}"))
    return made[0], made[1]


@pytest.fixture
async def two_users(house: Built) -> tuple[Things, Things]:
    """Two managed users of one workspace, who linked the very same LinkedIn account."""
    access = house.house.services.access
    made = []
    for word in ("ibexharbor", "lynxmeadow"):
        user = await access.add_managed_user(house.caller, word, None)
        _, key = await access.issue_key(house.caller.workspace_id, f"Main key of {word}", ALL, user.id)
        made.append(await furnish(house, await access.resolve(key), key, word, f"user_good~{word}"))
    return made[0], made[1]


def kind_of(operation: Operation, name: str) -> str | None:
    """Which id this parameter holds; an unknown one is a gap of this file."""
    known = IDS.get(f"{operation.name}.{name}", IDS.get(name))
    assert known is not None or name in _NO_IDS.split(), (
        f"{operation.name} takes {name}: tell this test which id it is, or that it is none"
    )
    return known


def fields_of(body: Any) -> list[str]:
    """The names of a body's fields on the wire."""
    return [] if body is None or body is bytes else [each.encode_name for each in msgspec.structs.fields(body)]


BODIES: dict[str, Any] = {
    "begin_chat": {"account_id": "acc_none", "people": ["ACoAA"], "text": "Hello"},
    "edit_message": {"text": "Hello"},
    "react_to_message": {"emoji": "👍"},
    "forward_message": {"chat_id": "chat_none"},
    "mark_chat": {"mark": "read"},
    "type_in_chat": {},
    "send_message": {"text": "Hello"},
    "start_chat": {"account_id": "acc_x", "attendees_ids": ["ACoAAx"], "text": "Hello"},
    "update_chat": {"action": "setReadStatus", "value": True},
    "add_reaction": {"reaction": "👍"},
    "connect_account": {"provider": "LINKEDIN"},
    "reconnect_account": {"provider": "LINKEDIN", "access_token": "user_third"},
    "solve_checkpoint": {"account_id": "acc_x", "code": "123456"},
    "resend_checkpoint": {"account_id": "acc_x"},
    "update_account": {"country": "de"},
    "resync_account": {},
    "set_proxy": {"host": "8.8.8.8", "port": 9},
    "create_hosted_link": {"type": "reconnect", "expiresOn": (datetime.now(UTC) + timedelta(days=1)).isoformat()},
    "create_post": {"content": "Hello", "platforms": ["bluesky-x"]},
    "update_post": {"status": "scheduled"},
    "get_upload_url": {"postGroupId": "", "fileName": "a.png", "contentType": "image/png", "type": "image"},
    "send_chat_message": {"text": "Hello"},
    "set_message_delete_at": {"delete_at": None},
    "create_post_group": {"content": "Hello", "platforms": ["bluesky-x"]},
    "retry_post_group": {},
    "upload_media": "a file",
    "update_post_group": {"content": "Mine now"},
    "add_media": {"file_name": "a.png", "content_type": "image/png"},
    "set_delete_at": {"delete_at": "2035-01-01T00:00:00Z"},
    "create_key": {"name": "One more"},
    "set_key_budget": {"deletes_per_hour": 1, "deletes_per_day": None},
    "preview_deletion": {"kind": "message", "id": "msg_none"},
    "confirm_deletion": {"kind": "message", "id": "msg_none", "token": "del_none"},
    "create_managed_user": {"username": "one-more"},
    "create_workspace_user": {"username": "one-more@example.org"},
    "create_connection_url": {},
    "attach_media": {"file": {"download_url": "https://files.example.org/a.png", "file_id": "a"}},
    "linkedin_post_statistics": {"postedId": "urn:li:share:1", "platformId": "linkedin-x", "queryType": "REACTION"},
    "linkedin_account_statistics": {"platformId": "linkedin-x", "queryType": "REACTION"},
    "linkedin_followers": {"platformId": "linkedin-x"},
    "linkedin_profile_summary": {"platformId": "linkedin-x"},
    "linkedin_create_reaction": {"postedId": "urn:li:share:1", "platformId": "linkedin-x", "reactionType": "LIKE"},
    "linkedin_delete_reaction": {"postedId": "urn:li:share:1", "platformId": "linkedin-x"},
    "linkedin_create_comment": {"postedId": "urn:li:share:1", "platformId": "linkedin-x", "message": "Hello"},
    "linkedin_delete_comment": {"postedId": "urn:li:share:1", "platformId": "linkedin-x", "commentId": "1"},
    "start_link": {"provider": "linkedin", "flow": "cookie"},
    "create_webhook": {"name": "x", "url": "https://8.8.8.8/", "events": ["post.failed"]},
    "update_webhook": {"name": "Mine now", "isActive": False},
    "create_webhook_endpoint": {"name": "x", "url": "https://8.8.8.8/"},
    "update_webhook_endpoint": {"name": "Mine now", "active": False, "position": 0},
    "create_account_webhook": {"source": "account_status", "request_url": "https://8.8.8.8/"},
    "send_conversation_message": {"message": "Hello", "recipientProfileId": "nobody"},
    "upload_attachment": "a file",
    "download_media": {"accountId": "", "url": "https://media.licdn.com/x"},
    "react_to_conversation_message": {"emoji": "x", "react": True},
    "sync_conversations": {},
    "refresh_conversation": {"conversationUrn": "2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA=="},
    "mark_seen": {"conversationUrn": "2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA=="},
    "mark_all_read": {},
    "typing_indicator": {"conversationUrn": "2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA=="},
    "old_send": {"message": "Hello", "recipientProfileId": "nobody"},
    "send_with_typing": {"message": "Hello", "recipientProfileId": "nobody"},
    "send_with_ack": {"message": "Hello", "recipientProfileId": "nobody"},
    "send_to_person": {"message": "Hello", "recipientProfileId": "nobody"},
    "create_message_webhook": {"url": "https://8.8.8.8/"},
    "update_message_webhook": {"enabled": False},
    "answer_link": {"answers": {"access_token": "user_third"}},
    "relink_account": {"flow": "cookie"},
}


LISTS = {"account_ids", "accountIds", "files", "without"}


def trials(dialect: Dialect, operation: Operation, own: Things) -> Iterator[Trial]:
    """This operation with an id in each place that takes one; the other places hold the caller's own."""
    names = re.findall(r"{(\w+)}", operation.path)
    values = {"conversationUrn": own.urns[0], "messageUrn": own.urns[1]}
    for name in names:
        kind = kind_of(operation, name)
        if kind is not None:
            values[name] = own.ids[kind]
    headers = dialect.headers if operation.scope is not None else ()
    body = None if operation.body is None else BODIES[operation.name]
    places = [("path", name) for name in names]
    places += [(each.place, each.name) for each in (*operation.parameters, *headers)]
    places += [("body", name) for name in fields_of(operation.body_docs or operation.body)]
    for place, name in places:
        kind = kind_of(operation, name)
        if kind is None:
            continue
        path = operation.path
        for each, value in values.items():
            if (place, each) != ("path", name):
                path = path.replace("{" + each + "}", httpx.QueryParams({"": value}).__str__()[1:].replace("+", "%20"))
        path = path.replace("{" + name + "}", "<id>")
        trial = Trial(operation.method, dialect.base + dialect.prefixes[0] + path, kind, place, body=body)
        if place == "query":
            trial.query = {name: "<id>"}
        elif place == "header":
            trial.headers = {name: "<id>"}
        elif place == "body":
            trial.body = {**(body or {}), name: ["<id>"] if name in LISTS else "<id>"}
        yield trial


async def ask(http: httpx.AsyncClient, trial: Trial, key: str, id: str) -> httpx.Response:
    """The request with this id in its place."""
    content = None if trial.body is None else json.dumps(trial.body).replace("<id>", id)
    headers = {"Content-Type": "application/json"} if content is not None else {}
    headers |= {name: value.replace("<id>", id) for name, value in trial.headers.items()}
    headers |= {"X-API-KEY": key, "X-Request-Id": "the-same"} | (
        {"Authorization": f"Bearer {key}"} if trial.path.startswith("/connectsafely") else {}
    )
    query = {name: value.replace("<id>", id) for name, value in trial.query.items()}
    return await http.request(
        trial.method, trial.path.replace("<id>", id), params=query, headers=headers, content=content
    )


def missing(id: str) -> str:
    """An id of the same shape that nobody has."""
    return id[:-1] + ("0" if id[-1] != "0" else "1")


def told(answer: httpx.Response, id: str) -> tuple[int, str, dict[str, str]]:
    """An answer without the id that was asked for, without ids that were made for it, and without when it was written."""
    text = re.sub(r"\b[0-9a-f]{24}\b", "<new>", answer.text.replace(id, "<id>"))
    text = re.sub(r'"updated_at":"[^"]+"', '"updated_at":"<now>"', text)
    headers = {name: value.replace(id, "<id>") for name, value in answer.headers.items() if name != "content-length"}
    return answer.status_code, text, headers


async def everything(house: Built, workspace_id: str, without: frozenset[str] = frozenset()) -> Mapping[str, Any]:
    """Every row of a workspace."""
    async with house.house.database.read() as reader:
        if reader.dialect == "sqlite":
            tables = await reader.fetch("select name from pragma_table_list where schema = 'main' and type = 'table'")
        else:
            tables = await reader.fetch(
                "select table_name from information_schema.tables where table_schema = 'public'"
            )
        found = {}
        for (table,) in tables:
            if table in without:
                continue
            if reader.dialect == "sqlite":
                columns = [row[0] for row in await reader.fetch(f"select name from pragma_table_info('{table}')")]
            else:
                rows = await reader.fetch(
                    "select column_name from information_schema.columns where table_name = $1 "
                    "and data_type not in ('xid8')",
                    table,
                )
                columns = [row[0] for row in rows]
            if "workspace_id" in columns:
                shown = await reader.fetch(
                    f"select {', '.join(columns)} from {table} where workspace_id = $1", workspace_id
                )
                found[table] = sorted(map(repr, map(tuple, shown)))
        return found


async def try_all(http: httpx.AsyncClient, own: Things, theirs: Things) -> int:
    """Every place for an id in every operation: theirs is answered as one that nobody has. How many were tried."""
    tried = 0
    for dialect in DIALECTS:
        for operation in dialect.operations:
            for trial in trials(dialect, operation, own):
                foreign, nobodys = theirs.ids[trial.kind], missing(theirs.ids[trial.kind])
                answer = await ask(http, trial, own.key, foreign)
                like = await ask(http, trial, own.key, nobodys)
                assert told(answer, foreign) == told(like, nobodys), trial
                for word in theirs.secret_words - {foreign}:
                    assert word not in answer.text, trial
                tried += 1
    return tried


async def list_all(http: httpx.AsyncClient, own: Things, theirs: Things) -> int:
    """Every operation that lists: nothing of theirs. How many there are."""
    listed = 0
    for dialect in DIALECTS:
        for operation in dialect.operations:
            if operation.method != "GET" or "{" in operation.path or operation.scope is None:
                continue
            if any(each.required for each in operation.parameters):
                continue
            trial = Trial("GET", dialect.base + dialect.prefixes[0] + operation.path, "", "")
            answer = await ask(http, trial, own.key, "")
            assert answer.status_code in (200, 307, 400, 403, 501), (trial, answer.text)
            for word in theirs.secret_words:
                assert word not in answer.text, trial
            listed += 1
    return listed


async def test_a_foreign_id_is_answered_as_one_that_nobody_has_in_every_operation(
    house: Built, http: httpx.AsyncClient, two: tuple[Things, Things]
) -> None:
    theirs, own = two
    before = await everything(house, theirs.caller.workspace_id)
    assert await try_all(http, own, theirs) >= 30
    assert await list_all(http, own, theirs) >= 12
    assert await everything(house, theirs.caller.workspace_id) == before


async def test_a_managed_user_sees_nothing_of_another_one_in_any_operation(
    house: Built, http: httpx.AsyncClient, two_users: tuple[Things, Things]
) -> None:
    theirs, own = two_users
    assert await try_all(http, own, theirs) >= 30
    assert await list_all(http, own, theirs) >= 12
    listed = await http.get("/postpress/v1/accounts", headers={"X-API-KEY": theirs.key})
    assert [each["id"] for each in listed.json()["items"]] == [theirs.ids["account"]]


async def test_a_managed_user_sees_nothing_of_its_workspaces_owner(
    house: Built, http: httpx.AsyncClient, two: tuple[Things, Things]
) -> None:
    owner, _ = two
    access = house.house.services.access
    user = await access.add_managed_user(house.caller, "someone", None)
    _, key = await access.issue_key(house.caller.workspace_id, "key", ALL, user.id)
    own = await furnish(house, await access.resolve(key), key, "narwhal", "user_good~narwhal")
    owner.ids["managed_user"] = owner.caller.user_id
    assert await try_all(http, own, owner) >= 30
    assert await list_all(http, own, owner) >= 12


async def test_a_managed_user_makes_no_keys_for_others_and_manages_nobody(
    http: httpx.AsyncClient, two_users: tuple[Things, Things]
) -> None:
    theirs, own = two_users
    headers = {"X-API-KEY": own.key}
    made = await http.post("/api/keys", headers=headers, json={"name": "mine"})
    assert made.json()["managed_user_id"] == own.caller.user_id
    for_other = {"name": "x", "managed_user_id": theirs.caller.user_id}
    assert (await http.post("/api/keys", headers=headers, json=for_other)).status_code == 404
    assert (await http.post("/api/managed-users", headers=headers, json={"username": "u"})).status_code == 403
    listed = await http.get("/api/keys", headers=headers)
    assert {each["managed_user_id"] for each in listed.json()["items"]} == {own.caller.user_id}


async def test_every_operation_refuses_a_key_that_nobody_has(
    http: httpx.AsyncClient, two: tuple[Things, Things]
) -> None:
    theirs, _ = two
    for dialect in DIALECTS:
        for operation in dialect.operations:
            if operation.scope is None:
                continue
            path = re.sub(r"{(\w+)}", lambda name: theirs.ids[kind_of(operation, name[1]) or "message"], operation.path)  # noqa: B023
            trial = Trial(operation.method, dialect.base + dialect.prefixes[0] + path, "", "")
            for key in ("", "pr_test_", theirs.key + "x", theirs.key[:-1], theirs.ids["key"]):
                answer = await ask(http, trial, key, "")
                assert answer.status_code == 401, (trial, answer.text)
                assert not any(word in answer.text for word in theirs.secret_words), trial


async def test_a_recall_in_one_workspace_leaves_the_other_as_it_was_until_the_network_tells_it(
    house: Built, http: httpx.AsyncClient, two: tuple[Things, Things]
) -> None:
    theirs, own = two
    before = await everything(house, theirs.caller.workspace_id)
    gone = await http.delete(f"/postpress/v1/messages/{own.ids['message']}", headers={"X-API-KEY": own.key})
    assert gone.status_code == 200
    assert await everything(house, theirs.caller.workspace_id) == before
    await house.house.sync.sync(theirs.caller.workspace_id, theirs.ids["account"])
    shown = await http.get(f"/postpress/v1/messages/{theirs.ids['message']}", headers={"X-API-KEY": theirs.key})
    assert shown.json()["deleted"] == 1


async def test_unlinking_in_one_workspace_leaves_the_other_as_it_was(
    house: Built, http: httpx.AsyncClient, two: tuple[Things, Things]
) -> None:
    theirs, own = two
    before = await everything(house, theirs.caller.workspace_id)
    gone = await http.delete(f"/postpress/v1/accounts/{own.ids['account']}", headers={"X-API-KEY": own.key})
    assert gone.status_code == 200
    assert await everything(house, theirs.caller.workspace_id) == before
    shown = await http.get(f"/postpress/v1/messages/{theirs.ids['message']}", headers={"X-API-KEY": theirs.key})
    assert shown.status_code == 200
    assert shown.json()["text"]


async def test_an_idempotency_key_of_another_workspace_or_user_is_just_another_key(
    http: httpx.AsyncClient, two: tuple[Things, Things], two_users: tuple[Things, Things]
) -> None:
    answers = []
    for own in (*two, *two_users):
        headers = {"x-api-key": own.key, "Idempotency-Key": "the-same"}
        body = {"content": "Once", "platforms": ["bluesky-x"]}
        made = await http.post("/postpost/api/v1/create-post", headers=headers, json=body)
        assert made.status_code == 200
        assert "idempotent-replayed" not in made.headers
        again = await http.post("/postpost/api/v1/create-post", headers=headers, json=body)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json() == made.json()
        answers.append(made.json()["postGroupId"])
    assert len(set(answers)) == 4


async def test_a_cursor_of_another_workspace_leads_to_ones_own_things_only(
    http: httpx.AsyncClient, two: tuple[Things, Things]
) -> None:
    theirs, own = two
    paths = (
        "/postpress/v1/messages",
        "/postpress/v1/chats",
        "/postpress/v1/accounts",
        "/api/accounts",
        "/api/receipts",
    )
    for path in paths:
        for query in ({}, {"account_id": theirs.ids["account"]}):
            first = await http.get(path, headers={"X-API-KEY": theirs.key}, params={"limit": 1, **query})
            cursor = first.json()["cursor"]
            if cursor is None:
                continue
            answer = await http.get(path, headers={"X-API-KEY": own.key}, params={"cursor": cursor})
            mine = await http.get(path, headers={"X-API-KEY": own.key}, params={"limit": 250})
            assert answer.status_code == 200
            listed = {each["id"] for each in answer.json()["items"]}
            assert listed <= {each["id"] for each in mine.json()["items"]}, path
            assert not any(word in answer.text for word in theirs.secret_words), path


async def test_a_post_to_an_account_of_another_workspace_or_user_fails_as_one_to_nobodys(
    house: Built, http: httpx.AsyncClient, two: tuple[Things, Things], two_users: tuple[Things, Things]
) -> None:
    (account,) = (await house.house.services.accounts.list(house.caller, provider="bluesky")).items
    before = (await house.sim.get("/_sim/network/bluesky/posts")).json()
    for own in (two[1], two_users[0]):
        shown = []
        for platform in (f"bluesky-{account.provider_id}", "bluesky-did:plc:nobody"):
            body = {"content": "Mine", "platforms": [platform], "scheduledTime": "2020-01-01T00:00:00.000Z"}
            made = await http.post("/postpost/api/v1/create-post", headers={"x-api-key": own.key}, json=body)
            path = f"/postpost/api/v1/get-post/{made.json()['postGroupId']}"
            work = asyncio.create_task(house.house.worker.run())
            post: dict[str, Any] = {}
            for _ in range(500):
                (post,) = (await http.get(path, headers={"x-api-key": own.key})).json()["posts"]
                if post["status"] not in ("pending", "processing", "scheduled"):
                    break
                await asyncio.sleep(0.02)
            work.cancel()
            shown.append((post["status"], (post.get("error") or {}).get("code")))
        assert shown[0] == shown[1]
        assert shown[0][0] == "failed"
    assert (await house.sim.get("/_sim/network/bluesky/posts")).json() == before


async def test_an_upload_address_for_one_file_opens_no_other(
    http: httpx.AsyncClient, house: Built, two: tuple[Things, Things]
) -> None:
    theirs, own = two
    address = await house.house.services.media.upload_address(
        own.caller, own.ids["post_group"], file_name="a.png", content_type="image/png", kind=MediaKind.IMAGE
    )
    forged = address.upload_url.replace(address.media_id, theirs.ids["media"])
    nobodys = address.upload_url.replace(address.media_id, missing(theirs.ids["media"]))
    answers = [await http.put(url, content=b"x", headers={"Content-Type": "image/png"}) for url in (forged, nobodys)]
    assert {answer.status_code for answer in answers} == {403}
    assert answers[0].text == answers[1].text
    read = address.file_url.replace(address.media_id, theirs.ids["media"])
    assert (await http.get(read)).status_code in (403, 404)


async def test_events_tell_each_workspace_and_each_user_of_its_own(
    http: httpx.AsyncClient, two: tuple[Things, Things], two_users: tuple[Things, Things]
) -> None:
    seen: list[set[int]] = []
    for own in (two[1], *two_users):
        events = (await http.get("/api/events", headers={"X-API-KEY": own.key}, params={"limit": 250})).json()["items"]
        assert events
        seen.append({each["position"] for each in events})
    assert not seen[0] & seen[1]
    assert not seen[1] & seen[2]
    owners = (await http.get("/api/events", headers={"X-API-KEY": two[0].key}, params={"limit": 250})).json()["items"]
    assert seen[1] | seen[2] <= {each["position"] for each in owners}


async def test_a_webhook_tells_each_workspace_and_each_user_of_its_own(
    house: Built, two: tuple[Things, Things], two_users: tuple[Things, Things]
) -> None:
    services = house.house.services
    async with house.house.database.begin() as tx:
        await tx.execute("delete from webhook_endpoints")
    made: dict[str, tuple[Things, Receiver]] = {}
    async with contextlib.AsyncExitStack() as stack:
        for own in (*two, *two_users):
            for format in (Format.POSTPOST, Format.NATIVE):
                receiver = await stack.enter_async_context(receiving())
                endpoint, _ = await services.webhooks.create(
                    own.caller, name="x", url=receiver.url, types=[], format=format
                )
                made[endpoint.id] = (own, receiver)
        for own in (*two, *two_users):
            group = await services.posts.create(
                own.caller, content="x", platforms=["bluesky-x"], scheduled_at=0, platform_settings={}
            )
            own.ids["told"] = group.id
        await house.house.deliveries.deliver_due()
        for own, receiver in made.values():
            heard = {
                told.json["data"].get("postGroupId", told.json["data"].get("post_group_id")) for told in receiver.told
            }
            expected = {own.ids["told"]}
            native = receiver.told[0].json.get("position") is not None
            if native and own.caller.only_user is None and own.caller.workspace_id == house.caller.workspace_id:
                # In our own format the owner hears of everybody in the workspace, as the log reads to it.
                expected |= {each.ids["told"] for each in two_users}
            assert heard == expected


async def test_a_tombstone_holds_a_hash_that_says_nothing_without_the_key(
    house: Built, two: tuple[Things, Things]
) -> None:
    async with house.house.database.read() as reader:
        rows = await reader.fetch("select key_hash from tombstones")
        recalled = await reader.fetch("select message_key from recalls")
    assert rows
    for (key_hash,) in rows:
        assert re.fullmatch(r"[0-9a-f]{64}", key_hash)
        assert not any(key in key_hash for (key,) in recalled)
