"""Switched off in the book, or stopped by a switch at run time."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where the rule is off or a switch names it or its type."""
    if not rule.rule.enabled:
        return lambda case: case.verdict("skip", "disabled")
    switches = [switch for switch in (f"rule:{rule.id}", f"type:{rule.type.id}") if switch in book.stopped]
    return _stopped(switches[0]) if switches else None


def _stopped(switch: str) -> Stage:
    def stage(case: Case) -> Verdict | None:
        return case.verdict("skip", "stopped", {"switch": switch})

    return stage
