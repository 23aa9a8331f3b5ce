"""Cells: loaded under lock, saved together with what lists and audiences read of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import tzinfo

import sqlalchemy as sa

from engine.core.case import NEVER
from engine.core.facts import Cell, UserCell
from engine.store import bulk, codec, people, suppressions
from engine.store.columns import Among, key_of, names
from engine.store.schema import cells
from engine.store.store import Tx


def load(tx: Tx, env: str, ids: Iterable[str], zone: tzinfo | None = None) -> dict[str, Cell | None]:
    """Cells by id; None for one that says nothing. In a writing transaction nobody else can change them, or create them, until its end: on
    PostgreSQL the rows are locked, unless nobody else judges anyway (`Tx.judge`).

    `zone` is the book's, for users without one of their own. Load class by class (`needs` names them so): the ids of one call are locked
    in order, so that two transactions never wait for each other.
    """
    wanted = {key_of(id): id for id in sorted(ids)}
    locks = tx.is_postgresql and tx.writing and not tx.judges(env)
    found = _locked(tx, env, wanted) if locks else _bodies(tx, _LOAD, env, wanted)
    loaded: dict[str, Cell | None] = {}
    for key, id in wanted.items():
        body = found.get(key)
        loaded[id] = codec.decode_cell(body, zone) if body is not None else None
        tx.seen[env, id] = loaded[id]
    return loaded


def peek(tx: Tx, env: str, id: str, zone: tzinfo | None = None) -> Cell | None:
    """A cell as it stands, without locking it: for somebody who only looks, and does not judge."""
    body = _bodies(tx, _LOAD, env, (key_of(id),)).get(key_of(id))
    return codec.decode_cell(body, zone) if body is not None else None


_LOAD = sa.select(cells.c.id, cells.c.body).where(cells.c.env == sa.bindparam("env"), Among(cells.c.id, names("ids")))
_LOAD_LOCKED = _LOAD.order_by(cells.c.id).with_for_update()
_RESERVE = sa.text(
    "INSERT INTO cells (env, id, expires) SELECT CAST(:env AS text), wanted, 0 FROM unnest(CAST(:ids AS text[])) AS wanted"
    " ON CONFLICT DO NOTHING"
)


def _bodies(tx: Tx, statement: sa.Executable, env: str, ids: Collection[str]) -> dict[str, str | None]:
    return {row.id: row.body for row in tx.run(statement, {"env": env, "ids": ids})}


def _locked(tx: Tx, env: str, wanted: Collection[str]) -> dict[str, str | None]:
    """A row that is not there cannot be locked: it is inserted first. A sweep may delete one in between, so until all are held."""
    found: dict[str, str | None] = {}
    missing = sorted(wanted)
    while missing:
        tx.run(_RESERVE, {"env": env, "ids": missing})
        found |= _bodies(tx, _LOAD_LOCKED, env, missing)
        missing = [id for id in missing if id not in found]
    return found


def save(tx: Tx, env: str, changed: Mapping[str, Cell], at: int = 0) -> None:
    """Keep cells. What people and suppressions say of them changes with them; `at` is when a suppression began that nobody noted before."""
    rows = [{"env": env, "id": id, "body": codec.encode_cell(cell), "expires": _expires(cell)} for id, cell in sorted(changed.items())]
    bulk.insert(tx, cells, rows, on_conflict="replace")
    people.save(
        tx, env, [cell for id, cell in changed.items() if isinstance(cell, UserCell) and people.differ(tx.seen.get((env, id)), cell)]
    )
    stops = {id[6:]: cell.suppressed for id, cell in changed.items() if id.startswith("phone:") and cell.suppressed != _stops(tx, env, id)}
    suppressions.mirror(tx, env, stops, at)
    tx.seen.update({(env, id): cell for id, cell in changed.items()})


def _stops(tx: Tx, env: str, id: str) -> frozenset[str] | None:
    """What stopped messages to a phone before this transaction, as far as it has looked."""
    if (env, id) not in tx.seen:
        return None
    cell = tx.seen[env, id]
    return cell.suppressed if cell is not None else frozenset()


def _expires(cell: Cell) -> int | None:
    """When the row may be deleted; None: never. Users stay."""
    return None if isinstance(cell, UserCell) or cell.expires >= NEVER else max(cell.expires, 1)


def sweep(tx: Tx, now: int, limit: int = 5000) -> int:
    """Delete cells that say nothing any more, at most so many and none that is in use; how many."""
    return tx.execute(_SWEEP_POSTGRESQL if tx.is_postgresql else _SWEEP_SQLITE, {"now": now, "limit": limit}).rowcount


_SWEEP_POSTGRESQL = sa.text(
    "DELETE FROM cells WHERE ctid = ANY(ARRAY(SELECT ctid FROM cells WHERE expires IS NOT NULL AND expires <= :now"
    " ORDER BY expires LIMIT :limit FOR UPDATE SKIP LOCKED))"
)
_SWEEP_SQLITE = sa.text(
    "DELETE FROM cells WHERE (env, id) IN (SELECT env, id FROM cells WHERE expires IS NOT NULL AND expires <= :now"
    " ORDER BY expires LIMIT :limit)"
)
