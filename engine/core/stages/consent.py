"""The recipient's own yes, where the message type needs one."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where the type needs consent."""
    return _stage if rule.consent is not None else None


def _stage(case: Case) -> Verdict | None:
    field = case.rule.consent
    assert field is not None
    value = field.read(case.text_scope)
    return None if value is True else case.verdict("skip", "no_consent", {"field": field.name, "actual": value})
