"""The whole state as one JSON object: open, export, import, reset."""

from __future__ import annotations

import base64
from typing import Any

from postroom_sim.network import BadRequest
from postroom_sim.world import World


def open_world(world: World, seed: int) -> None:
    """Seed a fresh folder, or take up the one that is there; then let some things have happened just now."""
    ground = world.ground
    stored = ground.database.setting("seed")
    if stored is None:
        _fill(world, seed)
    else:
        ground.seed = stored
    for network in world.networks.values():
        network.freshen()
        network.forget_pending()
    ground.database.commit()


def reset(world: World, seed: int | None) -> None:
    """Back to a fresh folder: world, journal, faults and switches. The clock stays where it is."""
    database = world.ground.database
    _empty(world)
    _fill(world, world.ground.seed if seed is None else seed)
    for network in world.networks.values():
        network.freshen()
        network.forget_pending()
    database.commit()
    _reload(world)


def export(world: World) -> dict[str, Any]:
    database = world.ground.database
    tables = {}
    for table in database.tables():
        rows = database.all(f"SELECT * FROM {table}")
        tables[table] = {"columns": database.columns(table), "rows": [[_plain(cell) for cell in row] for row in rows]}
    return {"version": 1, "seed": world.ground.seed, "tables": tables}


def restore(world: World, tree: Any) -> None:
    """Replace everything by what `export` gave. Raises BadRequest, and changes nothing, when it does not fit."""
    database = world.ground.database
    if not isinstance(tree, dict) or tree.get("version") != 1 or not isinstance(tree.get("tables"), dict):
        raise BadRequest("not an exported state")
    try:
        for table in database.tables():
            part = tree["tables"][table]
            if part["columns"] != database.columns(table):
                raise BadRequest(f"table {table} has other columns")
            marks = ", ".join("?" * len(part["columns"]))
            database.execute(f"DELETE FROM {table}")
            database.execute_many(
                f"INSERT INTO {table} VALUES ({marks})", ([_stored(cell) for cell in row] for row in part["rows"])
            )
        world.ground.seed = int(database.setting("seed", 1))
    except BadRequest:
        database.rollback()
        raise
    except Exception as error:
        database.rollback()
        raise BadRequest(f"not an exported state: {error}") from error
    database.commit()
    _reload(world)


def _fill(world: World, seed: int) -> None:
    world.ground.seed = seed
    world.ground.database.set_setting("seed", seed)
    for network in world.networks.values():
        network.seed()


def _empty(world: World) -> None:
    for table in world.ground.database.tables():
        world.ground.database.execute(f"DELETE FROM {table}")


def _reload(world: World) -> None:
    world.ground.replaced += 1
    world.ground.faults.load()
    world.ground.switches.load()
    for network in world.networks.values():
        network.end_streams(lambda account: True)


def _plain(cell: Any) -> Any:
    return {"base64": base64.b64encode(cell).decode()} if isinstance(cell, bytes) else cell


def _stored(cell: Any) -> Any:
    return base64.b64decode(cell["base64"]) if isinstance(cell, dict) else cell
