"""Rest.li's tuple syntax: `(key:value,key:List(a,b))` with raw punctuation and percent-encoded leaves."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote


class Malformed(Exception):
    """Not a tuple. A client that encodes the outer punctuation ends here."""


def query_parameters(query: str) -> dict[str, str]:
    """The raw, undecoded parameters of a query string; an `&` inside a value is encoded, so a plain split is right."""
    parameters = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        parameters[unquote(name)] = value
    return parameters


def parse_tuple(text: str) -> dict[str, Any]:
    """Leaves become decoded strings, `List(...)` a list, a nested tuple a dict. Raises Malformed."""
    value = _parse_all(text)
    if not isinstance(value, dict):
        raise Malformed(text)
    return value


def parse_list(text: str) -> list[Any]:
    """Raises Malformed."""
    value = _parse_all(text)
    if not isinstance(value, list):
        raise Malformed(text)
    return value


def _parse_all(text: str) -> Any:
    try:
        return _parse(text)
    except RecursionError as error:
        raise Malformed("nested too deep") from error


def _parse(text: str) -> Any:
    if text.startswith("List("):
        if not text.endswith(")"):
            raise Malformed(text)
        return [_parse(part) for part in _split(text[5:-1])]
    if text.startswith("("):
        if not text.endswith(")"):
            raise Malformed(text)
        fields = {}
        for part in _split(text[1:-1]):
            key, colon, value = part.partition(":")
            if not colon or not key:
                raise Malformed(part)
            fields[unquote(key)] = _parse(value)
        return fields
    if any(character in text for character in "():,"):
        raise Malformed(text)
    return unquote(text)


def _split(text: str) -> list[str]:
    """At the commas outside of any parentheses."""
    if not text:
        return []
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth < 0:
                raise Malformed(text)
        elif character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    if depth:
        raise Malformed(text)
    return [*parts, text[start:]]
