"""The virtual clock: the same `decide` over a store in memory. `simulate`, rule tests, `explain` and `compare` all run this.

Lines of one instant come out in order of user, rule, occurrence, a verdict before its message.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.calendar import next_ticks
from engine.core.case import NEVER
from engine.core.clockwork import Clockwork
from engine.core.facts import Event
from engine.core.occurrences import Occurrence, OptOut, Receipt, UserChange
from engine.core.outcomes import Conversion, Decision, Item, Message, Timer, Verdict
from engine.core.phones import normalise
from engine.core.plan import BookPlan
from engine.core.trace import Trace
from engine.core.zones import format_instant
from engine.simulate.memory import Memory
from rules.model import CronSchedule, FestivalSchedule, OnceSchedule

Happening = Verdict | Message


@dataclass(frozen=True, slots=True)
class ScriptedReceipt:
    """What a provider says in a simulation. `at` None: of every message of the rule (and user); `user` None: of anybody."""

    rule: str
    status: str  # delivered | undelivered | rejected | none
    at: int | None = None
    user: str | None = None


class Script:
    """The scripted receipts, by rule, in order of time."""

    def __init__(self, receipts: Iterable[ScriptedReceipt] = ()) -> None:
        timed = sorted((receipt for receipt in receipts if receipt.at is not None), key=lambda receipt: receipt.at or 0)
        self.always = tuple(receipt for receipt in receipts if receipt.at is None)
        self.timed = tuple(timed)
        self.rules = frozenset(receipt.rule for receipt in (*self.timed, *self.always))
        self.position = 0

    def next_at(self) -> int | None:
        """The instant of the next receipt."""
        return self.timed[self.position].at if self.position < len(self.timed) else None

    def take(self, now: int) -> list[ScriptedReceipt]:
        """The receipts that come by now."""
        taken = []
        while (at := self.next_at()) is not None and at <= now:
            taken.append(self.timed[self.position])
            self.position += 1
        return taken

    def at_once(self, rule: str, user: str | None) -> str | None:
        """What is said of every message of the rule and user, if anything."""
        return next((one.status for one in self.always if one.rule == rule and one.user in (None, user)), None)

    def speaks(self, rule: str, user: str | None, since: int, until: int) -> bool:
        """Whether a receipt comes for the rule and user in `[since, until]`."""
        low = bisect_left(self.timed, since, lo=self.position, key=lambda receipt: receipt.at or 0)
        for receipt in self.timed[low:]:
            if (receipt.at or 0) > until:
                return False
            if receipt.rule == rule and receipt.user in (None, user):
                return True
        return False


class Simulation:
    """One run. Feed it users, then events in order of `received`; it yields what happened, instant by instant.

    `start` and `until` bound the schedules' ticks and what is printed (None: from the first event, to the last). Between two events its
    `state` can be saved and gone on with. `verdicts` False leaves verdicts out; `traces` collects how every rule was judged.
    """

    def __init__(
        self,
        book: BookPlan,
        *,
        start: int | None = None,
        until: int | None = None,
        receipts: Iterable[ScriptedReceipt] = (),
        verdicts: bool = True,
        traces: list[Trace] | None = None,
    ) -> None:
        self.book = book
        self.start = start
        self.until = until
        self.script = Script(tuple(receipts))
        self.verdicts = verdicts
        self.traces = traces
        self.memory = Memory()
        self._clockwork = Clockwork(book, self.memory, self._took, traces=traces)
        self.now: int | None = None
        self.conversions: list[Conversion] = []
        self._newcomers: list[tuple[str, Mapping[str, Any], Sequence[str]]] = []
        self._lines: list[Happening] = []
        self._latest: dict[tuple[str, str | None], Message] = {}
        self._latest_of_rule: dict[str, Message] = {}
        self._awaiting: set[str] = set()  # ids of messages of a chain for which a receipt is scripted
        self._heard: set[str] = set()  # ids of messages whose last word has been said: repeated receipts change nothing
        self._cancelled: set[str] = set()  # timers that ended at this instant, after they were taken out
        self._ticks: list[int | None] = []
        self._next_tick_at = NEVER

    # ---- feeding -------------------------------------------------------------------------------------------------------------------

    def add_user(self, user: str, profile: Mapping[str, Any], suppressed: Sequence[str] = ()) -> None:
        """Somebody who is there from the start, known silently."""
        self._newcomers.append((user, profile, suppressed))

    def run(self, events: Iterable[Event]) -> Iterator[list[Happening]]:
        """Judge the events and all that time brings up to the end; yields the happenings of each instant, in order."""
        for event in events:
            # What `feed` does, without a generator for each of the many events that nothing was due before.
            received = event.received
            if self.now is None or (self.until is not None and received > self.until):
                yield from self.feed(event)
                continue
            if received > self.now:
                if self._next_instant() < received:
                    yield from self._advance(received)
                else:
                    page = self._turn_page(received)
                    if page:
                        yield page
            self._clockwork.event(event, received)
        yield from self.finish()

    def feed(self, event: Event) -> Iterator[list[Happening]]:
        """Judge one event, after everything that was due before it. Events after `until` are not judged."""
        if self.until is not None and event.received > self.until:
            return
        if self.now is None:
            self._begin(event.received if self.start is None else min(self.start, event.received), event.received)
        if event.received > (self.now or 0):
            yield from self._advance(event.received)
        self._clockwork.event(event, event.received)

    def finish(self) -> Iterator[list[Happening]]:
        """Let the clock run to the end: `until`, else the last event."""
        if self.now is None:
            if self.start is None:
                return
            self._begin(self.start, self.start)
        end = self.until if self.until is not None else self.now
        assert end is not None
        yield from self._advance(end + 1)

    def pending(self) -> list[Timer]:
        """Timers and waiting messages that are left."""
        return [timer for timer in self.memory.timers.values() if timer.kind in ("due", "release")]

    def ticks(self) -> list[int]:
        """The next tick of every schedule of the book that still has one."""
        return [tick for tick in self._ticks if tick is not None]

    def state(self) -> dict[str, Any]:
        """Everything but the book, to be pickled; `resume` goes on with it."""
        return {name: value for name, value in self.__dict__.items() if name not in ("book", "traces", "_clockwork")}

    @classmethod
    def resume(cls, book: BookPlan, state: Mapping[str, Any], traces: list[Trace] | None = None) -> Simulation:
        """A simulation that goes on where `state` was taken, with the same book."""
        simulation = cls(book, traces=traces)
        simulation.__dict__.update(state)
        simulation._clockwork = Clockwork(book, simulation.memory, simulation._took, traces=traces, ticks_since=simulation.start)
        return simulation

    # ---- the clock ------------------------------------------------------------------------------------------------------------------

    def _begin(self, now: int, first_event: int) -> None:
        self.now = now
        if self.start is None:
            self.start = first_event
        self._clockwork.ticks_since = self.start
        for user, profile, suppressed in self._newcomers:
            self._judge(UserChange(user, profile))
            phone = normalise(profile.get("phone"))
            if suppressed and phone is not None:
                self._judge(OptOut(phone, frozenset(suppressed)))
        self._newcomers = []
        self._lines = []
        self._ticks = [self._next_tick(at, self.start - 1) for at in range(len(self.book.ticks))]
        self._next_tick_at = min([tick for tick in self._ticks if tick is not None], default=NEVER)

    def _next_tick(self, at: int, after: int) -> int | None:
        schedule = self.book.ticks[at].schedule
        assert isinstance(schedule, CronSchedule | OnceSchedule | FestivalSchedule)
        return next_ticks(schedule, after, self.book.zone)

    def _advance(self, until: int) -> Iterator[list[Happening]]:
        """Settle every instant before `until`, then stand at `until`."""
        while (due := self._next_instant()) < until:
            now = self.now or 0
            if due > now:
                now = due
                page = self._turn_page(now)
                if page:
                    yield page
            self._settle(now)
        page = self._turn_page(until)
        if page:
            yield page

    def _turn_page(self, now: int) -> list[Happening]:
        """The happenings of the instant that is over, in order; the clock then stands at `now`."""
        lines = self._lines
        page: list[Happening] = []
        if lines:
            assert self.start is not None
            self._lines = []
            if (self.now or 0) >= self.start:
                if len(lines) > 1:
                    lines.sort(key=_place)
                page = lines
        self.now = now
        if now >= self.memory.sweep_at:
            self.memory.sweep(now)
        return page

    def _next_instant(self) -> int:
        """When something is due next, NEVER if nothing is; what a judgement has made due at once may lie behind the clock."""
        due = self.memory.next_due()
        at = self._next_tick_at if due is None or self._next_tick_at < due else due
        if self.script.timed and (said := self.script.next_at()) is not None and said < at:
            return said
        return at

    def _settle(self, now: int) -> None:
        """All that is due at one instant."""
        ticks = self._take_ticks(now) if self._next_tick_at <= now else ()
        if self._cancelled:
            self._cancelled.clear()
        self._clockwork.settle(self.memory.take_due(now), ticks, now, self._receive if self.script.timed else None)

    def _take_ticks(self, now: int) -> list[Item]:
        items = []
        for at, tick in enumerate(self._ticks):
            if tick is not None and tick <= now:
                items.append(Item(self.book.ticks[at].rule.id, format_instant(tick), tick))
                self._ticks[at] = self._next_tick(at, tick)
        self._next_tick_at = min([tick for tick in self._ticks if tick is not None], default=NEVER)
        return items

    # ---- judging --------------------------------------------------------------------------------------------------------------------

    def _judge(self, occurrence: Occurrence) -> None:
        assert self.now is not None
        self._clockwork.judge(occurrence, self.now)

    def _took(self, decision: Decision) -> None:
        self.memory.apply(decision)
        if decision.cancelled:
            self._cancelled.update(decision.cancelled)
        if self.verdicts:
            self._lines += decision.verdicts() if decision.misses else decision.judged
        if decision.conversions:
            self.conversions += decision.conversions
        for message in decision.messages:
            self._send(message)

    def _send(self, message: Message) -> None:
        self._lines.append(message)
        if not message.rest and message.rule not in self.script.rules:
            return
        key = (message.rule, message.user or message.phone)
        before = self._latest.get(key)
        if before is not None and before.id in self._awaiting and before.occurrence != message.occurrence:
            self._hear(before, "delivered")  # its receipt belongs to the new message: nothing says otherwise of the old one
        self._latest[key] = self._latest_of_rule[message.rule] = message
        at_once = self.script.at_once(message.rule, message.user)
        if at_once is not None:
            if at_once != "none":
                self._heard.add(message.id)
                self._hear(message, at_once)
        elif message.rest and self.script.speaks(message.rule, message.user, message.at, self._patience(message)):
            self._awaiting.add(message.id)
        elif message.rest:
            self._hear(message, "delivered")

    def _patience(self, message: Message) -> int:
        return message.at + self.book.rules[message.rule].rule.send.fallback_after.micros

    def _receive(self) -> set[str]:
        """Judge the receipts of this instant; gives the timers that have ended by now."""
        assert self.now is not None
        for receipt in self.script.take(self.now):
            if receipt.user is not None:
                message = self._latest.get((receipt.rule, receipt.user))
            else:
                message = self._latest_of_rule.get(receipt.rule)
            if message is None or message.id in self._heard:
                continue
            if receipt.status == "none":
                self._awaiting.discard(message.id)
            else:
                self._heard.add(message.id)
                self._hear(message, receipt.status)
        return self._cancelled

    def _hear(self, message: Message, status: str) -> None:
        self._awaiting.discard(message.id)
        assert self.now is not None
        self._judge(Receipt(message, status, self.now <= self._patience(message)))


def _place(happening: Happening) -> tuple[bool, str, str, str, bool]:
    """Where a happening stands among those of its instant: by user (null first), rule, occurrence, a verdict before its message."""
    user = happening.user
    return (user is not None, user or happening.phone or "", happening.rule, happening.occurrence, type(happening) is Message)
