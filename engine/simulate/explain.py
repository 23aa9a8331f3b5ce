"""Why, or why not: the judgements of one rule as trees with values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from engine.core.conditions import Node
from engine.core.facts import Event
from engine.core.trace import Trace
from engine.core.zones import format_instant
from engine.simulate.simulation import Simulation


def explain(simulation: Simulation, events: Iterable[Event], rule: str, user: str | None = None) -> Iterator[Trace]:
    """Every judgement of the rule (for one user, if named), in order. The simulation must have been made with an empty `traces` list."""
    traces = simulation.traces
    assert traces is not None

    def drain() -> Iterator[Trace]:
        for trace in traces:
            if trace.rule == rule and (user is None or trace.user == user):
                yield trace
        traces.clear()

    for event in events:
        for _ in simulation.feed(event):
            pass
        yield from drain()
    for _ in simulation.finish():
        pass
    yield from drain()


def tree_lines(node: Node, depth: int = 0) -> Iterator[str]:
    """A condition tree for people: ✓ true, ✗ false, · not evaluated, with operand and actual value."""
    mark = {True: "✓", False: "✗", None: "·"}[node.result]
    yield "  " * depth + f"{mark} {_told(node)}"
    for child in node.children:
        yield from tree_lines(child, depth + 1)


def _told(node: Node) -> str:
    if node.kind != "leaf":
        return f"segment {node.operand}" if node.kind == "segment" else node.kind
    actual = "" if node.result is None else f"   (actual: {shown(node.actual)})"
    return f"{node.field} {node.op} {shown(node.operand)}{actual}"


def shown(value: object) -> str:
    """A value as people write it in YAML: true, null, "text", [a, b]."""
    return orjson.dumps(value, default=str).decode()


def judgement_lines(trace: Trace) -> Iterator[str]:
    """One judgement for people: what was decided, how far it came, the conditions with their values."""
    verdict = trace.verdict
    about = f"{format_instant(trace.at)}  {trace.rule}  user {trace.user or '-'}  occurrence {trace.occurrence}"
    cause = f"  ({trace.event.type} of {format_instant(trace.event.time)})" if trace.event is not None else ""
    yield about + cause
    if verdict is None:
        yield "  no verdict: the audience does not select this user"
    else:
        facts = ", ".join(f"{name} {shown(value)}" for name, value in verdict.detail.items())
        yield f"  {verdict.outcome} {verdict.reason}" + (f": {facts}" if facts else "")
    if trace.stages:
        marks = {"passed": "✓", "ended": "■", "not_reached": "·"}
        yield "  " + " ".join(f"{marks[result]}{name}" for name, result in trace.stages)
    for title, tree in (("when", trace.when), ("audience", trace.audience)):
        if tree is not None:
            yield f"  {title}:"
            yield from (f"    {line}" for line in tree_lines(tree))
    if trace.text is not None:
        yield f"  text: {trace.text}"
