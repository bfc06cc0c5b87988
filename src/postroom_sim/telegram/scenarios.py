"""The bots and chats of the simulated Telegram."""

from __future__ import annotations

from dataclasses import dataclass, field

from postroom_sim.network import Scenario

# The secret of each bot's token; the token is "<bot's id>:<secret>".
BOTS = {"user_good": 7000000001, "user_second": 7000000002, "user_banned": 7000000009}
NAMES = {"user_good": "harbour_bot", "user_second": "lighthouse_bot", "user_banned": "gone_bot"}


@dataclass(frozen=True, slots=True)
class Chat:
    id: int
    kind: str
    title: str
    username: str | None = None
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    """What each bot that is in it may do: post, delete; nothing where it is only a member."""
    description: str = ""


_ALL = frozenset({"post", "delete"})
CHATS = [
    Chat(-1001000000001, "channel", "Harbour news", "harbour_news", {"user_good": _ALL}, "a public channel"),
    Chat(-1001000000002, "channel", "Crew only", None, {"user_good": _ALL}, "a channel without a name"),
    Chat(-1001000000003, "supergroup", "Harbour talk", "harbour_talk", {"user_good": frozenset()}, "a group"),
    Chat(-1001000000004, "channel", "Strangers", "strangers_news", {}, "the bot is not in it"),
    Chat(-1001000000005, "channel", "Read only", "read_only_news", {"user_good": frozenset()}, "the bot may not post"),
    Chat(-2000000006, "group", "Small group", None, {"user_good": frozenset()}, "a basic group"),
    Chat(-1001000000007, "channel", "Lighthouse", "lighthouse_news", {"user_second": _ALL}, "user_second's channel"),
    Chat(5000000008, "private", "Ines", None, {"user_good": frozenset()}, "a person who began a chat with the bot"),
]


def token(login: str) -> str:
    return f"{BOTS[login]}:{login}"


def scenarios(origin: str) -> list[Scenario]:
    """Every bot with every chat it is meant for."""
    found = [
        Scenario(
            "telegram",
            f"{token('user_second' if 'user_second' in chat.members else 'user_good')} {_named(chat)}",
            f"{chat.title}: {chat.description}.",
            f"curl -i '{origin}/telegram/bot{token('user_good')}/getChat?chat_id={_named(chat)}'",
        )
        for chat in CHATS
    ]
    example = f"curl -i '{origin}/telegram/bot{token('user_banned')}/getMe'"
    return [*found, Scenario("telegram", token("user_banned"), "user_banned: 401, its token was revoked.", example)]


def _named(chat: Chat) -> str:
    return f"@{chat.username}" if chat.username else str(chat.id)
