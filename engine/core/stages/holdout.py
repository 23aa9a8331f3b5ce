"""A stable share of users gets nothing and is counted: SHA-256 of `holdout|rule|user`."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.chance import share
from engine.core.goals import expose
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where the rule holds somebody out."""
    held_out = rule.rule.holdout
    if not held_out:
        return None
    prefix = f"holdout|{rule.id}|"

    def stage(case: Case) -> Verdict | None:
        if share(prefix + case.person_key()) >= held_out:
            return None
        expose(case, "holdout")
        return case.verdict("skip", "holdout", {"share": held_out})

    return stage
