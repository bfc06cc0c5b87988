"""Isolation cannot be forgotten: what asks the store says for which workspace."""

import ast

from tests.house.tree import SERVER, must_exist, source, sources

# Not about rows of a workspace: the doors, the two databases, keys and seals, bytes.
NOT_NOUNS = {"__init__", "database", "sqlite", "postgres", "schema", "migrations", "seal", "blobs", "notify", "keyring"}

TRANSACTION = ("tx", "reader")
WORKSPACE = ("workspace", "workspace_id")

# These write a value that carries its workspace.
WRITES_A_VALUE = ("add", "append", "enqueue", "begin")

# "module.function" or "module.*", and why no workspace is asked for. Each entry is a hole in the wall: keep it short.
EXEMPT = {
    "jobs.*": "work is the server's own, claimed across workspaces; each job's arguments say whose it is",
    "access.find_by_secret": "the secret is how the workspace is found at all",
    "access.find_by_page": "the token of a managed user's page is how its workspace is found at all",
    "access.list_workspaces": "the command line's list of all workspaces",
    "accounts.claim_listening": "the listeners' own: leases are claimed across workspaces",
    "accounts.renew_leases": "the listeners' own: leases are kept across workspaces",
    "accounts.release_leases": "the listeners' own: leases are released across workspaces",
    "accounts.count_by_status": "a figure about the whole server, without ids",
    "accounts.list_unlinking": "upkeep finishes what a crash left, in every workspace",
    "accounts.list_expiring": "upkeep tells of what expires, in every workspace",
    "burials.remove_tombstones": "upkeep removes by age, in every workspace",
    "burials.tombstone": "no query: it makes the hash under which a burial is kept",
    "deferrals.remove_settled": "upkeep removes by age, in every workspace",
    "events.remove_older": "upkeep removes by age, in every workspace",
    "events.trimmed": "one mark for the whole log, without ids",
    "hosted_links.find_by_token": "the token of a hosted link is how its workspace is found at all",
    "hosted_links.remove_expired": "upkeep removes by age, in every workspace",
    "idempotency.remove_older": "upkeep removes by age, in every workspace",
    "deliveries.remove_older": "upkeep removes by age, in every workspace",
    "login_attempts.find_login_attempt_by_nonce": "the nonce in the address is how an owner's attempt is found at all",
    "login_attempts.remove_expired_login_attempts": "upkeep removes by age, in every workspace",
    "media.find_any": "a signed address names the file: its holder has no key",
    "media.stored_keys": "the orphan figure compares the whole store with all rows",
    "rates.*": "counters by account id or network: two numbers and no content",
    "recalls.list_open": "after a crash, what was left open in every workspace is settled",
    "chains.list_with_unsealed": "the sealer's own: receipts are sealed in every workspace",
    "chains.list_with_older": "upkeep removes by age, in every workspace",
    "receipts.to_receipt": "no query: it reads a row",
    "restoring.*": "the operator's restore, before any workspace's key is answered",
    "snapshots.*": "the operator's backup is of the whole server",
    "archive.*": "no query: it writes and reads a sealed file",
    "unwritten.*": "what the keyring is still to be told, whoever did it; each grave has its workspace",
    "graves.*": "no query: the keyring's own list, each entry with its workspace",
    "standing.*": "how a whole database stands, without a look at its rows",
    "removals.remove_group": "the removal names its workspace, which is required of it",
    "spending.remove_older": "upkeep removes by age, in every workspace",
    "spending.remove_expired_tokens": "upkeep removes by age, in every workspace",
    "sessions.find_by_token": "the token of a session is how its workspace is found at all",
    "sessions.remove_expired": "upkeep removes by age, in every workspace",
    "webhooks.list_due": "deliveries are made for every workspace; each row says whose it is",
    "webhooks.any_active": "whether there is anybody at all to deliver to, without ids",
    "webhooks.pass_over": "deliveries' own: moves positions over what is for nobody, in every workspace",
    "webhooks.release_leases": "deliveries' own: leases are released across workspaces",
}


def test_every_read_takes_the_transaction_first_and_the_workspace_second() -> None:
    if not must_exist(SERVER / "store"):
        return
    wrong = {}
    for found in sources(SERVER / "store", "*.py"):
        module = found.path.stem
        if module in NOT_NOUNS or f"{module}.*" in EXEMPT:
            continue
        for function in found.tree.body:
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.name.startswith("_"):
                continue
            names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
            if not names or names[0] not in TRANSACTION:
                if _asks_a_database(function):
                    wrong[f"{module}.{function.name}"] = f"takes {names[:1]} first, not the transaction"
                continue
            if f"{module}.{function.name}" in EXEMPT or function.name.startswith(WRITES_A_VALUE):
                continue
            required = len(names) - len(function.args.defaults)
            if len(names) < 2 or names[1] not in WORKSPACE or required < 2:
                wrong[f"{module}.{function.name}"] = f"takes {names[1:2]} second, not a required workspace"
    assert wrong == {}


def test_every_exemption_names_something_that_exists_and_says_why() -> None:
    for name, reason in EXEMPT.items():
        module, _, function = name.partition(".")
        assert len(reason) > 20, name
        path = SERVER / "store" / f"{module}.py"
        if must_exist(path) and function != "*":
            defined = {found.name for found in source(path).functions()}
            assert function in defined, f"{name} is exempt, and is no longer there"


def _asks_a_database(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in ("fetch", "fetch_one", "fetch_all", "execute", "row", "rows")
        for node in ast.walk(function)
    )
