"""Messages in the chats: sent, shown, deleted, by the rules of the Bot API."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from postroom_sim.feed import Feed, Post
from postroom_sim.moments import from_seconds
from postroom_sim.multipart import Part
from postroom_sim.network import Ground
from postroom_sim.telegram.refusals import bad, refusal
from postroom_sim.telegram.scenarios import BOTS, NAMES, Chat

Json = dict[str, Any]

# Source: Telegram Bot API 10.1: sendMessage, sendPhoto, sendMediaGroup, deleteMessage.
_LONGEST_TEXT, _LONGEST_CAPTION, _PHOTO_BYTES, _ALBUM = 4096, 1024, 10 * 1024 * 1024, (2, 10)
_OLDEST_SECONDS = 48 * 3600
# Source: Telegram Bots FAQ: 20 messages a minute in one group or channel.
_A_MINUTE = 20
_IMAGES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")


class Messages:
    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._feed = Feed(ground, "telegram")

    def send(self, operation: str, chat: Chat, login: str, fields: Json, parts: dict[str, Part]) -> Any:
        """One message, or the list of an album's."""
        rights = chat.members.get(login)
        if rights is None:
            raise refusal(403, "bot is not a member of the channel chat")
        if chat.kind == "channel" and "post" not in rights:
            raise bad("need administrator rights in the channel chat")
        if operation == "sendMediaGroup":
            return self._album(chat, login, fields, parts)
        text = str(fields.get("text" if operation == "sendMessage" else "caption") or "")
        entities = fields.get("entities" if operation == "sendMessage" else "caption_entities") or []
        media: list[Json] = []
        if operation == "sendMessage":
            _check_text(text, entities)
        else:
            kind = operation.removeprefix("send").lower()
            _check_caption(text, entities)
            media = [_file(kind, parts.get(kind), fields.get(kind))]
        self._spend(chat, 1)
        return self._add(chat, login, text, media, entities, fields, None)

    def _album(self, chat: Chat, login: str, fields: Json, parts: dict[str, Part]) -> list[Json]:
        items = fields.get("media")
        least, most = _ALBUM
        if not isinstance(items, list) or not least <= len(items) <= most:
            raise bad("group send failed: an album has 2 to 10 items")
        read = []
        for item in items:
            if not isinstance(item, dict) or item.get("type") not in ("photo", "video"):
                raise bad("can't parse InputMedia: type must be photo or video")
            text, entities = str(item.get("caption") or ""), item.get("caption_entities") or []
            _check_caption(text, entities)
            named = str(item.get("media", ""))
            read.append((text, entities, _file(item["type"], parts.get(named.removeprefix("attach://")), named)))
        self._spend(chat, len(read))
        group = str(13_000_000_000_000_000 + self._feed.next("album"))
        return [self._add(chat, login, text, [file], entities, fields, group) for text, entities, file in read]

    def _spend(self, chat: Chat, cost: int) -> None:
        spent = self._feed.spend(f"send:{chat.id}", _A_MINUTE, 60, cost)
        if spent.exceeded:
            seconds = max(1, int(spent.resets_at - self._ground.clock.now()))
            raise refusal(429, f"retry after {seconds}", {"retry_after": seconds})

    def _add(
        self, chat: Chat, login: str, text: str, media: list[Json], entities: Any, fields: Json, group: str | None
    ) -> Json:
        number = self._feed.next(f"message:{chat.id}")
        more = {
            "number": number,
            "group": group,
            "by": login,
            "entities": entities,
            "silent": fields.get("disable_notification") is True,
            "protected": fields.get("protect_content") is True,
            "preview": not (fields.get("link_preview_options") or {}).get("is_disabled", False),
        }
        # The id sorts as the number does.
        post = self._feed.add(f"{chat.id}:{number:012}", str(chat.id), text, media=media, more=more)
        return _message(chat, login, post, group)

    def delete(self, chat: Chat, login: str, fields: Json) -> bool:
        """Delete one (which must be there) or several (of which some may not be)."""
        several = fields.get("message_ids")
        wanted = several if isinstance(several, list) else [fields.get("message_id")]
        found = []
        for number in wanted:
            if not str(number).isdecimal():
                raise bad("message identifier is not specified")
            post = self._feed.find(f"{chat.id}:{int(str(number)):012}")
            if post is None and several is None:
                raise bad("message to delete not found")
            if post is not None:
                self._check_deletable(chat, login, post)
                found.append(post)
        for post in found:
            self._feed.remove(post.id)
        return True

    def _check_deletable(self, chat: Chat, login: str, post: Post) -> None:
        rights = chat.members.get(login)
        if rights is None:
            raise refusal(403, "bot is not a member of the channel chat")
        old = post.created_at < self._ground.clock.now() - _OLDEST_SECONDS
        if old and not (self._ground.switches["telegram_old_deletes"] and "delete" in rights):
            raise bad("message can't be deleted")
        if post.more["by"] != login and "delete" not in rights:
            raise bad("message can't be deleted")

    def shown(self, account: str | None) -> list[Json]:
        """What readers see; an album is one post, whose id names its messages."""
        found = []
        for _, together in groupby(self._feed.live(account), key=lambda post: post.more["group"] or post.id):
            posts = list(together)
            numbers = ",".join(str(post.more["number"]) for post in posts)
            first = posts[0]
            found.append(
                {
                    "id": f"{first.account}:{numbers}",
                    "account": first.account,
                    "text": next((post.text for post in posts if post.text), ""),
                    "created_at": from_seconds(first.created_at),
                    "media": [file for post in posts for file in post.media],
                    "reply_to": None,
                    "entities": next((post.more["entities"] for post in posts if post.text), []),
                    **{name: first.more[name] for name in ("silent", "protected", "preview")},
                }
            )
        return found


def _check_text(text: str, entities: Any) -> None:
    if not text.strip():
        raise bad("message text is empty")
    if len(text) > _LONGEST_TEXT:
        raise bad("message is too long")
    _check_entities(text, entities)


def _check_caption(text: str, entities: Any) -> None:
    if len(text) > _LONGEST_CAPTION:
        raise bad("message caption is too long")
    _check_entities(text, entities)


def _check_entities(text: str, entities: Any) -> None:
    most = len(text.encode("utf-16-le")) // 2
    for entity in entities if isinstance(entities, list) else [None]:
        tree = entity if isinstance(entity, dict) else {}
        offset, length = tree.get("offset"), tree.get("length")
        if not isinstance(offset, int) or not isinstance(length, int) or not isinstance(tree.get("type"), str):
            raise bad('can\'t parse entities: field "type", "offset" or "length" is missing')
        if offset < 0 or length < 1 or offset + length > most:
            raise bad("ENTITY_BOUNDS_INVALID")


def _file(kind: str, part: Part | None, named: Any) -> Json:
    if part is None or part.file_name is None or not part.content:
        if isinstance(named, str) and named.startswith(("http://", "https://")):
            raise bad("failed to get HTTP URL content")
        raise bad(f"there is no {kind} in the request")
    if kind == "photo" and len(part.content) > _PHOTO_BYTES:
        raise bad("file is too big")
    if kind == "photo" and not part.content.startswith(_IMAGES):
        raise bad("IMAGE_PROCESS_FAILED")
    return {
        "type": "image" if kind == "photo" else kind,
        "alt": "",
        "size": len(part.content),
        "media_type": part.media_type,
    }


def _message(chat: Chat, login: str, post: Post, group: str | None) -> Json:
    number = post.more["number"]
    name = {"first_name": chat.title} if chat.kind == "private" else {"title": chat.title}
    message: Json = {
        "message_id": number,
        "date": int(post.created_at),
        "chat": {"id": chat.id, "type": chat.kind, **name} | ({"username": chat.username} if chat.username else {}),
    }
    if chat.kind == "channel":
        message["sender_chat"] = message["chat"]
    else:
        message["from"] = {"id": BOTS[login], "is_bot": True, "first_name": "Harbour", "username": NAMES[login]}
    if group is not None:
        message["media_group_id"] = group
    if not post.media:
        return message | {"text": post.text, "entities": post.more["entities"]}
    if post.text:
        message |= {"caption": post.text, "caption_entities": post.more["entities"]}
    file = {"file_id": f"file-{number}", "file_unique_id": f"unique-{number}", "file_size": post.media[0]["size"]}
    if post.media[0]["type"] == "video":
        return message | {"video": {**file, "width": 640, "height": 360, "duration": 3}}
    return message | {"photo": [{**file, "width": 90, "height": 90}]}
