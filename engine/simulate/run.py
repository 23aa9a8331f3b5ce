"""What the commands ask for, in their words: lines of a simulation, trees of an explanation, the table of a comparison, test results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from engine.core.compile import compile_book
from engine.core.facts import Event
from engine.core.trace import Trace
from engine.people import ReceiptLine, UserLine
from engine.simulate.compare import Comparison
from engine.simulate.explain import explain, judgement_lines
from engine.simulate.output import Prices, line_of
from engine.simulate.simulation import Happening, ScriptedReceipt, Simulation
from engine.simulate.trace_lines import trace_dict
from rules.model import Rulebook


def simulation_of(
    book: Rulebook,
    users: Iterable[UserLine],
    *,
    receipts: Iterable[ReceiptLine] = (),
    start: int | None = None,
    until: int | None = None,
    verdicts: bool = True,
    traces: list[Trace] | None = None,
) -> Simulation:
    """A simulation with its people, ready to be fed events."""
    script = [ScriptedReceipt(one.rule, one.status, one.at, one.user) for one in receipts]
    simulation = Simulation(compile_book(book), start=start, until=until, receipts=script, verdicts=verdicts, traces=traces)
    for user in users:
        profile = {"phone": user.phone, "timezone": user.timezone, "locale": user.locale, "attributes": user.attributes}
        simulation.add_user(user.id, profile, user.suppressed)
    return simulation


def lines(simulation: Simulation, events: Iterable[Event], prices: Prices) -> Iterator[dict[str, Any]]:
    """The output lines, in order. With traces, each verdict's line also has `trace`."""
    return lines_of(simulation, simulation.run(events), prices)


def lines_of(simulation: Simulation, pages: Iterable[Sequence[Happening]], prices: Prices) -> Iterator[dict[str, Any]]:
    """The output lines of what happened, instant by instant."""
    for page in pages:
        traces = {id(trace.verdict): trace for trace in simulation.traces or ()}
        for happening in page:
            line = line_of(happening, prices)
            if id(happening) in traces:
                line["trace"] = trace_dict(traces[id(happening)])
            yield line
        if simulation.traces:
            simulation.traces.clear()


def explanation(book: Rulebook, users: Iterable[UserLine], events: Iterable[Event], rule: str, user: str | None) -> Iterator[str]:
    """Every judgement of the rule as a tree, for people."""
    simulation = simulation_of(book, users, traces=[])
    for trace in explain(simulation, events, rule, user):
        yield from judgement_lines(trace)


def differences(
    old: Rulebook,
    new: Rulebook,
    old_users: Iterable[UserLine],
    new_users: Iterable[UserLine],
    old_events: Iterable[Event],
    new_events: Iterable[Event],
    prices: Prices,
) -> Mapping[str, Any]:
    """What the new book would do differently, JSON-ready (see Comparison.as_dict)."""
    comparison = Comparison(prices)
    comparison.run(simulation_of(old, old_users).run(old_events), simulation_of(new, new_users).run(new_events))
    return {"old": old.id, "new": new.id, **comparison.as_dict()}
