"""The nine code samples of the page "Delete Post", on a server that runs: only base URL, key and ids are replaced."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.journeys.samples import Ran, run_bash, run_node, run_python, sample
from tests.servers import Server, running_server

pytestmark = [pytest.mark.slow, pytest.mark.parts]

BASE = "https://api.postpost.dev"
IDS = ("507f1f77bcf86cd799439011", "507f1f77bcf86cd799439012", "507f1f77bcf86cd799439013")
NOBODYS = "ffffffffffffffffffffffff"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("samples") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def api(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.line["postpost"], headers={"x-api-key": server.line["key"]}) as client:
        yield client


def create(api: httpx.Client, *platforms: str, scheduled: bool = False) -> str:
    body: dict[str, object] = {"content": "To be deleted", "platforms": list(platforms) or ["twitter-1", "linkedin-2"]}
    if scheduled:
        body["scheduledTime"] = (datetime.now(UTC) + timedelta(days=2)).isoformat().replace("+00:00", "Z")
    made = api.post("/api/v1/create-post", json=body)
    assert made.status_code == 200, made.text
    return str(made.json()["postGroupId"])


def is_there(api: httpx.Client, id: str) -> bool:
    return api.get(f"/api/v1/get-post/{id}").status_code == 200


def replaced(server: Server, *ids: str) -> dict[str, str]:
    return {BASE: server.line["postpost"], "YOUR_API_KEY": server.line["key"]} | dict(zip(IDS, ids, strict=False))


def well(ran: Ran) -> str:
    assert ran.code == 0, ran.errors
    assert ran.errors == ""
    return ran.out


def test_javascript_deletes_a_post_across_all_platforms(server: Server, api: httpx.Client) -> None:
    id = create(api)
    source = sample("delete-post.js", replaced(server, id))
    assert well(run_node(source)) == f"Successfully deleted post {id}\n"
    assert not is_there(api, id)
    again = run_node(source)
    assert again.code == 1
    assert "Failed to delete: Post group not found" in again.errors


def test_javascript_deletes_multiple_posts(server: Server, api: httpx.Client) -> None:
    ids = [create(api), NOBODYS, create(api)]
    out = well(run_node(sample("delete-multiple.js", replaced(server, *ids))))
    assert out == "Deleted 2 posts\nFailed: 1\n"
    assert not any(is_there(api, id) for id in ids)


def test_javascript_shows_a_post_before_it_is_deleted(server: Server, api: httpx.Client) -> None:
    id = create(api)
    # The page defines the function and leaves the call to its reader.
    source = sample("delete-with-confirmation.js", {BASE: server.line["postpost"]})
    out = well(run_node(f"{source}\nawait deletePostWithConfirmation('{server.line['key']}', '{id}');"))
    assert out.splitlines() == [
        "About to delete:",
        " Content: To be deleted...",
        " Platforms: twitter, linkedin",
        " Status: draft",
        "Deletion complete: { success: true }",
    ]
    assert not is_there(api, id)


def test_python_deletes_a_post_across_all_platforms(server: Server, api: httpx.Client) -> None:
    id = create(api)
    source = sample("delete_post.py.txt", replaced(server, id))
    assert well(run_python(source)) == f"Successfully deleted post {id}\n"
    assert not is_there(api, id)
    again = run_python(source)
    assert again.code == 1
    assert "404" in again.errors


def test_python_deletes_in_bulk_and_counts_what_failed(server: Server, api: httpx.Client) -> None:
    id = create(api)
    out = well(run_python(sample("bulk_delete.py.txt", replaced(server, id, "not-an-id"))))
    assert out == "Successfully deleted: 1\nFailed: 1\n"
    assert not is_there(api, id)


def test_python_deletes_all_that_is_scheduled_for_a_platform(server: Server, api: httpx.Client) -> None:
    ids = [create(api, "twitter-1", scheduled=True) for _ in range(3)]
    others = [create(api, "linkedin-1", scheduled=True), create(api, "twitter-1")]
    out = well(run_python(sample("delete_all_scheduled.py.txt", replaced(server))))
    assert out.splitlines()[-1] == "Total posts deleted: 3"
    assert sorted(out.splitlines()[:-1]) == sorted(f"Deleted {id} from twitter" for id in ids)
    assert not any(is_there(api, id) for id in ids)
    assert all(is_there(api, id) for id in others)


def test_python_deletes_at_most_one_page_while_it_pages(server: Server, api: httpx.Client) -> None:
    ids = [create(api, "twitter-1", scheduled=True) for _ in range(103)]
    out = well(run_python(sample("delete_all_scheduled.py.txt", replaced(server))))
    # It deletes the first hundred and then asks for the second page of what is left.
    assert out.splitlines()[-1] == "Total posts deleted: 100"
    assert sum(is_there(api, id) for id in ids) == 3


def test_node_deletes_with_full_error_handling(server: Server, api: httpx.Client) -> None:
    # The page deletes its first id alone, and then all three: the second time that one is not found.
    ids = [create(api) for _ in range(3)]
    out = well(run_node(sample("delete-with-axios.js", replaced(server, *ids))))
    assert out == "Deleted: true\nDeleted: 2, Failed: 1\n"
    assert not any(is_there(api, id) for id in ids)


def test_curl_deletes_a_post(server: Server, api: httpx.Client) -> None:
    id = create(api)
    ran = run_bash(sample("delete-post.sh", replaced(server, id)))
    assert ran.out == '{"success":true}'
    assert not is_there(api, id)


def test_bash_deletes_in_bulk(server: Server, api: httpx.Client) -> None:
    ids = [create(api), NOBODYS, create(api)]
    out = well(run_bash(sample("bulk-delete.sh", replaced(server, *ids))))
    assert out.splitlines() == [
        f"Deleted {ids[0]} successfully",
        f'Failed to delete {NOBODYS}: {{"error":"Post group not found"}}',
        f"Deleted {ids[2]} successfully",
        "",
        "Summary: 2 succeeded, 1 failed",
    ]
