"""Texts as networks count them, and as a thread takes them: in parts. Pure."""

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

import regex

from postroom.domain.capabilities import Measure, Publishing

_GRAPHEME = regex.compile(r"\X")
_EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}|\N{COMBINING ENCLOSING KEYCAP}")
_LINK = regex.compile(r"(?<![\w@])(?:https?://)[^\s<>\"]*[^\s<>\".,;:!?')\]]", regex.IGNORECASE)
_REMOTE_MENTION = regex.compile(r"(?<![\w/])(@\w+)@[\w.-]+\w")
_LINK_LENGTH = 23
# Source: twitter-text configuration v3: these ranges weigh 1, everything else 2.
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))

_BARE_EMOJI = regex.compile(r"((?!\p{Emoji_Presentation})\p{Emoji})(?![\uFE0E\uFE0F\p{Emoji_Modifier}])")
_MOST_EMOJI_LENGTH = 32

_MOST_PARTS = 100
_MARKER = " (100/100)"
_BREAKS = (regex.compile(r"\n\s*\n"), regex.compile(r"(?<=[.!?])\s+"), regex.compile(r"\s+"))
_BLANKS = regex.compile(r"\s+")
_RULE = regex.compile(r"\n[ \t]*---[ \t]*\n")
_NUMBERED = regex.compile(r"(?<!\S)\[(\d{1,3})/(\d{1,3})\](?!\S)")


def text_length(text: str, measure: Measure) -> int:
    """How long a network counts this text to be."""
    match measure:
        case Measure.GRAPHEMES:
            return len(text) - text.count("\r\n") if text.isascii() else len(_GRAPHEME.findall(text))
        case Measure.UTF8_BYTES:
            return len(text.encode())
        case Measure.UTF16_UNITS:
            return len(text.encode("utf-16-le")) // 2
        case Measure.WEIGHTED:
            rest, links = _LINK.subn("", text)
            weight = len(rest) if rest.isascii() else sum(map(_weight, _GRAPHEME.findall(rest)))
            return links * _LINK_LENGTH + weight
        case Measure.SHORT_LINKS:
            rest, links = _LINK.subn("", text)
            return links * _LINK_LENGTH + len(_REMOTE_MENTION.sub(r"\1", rest))
        case Measure.EMOJI_BYTES:
            return sum(len(each.encode()) if _EMOJI.search(each) else len(each) for each in _GRAPHEME.findall(text))
        case Measure.CHARACTERS:
            return len(text)


def full_emoji(text: str) -> str | None:
    """An emoji as networks compare it, with its variation selectors; None: this is not one emoji and nothing else."""
    text = text.strip()
    if len(text) > _MOST_EMOJI_LENGTH or len(_GRAPHEME.findall(text)) != 1 or not _EMOJI.search(text):
        return None
    return _BARE_EMOJI.sub("\\1\ufe0f", text)


@lru_cache(maxsize=4096)
def _weight(grapheme: str) -> int:
    if _EMOJI.search(grapheme):
        return 2
    return sum(1 if any(low <= ord(each) <= high for low, high in _LIGHT) else 2 for each in grapheme)


def parts(text: str, publishing: Publishing) -> list[str]:
    """The posts that a text becomes at a network: one where it fits, or where there are no threads.

    Cut at a line `---` or at markers `[1/3]`, as the author says; else between paragraphs, sentences or words, as
    early in that order as makes parts that fit, each with ` (1/3)` behind it.

    Source: PostPost "Threading" (March 2026).
    """
    if not publishing.threads:
        return [text]
    ruled = [part.strip() for part in _RULE.split(text) if part.strip()]
    if len(ruled) > 1:
        return ruled
    numbered = _at_markers(text)
    if numbered is not None:
        return numbered
    if _fits(text, publishing):
        return [text]
    if text_length(_BLANKS.sub(" ", text), publishing.measure) > _MOST_PARTS * (publishing.max_length + 1):
        # However it is cut, at most one blank goes with each cut.
        return [text]
    found = list(_packed(text.strip(), publishing, 0))
    if len(found) > _MOST_PARTS or len(found) == 1:
        # Too long for any thread: that it does not fit is said when it is to be published.
        return found if len(found) == 1 else [text]
    return [f"{part} ({number}/{len(found)})" for number, part in enumerate(found, 1)]


def _fits(text: str, publishing: Publishing) -> bool:
    if publishing.max_bytes is not None and len(text.encode()) > publishing.max_bytes:
        return False
    return text_length(text, publishing.measure) <= publishing.max_length


def _at_markers(text: str) -> list[str] | None:
    """The parts that end in `[1/n]` to `[n/n]`, markers kept; None where they are not all there, in order."""
    marks = list(_NUMBERED.finditer(text))
    many = len(marks)
    if many < 2 or [(int(mark[1]), int(mark[2])) for mark in marks] != [(n, many) for n in range(1, many + 1)]:
        return None
    leading = not text[: marks[0].start()].strip()
    places = [mark.start() for mark in marks] if leading else [0, *(mark.end() for mark in marks)]
    ends = [*places[1:], len(text)] if leading else places[1:]
    found = [text[start:end].strip() for start, end in zip(places, ends, strict=False)]
    if not leading and text[ends[-1] :].strip():
        found[-1] = text[places[many - 1] :].strip()
    return found if all(found) else None


def _packed(text: str, publishing: Publishing, level: int) -> Iterator[str]:
    """The text in pieces that fit with their marker; each as full as the break that was needed allows."""
    if _fits(text + _MARKER, publishing):
        yield text
        return
    if level == len(_BREAKS):
        yield from _cut(text, publishing)
        return
    places = [0, *(found.end() for found in _BREAKS[level].finditer(text)), len(text)]
    held = ""
    for start, end in pairwise(places):
        piece = text[start:end]
        if _fits((held + piece).strip() + _MARKER, publishing):
            held += piece
            continue
        if held.strip():
            yield held.strip()
        held = ""
        if _fits(piece.strip() + _MARKER, publishing):
            held = piece
        else:
            smaller = list(_packed(piece.strip(), publishing, level + 1))
            yield from smaller[:-1]
            # What follows may still fit behind the last of the smaller pieces.
            held = smaller[-1] + piece[len(piece.rstrip()) :]
    if held.strip():
        yield held.strip()


def _cut(text: str, publishing: Publishing) -> Iterator[str]:
    """A word that is longer than a post, cut between characters as people see them."""
    graphemes = _GRAPHEME.findall(text)
    start = 0
    while start < len(graphemes):
        # Twice as many each time, until they do not fit; what does is between the last two.
        fits, beyond = 1, 2
        while start + fits < len(graphemes) and _fits("".join(graphemes[start : start + beyond]) + _MARKER, publishing):
            fits, beyond = beyond, beyond * 2
        while beyond - fits > 1:
            middle = (fits + beyond) // 2
            if _fits("".join(graphemes[start : start + middle]) + _MARKER, publishing):
                fits = middle
            else:
                beyond = middle
        yield "".join(graphemes[start : start + fits])
        start += fits
