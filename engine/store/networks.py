"""Blocked networks: nobody who asks from them is sent a code. A mark counts the changes, so that workers read the list once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from engine.store import bulk, marks
from engine.store.paging import Page, page, place_of
from engine.store.schema import blocked_networks
from engine.store.store import Tx

CHANGES = "blocked networks"  # the mark


@dataclass(frozen=True, slots=True)
class Blocked:
    """A network in its canonical form (core.networks.parse)."""

    network: str
    reason: str
    at: int
    who: str


def block(tx: Tx, env: str, one: Blocked) -> bool:
    """Put a network on the list; False when it is there already."""
    known = tx.execute(sa.select(blocked_networks.c.network).where(*_is(env, one.network))).scalar()
    if known is not None:
        return False
    row = {"env": env, "network": one.network, "reason": one.reason, "at": one.at, "who": one.who}
    bulk.insert(tx, blocked_networks, [row], on_conflict="nothing")
    _changed(tx, env)
    return True


def release(tx: Tx, env: str, network: str) -> bool:
    """Take it off; False when it was not there."""
    gone = tx.execute(sa.delete(blocked_networks).where(*_is(env, network))).rowcount > 0
    if gone:
        _changed(tx, env)
    return gone


def _is(env: str, network: str) -> tuple[sa.ColumnElement[bool], ...]:
    return blocked_networks.c.env == env, blocked_networks.c.network == network


def _changed(tx: Tx, env: str) -> None:
    marks.put(tx, env, CHANGES, marks.get(tx, env, CHANGES, 0) + 1)


def every(tx: Tx, env: str) -> Sequence[str]:
    """The whole list."""
    return tx.execute(sa.select(blocked_networks.c.network).where(blocked_networks.c.env == env)).scalars().all()


def listed(tx: Tx, env: str, *, cursor: str | None = None, limit: int = 100) -> Page[Blocked]:
    """The list in order of name."""
    columns = blocked_networks.c
    statement = sa.select(columns.network, columns.reason, columns.at, columns.who).where(columns.env == env)
    if cursor is not None:
        statement = statement.where(columns.network > sa.bindparam(None, place_of(cursor, str)[0], columns.network.type))
    rows = tx.execute(statement.order_by(columns.network).limit(limit + 1))
    return page([Blocked(*row) for row in rows], limit, lambda one: (one.network,))
