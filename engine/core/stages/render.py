"""The text with its signature and ending, or the content of another channel."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage
from engine.core.render import TemplateError
from engine.core.texts import cut


def build(rule: RulePlan, book: BookPlan) -> Stage:
    """The stage."""
    return _stage


def _stage(case: Case) -> Verdict | None:
    assert case.to is not None
    try:
        case.cut = cut(case.channels[0], case.rule, case.text_scope, case.to, case.work.book)
    except TemplateError as error:
        return case.verdict("skip", "template_error", {"field": error.field, "problem": error.reason})
    return None
