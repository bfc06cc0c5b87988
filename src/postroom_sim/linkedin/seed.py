"""Fills an empty LinkedIn from one number, and lets new things happen at each start."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from postroom_sim.linkedin import identifiers as urn
from postroom_sim.linkedin import media, prose
from postroom_sim.linkedin.actions import Actions, quote
from postroom_sim.linkedin.model import INBOX, Asset, Member, Message, Thread
from postroom_sim.linkedin.prose import ADA, BEA, CHEN, DILAN, EMIKO, FARAH, GORAN
from postroom_sim.linkedin.store import Store

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_MESSAGES_PER_CHAT = 24
_FRESH_ENOUGH_MS = 5 * _MINUTE_MS


class Seed:
    def __init__(self, store: Store, actions: Actions) -> None:
        self._store = store
        self._actions = actions

    def fill(self) -> None:
        source = random.Random(f"{self._store.ground.seed}:linkedin")
        people = [self._person(source, *row) for row in prose.PEOPLE]
        chats = [
            self._chat(people, [ADA, BEA], None),
            self._chat(people, [ADA, CHEN], None),
            self._chat(people, [ADA, DILAN], None),
            self._chat(people, [ADA, EMIKO], None),
            self._chat(people, [BEA, ADA, CHEN, FARAH], "Harbour lantern crew"),
            self._inmail(people),
            self._chat(people, [BEA, CHEN], None),
            self._chat(people, [BEA, DILAN], None),
        ]
        extras: list[dict[int, list[dict[str, Any]]]] = [
            {4: [self._file("photo", people[ADA])], 15: [self._file("photo", people[BEA])]},
            {6: [self._file("file", people[CHEN])], 13: [self._file("video", people[ADA])]},
            {7: [self._file("audio", people[DILAN]) | {"duration": 4200}], 12: [self._gif(people[ADA])]},
            {9: [self._meeting(source)]},
            {
                5: [{"kind": "feed_update", "urn": "urn:li:activity:7190000000000000017"}],
                16: [self._file("photo", people[ADA])],
            },
            {0: [{"kind": "host", "type": "PREMIUM_INMAIL", "urn": "urn:li:inmail:7190000000000000033"}]},
            {},
            {},
        ]
        for number, (thread, content) in enumerate(zip(chats, extras, strict=True)):
            self._history(source, thread, content, number)

    def _person(self, source: random.Random, login: str | None, first: str, last: str, headline: str) -> Member:
        slug = f"{first}-{last}".lower()
        member = Member(
            urn.new_member_id(source), source.randrange(10**8, 10**9), first, last, headline, slug, login, None
        )
        red, green, blue = (source.randrange(40, 216) for _ in range(3))
        image = media.picture(red, green, blue)
        asset = Asset(
            media.new_asset_id(self._store), member.id, "PROFILE", f"{slug}.png", "image/png", len(image), image
        )
        self._store.add_asset(asset)
        member = replace(member, picture=asset.id)
        self._store.add_member(member)
        return member

    def _chat(self, people: list[Member], who: list[int], title: str | None) -> Thread:
        others = [people[number] for number in who[1:]]
        at = self._store.ground.clock.now_ms() - 20 * 24 * _HOUR_MS
        return self._actions.start_thread(people[who[0]], others, title, at=at)

    def _inmail(self, people: list[Member]) -> Thread:
        at = self._store.ground.clock.now_ms() - 12 * 24 * _HOUR_MS
        id = urn.new_thread_id(self._store.chance())
        thread = Thread(id, None, False, "inmail", at, people[GORAN].id)
        self._store.add_thread(thread, [people[GORAN].id, people[ADA].id], [*INBOX, "INMAIL"])
        return thread

    def _history(
        self, source: random.Random, thread: Thread, extras: dict[int, list[dict[str, Any]]], number: int
    ) -> None:
        """Some days of talk that ended hours ago."""
        members = self._store.list_participants(thread.id)
        now = self._store.ground.clock.now_ms()
        at = now - (9 + number) * 24 * _HOUR_MS
        step = (now - 2 * _HOUR_MS - number * 11 * _MINUTE_MS - at) // _MESSAGES_PER_CHAT
        written: list[Message] = []
        if thread.group_chat:
            self._actions.send(
                members[0], thread, f"{members[0].name} started the group", format="SYSTEM", at=at - _HOUR_MS
            )
        for position in range(_MESSAGES_PER_CHAT):
            sender = members[(position + position // 5) % len(members)]
            content = list(extras.get(position, []))
            if position in (10, 18):
                content.append(quote(written[position - 3]))
            if content and content[0].get("asset"):
                asset = self._store.find_asset(content[0]["asset"])
                sender = self._store.member(asset.owner) if asset else sender
            text = prose.sentence(source)
            subject = None
            if thread.kind == "inmail" and position == 0:
                sender, subject = members[0], "A mast, a sail and a question"
            moment = at + position * step + source.randrange(step // 2)
            written.append(self._actions.send(sender, thread, text, content=content, subject=subject, at=moment))
        for position, emoji in ((3, "👍"), (8, "❤️"), (8, "👏"), (20, "👍")):
            for member in members[: 2 if emoji == "👍" else 1]:
                self._actions.react(member, written[position], emoji, at=written[position].delivered_at + _MINUTE_MS)
        for member in members:
            self._store.set_mailbox(
                member.id, thread.id, unread_count=0, marked_unread=0, last_read_at=written[-1].delivered_at
            )

    def _file(self, kind: str, owner: Member) -> dict[str, Any]:
        name, media_type, content = {
            "photo": ("lantern.png", "image/png", media.picture(200, 140, 60)),
            "file": ("island-survey.pdf", "application/pdf", media.PDF),
            "video": ("ferry.mp4", "video/mp4", media.MP4),
            "audio": ("voice-note.m4a", "audio/mp4", media.M4A),
            "gif": ("rooster.gif", "image/gif", media.GIF),
        }[kind]
        asset = Asset(media.new_asset_id(self._store), owner.id, kind, name, media_type, len(content), content)
        self._store.add_asset(asset)
        return {"kind": kind, "asset": asset.id}

    def _gif(self, owner: Member) -> dict[str, Any]:
        return {**self._file("gif", owner), "title": "A tin rooster turning"}

    def _meeting(self, source: random.Random) -> dict[str, Any]:
        start = self._store.ground.clock.now_ms() - 3 * 24 * _HOUR_MS
        return {
            "kind": "meeting", "title": "Kite frame review", "id": str(source.randrange(10**9, 10**10)),
            "starts_at": start, "ends_at": start + _HOUR_MS // 2,
        }  # fmt: skip

    def new_member(self, login: str, name: str) -> Member:
        """A member of their own for someone's test, with two chats."""
        source = random.Random(f"{self._store.ground.seed}:linkedin:{login}")
        member = self._person(
            source, login, name.replace("_", " ").replace("-", " ").title(), "Newcomer", "Just arrived"
        )
        sql = "SELECT id FROM linkedin_members WHERE login IS NULL ORDER BY rowid LIMIT 2"
        others = [self._store.member(row[0]) for row in self._store.database.all(sql)]
        at = self._store.ground.clock.now_ms() - 20 * 24 * _HOUR_MS
        for number, other in enumerate(others):
            thread = self._actions.start_thread(member, [other], None, at=at)
            self._history(source, thread, {}, number)
            self._talk(thread, self._store.ground.clock.now_ms() - number * 1000)
        return member

    def freshen(self) -> None:
        """In every chat of someone who can log in, write what was said between nine minutes and one minute ago."""
        now = self._store.ground.clock.now_ms()
        for number, thread in enumerate(self._store.list_threads()):
            if self._store.newest_delivery(thread.id) < now - _FRESH_ENOUGH_MS:
                # A second apart, so that the order of chats does not hang on how fast this ran.
                self._talk(thread, now - number % 30 * 1000)

    def _talk(self, thread: Thread, now: int) -> None:
        members = self._store.list_participants(thread.id)
        logins = [member for member in members if member.login is not None]
        if not logins:
            return
        source = self._store.chance()
        earliest = max(now - 8 * _MINUTE_MS, self._store.newest_delivery(thread.id) + 1)
        span = now - _MINUTE_MS - earliest
        count = 3 * len(logins) + 1
        moments = [earliest + span * number // count for number in range(count)]
        opener = next(member for member in members if member is not logins[0])
        self._actions.send(opener, thread, prose.fresh_sentence(source), at=moments[0])
        for number, login in enumerate(logins):
            first, reply, last = moments[1 + 3 * number : 4 + 3 * number]
            own = self._actions.send(login, thread, prose.fresh_sentence(source), at=first)
            other = members[(members.index(login) + 1) % len(members)]
            self._actions.send(other, thread, prose.sentence(source), content=[quote(own)], at=reply)
            self._actions.send(login, thread, prose.fresh_sentence(source), at=last)
