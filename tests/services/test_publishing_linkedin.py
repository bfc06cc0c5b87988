"""Publishing to LinkedIn: exactly one post, also where answers are lost; and accounts that do one thing or the other."""

import pytest

from postroom import sandbox
from postroom.domain.accounts import Account, AccountStatus
from postroom.domain.posts import PostGroup, PostStatus
from postroom.errors import NotFound
from postroom.store import accounts
from tests.desk import Desk

PERSON = "linkedin-Tz9W5i6ZYG"


@pytest.fixture
async def person(desk: Desk) -> Account:
    return await sandbox.link(desk.house, desk.caller, "linkedin", "oauth", {"login": "user_good"})


async def live(desk: Desk) -> list[str]:
    answer = await desk.built.sim.get("/_sim/network/linkedin/posts", params={"account": "user_good"})
    return [post["id"] for post in answer.json()["posts"]]


async def due(desk: Desk, text: str = "Hello (there)") -> PostGroup:
    return await desk.due(text, platforms=[PERSON])


async def outcome(desk: Desk, group: PostGroup) -> tuple[PostStatus, str | None]:
    post = await desk.post(group)
    return post.status, None if post.error is None else post.error.code


async def status(desk: Desk, account: Account) -> AccountStatus:
    return (await desk.services.accounts.get(desk.caller, account.id)).status


async def test_a_text_with_a_picture_is_published(desk: Desk, person: Account) -> None:
    assert f"{person.provider}-{person.provider_id}" == PERSON
    group = await desk.draft("Look", platforms=[PERSON])
    await desk.attach(group, alt_text="A harbour")
    await desk.schedule(group)
    await desk.work()
    held = await desk.post(group)
    assert held.status is PostStatus.PUBLISHED
    assert [held.provider_id] == await live(desk)
    assert held.url == f"https://www.linkedin.com/feed/update/{held.provider_id}/"


@pytest.mark.parametrize("do", [{"commit_then_lose": True}, {"reset": True}, {"status": 502}])
@pytest.mark.parametrize("times", [1, 3])
async def test_whatever_is_lost_there_is_exactly_one_post(
    desk: Desk, person: Account, do: dict[str, object], times: int
) -> None:
    await desk.fault("createPost", "linkedin", times=times, do=do)
    group = await due(desk, "Once")
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED
    assert await live(desk) == [(await desk.post(group)).provider_id]


async def test_the_same_words_again_are_refused_and_say_so(desk: Desk, person: Account) -> None:
    await due(desk, "Twice")
    await desk.settle()
    again = await due(desk, "Twice")
    await desk.settle()
    assert await outcome(desk, again) == (PostStatus.FAILED, "INVALID_CONTENT")
    error = (await desk.post(again)).error
    assert error is not None
    assert (await live(desk))[0] in (error.platform_error or "")


async def test_a_repeat_whose_answer_is_lost_does_not_take_the_first_post_for_its_own(
    desk: Desk, person: Account
) -> None:
    first = await due(desk, "Twice")
    await desk.settle()
    await desk.advance(60)
    await desk.fault("createPost", "linkedin", do={"commit_then_lose": True})
    again = await due(desk, "Twice")
    await desk.settle()
    assert await outcome(desk, again) == (PostStatus.FAILED, "INVALID_CONTENT")
    assert await live(desk) == [(await desk.post(first)).provider_id]


async def test_an_expired_token_is_renewed_and_stored_before_it_is_used(desk: Desk, person: Account) -> None:
    await desk.advance(61 * 86_400)
    group = await due(desk)
    await desk.settle()
    assert await desk.status(group) is PostStatus.PUBLISHED
    calls = (await desk.built.sim.get("/_sim/requests", params={"network": "linkedin"})).json()["requests"]
    assert [call["operation"] for call in calls if call["operation"] in ("refreshToken", "createPost")] == [
        "refreshToken",
        "createPost",
    ]
    async with desk.house.database.read() as reader:
        stored = await accounts.find_credentials(reader, desk.caller.workspace_id, person.id)
    assert stored is not None
    assert stored.expires_at is not None
    assert stored.expires_at > desk.now_ms()


async def test_a_revoked_app_disconnects_the_account(desk: Desk, person: Account) -> None:
    body = {"status": 401, "serviceErrorCode": 65601, "code": "REVOKED_ACCESS_TOKEN", "message": "revoked"}
    await desk.fault("createPost", "linkedin", do={"status": 401, "body": body})
    group = await due(desk)
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "PLATFORM_AUTH_EXPIRED")
    assert await status(desk, person) is AccountStatus.DISCONNECTED


async def test_a_rate_limit_is_waited_for(desk: Desk, person: Account) -> None:
    body = {"status": 429, "code": "TOO_MANY_REQUESTS", "message": "throttle"}
    await desk.fault("createPost", "linkedin", do={"status": 429, "headers": {"retry-after": "600"}, "body": body})
    group = await due(desk)
    await desk.work()
    await desk.advance(590)
    await desk.work()
    assert (await desk.calls("createPost", "linkedin"), await desk.status(group)) == (1, PostStatus.PENDING)
    await desk.advance(11)
    await desk.work()
    assert await desk.status(group) is PostStatus.PUBLISHED


async def test_an_account_for_posts_is_neither_synced_nor_listened_to(desk: Desk, person: Account) -> None:
    assert (person.has_chats, person.takes_posts) == (False, True)
    cookie = next(account for account in await every(desk) if account.id != person.id)
    assert (cookie.has_chats, cookie.takes_posts) == (True, False)
    for _ in range(2):
        assert await desk.rows(f"select id from jobs where task = 'sync_account' and args like '%{person.id}%'") == []
        again = await sandbox.link(desk.house, desk.caller, "linkedin", "oauth", {"login": "user_good"})
        assert again.id == person.id
    async with desk.house.database.begin() as tx:
        claimed = await accounts.claim_listening(tx, "me", desk.now_ms(), desk.now_ms() + 1000, 10, ["linkedin"])
    assert person.id not in [account_id for _, account_id, _ in claimed]
    assert cookie.id in [account_id for _, account_id, _ in claimed]
    await desk.house.sync.sync(desk.caller.workspace_id, person.id)
    assert await desk.rows(f"select id from chats where account_id = '{person.id}'") == []


async def every(desk: Desk) -> list[Account]:
    return list((await desk.services.accounts.list(desk.caller, provider="linkedin")).items)


async def test_an_account_for_messages_is_offered_to_nobody_who_posts(desk: Desk, person: Account) -> None:
    standings = await desk.services.checkups.standings(desk.caller)
    assert [found.account.id for found in standings if found.account.provider == "linkedin"] == [person.id]


async def test_a_post_to_an_account_for_messages_fails_and_calls_nobody(desk: Desk) -> None:
    (cookie,) = await every(desk)
    group = await desk.due("Hello", platforms=[f"linkedin-{cookie.provider_id}"])
    await desk.settle()
    assert await outcome(desk, group) == (PostStatus.FAILED, "INVALID_CONTENT")
    assert await desk.calls("createPost", "linkedin") == 0


async def test_a_recall_never_asks_an_account_for_posts(desk: Desk, person: Account) -> None:
    chat = "2-NzkzMDFlNzAtZjU2OS00MjIwLWE2ZDctYzZkMWE1ZDljZDAyXzEwMA=="
    with pytest.raises(NotFound):
        await desk.services.recalls.recall_by_key(
            desk.caller, "linkedin", chat, "2-MTc2MDc3MzMxMDQyOWI2OTc1NC0xMDA=", person.id
        )


async def test_a_deleted_group_is_not_posted_by_looking_for_it(desk: Desk, person: Account) -> None:
    await desk.fault("createPost", "linkedin", do={"reset": True})
    group = await due(desk, "Never")
    await desk.work()
    assert await desk.status(group) is PostStatus.PROCESSING
    await desk.services.posts.delete(desk.caller, group.id)
    await desk.settle()
    assert await live(desk) == []
    assert await desk.calls("createPost", "linkedin") == 1
