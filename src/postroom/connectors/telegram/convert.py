"""Drafts as the Bot API takes them, and what it tells as ours. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import regex

from postroom.domain.remote import Credentials, Profile, PublishedPost

Json = Any

# Marks as PostPost has them, which are those of Telegram's old Markdown. An address is never taken apart.
_MARKS = regex.compile(
    r"""
      \\(?P<escaped>[_*`\[])
    | (?P<address>https?://[^\s)]+)
    | ```(?:(?P<language>[\w+-]+)\n)?(?P<pre>.+?)```
    | `(?P<code>[^`\n]+)`
    | (?<![\w*])\*(?!\s)(?P<bold>[^*\n]+?)(?<!\s)\*(?![\w*])
    | (?<![\w@\#/])_(?!\s)(?P<italic>[^_\n]+?)(?<!\s)_(?!\w)
    | \[(?P<label>[^\[\]\n]+)\]\((?P<url>https?://[^\s()]+)\)
    """,
    regex.VERBOSE | regex.DOTALL,
)
_KINDS = ("bold", "italic", "code", "pre", "label")
_ENTITIES = {"label": "text_link"}

_CHAT = regex.compile(r"-?\d{1,19}")
_NAME = regex.compile(r"@[A-Za-z]\w{2,31}", regex.ASCII)
_SUPERGROUPS = "-100"


class Place(msgspec.Struct, frozen=True):
    """Where a post stands: a chat, and the messages in it."""

    chat: str
    messages: tuple[int, ...]


def formatted(text: str) -> tuple[str, list[Json]]:
    """The text without its marks, and what they meant: `*bold*`, `_italic_`, `` `code` ``, `[words](https://...)`.

    A mark that is not closed, or stands within a word, is text. Offsets count UTF-16 units.
    """
    plain, entities, end = "", [], 0
    for match in _MARKS.finditer(text):
        plain += text[end : match.start()]
        end = match.end()
        kind = next((name for name in _KINDS if match[name] is not None), None)
        if kind is None:
            plain += match["escaped"] or match["address"]
            continue
        entity: dict[str, Json] = {
            "type": _ENTITIES.get(kind, kind),
            "offset": _units(plain),
            "length": _units(match[kind]),
        }
        if kind == "label":
            entity["url"] = match["url"]
        if kind == "pre" and match["language"]:
            entity["language"] = match["language"]
        entities.append(entity)
        plain += match[kind]
    return plain + text[end:], entities


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def options(settings: Mapping[str, Json], *, media: bool) -> dict[str, Json]:
    """What PostPost's settings of this platform ask for.

    Source: PostPost "Telegram": disableWebPagePreview, disableNotification, showCaptionAboveMedia, protectContent.
    """
    found: dict[str, Json] = {}
    if settings.get("disableNotification") is True:
        found["disable_notification"] = True
    if settings.get("protectContent") is True:
        found["protect_content"] = True
    if not media and settings.get("disableWebPagePreview") is True:
        found["link_preview_options"] = {"is_disabled": True}
    return found


def chat_of(text: str) -> str | None:
    """A chat as its owner may write it: an id, `@name`, or the address of a public channel. None: none of these."""
    text = text.strip()
    for start in ("https://t.me/", "http://t.me/", "t.me/"):
        if text.startswith(start):
            text = "@" + text.removeprefix(start).strip("/")
    return text if _CHAT.fullmatch(text) or _NAME.fullmatch(text) else None


def profile(chat: Json) -> Profile | None:
    """A chat that is posted to."""
    tree = chat if isinstance(chat, dict) else {}
    chat_id = tree.get("id")
    if not isinstance(chat_id, int) or isinstance(chat_id, bool):
        return None
    username = tree.get("username")
    names = [tree.get(name) for name in ("title", "first_name", "last_name")]
    name = " ".join(part for part in names if isinstance(part, str) and part)
    known = username if isinstance(username, str) and username else None
    return Profile(
        provider_id=str(chat_id),
        username=known or name or str(chat_id),
        name=name or known or str(chat_id),
        profile_url=f"https://t.me/{known}" if known else None,
    )


def credentials(token: str, chat: str) -> Credentials:
    """A bot's token, and the chat that it posts to."""
    return Credentials(values={"token": token, "chat": chat})


def problem(chat: Json, member: Json) -> str | None:
    """Why this bot, a `member` of the chat, cannot post there; None: it can."""
    kind = chat.get("type") if isinstance(chat, dict) else None
    tree = member if isinstance(member, dict) else {}
    status = tree.get("status")
    if status in ("left", "kicked"):
        return "The bot is not a member of this chat: add it first."
    if kind == "channel":
        if status != "administrator" or tree.get("can_post_messages") is not True:
            return "The bot may not post in this channel: make it an administrator with the right to post messages."
    elif status == "restricted" and tree.get("can_send_messages") is not True:
        return "The bot may not write in this group."
    return None


def published(answer: Json) -> PublishedPost | None:
    """A post of what the network says it sent: one message, or the messages of an album."""
    messages = answer if isinstance(answer, list) else [answer]
    numbers: list[int] = []
    chat: dict[str, Json] = {}
    for message in messages:
        number = message.get("message_id") if isinstance(message, dict) else None
        found = message.get("chat") if isinstance(message, dict) else None
        if not isinstance(number, int) or not isinstance(found, dict) or not isinstance(found.get("id"), int):
            return None
        numbers.append(number)
        chat = found
    if not numbers:
        return None
    return PublishedPost(provider_id=f"{chat['id']}:{','.join(map(str, numbers))}", url=_address(chat, numbers[0]))


def _address(chat: Mapping[str, Json], message: int) -> str | None:
    username, chat_id = chat.get("username"), str(chat["id"])
    if isinstance(username, str) and username:
        return f"https://t.me/{username}/{message}"
    if chat_id.startswith(_SUPERGROUPS):
        return f"https://t.me/c/{chat_id.removeprefix(_SUPERGROUPS)}/{message}"
    return None


def place(provider_id: str) -> Place | None:
    """Where the post of a `published` stands; None: that is none of its ids."""
    chat, sign, rest = provider_id.partition(":")
    numbers = rest.split(",")
    if not sign or not _CHAT.fullmatch(chat) or not all(part.isascii() and part.isdecimal() for part in numbers):
        return None
    return Place(chat, tuple(map(int, numbers)))


def album(draft_media: Sequence[str], caption: Mapping[str, Json]) -> list[Json]:
    """The items of an album: `draft_media` are their kinds in order; the caption stands with the first."""
    items: list[Json] = []
    for number, kind in enumerate(draft_media):
        item: dict[str, Json] = {"type": "video" if kind == "video" else "photo", "media": f"attach://file{number}"}
        if kind == "video":
            item["supports_streaming"] = True
        items.append(item)
    items[0] |= caption
    return items
