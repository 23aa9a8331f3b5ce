"""The recipient's own yes, where the message type needs one."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where the type needs consent."""
    if rule.consent is None:
        return None
    field, read = rule.consent.name, rule.consent.read

    def stage(case: Case) -> Verdict | None:
        value = read(case.text_scope)
        return None if value is True else case.verdict("skip", "no_consent", {"field": field, "actual": value})

    return stage
