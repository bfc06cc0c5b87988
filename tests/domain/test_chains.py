"""An export of receipts: whole as it was made; changed, cut or reordered anywhere, it says so."""

import msgspec
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from postroom.cli import commands
from postroom.domain.chains import GENESIS, Body, anchor_body, hash_of, line, receipt_body, to_sign, verify
from postroom.domain.receipts import Receipt

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = SIGNER.public_key().public_bytes_raw().hex()
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw().hex()


def signed(body: Body) -> bytes:
    return line(body, SIGNER.sign(to_sign(body)).hex())


def exported(after: int = 0, last: int = 6, head: int = 6, *, anchored: bool = False) -> list[bytes]:
    """The lines of an export of a chain of six."""
    bodies, hashes = [], [GENESIS]
    for number in range(1, 7):
        receipt = Receipt(
            id=f"rcp_{number}",
            workspace_id="w",
            kind="message.recalled",
            target_id="msg_é",
            document={"outcome": "done", "erased": ["msg_1"], "asked_at": None, "n": number, "verified": False},
            created_at=1_800_000_000_000 + number,
        )
        bodies.append(receipt_body(receipt, number, hashes[-1]))
        hashes.append(hash_of(bodies[-1]))
    removed = anchor_body("w", after, hashes[after], 1_800_000_000_000)
    start = {
        "type": "start",
        "workspace_id": "w",
        "key": KEY,
        "after": after,
        "previous": hashes[after],
        "anchor": {"body": removed, "signature": SIGNER.sign(to_sign(removed)).hex()} if anchored else None,
        "exported_at": "2026-11-21T00:00:00.000Z",
    }
    end = {
        "type": "end",
        "workspace_id": "w",
        "sequence": last,
        "hash": hashes[last],
        "head": head,
        "unsealed": 0,
    }
    return [signed(start), *map(signed, bodies[after:last]), signed(end)]


WHOLE = b"".join(exported())


def test_a_whole_export_is_whole_also_in_parts_and_from_where_old_ones_were_removed() -> None:
    report = verify(WHOLE, KEY)
    assert (report.problems, report.notes) == ([], [])
    assert (report.receipts, report.first, report.last, report.workspace_id) == (6, 1, 6, "w")
    parts = verify(b"".join([*exported(0, 2), *exported(2, 5), *exported(5)]))
    assert (parts.problems, parts.receipts) == ([], 6)
    begun = verify(b"".join(exported(3, anchored=True)))
    assert (begun.problems, begun.first) == ([], 4)
    assert "Receipts up to 3 were removed because of their age" in begun.notes[0]
    empty = verify(b"".join(exported(6, 6)))
    assert (empty.problems, empty.receipts) == ([], 0)


@given(place=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255))
def test_one_byte_that_is_another_is_found_wherever_it_is(place: int, byte: int) -> None:
    changed = WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :]
    assert bool(verify(changed).problems) is (changed != WHOLE)
    assert bool(verify(changed, KEY).problems) is (changed != WHOLE)


@given(place=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255), insert=st.booleans())
def test_one_byte_more_or_less_is_found(place: int, byte: int, insert: bool) -> None:
    changed = WHOLE[:place] + (bytes([byte]) if insert else b"") + WHOLE[place + (0 if insert else 1) :]
    assert verify(changed, KEY).problems


@given(st.permutations(range(8)), st.integers(0, 8))
def test_lines_that_are_missing_or_in_another_order_are_found(order: list[int], count: int) -> None:
    lines = exported()
    kept = order[:count]
    assert bool(verify(b"".join(lines[place] for place in kept), KEY).problems) is (kept != list(range(8)))


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([0, 1, 3, 4, 5, 6, 7], "Receipt 2 is missing."),
        ([0, 4, 5, 6, 7], "Receipts 1 to 3 are missing."),
        ([0, 1, 2, 3, 4, 7], "Receipts 5 to 6 are missing."),
        ([0, 1, 2, 3], "The end is missing: receipts may have been cut off."),
        ([0, 1, 2, 2, 3, 4, 5, 6, 7], "Line 4: receipt 2 is out of order, or there twice."),
        ([], "There is nothing in it."),
    ],
)
def test_what_is_missing_is_named(lines: list[int], problem: str) -> None:
    whole = exported()
    assert verify(b"".join(whole[place] for place in lines), KEY).problems == [problem]


def test_one_that_was_signed_for_another_chain_is_found() -> None:
    whole = exported()
    receipt = Receipt(
        id="rcp_x",
        workspace_id="w",
        kind="message.recalled",
        target_id="msg_x",
        document={},
        created_at=1_800_000_000_000,
    )
    # The server signed it at that place, as it would after its database was put back to an earlier state.
    whole[3] = signed(receipt_body(receipt, 3, GENESIS))
    assert verify(b"".join(whole), KEY).problems == ["Line 4: receipt 3 does not follow from the one before it."]
    whole[3] = signed(msgspec.json.decode(exported()[3])["body"] | {"workspace_id": "another"})
    assert verify(b"".join(whole), KEY).problems[0] == "Line 4: it is of another workspace."


def test_the_same_in_other_words_and_what_another_key_signed_is_found() -> None:
    for changed in (WHOLE.replace(b'"kind"', b' "kind"'), WHOLE.replace("é".encode(), b"\\u00e9"), WHOLE.upper()):
        assert verify(changed, KEY).problems
    assert len(verify(WHOLE, OTHER_KEY).problems) > 6
    assert verify(WHOLE, "no key").problems
    # An anchor of another place does not excuse what is missing.
    start, anchored = exported(), exported(3, anchored=True)
    assert verify(b"".join([anchored[0], *start[3:]]), KEY).problems == [
        "Line 2: receipt 3 is out of order, or there twice."
    ]
    assert verify(b"".join([start[0], *anchored[1:]]), KEY).problems == ["Receipts 1 to 3 are missing."]


def test_the_command_says_what_it_found_and_exits_with_it() -> None:
    whole = CliRunner().invoke(commands, ["receipts", "verify", "-", "--key", KEY], input=WHOLE)
    assert (whole.exit_code, whole.output) == (
        0,
        f"Whole: 6 receipts, 1 to 6, of workspace w.\nSigned with the key {KEY}.\n",
    )
    unsure = CliRunner().invoke(commands, ["receipts", "verify", "-"], input=WHOLE)
    assert (unsure.exit_code, "compare it with `postroom receipts key`" in unsure.output) == (0, True)
    lines = exported()
    cut = CliRunner().invoke(commands, ["receipts", "verify", "-"], input=b"".join([*lines[:3], *lines[4:]]))
    assert cut.exit_code == 1
    assert "Receipt 3 is missing." in cut.output
    assert "NOT WHOLE" in cut.output
