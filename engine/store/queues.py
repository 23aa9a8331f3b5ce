"""How much waits, and how long: what a page asks every two seconds. Nothing is counted beyond a bound, whatever has piled up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.messages import PRIORITIES
from engine.store.schema import events, messages, timers
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


_WAITS = sa.text("state IN ('queued', 'waiting')")


def queued(tx: Tx, env: str, channel: str) -> Count:
    """Messages of a channel that have not left."""
    statement = _QUEUED if tx.is_postgresql else _QUEUED_SQLITE
    number = int(tx.execute(statement, {"env": env, "channel": channel, "most": MOST + 1}).scalar() or 0)
    return Count(min(number, MOST), number > MOST)


_QUEUED_TEXT = (
    "SELECT count(*) FROM (SELECT 1 FROM messages {by} WHERE env = :env AND channel = :channel AND state IN ('queued', 'waiting')"
    " LIMIT :most) AS counted"
)
_QUEUED = sa.text(_QUEUED_TEXT.format(by=""))
# Left to itself SQLite would go by the state, and read every row.
_QUEUED_SQLITE = sa.text(_QUEUED_TEXT.format(by="INDEXED BY ix_messages_queue"))


def oldest_message(tx: Tx, env: str, channels: Iterable[str], now: int) -> int | None:
    """Since when the message could have left that has waited longest."""
    columns = messages.c
    found = []
    for channel in channels:
        for priority in PRIORITIES:
            statement = sa.select(columns.at, columns.not_before).where(
                columns.env == env, columns.channel == channel, columns.priority == priority, columns.not_before <= now, _WAITS
            )
            row = tx.execute(statement.order_by(columns.not_before, columns.seq).limit(1)).one_or_none()
            if row is not None:
                found.append(max(row.at, row.not_before))
    return min(found, default=None)


def timers_of(tx: Tx, env: str, rules: Iterable[str]) -> Mapping[str, Count]:
    """Timers that stand, by rule."""
    return {rule: _counted(tx, sa.select(timers.c.serial).where(timers.c.env == env, timers.c.rule == rule)) for rule in rules}
