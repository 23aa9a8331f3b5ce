"""Verifications counted: how often a number asked, and how many of a block of numbers were ever verified."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.store import codec
from engine.store.schema import verifications
from engine.store.store import Tx


def begun(tx: Tx, env: str, phone: str, since: int) -> list[tuple[str, Any]]:
    """(state, body) of a number's verifications since an instant, whatever their purpose, oldest first."""
    columns = verifications.c
    where = (columns.env == env, columns.phone == phone, columns.created >= since)
    rows = tx.execute(sa.select(columns.state, columns.body).where(*where).order_by(columns.created, columns.id))
    return [(row.state, codec.loads(row.body)) for row in rows]


def verified(tx: Tx, env: str, prefix: str, since: int, until: int) -> tuple[int, int]:
    """How many verifications numbers with this beginning asked for in `[since, until)`, and how many of these were approved."""
    columns = verifications.c
    # `:` follows 9, so this is a stretch of the index.
    where = (columns.env == env, columns.phone >= prefix, columns.phone < prefix + ":", columns.created >= since, columns.created < until)
    approved = sa.func.coalesce(sa.func.sum(sa.case((columns.state == "approved", 1), else_=0)), 0)
    row = tx.execute(sa.select(sa.func.count(), approved).where(*where)).one()
    return int(row[0]), int(row[1])


def lock_number(tx: Tx, env: str, phone: str) -> None:
    """Until the end of the transaction nobody else begins a verification for the number."""
    if tx.is_postgresql:
        tx.execute(_LOCK, {"number": f"verification|{env}|{phone}"})


_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtext(:number))")
