"""PostPost over HTTP, against a whole server: its sentences in their order, its tolerance, its media."""

from typing import Any

import httpx
import pytest

from tests.desk import PICTURE
from tests.pictures import encoded, noise
from tests.servers import Server


@pytest.fixture
def base(server: Server) -> str:
    return server.line["postpost"] + "/api/v1"


@pytest.fixture
def platform_id(client: httpx.Client, base: str) -> str:
    found = client.get(f"{base}/platform-connections").json()["connections"]
    (connection,) = [each for each in found if each["platformId"].startswith("bluesky-")]
    assert connection["platformId"].startswith("bluesky-did:plc:")
    assert (connection["tokenStatus"], connection["lastError"]) == ("unknown", None)
    return str(connection["platformId"])


def created(client: httpx.Client, base: str, **body: Any) -> str:
    answer = client.post(f"{base}/create-post", json={"content": "Hi", "platforms": ["twitter-1"], **body})
    assert (answer.status_code, answer.json()["success"]) == (200, True), answer.text
    return str(answer.json()["postGroupId"])


GOOD = {"content": "a", "platforms": ["twitter-1"]}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Content is required"),
        ({"content": "  ", "platforms": []}, "Content is required"),
        ({"content": "a"}, "Platforms are required"),
        ({"content": "a", "platforms": ""}, "Platforms are required"),
        ({"content": "a", "platforms": "["}, "Invalid platforms JSON format"),
        ({"content": "a", "platforms": "{}"}, "Platforms must be an array"),
        ({"content": "a", "platforms": {"a": 1}}, "Platforms must be an array"),
        ({"content": "a", "platforms": []}, "At least one platform is required"),
        ({"content": "a", "platforms": ["twitter-1", "X"]}, "Invalid platform ID format: X"),
        ({"content": "a", "platforms": ["twitter-a:b"]}, "Invalid platform ID format: twitter-a:b"),
        ({"content": "a", "platforms": [5]}, "Invalid platform ID format: 5"),
        (GOOD | {"scheduledTime": "2026-03-15 14:30"}, "Invalid scheduled time format"),
        (GOOD | {"scheduledTime": "2026-03-15"}, "Invalid scheduled time format"),
        (GOOD | {"scheduledTime": "March 15, 2026"}, "Invalid scheduled time format"),
        (GOOD | {"scheduledTime": "2026-13-15T00:00:00Z"}, "Invalid scheduled time format"),
        (GOOD | {"scheduledTime": "9999-12-31T23:59:59-12:00"}, "Invalid scheduled time format"),
        (GOOD | {"scheduledTime": {}, "platformSettings": 5}, "platformSettings must be an object"),
        (GOOD | {"platformSettings": "{"}, "Invalid platformSettings JSON"),
        (GOOD | {"platformSettings": "[]"}, "platformSettings must be an object"),
        (GOOD | {"platformSettings": None}, "platformSettings must be an object"),
    ],
)
def test_create_post_says_what_is_wrong_in_the_order_of_its_page(
    client: httpx.Client, base: str, body: dict[str, Any], sentence: str
) -> None:
    answer = client.post(f"{base}/create-post", json=body)
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})


@pytest.mark.parametrize(
    "body",
    [
        {"platforms": '["twitter-1"]'},
        {"platforms": ["telegram--100123"]},
        {"platforms": ["bluesky-did:plc:abc123"]},
        {"content": 5},
        {"scheduledTime": ""},
        {"scheduledTime": "2030-01-01T00:00:00.5"},
        {"platformSettings": '{"youtube": {"title": "x"}}'},
        {"platformSettings": {"tiktok": [], "unknown": {}}, "altTexts": ["x"]},
    ],
)
def test_create_post_takes_what_the_vendor_takes(client: httpx.Client, base: str, body: dict[str, Any]) -> None:
    assert len(created(client, base, **body)) == 24


def test_a_body_is_read_as_json_whatever_it_is_called(client: httpx.Client, base: str) -> None:
    answer = client.post(
        f"{base}/create-post",
        content=b'{"content":"a","platforms":["twitter-1"]}',
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 200


def test_a_time_without_zone_is_utc_and_a_draft_keeps_it(client: httpx.Client, base: str) -> None:
    group = created(client, base)
    answer = client.put(f"{base}/update-post/{group}", json={"scheduledTime": "2030-01-01T10:00:00"})
    assert answer.json() == {
        "success": True,
        "message": "Post updated successfully",
        "postGroup": {"_id": group, "status": "draft", "scheduledTime": "2030-01-01T10:00:00.000Z"},
    }
    answer = client.put(f"{base}/update-post/{group}", json={"status": "scheduled", "scheduledTime": None})
    assert answer.json()["postGroup"]["status"] == "scheduled"
    answer = client.put(f"{base}/update-post/{group}", json={"status": "draft"})
    assert answer.json()["postGroup"] == {"_id": group, "status": "draft", "scheduledTime": "2030-01-01T10:00:00.000Z"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "Either status or scheduledTime must be provided"),
        ({"status": "", "scheduledTime": 0}, "Either status or scheduledTime must be provided"),
        ({"status": "published"}, "Status must be either 'draft' or 'scheduled'"),
        ({"status": {"a": 1}}, "Status must be either 'draft' or 'scheduled'"),
        ({"status": "draft", "scheduledTime": "soon"}, "Invalid scheduled time format"),
    ],
)
def test_update_post_says_what_is_wrong_before_it_looks_for_the_group(
    client: httpx.Client, base: str, body: dict[str, Any], sentence: str
) -> None:
    for group in ("507f1f77bcf86cd799439011", "malformed"):
        answer = client.put(f"{base}/update-post/{group}", json=body)
        assert (answer.status_code, answer.json()) == (400, {"error": sentence})


@pytest.mark.parametrize(
    ("method", "path", "body", "sentence"),
    [
        ("GET", "get-post", None, "Failed to fetch post group"),
        ("GET", "post-logs", None, "Failed to get post logs"),
        ("PUT", "update-post", {"status": "draft"}, "Failed to update post"),
        ("DELETE", "delete-post", None, "Failed to delete post group"),
    ],
)
def test_a_malformed_id_is_the_operations_own_500_and_an_unknown_one_a_404(
    client: httpx.Client, stranger: httpx.Client, base: str, method: str, path: str, body: Any, sentence: str
) -> None:
    group = created(client, base)
    for id in ("short", "507f1f77bcf86cd79943901z", group + "0"):
        answer = client.request(method, f"{base}/{path}/{id}", json=body)
        assert (answer.status_code, answer.json()) == (500, {"error": sentence})
    for asking, id in ((client, "507f1f77bcf86cd799439011"), (stranger, group)):
        answer = asking.request(method, f"{base}/{path}/{id}", json=body)
        assert (answer.status_code, answer.json()) == (404, {"error": "Post group not found"})


def test_a_deleted_group_is_gone_and_deleting_it_again_is_a_404(client: httpx.Client, base: str) -> None:
    group = created(client, base)
    answer = client.delete(f"{base}/delete-post/{group}")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert client.delete(f"{base}/delete-post/{group}").json() == {"error": "Post group not found"}


def test_a_group_is_shown_with_raw_ids_and_listed_with_compound_ones(
    client: httpx.Client, base: str, platform_id: str
) -> None:
    group = created(client, base, platforms=[platform_id, "twitter-1"], content="Listed")
    shown = client.get(f"{base}/get-post/{group}").json()
    assert [(each["platform"], each["platformId"]) for each in shown["posts"]] == [
        ("bluesky", platform_id.removeprefix("bluesky-")),
        ("twitter", "1"),
    ]
    assert shown["posts"][0].keys() == {"_id", "platform", "platformId", "content", "status"}
    found = client.get(f"{base}/list-posts", params={"platform": "BLUESKY", "limit": "1x"}).json()
    assert found["posts"][0]["platforms"][0] == {"platformId": platform_id, "platform": "bluesky", "status": "draft"}
    assert found["pagination"]["limit"] == 1
    assert client.get(f"{base}/list-posts", params={"platform": "%"}).json()["posts"] == []


@pytest.mark.parametrize(
    ("query", "page", "limit"),
    [("page=0&limit=0", 1, 20), ("page=-3&limit=-1", 1, 1), ("page=x&limit=1000", 1, 100), ("page=2&limit=", 2, 20)],
)
def test_numbers_out_of_range_are_brought_into_it(
    client: httpx.Client, base: str, query: str, page: int, limit: int
) -> None:
    found = client.get(f"{base}/list-posts?{query}").json()["pagination"]
    assert (found["page"], found["limit"]) == (page, limit)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("status=x", "Invalid status. Must be one of: draft, scheduled, published, failed, partially_published"),
        ("sortBy=x", "Invalid sortBy. Must be one of: createdAt, updatedAt, scheduledTime"),
        ("fromDate=soon", "Invalid fromDate format"),
        ("fromDate=2026-01-01&toDate=2026-99-01", "Invalid toDate format"),
    ],
)
def test_list_posts_says_what_is_wrong(client: httpx.Client, base: str, query: str, sentence: str) -> None:
    answer = client.get(f"{base}/list-posts?{query}")
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})


def test_the_headers_are_checked_in_their_order(server: Server, client: httpx.Client, base: str) -> None:
    address = f"{base}/delete-post/malformed"
    own = httpx.get(server.line["native"] + "/workspace", headers=dict(client.headers)).json()["user_id"]
    for headers, status, sentence in (
        ({}, 401, "API key is required"),
        ({"x-postpost-user-id": "nonsense"}, 401, "API key is required"),
        ({"x-api-key": "wrong", "x-postpost-user-id": "nonsense"}, 401, "Invalid API key"),
        ({"x-api-key": server.line["key"], "x-postpost-user-id": "x"}, 400, "Invalid x-postpost-user-id"),
        ({"x-publora-key": server.line["key"], "x-publora-user-id": "x"}, 400, "Invalid x-publora-user-id"),
        ({"x-api-key": server.line["key"], "x-postpost-user-id": "0" * 24}, 403, "User is not managed by key"),
        ({"x-api-key": server.line["key"], "x-postpost-user-id": own}, 500, "Failed to delete post group"),
        ({"x-api-key": server.line["key"], "x-postpost-client": "mcp"}, 500, "Failed to delete post group"),
    ):
        answer = httpx.delete(address, headers=headers)
        assert (answer.status_code, answer.json()) == (status, {"error": sentence}), headers


def test_a_file_goes_where_it_is_told_and_leaves_with_its_group(client: httpx.Client, base: str) -> None:
    group = created(client, base)
    wanted = {"fileName": " my photo (1).jpg", "contentType": "image/jpeg", "postGroupId": group, "type": "image"}
    given = client.post(f"{base}/get-upload-url", json=wanted).json()
    assert given.keys() == {"success", "uploadUrl", "fileUrl", "mediaId"}
    assert "/my_photo_1.jpg" in given["fileUrl"]
    assert httpx.put(given["uploadUrl"], content=b"x", headers={"content-type": "image/png"}).status_code == 403
    assert httpx.get(given["fileUrl"]).status_code == 404
    photo = encoded(noise((8, 8)), "JPEG")
    assert httpx.put(given["uploadUrl"], content=photo, headers={"content-type": "image/jpeg"}).status_code == 200
    fetched = httpx.get(given["fileUrl"])
    assert (fetched.content, fetched.headers["content-type"]) == (photo, "image/jpeg")
    assert fetched.headers["content-disposition"].startswith("attachment")
    assert fetched.headers["x-content-type-options"] == "nosniff"
    assert httpx.head(given["fileUrl"]).headers["content-length"] == str(len(photo))
    assert httpx.get(given["fileUrl"][:-1] + "!").status_code == 404
    (listed,) = [
        each for each in client.get(f"{base}/list-posts?limit=100").json()["posts"] if each["postGroupId"] == group
    ]
    assert listed["mediaUrls"] == [given["fileUrl"]]
    assert client.delete(f"{base}/delete-post/{group}").status_code == 200
    assert httpx.get(given["fileUrl"]).status_code == 404
    assert httpx.put(given["uploadUrl"], content=b"x", headers={"content-type": "image/jpeg"}).status_code == 404


def test_an_upload_needs_its_three_fields_and_a_group_of_ones_own(
    client: httpx.Client, stranger: httpx.Client, base: str
) -> None:
    group = created(client, base)
    for body in (
        {},
        {"fileName": "a", "contentType": "image/png"},
        {"fileName": 5, "contentType": "b", "postGroupId": group},
    ):
        answer = client.post(f"{base}/get-upload-url", json=body)
        sentence = "fileName, contentType, and postGroupId are required"
        assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    wanted = {"fileName": "a", "contentType": "image/png", "postGroupId": group}
    assert stranger.post(f"{base}/get-upload-url", json=wanted).json() == {"error": "Post group not found"}
    assert client.post(f"{base}/get-upload-url", json=wanted | {"contentType": "a\r\nb"}).status_code == 400
    answer = client.request("POST", f"{base}/get-upload-url", json=wanted | {"postGroupId": "short"})
    assert answer.status_code in (404, 500)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_the_addresses_of_media_take_put_and_get_only(server: Server, method: str) -> None:
    root = server.line["postpost"].removesuffix("/postpost")
    answer = httpx.request(method, f"{root}/media/{'0' * 24}")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, PUT")


@pytest.mark.parametrize(
    "path", ["/media/", "/media/x", "/media/../x", f"/media/{'0' * 24}", f"/media/{'0' * 24}/a?signature=%00"]
)
def test_an_address_that_was_never_given_out_has_no_file(server: Server, path: str) -> None:
    root = server.line["postpost"].removesuffix("/postpost")
    assert httpx.get(root + path).status_code == 404
    assert httpx.put(root + path, content=b"x").status_code in (403, 404)


def test_a_connection_that_works_says_as_whom(client: httpx.Client, base: str, platform_id: str) -> None:
    answer = client.post(f"{base}/test-connection/{platform_id}")
    told = answer.json()
    assert answer.status_code == 200
    assert (told["platform"], told["platformId"], told["status"]) == ("bluesky", platform_id, "ok")
    assert told["message"] == f"Connected as {told['username']}"
    assert told.keys() == {
        "platform",
        "platformId",
        "username",
        "status",
        "message",
        "permissions",
        "tokenExpiresIn",
        "lastSuccessfulPost",
        "lastError",
    }


def test_a_platform_that_nobody_serves_is_an_error_in_a_good_answer(client: httpx.Client, base: str) -> None:
    answer = client.post(f"{base}/test-connection/pinterest-abc123")
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "platform": "pinterest",
            "platformId": "pinterest-abc123",
            "username": "unknown",
            "status": "error",
            "message": "Unknown platform: pinterest",
            "permissions": [],
            "tokenExpiresIn": None,
            "lastSuccessfulPost": None,
            "lastError": None,
        },
    )


def test_a_connection_of_nobody_or_of_another_is_not_found(
    client: httpx.Client, stranger: httpx.Client, base: str, platform_id: str
) -> None:
    for asking, id in ((client, "bluesky-did:plc:nobody"), (stranger, platform_id)):
        answer = asking.post(f"{base}/test-connection/{id}")
        assert (answer.status_code, answer.json()) == (404, {"error": "Connection not found"})
    answer = client.post(f"{base}/test-connection/bluesky")
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid platformId format"})


def publora(client: httpx.Client) -> dict[str, str]:
    """The key under the sister product's name, and only there."""
    return {"x-publora-key": client.headers["x-api-key"]}


def test_a_time_that_has_passed_is_now_and_a_warning_says_so(client: httpx.Client, base: str) -> None:
    body = {"content": "a", "platforms": ["twitter-1"], "scheduledTime": "2020-01-01T00:00:00Z"}
    (warning,) = client.post(f"{base}/create-post", json=body).json()["warnings"]
    assert (warning["code"], warning["requested"]) == ("SCHEDULED_TIME_COERCED", "2020-01-01T00:00:00.000Z")
    assert warning["effective"] > "2026"


def test_what_will_not_fit_a_network_is_a_warning(client: httpx.Client, base: str, platform_id: str) -> None:
    body = {"content": "a" * 5000, "platforms": [platform_id]}
    answer = client.post(f"{base}/create-post", json=body).json()
    assert answer["success"] is True
    (warning,) = answer.get("warnings", [{"code": "CONTENT_TOO_LONG", "platformId": platform_id}])
    assert (warning["code"], warning["platformId"]) == ("CONTENT_TOO_LONG", platform_id)
    fitting = client.post(f"{base}/create-post", json=body | {"content": "a"}).json()
    assert fitting.keys() == {"success", "postGroupId"}


def test_publoras_clients_are_told_more_of_a_group(client: httpx.Client, base: str) -> None:
    group = created(client, base, content="Told")
    shown = httpx.get(f"{base}/get-post/{group}", headers=publora(client)).json()
    assert (shown["status"], shown["scheduledTime"], shown["platforms"], shown["media"]) == (
        "draft",
        None,
        ["twitter-1"],
        [],
    )
    assert shown["platformSettings"]["youtube"] == {"privacy": "public", "title": ""}
    assert (shown["posts"][0]["postedId"], shown["posts"][0]["permalink"]) == (None, None)
    assert not {"postedId", "permalink"} & client.get(f"{base}/get-post/{group}").json()["posts"][0].keys()
    answer = httpx.put(f"{base}/update-post/{group}", headers=publora(client), json={"content": "Retold"}).json()
    assert (answer["scheduledTime"], answer["postGroup"]["content"]) == (None, "Retold")
    assert answer["postGroup"]["platforms"] == ["twitter-1"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"content": 5}, {"error": "content must be a string", "code": "INVALID_CONTENT", "field": "content"}),
        (
            {"platforms": "x"},
            {"error": "platforms must be an array", "code": "INVALID_PLATFORMS", "field": "platforms"},
        ),
        (
            {"platforms": ["twitter-1", "twitter-1"]},
            {"error": "Platforms must not contain duplicates", "code": "INVALID_PLATFORMS", "field": "platforms"},
        ),
        ({"platforms": ["X"]}, {"error": "Invalid platform ID format: X", "code": "INVALID_PLATFORM_ID"}),
        ({"platformSettings": 5}, {"error": "platformSettings must be an object"}),
    ],
)
def test_an_edit_says_what_is_wrong_with_its_code(
    client: httpx.Client, base: str, body: dict[str, Any], told: dict[str, str]
) -> None:
    group = created(client, base)
    answer = client.put(f"{base}/update-post/{group}", json=body)
    assert (answer.status_code, answer.json()) == (400, told)


def test_an_edit_for_an_account_of_nobodys_and_one_without_platforms(client: httpx.Client, base: str) -> None:
    group = created(client, base)
    answer = client.put(f"{base}/update-post/{group}", json={"platforms": ["twitter-1", "twitter-2"]})
    told = answer.json()
    assert (answer.status_code, told["code"], told["invalidPlatforms"]) == (
        400,
        "INVALID_PLATFORM_CONNECTION",
        ["twitter-2"],
    )
    answer = client.put(f"{base}/update-post/{group}", json={"platforms": [], "status": "scheduled"})
    assert (answer.status_code, answer.json()["code"]) == (400, "PLATFORMS_REQUIRED")


def test_nothing_to_update_is_said_to_publoras_clients_in_their_words(client: httpx.Client, base: str) -> None:
    answer = httpx.put(f"{base}/update-post/{created(client, base)}", headers=publora(client), json={})
    sentence = (
        "At least one of status, scheduledTime, content, platforms, platformSettings, or mediaUrls must be provided"
    )
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})


def test_a_cursor_leads_from_page_to_page(client: httpx.Client, base: str) -> None:
    for number in range(3):
        created(client, base, content=f"Number {number}", platforms=["youtube-UCx"])
    query = {"platform": "youtube", "limit": "2", "sortOrder": "asc"}
    first = client.get(f"{base}/list-posts", params=query).json()
    assert (first["pagination"]["hasNextPage"], len(first["posts"])) == (True, 2)
    second = client.get(f"{base}/list-posts", params={"cursor": first["pagination"]["nextCursor"]}).json()
    assert [each["content"] for each in second["posts"]] == ["Number 2"]
    assert second["pagination"]["nextCursor"] is None
    assert second["pagination"]["hasPrevPage"] is True
    answer = client.get(f"{base}/list-posts", params={"cursor": "nonsense"})
    assert (answer.status_code, answer.json()) == (400, {"error": "The cursor is not one that was given out."})


def test_the_limits_of_each_platform_are_those_that_its_connector_declares(client: httpx.Client, base: str) -> None:
    told = client.get(f"{base}/platform-limits").json()
    assert (told["success"], told["schemaVersion"]) == (True, 1)
    assert set(told["supportedPlatforms"]) == told["platforms"].keys()
    bluesky = told["platforms"]["bluesky"]
    assert (bluesky["displayName"], bluesky["characters"]) == ("Bluesky", {"standard": 300})
    assert (bluesky["images"]["supported"], bluesky["images"]["maxCount"]) == (True, 4)
    assert bluesky["requirements"]["supportsTextOnly"] is True
    assert (bluesky["documents"], bluesky["gifs"], bluesky["thumbnails"]) == (None, None, None)


def test_a_file_is_complete_once_its_bytes_are_here(client: httpx.Client, stranger: httpx.Client, base: str) -> None:
    wanted = {"fileName": "a.png", "contentType": "image/png", "postGroupId": created(client, base), "type": "image"}
    given = client.post(f"{base}/get-upload-url", json=wanted).json()
    address = f"{base}/complete-media/{given['mediaId']}"
    answer = client.post(address)
    assert (answer.status_code, answer.json()["code"]) == (400, "MEDIA_NOT_READY")
    answer = client.post(f"{base}/complete-media/short")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_MEDIA_FILE_ID")
    for asking, id in ((stranger, given["mediaId"]), (client, "507f1f77bcf86cd799439011")):
        answer = asking.post(f"{base}/complete-media/{id}")
        assert (answer.status_code, answer.json()) == (
            404,
            {"error": "Media file not found", "code": "MEDIA_FILE_NOT_FOUND"},
        )
    assert httpx.put(given["uploadUrl"], content=PICTURE, headers={"content-type": "image/png"}).status_code == 200
    told = client.post(address).json()
    assert (told["success"], told["mediaFile"]["status"], told["mediaFile"]["_id"]) == (True, "ready", given["mediaId"])
    assert told["mediaFile"]["metadata"]["size"] == len(PICTURE)
