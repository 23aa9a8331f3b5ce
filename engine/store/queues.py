"""How much waits, and how long: what a page asks every two seconds. Nothing is counted beyond a bound, whatever has piled up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import sqlalchemy as sa

from engine.store.messages import PRIORITIES
from engine.store.schema import events, timers
from engine.store.store import Tx

MOST = 20_000  # rows that one count looks at


@dataclass(frozen=True, slots=True)
class Count:
    """How many; `more`: there are more than were counted."""

    number: int
    more: bool = False


def _counted(tx: Tx, inner: sa.Select[tuple[int]]) -> Count:
    number = int(tx.execute(sa.select(sa.func.count()).select_from(inner.limit(MOST + 1).subquery())).scalar() or 0)
    return Count(min(number, MOST), number > MOST)


def inbox(tx: Tx, env: str) -> Count:
    """Events that wait to be judged."""
    return _counted(tx, sa.select(events.c.seq).where(events.c.env == env, sa.text("NOT done")).order_by(events.c.seq))


def oldest_event(tx: Tx, env: str) -> int | None:
    """When the event was received that has waited longest to be judged."""
    statement = sa.select(events.c.received).where(events.c.env == env, sa.text("NOT done")).order_by(events.c.seq).limit(1)
    found: int | None = tx.execute(statement).scalar()
    return found


def queued(tx: Tx, env: str, channels: Sequence[str]) -> dict[str, Count]:
    """Messages of each channel that have not left. One statement, as it is asked every two seconds."""
    statement, names = _counts(tuple(channels), tx.is_postgresql)
    row = tx.execute(statement, {"env": env, "most": MOST + 1, **names}).one()
    return {channel: Count(min(int(number), MOST), number > MOST) for channel, number in zip(channels, row, strict=True)}


@lru_cache(maxsize=8)
def _counts(channels: tuple[str, ...], is_postgresql: bool) -> tuple[sa.TextClause, dict[str, str]]:
    # Left to itself SQLite would go by the state, and read every row.
    by = "" if is_postgresql else "INDEXED BY ix_messages_queue"
    counts = [
        f"(SELECT count(*) FROM (SELECT 1 FROM messages {by} WHERE env = :env AND channel = :channel_{at}"
        " AND state IN ('queued', 'waiting') LIMIT :most) AS counted)"
        for at in range(len(channels))
    ]
    return sa.text(f"SELECT {', '.join(counts)}"), {f"channel_{at}": channel for at, channel in enumerate(channels)}


def oldest_message(tx: Tx, env: str, channels: Sequence[str], now: int) -> int | None:
    """Since when the message could have left that has waited longest."""
    statement, names = _oldest(tuple(channels))
    row = tx.execute(statement, {"env": env, "now": now, **names}).one()
    return min((int(since) for since in row if since is not None), default=None)


@lru_cache(maxsize=8)
def _oldest(channels: tuple[str, ...]) -> tuple[sa.TextClause, dict[str, str]]:
    looks = [
        f'(SELECT CASE WHEN not_before > "at" THEN not_before ELSE "at" END FROM messages WHERE env = :env AND channel = :channel_{at}'
        f" AND priority = {priority} AND not_before <= :now AND state IN ('queued', 'waiting') ORDER BY not_before, seq LIMIT 1)"
        for at in range(len(channels))
        for priority in PRIORITIES
    ]
    return sa.text(f"SELECT {', '.join(looks)}"), {f"channel_{at}": channel for at, channel in enumerate(channels)}


def timers_of(tx: Tx, env: str, rules: Iterable[str]) -> Mapping[str, Count]:
    """Timers that stand, by rule."""
    return {rule: _counted(tx, sa.select(timers.c.serial).where(timers.c.env == env, timers.c.rule == rule)) for rule in rules}
