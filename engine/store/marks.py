"""Marks: how far something has come, by name, as a JSON value (the last tick that was judged, an `adopt` job, the test clock)."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.store import bulk, codec
from engine.store.schema import marks
from engine.store.store import Tx


def get(tx: Tx, env: str, name: str, default: Any = None) -> Any:
    """The value of a mark. In a writing transaction of PostgreSQL nobody else changes it until its end."""
    statement = sa.select(marks.c.body).where(marks.c.env == env, marks.c.name == name)
    if tx.is_postgresql and tx.writing:
        statement = statement.with_for_update()
    body = tx.execute(statement).scalar()
    return default if body is None else codec.loads(body)


def put(tx: Tx, env: str, name: str, value: Any) -> None:
    """Set a mark."""
    bulk.insert(tx, marks, [{"env": env, "name": name, "body": codec.dumps(value)}], on_conflict="replace")


def drop(tx: Tx, env: str, name: str) -> None:
    """Forget a mark."""
    tx.execute(sa.delete(marks).where(marks.c.env == env, marks.c.name == name))
