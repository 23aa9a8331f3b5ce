"""The queue strip: how fast messages leave, how much waits and how long; and the minute-by-minute record behind its lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.runtime.books import ENVIRONMENTS
from engine.runtime.clock import Clock
from engine.store import figures, queues, switches
from engine.store.figures import HOUR, MINUTE
from engine.store.queues import Count
from engine.store.store import Store, Tx
from engine.store.switches import Switch
from rules.model import CHANNELS

AWAITED = 72 * HOUR  # receipts that have not come by then hardly ever do
SHOWN = 60 * MINUTE  # what the lines show
_FOLD_EVERY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Strip:
    """How things stand. Waits are microseconds; None: nothing waits. `lines`: name -> (minute, value) of the last hour."""

    at: int
    sent: int  # accepted by providers in the minute before this one
    inbox: Count
    queued: Count
    queued_by_channel: Mapping[str, Count]
    oldest_event: int | None
    oldest_message: int | None
    awaiting: int  # receipts, of messages of the last 72 hours
    timers: int
    switches: Sequence[Switch]
    lines: Mapping[str, Sequence[tuple[int, int]]]


def strip(tx: Tx, env: str, now: int) -> Strip:
    """The strip as of now. What is counted (`sent`, `awaiting`, `timers`) is some two seconds old."""
    by_channel = queues.queued(tx, env, CHANNELS)
    queued = Count(sum(one.number for one in by_channel.values()), any(one.more for one in by_channel.values()))
    event, message = queues.oldest_event(tx, env), queues.oldest_message(tx, env, CHANNELS, now)
    sent = {at: sum(by.values()) for at, by in figures.by_time(tx, env, "sent", figures.minute(now) - SHOWN).items()}
    this = figures.minute(now)
    samples = figures.samples(tx, env, this - SHOWN)
    lines = {name: [(at, int(values.get(name, 0))) for at, values in samples] for name in SAMPLED}
    lines["sent"] = [(at, sent.get(at, 0)) for at in range(this - SHOWN, this, MINUTE)]
    return Strip(
        at=now,
        sent=sent.get(this - MINUTE, 0),
        inbox=queues.inbox(tx, env),
        queued=queued,
        queued_by_channel=by_channel,
        oldest_event=None if event is None else max(now - event, 0),
        oldest_message=None if message is None else max(now - message, 0),
        awaiting=_awaiting(tx, env, now),
        timers=_timers(tx, env),
        switches=switches.in_force(tx, env),
        lines=lines,
    )


def _awaiting(tx: Tx, env: str, now: int) -> int:
    return max(figures.of(tx, env, "all", figures.hour(now - AWAITED))["message accepted"], 0)


def _timers(tx: Tx, env: str) -> int:
    return max(figures.of(tx, env, "timers")["pending"], 0)


# ---- minute by minute -------------------------------------------------------------------------------------------------------------------

SAMPLED = ("inbox", "queued", "oldest", "awaiting", "timers")


def _sample(tx: Tx, env: str, now: int) -> Mapping[str, Any]:
    event, message = queues.oldest_event(tx, env), queues.oldest_message(tx, env, CHANNELS, now)
    waits = [now - since for since in (event, message) if since is not None]
    return {
        "inbox": queues.inbox(tx, env).number,
        "queued": sum(one.number for one in queues.queued(tx, env, CHANNELS).values()),
        "oldest": max([0, *waits]),
        "awaiting": _awaiting(tx, env, now),
        "timers": _timers(tx, env),
    }


class Keeper:
    """Adds up what was counted, and keeps a sample of every minute. `turn` is called often and mostly does nothing."""

    def __init__(self, store: Store, clock: Clock, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._next = float("-inf")
        self._sampled = -1

    def turn(self) -> None:
        """A step, unless the last one was less than two seconds ago."""
        if self._monotonic() >= self._next:
            self._next = self._monotonic() + _FOLD_EVERY_SECONDS
            self.step()

    def step(self) -> None:
        """Add up all that was counted, and look how full things are when a new minute has begun."""
        with self._store.read() as tx:  # an idle service writes nothing
            waits = figures.waits(tx)
        while waits and self._store.transact(figures.fold):
            pass
        minute = figures.minute(self._clock.now())
        if minute != self._sampled:
            self._store.transact(lambda tx: self._keep(tx, minute))
            self._sampled = minute

    @staticmethod
    def _keep(tx: Tx, minute: int) -> None:
        for env in ENVIRONMENTS:
            figures.sample(tx, env, minute, _sample(tx, env, minute))
