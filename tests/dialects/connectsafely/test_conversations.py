"""ConnectSafely's conversations and accounts over HTTP: lists, marks, sync, and what an account is."""

from base64 import b64encode

import pytest

from postroom.dialects.connectsafely.operations import DIALECT
from postroom.errors import ProviderDown
from tests.dialects.connectsafely.conftest import Api, q
from tests.dialects.tables import worded

NOWHERE = "2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA=="


def test_a_star_is_a_label_that_can_be_asked_for_and_taken_away(api: Api) -> None:
    urn = api.alone()["conversationUrn"]
    spelling = f"urn:li:messagingThread:{urn.rsplit(',', 1)[1].rstrip(')')}"
    before = {each["conversationUrn"] for each in api.conversations(labeledOnly=True)}
    assert urn not in before
    for path, starred in (("star", True), ("star", True), ("unstar", False)):
        answer = api.good("PATCH", f"/conversations/{q(spelling)}/{path}")
        assert answer == {"success": True, "conversationUrn": spelling}
        for query in ({"labeledOnly": True}, {"labelId": "STARRED"}):
            found = {each["conversationUrn"]: each["labels"] for each in api.conversations(**query)}
            assert (found.get(urn) == ["STARRED"]) is starred
    assert api.conversations(labelId="another") == []


def test_a_conversation_is_marked_unread_and_seen(api: Api) -> None:
    urn = api.alone()["conversationUrn"]
    assert api.good("PATCH", f"/conversations/{q(urn)}/mark-unread")["conversationUrn"] == urn
    assert urn in {each["conversationUrn"] for each in api.conversations(unreadOnly=True)}
    seen = api.good("POST", "/messaging/mark-seen", json={"conversationUrn": urn})
    assert (seen["success"], seen["conversationUrn"]) == (True, urn)
    assert urn not in {each["conversationUrn"] for each in api.conversations(unreadOnly=True)}
    api.good("PATCH", f"/conversations/{q(urn)}/mark-unread")
    assert api.good("POST", "/messaging/mark-all-read", json={})["success"] is True
    assert api.conversations(unreadOnly=True) == []


@pytest.mark.parametrize("path", ["mark-unread", "star", "unstar"])
def test_what_cannot_be_marked_says_why(api: Api, path: str) -> None:
    for urn, status, code in (
        (NOWHERE, 404, "conversation_not_found"),
        ("urn:li:salesNav_thread:2-abc", 400, "unsupported_channel"),
        ("nonsense", 400, "validation_error"),
    ):
        answer = api("PATCH", f"/conversations/{q(urn)}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert api("PATCH", f"/conversations/{q(NOWHERE)}/{path}", headers={"Authorization": ""}).status_code == 401
    assert worded(DIALECT, "star_conversation", ProviderDown())[0] == 400


def test_a_cursor_of_linkedins_pages_linkedin_itself(api: Api, other: Api) -> None:
    account = api.http.get(f"{api.base}/accounts").json()[0]
    begin = "linkedin:" + b64encode(f'{{"account_id": "{account["id"]}", "cursor": null}}'.encode()).decode()
    asked = api.calls("conversations_category") + api.calls("conversations")
    page = api.good("GET", "/conversations", params={"nextCursor": begin})
    assert page["fromCache"] is False
    assert page["conversations"]
    assert api.calls("conversations_category") + api.calls("conversations") > asked
    assert {each["accountId"] for each in page["conversations"]} == {account["id"]}
    if page["nextCursor"] is not None:
        assert page["nextCursor"].startswith("linkedin:")
    assert other("GET", "/conversations", params={"nextCursor": begin}).status_code == 404
    for wrong in ("linkedin:", "linkedin:nonsense", "linkedin:W10=", "nonsense"):
        assert api("GET", "/conversations", params={"nextCursor": wrong}).status_code == 400


def test_a_sync_is_waited_for_and_its_state_can_be_followed(api: Api) -> None:
    account = api.http.get(f"{api.base}/accounts").json()[0]
    done = api.good("POST", "/conversations/sync", json={"accountId": account["id"]})
    assert (done["success"], done["accountId"], done["error"]) == (True, account["id"], None)
    assert float(done["durationSeconds"]) == pytest.approx(done["durationMs"] / 1000, abs=0.01)
    (row,) = api.good("GET", "/conversations/sync/status")["accounts"]
    state = row["syncState"]
    assert (row["accountId"], row["accountName"]) == (account["id"], "Ada Merino")
    assert (state["initialSyncCompleted"], state["syncInProgress"]) == (True, False)
    assert state["totalConversations"] == done["conversationsProcessed"] >= 6
    assert state["totalMessages"] > 50
    for method, path in (("POST", "/conversations/sync"), ("GET", "/conversations/sync/status?accountId=acc_12345")):
        answer = api(method, path, **({"json": {"accountId": "acc_12345"}} if method == "POST" else {}))
        assert (answer.status_code, answer.json()["code"]) == (404, "account_not_found")


def test_a_conversation_is_refreshed_from_linkedin(api: Api) -> None:
    urn = api.alone()["conversationUrn"]
    found = api.good("POST", "/conversations/refresh", json={"conversationUrn": urn})
    assert (found["success"], found["conversationUrn"]) == (True, urn)
    assert found["accountId"].startswith("acc_")
    assert api("POST", "/conversations/refresh", json={"conversationUrn": NOWHERE}).status_code == 404
    assert api("POST", "/conversations/refresh", json={}).status_code == 400


def test_whether_there_is_a_conversation_is_known_by_name_id_and_urn(api: Api) -> None:
    row = api.alone()
    account = api.http.get(f"{api.base}/accounts").json()[0]
    person = next(each for each in row["participants"] if each["name"] != "Ada Merino")
    slug = person["profileUrl"].rstrip("/").rsplit("/", 1)[1]
    for spelling in (slug, person["profileId"], f"urn:li:fsd_profile:{person['profileId']}"):
        found = api.good("GET", f"/conversations/exists/{q(spelling)}")
        assert found["hasConversation"] is True
        assert found["conversationUrn"].startswith("urn:li:msg_conversation:(urn:li:fsd_profile:ACoAA")
        assert found["profileUrn"] == f"urn:li:fsd_profile:{person['profileId']}"
        assert found["accountId"] == account["id"]
    nobody = api("GET", "/conversations/exists/nobody-at-all")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "profile_not_found")
    assert api("GET", "/conversations/exists/x?accountId=acc_12345").status_code == 404


def test_an_account_says_where_it_stands_and_what_is_left_of_its_day(api: Api, other: Api) -> None:
    account = api.http.get(f"{api.base}/accounts").json()[0]
    status = api.good("GET", "/account/status")
    assert status == api.good("GET", f"/account/{account['id']}/status")
    assert (status["id"], status["publicId"], status["platform"]) == (account["id"], account["publicId"], "LINKEDIN")
    assert (status["status"], status["enabled"], status["hasTokens"]) == ("AVAILABLE", True, True)
    assert set(status["linkedinPlan"]) == {
        "premiumType", "isPremium", "hasSalesNavigator", "hasRecruiter", "hasAwayMessages", "hasAdvertiseBadge",
        "hasHiringManager",
    }  # fmt: skip
    premium = api.good("GET", f"/account/{account['id']}/premium")["linkedinPlan"]
    assert isinstance(premium.pop("isPremium"), bool)
    assert {**premium, "isPremium": None} == status["linkedinPlan"]
    quota = api.good("GET", f"/account/{account['id']}/quota")
    (row,) = quota["quotas"]
    assert (quota["accountId"], row["feature"], row["window"]) == (account["id"], "NEW_CONVERSATION", "daily")
    assert (row["limit"], row["remaining"]) == (150, 150 - row["used"])
    assert row["resetAt"].endswith("T00:00:00.000Z")
    for path in ("status", "premium", "quota"):
        assert other("GET", f"/account/{account['id']}/{path}").status_code == 404


def test_what_the_vendor_has_and_this_server_has_not_is_501_at_its_path(api: Api) -> None:
    for method, path in (
        ("GET", "/inmail/credits"),
        ("POST", "/search/people/v2"),
        ("GET", "/sales-nav/threads/x"),
        ("POST", "/posts/create"),
        ("GET", "/account/acc_1/activity"),
    ):
        answer = api(method, path)
        assert (answer.status_code, answer.json()["code"]) == (501, "not_implemented")
        assert isinstance(answer.json()["error"], str)
    assert api("GET", "/nonsense").status_code == 404
    listed = [each for each in DIALECT.operations if "webhooks" not in each.path and each.path != "/health"]
    assert len(listed) == 97
