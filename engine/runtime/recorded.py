"""What is recorded, judged again: events and what was said of people, in the order in which the service judged them.

People begin as they were at the first event that is kept: as they are now, less all that was said of them since. From there on they change
as they did. Traits are counted from the recorded events, so what was counted from events that are no longer kept is not in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.compile import compile_book
from engine.core.facts import Event, UserCell
from engine.core.occurrences import OptOut, UserChange
from engine.core.trace import Trace
from engine.core.zones import zone
from engine.simulate.output import Prices
from engine.simulate.run import lines_of
from engine.simulate.simulation import Happening, Simulation
from engine.store import cells, changes, decisions, events, people, suppressions
from engine.store.changes import Facts
from engine.store.events import Received
from engine.store.store import Store, Tx
from rules.model import Rulebook

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Said:
    """Something that was said of somebody, at an instant."""

    at: int
    occurrence: UserChange | OptOut


class Replay(Simulation):
    """A simulation that is also fed what was said of people. `stops`: numbers and what they are suppressed for from the start."""

    stops: Iterable[tuple[str, frozenset[str]]] = ()

    def again(self, recorded: Iterable[Event | Said]) -> Iterator[list[Happening]]:
        """Judge in this order, and all that time brings; what happened at each instant."""
        for one in recorded:
            yield from self.feed(one) if isinstance(one, Event) else self._hear_said(one)
        yield from self.finish()

    def _hear_said(self, said: Said) -> Iterator[list[Happening]]:
        if self.until is not None and said.at > self.until:
            return
        if self.now is None:
            self._begin(said.at if self.start is None else min(self.start, said.at), said.at)
        if said.at > (self.now or 0):
            yield from self._advance(said.at)
        self._judge(said.occurrence)

    def _begin(self, now: int, first_event: int) -> None:
        super()._begin(now, first_event)
        for phone, scopes in self.stops:
            self._judge(OptOut(phone, scopes))


class Record:
    """The record of one environment up to an instant. `count`: events so far."""

    def __init__(self, store: Store, env: str, until: int | None = None) -> None:
        self._store = store
        self._env = env
        self._until = until
        self.count = 0
        with store.read() as tx:
            first = events.history(tx, env, limit=1)
        self._since = first[0].event.received if first else 0
        self._were = self._look_back() if first else {}

    def replay(
        self,
        book: Rulebook,
        prices: Prices,
        *,
        start: int | None = None,
        until: int | None = None,
        verdicts: bool = True,
        traces: list[Trace] | None = None,
    ) -> tuple[Replay, Iterator[dict[str, Any]]]:
        """The simulation, and the lines that it gives as they are read."""
        replay = self.begun(book, Replay(compile_book(book), start=start, until=until, verdicts=verdicts, traces=traces))
        return replay, lines_of(replay, replay.again(self), prices)

    def begun(self, book: Rulebook, replay: Replay) -> Replay:
        """The simulation with people as they were at the start, to be fed this record."""
        for user, profile in self._people(book):
            replay.add_user(user, profile)
        replay.stops = list(self._stops())
        return replay

    # ---- as they were -------------------------------------------------------------------------------------------------------------------

    def _look_back(self) -> Mapping[str, dict[str, Any] | None]:
        """Cell -> what it said at the start, of what has changed since; None: it was not there."""
        were: dict[str, dict[str, Any] | None] = {}
        for one in self._changes():
            change = one.change
            if change.was is None:
                were.setdefault(change.cell, None)
                continue
            known = were.setdefault(change.cell, {})
            if known is not None:
                were[change.cell] = {**change.was, **known}  # the earliest counts
        return were

    def _changes(self) -> Iterator[changes.Recorded]:
        after = (0, 0)
        while True:
            with self._store.read() as tx:
                page = changes.page(tx, self._env, since=self._since, after=after, limit=_PAGE)
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].decision, page[-1].seq

    def _people(self, book: Rulebook) -> Iterator[tuple[str, Facts]]:
        after = None
        while True:
            with self._store.read() as tx:
                page = people.page(tx, self._env, after=after, limit=_PAGE)
                found = cells.load(tx, self._env, [f"user:{user}" for _, user in page], zone(book.timezone))
            for _, user in page:
                cell, was = found[f"user:{user}"], self._were.get(f"user:{user}", {})
                if isinstance(cell, UserCell) and was is not None:
                    yield user, {name: getattr(cell, name) for name in changes.PROFILE} | was
            if len(page) < _PAGE:
                return
            after = page[-1]

    def _stops(self) -> Iterator[tuple[str, frozenset[str]]]:
        now: dict[str, set[str]] = {}
        cursor = None
        while True:
            with self._store.read() as tx:
                found = suppressions.listed(tx, self._env, cursor=cursor, limit=_PAGE)
            for one in found.items:
                now.setdefault(one.phone, set()).add(one.scope)
            cursor = found.next
            if cursor is None:
                break
        then = {cell[6:]: set(was["suppressed"]) for cell, was in self._were.items() if was is not None and cell.startswith("phone:")}
        return iter([(phone, frozenset(scopes)) for phone, scopes in sorted((now | then).items()) if scopes])

    # ---- in the recorded order ----------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Event | Said]:
        said = (one for one in self._changes() if one.cause != "event")  # an event says it again by itself
        following = next(said, None)
        for received, decision in self._events():
            at = received.event.received
            # An event that waits to be judged comes after all that was said before it.
            while following is not None and (following.decision < decision if decision is not None else following.at <= at):
                yield from _said(following.change, min(following.at, at))
                following = next(said, None)
            self.count += 1
            yield received.event
        while following is not None:
            yield from _said(following.change, following.at)
            following = next(said, None)

    def _events(self) -> Iterator[tuple[Received, int | None]]:
        """Events in the order in which they were accepted, each with the decision that judged it."""
        after = 0
        while True:
            with self._store.read() as tx:
                page = events.history(tx, self._env, until=self._until, after=after, limit=_PAGE)
                judged = _judged(tx, self._env, page)
            yield from zip(page, judged, strict=True)
            if len(page) < _PAGE:
                return
            after = page[-1].seq


def _judged(tx: Tx, env: str, page: list[Received]) -> list[int | None]:
    found = decisions.of_events(tx, env, [(one.event.source, one.event.id) for one in page])
    return [found.get((one.event.source, one.event.id)) for one in page]


def _said(change: changes.Change, at: int) -> Iterator[Said]:
    kind, _, name = change.cell.partition(":")
    if kind == "user":
        yield Said(at, UserChange(name, change.became))
        return
    before, after = (frozenset(facts["suppressed"]) for facts in (change.was or {"suppressed": ()}, change.became))
    if after - before:
        yield Said(at, OptOut(name, after - before))
    if before - after:
        yield Said(at, OptOut(name, before - after, released=True))
