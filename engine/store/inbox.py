"""One look at what may wait for the worker, in every environment at once: before each round, and all that an idle one asks."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from engine.store.marks import ADOPT
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Look:
    """What waits in an environment: an event in the inbox; the due instant of the next timer, None without one; the mark of the last job
    that adopted a book, as it is kept; whether a campaign is running."""

    event: bool
    due: int | None
    adoption: str | None
    campaign: bool

    def waits(self, now: int) -> bool:
        """Whether there is something to judge."""
        return self.event or (self.due is not None and self.due < now)


def look(tx: Tx, environments: tuple[str, ...]) -> dict[str, Look]:
    """By environment, in one statement."""
    row = tx.run(_statement(tx.is_postgresql, len(environments)), {f"env{at}": env for at, env in enumerate(environments)}).one()
    found = {}
    for at, env in enumerate(environments):
        event, due, adoption, campaign = row[_PARTS * at : _PARTS * (at + 1)]
        found[env] = Look(bool(event), due, adoption, bool(campaign))
    return found


_PARTS = 4  # of an environment
_STATEMENTS: dict[tuple[bool, int], sa.TextClause] = {}


def _statement(is_postgresql: bool, number: int) -> sa.TextClause:
    found = _STATEMENTS.get((is_postgresql, number))
    if found is None:
        # Left to itself SQLite would look through them all.
        hint = "" if is_postgresql else " INDEXED BY ix_events_inbox"
        parts = [
            f"EXISTS (SELECT 1 FROM events{hint} WHERE env = :env{at} AND NOT done), "
            f"(SELECT due FROM timers WHERE env = :env{at} ORDER BY due, serial LIMIT 1), "
            f"(SELECT body FROM marks WHERE env = :env{at} AND name = '{ADOPT}'), "
            f"EXISTS (SELECT 1 FROM campaigns WHERE env = :env{at} AND state = 'running')"
            for at in range(number)
        ]
        found = _STATEMENTS[is_postgresql, number] = sa.text("SELECT " + ", ".join(parts))
    return found
