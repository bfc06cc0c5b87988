"""Accounts at a homeserver as the connector opens them."""

from typing import Any

from postroom.connectors.contract import Linked, Reply
from postroom.connectors.http import Http
from postroom.connectors.matrix.connection import MatrixConnection
from postroom.connectors.matrix.connector import MatrixConnector, MatrixSettings
from postroom.domain.remote import Credentials, HeldMessage, MessageDraft, RemoteMessage
from tests.parts.synapse import PASSWORD, Person


async def keep(credentials: Credentials) -> None:
    """Tokens do not change."""


class Linker:
    """Links people of one homeserver."""

    def __init__(self, origin: str) -> None:
        self.connector = MatrixConnector(http=Http(), settings=MatrixSettings(origin=origin))

    async def link(self, person: Person) -> MatrixConnection:
        """By a password: a session of its own."""
        answers = {"user": person.name, "password": PASSWORD}
        step = await self.connector.login("password", Reply(state=None, answers=answers))
        assert isinstance(step, Linked)
        return self.open(step)

    def open(self, linked: Linked) -> MatrixConnection:
        return self.connector.open(linked.profile, linked.credentials, keep)


def held(message: RemoteMessage) -> HeldMessage:
    """As the store would give it back."""
    return HeldMessage(
        key=message.key,
        provider_id=message.provider_id,
        sender_id=message.sender.provider_id,
        is_sender=message.sender.is_self,
        sent_at=message.sent_at,
        text=message.text,
        original=message.original,
    )


async def all_messages(connection: MatrixConnection, room: str) -> list[RemoteMessage]:
    """A whole history, newest first."""
    found: list[RemoteMessage] = []
    cursor = None
    while True:
        page = await connection.list_messages(room, cursor)
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


def draft(text: str, token: str = "token-1", **more: Any) -> MessageDraft:
    return MessageDraft(text=text, token=token, **more)
