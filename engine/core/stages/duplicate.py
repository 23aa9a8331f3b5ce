"""This rule and occurrence already has a message to the same phone: two users of an audience who share a number."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.phones import mask
from engine.core.plan import BookPlan, RulePlan, Stage
from rules.model import DateSchedule


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where one occurrence is for many people. A tick of users' dates is an occurrence of each user."""
    return _stage if shared_occurrence(rule) else None


def _stage(case: Case) -> Verdict | None:
    cell = case.work.cell(f"phone:{case.to}")
    if cell is None or f"{case.rule.id}|{case.item.occurrence}" not in cell.sent:
        return None
    return case.verdict("skip", "duplicate", {"phone": mask(case.to or "")})


def shared_occurrence(rule: RulePlan) -> bool:
    """Whether one occurrence of the rule reaches many people."""
    return rule.has_audience and not isinstance(rule.rule.on, DateSchedule)
