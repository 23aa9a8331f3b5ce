"""One look at what may wait to be judged, in every environment at once: the worker asks it before each of its rounds."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Look:
    """What waits in an environment: an event in the inbox; the due instant of the next timer, None without one."""

    event: bool
    due: int | None

    def waits(self, now: int) -> bool:
        """Whether there is something to judge."""
        return self.event or (self.due is not None and self.due < now)


def look(tx: Tx, environments: tuple[str, ...]) -> dict[str, Look]:
    """By environment, in one statement."""
    row = tx.execute(_statement(tx.is_postgresql, len(environments)), {f"env{at}": env for at, env in enumerate(environments)}).one()
    return {env: Look(bool(row[2 * at]), row[2 * at + 1]) for at, env in enumerate(environments)}


_STATEMENTS: dict[tuple[bool, int], sa.TextClause] = {}


def _statement(is_postgresql: bool, number: int) -> sa.TextClause:
    found = _STATEMENTS.get((is_postgresql, number))
    if found is None:
        # Left to itself SQLite would look through them all.
        hint = "" if is_postgresql else " INDEXED BY ix_events_inbox"
        parts = [
            f"EXISTS (SELECT 1 FROM events{hint} WHERE env = :env{at} AND NOT done), "
            f"(SELECT due FROM timers WHERE env = :env{at} ORDER BY due, serial LIMIT 1)"
            for at in range(number)
        ]
        found = _STATEMENTS[is_postgresql, number] = sa.text("SELECT " + ", ".join(parts))
    return found
