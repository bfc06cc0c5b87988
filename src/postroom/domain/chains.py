"""The chain of a workspace's receipts: what is hashed and signed of each, and whether an export of them is whole.

An export is lines, each the canonical JSON of `{"body": ..., "signature": ...}`: a `start`, receipts in their order, an
`end`. A receipt's body has the hash of the body before it. Nothing here needs a server or a database.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from postroom.clock import iso
from postroom.domain.receipts import Receipt

GENESIS = "0" * 64
"""What the first receipt of a chain has as the hash of the one before."""
_SIGNED = b"postroom receipts, version 1\n"
_encode = msgspec.json.Encoder(order="sorted").encode

Body = Mapping[str, Any]


def canonical(value: Any) -> bytes:
    """The one way to write a value: JSON in UTF-8, names sorted, nothing between the tokens."""
    return _encode(value)


def hash_of(body: Body) -> str:
    """What the next receipt names this one by: SHA-256 of the canonical body, in hexadecimal digits."""
    return hashlib.sha256(canonical(body)).hexdigest()


def to_sign(body: Body) -> bytes:
    """What the signature of a body is of."""
    return _SIGNED + canonical(body)


def receipt_body(receipt: Receipt, sequence: int, previous: str) -> dict[str, Any]:
    """A receipt at its place in the chain."""
    return {
        "type": "receipt",
        "workspace_id": receipt.workspace_id,
        "sequence": sequence,
        "previous": previous,
        "receipt": {
            "id": receipt.id,
            "kind": receipt.kind,
            "target_id": receipt.target_id,
            "user_id": receipt.user_id,
            "created_at": iso(receipt.created_at),
            "document": receipt.document,
        },
    }


def anchor_body(workspace_id: str, sequence: int, hash: str, removed_at: int) -> dict[str, Any]:
    """That receipts up to this one were removed because of their age, and not by anybody else."""
    return {
        "type": "anchor",
        "workspace_id": workspace_id,
        "sequence": sequence,
        "hash": hash,
        "removed_at": iso(removed_at),
    }


def line(body: Body, signature: str) -> bytes:
    """One line of an export, with its end."""
    return canonical({"body": body, "signature": signature}) + b"\n"


class Report(msgspec.Struct, kw_only=True):
    """What a check of an export found. It is whole and untouched where there are no problems."""

    workspace_id: str | None = None
    key: str | None = None
    """The public key that the signatures were checked with, in hexadecimal digits."""
    receipts: int = 0
    first: int | None = None
    last: int | None = None
    problems: list[str] = msgspec.field(default_factory=list)
    """What is missing, changed or out of order, a sentence each."""
    notes: list[str] = msgspec.field(default_factory=list)
    """What the export says of itself, such as where it begins."""


def verify(data: bytes, key: str | None = None) -> Report:
    """Check an export, or several that follow each other. `key`: the server's public key; None: the one it names."""
    return _Check(key).run(data)


def problems_of(receipt: Receipt, key: str) -> list[str]:
    """What is wrong with a sealed receipt by itself, a sentence each: with what it says, and with its signature."""
    seal = receipt.sealed
    if seal is None:
        return []
    body = receipt_body(receipt, seal.sequence, seal.previous)
    found = []
    if hash_of(body) != seal.hash:
        found.append("It is not as it was when it was sealed.")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(seal.signature), to_sign(body))
    except (InvalidSignature, ValueError):
        found.append("Its signature is not of what it says, or of another key.")
    return found


class _Changed(Exception):
    """A line is not as it was written."""


class _Check:
    def __init__(self, key: str | None) -> None:
        self._report = Report(key=key)
        self._given = key is not None
        self._next: int | None = None
        """The sequence that comes next; None: a start is to come first."""
        self._hash: str | None = None
        """The hash of the one before; None: that one is missing or changed."""
        self._ended = True

    def run(self, data: bytes) -> Report:
        lines = data.split(b"\n")
        if lines.pop() != b"":
            self._problem("The last line is cut short.")
        for number, raw in enumerate(lines, 1):
            try:
                self._line(raw)
            except _Changed as error:
                self._problem(f"Line {number}: {error}")
                self._hash = None
        if not self._ended:
            self._problem("The end is missing: receipts may have been cut off.")
        if self._next is None and not self._report.problems:
            self._problem("There is nothing in it.")
        return self._report

    def _problem(self, sentence: str) -> None:
        self._report.problems.append(sentence)

    def _line(self, raw: bytes) -> None:
        body, signature = _parsed(raw)
        if body["type"] == "start" and self._report.key is None:
            self._report.key = str(body.get("key"))
        self._signed(body, signature)
        if body["type"] not in ("start", "receipt", "end"):
            raise _Changed("it is none of a start, a receipt and an end.")
        if self._report.workspace_id not in (None, body["workspace_id"]):
            raise _Changed("it is of another workspace.")
        self._report.workspace_id = body["workspace_id"]
        {"start": self._start, "receipt": self._receipt, "end": self._end}[body["type"]](body)

    def _signed(self, body: Body, signature: str) -> None:
        key = self._report.key
        if key is None:
            raise _Changed("it cannot be checked: the start, which names the key, is missing. Give the key.")
        try:
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), to_sign(body))
        except (InvalidSignature, ValueError):
            raise _Changed("it was changed, or signed with another key.") from None

    def _start(self, body: Body) -> None:
        if not self._ended:
            raise _Changed("a start comes before the end of what was begun.")
        self._ended = False
        if body["key"] != self._report.key:
            raise _Changed(f"it names another key, {body['key']}.")
        after, previous = body["after"], body["previous"]
        if self._next is not None:
            self._follows(after + 1, previous, "the part that begins here")
        self._next, self._hash = after + 1, previous
        if body["anchor"] is not None:
            anchor = body["anchor"]["body"]
            self._signed(anchor, body["anchor"]["signature"])
            if after == anchor["sequence"] and previous != anchor["hash"]:
                raise _Changed("it does not go on from where old receipts were removed.")
            self._report.notes.append(
                f"Receipts up to {anchor['sequence']} were removed because of their age, on {anchor['removed_at']}."
            )
        elif after == 0 and previous != GENESIS:
            raise _Changed("it is not the beginning that it says it is.")
        if self._report.first is None and after:
            self._report.notes.append(f"It begins after receipt {after}.")

    def _receipt(self, body: Body) -> None:
        if self._ended:
            raise _Changed("a receipt comes after the end.")
        self._follows(body["sequence"], body["previous"], f"receipt {body['sequence']}")
        self._next, self._hash = body["sequence"] + 1, hash_of(body)
        report = self._report
        report.receipts += 1
        report.first = body["sequence"] if report.first is None else report.first
        report.last = body["sequence"]

    def _follows(self, sequence: int, previous: str, what: str) -> None:
        expected = self._next
        assert expected is not None
        if sequence < expected:
            raise _Changed(f"{what} is out of order, or there twice.")
        if sequence > expected:
            self._missing(expected, sequence - 1)
        elif self._hash is not None and previous != self._hash:
            self._next = sequence + 1
            raise _Changed(f"{what} does not follow from the one before it.")

    def _end(self, body: Body) -> None:
        if self._ended:
            raise _Changed("an end comes without a start.")
        self._ended = True
        expected = self._next
        assert expected is not None
        if body["sequence"] >= expected:
            self._missing(expected, body["sequence"])
        elif body["sequence"] < expected - 1:
            raise _Changed("it ends before the receipts that are above it.")
        elif self._hash is not None and body["hash"] != self._hash:
            raise _Changed("the end does not follow from the receipt before it.")
        self._next, self._hash = body["sequence"] + 1, body["hash"]
        if body["head"] > body["sequence"]:
            self._report.notes.append(f"The chain goes on: export what is after {body['sequence']} as well.")
        if body["unsealed"]:
            self._report.notes.append(f"{body['unsealed']} more were not sealed yet.")

    def _missing(self, first: int, last: int) -> None:
        self._problem(f"Receipt {first} is missing." if first == last else f"Receipts {first} to {last} are missing.")


def _parsed(raw: bytes) -> tuple[dict[str, Any], str]:
    try:
        value = msgspec.json.decode(raw, type=dict[str, Any])
        body, signature = value["body"], value["signature"]
        # The same said in other bytes is not what was signed and exported.
        intact = (
            value.keys() == {"body", "signature"}
            and canonical(value) == raw
            and bytes.fromhex(signature).hex() == signature
            and isinstance(body["type"], str)
            and isinstance(body["workspace_id"], str)
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError, ValueError):
        intact, body, signature = False, {}, ""
    if not intact:
        raise _Changed("it cannot be read, or is not as it was written.")
    return body, signature
