"""A database with a million messages in minutes: a few days of the O2O book as the service decides them, and copies of these by SQL.

Copies have users, numbers, events and keys of their own, lie one after the other over thirty days, and are as large as the originals.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.service.report import say
from engine.core.zones import parse_instant
from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.simulate import sample
from engine.store import schema
from engine.store.store import Store, Tx
from rules.loader import read_folder

BOOK = Path(__file__).resolve().parents[2] / "rules" / "books" / "o2o"
ORDERS, SEED, DAYS = 60, 3, 3
SECOND = 1_000_000
SPAN = 30 * 86_400 * SECOND
HOUR = 3600 * SECOND

# Columns that say where a row is in an order; copies go on from there.
_NUMBERED = {
    "events": {"seq": "events"},
    "decisions": {"seq": "decisions"},
    "decision_people": {"seq": "decisions"},
    "messages": {"seq": "messages", "decision": "decisions"},
    "attempts": {"seq": "attempts", "message": "messages"},
    "receipts": {"seq": "receipts", "message": "messages"},
    "timers": {"serial": "timers"},
    "conversions": {"seq": "conversions"},
}
_NAMED = {"id", "user", "ref", "person", "key", "watch_a", "watch_b", "occurrence", "provider_id"}
_INSTANTS = {"at", "time", "received", "due", "changed", "finished", "send_until", "created", "expires"}


def lived(store: Store) -> tuple[Service, TestClock]:
    """A service in which a few days have happened."""
    lines: list[Mapping[str, Any]] = sorted(sample.events(ORDERS, SEED, days=DAYS), key=_received)
    clock = TestClock(_received(lines[0]) - 1)
    service = Service(store, clock, secret=b"benchmark")
    service.publish({name: text.decode() for name, text in read_folder(BOOK).items()}, "benchmark", "benchmark")
    service.put_users("live", list(sample.users(ORDERS, SEED)))
    for line in lines:
        clock.set(_received(line))
        service.settle(sending=True)
        service.accept("live", [line])
        service.settle(sending=True)
    service.figures.step()
    return service, clock


def _received(line: Mapping[str, Any]) -> int:
    return parse_instant(line.get("received") or line["time"], None)


def fill(store: Store, clock: TestClock, wanted: int) -> dict[str, int]:
    """Copy until there are so many messages; rows of each table. The clock then stands behind the last copy."""
    with store.read() as tx:
        here = _count(tx, schema.messages)
    copies = max(-(-wanted // here) - 1, 0)
    step = SPAN // max(copies, 1)
    with store.write() as tx:
        tops = {name: _top(tx, name) for name in _NUMBERED if name != "decision_people"}
        for name, numbered in _NUMBERED.items():
            say(f"  {name}: {copies:,} copies")
            _copy(tx, schema.metadata.tables[name], numbered, tops, copies, step)
        _copy(tx, schema.people, {}, tops, copies, step)
        _copy(tx, schema.cells, {}, tops, copies, step, where="id LIKE 'user:%'")
        _spread_figures(tx, copies)
        if tx.is_postgresql:
            for name, top in tops.items():
                column = "serial" if name == "timers" else "seq"
                tx.execute(sa.text(f"SELECT setval('{name}_{column}_seq', {(copies + 1) * (top + 1)})"))
    clock.set(clock.now() + SPAN + HOUR)
    if store.is_postgresql:  # as autovacuum does; SQLite keeps no statistics by itself
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("ANALYZE"))
    with store.read() as tx:
        return {name: _count(tx, schema.metadata.tables[name]) for name in (*_NUMBERED, "people", "figures")}


def _count(tx: Tx, table: sa.Table) -> int:
    return int(tx.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0)


def _top(tx: Tx, name: str) -> int:
    column = "serial" if name == "timers" else "seq"
    return int(tx.execute(sa.text(f"SELECT max({column}) FROM {name}")).scalar() or 0)


def _copy(
    tx: Tx, table: sa.Table, numbered: Mapping[str, str], tops: Mapping[str, int], copies: int, step: int, where: str = "true"
) -> None:
    """One statement: every row, so many times, each time further on."""
    made = []
    for column in table.columns:
        name = f't."{column.name}"'
        if column.name in numbered:
            made.append(f"{name} + k * {tops[numbered[column.name]] + 1}")
        elif column.name == "expires" and table.name == "cells":
            made.append(name)
        elif column.name in _INSTANTS:
            made.append(f"{name} + CAST(k AS bigint) * {step}")
        elif column.name == "trace":
            made.append(f"{name} / 2 + k")  # of no occurrence, and not the original's
        elif column.name in _NAMED:
            made.append(f"{name} || '~' || k")
        elif column.name in ("phone", "to"):
            # Eleven digits behind +86, another block for each copy.
            made.append(
                f"CASE WHEN {name} IS NULL OR {name} = '' THEN {name} ELSE substr({name}, 1, 6) || (10000000 + k * 89 % 90000000) END"
            )
        else:
            made.append(name)
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    series = "WITH RECURSIVE s(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM s WHERE k < :copies)"
    chosen = f'SELECT {", ".join(made)} FROM s CROSS JOIN "{table.name}" AS t WHERE {where}'
    tx.execute(sa.text(f'INSERT INTO "{table.name}" ({columns}) {series} {chosen}'), {"copies": copies})


def _spread_figures(tx: Tx, copies: int) -> None:
    """What was counted of the originals, as often as there are copies, evenly over the hours."""
    hours = SPAN // HOUR
    rows = tx.execute(
        sa.text('SELECT env, subject, what, max("at") AS last, sum(number) AS number FROM figures WHERE "at" > 0 GROUP BY 1, 2, 3')
    )
    found = [dict(row._mapping) for row in rows]
    last = max(row["last"] for row in found)
    new = [
        {"env": row["env"], "subject": row["subject"], "what": row["what"], "at": last - last % HOUR + (hour + 1) * HOUR, "number": number}
        for row in found
        for hour in range(hours)
        if (number := int(row["number"]) * copies // hours or 1)
    ]
    tx.execute(sa.insert(schema.figures), new)
