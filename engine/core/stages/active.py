"""Outside `[active.from, active.until)`."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage
from engine.core.zones import format_instant


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where the rule has a period."""
    start, end = rule.rule.active_from, rule.rule.active_until
    if start is None and end is None:
        return None

    def stage(case: Case) -> Verdict | None:
        if (start is None or start <= case.now) and (end is None or case.now < end):
            return None
        period = {name: format_instant(at) for name, at in (("from", start), ("until", end)) if at is not None}
        return case.verdict("skip", "not_active", period)

    return stage
