"""Forms with files in them, as they arrive.

Source: RFC 7578.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from postroom_sim.network import Call

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_NAME = re.compile(r'[; ]name="([^"]*)"')
_FILE_NAME = re.compile(r'[; ]filename="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Part:
    """One field; `file_name` is None where it is no file."""

    file_name: str | None
    content_type: str
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")


def parts(call: Call) -> dict[str, Part]:
    """The fields of a form, the last of each name; none where the body is no such form."""
    found = _BOUNDARY.search(call.headers.get("content-type", ""))
    if found is None:
        return {}
    mark = b"--" + found[1].encode()
    made = {}
    for piece in call.body.split(mark)[1:]:
        head, divided, content = piece.partition(b"\r\n\r\n")
        name = _NAME.search(head.decode("utf-8", "replace"))
        if not divided or name is None or piece.startswith(b"--"):
            continue
        lines = head.decode("utf-8", "replace").split("\r\n")
        kind = next((line.partition(":")[2].strip() for line in lines if line.lower().startswith("content-type:")), "")
        file_name = _FILE_NAME.search(head.decode("utf-8", "replace"))
        made[unquote(name[1])] = Part(unquote(file_name[1]) if file_name else None, kind, content.removesuffix(b"\r\n"))
    return made
