"""Marks: how far something has come, by name, as a JSON value (the last tick that was judged, an `adopt` job, the test clock)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from engine.store import bulk, codec
from engine.store.columns import Among, names
from engine.store.schema import marks
from engine.store.store import Tx

ADOPT = "adopt"  # the job that builds what a new book needs


def get(tx: Tx, env: str, name: str, default: Any = None) -> Any:
    """The value of a mark. In a writing transaction of PostgreSQL nobody else changes it until its end."""
    statement = sa.select(marks.c.body).where(marks.c.env == env, marks.c.name == name)
    if tx.is_postgresql and tx.writing:
        statement = statement.with_for_update()
    body = tx.execute(statement).scalar()
    return default if body is None else codec.loads(body)


def of_names(tx: Tx, env: str, wanted: Iterable[str]) -> dict[str, Any]:
    """The values of those marks that are set, by name, under the same lock."""
    statement = _SET_LOCKED if tx.is_postgresql and tx.writing else _SET
    return {row.name: codec.loads(row.body) for row in tx.run(statement, {"env": env, "names": sorted(wanted)})}


_SET = sa.select(marks.c.name, marks.c.body).where(marks.c.env == sa.bindparam("env"), Among(marks.c.name, names("names")))
_SET_LOCKED = _SET.order_by(marks.c.name).with_for_update()


def put(tx: Tx, env: str, name: str, value: Any) -> None:
    """Set a mark."""
    bulk.insert(tx, marks, [{"env": env, "name": name, "body": codec.dumps(value)}], on_conflict="replace")


def drop(tx: Tx, env: str, name: str) -> None:
    """Forget a mark."""
    tx.execute(sa.delete(marks).where(marks.c.env == env, marks.c.name == name))
