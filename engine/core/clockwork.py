"""The order of everything at one instant, over any store: live, in a simulation, in a replay.

Events are judged first, each completely; then due timers, crossings and ticks together (person by person in order of phone and id, by
priority), then releases, then receipts, then chains that heard nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from engine.core.case import Case, Cells, Work, load_person
from engine.core.facts import Event, Scope, UserCell
from engine.core.judge import decide
from engine.core.occurrences import Occurrence, Opening, Silence, Turn
from engine.core.outcomes import Decision, Item, Message, Timer
from engine.core.phones import normalise
from engine.core.plan import BookPlan
from engine.core.trace import Trace

Person = tuple[str, str]  # (phone or "", user id or "")
Invite = Callable[[Sequence[Item], int], Collection[Person] | None]


class Store(Cells, Protocol):
    """What the clockwork reads beyond cells."""

    def people(self) -> Iterable[Person]:
        """(phone or "", user id) of every user, in order."""


class Clockwork:
    """Judges occurrences in their order. `took` is called with every decision, at once, and must bring the store up to date.

    `ticks_since`: the dates of users before this instant are left alone. `invite` says whom the audiences of items that fire together may
    select, without missing anybody; None: too many, they will be judged by `visit`. Without it everybody is asked at once.
    """

    def __init__(
        self,
        book: BookPlan,
        store: Store,
        took: Callable[[Decision], None],
        *,
        traces: list[Trace] | None = None,
        ticks_since: int | None = None,
        invite: Invite | None = None,
    ) -> None:
        self.book = book
        self.store = store
        self.took = took
        self.traces = traces
        self.ticks_since = ticks_since
        self.invite = invite

    def judge(self, occurrence: Occurrence, now: int) -> Decision:
        """One occurrence by itself."""
        decision = decide(self.book, self.store, occurrence, now, self.traces)
        self.took(decision)
        return decision

    def event(self, event: Event, now: int) -> None:
        """An event, with everybody whom a broadcast reaches at once."""
        decision = self.judge(event, now)
        if decision.fanouts:
            turns = _Turns()
            self._invite([fanout.item for fanout in decision.fanouts], turns, now)
            self._take(turns, now)

    def visit(self, items: Sequence[Item], people: Collection[Person], now: int) -> int:
        """Judge those of these people whom an audience selects, each for all of the items together. How many they were."""
        turns = _Turns()
        for item in items:
            self._select(item, people, turns, now)
        self._take(turns, now)
        return len(turns.people)

    def settle(self, timers: Sequence[Timer], ticks: Sequence[Item], now: int, receive: Callable[[], set[str]] | None = None) -> None:
        """All that is due at one instant. `receive` judges the receipts of the instant and gives the timers that they cancelled."""
        if len(timers) == 1 and not ticks and receive is None and self._alone(timers[0], now):
            return
        turns, releases = _Turns(), _Turns()
        fanned_out: list[Item] = []
        waiting: list[tuple[str, Message]] = []
        for timer in timers:
            item, message = timer.item, timer.message
            if timer.kind == "due" and item is not None:
                self._gather(item, turns, fanned_out, now)
            elif timer.kind == "release" and item is not None:
                releases.item(self._person(*timer.recipient), item)
            elif timer.kind == "wake" and timer.user is not None:
                turns.wake(self._person(timer.user, None), timer.user)
            elif message is not None:
                waiting.append((timer.id, message))
        for tick in ticks:
            self._gather(tick, turns, fanned_out, now)
        if fanned_out:
            self._invite(fanned_out, turns, now)
        self._take(turns, now)
        self._take(releases, now)
        cancelled = receive() if receive is not None else set()
        for timer_id, message in waiting:
            if timer_id not in cancelled:
                self.judge(Silence(message), now)

    def _alone(self, timer: Timer, now: int) -> bool:
        """Judge what is due by itself, the common case, without sorting it among others. False: it needs the long way."""
        item = timer.item
        if timer.kind == "wake" and timer.user is not None:
            self.judge(Turn((), timer.user, self._wants_dates(now)), now)
            return True
        if item is None or (item.user is None and item.phone is None):
            return False
        self.judge(Turn((item,)), now)
        return True

    def _wants_dates(self, now: int) -> bool:
        return self.ticks_since is None or now >= self.ticks_since

    def _gather(self, item: Item, turns: _Turns, fanned_out: list[Item], now: int) -> None:
        """A due timer is a person's; one of a broadcast, and a tick, become everybody's of the audience."""
        rule = self.book.rules.get(item.rule)
        if rule is None or not rule.has_audience or item.user is not None:
            turns.item(self._recipient(item, now), item)
            return
        fanned_out += [fanout.item for fanout in self.judge(Opening(item), now).fanouts]

    def _invite(self, items: Sequence[Item], turns: _Turns, now: int) -> None:
        invited = self.invite(items, now) if self.invite is not None else None
        if invited is None and self.invite is not None:
            return
        for item in items:
            self._select(item, self.store.people() if invited is None else invited, turns, now)

    def _select(self, item: Item, people: Iterable[Person], turns: _Turns, now: int) -> None:
        rule = self.book.rules[item.rule]
        for person in people:
            cell = self.store.get("user:" + person[1])
            assert isinstance(cell, UserCell)
            scope = Scope(now, cell.zone, item.event, cell)
            if rule.audience is not None and not rule.audience.test(scope):
                if self.traces is not None:
                    self.traces.append(Trace.unselected(rule, item.occurrence, scope))
            else:
                turns.item(person, Item(item.rule, item.occurrence, item.instant, event=item.event, user=person[1]))

    def _take(self, turns: _Turns, now: int) -> None:
        for person in sorted(turns.people):
            self.judge(Turn(turns.items.get(person, ()), turns.wakes.get(person), self._wants_dates(now)), now)

    def _person(self, user: str | None, phone: str | None) -> Person:
        cell = self.store.get("user:" + user) if user is not None else None
        return ((cell.phone if isinstance(cell, UserCell) else phone) or "", user or "")

    def _recipient(self, item: Item, now: int) -> Person:
        """Who will get the message: whom `send.to` names, else the trigger's user."""
        rule = self.book.rules.get(item.rule)
        if rule is None or (rule.to_user is None and rule.to_phone is None):
            return self._person(item.user, item.phone)
        work = Work(self.book, self.store, now, None)
        scope = Case(work, rule, item, load_person(work, item)).scope
        if rule.to_user is not None:
            return self._person(rule.to_user(scope), None)
        assert rule.to_phone is not None
        return (normalise(rule.to_phone(scope)) or "", "")


class _Turns:
    """What is due at one instant, by person."""

    def __init__(self) -> None:
        self.items: dict[Person, list[Item]] = {}
        self.wakes: dict[Person, str] = {}
        self.people: set[Person] = set()

    def item(self, person: Person, item: Item) -> None:
        self.people.add(person)
        self.items.setdefault(person, []).append(item)

    def wake(self, person: Person, user: str) -> None:
        self.people.add(person)
        self.wakes[person] = user
