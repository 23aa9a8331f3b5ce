"""The one place where a rule is judged: live, in a rule test, in the simulator, in a replay, in the cluster.

`ORDER` is the order of judgement of language.md; each name is a file in stages/. `unless` is asked where fine print 3 puts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from engine.core.case import Case, Cells, Work, apply_profile, load_person, only_a_phone, phone_cell_id
from engine.core.chain import on_receipt, on_silence
from engine.core.facts import Cell, Event, Scope, UserCell, key_text
from engine.core.goals import convert
from engine.core.index import candidates
from engine.core.occurrences import Cancellation, Occurrence, Opening, OptOut, Receipt, Silence, Turn, UserChange
from engine.core.outcomes import Decision, Item, Timer, Verdict
from engine.core.plan import BookPlan, EventPlan, RulePlan
from engine.core.stages import (
    active,
    audience,
    caps,
    channel,
    consent,
    duplicate,
    enabled,
    holdout,
    quiet_hours,
    recipient,
    render,
    send,
    suppression,
    unless,
    validity,
    when,
)
from engine.core.triggers import counts, crossings, joins, on_event
from engine.core.triggers.unless import cancel
from rules.model import EventTrigger, Rule, Rulebook

ORDER = (
    ("enabled", enabled),
    ("active", active),
    ("unless", unless),
    ("when", when),
    ("audience", audience),
    ("recipient", recipient),
    ("holdout", holdout),
    ("suppression", suppression),
    ("consent", consent),
    ("quiet_hours", quiet_hours),
    ("validity", validity),
    ("duplicate", duplicate),
    ("caps", caps),
    ("channel", channel),
    ("render", render),
    ("send", send),
)


def decide(book: BookPlan, cells: Cells, occurrence: Occurrence, now: int, trace: list[Any] | None = None) -> Decision:
    """What follows from one occurrence at `now` (microseconds, UTC). Reads only `cells`, changes nothing, returns everything.

    With a `trace` list, every judged rule appends a trace.Trace to it, stage by stage with its condition tree; nothing else differs.
    """
    work = Work(book, cells, now, trace)
    if type(occurrence) is Event:
        _on_event(work, occurrence)
    else:
        _HANDLERS[type(occurrence)](work, occurrence)
    return work.decision


class _Asked:
    """Cells as far as they are loaded; remembers what was asked for beyond them."""

    def __init__(self, loaded: Mapping[str, Cell | None], pending: Mapping[str, Iterable[Timer]]) -> None:
        self.loaded, self.timers = loaded, pending
        self.cells_missing: set[str] = set()
        self.pending_missing: set[str] = set()

    def get(self, cell_id: str, /) -> Cell | None:
        if cell_id not in self.loaded:
            self.cells_missing.add(cell_id)
        return self.loaded.get(cell_id)

    def pending(self, cell_id: str, /) -> Iterable[Timer]:
        if cell_id not in self.timers:
            self.pending_missing.add(cell_id)
        return self.timers.get(cell_id, ())


CLASSES = ("user:", "key:", "phone:", "cap:")  # the order in which a batch locks cells


def needs(
    book: BookPlan,
    occurrence: Occurrence,
    now: int,
    loaded: Mapping[str, Cell | None],
    pending: Mapping[str, Iterable[Timer]],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What to load next: (cell ids of one class, sorted; cells whose pending timers are wanted, sorted). Both empty: `decide` has all.

    Asked in rounds, since one cell leads to the next; `loaded` maps every id loaded so far to its cell, None for one that says nothing.
    It is `decide` itself that asks, so nothing can be judged on less than it reads.
    """
    asked = _Asked(loaded, pending)
    decide(book, asked, occurrence, now)
    for prefix in CLASSES:
        wanted = sorted(cell_id for cell_id in asked.cells_missing if cell_id.startswith(prefix))
        if wanted:
            return tuple(wanted), tuple(sorted(asked.pending_missing))
    return (), tuple(sorted(asked.pending_missing))


def judge(case: Case) -> None:
    """One rule for one recipient: the first stage that does not pass gives the verdict."""
    for stage in case.rule.run:
        verdict = stage(case)
        if verdict is not None:
            case.conclude(verdict)
            return


# ---- events -------------------------------------------------------------------------------------------------------------------------


def _on_event(work: Work, event: Event) -> None:
    """Traits first, then what the event cancels, then the rules by priority, then the crossings that it caused."""
    plan = work.book.events.get(event.type)
    if plan is None:
        return
    user = None if plan.broadcast else _trigger_user(work, event)
    scope = Scope(work.now, user.zone if user is not None else work.book.zone, event, user)
    if plan.traits and event.user is not None and not plan.broadcast:
        scope.user = user = _update_traits(work, plan, event, scope)
    if plan.cancellers:
        cancel(work, plan, event, scope)
    if plan.goals:
        convert(work, plan, event, scope)
    _judge_rules(work, plan, event, user, scope)
    if event.user is not None and not plan.broadcast and (plan.moves_segments or event.profile):
        _look_again(work, event.user)


def _trigger_user(work: Work, event: Event) -> UserCell | None:
    """The event's user; somebody first seen enters silently, just before the event."""
    if event.user is None:
        return only_a_phone(event.phone, work.book) if event.phone is not None else None
    user = work.user(event.user)
    if user is not None and not event.profile:
        return user
    fresh = user is None
    user = work.change_user(event.user)
    if event.profile:
        apply_profile(user, event.profile, work.book)
    if fresh:
        scope = crossings.settle(work, user)
        crossings.plan_wake(work, user, scope, fresh=True)
    return user


def _update_traits(work: Work, plan: EventPlan, event: Event, scope: Scope) -> UserCell | None:
    user = scope.user
    assert user is not None
    changed, now = user.traits, work.now
    for trait in plan.traits:
        name = trait.name
        old = changed.get(name)
        new = trait.update(old, scope, event, now)
        if new is not old:
            if changed is user.traits:
                changed = dict(changed)
            changed[name] = new
    if changed is user.traits:
        return user
    user = work.change_user(user.id)
    user.traits = changed
    return user


def _judge_rules(work: Work, plan: EventPlan, event: Event, user: UserCell | None, scope: Scope) -> None:
    rules = plan.rules if work.trace is not None else candidates(work, plan, event, scope)
    items: list[Item] = []
    if plan.steps:
        items = joins.completed(work, plan, event, scope)
    if plan.counts:
        items += counts.reached(work, plan, event, scope)
    if not items:
        for rule in rules:
            _meet(work, plan, rule, event, user, scope)
        return
    by_rank: list[tuple[int, RulePlan, Item | None]] = [(rule.rank, rule, None) for rule in rules]
    by_rank += [(rule.rank, rule, item) for item in items for rule in (work.book.rules[item.rule],)]
    for _, rule, item in sorted(by_rank, key=lambda entry: entry[0]):
        if item is None:
            _meet(work, plan, rule, event, user, scope)
        else:
            judge(Case(work, rule, item, load_person(work, item)))


def _meet(work: Work, plan: EventPlan, rule: RulePlan, event: Event, user: UserCell | None, scope: Scope) -> None:
    # `user` may have been forked by a message of an earlier rule: read it again only where rules keep marks on it.
    if user is not None and user.id and work.changed and user is not (known := work.user(user.id)):
        user, scope = known, Scope(work.now, scope.zone, event, known)
    on_event.meet(work, rule, event, user, scope, _fan_out if plan.broadcast else judge)


def _fan_out(case: Case) -> None:
    on_event.judge_or_fan_out(case, judge)


# ---- timers, ticks, crossings ---------------------------------------------------------------------------------------------------------


def _on_opening(work: Work, opening: Opening) -> None:
    rule = _rule_of(work, opening.item)
    if rule is not None:
        on_event.judge_or_fan_out(Case(work, rule, opening.item, None), judge)


def _on_turn(work: Work, turn: Turn) -> None:
    items = turn.items
    if turn.wake is not None and (user := work.user(turn.wake)) is not None:
        scope = Scope(work.now, user.zone, None, user)
        items = [*items, *crossings.crossed(work, user, scope)]
        if turn.ticks:
            items += crossings.dates_due(work, user, scope)
        crossings.plan_wake(work, user, scope)
    _judge_items(work, items)


def _look_again(work: Work, user_id: str) -> None:
    """Judge the crossings that a change of the user caused, and plan the next one."""
    user = work.user(user_id)
    if user is not None:
        scope = Scope(work.now, user.zone, None, user)
        _judge_items(work, crossings.crossed(work, user, scope))
        crossings.plan_wake(work, user, scope)


def _judge_items(work: Work, items: Sequence[Item]) -> None:
    """What is due for one person, by priority, then rule; items of one rule in the order in which they came."""
    if not items:
        return
    known = [(rule, item) for item in items if (rule := _rule_of(work, item)) is not None]
    if len(known) > 1:
        known.sort(key=lambda pair: pair[0].rank)
    for rule, item in known:
        judge(Case(work, rule, item, load_person(work, item)))


def _rule_of(work: Work, item: Item) -> RulePlan | None:
    rule = work.book.rules.get(item.rule)
    if rule is None or (item.event is not None and not still_begins(work.book.book, rule.rule, item.event)):
        gone = Verdict(work.now, item.rule, item.user, "skip", "rule_removed", item.occurrence, None, item.phone)
        work.decision.judged.append(gone)
        return None
    return rule


def still_begins(book: Rulebook, rule: Rule, event: Event) -> bool:
    """Whether the event that set a timer under an earlier version would begin the rule under this one: of its types, by the same key."""
    if not isinstance(rule.on, EventTrigger):
        return True
    declared = book.events.get(event.type)
    if event.type not in rule.on.events:
        return False
    if declared is None or declared.key is None:
        return event.key == (event.user if event.user is not None else event.phone) or (declared is None or declared.broadcast)
    return event.key == key_text(event.data.get(declared.key))


# ---- the others -----------------------------------------------------------------------------------------------------------------------


def _on_user_change(work: Work, change: UserChange) -> None:
    fresh = work.user(change.user) is None
    cell = work.change_user(change.user)
    apply_profile(cell, change.profile, work.book)
    if fresh or change.silent:
        crossings.plan_wake(work, cell, crossings.settle(work, cell), fresh=fresh)
    else:
        _look_again(work, change.user)


def _on_cancellation(work: Work, cancellation: Cancellation) -> None:
    for timer in cancellation.timers:
        work.decision.cancelled.append(timer.id)
        if timer.item is not None and timer.kind != "leaving":
            user, phone = timer.recipient if timer.kind == "release" else (timer.item.user, timer.item.phone)
            verdict = Verdict(work.now, timer.item.rule, user, "cancel", cancellation.reason, timer.item.occurrence, None, phone)
            work.decision.judged.append(verdict)


def _on_opt_out(work: Work, opt_out: OptOut) -> None:
    cell = work.change(phone_cell_id(opt_out.phone), 1 << 62)
    cell.suppressed = cell.suppressed - opt_out.scopes if opt_out.released else cell.suppressed | opt_out.scopes


_HANDLERS: dict[type, Callable[[Work, Any], None]] = {
    Opening: _on_opening,
    Turn: _on_turn,
    UserChange: _on_user_change,
    Receipt: on_receipt,
    Silence: on_silence,
    Cancellation: _on_cancellation,
    OptOut: _on_opt_out,
}
