"""The baseline: the same operation as it is usually written in Python, with FastAPI, the ORM of SQLAlchemy and asyncpg.

`python -m bench.baseline postgresql://...`: the key is looked up by its hash, the message by workspace and id, and the
answer goes through a response model. It does less than Postroom does: nothing is sealed, there are no tombstones, and the
sender is in the message's own row.
"""

import hashlib
import sys
from collections.abc import AsyncIterator
from typing import Annotated, Any

import uvloop
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, ForeignKey, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship

from bench.serving import serve


class Base(DeclarativeBase):
    """Tables."""


class Workspace(Base):
    """A tenant."""

    __tablename__ = "workspaces"
    id: Mapped[str] = mapped_column(primary_key=True)
    api_access: Mapped[bool]


class ApiKey(Base):
    """A key by the hash of its secret."""

    __tablename__ = "api_keys"
    secret_hash: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[str] = mapped_column(ForeignKey("workspaces.id"))
    workspace: Mapped[Workspace] = relationship()


class Message(Base):
    """A message as it is shown."""

    __tablename__ = "messages"
    workspace_id: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    account_id: Mapped[str]
    chat_id: Mapped[str]
    provider_id: Mapped[str]
    chat_provider_id: Mapped[str]
    sender_id: Mapped[str]
    sender_attendee_id: Mapped[str]
    timestamp: Mapped[str]
    text: Mapped[str | None]
    is_sender: Mapped[int]
    attachments: Mapped[list[Any]] = mapped_column(JSON)
    reactions: Mapped[list[Any]] = mapped_column(JSON)
    seen: Mapped[int]
    seen_by: Mapped[dict[str, Any]] = mapped_column(JSON)
    hidden: Mapped[int]
    deleted: Mapped[int]
    edited: Mapped[int]
    is_event: Mapped[int]
    delivered: Mapped[int]
    behavior: Mapped[int | None]
    original: Mapped[str]
    message_type: Mapped[str | None]
    attendee_type: Mapped[str | None]
    attendee_distance: Mapped[int | None]
    sender_urn: Mapped[str | None]


class Reaction(BaseModel):
    """A reaction."""

    value: str
    sender_id: str
    is_sender: bool


class MessageOut(BaseModel):
    """A message as it is answered."""

    model_config = ConfigDict(from_attributes=True)
    object: str = "Message"
    id: str
    account_id: str
    chat_id: str
    provider_id: str
    chat_provider_id: str
    sender_id: str
    sender_attendee_id: str
    timestamp: str
    text: str | None
    is_sender: int
    attachments: list[dict[str, Any]]
    reactions: list[Reaction]
    seen: int
    seen_by: dict[str, bool]
    hidden: int
    deleted: int
    edited: int
    is_event: int
    delivered: int
    behavior: int | None
    original: str
    message_type: str | None = None
    attendee_type: str | None = None
    attendee_distance: int | None = None
    sender_urn: str | None = None


def hashed(secret: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def application(url: str) -> FastAPI:
    """The application, on a database that `bench.seeding` filled."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=12, max_overflow=0)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    app = FastAPI()

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened:
            yield opened

    Session = Annotated[AsyncSession, Depends(session)]

    async def workspace(session: Session, x_api_key: Annotated[str | None, Header()] = None) -> Workspace:
        if not x_api_key:
            raise HTTPException(401, "Send your API key.")
        found = await session.scalar(
            select(ApiKey).options(joinedload(ApiKey.workspace)).where(ApiKey.secret_hash == hashed(x_api_key))
        )
        if found is None or not found.workspace.api_access:
            raise HTTPException(401, "The API key is unknown.")
        return found.workspace

    @app.get("/postpress/v1/messages/{message_id}", response_model=MessageOut, response_model_exclude_none=False)
    async def retrieve_message(
        message_id: str, session: Session, workspace: Annotated[Workspace, Depends(workspace)]
    ) -> Message:
        found = await session.scalar(
            select(Message).where(Message.workspace_id == workspace.id, Message.id == message_id)
        )
        if found is None:
            raise HTTPException(404, "No such message.")
        return found

    return app


async def create(url: str, secret: str, workspace_id: str) -> None:
    """Make the tables, the workspace and the key."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with async_sessionmaker(engine).begin() as opened:
        opened.add(Workspace(id=workspace_id, api_access=True))
        await opened.flush()
        opened.add(ApiKey(secret_hash=hashed(secret), workspace_id=workspace_id))
    await engine.dispose()


if __name__ == "__main__":
    uvloop.install()
    serve(application(sys.argv[1]))
