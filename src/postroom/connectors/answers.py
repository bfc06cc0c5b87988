"""What JSON APIs have in common: what a call says of itself, and how far an answer is to be trusted."""

from collections.abc import Iterable
from typing import Any

from postroom.connectors.http import Answer
from postroom.errors import OutcomeUnknown, ProviderDown

_LONGEST_WORDS = 300


def headers(token: str | None = None) -> dict[str, str]:
    """The headers of every call, to be added to; with a token, in whose name it is."""
    common = {"accept": "application/json", "user-agent": "postroom"}
    return common if token is None else common | {"authorization": f"Bearer {token}"}


def words(text: object, hide: Iterable[str]) -> str:
    """What a network says, fit to be shown: in one line, not too long, and without secrets, even where it repeats them.

    "" where it says nothing.
    """
    said = text if isinstance(text, str) else ""
    for secret in hide:
        if secret:
            said = said.replace(secret, "***")
    return " ".join(said.split())[:_LONGEST_WORDS]


def json_object(answer: Answer, whose: str, *, write: bool) -> dict[str, Any]:
    """The object in the answer of a success.

    Raises:
        OutcomeUnknown: (to a `write`) there is none, so nobody knows what was done.
        ProviderDown: there is none.
    """
    tree = answer.json()
    if isinstance(tree, dict):
        return tree
    sentence = f"{whose} answer could not be understood."
    raise OutcomeUnknown(sentence) if write else ProviderDown(sentence)


def seconds_to_wait(answer: Answer) -> float | None:
    """What Retry-After says, where it says a number of seconds."""
    value = answer.headers.get("retry-after", "").strip()
    return float(value) if value.isdecimal() else None
