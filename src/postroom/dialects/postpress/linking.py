"""How accounts are linked through PostPress: bodies, checkpoints, hosted links.

Source: PostPress "Connect an account", "Reconnect", "Connect by a hosted page", Unipile "Solve a code checkpoint" and
"Resend checkpoint" (2026).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from postroom.clock import to_ms
from postroom.dialects.postpress.mailbox import TYPES
from postroom.domain.accounts import Account, LoginAttempt
from postroom.domain.hosted_links import Wish
from postroom.domain.logins import Checkpoint as DomainCheckpoint
from postroom.domain.logins import CheckpointKind, Show, Visit
from postroom.domain.proxies import Proxy as DomainProxy
from postroom.domain.proxies import make_proxy
from postroom.domain.syncs import SyncState
from postroom.errors import ErrorCode, InvalidParameters, NotImplementedHere

_NETWORKS = {kind: provider for provider, kind in TYPES.items()}
_OTHERS = ("GOOGLE", "GOOGLE_OAUTH", "OUTLOOK", "MAIL", "ICLOUD", "EXCHANGE", "SLACK", "MOBILE", "GOOGLE_CALENDAR")

Provider = Literal["LINKEDIN", "WHATSAPP", "TELEGRAM", "INSTAGRAM", "MESSENGER", "TWITTER"]


class Proxy(msgspec.Struct, kw_only=True):
    """`protocol` is `https` (TLS to the proxy itself), `http`, which it is where nothing is said, or `socks5`."""

    host: str
    port: int
    protocol: str | None = None
    username: str | None = None
    password: str | None = None


class ConnectAccount(msgspec.Struct, kw_only=True):
    """Which fields are needed depends on `provider`.

    LINKEDIN: `access_token` (the value of the cookie `li_at`), or `username` and `password`. WHATSAPP: nothing, then a QR
    code is shown; or `pairing_phone_number`. With `proxy` the account goes out by that alone, from the first step of
    its linking. `country`, `ip` and `sync_limit` change nothing: this server has no proxies of its own to choose from, and
    reads whole histories.
    """

    provider: str
    access_token: str | None = None
    user_agent: str | None = None
    premium_token: str | None = None
    recruiter_contract_id: str | None = None
    username: str | None = None
    password: str | None = None
    pairing_phone_number: str | None = None
    proxy: Proxy | None = None
    country: str | None = None
    ip: str | None = None
    disabled_features: list[str] = []
    sync_limit: Any = None


class SolveCheckpoint(msgspec.Struct, kw_only=True):
    """The code of a checkpoint. `account_id` is the one that came with it."""

    account_id: str
    code: str
    provider: Provider | None = None


class ResendCheckpoint(msgspec.Struct, kw_only=True):
    account_id: str
    provider: Provider | None = None


class UpdateAccount(msgspec.Struct, kw_only=True):
    proxy: Proxy | None = None
    country: str | None = None
    ip: str | None = None


class CreateHostedLink(msgspec.Struct, kw_only=True):
    """A page of ours at which somebody links one account. `api_url` is asked for by the vendor, and changes nothing."""

    type: Literal["create", "reconnect"]
    expiresOn: str
    api_url: str | None = None
    providers: list[str] | str | None = None
    reconnect_account: str | None = None
    name: str | None = None
    success_redirect_url: str | None = None
    failure_redirect_url: str | None = None
    bypass_success_screen: bool | None = None
    notify_url: str | None = None
    disabled_features: list[str] = []
    sync_limit: Any = None


class AccountCreated(msgspec.Struct, kw_only=True, tag_field="object", tag="AccountCreated"):
    account_id: str


class AccountReconnected(msgspec.Struct, kw_only=True, tag_field="object", tag="AccountReconnected"):
    account_id: str


class Challenge(msgspec.Struct, kw_only=True):
    """What the network wants to see. `qrcode` is the text of a QR code; `code` is one to be typed on the telephone."""

    type: str
    qrcode: str | UnsetType = UNSET
    code: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    public_key: str | UnsetType = UNSET
    data: str | UnsetType = UNSET
    contract_options: list[dict[str, str]] | UnsetType = UNSET


class Checkpoint(msgspec.Struct, kw_only=True, tag_field="object", tag="Checkpoint"):
    """The network asks for more before it lets the owner in; five minutes long."""

    account_id: str
    checkpoint: Challenge


class CheckpointResend(msgspec.Struct, kw_only=True, tag_field="object", tag="CheckpointResend"):
    account_id: str
    success: bool


class AccountPatched(msgspec.Struct, kw_only=True, tag_field="object", tag="AccountPatched"):
    account_id: str


class AccountRestarted(msgspec.Struct, kw_only=True, tag_field="object", tag="AccountRestarted"):
    """It is being followed again."""


class AccountResync(msgspec.Struct, kw_only=True, tag_field="object", tag="AccountResync"):
    status: str


class HostedAuthUrl(msgspec.Struct, kw_only=True, tag_field="object", tag="HostedAuthUrl"):
    url: str


Taken = AccountCreated | AccountReconnected | Checkpoint


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """A way to link an account, and what its first question is answered with."""

    provider: str
    flow: str
    answers: Mapping[str, str]
    proxy: DomainProxy | None


def way(body: ConnectAccount, known: Mapping[str, Sequence[str]]) -> Way:
    """How this is to be linked; `known` are the ways that this server has, by network.

    Raises:
        NotImplementedHere: not at this server.
        InvalidParameters: there is no such provider, or a field of its is missing, or the proxy is none.
    """
    if body.provider in _OTHERS:
        raise NotImplementedHere(f"Accounts of {body.provider} cannot be linked here.")
    if body.provider not in _NETWORKS:
        raise InvalidParameters(f"provider is one of {', '.join(_NETWORKS)}.")
    provider = _NETWORKS[body.provider]
    flow, answers = _asked(body)
    if flow not in known.get(provider, ()):
        raise NotImplementedHere(f"Accounts of {body.provider} cannot be linked here in this way.")
    said = {name: value for name, value in answers.items() if value}
    return Way(provider=provider, flow=flow, answers=said, proxy=None if body.proxy is None else proxy(body.proxy))


def proxy(body: Proxy) -> DomainProxy:
    """A proxy as it was described.

    Raises:
        InvalidParameters: that is none.
    """
    return make_proxy(body.protocol, body.host, body.port, body.username, body.password)


def _asked(body: ConnectAccount) -> tuple[str, dict[str, str | None]]:
    if body.provider == "WHATSAPP":
        if body.pairing_phone_number:
            return "pairing_code", {"phone_number": body.pairing_phone_number}
        return "qr", {}
    if body.provider != "LINKEDIN":
        return "", {}
    if body.access_token:
        return "cookie", {"access_token": body.access_token, "user_agent": body.user_agent}
    if body.username and body.password:
        return "password", {"username": body.username, "password": body.password, "user_agent": body.user_agent}
    raise InvalidParameters("LINKEDIN needs access_token, or username and password.", code=ErrorCode.MISSING_PARAMETERS)


def taken(attempt: LoginAttempt, step: Any) -> Taken:
    """What became of an answer: an account, or a checkpoint.

    Raises:
        InvalidParameters: the network asks for something that was to come along.
        NotImplementedHere: it asks for something that PostPress has no word for.
    """
    if isinstance(step, Account):
        return AccountReconnected(account_id=step.id) if attempt.relinks else AccountCreated(account_id=step.id)
    checkpoint: DomainCheckpoint | None = getattr(step, "checkpoint", None)
    fields = getattr(step, "fields", None) or {}
    if checkpoint is None and fields:
        raise InvalidParameters(f"The network asks for {', '.join(fields)}.", code=ErrorCode.MISSING_PARAMETERS)
    if isinstance(step, Visit):
        raise NotImplementedHere("This account is linked at its network's page: see the native API.")
    assert attempt.account_id is not None
    return Checkpoint(account_id=attempt.account_id, checkpoint=_challenge(checkpoint, step))


def _challenge(checkpoint: DomainCheckpoint | None, step: Any) -> Challenge:
    shown = CheckpointKind.QR_CODE if isinstance(step, Show) else CheckpointKind.IN_APP
    kind = shown if checkpoint is None else checkpoint.kind
    made = Challenge(type=_CHALLENGES[kind])
    match kind:
        case CheckpointKind.QR_CODE:
            # Between two codes there is none.
            made.qrcode = getattr(step, "code", "")
        case CheckpointKind.PAIRING_CODE:
            # The vendor's word for it is not published: clients that know this type show `qrcode`, which is the code.
            made.qrcode = made.code = getattr(step, "code", "")
        case CheckpointKind.CONTRACT:
            choices = step.choices.get("code", {})
            made.contract_options = [{"id": id, "name": name} for id, name in choices.items()]
    if checkpoint is not None:
        made.source = checkpoint.source or UNSET
        made.public_key = checkpoint.public_key or UNSET
        made.data = checkpoint.data or UNSET
    return made


_CHALLENGES = {
    CheckpointKind.QR_CODE: "QRCODE",
    CheckpointKind.PAIRING_CODE: "QRCODE",
    CheckpointKind.TWO_FACTOR: "2FA",
    CheckpointKind.ONE_TIME: "OTP",
    CheckpointKind.CAPTCHA: "CAPTCHA",
    CheckpointKind.IN_APP: "IN_APP_VALIDATION",
    CheckpointKind.PHONE: "PHONE_REGISTER",
    CheckpointKind.CONTRACT: "CONTRACT_CHOOSER",
}


def kept(found: Taken) -> Taken:
    """What of it is kept for its Idempotency-Key: a code that lets somebody in is not."""
    if isinstance(found, Checkpoint) and found.checkpoint.qrcode is not UNSET:
        return Checkpoint(account_id=found.account_id, checkpoint=Challenge(type=found.checkpoint.type, qrcode=""))
    return found


SYNC_STATES = {
    SyncState.QUEUED: "SYNC_STARTED",
    SyncState.RUNNING: "SYNC_RUNNING",
    SyncState.RESTING: "CHUNK_DONE",
    SyncState.DONE: "SYNC_DONE",
    SyncState.FAILED: "SYNC_ERROR",
}


def check_product(product: str | None) -> None:
    """Raises:
    NotImplementedHere: it is another product of LinkedIn's than the one that everybody has.
    InvalidParameters: it is none.
    """
    if product in ("recruiter", "sales_navigator"):
        raise NotImplementedHere(f"This server has no {product} of LinkedIn.")
    if product not in (None, "classic"):
        raise InvalidParameters("linkedin_product is classic, recruiter or sales_navigator.")


def changed_proxy(body: UpdateAccount) -> DomainProxy:
    """The proxy that an account is to have.

    Raises:
        InvalidParameters: nothing is to be changed, or the proxy is none.
        NotImplementedHere: what is to be changed cannot be: nothing was stored, and nothing is pretended.
    """
    if body.proxy is not None:
        return proxy(body.proxy)
    if body.country is None and body.ip is None:
        raise InvalidParameters("Nothing is to be changed: proxy, country and ip can be named.")
    raise NotImplementedHere("This server has no proxies of its own in any country: name a proxy. Nothing was changed.")


def offered(body: CreateHostedLink, known: Mapping[str, Sequence[str]]) -> list[str]:
    """The networks that a hosted link offers.

    Raises:
        InvalidParameters: one is none of PostPress's, or none is named.
        NotImplementedHere: none of them can be linked here.
    """
    if body.type == "reconnect":
        return []
    named = body.providers or []
    if named in ("*", "*:MESSAGING"):
        wanted = list(_NETWORKS)
    else:
        wanted = [each for each in (named if isinstance(named, list) else [named]) if not each.startswith("*:")]
        unknown = [each for each in wanted if each not in _NETWORKS and each not in _OTHERS]
        if unknown or not named:
            raise InvalidParameters(f"providers is `*`, or some of {', '.join(_NETWORKS)}.")
    here = [_NETWORKS[each] for each in wanted if known.get(_NETWORKS.get(each, ""))]
    if not here:
        raise NotImplementedHere("None of these can be linked here.")
    return here


def expiry(body: CreateHostedLink) -> int:
    """When a hosted link ends, in milliseconds.

    Raises:
        InvalidParameters: that is no moment.
    """
    try:
        return to_ms(datetime.fromisoformat(body.expiresOn).astimezone())
    except (ValueError, OverflowError, OSError):
        raise InvalidParameters("expiresOn must look like 2026-05-17T09:42:11.000Z.") from None


def relinked(body: CreateHostedLink) -> str | None:
    """The account that is to be linked again.

    Raises:
        InvalidParameters: it is not named.
    """
    if body.type == "create":
        return None
    if not body.reconnect_account:
        raise InvalidParameters("reconnect_account is missing.", code=ErrorCode.MISSING_PARAMETERS)
    return body.reconnect_account


def wish(body: CreateHostedLink) -> Wish:
    """What is to become of whoever follows the link."""
    return Wish(
        name=body.name or "",
        success_url=body.success_redirect_url or None,
        failure_url=body.failure_redirect_url or None,
        notify_url=body.notify_url or None,
        straight_on=bool(body.bypass_success_screen),
    )
