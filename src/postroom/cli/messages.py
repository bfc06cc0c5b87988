"""`postroom chat` and `postroom message`: read, send, edit, react, take back."""

import time
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

import click

from postroom.cli.calling import Moment, When, at_server, calls, text_of
from postroom.cli.lazily import ShortGroup
from postroom.cli.output import ago, clean, print_fields, print_json, print_table

if TYPE_CHECKING:
    from postroom_client import Client, Deferral, Message

_limit_option = click.option("-n", "--limit", type=click.IntRange(min=1), default=30, show_default=True)


@click.group(cls=ShortGroup)
def chat() -> None:
    """Chats of linked accounts: list, messages, send."""


@chat.command("list")
@click.option("--account", "account_id", help="Only of this account.")
@click.option("--network", help="Only of this network.")
@click.option("--unread", is_flag=True, help="Only with unread messages.")
@_limit_option
@calls
def list_chats(
    postroom: "Client", account_id: str | None, network: str | None, unread: bool, limit: int, as_json: bool
) -> None:
    """List chats, most recently active first."""
    pages = postroom.chats.list(account_id=account_id, provider=network, unread=unread or None, limit=min(limit, 250))
    found = list(islice(pages, limit))
    if as_json:
        print_json(found)
        return
    now = postroom.now()
    rows = [
        (
            each.id,
            each.provider,
            each.name or each.subject or each.person or "",
            each.unread_count or "",
            ago(each.last_message_at, now),
        )
        for each in found
    ]
    print_table(("id", "network", "with", "unread", "last"), rows, "No chats yet: link an account that has some.")


@chat.command("messages")
@click.argument("chat_id", metavar="ID")
@_limit_option
@calls
def list_chat_messages(postroom: "Client", chat_id: str, limit: int, as_json: bool) -> None:
    """List a chat's messages, newest first, and until when each can be taken back."""
    found = list(islice(postroom.chats.messages(chat_id, limit=min(limit, 250)), limit))
    names = {} if as_json else {each.provider_id: each.name for each in postroom.chats.people(chat_id)}
    _print(found, postroom.now(), as_json, names)


@chat.command("send")
@click.argument("chat_id", metavar="ID")
@click.argument("text", nargs=-1, required=True)
@click.option("--reply-to", "quote_id", metavar="MESSAGE", help="The message that it answers.")
@click.option("--grace", type=click.IntRange(min=0), default=0, help="Seconds in which it can be undone.")
@click.option("--delete-at", type=Moment(), help="When it goes again by itself: 2026-12-01T09:30, or 90s, 2h, 3d.")
@calls
def send_message(
    postroom: "Client",
    chat_id: str,
    text: tuple[str, ...],
    quote_id: str | None,
    grace: int,
    delete_at: When | None,
    as_json: bool,
) -> None:
    """Send a message to a chat; - takes its text from standard input."""
    sent = postroom.chats.send(
        chat_id, text_of(text), quote_id=quote_id, grace=grace, delete_at=at_server(postroom, delete_at)
    )
    if as_json:
        print_json(sent)
    elif sent.message_id is not None:
        click.echo(sent.message_id)
        click.echo(_until(sent.message, postroom.now()), err=True)
    else:
        _tell_deferral(sent.deferral, postroom.now())


@click.group(cls=ShortGroup)
def message() -> None:
    """Messages: list, get, edit, react, recall."""


@message.command("list")
@click.option("--account", "account_id", help="Only of this account.")
@_limit_option
@calls
def list_messages(postroom: "Client", account_id: str | None, limit: int, as_json: bool) -> None:
    """List messages of all chats, newest first."""
    found = list(islice(postroom.messages.list(account_id=account_id, limit=min(limit, 250)), limit))
    chats = set() if as_json else {each.chat_id for each in found}
    names = {each.provider_id: each.name for id in chats for each in postroom.chats.people(id)}
    _print(found, postroom.now(), as_json, names)


@message.command("get")
@click.argument("message_id", metavar="ID")
@calls
def get_message(postroom: "Client", message_id: str, as_json: bool) -> None:
    """Show a message as it now stands."""
    _show(postroom.messages.get(message_id), postroom.now(), as_json)


message.add_command(send_message, "send")


@message.command("edit")
@click.argument("message_id", metavar="ID")
@click.argument("text", nargs=-1, required=True)
@calls
def edit_message(postroom: "Client", message_id: str, text: tuple[str, ...], as_json: bool) -> None:
    """Give a message of your own another text, for everyone."""
    _show(postroom.messages.edit(message_id, text_of(text)), postroom.now(), as_json)


@message.command("react")
@click.argument("message_id", metavar="ID")
@click.argument("emoji")
@click.option("--off", is_flag=True, help="Take the reaction back.")
@calls
def react_to_message(postroom: "Client", message_id: str, emoji: str, off: bool, as_json: bool) -> None:
    """React to a message."""
    _show(postroom.messages.react(message_id, emoji, on=not off), postroom.now(), as_json)


@message.command("recall")
@click.argument("message_id", metavar="ID")
@click.option("--grace", type=click.IntRange(min=0), help="Seconds in which it can be undone.")
@calls
def recall_message(postroom: "Client", message_id: str, grace: int | None, as_json: bool) -> None:
    """Take a message back for everyone. Exit code 3: the network did not answer, and it is being read back."""
    done = postroom.messages.delete(message_id, grace=grace)
    if as_json:
        print_json(done)
    elif done.deferral is not None:
        _tell_deferral(done.deferral, postroom.now())
    else:
        click.echo(f"{message_id} is taken back.")


@message.command("undo")
@click.argument("deferral_id", metavar="ID")
@calls
def undo(postroom: "Client", deferral_id: str, as_json: bool) -> None:
    """Undo what was sent or recalled with --grace, while there is time."""
    undone = postroom.deferrals.undo(deferral_id)
    if as_json:
        print_json(undone)
    else:
        click.echo(f"{deferral_id}: {undone.state}.")


def _print(found: "list[Message]", now: datetime, as_json: bool, names: dict[str, str]) -> None:
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each.id,
            ago(each.sent_at, now),
            "you" if each.is_sender else names.get(each.sender_id, each.sender_id.rpartition(":")[2]),
            "(taken back)" if each.deleted_at else each.text or f"({each.attachments} files)",
            _left(each, now),
        )
        for each in found
    ]
    print_table(("id", "sent", "by", "text", "recall"), rows, "No messages.")


def _left(message: "Message", now: datetime) -> str:
    """How long it can still be taken back."""
    if not message.can_delete:
        return ""
    if message.delete_by is None:
        return "any time"
    left = int((message.delete_by - now).total_seconds())
    return time.strftime("%H:%M:%S", time.gmtime(max(left, 0))) if left < 86_400 else f"{left // 86_400} days"


def _until(message: "Message | None", now: datetime) -> str:
    if message is None or not message.can_delete:
        return "It cannot be taken back: " + (
            message.delete_reason.detail
            if message is not None and message.delete_reason is not None
            else "see the network."
        )
    until = ""
    if message.delete_by is not None:
        until = f" until {message.delete_by.astimezone():%H:%M:%S}, for {_left(message, now)}"
    return f"It can be taken back{until}: postroom message recall {message.id}"


def _tell_deferral(deferral: "Deferral | None", now: datetime) -> None:
    assert deferral is not None
    click.echo(deferral.id)
    click.echo(
        f"Due {ago(deferral.due_at + timedelta(seconds=0.5), now)}. Until then: postroom message undo {deferral.id}",
        err=True,
    )


def _show(found: "Message", now: datetime, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    print_fields(
        (
            ("id", found.id),
            ("chat", found.chat_id),
            ("network", found.provider),
            ("by", "you" if found.is_sender else found.sender_id),
            ("sent", f"{found.sent_at.astimezone():%Y-%m-%d %H:%M:%S}"),
            ("taken back", ago(found.deleted_at, now)),
            ("edited", "yes" if found.edited else ""),
            ("files", ", ".join(clean(each.name or each.type) for each in found.files)),
            ("reactions", " ".join(each.emoji for each in found.reactions)),
            ("can be recalled", _left(found, now) or (found.delete_reason.detail if found.delete_reason else "no")),
        )
    )
    if found.text:
        click.echo(f"\n{clean(found.text)}")
