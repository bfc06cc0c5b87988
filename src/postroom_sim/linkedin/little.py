"""Little text format, as LinkedIn reads it.

Source: LinkedIn "little text format".
"""

from __future__ import annotations

import re
from typing import Any

_RESERVED = "\\|{}@[]()<>#*_~"
_PART = re.compile(
    r"\\(?P<escaped>[\\|{}@\[\]()<>#*_~])"
    r"|@\[(?P<name>(?:\\.|[^\]\\])+)\]\((?P<urn>urn:li:(?:person|organization):[\w-]+)\)"
    r"|\{hashtag\|(?:\\#|＃)\|(?P<tag>(?:\\.|[^}\\])+)\}"
    r"|(?P<plain_tag>#\w+)"
    r"|(?P<text>[^\\|{}@\[\]()<>#*_~]+)"
)


def read(commentary: str) -> tuple[str, list[dict[str, Any]]]:
    """What people see, and whom and what it names. A mark that means nothing ends the text, as it really does."""
    text, named, end = "", [], 0
    while end < len(commentary):
        match = _PART.match(commentary, end)
        if match is None:
            break
        end = match.end()
        if match["name"] is not None:
            name = _plain(match["name"])
            named.append({"type": "mention", "name": name, "urn": match["urn"]})
            text += name
        elif match["tag"] is not None:
            tag = _plain(match["tag"])
            named.append({"type": "hashtag", "name": tag})
            text += f"#{tag}"
        else:
            text += match["escaped"] or match["plain_tag"] or match["text"]
    return text, named


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
