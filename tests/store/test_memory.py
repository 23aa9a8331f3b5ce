"""A simulation over a database is the simulation: the same cells, timers, people and order as in memory, through JSON and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.core.compile import compile_book
from engine.core.facts import Cell, Event
from engine.core.outcomes import Decision, Timer
from engine.core.plan import BookPlan
from engine.events import EventReader
from engine.people import UserReader
from engine.refusals import Refusal
from engine.simulate import sample
from engine.simulate.memory import Memory
from engine.simulate.output import line_of
from engine.simulate.simulation import Simulation
from engine.store import cells, people, timers
from engine.store.store import Store, Tx
from rules.checking import load_book
from rules.model import HOUR

BOOK = Path(__file__).parents[2] / "rules" / "books" / "o2o"


@cache
def plan() -> BookPlan:
    book = load_book(BOOK).book
    assert book is not None
    return compile_book(book)


class StoredCells(dict[str, Cell]):
    """The cells of a transaction, read anew each time."""

    def __init__(self, tx: Tx) -> None:
        super().__init__()
        self.tx = tx

    def get(self, id: str, default: Any = None, /) -> Any:
        return cells.load(self.tx, "live", [id], plan().zone)[id] or default

    def __getitem__(self, id: str) -> Cell:
        found: Cell = self.get(id)
        return found


class Stored(Memory):
    """The store of a simulation, in a database."""

    def __init__(self, tx: Tx) -> None:
        super().__init__()
        self.tx = tx
        self.cells = StoredCells(tx)
        self.get = self.cells.get

    def pending(self, cell_id: str, /) -> Iterable[Timer]:
        return timers.pending(self.tx, "live", [cell_id])[cell_id]

    def apply(self, decision: Decision) -> None:
        if decision.cells:
            cells.save(self.tx, "live", decision.cells)
        timers.drop(self.tx, "live", decision.cancelled)
        timers.add(self.tx, "live", decision.timers)

    def next_due(self) -> int | None:
        return timers.next_due(self.tx, "live")

    def take_due(self, now: int) -> list[Timer]:
        taken = timers.due(self.tx, "live", now, 100_000)
        timers.drop(self.tx, "live", [timer.id for timer in taken])
        return taken

    def people(self) -> list[tuple[str, str]]:
        return people.page(self.tx, "live", limit=100_000)

    def sweep(self, now: int) -> None:
        self.sweep_at = (now // HOUR + 1) * HOUR
        cells.sweep(self.tx, now)


def told(orders: int, seed: int, tx: Tx | None) -> Iterator[dict[str, Any]]:
    simulation = Simulation(plan())
    if tx is not None:
        simulation = Simulation.resume(plan(), {**simulation.state(), "memory": Stored(tx)})
    reader, users = EventReader(plan().book), UserReader(plan().book)
    for line in sample.users(orders, seed):
        user = users.read(line)
        assert not isinstance(user, Refusal)
        profile = {"phone": user.phone, "timezone": user.timezone, "locale": user.locale, "attributes": user.attributes}
        simulation.add_user(user.id, profile, user.suppressed)
    events = [event for event in map(reader.read, sample.events(orders, seed, days=3)) if isinstance(event, Event)]
    for page in simulation.run(sorted(events, key=lambda event: event.received)):
        for happening in page:
            yield line_of(happening, {})


@pytest.mark.slow
def test_a_simulation_over_the_store_is_that_in_memory(store: Store) -> None:
    expected = list(told(25, 3, None))
    with store.write() as tx:
        found = list(told(25, 3, tx))

    assert len(expected) > 100
    assert any(line["kind"] == "message" for line in expected)
    assert found == expected
