"""Workspaces, keys, users, linked accounts and attempts to link."""

import asyncio

import pytest

from postroom.domain.access import ApiKey, Entitlements, ManagedUser, Scope
from postroom.domain.accounts import AccountStatus, LoginAttempt
from postroom.domain.messages import Content
from postroom.domain.posts import PostStatus
from postroom.domain.remote import Credentials
from postroom.store import access, accounts, chats, messages, posts
from postroom.store.database import Database
from postroom.store.keyring import NoKey
from tests.store.things import (
    OTHER_WORKSPACE,
    T0,
    WORKSPACE,
    account,
    attendee,
    group,
    link,
    message,
    open_chat,
    post,
    workspace,
)


async def test_a_key_is_found_by_its_secret_with_its_workspace(database: Database) -> None:
    key = ApiKey(
        id="key_1",
        workspace_id=WORKSPACE,
        managed_user_id=None,
        name="CI",
        prefix="pk_live_abc",
        scopes=frozenset({Scope.READ, Scope.DELETE}),
        created_at=T0,
    )
    async with database.begin() as tx:
        await access.add_key(tx, key, b"hash")
    async with database.read() as reader:
        assert await access.find_by_secret(reader, b"hash") == (key, workspace())
        assert await access.find_by_secret(reader, b"another") is None
        assert await access.list_keys(reader, WORKSPACE) == [key]
        assert await access.list_keys(reader, OTHER_WORKSPACE) == []


async def test_a_key_is_revoked_once_and_by_its_own_workspace(database: Database) -> None:
    key = ApiKey(
        id="key_1", workspace_id=WORKSPACE, managed_user_id=None, name="", prefix="", scopes=frozenset(), created_at=T0
    )
    async with database.begin() as tx:
        await access.add_key(tx, key, b"hash")
        assert not await access.revoke_key(tx, OTHER_WORKSPACE, "key_1", T0)
        assert await access.revoke_key(tx, WORKSPACE, "key_1", T0)
        assert not await access.revoke_key(tx, WORKSPACE, "key_1", T0 + 1)
    async with database.read() as reader:
        found = await access.find_by_secret(reader, b"hash")
    assert found is not None
    assert found[0].revoked_at == T0


async def test_entitlements_and_managed_users_are_the_workspaces_own(database: Database) -> None:
    user = ManagedUser(id="c" * 24, workspace_id=WORKSPACE, username="bob", display_name="Bob", created_at=T0)
    async with database.begin() as tx:
        await access.set_entitlements(tx, WORKSPACE, Entitlements(mcp=False))
        await access.add_managed_user(tx, user)
    async with database.read() as reader:
        found = await access.list_workspaces(reader)
        assert [each.entitlements.mcp for each in found] == [False, True]
        assert await access.find_managed_user(reader, WORKSPACE, user.id) == user
        assert await access.find_managed_user(reader, OTHER_WORKSPACE, user.id) is None
        assert await access.list_managed_users(reader, WORKSPACE) == [user]


async def test_an_account_is_kept_whole_and_for_its_workspace_only(database: Database) -> None:
    linked = await link(database)
    async with database.read() as reader:
        assert await accounts.find(reader, WORKSPACE, linked.id) == linked
        assert await accounts.find(reader, OTHER_WORKSPACE, linked.id) is None
        assert (
            await accounts.find_by_provider_id(reader, WORKSPACE, WORKSPACE, "linkedin", linked.provider_id) == linked
        )
        opened = await accounts.find_credentials(reader, WORKSPACE, linked.id)
        assert opened == Credentials(values={"li_at": "secret"})
        assert await accounts.find_sync_token(reader, WORKSPACE, linked.id) is None
    async with database.begin() as tx:
        await accounts.set_sync_token(tx, WORKSPACE, linked.id, "from-here", T0, True)
        await accounts.set_credentials(tx, WORKSPACE, linked.id, Credentials(values={"li_at": "new"}))
        await accounts.touch(tx, WORKSPACE, linked.id, T0 + 9)
    async with database.read() as reader:
        assert await accounts.find_sync_token(reader, WORKSPACE, linked.id) == "from-here"
        found = await accounts.find(reader, WORKSPACE, linked.id)
        opened = await accounts.find_credentials(reader, WORKSPACE, linked.id)
    assert found is not None
    assert (found.synced, found.last_synced_at, found.last_used_at) == (True, T0, T0 + 9)
    assert opened == Credentials(values={"li_at": "new"})


async def test_pages_of_accounts_go_on_where_they_stopped(database: Database) -> None:
    linked = [await link(database) for _ in range(5)]
    seen: list[str] = []
    after: tuple[int, str] | None = None
    async with database.read() as reader:
        while page := await accounts.list_page(reader, WORKSPACE, after=after, limit=2):
            seen += [each.id for each in page]
            after = (page[-1].created_at, page[-1].id)
        assert await accounts.list_page(reader, WORKSPACE, user_id="d" * 24, limit=9) == []
        assert await accounts.list_page(reader, WORKSPACE, provider="bluesky", limit=9) == []
    assert seen == [each.id for each in reversed(linked)]


async def test_unlinking_is_final(database: Database) -> None:
    linked = await link(database)
    async with database.begin() as tx:
        assert await accounts.set_status(tx, WORKSPACE, linked.id, AccountStatus.DISCONNECTED, "expired")
        assert not await accounts.set_status(tx, WORKSPACE, linked.id, AccountStatus.DISCONNECTED, "expired")
        assert await accounts.set_status(tx, WORKSPACE, linked.id, AccountStatus.UNLINKING, None)
        assert not await accounts.set_status(tx, WORKSPACE, linked.id, AccountStatus.CONNECTED, None)
        assert await accounts.hold(tx, WORKSPACE, linked.id) is AccountStatus.UNLINKING
        assert await accounts.list_unlinking(tx) == [(WORKSPACE, linked.id)]


async def test_an_account_that_is_gone_cannot_be_held(database: Database) -> None:
    async with database.begin() as tx:
        assert await accounts.hold(tx, WORKSPACE, "acc_gone") is None


async def test_removing_an_account_leaves_its_tombstones_and_its_posts(database: Database) -> None:
    linked, other = await link(database), await link(database)
    room, other_room = await open_chat(database, linked), await open_chat(database, other)
    plan = group()
    sent = post(plan, account_id=linked.id, status=PostStatus.PUBLISHED)
    async with database.begin() as tx:
        await chats.put_attendees(tx, WORKSPACE, room.id, [attendee(linked, "ACoBB")])
        await messages.add_many(tx, WORKSPACE, [message(room, "m1"), message(room, "m2"), message(other_room, "m3")])
        await messages.bury(tx, WORKSPACE, "linkedin", "m1", room.key, T0)
        await posts.add_group(tx, plan, [sent])
    async with database.begin() as tx:
        await accounts.remove(tx, WORKSPACE, linked.id)
    async with database.read() as reader:
        assert await accounts.find(reader, WORKSPACE, linked.id) is None
        assert await messages.is_buried(reader, WORKSPACE, "linkedin", "m1")
        kept = await posts.find_post(reader, WORKSPACE, sent.id)
        for table in ("chats", "messages", "attendees", "chat_attendees"):
            rows = await reader.fetch(f"select count(*) from {table}")
            assert rows[0][0] == (1 if table in ("chats", "messages") else 0), table
    assert kept is not None
    assert (kept.account_id, kept.status) == (None, PostStatus.PUBLISHED)
    async with database.begin() as tx:
        assert await messages.add_many(tx, WORKSPACE, [message(other_room, "m1")]) == []


async def test_an_account_without_its_key_shows_no_profile_and_opens_no_more(database: Database) -> None:
    linked = await link(database)
    database.keyring.destroy(linked.id)
    async with database.read() as reader:
        (found,) = await accounts.list_page(reader, WORKSPACE, limit=9)
        assert (found.id, found.profile.name) == (linked.id, "")
        with pytest.raises(NoKey):
            await accounts.find_credentials(reader, WORKSPACE, linked.id)


async def test_an_account_cannot_be_added_without_a_key(database: Database) -> None:
    with pytest.raises(NoKey):
        async with database.begin() as tx:
            await accounts.add(tx, account(), Credentials(values={}))


async def test_each_account_is_listened_to_by_one_owner(database: Database) -> None:
    linked = {(await link(database)).id for _ in range(20)}

    async def claim(owner: str) -> list[tuple[str, str, int]]:
        async with database.begin() as tx:
            return await accounts.claim_listening(tx, owner, T0, T0 + 60, 8, ["linkedin"])

    claimed = await asyncio.gather(*(claim(f"owner-{number}") for number in range(6)))
    found = [account_id for each in claimed for _, account_id, _ in each]
    assert sorted(found) == sorted(linked)


async def test_a_lease_that_ran_out_is_somebody_elses(database: Database) -> None:
    first, second = await link(database), await link(database)
    async with database.begin() as tx:
        assert len(await accounts.claim_listening(tx, "one", T0, T0 + 60, 9, ["linkedin"])) == 2
        assert await accounts.renew_leases(tx, "two", T0 + 90, [first.id]) == {}
        assert await accounts.renew_leases(tx, "one", T0 + 90, [first.id]) == {first.id: 0}
        assert await accounts.claim_listening(tx, "two", T0 + 61, T0 + 99, 9, ["linkedin"]) == [
            (WORKSPACE, second.id, 0)
        ]
        await accounts.release_leases(tx, "one")
        assert await accounts.claim_listening(tx, "three", T0 + 61, T0 + 99, 9, ["linkedin"]) == [
            (WORKSPACE, first.id, 0)
        ]


async def test_an_attempt_to_link_is_answered_once(database: Database) -> None:
    attempt = LoginAttempt(
        id="lgn_1",
        workspace_id=WORKSPACE,
        user_id=WORKSPACE,
        provider="linkedin",
        flow="cookie",
        state={"step": 1},
        created_at=T0,
        expires_at=T0 + 10,
    )
    async with database.begin() as tx:
        await accounts.add_login_attempt(tx, WORKSPACE, attempt)
        assert await accounts.find_login_attempt(tx, OTHER_WORKSPACE, "lgn_1") is None
        assert await accounts.find_login_attempt(tx, WORKSPACE, "lgn_1") == attempt
        assert await accounts.remove_login_attempt(tx, WORKSPACE, "lgn_1")
        assert not await accounts.remove_login_attempt(tx, WORKSPACE, "lgn_1")
        await accounts.add_login_attempt(tx, WORKSPACE, attempt)
        assert await accounts.remove_expired_login_attempts(tx, T0 + 11) == 1


async def test_what_is_left_of_a_large_account_goes_piece_by_piece(database: Database) -> None:
    linked = await link(database)
    room = await open_chat(database, linked)
    async with database.begin() as tx:
        await messages.add_many(tx, WORKSPACE, [message(room, f"m{n}", content=Content(text="x")) for n in range(5)])
    removed = []
    for _ in range(4):
        async with database.begin() as tx:
            removed.append(await messages.remove_of_account(tx, WORKSPACE, linked.id, 2))
    assert removed == [2, 2, 1, 0]
