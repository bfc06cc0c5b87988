"""Links by which somebody outside links one account, found by the hash of their token."""

import msgspec

from postroom.domain.hosted_links import HostedLink, Wish
from postroom.store.database import Reader, Row, Tx

_COLUMNS = "id, workspace_id, user_id, providers, relinks, wish_sealed, created_at, expires_at, attempt_id, account_id, was_new"
_encode = msgspec.json.Encoder().encode
_decode_wish = msgspec.json.Decoder(Wish).decode
_decode_names = msgspec.json.Decoder(tuple[str, ...]).decode


async def add(tx: Tx, link: HostedLink, token: str) -> None:
    """Keep a new link."""
    await tx.execute(
        """
        insert into hosted_links (
            id, workspace_id, user_id, token_hash, providers, relinks, wish_sealed, created_at, expires_at, was_new
        ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)
        """,
        link.id,
        link.workspace_id,
        link.user_id,
        _hash(tx, token),
        _encode(link.providers).decode(),
        link.relinks,
        tx.keyring.master_seal.close(_encode(link.wish), f"hosted_links.wish:{link.id}"),
        link.created_at,
        link.expires_at,
    )


async def find_by_token(reader: Reader, token: str) -> HostedLink | None:
    """The link with this token, whosever it is: the token is the permission."""
    row = await reader.fetch_one(f"select {_COLUMNS} from hosted_links where token_hash = $1", _hash(reader, token))
    return None if row is None else _link(reader, row)


async def find(reader: Reader, workspace_id: str, link_id: str) -> HostedLink | None:
    """The link, used up or not."""
    row = await reader.fetch_one(
        f"select {_COLUMNS} from hosted_links where workspace_id = $1 and id = $2", workspace_id, link_id
    )
    return None if row is None else _link(reader, row)


async def hold(tx: Tx, workspace_id: str, link_id: str) -> HostedLink | None:
    """The link, held to the commit."""
    sql = f"select {_COLUMNS} from hosted_links where workspace_id = $1 and id = $2{tx.for_update}"
    row = await tx.fetch_one(sql, workspace_id, link_id)
    return None if row is None else _link(tx, row)


async def begin(tx: Tx, workspace_id: str, link_id: str, attempt_id: str) -> bool:
    """It goes on with this attempt. False: it is used up, or gone."""
    return (
        await tx.execute(
            """
            update hosted_links set attempt_id = $3 where workspace_id = $1 and id = $2 and account_id is null
            """,
            workspace_id,
            link_id,
            attempt_id,
        )
        > 0
    )


async def use(tx: Tx, workspace_id: str, attempt_id: str, account_id: str, *, was_new: bool) -> HostedLink | None:
    """An attempt has linked this account: the link that it was begun by is used up. None: it was begun by none."""
    row = await tx.fetch_one(
        f"select {_COLUMNS} from hosted_links where workspace_id = $1 and attempt_id = $2 and account_id is null",
        workspace_id,
        attempt_id,
    )
    if row is None:
        return None
    await tx.execute(
        "update hosted_links set account_id = $3, was_new = $4 where workspace_id = $1 and id = $2",
        workspace_id,
        row[0],
        account_id,
        int(was_new),
    )
    return _link(tx, row)


async def remove_expired(tx: Tx, before: int) -> int:
    """Remove links that expired before then; how many. For upkeep."""
    return await tx.execute("delete from hosted_links where expires_at < $1", before)


def _link(reader: Reader, row: Row) -> HostedLink:
    return HostedLink(
        id=row[0],
        workspace_id=row[1],
        user_id=row[2],
        providers=_decode_names(row[3]),
        relinks=row[4],
        wish=_decode_wish(reader.keyring.master_seal.open(row[5], f"hosted_links.wish:{row[0]}")),
        created_at=row[6],
        expires_at=row[7],
        attempt_id=row[8],
        account_id=row[9],
        was_new=row[10] == 1,
    )


def _hash(reader: Reader, token: str) -> bytes:
    return reader.keyring.hash(f"hosted_links.token\n{token}")
