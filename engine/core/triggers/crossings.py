"""Enter and leave, and the dates of users: what time alone can cause. One wake timer a user, at the earliest instant that matters."""

from __future__ import annotations

from engine.core.calendar import user_ticks
from engine.core.case import Work, user_cell_id
from engine.core.facts import Scope, UserCell
from engine.core.outcomes import Item, Timer
from engine.core.trace import Trace
from engine.core.zones import format_instant


def settle(work: Work, user: UserCell) -> None:
    """Set the memberships without any crossing: a user just seen or imported, or a book just published."""
    scope = Scope(work.now, user.zone, None, user)
    user.memberships = frozenset([segment.id for segment in work.book.watched if segment.when.test(scope)])


def crossed(work: Work, user: str) -> list[Item]:
    """The rules whose segment the user has just entered or left."""
    cell = work.user(user)
    if cell is None or not work.book.watched:
        return []
    scope = Scope(work.now, cell.zone, None, cell)
    items: list[Item] = []
    inside = set(cell.memberships)
    for segment in work.book.watched:
        holds = segment.when.test(scope)
        if holds == (segment.id in inside):
            continue
        inside.symmetric_difference_update((segment.id,))
        name = f"{'enter' if holds else 'leave'}:{segment.id}@{format_instant(work.now)}"
        items += [Item(rule.id, name, work.now, user=user) for rule in (segment.entering if holds else segment.leaving)]
    if inside != cell.memberships:
        work.change_user(user).memberships = frozenset(inside)
    return items


def dates_due(work: Work, user: str) -> list[Item]:
    """The user's dates that fall due, since the instant that this wake was planned for."""
    cell = work.user(user)
    if cell is None or not work.book.dates:
        return []
    scope = Scope(work.now, cell.zone, None, cell)
    since = min(cell.wake if cell.wake is not None else work.now, work.now) - 1
    items: list[Item] = []
    for plan in work.book.dates:
        value = plan.read(scope)
        tick = user_ticks(plan.schedule, value, since, cell.zone) if value is not None else None
        while tick is not None and tick <= work.now:
            if plan.rule.audience is None or plan.rule.audience.test(scope):
                items.append(Item(plan.rule.id, format_instant(tick), tick, user=user))
            elif work.trace is not None:
                work.trace.append(Trace.unselected(plan.rule, format_instant(tick), scope))
            tick = user_ticks(plan.schedule, value, tick, cell.zone)
    return items


def plan_wake(work: Work, user: str, fresh: bool = False) -> None:
    """Set the user's wake timer, unless an earlier one stands: then it is worked out anew when that comes.

    A date that falls due at this very instant counts for somebody fresh only: the others were asked before.
    """
    cell = work.user(user)
    if cell is None:
        return
    scope = Scope(work.now, cell.zone, None, cell)
    since = work.now - 1 if fresh else work.now
    instants = [segment.when.next_flip(scope) for segment in work.book.watched]
    for plan in work.book.dates:
        value = plan.read(scope)
        instants.append(user_ticks(plan.schedule, value, since, cell.zone) if value is not None else None)
    wake = min([instant for instant in instants if instant is not None], default=None)
    standing = cell.wake if cell.wake is not None and cell.wake >= work.now + (not fresh) else None
    if standing is not None and (wake is None or wake >= standing):
        return
    if wake != cell.wake:
        work.change_user(user).wake = wake
    if wake is not None:
        work.set_timer(Timer("wake|" + user_cell_id(user), "wake", wake, user=user))
