"""Forms with files, as networks receive them.

Source: RFC 7578.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from urllib.parse import unquote

from postroom_sim.network import Call


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a form; `file_name` is None where it is no file."""

    file_name: str | None
    media_type: str
    content: bytes


def parts(call: Call) -> dict[str, Part]:
    """The fields of a form, each once; empty where the body is no such form."""
    found = re.search(r'^multipart/form-data;.*?boundary="?([^";]+)"?', call.headers.get("content-type", ""), re.I)
    if found is None:
        return {}
    made = {}
    for piece in (b"\r\n" + call.body).split(b"\r\n--" + found[1].encode())[1:]:
        head, end, content = piece.partition(b"\r\n\r\n")
        if not end or piece.startswith(b"--"):
            continue
        message = Message()
        for line in head.decode("utf-8", "replace").split("\r\n"):
            name, sign, value = line.partition(":")
            if sign:
                message[name.strip()] = value.strip()
        field = message.get_param("name", header="content-disposition")
        file_name = message.get_filename()
        if isinstance(field, str):
            made[unquote(field)] = Part(
                None if file_name is None else unquote(file_name), message.get_content_type(), content
            )
    return made
