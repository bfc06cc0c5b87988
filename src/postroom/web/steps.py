"""The steps of linking an account as a person sees them: what is asked, shown or waited for. Pages only draw them."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
import segno

from postroom.domain.logins import Ask, Checkpoint, CheckpointKind, Show, Visit, Wait

Pending = Ask | Visit | Show | Wait

_NAMES = {"linkedin": "LinkedIn", "tiktok": "TikTok", "twitter": "X", "whatsapp": "WhatsApp", "youtube": "YouTube"}
WAYS = {
    "oauth": "at the network",
    "facebook_oauth": "at Facebook",
    "app_password": "with an app password",
    "bot_token": "with a bot's token",
    "cookie": "with a session's cookie, for messages",
    "password": "with name and password, for messages",
    "access_token": "with an access token",
    "qr": "with a QR code",
    "pairing_code": "with a code for your telephone",
}
_SECRETS = ("password", "token", "secret", "cookie")
_OPTIONAL = "Optional"
SECONDS_BETWEEN_LOOKS = 3
"""How soon a page looks again what became of a step that waits for its owner."""

_IN_APP = "The network asks you to say yes in its own app. This page goes on by itself."
_MOMENT = "One moment: the account is being linked. This page goes on by itself."
_SCAN = "Scan this with the network's app on your telephone. This page goes on by itself."
_TYPE = "Enter this code at the network:"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a network asks for."""

    name: str
    words: str
    secret: bool
    """Whether it is not shown as it is typed."""
    required: bool
    choices: Mapping[str, str]
    """The values that it can have, each with its label; empty: any."""
    is_code: bool


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a page shows of a step."""

    kind: Literal["ask", "visit", "scan", "type", "wait"]
    words: str
    fields: Sequence[Field] = ()
    refused: str | None = None
    """The last answer was not right, and why."""
    url: str | None = None
    code: str | None = None
    can_resend: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether the next step comes by itself, and the page has to look for it."""
        return self.kind in ("scan", "type", "wait")


def called(provider: str) -> str:
    """What people call the network."""
    return _NAMES.get(provider, provider.capitalize())


def way(flow: str) -> str:
    """How an account is linked by this flow, after "Link <network>"."""
    return WAYS.get(flow, "by " + flow.replace("_", " "))


def shown(step: Pending) -> Shown:
    """What a page shows of a step."""
    checkpoint = getattr(step, "checkpoint", None)
    match step:
        case Visit():
            return Shown(kind="visit", words="Go on at the network", url=step.url)
        case Ask():
            can_resend = checkpoint is not None and checkpoint.can_resend
            return Shown(kind="ask", words="", fields=fields(step), refused=step.refused, can_resend=can_resend)
        case Show():
            typed = _kind(checkpoint) is CheckpointKind.PAIRING_CODE
            return Shown(kind="type" if typed else "scan", words=_TYPE if typed else _SCAN, code=step.code)
        case Wait():
            coded = _kind(checkpoint) in (CheckpointKind.QR_CODE, CheckpointKind.PAIRING_CODE)
            return Shown(kind="wait", words=_MOMENT if coded else _IN_APP)


def fields(step: Pending) -> Sequence[Field]:
    """What a step asks, in its order."""
    if not isinstance(step, Ask):
        return ()
    return [
        Field(
            name=name,
            words=words,
            secret=any(word in name for word in _SECRETS),
            required=not words.startswith(_OPTIONAL),
            choices=step.choices.get(name, {}),
            is_code=name == "code" and step.checkpoint is not None,
        )
        for name, words in step.fields.items()
    ]


def drawn(code: str, *, fills: bool = False) -> str:
    """A QR code as SVG: black on white, whatever is around it, since telephones read it so.

    `fills`: as large as the room that it is given.
    """
    return segno.make(code, error="m").svg_inline(scale=6, border=4, dark="#000", light="#fff", omitsize=fills)


def _kind(checkpoint: Checkpoint | None) -> CheckpointKind | None:
    return None if checkpoint is None else checkpoint.kind
