"""`unless`: an event cancels what its rule has pending, and is remembered for trigger events that arrive after it."""

from __future__ import annotations

from engine.core.case import Work, person_cell_id
from engine.core.facts import Event, Scope
from engine.core.outcomes import Timer, Verdict
from engine.core.plan import Canceller, EventPlan
from engine.core.watching import key_cell_id
from engine.core.zones import format_instant


def cancel(work: Work, plan: EventPlan, event: Event, scope: Scope) -> None:
    """Cancel pending timers and waiting messages, once each."""
    done: set[str] = set()
    for canceller in plan.cancellers:
        if canceller.test is not None and not canceller.test(scope):
            continue
        cell_id = person_cell_id(event.user, event.phone) if canceller.by_user else key_cell_id(event, work.book)
        if cell_id is None:
            continue
        for timer in work.cells.pending(cell_id):
            if timer.id not in done and _concerns(timer, canceller, event):
                done.add(timer.id)
                _end(work, timer, event)
        if canceller.remembers:
            _remember(work, cell_id, canceller, event)


def _concerns(timer: Timer, canceller: Canceller, event: Event) -> bool:
    item = timer.item if timer.item is not None else timer.message.item if timer.message is not None else None
    if item is None or item.rule != canceller.rule or item.event is None:
        return False
    return event.time >= item.event.time


def _end(work: Work, timer: Timer, event: Event) -> None:
    work.decision.cancelled.append(timer.id)
    if timer.kind in ("fallback", "leaving") or timer.item is None:
        return  # a chain ends without a verdict (fine print 7); nobody knows yet what becomes of a message that is at a provider
    item = timer.item
    user, phone = timer.recipient if timer.kind == "release" else (item.user, item.phone)
    detail = {"event": event.type, "id": event.id, "time": format_instant(event.time)}
    work.decision.judged.append(Verdict(work.now, item.rule, user, "cancel", "unless", item.occurrence, detail, phone))


def _remember(work: Work, cell_id: str, canceller: Canceller, event: Event) -> None:
    oldest = event.received - work.book.disorder
    is_user = cell_id.startswith("user:")
    cell = work.change_user(cell_id[5:]) if is_user else work.change(cell_id, event.received + work.book.disorder + 1)
    recent = {rule: kept for rule, entries in cell.recent.items() if (kept := tuple([e for e in entries if e[4] >= oldest]))}
    entry = (event.id, event.type, canceller.by_user, event.time, event.received)
    recent[canceller.rule] = (*recent.get(canceller.rule, ()), entry)
    cell.recent = recent
