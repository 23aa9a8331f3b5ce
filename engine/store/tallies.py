"""Verifications counted: how often a number asked, and how many of a block of numbers were ever verified."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from engine.store import codec
from engine.store.schema import verifications
from engine.store.store import Tx

_APPROVED = sa.func.coalesce(sa.func.sum(sa.case((verifications.c.state == "approved", 1), else_=0)), 0)


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
    row = tx.execute(sa.select(sa.func.count(), _APPROVED).where(*where)).one()
    return int(row[0]), int(row[1])


def verified_from(tx: Tx, env: str, network: str, since: int, until: int) -> tuple[int, int]:
    """The same of those asked for from a network (a /24 or /64)."""
    columns = verifications.c
    where = (columns.env == env, columns.network == network, columns.created >= since, columns.created < until)
    row = tx.execute(sa.select(sa.func.count(), _APPROVED).where(*where)).one()
    return int(row[0]), int(row[1])


def by_block(tx: Tx, env: str, since: int, until: int, least: int, limit: int) -> dict[str, list[tuple[str, int, int]]]:
    """`prefix` and `network` -> (block, asked for, approved) in `[since, until)`, those first of which the most were never approved; blocks
    of fewer than `least` are left out."""
    columns = verifications.c
    asked, unused = sa.func.count(), sa.func.count() - _APPROVED
    found = {}
    for name, block in (("prefix", sa.func.substr(columns.phone, 1, sa.func.length(columns.phone) - 4)), ("network", columns.network)):
        statement = sa.select(block.label("block"), asked, _APPROVED)
        statement = statement.where(columns.env == env, columns.created >= since, columns.created < until, block.is_not(None))
        statement = statement.group_by(sa.literal_column("1")).having(asked >= least).order_by(unused.desc(), sa.literal_column("1"))
        found[name] = [(str(row[0]), int(row[1]), int(row[2])) for row in tx.execute(statement.limit(limit))]
    return found


def lock_number(tx: Tx, env: str, phone: str) -> None:
    """Until the end of the transaction nobody else begins a verification for the number."""
    if tx.is_postgresql:
        tx.execute(_LOCK, {"number": f"verification|{env}|{phone}"})


_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtext(:number))")
