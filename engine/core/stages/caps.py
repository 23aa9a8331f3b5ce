"""At most so many messages per window: the type's caps, then the rule's, then the book's; the first full one is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.core.caps import standing
from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, CapPlan, RulePlan, Stage
from engine.core.zones import format_instant


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where any cap can apply."""
    caps = rule.caps
    if not caps:
        return None

    def stage(case: Case) -> Verdict | None:
        for cap in caps:
            cell_id = cap.keys(case)
            if cell_id is None:
                continue
            taken, frees_at = standing(cap, case.work.cell(cell_id), case)
            if taken >= cap.max:
                return case.verdict("skip", "capped", _facts(cap, taken, frees_at))
        return None

    return stage


def _facts(cap: CapPlan, taken: int, frees_at: int | None) -> Callable[[], Mapping[str, Any]]:
    return lambda: {
        "cap": cap.name,
        "max": cap.max,
        "per": cap.state.split("|")[1],
        "by": list(cap.by),
        "count": taken,
        "frees_at": format_instant(frees_at) if frees_at is not None else None,
    }
