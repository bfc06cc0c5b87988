"""Invented people and invented sentences for the seeded chats."""

from __future__ import annotations

import random

ADA, BEA, CHEN, DILAN, EMIKO, FARAH, GORAN, BANNED, CHALLENGED, EXPIRED = range(10)

# login, first name, last name, headline
PEOPLE: list[tuple[str | None, str, str, str]] = [
    ("user_good", "Ada", "Merino", "Lighthouse restorer at Quillfern Harbour Works"),
    ("user_second", "Bea", "Okafor", "Tide table editor, Quillfern Almanac"),
    ("user_third", "Chen", "Wei", "Maker of wooden clocks at Brasswick & Daughters"),
    (None, "Dilan", "Aksoy", "Night baker, Crumb & Lantern"),
    (None, "Emiko", "Tanabe", "Kite engineer at Updraft Atelier"),
    (None, "Farah", "Nouri", "Cartographer of small islands"),
    (None, "Goran", "Petrov", "Recruiting sailmakers for Hollowmast"),
    ("user_banned", "Barnaby", "Restricted", "An account LinkedIn has restricted"),
    ("user_challenge", "Cleo", "Checkpoint", "An account LinkedIn wants to check"),
    ("user_expired", "Edgar", "Lapsed", "An account whose session lapsed"),
]

_THINGS = (
    "the copper lantern",
    "the harbour map",
    "the second kite frame",
    "the brass escapement",
    "the tide table",
    "the rye order",
    "the east staircase",
    "the island survey",
    "the spare mainsail",
    "the fog bell",
    "the winter almanac",
    "the tin rooster",
    "the blue dinghy",
    "the oak pendulum",
    "the moth-eaten flag",
)
_STATES = (
    "is ready",
    "still leaks",
    "needs another coat of varnish",
    "arrived this morning",
    "is two days late",
    "looks better than the drawing",
    "fits at last",
    "came back from the workshop",
    "is not where I left it",
    "weighs more than we thought",
)
_ENDINGS = (
    "Shall we look at it on Thursday?",
    "I can send you the measurements.",
    "No hurry from my side.",
    "The ferry leaves at six, so call before.",
    "I owe you a coffee for that.",
    "Please keep the receipt.",
    "Nobody has told Mr. Pemble yet.",
    "It would be a shame to waste the good weather.",
    "I put a note on the door.",
    "What do you think?",
    "We could ask the keeper's cat.",
    "Count me in.",
)
FRESH = (
    "Just so you know: {thing} {state}.",
    "I am at the pier now and {thing} {state}.",
    "Before I forget: {thing} {state}.",
    "Small correction: {thing} {state}, not the other one.",
)


def sentence(source: random.Random) -> str:
    thing, state, ending = source.choice(_THINGS), source.choice(_STATES), source.choice(_ENDINGS)
    return f"{thing.capitalize()} {state}. {ending}"


def fresh_sentence(source: random.Random) -> str:
    return source.choice(FRESH).format(thing=source.choice(_THINGS), state=source.choice(_STATES))
