"""One chat that a bot posts to: posting, and taking down."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from postroom.connectors.contract import Attempt, Keep
from postroom.connectors.http import Http
from postroom.connectors.multipart import FormFile
from postroom.connectors.telegram import convert
from postroom.connectors.telegram.api import BotApi, Gone, Json, Moved
from postroom.domain.capabilities import MIB
from postroom.domain.remote import Credentials, MediaSource, PostDraft, Profile, PublishedPost
from postroom.errors import (
    ActionRequired,
    ErrorCode,
    NotSupported,
    OutcomeUnknown,
    ProviderDown,
    Refused,
    Unprocessable,
)

T = TypeVar("T")

# Source: Telegram Bot API 10.1, sendPhoto, sendVideo and sendMediaGroup, checked 2026-11-21.
MAX_FILES = 10
MAX_IMAGE_BYTES = 10 * MIB
MAX_VIDEO_BYTES = 50 * MIB
IMAGE_TYPES = frozenset({"image/jpeg", "image/png"})
VIDEO_TYPES = frozenset({"video/mp4", "video/quicktime", "video/webm", "video/x-matroska", "video/x-msvideo"})
# How long one upload may take; above it, at least this many bytes a second.
_UPLOAD_SECONDS = 120.0
_SLOWEST = 256 * 1024


class TelegramConnection:
    """A Publisher over one bot and one chat. The network cannot be asked what a bot has sent."""

    def __init__(self, http: Http, origin: str, credentials: Credentials, keep: Keep) -> None:
        self._api = BotApi(http, origin, credentials.values["token"])
        self._credentials = credentials
        self._keep = keep

    def __repr__(self) -> str:
        return f"TelegramConnection({self._chat})"

    @property
    def _chat(self) -> str:
        return self._credentials.values["chat"]

    async def profile(self) -> Profile:
        """The chat, and with it that the token is good."""
        found = convert.profile(await self._asked(self._api.get_chat))
        if found is None:
            raise ProviderDown("Telegram did not say which chat this is.")
        return found

    async def revoke(self) -> None:
        """Nothing ends a bot's token but its owner, at BotFather: other chats may hang on it.

        Raises:
            NotSupported: always.
        """
        raise NotSupported("A bot's token ends only where its owner revokes it, at BotFather.")

    async def publish(self, draft: PostDraft, attempt: Attempt) -> PublishedPost:
        """Send it in one call: the files go with it, so nothing has to be kept for a later attempt."""
        self._check(draft)
        answer = await self._asked(lambda chat: self._send(chat, draft))
        found = convert.published(answer)
        if found is None:
            raise OutcomeUnknown("Telegram took the post and did not say how it is called.")
        return found

    async def find(self, draft: PostDraft, attempt: Attempt) -> PublishedPost | None:
        """Raises:
        NotSupported: always; a bot is not shown what it has sent.
        """
        raise NotSupported("Telegram does not show a bot what it has sent.")

    async def unpublish(self, provider_id: str) -> None:
        """Delete each message of the post; one that is gone already is done.

        One by one: of several at once, Telegram skips in silence what it does not find, and perhaps more.
        """
        place = convert.place(provider_id)
        if place is None or place.chat != self._chat:
            raise Refused("This is not a post in this chat.", code=ErrorCode.MALFORMED_REQUEST)
        for message in place.messages:
            await self._delete(place.chat, message)

    async def _delete(self, chat: str, message: int) -> None:
        try:
            await self._api.delete_message(chat, message)
        except Gone:
            return
        except Moved as error:
            raise Refused("The group became another; its old messages cannot be deleted there.") from error

    async def _send(self, chat: str, draft: PostDraft) -> Json:
        plain, entities = convert.formatted(draft.text)
        common = {"chat_id": chat, **convert.options(draft.settings, media=bool(draft.media))}
        if not draft.media:
            return await self._api.send_message(
                {**common, "text": plain} | ({"entities": entities} if entities else {})
            )
        caption: dict[str, Json] = {}
        if plain:
            caption = {"caption": plain} | ({"caption_entities": entities} if entities else {})
        if draft.settings.get("showCaptionAboveMedia") is True:
            caption["show_caption_above_media"] = True
        kinds = [item.kind for item in draft.media]
        seconds = _UPLOAD_SECONDS + sum(item.size_bytes for item in draft.media) / _SLOWEST
        if len(kinds) > 1:
            fields = {**common, "media": convert.album(kinds, caption)}
            files = [_file(f"file{number}", item) for number, item in enumerate(draft.media)]
            return await self._api.send_files("sendMediaGroup", fields, files, seconds)
        (item,) = draft.media
        if item.kind == "video":
            fields = {**common, **caption, "supports_streaming": True}
            return await self._api.send_files("sendVideo", fields, [_file("video", item)], seconds)
        return await self._api.send_files("sendPhoto", {**common, **caption}, [_file("photo", item)], seconds)

    def _check(self, draft: PostDraft) -> None:
        if len(draft.media) > MAX_FILES:
            raise Unprocessable(f"Telegram takes {MAX_FILES} files in a post; there are {len(draft.media)}.")
        if not draft.media and not draft.text.strip():
            raise Unprocessable("Telegram takes no post without a text or a file.")
        for item in draft.media:
            types, most = (VIDEO_TYPES, MAX_VIDEO_BYTES) if item.kind == "video" else (IMAGE_TYPES, MAX_IMAGE_BYTES)
            if item.content_type not in types:
                raise Unprocessable(f"Telegram takes no file of type {item.content_type} here.")
            if item.size_bytes > most:
                raise Unprocessable(
                    f"A file has {item.size_bytes} bytes; Telegram takes {most}.", context={"too_large": True}
                )

    async def _asked(self, call: Callable[[str], Awaitable[T]]) -> T:
        """Call for the chat; where that group became a supergroup nothing was done, so keep its new id and call again."""
        try:
            return await call(self._chat)
        except Moved as error:
            moved = convert.credentials(self._credentials.values["token"], error.chat)
            await self._keep(moved)
            self._credentials = moved
        except Gone as error:
            raise Refused("Telegram knows no such message.") from error
        try:
            return await call(self._chat)
        except (Moved, Gone) as error:
            raise ActionRequired("Telegram names one chat after the other: link this one again.") from error


def _file(name: str, item: MediaSource) -> FormFile:
    return FormFile(
        name=name,
        file_name=f"{name}.{item.content_type.partition('/')[2]}",
        content_type=item.content_type,
        size_bytes=item.size_bytes,
        chunks=item.chunks(),
    )
