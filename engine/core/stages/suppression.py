"""Opt-outs and block lists, by number: a reply of R stops marketing and never codes, a block list stops everything."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage


def build(rule: RulePlan, book: BookPlan) -> Stage:
    """The stage."""
    return _stage


def _stage(case: Case) -> Verdict | None:
    cell = case.work.cell(f"phone:{case.to}")
    scopes = cell.suppressed if cell is not None else None
    if not scopes:
        return None
    if "blocked" in scopes:
        return case.verdict("skip", "blocked", {"scope": "blocked"})
    type_ = case.rule.type.id
    scope = type_ if type_ in scopes else "all" if "all" in scopes else None
    return case.verdict("skip", "suppressed", {"scope": scope}) if scope else None
