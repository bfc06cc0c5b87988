"""The operations that must survive a kill at each of their steps, and what must be true afterwards."""

import hashlib
import time
from typing import Any

import httpx

from tests.crash.harness import House, Operation
from tests.pictures import encoded, mp4, noise, png

PICTURE = encoded(noise((24, 20)))
LARGE = mp4(PICTURE * 5_000)
"""More than the object store takes in one piece; a video, which nobody decodes."""

POSTPOST = "/api/v1"


def furnish(house: House) -> dict[str, Any]:
    """What the operations below work on."""
    connections = house.ask("GET", "postpost", f"{POSTPOST}/platform-connections").json()["connections"]
    accounts = house.ask("GET", "native", "/accounts").json()["items"]
    by_network = {each["provider"]: each["id"] for each in accounts}
    facts: dict[str, Any] = {"platform": connections[0]["platformId"], "accounts": by_network}
    facts["draft"] = create(house, facts["platform"], "To be deleted before it goes out", pictures=2)
    facts["bare"] = create(house, facts["platform"], "To be given a picture", pictures=0)
    facts["ready"] = create(house, facts["platform"], "To be published", pictures=1)
    facts["shared"] = create(house, facts["platform"], "Shared", pictures=1)
    facts["sharing"] = create(house, facts["platform"], "Shared", pictures=1)
    facts["published"] = create(house, facts["platform"], "Published, to be deleted", pictures=1)
    schedule(house, facts["published"])
    facts["later"] = create(house, facts["platform"], "Next year", pictures=0)
    schedule(house, facts["later"], "2035-01-01T00:00:00Z")
    house.settle()
    # Upload addresses have expired: nothing but the operations themselves cleans up after them.
    house.advance(5100)
    house.settle()
    chat = house.ask("GET", "postpress", "/v1/chats").json()["items"][0]["id"]
    sent = house.ask("POST", "postpress", f"/v1/chats/{chat}/messages", json={"text": "To be taken back"}).json()
    message = house.ask("GET", "postpress", f"/v1/messages/{sent['message_id']}").json()
    facts["message"] = {name: message[name] for name in ("id", "chat_id", "chat_provider_id", "provider_id", "text")}
    assert status_of(house, facts["published"]) == "published"
    return facts


def create(house: House, platform: str, content: str, *, pictures: int) -> str:
    body = {"content": content, "platforms": [platform]}
    group: str = house.ask("POST", "postpost", f"{POSTPOST}/create-post", json=body).json()["postGroupId"]
    for number in range(pictures):
        url = address(house, group, f"{number}.png")
        answer = httpx.put(url, content=picture(content, number), headers={"content-type": "image/png"})
        assert answer.status_code == 200
    return group


def picture(content: str, number: int = 0) -> bytes:
    """The picture of a post group's that nobody else has: equal ones are shared."""
    return png(*hashlib.sha256(f"{content} {number}".encode()).digest()[:3], size=(8, 6))


def address(house: House, group: str, name: str, kind: str = "image") -> str:
    body = {"postGroupId": group, "fileName": name, "contentType": "image/png", "type": kind}
    return str(house.ask("POST", "postpost", f"{POSTPOST}/get-upload-url", json=body).json()["uploadUrl"])


def schedule(house: House, group: str, moment: str | None = None) -> None:
    body = {"status": "scheduled", **({"scheduledTime": moment} if moment else {})}
    assert house.ask("PUT", "postpost", f"{POSTPOST}/update-post/{group}", json=body).status_code == 200


def status_of(house: House, group: str) -> str | None:
    """The one post's status; None: there is no such group."""
    answer = house.ask("GET", "postpost", f"{POSTPOST}/get-post/{group}")
    if answer.status_code == 404:
        return None
    assert answer.status_code == 200, answer.text
    return str(answer.json()["posts"][0]["status"])


def live(house: House, text: str) -> int:
    """How many posts with this text Bluesky shows."""
    posts = house.sim.get("/_sim/network/bluesky/posts").json()["posts"]
    return sum(post["text"] == text for post in posts)


def fault(house: House, **rule: Any) -> None:
    assert house.sim.post("/_sim/faults", json=rule).status_code == 201


def check_sharing(house: House) -> None:
    """The group that shares its picture with another has it, whatever becomes of that one."""
    (listed,) = [
        each
        for each in house.ask("GET", "postpost", f"{POSTPOST}/list-posts?limit=100").json()["posts"]
        if each["postGroupId"] == house.facts["sharing"]
    ]
    assert httpx.get(listed["mediaUrls"][0]).content == picture("Shared")


# delete-post


def _delete(name: str) -> Operation:
    def perform(house: House) -> None:
        url = house.url("postpost", f"{POSTPOST}/delete-post/{house.facts[name]}")
        house.counted("delete", "DELETE", url)
        house.settle()

    def check(house: House) -> None:
        group = house.facts[name]
        gone = status_of(house, group) is None
        assert gone or not house.acknowledged, "it was acknowledged, and is there"
        count = {
            table: house.rows(f"select count(*) from {table} where {column} = '{group}'")[0][0]
            for table, column in (("post_groups", "id"), ("posts", "group_id"), ("media_items", "group_id"))
        }
        receipts = house.rows(f"select kind from receipts where target_id = '{group}'")
        if gone:
            assert set(count.values()) == {0}
            assert receipts == [("post_group.deleted",)]
            house.check_remembered({("post_group", group)})
        else:
            assert count["post_groups"] == count["posts"] == 1
            assert count["media_items"] >= 1
            assert receipts == []
        check_sharing(house)
        house.check_no_orphans()
        check_sharing(house)

    return Operation(name=f"delete-post ({name})", perform=perform, check=check, tasks=("purge_blobs",))


# recall


def _recall(name: str, *faults: dict[str, Any]) -> Operation:
    def perform(house: House) -> None:
        for rule in faults:
            fault(house, network="linkedin", **rule)
        url = house.url("postpress", f"/v1/messages/{house.facts['message']['id']}")
        house.counted("recall", "DELETE", url, in_doubt=(500, 504) if faults else ())
        house.settle()

    def check(house: House) -> None:
        message = house.facts["message"]
        # Where other processes may be at work, it takes a clean-up to tell that whoever asked is dead.
        house.advance(700)
        house.settle()
        shown = house.ask("GET", "postpress", f"/v1/messages/{message['id']}").json()
        buried = shown["deleted"] == 1
        chat = house.sim.get(f"/_sim/network/linkedin/chats/{message['chat_provider_id']}").json()["messages"]
        there = [each["text"] for each in chat if each["state"] != "RECALLED"]
        recalled = message["text"] not in there
        accepted = [call for call in house.calls("linkedin", "recall") if call["status"] in (None, 204)]
        if house.acknowledged:
            assert buried, "it was acknowledged, and is no tombstone"
        assert buried == recalled, f"here it is {'gone' if buried else 'there'}, at the network it is not so"
        assert len(accepted) <= 1, accepted
        assert (shown["text"] is None) == buried
        open_intents = house.rows("select id from recalls where outcome in ('asked', 'in_doubt')")
        assert open_intents == []

    return Operation(name=f"recall ({name})", perform=perform, check=check, tasks=("settle_recall",))


# what is put off


def _delete_later() -> Operation:
    def perform(house: House) -> None:
        url = house.url("native", f"/messages/{house.facts['message']['id']}?grace=20")
        house.counted("delete later", "DELETE", url)
        house.settle()

    def check(house: House) -> None:
        message = house.facts["message"]
        house.advance(700)
        house.settle()
        asked = [
            (state, bool(over)) for state, over in house.rows("select state, settled_at is not null from deferrals")
        ]
        assert asked in ([("done", True)], *([] if house.acknowledged else [[]]))
        chat = house.sim.get(f"/_sim/network/linkedin/chats/{message['chat_provider_id']}").json()["messages"]
        there = message["text"] in [each["text"] for each in chat if each["state"] != "RECALLED"]
        shown = house.ask("GET", "native", f"/messages/{message['id']}").json()
        assert (there, shown["text"] is not None, shown["can_delete"]) == (not asked,) * 3
        assert len([call for call in house.calls("linkedin", "recall") if call["status"] in (None, 204)]) <= 1
        assert len(house.rows("select id from receipts where kind = 'message.recalled'")) == len(asked)
        assert house.rows("select type from events where type = 'deferral.settled'") == [("deferral.settled",)] * len(
            asked
        )

    return Operation(name="delete (later)", perform=perform, check=check, tasks=("do_deferred", "settle_recall"))


def _send_later() -> Operation:
    text = "Put off, and sent once"

    def perform(house: House) -> None:
        url = house.url("native", f"/chats/{house.facts['message']['chat_id']}/messages")
        house.counted("send later", "POST", url, json={"text": text, "grace": 20})
        house.settle()

    def check(house: House) -> None:
        house.settle()
        asked = [
            (state, bool(over)) for state, over in house.rows("select state, settled_at is not null from deferrals")
        ]
        assert asked in ([("done", True)], [("in_doubt", True)], *([] if house.acknowledged else [[]]))
        chat = house.sim.get(f"/_sim/network/linkedin/chats/{house.facts['message']['chat_provider_id']}").json()
        count = [each["text"] for each in chat["messages"]].count(text)
        # Where nobody knows whether it was called, it may not have been; what is there is found.
        assert count == (1 if asked == [("done", True)] else 0)
        assert house.rows("select id from deferrals where draft_sealed is not null") == []

    return Operation(name="send (later)", perform=perform, check=check, tasks=("do_deferred",))


# what leaves nothing here by which the keyring could be told of it later


def _call_off() -> Operation:
    def perform(house: House) -> None:
        picture = encoded(noise((10, 8)))
        made = house.ask("POST", "native", "/media", params={"file_name": "kept.png"}, content=picture)
        house.facts["kept"] = made.json()["id"]
        house.counted("delete", "DELETE", house.url("native", f"/media/{house.facts['kept']}"))
        url = house.url("postpost", f"{POSTPOST}/update-post/{house.facts['later']}")
        house.counted("unschedule", "PUT", url, json={"status": "draft"})

    def check(house: House) -> None:
        gone = set()
        if house.rows("select id from library_files") == []:
            gone.add(("file", house.facts["kept"]))
        ((status, version),) = house.rows(
            f"select status, updated_at from post_groups where id = '{house.facts['later']}'"
        )
        if status == "draft":
            gone.add(("post_changed", f"{house.facts['later']}:{version}"))
        assert len(gone) >= len(house.acknowledged)
        house.check_remembered(gone)

    return Operation(name="call off", perform=perform, check=check)


# unlink


def _unlink(network: str) -> Operation:
    def perform(house: House) -> None:
        house.counted("unlink", "DELETE", house.url("native", f"/accounts/{house.facts['accounts'][network]}"))
        house.settle()

    def check(house: House) -> None:
        account = house.facts["accounts"][network]
        answer = house.ask("GET", "native", f"/accounts/{account}")
        gone = answer.status_code == 404
        listed = [each["id"] for each in house.ask("GET", "native", "/accounts").json()["items"]]
        assert (account in listed) != gone
        assert gone or not house.acknowledged, "it was acknowledged, and is there"
        tables = ("chats", "messages", "attendees", "posts")
        held = {
            table: house.rows(f"select count(*) from {table} where account_id = '{account}'")[0][0] for table in tables
        }
        receipts = house.rows(f"select document from receipts where target_id = '{account}'")
        if gone:
            assert set(held.values()) == {0}, held
            assert house.rows(f"select id from accounts where id = '{account}'") == []
            assert account not in house.keyring()
            assert len(receipts) == 1
        else:
            assert account in house.keyring()
            assert receipts == []
            assert held["messages" if network == "linkedin" else "posts"] > 0
        if network == "bluesky":
            # What was scheduled there fails and says why; it is not handed to an account that is linked later.
            assert (status_of(house, house.facts["later"]) == "failed") == gone
            assert status_of(house, house.facts["published"]) == "published"

    return Operation(name=f"unlink ({network})", perform=perform, check=check, tasks=("finish_unlink",))


# upload


def _upload(name: str, *, content: bytes, times: int = 1, kind: str = "image", deleting: str = "") -> Operation:
    def perform(house: House) -> None:
        body = {
            "postGroupId": house.facts["bare"],
            "fileName": "a.png",
            "contentType": "image/png",
            "type": kind,
        }
        url = house.url("postpost", f"{POSTPOST}/get-upload-url")
        given = house.counted("address", "POST", url, json=body).json()
        if deleting:
            # What is purged then, and what is uploaded, have the same content.
            group = house.facts[deleting]
            house.counted("delete", "DELETE", house.url("postpost", f"{POSTPOST}/delete-post/{group}"))
        for _ in range(times):
            house.counted("bytes", "PUT", given["uploadUrl"], content=content, headers={"content-type": "image/png"})
        house.settle()

    def check(house: House) -> None:
        group = house.facts["bare"]
        stored = house.rows(
            f"select blob_key, size_bytes from media_items where group_id = '{group}' and blob_key <> ''"
        )
        if "bytes" in house.acknowledged:
            assert len(stored) == 1
        for key, size in stored:
            assert (house.data / "media" / key).read_bytes() == content
            assert size == len(content)
        house.check_no_orphans()
        assert house.rows("select id from media_items where status = 'awaiting'") == []
        kept = house.rows(f"select blob_key, size_bytes from media_items where group_id = '{group}'")
        assert kept == stored
        check_sharing(house)

    # Where a purge and an upload meet, it is open which is first, and so how many steps there are: the requests' are counted.
    tasks = () if deleting else ("purge_blobs",)
    return Operation(name=f"upload ({name})", perform=perform, check=check, tasks=tasks)


def _refused() -> Operation:
    def perform(house: House) -> None:
        url = address(house, house.facts["bare"], "a.png")
        broken = httpx.put(url, content=PICTURE[:-40], headers={"content-type": "image/png", "x-crash-counted": "1"})
        assert broken.status_code == 400
        house.acknowledged.append("refused")
        house.settle()

    def check(house: House) -> None:
        rows = house.rows(f"select blob_key from media_items where group_id = '{house.facts['bare']}'")
        assert rows == [(None,)]
        house.check_no_orphans()

    return Operation(name="upload (refused)", perform=perform, check=check, tasks=("purge_blobs",))


def _expire() -> Operation:
    def perform(house: House) -> None:
        group = house.facts["bare"]
        url = address(house, group, "kept.png")
        assert httpx.put(url, content=PICTURE, headers={"content-type": "image/png"}).status_code == 200
        address(house, group, "never.png")
        rows = house.rows(f"select blob_key from media_items where group_id = '{group}' and blob_key <> ''")
        beside = (house.data / "media" / rows[0][0]).parent
        # What uploads leave whose process was killed: whole, and in the middle.
        (beside / "stray").write_bytes(PICTURE)
        (beside / "partial#1").write_bytes(PICTURE[:100])
        house.advance(2 * 3600)
        house.settle()

    def check(house: House) -> None:
        group = house.facts["bare"]
        house.check_no_orphans()
        found = house.rows(f"select file_name, status from media_items where group_id = '{group}'")
        assert found == [("kept.png", "stored")]

    return Operation(name="upload (expired)", perform=perform, check=check, tasks=("expire_upload",))


# publish


def _publish(name: str, *faults: dict[str, Any]) -> Operation:
    def perform(house: House) -> None:
        for rule in faults:
            fault(house, network="bluesky", **rule)
        url = house.url("postpost", f"{POSTPOST}/update-post/{house.facts['ready']}")
        house.counted("schedule", "PUT", url, json={"status": "scheduled"})
        until = time.monotonic() + 15
        while status_of(house, house.facts["ready"]) not in ("published", "failed") and time.monotonic() < until:
            house.settle()

    def check(house: House) -> None:
        house.settle()
        status = status_of(house, house.facts["ready"])
        count = live(house, "To be published")
        if house.acknowledged:
            assert (status, count) == ("published", 1)
        else:
            assert (status, count) in (("published", 1), ("draft", 0))
        house.check_no_orphans()

    return Operation(name=f"publish ({name})", perform=perform, check=check, tasks=("publish_post",))


# take-down


def _take_down(name: str, *faults: dict[str, Any], deleted: bool = False) -> Operation:
    text = "Published, to be deleted"

    def perform(house: House) -> None:
        group = house.facts["published"]
        path = f"/post-groups/{group}/take-down"
        if deleted:
            house.ask("DELETE", "postpost", f"{POSTPOST}/delete-post/{group}")
            ((receipt,),) = house.rows(f"select id from receipts where target_id = '{group}'")
            path = f"/receipts/{receipt}/take-down"
        for rule in faults:
            fault(house, network="bluesky", **rule)
        house.counted("take-down", "POST", house.url("native", path))
        house.settle()

    def check(house: House) -> None:
        asked = house.rows("select outcome, settled_at is not null from takedown_targets")
        receipts = house.rows("select id from receipts where kind = 'posts.taken_down'")
        if asked or house.acknowledged:
            # What is on record is done in the end, whoever died meanwhile.
            assert [(outcome, bool(settled)) for outcome, settled in asked] == [("done", True)]
            assert live(house, text) == 0
            assert len(receipts) == 1
        else:
            assert live(house, text) == 1
            assert receipts == []
        told = house.rows("select type from events where type like 'post.take%'")
        assert told == [("post.taken_down",)] * len(asked)
        assert (status_of(house, house.facts["published"]) is None) == deleted

    return Operation(name=f"take-down ({name})", perform=perform, check=check, tasks=("take_down",))


_LOST: dict[str, Any] = {"commit_then_lose": True}

DELETES = (_delete("draft"), _delete("published"), _delete("shared"))
RECALLS = (
    _recall("answered"),
    _recall("answer lost", {"operation": "recall", "do": _LOST}),
    _recall("failed, not done", {"operation": "recall", "do": {"status": 500}}),
)
DEFERRALS = (_delete_later(), _send_later(), _call_off())
UNLINKS = (_unlink("linkedin"), _unlink("bluesky"))
UPLOADS = (
    _upload("small", content=PICTURE),
    _upload("replaced", content=PICTURE, times=2),
    _upload("in parts", content=LARGE, kind="video"),
    _upload("there already", content=picture("Shared")),
    _upload("just deleted", content=picture("To be deleted before it goes out"), deleting="draft"),
    _refused(),
    _expire(),
)
TAKE_DOWNS = (
    _take_down("answered"),
    _take_down("answer lost", {"operation": "deleteRecord", "do": _LOST}),
    _take_down("failed, not done", {"operation": "deleteRecord", "do": {"status": 500}}),
    _take_down("of a deleted group", deleted=True),
)
PUBLISHES = (
    _publish("answered"),
    _publish("token expired", {"operation": "uploadBlob", "do": {"expired_session": True}}),
    _publish("answer lost", {"operation": "createRecord", "do": _LOST}),
    _publish(
        "answer lost, and no look at once",
        {"operation": "createRecord", "do": _LOST},
        {"operation": "getRecord", "do": {"status": 404, "body": {"error": "NotFound"}}},
    ),
    _publish("failed, not done", {"operation": "createRecord", "do": {"status": 500}}),
)
