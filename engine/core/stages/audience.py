"""Whom a broadcast or a schedule selects, and whether a waiting message of `enter`/`leave` still has its reason.

Somebody whom an audience does not select gets no verdict; the callers ask `selects` first. The verdict `not_in_audience` is for messages
that had to wait and are judged again.
"""

from __future__ import annotations

from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage
from engine.core.stages.when import failing_node
from rules.model import Crossing


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where the rule has an audience or waits for a crossing."""
    if isinstance(rule.rule.on, Crossing):
        return _membership(rule.rule.on, book)
    return _stage if rule.audience is not None else None


def _stage(case: Case) -> Verdict | None:
    compiled = case.rule.audience
    assert compiled is not None
    return None if compiled.test(case.scope) else case.verdict("skip", "not_in_audience", failing_node(compiled, case.scope))


def _membership(crossing: Crossing, book: BookPlan) -> Stage:
    segment = book.segments[crossing.segment]

    def stage(case: Case) -> Verdict | None:
        if not case.item.waited or segment.test(case.scope) == crossing.enters:
            return None
        return case.verdict("skip", "not_in_audience", {"segment": crossing.segment})

    return stage
