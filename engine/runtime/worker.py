"""The worker: takes events from the inbox and timers that are due, in order of time, and decides them in one transaction."""

from __future__ import annotations

from engine.runtime import adopting
from engine.runtime.adopting import Adopting
from engine.runtime.books import ENVIRONMENTS, Books
from engine.runtime.campaigns import Campaigns
from engine.runtime.clock import Clock
from engine.runtime.desk import Desk
from engine.runtime.ticks import set_tick
from engine.store import events, timers
from engine.store.events import Received
from engine.store.inbox import Look, look
from engine.store.store import Store, Tx

BATCH = 200  # events, and timers, that one transaction takes
_MOMENT = 1_000_000
PATIENCE = 10  # batches that a page of a campaign lets pass while more of them wait


class Worker:
    """Judges what has come in and what is due. `step` may be called from one thread at a time per environment."""

    def __init__(self, store: Store, books: Books, clock: Clock, campaigns: Campaigns | None = None) -> None:
        self._store = store
        self._books = books
        self._clock = clock
        self._campaigns = campaigns if campaigns is not None else Campaigns(store, books, clock)
        self._adopting = Adopting(store, books)
        self._batches: dict[str, int] = {}  # by environment, since the last page of a campaign
        self.more_waits = False  # likely: in this round a batch took as much as it may, or a page of many was judged

    def look(self) -> dict[str, Look]:
        """What waits, by environment: a round begins. Without the write lock: an idle service writes nothing."""
        self.more_waits = False
        with self._store.glance() as tx:
            return look(tx, ENVIRONMENTS)

    def step(self, env: str, seen: Look | None = None) -> bool:
        """Decide one batch of what waits. Where nothing waits, or many batches have gone before: renew one page of users for a new book,
        and judge one page of a campaign. False: there was nothing to do (or somebody else is at it)."""
        seen = seen or self.look()[env]
        waits = seen.waits(self._clock.now())
        if waits and self._batches.get(env, 0) < PATIENCE:
            if self._store.transact(lambda tx: self._batch(tx, env)):
                self._batches[env] = self._batches.get(env, 0) + 1
                return True
            waits = False
        self._batches[env] = 0
        adopted = adopting.is_under_way(seen.adoption) and self._adopting.step(env)
        paged = seen.campaign and self._campaigns.step(env)
        self.more_waits |= adopted or paged
        return paged or adopted or waits

    def next_due(self, env: str, seen: Look) -> int | None:
        """When the next timer is due, or a campaign may go on."""
        goes_on = self._campaigns.next_due(env) if seen.campaign else None
        return min((instant for instant in (seen.due, goes_on) if instant is not None), default=None)

    def _batch(self, tx: Tx, env: str) -> bool:
        if not events.lock_inbox(tx, env):
            return False
        now = events.settled(tx, self._clock.now)
        desk = self._books.desk(tx, env)
        if desk is None:
            return False
        taken = events.take(tx, env, BATCH)
        inbox = _settled(taken, now)
        # Timers due at the instant of an event come after it, so only those before `now` are certain to have no event before them.
        horizon = now if len(taken) < BATCH or not inbox else min(now, inbox[-1].event.received)
        due = timers.due(tx, env, horizon - 1, BATCH)
        if len(due) >= BATCH:
            horizon = due[-1].due + 1
            inbox = [one for one in inbox if one.event.received < horizon]
        if not inbox and not due:
            return False
        self.more_waits |= len(taken) == BATCH or len(due) >= BATCH
        desk.prefetch([one.event for one in inbox], due)
        desk.line_up(due)
        self._judge(desk, inbox, horizon)
        desk.save()
        events.mark_done(tx, [one.seq for one in inbox])
        return True

    def _judge(self, desk: Desk, inbox: list[Received], horizon: int) -> None:
        for one in inbox:
            event = one.event
            self._settle_before(desk, event.received)
            desk.begin(event.received, "event", event.id, source=event.source)
            desk.clockwork.event(event, event.received)
        self._settle_before(desk, horizon)

    def _settle_before(self, desk: Desk, instant: int) -> None:
        while (due := desk.next_due()) is not None and due < instant:
            taken = desk.take_due(due)
            desk.begin(due, "timer", taken[0].id if len(taken) == 1 else None)
            ticks = [timer.item for timer in taken if timer.kind == "tick" and timer.item is not None]
            desk.clockwork.settle([timer for timer in taken if timer.kind != "tick"], ticks, due)
            for tick in ticks:
                set_tick(desk, tick.rule, due)


def _settled(taken: list[Received], now: int) -> list[Received]:
    """Without those that came since `now`: another one that is still being accepted may stand before them, and so may a timer. What lies
    further ahead was accepted before the clock was set back."""
    return [one for one in taken if not now < one.event.received <= now + _MOMENT]
