"""The index over rules: by event type, then by the equality that rules out most. What it rules out still gets its verdict, when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from engine.core.case import Work, item_of_event
from engine.core.conditions import equalities
from engine.core.facts import Event, Scope
from engine.core.outcomes import Verdict
from engine.core.plan import EventPlan, FieldIndex, RulePlan
from engine.core.stages.when import failing_node
from rules.model import EventTrigger

WORTH_IT = 4  # fewer rules on a field are asked as they are


def candidates(work: Work, plan: EventPlan, event: Event, scope: Scope) -> Sequence[RulePlan]:
    """The rules of the event's type that may hold, in order of rank; the decision can unfold the verdicts of the others."""
    if not plan.indexes:
        return plan.rules
    work.decision.misses.append(_unfold(plan, event, scope))
    if len(plan.indexes) == 1:
        index = plan.indexes[0]
        return index.hits.get(index.read(scope), plan.plain)
    found = list(plan.plain)
    for index in plan.indexes:
        found += index.hits.get(index.read(scope), ())
    return sorted(found, key=_rank)


def _rank(rule: RulePlan) -> int:
    return rule.rank


def _unfold(plan: EventPlan, event: Event, scope: Scope) -> Callable[[], Iterable[Verdict]]:
    def verdicts() -> Iterable[Verdict]:
        for index in plan.indexes:
            hits = {rule.rank for rule in index.hits.get(index.read(scope), ())}
            for rule in index.rules:
                if rule.rank not in hits:
                    yield _missed(rule, event, scope)

    return verdicts


def _missed(rule: RulePlan, event: Event, scope: Scope) -> Verdict:
    item = item_of_event(rule.id, event)
    # A timer's rule is asked only its event's part now.
    condition = rule.event_when if rule.due is not None else rule.when
    assert condition is not None
    user = None if item.user is None or scope.user is None else item.user
    return Verdict(
        scope.now,
        rule.id,
        user,
        "skip",
        "condition_false",
        item.occurrence,
        failing_node(condition, scope),
        item.phone if user is None else None,
    )


def build_index(plan: EventPlan) -> None:
    """Set `plain` and `indexes` from `rules`."""
    chosen: dict[str, list[tuple[RulePlan, frozenset[str | int | float | bool]]]] = {}
    counts: dict[str, int] = {}
    wanted = {rule.rank: _indexable(rule) for rule in plan.rules}
    for values in wanted.values():
        for name in values:
            counts[name] = counts.get(name, 0) + 1
    for rule in plan.rules:
        values = wanted[rule.rank]
        if values:
            best = min(values, key=lambda name: (len(values[name]), -counts[name], name))
            chosen.setdefault(best, []).append((rule, values[best]))
    indexed = {name: pairs for name, pairs in chosen.items() if len(pairs) >= WORTH_IT}
    covered = {rule.rank for pairs in indexed.values() for rule, _ in pairs}
    plan.plain = tuple([rule for rule in plan.rules if rule.rank not in covered])
    alone = len(indexed) == 1
    plan.indexes = tuple([_field_index(name, pairs, plan.plain if alone else ()) for name, pairs in sorted(indexed.items())])


def _field_index(name: str, pairs: list[tuple[RulePlan, frozenset[str | int | float | bool]]], always: tuple[RulePlan, ...]) -> FieldIndex:
    hits: dict[object, list[RulePlan]] = {}
    for rule, values in pairs:
        for value in values:
            hits.setdefault(value, []).append(rule)
    merged = {value: tuple(sorted([*rules, *always], key=_rank)) for value, rules in hits.items()}
    return FieldIndex(pairs[0][0].fields[name].read, merged, tuple([rule for rule, _ in pairs]))


def _indexable(rule: RulePlan) -> dict[str, frozenset[str | int | float | bool]]:
    """The equalities by which a rule may be left out: none where anything else could give another verdict first."""
    on = rule.rule.on
    plain = isinstance(on, EventTrigger) and not on.before and not rule.watches_key and not rule.watches_user
    condition = rule.event_when if rule.due is not None else rule.when
    gates = [name for name, _ in rule.stages if name in ("enabled", "active")]
    if not plain or gates or condition is None or rule.rule.when is None:
        return {}
    return dict(equalities(rule.rule.when, rule.fields))
