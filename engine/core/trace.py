"""A judgement told stage by stage, for people: the console's rail and tree, `hongyan explain`, `simulate --trace`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.core.case import Case
    from engine.core.conditions import Node
    from engine.core.outcomes import Verdict


@dataclass(slots=True)
class Trace:
    """One judgement. `stages`: (name, "passed" | "ended" | "not_reached") for each stage of the order."""

    rule: str
    occurrence: str
    user: str | None
    at: int
    stages: list[tuple[str, str]] = field(default_factory=list)
    when: Node | None = None
    audience: Node | None = None
    text: str | None = None
    verdict: Verdict | None = None


def traced(case: Case) -> None:
    """Judge a case as judge.judge does, and write down each step."""
    from engine.core.judge import ORDER

    work, rule = case.work, case.rule
    verdict: Any = None
    trace = Trace(rule.id, case.item.occurrence, case.item.user, case.now)
    stages = dict(rule.stages)
    for name, _ in ORDER:
        if verdict is not None:
            trace.stages.append((name, "not_reached"))
            continue
        stage = stages.get(name)
        verdict = stage(case) if stage is not None else None
        trace.stages.append((name, "ended" if verdict is not None else "passed"))
    trace.when = rule.when.explain(case.scope) if rule.when is not None else None
    trace.audience = rule.audience.explain(case.scope) if rule.audience is not None else None
    trace.text = case.cut.text if case.cut is not None else None
    trace.verdict = verdict
    work.decision.judged.append(verdict)
    assert work.trace is not None
    work.trace.append(trace)
