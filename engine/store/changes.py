"""What was said of people, as it was before and after: profiles and suppressions. From it a replay knows them as they were."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.core.facts import Cell, UserCell
from engine.store import bulk, codec
from engine.store.columns import Among, names
from engine.store.schema import changes
from engine.store.store import Tx

PROFILE = ("phone", "timezone", "locale", "attributes")
Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """Of one cell, `user:<id>` or `phone:<number>`: only what has changed. `was` None: the user was not known."""

    cell: str
    was: Facts | None
    became: Facts


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change as it is kept: in which decision (its seq), of what cause, when."""

    seq: int
    decision: int
    cause: str
    at: int
    change: Change


def between(id: str, old: Cell | None, new: Cell) -> Change | None:
    """What a judgement has changed of what is said of somebody; None for most."""
    if type(new) is UserCell:
        if not isinstance(old, UserCell):
            return Change(id, None, {name: value for name in PROFILE if (value := getattr(new, name))})
        if old.attributes is new.attributes and old.phone == new.phone and old.timezone == new.timezone and old.locale == new.locale:
            return None
        differ = [name for name in PROFILE if getattr(old, name) != getattr(new, name)]
        return Change(id, _facts(old, differ), _facts(new, differ)) if differ else None
    before = old.suppressed if old is not None else frozenset()
    if before == new.suppressed or not id.startswith("phone:"):
        return None
    return Change(id, {"suppressed": sorted(before)}, {"suppressed": sorted(new.suppressed)})


def _facts(cell: UserCell, wanted: Collection[str]) -> Facts:
    return {name: getattr(cell, name) for name in wanted}


def add(tx: Tx, env: str, new: Iterable[tuple[int, str, int, Change]]) -> None:
    """Keep changes: (seq of the decision, its cause, its instant, the change)."""
    rows = [
        {
            "env": env,
            "cell": change.cell,
            "decision": decision,
            "cause": cause,
            "at": at,
            "body": codec.dumps([change.cell, change.was, change.became]),
        }
        for decision, cause, at, change in new
    ]
    bulk.insert(tx, changes, rows)


def page(tx: Tx, env: str, *, since: int, after: tuple[int, int] = (0, 0), limit: int = 1000) -> list[Recorded]:
    """Changes made at `since` or later, in the recorded order, after (decision, seq)."""
    columns = changes.c
    statement = sa.select(columns.seq, columns.decision, columns.cause, columns.at, columns.body)
    statement = statement.where(columns.env == env, columns.at >= since, sa.tuple_(columns.decision, columns.seq) > after)
    rows = tx.execute(statement.order_by(columns.decision, columns.seq).limit(limit))
    return [Recorded(row.seq, row.decision, row.cause, row.at, Change(*codec.loads(row.body))) for row in rows]


def of_cells(tx: Tx, env: str, cells: Collection[str]) -> list[Recorded]:
    """Everything kept of these cells, in the recorded order."""
    columns = changes.c
    statement = sa.select(columns.seq, columns.decision, columns.cause, columns.at, columns.body)
    statement = statement.where(columns.env == env, Among(columns.cell, names("cells"))).order_by(columns.decision, columns.seq)
    rows = tx.execute(statement, {"cells": list(cells)})
    return [Recorded(row.seq, row.decision, row.cause, row.at, Change(*codec.loads(row.body))) for row in rows]


def forget(tx: Tx, env: str, cells: Collection[str]) -> None:
    """Delete what is kept of these cells."""
    tx.execute(sa.delete(changes).where(changes.c.env == env, Among(changes.c.cell, names("cells"))), {"cells": list(cells)})


def forget_before(tx: Tx, env: str, at: int, limit: int) -> int:
    """Delete changes made before an instant, among the oldest so many; how many."""
    columns = changes.c
    oldest = sa.select(columns.seq, columns.at).where(columns.env == env).order_by(columns.seq).limit(limit).subquery()
    chosen = sa.select(oldest.c.seq).where(oldest.c.at < at)
    return tx.execute(sa.delete(changes).where(columns.seq.in_(chosen))).rowcount
