"""After `valid_for`, counted from the occurrence's instant and its end included, the message is worthless."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage
from engine.core.validity import valid_until
from engine.core.zones import format_instant


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where the message has a validity."""
    return _stage if rule.valid_for is not None else None


def _stage(case: Case) -> Verdict | None:
    worthless = valid_until(case.rule, case.item)
    if worthless is None or case.now <= worthless:
        return None
    return case.verdict("skip", "expired", {"valid_until": format_instant(worthless)})
