"""The simulated Threads refuses what Threads refuses, fetches what it is given an address of, and shows what was done."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.sim.files import PNG

APP = {"client_id": "sandbox", "client_secret": "sandbox-secret", "redirect_uri": "http://127.0.0.1/back"}


class Person:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.token = ""
        self.id = ""

    async def sign_in(self, login: str = "user_good") -> httpx.Response:
        query = {**APP, "response_type": "code", "state": "s", "login": login}
        page = await self.client.get("/threads/oauth/authorize", params=query)
        code = parse_qs(urlsplit(page.headers["location"]).query)["code"][0]
        form = {**APP, "grant_type": "authorization_code", "code": code}
        short = await self.client.post("/threads/oauth/access_token", data=form)
        self.id = str(short.json()["user_id"])
        query = {
            "grant_type": "th_exchange_token",
            "client_secret": "sandbox-secret",
            "access_token": short.json()["access_token"],
        }
        long = await self.client.get("/threads/access_token", params=query)
        self.token = long.json().get("access_token", "")
        return long

    async def get(self, path: str, **query: str) -> httpx.Response:
        return await self.client.get(f"/threads/v1.0/{path}", params={**query, "access_token": self.token})

    async def post(self, edge: str, **form: str) -> httpx.Response:
        return await self.client.post(f"/threads/v1.0/{self.id}/{edge}", data={**form, "access_token": self.token})

    async def delete(self, id: str) -> httpx.Response:
        return await self.client.delete(f"/threads/v1.0/{id}", params={"access_token": self.token})

    async def publish(self, text: str = "Hello", **form: str) -> str:
        made = (await self.post("threads", media_type="TEXT", text=text, **form)).json()["id"]
        return str((await self.post("threads_publish", creation_id=made)).json()["id"])


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> Person:
    person = Person(client)
    assert (await person.sign_in()).json()["expires_in"] == 5_184_000
    return person


def refused(answer: httpx.Response, code: int, subcode: int | None = None, *, status: int = 400) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (status, code, subcode)
    assert error["type"]
    assert error["fbtrace_id"]


async def test_a_post_is_listed_with_its_address_and_a_delete_takes_it_away(
    client: httpx.AsyncClient, ada: Person
) -> None:
    id = await ada.publish("One", reply_control="mentioned_only")
    answer = await ada.publish("Two", reply_to_id=id)
    fields = "id,text,permalink,timestamp,is_reply"
    (listed,) = (await ada.get(f"{ada.id}/threads", fields=fields)).json()["data"]
    assert (listed["id"], listed["text"]) == (id, "One")
    assert listed["timestamp"].endswith("+0000")
    assert [row["id"] for row in (await ada.get("me/replies")).json()["data"]] == [answer]
    shown = (await client.get("/_sim/network/threads/posts", params={"account": "ada.threads"})).json()["posts"]
    assert [(row["text"], row["reply_to"]) for row in shown] == [("One", None), ("Two", id)]
    assert (await ada.delete(id)).json() == {"success": True, "deleted_id": id}
    refused(await ada.delete(id), 100, 33)
    refused(await ada.get(id), 100, 33)
    assert (await ada.get(f"{ada.id}/threads", since="9999999999")).json() == {"data": []}


async def test_a_container_is_published_once_and_lives_a_day(client: httpx.AsyncClient, ada: Person) -> None:
    made = (await ada.post("threads", media_type="TEXT", text="Once")).json()["id"]
    assert (await ada.get(made, fields="status")).json() == {"id": made, "status": "FINISHED"}
    assert (await ada.post("threads_publish", creation_id=made)).status_code == 200
    refused(await ada.post("threads_publish", creation_id=made), 24, 4279009)
    assert (await ada.get(made, fields="status")).json()["status"] == "PUBLISHED"
    late = (await ada.post("threads", media_type="TEXT", text="Late")).json()["id"]
    await client.post("/_sim/clock/advance", json={"seconds": 86_401})
    assert (await ada.get(late, fields="status")).json()["status"] == "EXPIRED"
    refused(await ada.post("threads_publish", creation_id=late), 24, 4279009)


async def test_files_are_fetched_and_a_film_takes_a_while(client: httpx.AsyncClient, ada: Person, files: str) -> None:
    item = {"media_type": "IMAGE", "image_url": f"{files}/a.png", "alt_text": "A", "is_carousel_item": "true"}
    picture = (await ada.post("threads", **item)).json()["id"]
    film = (await ada.post("threads", media_type="VIDEO", video_url=f"{files}/a.mp4", is_carousel_item="true")).json()
    both = {"media_type": "CAROUSEL", "children": f"{picture},{film['id']}"}
    assert (await ada.get(film["id"], fields="status")).json()["status"] == "IN_PROGRESS"
    refused(await ada.post("threads", **both), 24, 4279009)
    await client.post("/_sim/clock/advance", json={"seconds": 6})
    whole = (await ada.post("threads", **both)).json()["id"]
    await client.post("/_sim/clock/advance", json={"seconds": 6})
    assert (await ada.post("threads_publish", creation_id=whole)).status_code == 200
    (shown,) = (await client.get("/_sim/network/threads/posts")).json()["posts"]
    assert [(each["type"], each["alt"], each["size"]) for each in shown["media"]] == [
        ("image", "A", len(PNG)),
        ("video", "", 4),
    ]


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"media_type": "IMAGE", "image_url": "{files}/none.png"}, "UNKNOWN"),
        ({"media_type": "IMAGE", "image_url": "{files}/a.mp4"}, "UNKNOWN"),
        ({"media_type": "IMAGE", "image_url": "http://127.0.0.1:1/a.png"}, "UNKNOWN"),
        ({"media_type": "IMAGE", "image_url": "http://example.com/a.png"}, "UNKNOWN"),
        ({"media_type": "VIDEO", "video_url": "{files}/none.mp4"}, "FAILED_DOWNLOADING_VIDEO"),
        ({"media_type": "VIDEO", "video_url": "{files}/a.png"}, "FAILED_PROCESSING_VIDEO"),
    ],
)
async def test_a_file_that_cannot_be_fetched_or_used_fails_its_container(
    client: httpx.AsyncClient, ada: Person, files: str, form: dict[str, str], reason: str
) -> None:
    made = await ada.post("threads", **{name: value.format(files=files) for name, value in form.items()})
    await client.post("/_sim/clock/advance", json={"seconds": 6})
    node = (await ada.get(made.json()["id"], fields="status,error_message")).json()
    assert (node["status"], node["error_message"]) == ("ERROR", reason)


@pytest.mark.parametrize(
    ("form", "code", "subcode"),
    [
        ({"media_type": "POEM", "text": "x"}, 100, None),
        ({"media_type": "TEXT"}, 100, None),
        ({"media_type": "TEXT", "text": "x" * 501}, 100, None),
        ({"media_type": "TEXT", "text": "🐝" * 126}, 100, None),
        ({"media_type": "TEXT", "text": " ".join(f"https://{n}.test" for n in range(6))}, 100, None),
        ({"media_type": "TEXT", "text": "x", "reply_control": "nobody"}, 100, None),
        ({"media_type": "TEXT", "text": "x", "reply_to_id": "1"}, 100, 33),
        ({"media_type": "CAROUSEL", "children": "1"}, 100, None),
    ],
)
async def test_a_container_that_makes_no_sense_is_refused(
    ada: Person, form: dict[str, str], code: int, subcode: int | None
) -> None:
    refused(await ada.post("threads", **form), code, subcode)


async def test_tokens_end_and_are_renewed_as_they_should_be(client: httpx.AsyncClient, ada: Person) -> None:
    refused(await client.get("/threads/v1.0/me"), 190)
    refused(await Person(client).sign_in("user_banned"), 190, 459)
    query = {"grant_type": "th_refresh_token", "access_token": ada.token}
    fresh = (await client.get("/threads/refresh_access_token", params=query)).json()["access_token"]
    await client.post("/_sim/clock/advance", json={"seconds": 61 * 86_400})
    refused(await ada.get("me"), 190, 463)
    refused(await client.get("/threads/refresh_access_token", params=query | {"access_token": fresh}), 190, 463)


async def test_nobody_deletes_or_publishes_for_another(client: httpx.AsyncClient, ada: Person) -> None:
    bea = Person(client)
    await bea.sign_in("user_second")
    id = await ada.publish()
    refused(await bea.delete(id), 100, 33)
    made = (await ada.post("threads", media_type="TEXT", text="x")).json()["id"]
    refused(await bea.post("threads_publish", creation_id=made), 24, 4279009)
    bea.id = ada.id
    refused(await bea.post("threads", media_type="TEXT", text="x"), 100, 33)


async def test_limits_are_told_and_enforced_when_asked(client: httpx.AsyncClient, ada: Person) -> None:
    answer = await ada.get("me/threads_publishing_limit")
    assert answer.json()["data"][0]["config"] == {"quota_total": 250, "quota_duration": 86_400}
    assert "call_count" in answer.headers["x-app-usage"]
    await client.post("/_sim/state/switches", json={"enforce_rate_limits": True})
    ids = [await ada.publish(str(number)) for number in range(101)]
    for id in ids[:100]:
        assert (await ada.delete(id)).status_code == 200
    refused(await ada.delete(ids[100]), 9, 2207042)


async def test_the_journal_keeps_no_secret(client: httpx.AsyncClient, ada: Person) -> None:
    await ada.publish("Hello")
    journal = (await client.get("/_sim/requests", params={"network": "threads"})).text
    assert ada.token not in journal
    assert "sandbox-secret" not in journal
    operations = [each["operation"] for each in httpx.Response(200, text=journal).json()["requests"]]
    assert operations == ["authorize", "access_token", "exchange_token", "create", "publish"]
