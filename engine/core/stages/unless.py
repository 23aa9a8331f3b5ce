"""Another event came first: one that cancels the rule arrived before the trigger event, but is not earlier in event time."""

from __future__ import annotations

from engine.core.case import Case, person_cell_id
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage
from engine.core.watching import key_cell_id
from engine.core.zones import format_instant


def build(rule: RulePlan, book: BookPlan) -> Stage | None:
    """The stage, where the rule has an `unless`."""
    return _stage if rule.watches_key or rule.watches_user else None


def _stage(case: Case) -> Verdict | None:
    rule, event, book = case.rule, case.item.event, case.work.book
    assert event is not None
    cells = (
        key_cell_id(event, book) if rule.watches_key else None,
        person_cell_id(event.user, event.phone) if rule.watches_user else None,
    )
    for by_user, cell_id in enumerate(cells):
        cell = case.work.cell(cell_id) if cell_id is not None else None
        if cell is None or not cell.recent:
            continue
        for name, type_, user_wide, time, received in cell.recent.get(rule.id, ()):
            waited = event.received - received
            if user_wide == bool(by_user) and type_ != event.type and time >= event.time and 0 <= waited <= book.disorder:
                return case.verdict("cancel", "unless", {"event": type_, "id": name, "time": format_instant(time)})
    return None
