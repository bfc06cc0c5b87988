"""ConnectSafely's operations on messages."""

from postroom.dialects.connectsafely import rows, sending, wire, wire_messages
from postroom.dialects.operation import Operation, Parameter, Streamed
from postroom.dialects.request import Request
from postroom.domain.access import Scope
from postroom.errors import ErrorCode, InvalidParameters, Kind
from postroom.services.house import Services


async def recall_message(services: Services, request: Request) -> wire.Recalled:
    conversation, message = request.path["conversationUrn"], request.path["messageUrn"]
    wire.check_channel(conversation)
    account_id = request.text("accountId")
    await services.recalls.recall_by_key(request.caller, wire.PROVIDER, conversation, message, account_id)
    return wire.Recalled(message_urn=wire.plain(message))


async def list_messages(services: Services, request: Request) -> wire.Messages:
    caller = request.caller
    chat = await rows.chat_of(services, request, request.path["conversationUrn"], request.text("accountId"))
    account = await services.accounts.get(caller, chat.account_id)
    asked = request.flag("sync") is not False and request.text("cursor") is None
    fresh = asked and await services.refreshing.try_chat(caller, chat.id)
    before, after = rows.moment(request, "cursor"), rows.moment(request, "since")
    limit = request.integer("count", 50, 1, rows.MOST)
    found = await services.messages.list(caller, chat_id=chat.id, before=before, after=after, limit=limit)
    people = await services.chats.attendees(caller, chat.id)
    return wire.messages(found, account.provider_id, people, wire.note(account, asked=asked, fresh=fresh))


async def send_message(services: Services, request: Request) -> wire_messages.Sent:
    body: wire_messages.Send = request.body
    account, message = await sending.send(services, request, body)
    people = list((await services.messages.senders(request.caller, [message])).values())
    return wire_messages.sent(account, message, people, body)


async def upload_attachment(services: Services, request: Request) -> wire_messages.AttachmentUploaded:
    file = wire_messages.uploaded_file(request)
    account = await rows.account_of(services, request.caller, request.text("accountId"))
    request.spend(account.id)
    return wire_messages.attachment(await services.messages.upload(request.caller, account.id, file))


async def download_media(services: Services, request: Request) -> Streamed:
    body: wire_messages.Download = request.body
    account = await rows.account_of(services, request.caller, body.account_id)
    file = await services.messages.open_media(request.caller, account.id, body.url)
    return Streamed(content_type=wire.safe_type(file.content_type), size_bytes=file.size_bytes, chunks=file.chunks)


async def react_to_message(services: Services, request: Request) -> wire_messages.Reacted:
    body: wire_messages.React = request.body
    chat_urn, urn = request.path["conversationUrn"], request.path["messageUrn"]
    wire.check_channel(chat_urn)
    if not body.emoji.strip():
        raise InvalidParameters("emoji is missing.", code=ErrorCode.MISSING_PARAMETERS, kind=Kind.BODY)
    caller, account_id = request.caller, request.text("accountId")
    message = await services.messages.find_by_key(caller, wire.PROVIDER, chat_urn, urn, account_id)
    request.spend(message.account_id)
    await services.messages.react(caller, message.id, body.emoji, on=body.react)
    return wire_messages.Reacted(message_urn=wire.plain(urn), emoji=body.emoji, react=body.react)


OPERATIONS = (
    Operation(
        name="recall_message",
        method="DELETE",
        path="/linkedin/conversations/{conversationUrn}/messages/{messageUrn}",
        summary="Recall a message you sent.",
        docs="It is recalled on LinkedIn first, and only on success buried here, in every linked account that shares "
        "the conversation; all connected clients are told. Any spelling of the URNs is understood. A message that "
        "was never seen here can be recalled too. Asking again answers the same and calls nobody. 500 with code "
        "`outcome_unknown`: LinkedIn did not answer; it is being read back.",
        scope=Scope.DELETE,
        handler=recall_message,
        answer=wire.Recalled,
        errors=rows.PAGE,
        path_values=rows.CONVERSATION
        | {"messageUrn": "The URN of the message to delete in any of its spellings, percent-encoded."},
        parameters=(
            Parameter(
                name="accountId",
                summary="The LinkedIn account; if not said, the one that holds the message, else the one whose mailbox "
                "the URNs name, else the one used last.",
            ),
        ),
    ),
    Operation(
        name="list_messages",
        method="GET",
        path="/linkedin/conversations/{conversationUrn}/messages",
        summary="List a conversation's messages, newest first. What was recalled is not shown.",
        handler=list_messages,
        answer=wire.Messages,
        errors=rows.PAGE,
        path_values=rows.CONVERSATION,
        parameters=(
            Parameter(name="accountId", summary="The LinkedIn account; if not said, the one that has it."),
            Parameter(name="count", summary=f"How many at most: 1 to {rows.MOST}, 50 if not said.", kind=int),
            Parameter(name="cursor", summary="Only older than this, in milliseconds since 1970.", kind=int),
            Parameter(name="since", summary="Only newer than this, in milliseconds since 1970.", kind=int),
            Parameter(
                name="sync",
                summary="Ask LinkedIn for the newest ones first: true if not said. Where it does not answer, `note` says so.",
                kind=bool,
            ),
        ),
    ),
    Operation(
        name="send_conversation_message",
        method="POST",
        path="/linkedin/conversations/send",
        summary="Send a message to a conversation, or to a person.",
        docs="To a person with whom there is a conversation it goes into that one. New ones are limited to so many a day "
        "(UTC) and account: beyond, 429 before LinkedIn is called. 500 with code `outcome_unknown`: it may have gone out; "
        "it then shows up by itself. Use an Idempotency-Key to ask again safely.",
        scope=Scope.SEND,
        handler=send_message,
        body=wire_messages.Send,
        answer=wire_messages.Sent,
        keep=wire_messages.without_words,
        errors=rows.PAGE,
    ),
    Operation(
        name="upload_attachment",
        method="POST",
        path="/linkedin/conversations/upload-attachment",
        summary="Give LinkedIn a file, to be sent with a message later.",
        docs="The body is the file itself, its Content-Type what it is. The answer's `attachment` goes as `file` into "
        "`attachments` of a message.",
        scope=Scope.SEND,
        handler=upload_attachment,
        body=bytes,
        answer=wire_messages.AttachmentUploaded,
        errors=rows.PAGE,
        parameters=(
            rows.ACCOUNT_ID,
            Parameter(name="filename", summary="The file's name; `attachment` if not said."),
        ),
    ),
    Operation(
        name="download_media",
        method="POST",
        path="/linkedin/conversations/download-media",
        summary="Fetch a file of a message from LinkedIn, as the account.",
        docs="Only addresses of www.linkedin.com below /dms/prv/ and of media.licdn.com are fetched, and no redirect "
        "leads elsewhere.",
        scope=Scope.SEND,
        handler=download_media,
        body=wire_messages.Download,
        answer=bytes,
        errors=rows.PAGE,
    ),
    Operation(
        name="react_to_conversation_message",
        method="POST",
        path="/linkedin/conversations/{conversationUrn}/messages/{messageUrn}/react",
        summary="React to a message, or take the reaction back.",
        docs="At LinkedIn first; all connected clients are told. To ask again is safe.",
        scope=Scope.SEND,
        handler=react_to_message,
        body=wire_messages.React,
        answer=wire_messages.Reacted,
        errors=rows.PAGE,
        path_values=rows.MESSAGE,
        parameters=(rows.ACCOUNT_ID,),
    ),
)
