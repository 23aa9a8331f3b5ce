"""What must hold of `decide` itself, over sample events on the book that ships."""

from __future__ import annotations

import ast
import pickle
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import engine.core
from engine.core.compile import compile_book
from engine.core.facts import Cell, Event
from engine.core.judge import ORDER, decide, needs
from engine.core.outcomes import REASONS, Decision
from engine.core.plan import BookPlan
from engine.core.trace import STAGE_OF_REASON, STAGES
from engine.events import EventReader
from engine.people import UserReader
from engine.refusals import Refusal
from engine.simulate import sample
from engine.simulate.output import line_of
from engine.simulate.simulation import Simulation
from rules.checking import load_book
from rules.model import Rulebook

BOOK = Path(__file__).parents[2] / "rules" / "books" / "o2o"


@cache
def o2o() -> Rulebook:
    book = load_book(BOOK).book
    assert book is not None
    return book


@cache
def story(orders: int = 25, seed: int = 7) -> tuple[tuple[Mapping[str, Any], ...], tuple[Event, ...]]:
    """Users and events of the sample generator, read as the command reads them."""
    reader = EventReader(o2o())
    events = [reader.read(line) for line in sample.events(orders, seed, days=3)]
    assert not [event for event in events if isinstance(event, Refusal)]
    ordered = sorted((event for event in events if isinstance(event, Event)), key=lambda event: event.received)
    return tuple(sample.users(orders, seed)), tuple(ordered)


def simulation(plan: BookPlan, users: tuple[Mapping[str, Any], ...], **options: Any) -> Simulation:
    found = Simulation(plan, **options)
    reader = UserReader(o2o())
    for line in users:
        user = reader.read(line)
        assert not isinstance(user, Refusal)
        profile = {"phone": user.phone, "timezone": user.timezone, "locale": user.locale, "attributes": user.attributes}
        found.add_user(user.id, profile, user.suppressed)
    return found


def lines_of(pages: Iterator[list[Any]]) -> list[dict[str, Any]]:
    return [line_of(happening, {}) for page in pages for happening in page]


def test_the_same_input_gives_the_same_lines() -> None:
    users, events = story()
    plan = compile_book(o2o())

    first = lines_of(simulation(plan, users).run(events))
    again = lines_of(simulation(compile_book(o2o()), users).run(events))

    assert len(first) > 100
    assert first == again


def test_explaining_changes_nothing() -> None:
    """With a trace every rule is asked, without one the index leaves most out: the verdicts are the same."""
    users, events = story()
    plan = compile_book(o2o())

    plain = lines_of(simulation(plan, users).run(events))
    traced = lines_of(simulation(plan, users, traces=[]).run(events))

    assert any(plan.indexes for plan in plan.events.values())
    assert plain == traced


@settings(max_examples=12, deadline=None)
@given(at=st.floats(0, 1))
def test_a_simulation_can_be_paused_saved_and_gone_on_with(at: float) -> None:
    users, events = story()
    plan = compile_book(o2o())
    whole = lines_of(simulation(plan, users).run(events))
    cut = int(at * len(events))

    running = simulation(plan, users)
    pages = [page for event in events[:cut] for page in running.feed(event)]
    later = Simulation.resume(plan, pickle.loads(pickle.dumps(running.state())))
    pages += [page for event in events[cut:] for page in later.feed(event)]
    pages += later.finish()

    assert lines_of(iter(pages)) == whole


class Asked:
    """Cells that may be read only after `needs` has named them."""

    def __init__(self, simulated: Simulation) -> None:
        self.memory = simulated.memory
        self.loaded: dict[str, Cell | None] = {}
        self.timers: dict[str, Any] = {}

    def load(self, plan: BookPlan, event: Event) -> int:
        rounds = 0
        while True:
            cells, pending = needs(plan, event, event.received, self.loaded, self.timers)
            if not cells and not pending:
                return rounds
            rounds += 1
            assert rounds < 12
            self.loaded |= {cell: self.memory.get(cell) for cell in cells}
            self.timers |= {cell: tuple(self.memory.pending(cell)) for cell in pending}

    def get(self, cell_id: str, /) -> Cell | None:
        return self.loaded[cell_id]

    def pending(self, cell_id: str, /) -> Any:
        return self.timers[cell_id]


def told(decision: Decision) -> list[Any]:
    return [
        sorted(str(line_of(one, {})) for one in (*decision.verdicts(), *decision.messages)),
        sorted(decision.cells),
        [(timer.id, timer.due) for timer in decision.timers],
        decision.cancelled,
    ]


def test_nothing_is_judged_on_less_than_needs_names() -> None:
    """What a worker loads by asking `needs` in rounds is enough to decide as with everything at hand."""
    users, events = story()
    plan = compile_book(o2o())
    running = simulation(plan, users)
    compared = 0
    for event in events:
        if running.now is not None:
            for _ in running.feed(Event("-", "-", event.time, {}, received=event.received)):  # only the clock moves
                pass
            asked = Asked(running)
            asked.load(plan, event)

            assert told(decide(plan, asked, event, event.received)) == told(decide(plan, running.memory, event, event.received))
            compared += 1
        for _ in running.feed(event):
            pass

    assert compared > 50


def test_decide_leaves_what_it_reads_as_it_was() -> None:
    users, events = story()
    plan = compile_book(o2o())
    running = simulation(plan, users)
    for event in events:
        before = pickle.dumps(running.memory.cells) if running.now is not None else None
        if before is not None:
            decide(plan, running.memory, event, event.received)

            assert pickle.loads(before).keys() == running.memory.cells.keys()
            assert pickle.dumps(running.memory.cells) == before
        for _ in running.feed(event):
            pass
        if len(running.memory.cells) > 150:
            break


# ---- purity -------------------------------------------------------------------------------------------------------------------------

CORE = sorted(Path(engine.core.__file__).parent.rglob("*.py"))
CLOCKS = {"now", "today", "utcnow", "time_ns", "monotonic", "perf_counter", "urandom", "getrandbits", "token_bytes", "uuid4"}
FORBIDDEN = {"time", "random", "secrets", "os", "socket", "subprocess", "pathlib", "io", "logging", "uuid", "tempfile", "sqlite3"}


@pytest.mark.parametrize("file", CORE, ids=lambda file: file.name)
def test_core_calls_no_clock_and_no_chance(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")

            assert name not in CLOCKS | {"open", "input", "print", "eval", "exec"}, f"{file.name}:{node.lineno} calls {name}"


def test_core_holds_no_door_to_the_world() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("engine.core"):
            held = {value.__name__ for value in vars(module).values() if isinstance(value, ModuleType)}

            assert not held & FORBIDDEN, name


def test_judging_opens_nothing() -> None:
    """The interpreter itself reports whoever opens a file or a socket, or starts a process."""
    users, events = story()
    plan = compile_book(o2o())
    list(simulation(plan, users).run(events))  # once before, so that modules and zones are loaded
    seen: list[str] = []
    watching = True

    def hook(name: str, args: Any) -> None:
        if watching and name.split(".")[0] in ("open", "socket", "subprocess", "os", "sqlite3"):
            seen.append(f"{name} {args}")

    sys.addaudithook(hook)
    fresh = simulation(plan, users)
    for event in events:
        for _ in fresh.feed(event):
            pass
    watching = False

    assert seen == []


# ---- lists that must agree ------------------------------------------------------------------------------------------------------------


def test_the_order_of_stages_is_told_once() -> None:
    assert tuple(name for name, _ in ORDER) == STAGES


def test_every_stage_reason_is_a_reason() -> None:
    known = {reason for reasons in REASONS.values() for reason in reasons}

    assert set(STAGE_OF_REASON) <= known
    assert set(STAGE_OF_REASON.values()) == set(STAGES)
