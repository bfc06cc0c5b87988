"""Who is there, and what they said: the same people for every seed, and the same words for the same seed."""

from __future__ import annotations

import random

from postroom_sim.whatsapp.actions import Actions
from postroom_sim.whatsapp.store import Chat, Person, Store

PEOPLE = [
    Person("4915550000001", "180000000000001", "Ada Marlow", "user_good"),
    Person("4915550000002", "180000000000002", "Bea Lindqvist", "user_second"),
    Person("4915550000003", "180000000000003", "Cleo Marsh", None),
    Person("4915550000004", "180000000000004", "Dario Voss", None),
    Person("4915550000005", "180000000000005", "Emil Tran", None),
    Person("4915550000009", "180000000000009", "Nils Brandt", "user_banned"),
]
GROUP = "120363000000000001@g.us"
_TITLE = "Lighthouse walk"
_MESSAGES = 24

_OPENINGS = ("By the way,", "Listen:", "I was thinking,", "Quick one:", "So,", "Before I forget,", "Guess what,")
_SUBJECTS = ("the ferry", "the market", "our train", "the rehearsal", "that recipe", "the new lamp", "the workshop")
_NEWS = ("is moved to Friday", "starts at ten", "was lovely", "needs one more hand", "is off", "worked at once")
_CLOSINGS = ("Are you in?", "Tell me later.", "See you there.", "What do you say?", "No hurry.", "I will call.")


def sentence(chance: random.Random) -> str:
    parts = (_OPENINGS, _SUBJECTS, _NEWS)
    return " ".join(chance.choice(part) for part in parts) + ". " + chance.choice(_CLOSINGS)


class Seed:
    def __init__(self, store: Store, actions: Actions) -> None:
        self._store = store
        self._actions = actions

    def fill(self) -> None:
        """Four chats of Ada's, one of Bea's besides."""
        for person in PEOPLE:
            self._store.add_person(person)
        ada, bea, cleo, dario, emil, _ = PEOPLE
        chats = [self._store.direct(ada.phone, other.phone) for other in (cleo, dario, bea)]
        chats.append(Chat(GROUP, _TITLE, (ada.phone, bea.phone, cleo.phone, emil.phone)))
        chats.append(self._store.direct(bea.phone, emil.phone))
        now = self._store.ground.clock.now()
        for place, chat in enumerate(chats):
            self._store.add_chat(chat)
            chance = random.Random(f"whatsapp {self._store.ground.seed} {place}")
            # The oldest are weeks old, and the newest of them older than what can be taken back.
            moment = now - (_MESSAGES + place) * 20 * 3600 - 3 * 86_400
            for _ in range(_MESSAGES):
                moment += 20 * 3600 * chance.uniform(0.5, 1.0)
                self._say(chance, chat, moment)

    def freshen(self) -> None:
        """In each chat of someone who can log in, something was said a few minutes ago."""
        now = self._store.ground.clock.now()
        for chat in self._store.chats():
            messages = self._store.messages(chat.id)
            if messages and messages[-1].sent_at > now - 300:
                continue
            chance = self._store.chance()
            for minutes in sorted((chance.uniform(1, 9) for _ in range(3)), reverse=True):
                self._say(chance, chat, now - minutes * 60, tell=True)
            # One of them is Ada's in any case: there is always something to be taken back.
            author = PEOPLE[0] if PEOPLE[0].phone in chat.members else self._store.needed(chat.members[0])
            self._say(chance, chat, now - 30, author, tell=True)

    def _say(
        self, chance: random.Random, chat: Chat, at: float, author: Person | None = None, *, tell: bool = False
    ) -> None:
        who = author or self._store.needed(chance.choice(chat.members))
        id, _ = self._actions.send(who, chat, {"conversation": sentence(chance)}, at=at)
        message = self._store.message(chat.id, id, who.phone)
        if tell and message is not None:
            self._actions.tell(message)
