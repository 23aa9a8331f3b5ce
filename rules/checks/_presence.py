"""Which fields are certainly there when a rule sends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rules.model import (
    All,
    AnyOf,
    Condition,
    CountTrigger,
    Crossing,
    DateSchedule,
    EventTrigger,
    InSegment,
    JoinTrigger,
    Leaf,
    NoneOf,
    Not,
    Ref,
    Rule,
)

if TYPE_CHECKING:
    from rules.draft import Draft

Names = frozenset[str]
DEEPEST_SEGMENT = 30  # segments of segments
NOTHING: Names = frozenset()


class Presence:
    """Answers for the rules of one draft; what a segment makes sure of is worked out once."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._of_segment: dict[tuple[str, bool], Names] = {}
        self._depth = 0

    def fields(self, rule: Rule) -> Names:
        """The fields that the trigger, the conditions and the recipient of a rule need; `user.*` of the recipient."""
        found = self._trigger(rule) | _of_recipient(rule)
        if rule.when is not None:
            found |= self._present(rule.when, True)
        if rule.send.to is not None:  # the conditions asked the trigger's user, the text is another's
            found = frozenset(name for name in found if not name.startswith("user."))
        if rule.audience is not None and isinstance(rule.audience, Condition):
            found |= self._present(rule.audience, True)
        type_ = self._draft.book.message_types.get(rule.send.type)
        return found | ({type_.needs_consent} if type_ is not None and type_.needs_consent is not None else NOTHING)

    def _present(self, condition: Condition, outcome: bool) -> Names:
        """The fields that are there whenever the condition comes to `outcome`."""
        match condition:
            case Leaf():
                return _of_leaf(condition, outcome)
            case All(items=items) | AnyOf(items=items):
                sets = [self._present(item, outcome) for item in items]
                return _union(sets) if isinstance(condition, All) is outcome else _common(sets)
            case NoneOf(items=items):
                sets = [self._present(item, not outcome) for item in items]
                return _union(sets) if outcome else _common(sets)
            case Not(item=item):
                return self._present(item, not outcome)
            case InSegment(segment=name):
                return self._segment(name, outcome)

    def _segment(self, name: str, outcome: bool) -> Names:
        segment = self._draft.book.segments.get(name)
        if segment is None:
            return NOTHING
        if (name, outcome) not in self._of_segment:
            self._of_segment[name, outcome] = NOTHING  # what a circle of segments makes sure of
            self._depth += 1
            if self._depth <= DEEPEST_SEGMENT:
                self._of_segment[name, outcome] = self._present(segment.when, outcome)
            self._depth -= 1
        return self._of_segment[name, outcome]

    def _trigger(self, rule: Rule) -> Names:
        match rule.on:
            case EventTrigger(of=of):
                return frozenset({of}) if of is not None else NOTHING
            case CountTrigger(by=by, when=when):
                return frozenset({by}) | (self._present(when, True) if when is not None else NOTHING)
            case JoinTrigger() as join:
                return self._join(join)
            case DateSchedule(date=date):
                return frozenset({date})
            case Crossing(segment=name, enters=enters):
                return self._segment(name, enters)
            case _:
                return NOTHING

    def _join(self, join: JoinTrigger) -> Names:
        found = _union([self._present(step.when, True) for step in join.steps if step.when is not None])
        root, _, field = join.by.partition(".")
        if root == "event":
            found |= {join.by, *(f"{step.alias}.{field}" for step in join.steps)}
        last = join.steps[-1].alias
        if join.ordered:  # the last step's event is `event`
            found |= {f"event.{name.partition('.')[2]}" for name in found if name.startswith(f"{last}.")}
        return found


def _of_leaf(leaf: Leaf, outcome: bool) -> Names:
    if leaf.op == "exists":
        return frozenset({leaf.field}) if leaf.operand is outcome else NOTHING
    if leaf.op in ("is_not", "not_in"):
        return NOTHING if outcome or _has_ref(leaf) else frozenset({leaf.field})
    return frozenset({leaf.field}) | _needed_refs(leaf) if outcome else NOTHING


def _has_ref(leaf: Leaf) -> bool:
    return isinstance(leaf.operand, Ref) or (isinstance(leaf.operand, tuple) and any(isinstance(item, Ref) for item in leaf.operand))


def _needed_refs(leaf: Leaf) -> Names:
    if leaf.op == "between" and isinstance(leaf.operand, tuple):
        return frozenset(item.field for item in leaf.operand if isinstance(item, Ref))
    return frozenset({leaf.operand.field}) if isinstance(leaf.operand, Ref) else NOTHING


def _of_recipient(rule: Rule) -> Names:
    to = rule.send.to
    return frozenset(name for name in (to.user, to.phone) if name is not None) if to is not None else NOTHING


def _union(sets: Iterable[Names]) -> Names:
    return NOTHING.union(*sets)


def _common(sets: list[Names]) -> Names:
    return frozenset.intersection(*sets) if sets else NOTHING
