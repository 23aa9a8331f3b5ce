"""Housekeeping: what is older than the settings say goes, and cells that say nothing any more. In small transactions, the oldest first.

What is still at work stays, however old: events not judged yet, messages that have not ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from engine.runtime.books import ENVIRONMENTS
from engine.runtime.clock import Clock
from engine.settings import Retention
from engine.store import (
    attempts,
    cells,
    changes,
    decisions,
    deliveries,
    events,
    figures,
    idempotency,
    messages,
    stories,
    timers,
    verifications,
)
from engine.store.store import Store, Tx
from rules.model import DAY, MINUTE

EVERY_SECONDS = 60.0
LINKED_STORIES = 365 * DAY  # how long a story without a name is kept for its link
BATCH = 500  # rows of one transaction: others wait for it no longer than for a batch of events
IDEMPOTENCY = DAY  # how long an Idempotency-Key has its answer
MINUTES = 2 * DAY  # how long what is counted by the minute is kept
# A cell may be needed by what is accepted a moment before it is seen, by another process with a clock that is a little slow.
MARGIN = MINUTE

Piece = Callable[[Tx], int]  # deletes at most BATCH rows; how many


class Housekeeper:
    """`step` deletes what is due; `turn` does so once a minute of the machine's time, whatever the service's clock says."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        retention: Retention | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        patience_seconds: float = 1.0,
    ) -> None:
        self._store = store
        self._clock = clock
        self._retention = retention or Retention()
        self._monotonic = monotonic
        self._patience_seconds = patience_seconds  # of one step: judging waits meanwhile; what is left is for the next one
        self._next = float("-inf")

    def turn(self) -> None:
        """A step, unless the last one was less than a minute ago."""
        if self._monotonic() >= self._next:
            self._next = self._monotonic() + EVERY_SECONDS
            self.step()

    def step(self) -> int:
        """Delete until nothing is left that is too old, or patience ends; how many rows went."""
        until = self._monotonic() + self._patience_seconds
        gone = 0
        for piece in self._pieces():
            while (some := self._store.transact(piece)) and self._monotonic() < until:
                gone += some
            gone += some
        return gone

    def _pieces(self) -> Iterator[Piece]:
        now, keep = self._clock.now(), self._retention
        of_events, of_verdicts, of_messages = (now - kept.micros for kept in (keep.events, keep.verdicts, keep.messages))
        yield lambda tx: cells.sweep(tx, _reached(tx, now) - MARGIN, BATCH)
        for env in ENVIRONMENTS:
            yield partial(events.forget_before, env=env, received=of_events, limit=BATCH)
            yield partial(changes.forget_before, env=env, at=of_events, limit=BATCH)
            yield partial(decisions.forget_before, env=env, at=of_verdicts, limit=BATCH)
            yield partial(_forget_messages, env=env, at=of_messages)
            yield partial(decisions.forget_conversions_before, env=env, at=of_messages, limit=BATCH)
            # A verification begins as an event, and holds the number as that does.
            yield partial(verifications.forget_before, env=env, expired=of_events, limit=BATCH)
            yield partial(verifications.expire, env=env, now=now, limit=BATCH)
            yield partial(deliveries.forget_before, env=env, at=of_events, limit=BATCH)
        yield partial(attempts.forget_unmatched_before, received=of_messages, limit=BATCH)
        yield partial(idempotency.forget_before, at=now - IDEMPOTENCY)
        yield partial(figures.forget_before, at=of_verdicts, limit=BATCH)
        yield partial(figures.forget_before, at=now - MINUTES, limit=BATCH, subject="sent")
        yield partial(figures.forget_samples_before, at=now - MINUTES, limit=BATCH)
        yield partial(stories.forget_before, changed=now - LINKED_STORIES, limit=BATCH)


def _forget_messages(tx: Tx, env: str, at: int) -> int:
    seqs = messages.forget_before(tx, env, at, BATCH)
    attempts.forget(tx, seqs)
    return len(seqs)


def _reached(tx: Tx, now: int) -> int:
    """How far judging has come: what waits to be judged is judged at its own instant, with the cells of that instant."""
    waiting = [one.event.received for env in ENVIRONMENTS for one in events.take(tx, env, 1)]
    due = [instant for env in ENVIRONMENTS if (instant := timers.next_due(tx, env)) is not None]
    return min([now, *waiting, *due])
