"""Enter and leave, and the dates of users: what time alone can cause. One wake timer a user, at the earliest instant that matters."""

from __future__ import annotations

from engine.core.calendar import user_ticks
from engine.core.case import Work, user_cell_id
from engine.core.facts import Scope, UserCell
from engine.core.outcomes import Item, Timer
from engine.core.trace import Trace
from engine.core.zones import format_instant


def settle(work: Work, user: UserCell) -> Scope:
    """Set the memberships without any crossing: a user just seen or imported, or a book just published. Gives the scope of the user."""
    scope = Scope(work.now, user.zone, None, user)
    user.memberships = frozenset([segment.id for segment in work.book.watched if segment.when.test(scope)])
    return scope


def crossed(work: Work, user: UserCell, scope: Scope) -> list[Item]:
    """The rules whose segment the user has just entered or left."""
    items: list[Item] = []
    inside = user.memberships
    for segment in work.book.watched:
        holds = segment.when.test(scope)
        if holds == (segment.id in user.memberships):
            continue
        inside = inside ^ {segment.id}
        name = f"{'enter' if holds else 'leave'}:{segment.id}@{format_instant(work.now)}"
        items += [Item(rule.id, name, work.now, user=user.id) for rule in (segment.entering if holds else segment.leaving)]
    if inside is not user.memberships:
        work.change_user(user.id).memberships = inside
    return items


def dates_due(work: Work, user: UserCell, scope: Scope) -> list[Item]:
    """The user's dates that fall due, since the instant that this wake was planned for."""
    if not work.book.dates:
        return []
    since = min(user.wake if user.wake is not None else work.now, work.now) - 1
    items: list[Item] = []
    for plan in work.book.dates:
        value = plan.read(scope)
        tick = user_ticks(plan.schedule, value, since, user.zone) if value is not None else None
        while tick is not None and tick <= work.now:
            if plan.rule.audience is None or plan.rule.audience.test(scope):
                items.append(Item(plan.rule.id, format_instant(tick), tick, user=user.id))
            elif work.trace is not None:
                work.trace.append(Trace.unselected(plan.rule, format_instant(tick), scope))
            tick = user_ticks(plan.schedule, value, tick, user.zone)
    return items


def plan_wake(work: Work, user: UserCell, scope: Scope, fresh: bool = False) -> None:
    """Set the user's wake timer, unless an earlier one stands: then it is worked out anew when that comes.

    A date that falls due at this very instant counts for somebody fresh only: the others were asked before.
    """
    since = work.now - 1 if fresh else work.now
    instants = [instant for segment in work.book.watched if (instant := segment.when.next_flip(scope)) is not None]
    for plan in work.book.dates:
        value = plan.read(scope)
        if value is not None and (instant := user_ticks(plan.schedule, value, since, user.zone)) is not None:
            instants.append(instant)
    wake = min(instants) if instants else None
    standing = user.wake if user.wake is not None and user.wake > since else None
    if standing is not None and (wake is None or wake >= standing):
        return
    if wake != user.wake:
        work.change_user(user.id).wake = wake
    if wake is not None:
        work.set_timer(Timer("wake|" + user_cell_id(user.id), "wake", wake, user=user.id))
