"""At most so many messages per window: the type's caps, then the rule's, then the book's; the first full one is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.core.caps import full
from engine.core.case import Case
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, CapPlan, RulePlan, Stage
from engine.core.zones import format_instant


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where any cap can apply."""
    return _stage if rule.caps else None


def _stage(case: Case) -> Verdict | None:
    cells: list[str | None] = []
    for cap in case.rule.caps:
        cell_id = cap.keys(case)
        cells.append(cell_id)
        if cell_id is not None and (found := full(cap, case.work.cell(cell_id), case)) is not None:
            return case.verdict("skip", "capped", _facts(cap, *found))
    case.cap_cells = cells
    return None


def _facts(cap: CapPlan, taken: int, frees_at: int | None) -> Callable[[], Mapping[str, Any]]:
    return lambda: {
        "cap": cap.name,
        "max": cap.max,
        "per": cap.state.split("|")[1],
        "by": list(cap.by),
        "count": taken,
        "frees_at": format_instant(frees_at) if frees_at is not None else None,
    }
