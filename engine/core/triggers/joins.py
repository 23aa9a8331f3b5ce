"""Sequence and together: the short windows of events, and the match that a completing event makes."""

from __future__ import annotations

from engine.core.case import Work, occurrence_of, person_cell_id, value_cell_id
from engine.core.facts import Event, Scope
from engine.core.outcomes import Item
from engine.core.plan import EventPlan, StepPlan

STEP_LIMIT = 12  # language.md: the latest 12 events of a step are looked at


def completed(work: Work, plan: EventPlan, event: Event, scope: Scope) -> list[Item]:
    """The joins that this event completes; otherwise it is kept for later ones."""
    items = []
    for step in plan.steps:
        item = _meet(work, step, event, scope)
        if item is not None:
            items.append(item)
    return items


def _meet(work: Work, plan: StepPlan, event: Event, scope: Scope) -> Item | None:
    if plan.by is None:
        cell_id = person_cell_id(event.user, event.phone)
    else:
        value = plan.by(scope)
        cell_id = value_cell_id(plan.by_name, value) if value is not None else None
    fits = [step for step in plan.steps if _fits(plan, step, event, scope)]
    if cell_id is None or not fits:
        return None
    latest, window = _window(work, cell_id, plan, event)
    match = None
    if not plan.ordered or (len(plan.aliases) - 1 in fits and event.time >= latest):
        candidates = [tuple([e for at, e in window if at == step]) for step in range(len(plan.aliases))]
        arrived = [e for _, e in window]
        match = plan.joiner.match(candidates, event, work.book.disorder, arrived, scope)
    if match is None:
        kept = _limited([*window, *((step, event) for step in fits)])
    else:
        used = {(e.source, e.id) for e in match}
        kept = tuple([entry for entry in window if (entry[1].source, entry[1].id) not in used])
    _keep(work, cell_id, plan, max(latest, event.time), kept)
    return _item(plan, match, event) if match is not None else None


def _fits(plan: StepPlan, step: int, event: Event, scope: Scope) -> bool:
    test = plan.tests[step]
    if test is None:
        return True
    return test(Scope(scope.now, scope.zone, event, scope.user, {plan.aliases[step]: event}))


def _window(work: Work, cell_id: str, plan: StepPlan, event: Event) -> tuple[int, tuple[tuple[int, Event], ...]]:
    cell = work.cell(cell_id)
    latest, window = cell.windows.get(plan.rule.id, (event.time, ())) if cell is not None else (event.time, ())
    oldest = event.received - plan.within - work.book.disorder
    return latest, tuple([entry for entry in window if entry[1].received >= oldest])


def _limited(window: list[tuple[int, Event]]) -> tuple[tuple[int, Event], ...]:
    """The latest events of each step, by event time, in order of arrival."""
    by_step: dict[int, list[tuple[int, Event]]] = {}
    for entry in window:
        by_step.setdefault(entry[0], []).append(entry)
    dropped = set()
    for entries in by_step.values():
        if len(entries) > STEP_LIMIT:
            latest_first = sorted(range(len(entries)), key=lambda at: (entries[at][1].time, at), reverse=True)
            dropped |= {id(entries[at]) for at in latest_first[STEP_LIMIT:]}
    return tuple([entry for entry in window if id(entry) not in dropped])


def _keep(work: Work, cell_id: str, plan: StepPlan, latest: int, window: tuple[tuple[int, Event], ...]) -> None:
    is_user = cell_id.startswith("user:")
    cell = work.change_user(cell_id[5:]) if is_user else work.change(cell_id, work.now + plan.within + work.book.disorder + 1)
    cell.windows = {**cell.windows, plan.rule.id: (latest, window)}


def _item(plan: StepPlan, match: tuple[Event, ...], event: Event) -> Item:
    first = next((step for step in match if step.user is not None or step.phone is not None), event)
    aliases = dict(zip(plan.aliases, match, strict=True))
    return Item(
        plan.rule.id, occurrence_of(event), event.time, event=event, aliases=aliases, user=first.user,
        phone=first.phone if first.user is None else None,
    )  # fmt: skip
