"""The message itself: it takes its cap slots and, with a chain, promises to look for a receipt."""

from __future__ import annotations

from functools import lru_cache

from engine.core.caps import take
from engine.core.case import Case, phone_cell_id
from engine.core.chain import message_of, wait_for_receipt
from engine.core.goals import expose
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, CapPlan, RulePlan, Stage
from engine.core.stages.duplicate import shared_occurrence
from rules.model import DAY

# Long enough for everybody of an audience to be judged, deferrals over a night and pauses of a campaign included.
REMEMBER_SENT = 31 * DAY


def build(rule: RulePlan, book: BookPlan) -> Stage:
    """The stage. Its verdict is the only `send`."""
    # Caps that differ only in their max share a counter, which counts once.
    counted = {cap.state: (place, cap) for place, cap in enumerate(rule.caps)}
    return _stage_of(tuple(counted.values()), shared_occurrence(rule))


@lru_cache(maxsize=256)  # most rules of a type count alike
def _stage_of(counted: tuple[tuple[int, CapPlan], ...], remembers: bool) -> Stage:
    def stage(case: Case) -> Verdict | None:
        rule, cells = case.rule, case.cap_cells
        slots: tuple[tuple[str, str, int], ...] = ()
        if counted:
            slots = tuple([take(cap, case, cell_id) for place, cap in counted if (cell_id := cells[place]) is not None])
        if remembers:
            _remember_sent(case)
        message = message_of(case, slots)
        case.work.decision.messages.append(message)
        if message.rest:
            wait_for_receipt(message, rule, case.work)
        if rule.goal is not None:
            expose(case, message.variant or "sent")
        return case.verdict("send", "ok")

    return stage


def _remember_sent(case: Case) -> None:
    assert case.to is not None
    cell = case.work.change(phone_cell_id(case.to), case.now + REMEMBER_SENT)
    oldest = case.now - REMEMBER_SENT
    cell.sent = {key: at for key, at in cell.sent.items() if at > oldest} | {f"{case.rule.id}|{case.item.occurrence}": case.now}
