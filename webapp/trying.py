"""Simulations and comparisons of a request: `engine.simulate` over a few thousand lines, for a few seconds."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from engine.core.compile import compile_book
from engine.core.facts import Event
from engine.core.trace import Trace
from engine.core.zones import parse_instant, zone
from engine.events import EventReader
from engine.people import ReceiptLine, ReceiptReader, UserLine, UserReader
from engine.refusals import Refusal
from engine.simulate.compare import Comparison
from engine.simulate.output import Prices
from engine.simulate.run import lines
from engine.simulate.simulation import ScriptedReceipt, Simulation
from rules.checking import Checked, check
from rules.model import Rulebook
from webapp.problems import Fault, Problem, invalid
from webapp.service import Json

MAX_SECONDS = 10.0
MAX_LINES = 50_000  # of output


class Deadline:
    """Ends what takes too long."""

    def __init__(self) -> None:
        self._at = time.monotonic() + MAX_SECONDS

    def check(self) -> None:
        """Raises Problem when it is past."""
        if time.monotonic() > self._at:
            raise Problem("simulation_too_long", f"more than {MAX_SECONDS:.0f} s; use a shorter span, fewer lines, or hongyan simulate")


class BoundedSimulation(Simulation):
    """A simulation that looks at a deadline at every instant, also where schedules tick for nobody."""

    deadline: Deadline

    def _settle(self, now: int) -> None:
        self.deadline.check()
        super()._settle(now)


T = TypeVar("T", covariant=True)


class _Reader(Protocol[T]):
    def read(self, line: Json) -> T | Refusal: ...


@dataclass
class Input:
    """Lines as read, and what could not be."""

    refused: list[dict[str, Any]] = field(default_factory=list)
    duplicates: int = 0

    def read(self, name: str, given: Iterable[Json], reader: _Reader[T]) -> list[T]:
        """The lines that can be used."""
        found = []
        for index, line in enumerate(given):
            read = reader.read(line)
            if isinstance(read, Refusal):
                place = read.problems[0].pointer
                self.refused.append({"input": name, "index": index, "reason": read.reason, "pointer": place})
            else:
                found.append(read)
        return found

    def events(self, given: Iterable[Json], book: Rulebook) -> list[Event]:
        """In order of arrival, each (source, id) once."""
        first: dict[tuple[str, str], Event] = {}
        events = sorted(self.read("events", given, EventReader(book)), key=lambda event: event.received)
        for event in events:
            first.setdefault((event.source, event.id), event)
        self.duplicates = len(events) - len(first)
        return list(first.values())


def book_of(files: Mapping[str, str], pointer: str) -> Rulebook:
    """The book of these files. Raises Problem with its errors."""
    checked: Checked = check(files)
    if checked.book is None:
        findings = [finding.as_dict() for finding in checked.errors]
        raise Problem("rulebook_refused", "the book has errors", (Fault("has errors", pointer=pointer),), extra={"findings": findings})
    return checked.book


def simulate(book: Rulebook, given: Mapping[str, Json], prices: Prices) -> dict[str, Any]:
    """The lines that the command would print, and what else it would say."""
    deadline = Deadline()
    source = Input()
    since, until = (_instant(given, name, book) for name in ("from", "until"))
    if since is not None and until is not None and until < since:
        raise invalid([Fault("lies before from", pointer="/until")])
    trace = given.get("trace", False)
    users = source.read("users", given.get("users", ()), UserReader(book))
    receipts = source.read("receipts", given.get("receipts", ()), ReceiptReader(book))
    events = source.events(given["events"], book)
    traces: list[Trace] | None = [] if trace else None
    simulation = _simulation(book, users, deadline, receipts, since, until, trace or given.get("verdicts", False), traces)
    found = list(_bounded(lines(simulation, _watched(events, deadline), prices), deadline))
    return {
        "book": book.id,
        "lines": found,
        "pending": len(simulation.pending()),
        "refused": source.refused,
        "duplicates": source.duplicates,
    }


def compare(old: Rulebook, new: Rulebook, given: Mapping[str, Json], prices: Prices) -> dict[str, Any]:
    """What `hongyan compare --format json` prints, and the lines that could not be used."""
    deadline = Deadline()
    comparison = Comparison(prices)
    runs, source = [], Input()
    for book in (old, new):
        source = Input()
        users = source.read("users", given.get("users", ()), UserReader(book))
        events = source.events(given["events"], book)
        runs.append((_simulation(book, users, deadline), events))
    (before, old_events), (after, new_events) = runs
    comparison.run(before.run(_watched(old_events, deadline)), after.run(_watched(new_events, deadline)))
    return {"events": len(new_events), "old": old.id, "new": new.id, **comparison.as_dict(), "refused": source.refused}


def _simulation(
    book: Rulebook,
    users: Iterable[UserLine],
    deadline: Deadline,
    receipts: Sequence[ReceiptLine] = (),
    since: int | None = None,
    until: int | None = None,
    verdicts: bool = True,
    traces: list[Trace] | None = None,
) -> Simulation:
    script = [ScriptedReceipt(one.rule, one.status, one.at, one.user) for one in receipts]
    simulation = BoundedSimulation(compile_book(book), start=since, until=until, receipts=script, verdicts=verdicts, traces=traces)
    simulation.deadline = deadline
    for user in users:
        profile = {"phone": user.phone, "timezone": user.timezone, "locale": user.locale, "attributes": user.attributes}
        simulation.add_user(user.id, profile, user.suppressed)
    return simulation


def _watched(events: Iterable[Event], deadline: Deadline) -> Iterator[Event]:
    for event in events:
        deadline.check()
        yield event


def _bounded(found: Iterator[dict[str, Any]], deadline: Deadline) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(found):
        if number >= MAX_LINES:
            raise Problem("simulation_too_long", f"more than {MAX_LINES:,} lines; use a shorter span, or hongyan simulate")
        deadline.check()
        yield line


def _instant(given: Mapping[str, Json], name: str, book: Rulebook) -> int | None:
    if name not in given:
        return None
    try:
        return parse_instant(given[name], zone(book.timezone))
    except ValueError:
        text = "must be like 2026-06-01T10:00+08:00, 2026-06-01T10:00 or 2026-06-01"
        raise invalid([Fault(text, pointer=f"/{name}")]) from None
