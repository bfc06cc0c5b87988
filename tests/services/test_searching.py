"""Searching messages: as they now stand, so many at most, and nobody waits for it."""

import asyncio

import pytest

from postroom.errors import InvalidParameters
from postroom.services.searching import Found
from tests.scene import Scene
from tests.scene import the_scene as the_scene


async def looked(scene: Scene, words: str, **named: object) -> Found:
    return await scene.services.searching.search(scene.caller, words, **named)  # type: ignore[arg-type]


async def test_words_are_found_where_they_stand_until_they_are_taken_back(scene: Scene) -> None:
    own = await scene.own()
    sent = await scene.services.messages.send(scene.caller, own.chat_id, "The Ångström lantern is here.")
    found = await looked(scene, " åNGSTRÖM ")
    assert [each.message.id for each in found.hits] == [sent.id]
    assert (found.hits[0].chat.id, bool(found.hits[0].name), found.next) == (own.chat_id, True, None)
    assert found.searched == len(await scene.messages())
    account = await scene.linkedin()
    assert (await looked(scene, "ångström", account_id=account.id)).hits
    other = (await scene.services.accounts.list(scene.caller, provider="bluesky")).items[0]
    assert not (await looked(scene, "ångström", account_id=other.id)).hits
    assert not (await looked(scene, "ångström", starred=True)).hits
    assert not (await scene.services.searching.search(scene.built.other, "ångström")).hits
    edited = await scene.services.messages.edit(scene.caller, sent.id, "The copper lantern is here.")
    assert not (await looked(scene, "ångström")).hits
    assert edited.id in {each.message.id for each in (await looked(scene, "copper lantern")).hits}
    await scene.recall(sent)
    assert sent.id not in {each.message.id for each in (await looked(scene, "copper lantern")).hits}
    for words in ("", "  ", "a" * 201):
        with pytest.raises(InvalidParameters):
            await looked(scene, words)


async def test_a_search_stops_says_how_far_it_came_goes_on_and_lets_others_be_answered(scene: Scene) -> None:
    everything = await scene.messages()
    seen: list[str] = []
    searched, cursor = 0, None
    while True:
        found = await looked(scene, "e", most=50, cursor=cursor)
        assert found.searched <= 50
        searched, cursor = searched + found.searched, found.next
        seen += [each.message.id for each in found.hits]
        if cursor is None:
            break
    wanted = [each.id for each in everything if "e" in (each.content.text or "").casefold()]
    assert (searched, set(wanted) <= set(seen), len(seen)) == (len(everything), True, len(set(seen)))
    some = await looked(scene, "no such words", most=100)
    assert (some.searched, some.hits, some.next is None) == (100, [], False)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    assert (await looked(scene, "no such words")).searched == len(everything)
    beside.cancel()
    assert turns >= len(everything) // 50
