"""Receipts of our own API: listed, got, and exported as a signed chain that can be checked without this server."""

import msgspec

from postroom.dialects.native import wire
from postroom.dialects.operation import Answer, Operation, Parameter
from postroom.dialects.request import Request
from postroom.services.chains import MOST as MOST_EXPORTED
from postroom.services.house import Services

MOST = 250
_COMMON = frozenset({400, 401, 403, 500, 503})
_NDJSON = b"application/x-ndjson"
_HIGHEST = 2**53


class SigningKey(msgspec.Struct, kw_only=True):
    """The public key that receipts are signed for, in hexadecimal digits."""

    algorithm: str
    key: str


async def list_receipts(services: Services, request: Request) -> wire.Receipts:
    found = await services.receipts.list(
        request.caller,
        target_id=request.text("target_id"),
        cursor=request.text("cursor"),
        limit=request.integer("limit", 100, 1, MOST),
    )
    return wire.receipts(found)


async def get_receipt(services: Services, request: Request) -> wire.Receipt:
    return wire.receipt(await services.receipts.get(request.caller, request.path["id"]))


async def export_receipts(services: Services, request: Request) -> Answer:
    after = request.integer("after", 0, 0, _HIGHEST)
    limit = request.integer("limit", MOST_EXPORTED, 1, MOST_EXPORTED)
    return Answer(200, await services.chains.export(request.caller, after, limit), _NDJSON)


async def get_receipts_key(services: Services, request: Request) -> SigningKey:
    return SigningKey(algorithm="Ed25519", key=services.chains.public_key)


_CURSOR = Parameter(name="cursor", summary="Where the page before ended.")
OPERATIONS = (
    Operation(
        name="list_receipts",
        method="GET",
        path="/receipts",
        summary="List receipts of deletions, newest first.",
        handler=list_receipts,
        answer=wire.Receipts,
        errors=_COMMON,
        parameters=(
            _CURSOR,
            Parameter(name="limit", summary=f"How many at most: 1 to {MOST}, 100 if not said.", kind=int),
            Parameter(name="target_id", summary="Only receipts of this message, account or group."),
        ),
    ),
    Operation(
        name="export_receipts",
        method="GET",
        path="/receipts/export",
        summary="Export the workspace's chain of receipts: JSON lines that `postroom receipts verify` checks offline.",
        docs="Each line is the canonical JSON of a body and the server's signature of it; each receipt has the hash of "
        "the one before. The last line says where the chain ends: keep the exports that you made, and nothing can be "
        "cut off behind them. A key of a managed user cannot export: the chain is of the whole workspace.",
        handler=export_receipts,
        answer=bytes,
        errors=_COMMON,
        parameters=(
            Parameter(name="after", summary="The place in the chain after which to begin; 0 is its start.", kind=int),
            Parameter(name="limit", summary=f"How many receipts at most: 1 to {MOST_EXPORTED}.", kind=int),
        ),
    ),
    Operation(
        name="get_receipts_key",
        method="GET",
        path="/receipts/key",
        summary="Get the public key that checks the signatures of receipts.",
        handler=get_receipts_key,
        answer=SigningKey,
        errors=_COMMON,
    ),
    Operation(
        name="get_receipt",
        method="GET",
        path="/receipts/{id}",
        summary="Get a receipt.",
        handler=get_receipt,
        answer=wire.Receipt,
        errors=_COMMON | {404},
        path_values={"id": "The receipt's id, such as `rcp_01HXYZ4QK3WJ8FN3M6QH7TZ8GR`."},
    ),
)
