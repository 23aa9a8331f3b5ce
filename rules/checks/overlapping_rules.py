"""overlapping-rules: two rules that send one template to one recipient for one event. A warning: people get it twice.

They are kept apart by conditions on one field that exclude each other, by different instants, channels, recipients or periods.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._fields import FieldBook
from rules.checks._logic import Logic, Segments
from rules.checks._spans import at_key
from rules.checks._texts import template_names
from rules.findings import Finding, Severity
from rules.model import All, Condition, EventTrigger, Leaf, Ref, Rule

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "overlapping-rules"
MOST_COMPARED = 200  # earlier rules with the same template that a rule is compared with
Equalities = dict[str, frozenset[object]]


def check(draft: Draft) -> Iterator[Finding]:
    """Each rule once per template, beside the first rule in the files that it overlaps with."""
    finder = _Finder(draft)
    by_template: dict[str, list[Rule]] = {}
    for rule in sorted(draft.book.rules.values(), key=lambda rule: draft.positions.key(rule.path)):
        for name in {name for _, name in template_names(draft, rule)}:
            by_template.setdefault(name, []).append(rule)
    for template, rules in sorted(by_template.items()):
        for index, second in enumerate(rules):
            for first, event in finder.overlaps(rules[max(0, index - MOST_COMPARED) : index], second):
                message = f"{second.id} and {first.id} both send {template} for one {event}"
                hint = "let conditions on one field exclude each other, or make one rule of them"
                yield at_key(draft, CODE, Severity.WARNING, second.path, message, hint)
                break


class _Finder:
    """Compares rules that send one template."""

    def __init__(self, draft: Draft) -> None:
        self._fields = FieldBook(draft)
        self._segments = Segments(draft)
        self._equalities = {rule.id: _equalities(rule.when) for rule in draft.book.rules.values()}

    def overlaps(self, rules: list[Rule], second: Rule) -> Iterator[tuple[Rule, str]]:
        """The rules that overlap with `second`, each with an event type for which both send."""
        for first in rules:
            if self._segments.steps_left < 0:
                return
            if not _differ(self._equalities[first.id], self._equalities[second.id]):
                event = self._shared_event(first, second)
                if event is not None:
                    yield first, event

    def _shared_event(self, first: Rule, second: Rule) -> str | None:
        """An event type for which both send to the same recipient at the same instant; None without one."""
        if not (first.enabled and second.enabled) or not _same_instant(first, second) or not _same_way(first, second):
            return None
        assert isinstance(first.on, EventTrigger)
        assert isinstance(second.on, EventTrigger)
        shared = (event for event in first.on.events if event in second.on.events)
        return next((event for event in shared if not self._exclude_each_other(event, first, second)), None)

    def _exclude_each_other(self, event: str, first: Rule, second: Rule) -> bool:
        """Whether the conditions of both can never hold for one event of this type. True where that would take too long to find out."""
        asked = [item for rule in (first, second) for item in (rule.when, rule.audience) if isinstance(item, Condition)]
        both = All(first.path, tuple(asked))
        logic = Logic(self._fields, self._fields.reach((event,), user=True), self._segments)
        excluded = any(logic.always(both, field) is False for field in logic.fields_of(both))
        return excluded or self._segments.steps_left < 0


def _equalities(when: Condition | None) -> Equalities:
    """The values that a condition allows each field, as far as it says so plainly: most rules are told apart by these alone."""
    found: Equalities = {}
    for item in when.items if isinstance(when, All) else (when,):
        if isinstance(item, Leaf) and item.op in ("is", "in"):
            operand = item.operand if isinstance(item.operand, tuple) else (item.operand,)
            if not any(isinstance(value, Ref) for value in operand):
                found.setdefault(item.field, frozenset(operand))
    return found


def _differ(first: Equalities, second: Equalities) -> bool:
    return any(field in second and values.isdisjoint(second[field]) for field, values in first.items())


def _same_instant(first: Rule, second: Rule) -> bool:
    one, other = first.on, second.on
    if not isinstance(one, EventTrigger) or not isinstance(other, EventTrigger):
        return False
    if (one.after, one.at, one.of) != (other.after, other.at, other.of):
        return False
    return (not one.before and not other.before) or not set(one.before).isdisjoint(other.before)


def _same_way(first: Rule, second: Rule) -> bool:
    channels, others = set(first.send.channels), set(second.send.channels)
    if channels and others and channels.isdisjoint(others):
        return False
    to, other = first.send.to, second.send.to
    if (to and (to.user, to.phone)) != (other and (other.user, other.phone)):
        return False
    return not _ends_before(first, second) and not _ends_before(second, first)


def _ends_before(first: Rule, second: Rule) -> bool:
    return first.active_until is not None and second.active_from is not None and first.active_until <= second.active_from
