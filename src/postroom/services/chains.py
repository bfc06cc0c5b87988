"""Chains of receipts: each is sealed soon after it was written, all are exported, and old ones go without a break.

Sealing follows the commit of what the receipt is about, so that no deletion waits for the one before it.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from postroom.clock import Clock, iso, to_ms
from postroom.domain.access import Caller
from postroom.domain.chains import (
    Report,
    anchor_body,
    hash_of,
    line,
    problems_of,
    receipt_body,
    to_sign,
    verify,
)
from postroom.domain.pages import check_limit
from postroom.domain.receipts import Receipt, Sealed
from postroom.errors import ErrorCode, NotPermitted
from postroom.store import chains
from postroom.store.database import Database

MOST = 10_000
_AT_ONCE = 50
_MOST_WORKSPACES = 100
_LOOK_SECONDS = 0.5
_REST_TO_WORK = 9
"""How long it rests at least after a round, where the round took one: sealing never takes more than its part."""


class Chains:
    """Signs with the server's key; the chain's row is held meanwhile, so that processes take turns."""

    def __init__(self, database: Database, now: Clock) -> None:
        self._database = database
        self._now = now

    @property
    def public_key(self) -> str:
        """What signatures are checked with: Ed25519, in hexadecimal digits."""
        return self._database.keyring.signer.public_key.hex()

    async def run(self) -> None:
        """Seal what is written, until cancelled."""
        while True:
            began = time.perf_counter()
            more = await self.seal_some()
            spent = time.perf_counter() - began
            await asyncio.sleep(max(spent * _REST_TO_WORK, 0.0 if more else _LOOK_SECONDS))

    async def seal_some(self) -> bool:
        """Seal a few receipts of each workspace that has some; whether there may be more."""
        async with self._database.read() as reader:
            found = await chains.list_with_unsealed(reader, _MOST_WORKSPACES)
        more = len(found) == _MOST_WORKSPACES
        for workspace_id in found:
            more = await self._seal(workspace_id) == _AT_ONCE or more
        return more

    async def seal(self, workspace_id: str) -> None:
        """Seal all that is written of a workspace."""
        while await self._seal(workspace_id) == _AT_ONCE:
            pass

    async def _seal(self, workspace_id: str) -> int:
        async with self._database.begin() as tx:
            chain = await chains.hold(tx, workspace_id)
            waiting = await chains.list_unsealed(tx, workspace_id, _AT_ONCE)
            sequence, previous = chain.sequence, chain.hash
            sealed: list[tuple[str, Sealed]] = []
            for receipt in waiting:
                sequence += 1
                made = self._sealed(receipt, sequence, previous)
                sealed.append((receipt.id, made))
                previous = made.hash
            if sealed:
                await chains.seal(tx, workspace_id, sealed)
        return len(sealed)

    def _sealed(self, receipt: Receipt, sequence: int, previous: str) -> Sealed:
        body = receipt_body(receipt, sequence, previous)
        return Sealed(sequence=sequence, previous=previous, hash=hash_of(body), signature=self._signature(body))

    def _signature(self, body: dict[str, object]) -> str:
        return self._database.keyring.signer.sign(to_sign(body)).hex()

    async def export(self, caller: Caller, after: int, limit: int) -> bytes:
        """The chain's receipts after a place, as the lines that `domain.chains.verify` checks.

        Raises:
            NotPermitted: the caller is a managed user: a chain is of the whole workspace.
            InvalidParameters: `limit` is out of range.
        """
        if caller.only_user is not None:
            raise NotPermitted(
                "The chain of receipts is of the whole workspace: use a key of its owner.",
                code=ErrorCode.RESOURCE_ACCESS_RESTRICTED,
            )
        check_limit(limit, MOST)
        workspace_id = caller.workspace_id
        await self.seal(workspace_id)
        # A reader is no snapshot: the chain's row is held, so that nothing is sealed or removed meanwhile.
        async with self._database.begin() as tx:
            chain = await chains.hold(tx, workspace_id)
            found = await chains.list_sealed(tx, workspace_id, max(after, chain.anchor_sequence), limit)
            unsealed = await chains.count_unsealed(tx, workspace_id)
        sealed = [(receipt, receipt.sealed) for receipt in found if receipt.sealed is not None]
        # What was asked for is what it says, not what is found: what somebody took from either end is missing then.
        begins = min(max(after, chain.anchor_sequence), chain.sequence)
        cut = len(sealed) == limit
        previous = sealed[0][1].previous if sealed else chain.hash
        start = {
            "type": "start",
            "workspace_id": workspace_id,
            "key": self.public_key,
            "after": begins,
            "previous": previous,
            "anchor": chain.anchor,
            "exported_at": iso(to_ms(self._now())),
        }
        end = {
            "type": "end",
            "workspace_id": workspace_id,
            "sequence": sealed[-1][1].sequence if cut else chain.sequence,
            "hash": sealed[-1][1].hash if cut else chain.hash,
            "head": chain.sequence,
            "unsealed": unsealed,
        }
        lines = [line(receipt_body(each, seal.sequence, seal.previous), seal.signature) for each, seal in sealed]
        return b"".join([line(start, self._signature(start)), *lines, line(end, self._signature(end))])

    async def pieces(self, caller: Caller) -> AsyncIterator[bytes]:
        """The whole chain, as exports that follow each other.

        Raises:
            NotPermitted: the caller is a managed user.
        """
        after, head = 0, 1
        while after < head:
            piece = await self.export(caller, after, MOST)
            yield piece
            end = _end(piece)
            after, head = end["sequence"], end["head"]

    async def check(self, caller: Caller) -> Report:
        """Check the chain where it is kept, against this server's key: all of it, or its newest 10,000 receipts.

        Raises:
            NotPermitted: the caller is a managed user.
        """
        data = await self.export(caller, 0, MOST)
        head = _end(data)["head"]
        if head > MOST:
            data = await self.export(caller, head - MOST, MOST)
        return await asyncio.to_thread(verify, data, self.public_key)

    def problems_of(self, receipt: Receipt) -> list[str]:
        """What is wrong with a sealed receipt by itself; empty: nothing."""
        return problems_of(receipt, self.public_key)

    async def trim(self, before: int) -> int:
        """Remove receipts made before a moment, as far as the beginning of a chain consists of them; how many.

        What is left goes on from an anchor: a signed word of where it was cut.
        """
        async with self._database.read() as reader:
            found = await chains.list_with_older(reader, before)
        removed = 0
        for workspace_id in found:
            async with self._database.begin() as tx:
                chain = await chains.hold(tx, workspace_id)
                last = await chains.find_last_before(tx, workspace_id, chain, before)
                if last is not None and last.sealed is not None:
                    body = anchor_body(workspace_id, last.sealed.sequence, last.sealed.hash, to_ms(self._now()))
                    anchor = {"body": body, "signature": self._signature(body)}
                    removed += await chains.remove_up_to(tx, workspace_id, last.sealed, anchor)
        return removed


def _end(piece: bytes) -> dict[str, Any]:
    """What the last line of an export says."""
    body: dict[str, Any] = msgspec.json.decode(piece.splitlines()[-1])["body"]
    return body
