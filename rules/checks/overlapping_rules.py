"""overlapping-rules: two rules that send one template to one recipient for one event. A warning: people get it twice.

They are kept apart by conditions on one field that exclude each other, by different instants, channels, recipients or periods.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from rules.checks._fields import FieldBook, Reach
from rules.checks._logic import Logic
from rules.checks._spans import at_key
from rules.checks._texts import template_names
from rules.findings import Finding, Severity
from rules.model import All, Condition, EventTrigger, Rule

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "overlapping-rules"


def check(draft: Draft) -> Iterator[Finding]:
    """Each pair once, at the rule that comes second in the files."""
    fields = FieldBook(draft)
    by_template: dict[str, list[Rule]] = {}
    for rule in sorted(draft.book.rules.values(), key=lambda rule: draft.positions.key(rule.path)):
        for name in {name for _, name in template_names(draft, rule)}:
            by_template.setdefault(name, []).append(rule)
    for template, rules in sorted(by_template.items()):
        for first, second in combinations(rules, 2):
            event = _shared_event(fields, first, second)
            if event is not None:
                message = f"{second.id} and {first.id} both send {template} for one {event}"
                hint = "let conditions on one field exclude each other, or make one rule of them"
                yield at_key(draft, CODE, Severity.WARNING, second.path, message, hint)


def _shared_event(fields: FieldBook, first: Rule, second: Rule) -> str | None:
    """An event type for which both send to the same recipient at the same instant; None without one."""
    if not (first.enabled and second.enabled) or not _same_instant(first, second) or not _same_way(first, second):
        return None
    assert isinstance(first.on, EventTrigger)
    assert isinstance(second.on, EventTrigger)
    shared = (event for event in first.on.events if event in second.on.events)
    return next((event for event in shared if not _exclude_each_other(fields, event, first, second)), None)


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


def _exclude_each_other(fields: FieldBook, event: str, first: Rule, second: Rule) -> bool:
    """Whether the conditions of both rules can never hold for one event of this type."""
    asked = [item for rule in (first, second) for item in (rule.when, rule.audience) if isinstance(item, Condition)]
    reach: Reach = fields.reach((event,), user=True)
    both = All(first.path, tuple(asked))
    logic = Logic(fields.draft, fields, reach)
    return any(logic.always(both, field) is False for field in logic.fields_of(both))
