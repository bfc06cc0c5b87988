"""An inbox that answers by itself: whoever writes hears back, once a day for each chat.

    POSTROOM_KEY=... python examples/auto_reply.py

It may be stopped, killed and started again: it goes on where it was, and nobody hears the same twice. What it is done
with is a number in a file, the position of the last event; that no answer goes out twice is left to the server.
"""

import argparse
import asyncio
from pathlib import Path

from postroom_client import AsyncClient, Conflict, CursorTooOld, Event, PostroomError

ANSWER = "Thank you for your message! We read everything, and answer within a day."


async def main() -> None:
    options = arguments()
    place: Path = options.position
    async with AsyncClient() as postroom:
        position = kept(place)
        if position is None:
            # The first time, what was written before is left alone.
            position = (await postroom.events.position()).position
            keep(place, position)
        print(f"listening after {position}", flush=True)
        while True:
            try:
                async for event in postroom.events.follow(position, types=["message.received"]):
                    await answer(postroom, event)
                    position = event.position
                    keep(place, position)
            except CursorTooOld as gap:
                print(f"away for too long: what came before {gap.oldest} was not answered", flush=True)
                position = gap.oldest


async def answer(postroom: AsyncClient, event: Event) -> None:
    message = event.message
    if message is None or message.is_sender or message.deleted_at is not None:
        return
    chat = await postroom.chats.get(message.chat_id)
    if chat.kind != "single" or chat.read_only:
        return
    # One key for a chat and a day: the server sends one message for it, however often it is asked.
    once = postroom.once(f"auto-reply-{chat.id}-{message.sent_at:%Y-%m-%d}")
    try:
        sent = await once.chats.send(chat.id, ANSWER)
        print(f"answered {chat.name or chat.id}: {sent.message_id}", flush=True)
    except Conflict:
        print(f"{chat.name or chat.id} was answered today, in other words", flush=True)
    except PostroomError as error:
        # Not the end of the others. Whether it went out is known where `in_doubt` is false.
        print(
            f"{chat.name or chat.id} {'may not have been' if error.in_doubt else 'was not'} answered: {error}",
            flush=True,
        )


def kept(place: Path) -> int | None:
    return int(place.read_text()) if place.exists() else None


def keep(place: Path, position: int) -> None:
    """Write it beside its place, then there: who is killed meanwhile finds the one before."""
    beside = place.with_suffix(".new")
    beside.write_text(str(position))
    beside.replace(place)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--position", type=Path, default=Path("auto_reply.position"))
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
