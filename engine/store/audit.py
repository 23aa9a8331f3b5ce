"""The audit: who did what to the service, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.store import codec
from engine.store.paging import Page, page, place_of
from engine.store.schema import audit
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that somebody did: `book.publish`, `key.create`, `switch.stop` ... `detail` holds nothing secret."""

    at: int
    who: str
    what: str
    detail: Mapping[str, Any]
    seq: int = 0


def add(tx: Tx, env: str, entry: Entry) -> None:
    """Keep an entry."""
    tx.execute(sa.insert(audit).values(env=env, at=entry.at, who=entry.who, what=entry.what, detail=codec.dumps(dict(entry.detail))))


def newest(tx: Tx, env: str, *, what: str | None = None, cursor: str | None = None, limit: int = 100) -> Page[Entry]:
    """Entries, newest first."""
    columns = audit.c
    statement = sa.select(columns.at, columns.who, columns.what, columns.detail, columns.seq).where(columns.env == env)
    if what is not None:
        statement = statement.where(columns.what == what)
    if cursor is not None:
        statement = statement.where(columns.seq < place_of(cursor, int)[0])
    rows = tx.execute(statement.order_by(columns.seq.desc()).limit(limit + 1))
    found = [Entry(row.at, row.who, row.what, codec.loads(row.detail), row.seq) for row in rows]
    return page(found, limit, lambda one: (one.seq,))
