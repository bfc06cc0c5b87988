"""How ConnectSafely's bodies for sending are read, and files given back whole."""

import contextlib

from postroom.dialects.connectsafely import rows, wire, wire_messages
from postroom.dialects.connectsafely.wire_deprecated import OldSend
from postroom.dialects.operation import Answer
from postroom.dialects.request import Request
from postroom.domain.accounts import Account
from postroom.domain.chats import ChatMark
from postroom.domain.messages import Message
from postroom.domain.remote import Download
from postroom.errors import ErrorCode, InvalidParameters, Kind, NotSupported, ProviderDown, ProviderError
from postroom.services.house import Services

MOST_BYTES = 64 << 20
"""The largest file that is given back."""

_CHANNELS = ("auto", "linkedin_inbox", "sales_navigator")


async def send(services: Services, request: Request, body: wire_messages.Send) -> tuple[Account, Message]:
    """Send what a body says, to a conversation or to a person; through which account.

    Raises:
        InvalidParameters, NotSupported: it cannot be sent as it is; nobody was called.
        NotFound: (kind ACCOUNT, CHAT, ATTENDEE) there is no such account, conversation or person.
        RateLimited: no more new conversations today; nobody was called.
    """
    _check_channel(body.messaging_channel)
    files = wire_messages.files(body)
    if body.conversation_urn:
        chat = await rows.chat_of(services, request, body.conversation_urn, body.account_id)
        request.spend(chat.account_id)
        account = await services.accounts.get(request.caller, chat.account_id)
        return account, await services.messages.send(request.caller, chat.id, body.message, files=files)
    account = await rows.account_of(services, request.caller, body.account_id)
    person = await recipient(services, request, account, body.recipient_profile_urn or body.recipient_profile_id)
    request.spend(account.id)
    message = await services.outreach.write(
        request.caller, account, person, body.message, subject=body.subject, files=files
    )
    return account, message


async def before(services: Services, request: Request, body: OldSend, *, typing: bool) -> None:
    """What the others see before a message: that somebody is writing, or that theirs were read.

    It goes out where there is a conversation already; where LinkedIn does not go along, the message is sent all the same.
    """
    account = await rows.account_of(services, request.caller, body.account_id)
    person = await recipient(services, request, account, body.recipient_profile_urn or body.recipient_profile_id)
    chat = await services.outreach.chat_with(account, person)
    if chat is None:
        return
    with contextlib.suppress(ProviderError):
        if typing:
            await services.chats.type(request.caller, chat.id, on=True)
        else:
            await services.chats.mark(request.caller, chat.id, ChatMark.READ, on=True)


async def recipient(services: Services, request: Request, account: Account, spelling: str | None) -> str:
    """LinkedIn's id of the person that is meant.

    Raises:
        InvalidParameters: nobody is named.
        NotFound: (kind ATTENDEE) LinkedIn shows nobody of that name.
    """
    if not spelling or not spelling.strip():
        raise InvalidParameters(
            "Say recipientProfileUrn, recipientProfileId or conversationUrn.",
            code=ErrorCode.MISSING_PARAMETERS,
            kind=Kind.ATTENDEE,
        )
    return await rows.person_of(services, request.caller, account, spelling)


async def whole(download: Download) -> Answer:
    """A file's bytes as an answer.

    Raises:
        ProviderDown: there are too many.
    """
    chunks, size = [], 0
    async for chunk in download.chunks:
        chunks.append(chunk)
        size += len(chunk)
        if size > MOST_BYTES:
            raise ProviderDown(f"The file is larger than {MOST_BYTES} bytes.")
    headers = ((b"content-disposition", b"attachment"), (b"x-content-type-options", b"nosniff"))
    return Answer(200, b"".join(chunks), wire.safe_type(download.content_type), headers)


def _check_channel(channel: str) -> None:
    if channel not in _CHANNELS:
        raise InvalidParameters(f"messagingChannel is one of {', '.join(_CHANNELS)}.", kind=Kind.BODY)
    if channel == "sales_navigator":
        raise NotSupported("Sales Navigator is not supported; nothing was sent.")
