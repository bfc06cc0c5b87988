"""Posts against a server that speaks LinkedIn's official API: what the network's readers see is the judge."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from postroom.clock import Clock
from postroom.connectors.contract import Ask, Linked, Reply, Visit
from postroom.connectors.http import Http
from postroom.connectors.linkedin.connector import LinkedInConnector, LinkedInSettings
from postroom.connectors.linkedin.posts_connection import PostsConnection
from postroom.domain.engagement import Days, Metric, ReactionKind
from postroom.domain.remote import Credentials, PostDraft
from postroom.errors import CredentialsRejected, LoginFailed, OutcomeUnknown, ProviderDown, Refused, Unprocessable
from tests.connectors.wire import Picture, Trying

CALLBACK = "https://us.example/callbacks/oauth"
PAGES = "openid profile w_member_social w_organization_social rw_organization_admin"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 300
HARBOUR = "urn:li:organization:2414183"

kept: list[Credentials] = []


async def keep(credentials: Credentials) -> None:
    kept.append(credentials)


@pytest.fixture
def clock(simulation: Any) -> Clock:
    return lambda: datetime.fromisoformat(simulation.get("clock")["now"]).astimezone(UTC)


Made = Callable[..., LinkedInConnector]


@pytest.fixture
async def made(simulation: Any, clock: Clock) -> AsyncIterator[Made]:
    kept.clear()
    http = Http(backoff_seconds=0.01)

    def make(scopes: str = PAGES) -> LinkedInConnector:
        settings = LinkedInSettings(
            origin=simulation.linkedin, client_id="sandbox", client_secret="sandbox-secret", scopes=scopes
        )
        return LinkedInConnector(http=http, settings=settings, callback_url=CALLBACK, now=clock)

    yield make
    await http.close()


async def allowed(connector: LinkedInConnector, login: str = "user_good") -> Any:
    """What comes after the owner said yes."""
    step = await connector.login("oauth", None)
    assert isinstance(step, Visit)
    page = await connector._http.read("linkedin", "approve", f"{step.url}&login={login}", headers={})
    answers = dict(parse_qsl(urlsplit(page.headers["location"]).query))
    return await connector.login("oauth", Reply(state=step.state, answers=answers))


async def link(connector: LinkedInConnector, author: str | None = None, login: str = "user_good") -> PostsConnection:
    step = await allowed(connector, login)
    if isinstance(step, Ask):
        person = next(urn for urn in step.choices["author"] if ":person:" in urn)
        step = await connector.login("oauth", Reply(state=step.state, answers={"author": author or person}))
    assert isinstance(step, Linked)
    connection = connector.open(step.profile, step.credentials, keep)
    assert isinstance(connection, PostsConnection)
    return connection


def shown(simulation: Any, account: str = "user_good") -> list[dict[str, Any]]:
    return list(simulation.get("network/linkedin/posts", account=account)["posts"])


def draft(text: str = "Hello", *media: Picture) -> PostDraft:
    return PostDraft(text=text, created_at=datetime(2026, 11, 21, tzinfo=UTC), media=media)


async def test_an_owner_chooses_as_whom_to_post(made: Made) -> None:
    connector = made()
    step = await allowed(connector)
    assert isinstance(step, Ask)
    assert step.choices["author"] == {
        "urn:li:person:Tz9W5i6ZYG": "Ada Merino",
        HARBOUR: "Harbour Works",
        "urn:li:organization:2414184": "Lighthouse",
    }
    again = await connector.login("oauth", Reply(state=step.state, answers={"author": "urn:li:organization:2414185"}))
    assert isinstance(again, Ask)
    linked = await connector.login("oauth", Reply(state=step.state, answers={"author": HARBOUR}))
    assert isinstance(linked, Linked)
    assert (linked.profile.provider_id, linked.profile.name) == ("2414183", "Harbour Works")
    assert linked.credentials.values["author"] == HARBOUR


async def test_where_there_is_no_choice_nobody_is_asked(made: Made) -> None:
    for connector, login in ((made("openid profile w_member_social"), "user_good"), (made(), "user_second")):
        linked = await allowed(connector, login)
        assert isinstance(linked, Linked)
        assert linked.credentials.values["author"].startswith("urn:li:person:")
        assert linked.credentials.expires_at is not None


async def test_the_older_way_to_know_a_person_is_known(made: Made) -> None:
    linked = await allowed(made("r_basicprofile w_member_social"))
    assert isinstance(linked, Linked)
    assert (linked.profile.provider_id, linked.profile.name) == ("Tz9W5i6ZYG", "Ada Merino")


async def test_an_owner_who_says_no_and_an_app_that_may_not_post_are_told_so(made: Made) -> None:
    with pytest.raises(LoginFailed):
        await allowed(made(), "user_denied")
    with pytest.raises(LoginFailed, match="w_member_social"):
        await allowed(made("openid profile"))
    with pytest.raises(LoginFailed):
        await LinkedInConnector().login("oauth", None)


async def test_a_text_goes_out_whole_and_comes_down(made: Made, simulation: Any) -> None:
    connection = await link(made())
    text = "Grüße (an alle) #bienen @{urn:li:organization:2414183|Harbour Works} 100% *echt*"
    post = await connection.publish(draft(text), Trying(begun_at=datetime.now(UTC)))
    (seen,) = shown(simulation)
    assert seen["id"] == post.provider_id
    assert seen["text"] == "Grüße (an alle) #bienen Harbour Works 100% *echt*"
    assert [named["type"] for named in seen["named"]] == ["hashtag", "mention"]
    await connection.unpublish(post.provider_id)
    await connection.unpublish(post.provider_id)
    assert shown(simulation) == []


async def test_pages_post_as_themselves(made: Made, simulation: Any) -> None:
    connection = await link(made(), HARBOUR)
    await connection.publish(draft("From the page"), Trying())
    assert [post["account"] for post in shown(simulation, "2414183")] == [HARBOUR]
    assert (await connection.profile()).provider_id == "2414183"


@pytest.mark.parametrize("count", [1, 2, 20])
async def test_images_go_out_in_order_with_their_descriptions(made: Made, simulation: Any, count: int) -> None:
    connection = await link(made())
    media = [Picture(PNG, alt_text=f"Number {number}") for number in range(count)]
    await connection.publish(draft("Look", *media), Trying())
    (seen,) = shown(simulation)
    assert [(file["alt"], file["size"]) for file in seen["media"]] == [
        (f"Number {number}", len(PNG)) for number in range(count)
    ]


async def test_a_video_goes_out_in_parts_once_linkedin_is_done_with_it(made: Made, simulation: Any) -> None:
    simulation.post("state/switches", {"linkedin_video_seconds": 30})
    connection = await link(made())
    film = Picture(bytes(9_000_000), content_type="video/mp4", kind="video")
    attempt = Trying()
    with pytest.raises(ProviderDown) as caught:
        await connection.publish(draft("Film", film), attempt)
    assert caught.value.retry_after_seconds == 10
    simulation.post("clock/advance", {"seconds": 31})
    await connection.publish(draft("Film", film), attempt)
    (seen,) = shown(simulation)
    assert [(file["type"], file["size"]) for file in seen["media"]] == [("video", 9_000_000)]
    assert len(simulation.requests("upload")) == 3


@pytest.mark.parametrize("text", ["Hello", "Hello with (brackets) and #tags"])
async def test_a_post_whose_answer_was_lost_is_found(made: Made, simulation: Any, clock: Clock, text: str) -> None:
    connection = await link(made())
    attempt = Trying(begun_at=clock())
    simulation.fault("createPost", {"commit_then_lose": True})
    with pytest.raises(OutcomeUnknown):
        await connection.publish(draft(text), attempt)
    simulation.post("clock/advance", {"seconds": 600})
    found = await connection.find(draft(text), attempt)
    (seen,) = shown(simulation)
    assert found is not None
    assert found.provider_id == seen["id"]


async def test_a_post_that_never_arrived_is_made_once(made: Made, simulation: Any, clock: Clock) -> None:
    connection = await link(made())
    attempt = Trying(begun_at=clock())
    simulation.fault("createPost", {"reset": True})
    with pytest.raises(OutcomeUnknown):
        await connection.publish(draft(), attempt)
    found = await connection.find(draft(), attempt)
    assert found is not None
    assert await connection.find(draft(), attempt) == found
    assert [post["id"] for post in shown(simulation)] == [found.provider_id]


async def test_the_same_words_again_are_refused_and_older_ones_are_not_taken_for_new(
    made: Made, simulation: Any, clock: Clock
) -> None:
    connection = await link(made())
    first = await connection.publish(draft(), Trying(begun_at=clock()))
    with pytest.raises(Unprocessable, match=first.provider_id):
        await connection.publish(draft(), Trying(begun_at=clock()))
    simulation.post("clock/advance", {"seconds": 60})
    again = Trying(begun_at=clock())
    simulation.fault("createPost", {"commit_then_lose": True})
    with pytest.raises(OutcomeUnknown):
        await connection.publish(draft(), again)
    assert await connection.find(draft(), again) is None
    assert [post["id"] for post in shown(simulation)] == [first.provider_id]


async def test_a_token_ends_after_two_months_and_is_renewed(made: Made, simulation: Any) -> None:
    connection = await link(made())
    simulation.post("clock/advance", {"seconds": 61 * 86_400})
    await connection.publish(draft(), Trying())
    assert [credentials.values["author"] for credentials in kept] == ["urn:li:person:Tz9W5i6ZYG"]
    assert len(shown(simulation)) == 1


async def test_a_token_without_a_second_one_ends(made: Made, simulation: Any) -> None:
    simulation.post("state/switches", {"linkedin_refresh_tokens": False})
    connection = await link(made())
    simulation.post("clock/advance", {"seconds": 61 * 86_400})
    with pytest.raises(CredentialsRejected):
        await connection.publish(draft(), Trying())


async def test_unlinking_ends_the_token(made: Made, simulation: Any) -> None:
    connection = await link(made())
    await connection.revoke()
    await connection.revoke()
    with pytest.raises(CredentialsRejected):
        await connection.publish(draft(), Trying())


async def test_a_member_who_may_not_post_is_refused(made: Made) -> None:
    with pytest.raises(Refused):
        await (await link(made(), login="user_banned")).publish(draft(), Trying())


async def test_the_journal_keeps_no_secret(made: Made, simulation: Any) -> None:
    connection = await link(made())
    await connection.publish(draft("Look", Picture(PNG)), Trying())
    await connection.revoke()
    text = str(simulation.get("requests", network="linkedin"))
    for secret in ("sandbox-secret", connection._session.values["access_token"]):
        assert secret not in text


@pytest.mark.parametrize("author", [None, HARBOUR])
async def test_reactions_and_comments_are_counted(made: Made, author: str | None) -> None:
    connection = await link(made(), author)
    post = (await connection.publish(draft("Counted"), Trying())).provider_id
    await connection.react(post, ReactionKind.LIKE)
    await connection.react(post, ReactionKind.PRAISE)
    comment = await connection.comment(post, "Well said", None)
    answered = await connection.comment(post, "Indeed", comment.urn)
    assert await connection.post_count(post, Metric.REACTION) == 1
    assert await connection.post_count(post, Metric.COMMENT) == 2
    assert await connection.account_count(Metric.COMMENT, None) == 2
    await connection.unreact(post)
    for _ in range(2):
        await connection.delete_comment(post, comment.urn)
        await connection.delete_comment(post, answered.provider_id)
    assert await connection.post_count(post, Metric.REACTION) == 0
    assert await connection.post_count(post, Metric.COMMENT) == 0


@pytest.mark.parametrize("author", [None, HARBOUR])
async def test_days_are_counted_from_the_first_to_the_day_before_the_last(made: Made, author: str | None) -> None:
    connection = await link(made(), author)
    await connection.publish(draft("Counted"), Trying())
    days = Days(start=date(2026, 11, 1), end=date(2026, 11, 4))
    counted = [date(2026, 11, number) for number in (1, 2, 3)]
    assert [each.day for each in await connection.account_days(Metric.IMPRESSION, days)] == counted
    assert [each.day for each in await connection.follower_days(days)] == counted
    assert await connection.follower_count() > 0
