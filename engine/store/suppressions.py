"""What stops messages to a number, as a list for people. The phone's cell decides; cells.save keeps this list like it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from engine.store import bulk
from engine.store.columns import Among, names
from engine.store.paging import Page, page, place_of
from engine.store.schema import suppressions
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Suppression:
    """A number that gets no messages of a scope: a message type, `all`, or `blocked`."""

    phone: str
    scope: str
    reason: str
    at: int


def note(tx: Tx, env: str, entries: Collection[Suppression]) -> None:
    """Say why, before the cell is saved. What stands already stays."""
    rows = [{"env": env, "phone": one.phone, "scope": one.scope, "reason": one.reason, "at": one.at} for one in entries]
    bulk.insert(tx, suppressions, rows, on_conflict="nothing")


def mirror(tx: Tx, env: str, stops: Mapping[str, frozenset[str]], at: int) -> None:
    """Make the list say of these phones what their cells say."""
    if not stops:
        return
    kept = suppressions.c
    listed = tx.execute(sa.select(kept.phone, kept.scope).where(kept.env == env, Among(kept.phone, names("phones"))), {"phones": stops})
    for phone, scope in listed.all():
        if scope not in stops.get(phone, ()):
            tx.execute(sa.delete(suppressions).where(kept.env == env, kept.phone == phone, kept.scope == scope))
    note(tx, env, [Suppression(phone, scope, "", at) for phone, scopes in sorted(stops.items()) for scope in sorted(scopes)])


def listed(tx: Tx, env: str, *, phone: str | None = None, cursor: str | None = None, limit: int = 100) -> Page[Suppression]:
    """Suppressions in order of phone and scope."""
    columns = suppressions.c
    statement = sa.select(columns.phone, columns.scope, columns.reason, columns.at).where(columns.env == env)
    if phone is not None:
        statement = statement.where(columns.phone == phone)
    if cursor is not None:
        place = place_of(cursor, str, str)
        after = [sa.bindparam(None, part, columns.phone.type) for part in place]
        statement = statement.where(sa.tuple_(columns.phone, columns.scope) > sa.tuple_(*after))
    rows = tx.execute(statement.order_by(columns.phone, columns.scope).limit(limit + 1))
    return page([Suppression(*row) for row in rows], limit, lambda one: (one.phone, one.scope))
