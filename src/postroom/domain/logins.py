"""The steps of linking an account: what a network asks, in its own words, until the account is linked."""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from postroom.domain.remote import Credentials, Json, Profile


class CheckpointKind(StrEnum):
    """What a network wants to see before it lets somebody in."""

    QR_CODE = "qr_code"
    """A code that a telephone scans."""
    PAIRING_CODE = "pairing_code"
    """A code that is typed on a telephone."""
    TWO_FACTOR = "two_factor"
    """The second factor; `source` says from where."""
    ONE_TIME = "one_time"
    """A code that the network sent, by e-mail or otherwise, to see who this is."""
    CAPTCHA = "captcha"
    IN_APP = "in_app"
    """A yes in the network's own app. Nobody types anything here."""
    PHONE = "phone"
    """A telephone number that the network has to know first, as `(+33)0612345678`."""
    CONTRACT = "contract"
    """Which of several contracts is used; `choices` of the field are they."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a network asks, where it is to see who somebody is."""

    kind: CheckpointKind
    source: str | None = None
    """Where the second factor comes from: "SMS" or "APP"; None: the network does not say."""
    public_key: str | None = None
    """(captcha) The site key by which its service shows it."""
    data: str | None = None
    """(captcha) What its service is told besides."""
    can_resend: bool = False
    """Whether the code can be sent once more: `Reply.resend`."""


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag="ask"):
    """Ask the owner for these fields: name to description. A checkpoint asks for one field, which is named `code`."""

    fields: Mapping[str, str]
    choices: Mapping[str, Mapping[str, str]] = {}
    """The values that a field can have, each with its label, where they are known."""
    checkpoint: Checkpoint | None = None
    refused: str | None = None
    """The answer before this was not right, and why: the same is asked again."""
    state: Json


class Visit(msgspec.Struct, frozen=True, kw_only=True, tag="visit"):
    """Send the owner to this page; it comes back to Postroom's callback, with `code` or `error`."""

    url: str
    nonce: str
    """The `state` parameter in the address: by it the callback finds the attempt. Hard to guess, used once."""
    state: Json


class Show(msgspec.Struct, frozen=True, kw_only=True, tag="show"):
    """Show the owner this code, as text or as a QR code, and ask again."""

    code: str
    checkpoint: Checkpoint | None = None
    again_seconds: float | None = None
    """How soon Postroom itself asks again, with no answers; None: when the owner says so."""
    state: Json


class Wait(msgspec.Struct, frozen=True, kw_only=True, tag="wait"):
    """The owner does something at the network, and nothing here; Postroom asks again by itself, with no answers."""

    checkpoint: Checkpoint | None = None
    again_seconds: float
    state: Json


class Linked(msgspec.Struct, frozen=True, kw_only=True, tag="linked"):
    """Done: whose account it is, and what opens it."""

    profile: Profile
    credentials: Credentials


LoginStep = Ask | Visit | Show | Wait | Linked


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The owner's answer to the last step, with the state which that step carried (None for a first answer).

    An answer that is named `username` or `phone_number` says whose login it is: of two logins of one person the later
    one counts.
    """

    state: Json
    answers: Mapping[str, str]
    resend: bool = False
    """Not an answer: send the code of the checkpoint once more. Only where it `can_resend`."""
