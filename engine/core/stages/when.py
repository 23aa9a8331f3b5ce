"""The rule's condition over the event, the trigger's user and the aliases of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.core.case import Case
from engine.core.conditions import Compiled, first_failure
from engine.core.facts import Scope
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where the rule has a condition."""
    return _stage if rule.when is not None else None


def _stage(case: Case) -> Verdict | None:
    compiled = case.rule.when
    assert compiled is not None
    return None if compiled.test(case.scope) else case.verdict("skip", "condition_false", failing_node(compiled, case.scope))


def failing_node(compiled: Compiled, scope: Scope) -> Callable[[], Mapping[str, Any]]:
    """The first failing node with its actual value, worked out when somebody asks."""

    def detail() -> Mapping[str, Any]:
        node = first_failure(compiled.explain(scope))
        facts: dict[str, Any] = {"path": node.path, "kind": node.kind}
        if node.kind == "leaf":
            facts |= {"op": node.op, "operand": node.operand, "actual": node.actual}
        elif node.kind == "segment":
            facts["segment"] = node.operand
        return facts

    return detail
