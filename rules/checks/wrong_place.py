"""wrong-place: something that exists, but cannot stand here. An error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._conditions import leaves, refs, segment_uses
from rules.checks._fields import FieldBook, Reach
from rules.checks._places import Place, names_nobody, places, trigger_event_paths
from rules.checks._spans import at_key, at_value, inner
from rules.checks._uses import field_uses
from rules.findings import Finding, Severity
from rules.model import EventTrigger, Path, Rule

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "wrong-place"


def check(draft: Draft) -> Iterator[Finding]:
    """Fields, segments, audiences and broadcasts where they are not to be had."""
    fields = FieldBook(draft)
    for place in places(draft, fields):
        yield from _of_condition(draft, place)
    for use in field_uses(draft, fields):
        if _is_misplaced(use.field, use.reach):
            yield _misplaced(draft, use.path, use.field, "here", on_key=False)
    for rule in draft.book.rules.values():
        yield from _of_audience(draft, rule)
        yield from _of_events(draft, rule)


def _of_condition(draft: Draft, place: Place) -> Iterator[Finding]:
    for leaf in leaves(place.condition):
        if _is_misplaced(leaf.field, place.reach):
            yield _misplaced(draft, leaf.path, leaf.field, f"in {place.where}", on_key=True)
        for path, ref in refs(draft, leaf):
            if _is_misplaced(ref.field, place.reach):
                yield _misplaced(draft, path, ref.field, f"in {place.where}", on_key=False)
    if not place.reach.user:
        for use in segment_uses(place.condition):
            message = f"a segment asks about the user, whom nobody knows in {place.where}"
            yield at_key(draft, CODE, Severity.ERROR, use.path, message, _hint("user", place.where))


def _is_misplaced(name: str, reach: Reach) -> bool:
    root = name.partition(".")[0]
    return root in ("event", "user") and not reach.has_root(root)


def _misplaced(draft: Draft, path: Path, name: str, where: str, *, on_key: bool) -> Finding:
    root = name.partition(".")[0]
    message = f"{name} cannot be read {where}: there is no {root}"
    report = at_key if on_key else at_value
    return report(draft, CODE, Severity.ERROR, path, message, _hint(root, where))


def _hint(root: str, where: str) -> str:
    if root == "user" and "audience" in where:
        return "ask about the user in `audience`"
    if root == "event" and where == "in a step":
        return "a step's events are named by its alias (`as`)"
    return ""


def _of_audience(draft: Draft, rule: Rule) -> Iterator[Finding]:
    nobody = names_nobody(draft, rule.on)
    if rule.audience is not None and nobody is False:
        message = "an audience is for schedules and broadcasts; this trigger says itself who is meant"
        yield at_key(draft, CODE, Severity.ERROR, (*rule.path, "audience"), message, "narrow with `when`")
    if rule.audience is None and nobody:
        yield _nobody_named(draft, rule)


def _nobody_named(draft: Draft, rule: Rule) -> Finding:
    hint = "add an `audience`, which may be `all`"
    if not isinstance(rule.on, EventTrigger):
        return at_key(draft, CODE, Severity.ERROR, rule.on.path, "a schedule names no user", hint)
    index, event = next((index, event) for index, event in enumerate(rule.on.events) if event in draft.book.events)
    path = inner(draft, rule.on.path, "event", index)
    return at_value(draft, CODE, Severity.ERROR, path, f"{event} is a broadcast, it names no user", hint)


def _of_events(draft: Draft, rule: Rule) -> Iterator[Finding]:
    if isinstance(rule.on, EventTrigger):
        yield from _mixed(draft, rule.on)
        return
    for event, path, parts in trigger_event_paths(rule):
        if event in draft.book.events and draft.book.events[event].broadcast:
            message = f"{event} is a broadcast: it belongs to no user's sequence and is counted for nobody"
            yield at_value(draft, CODE, Severity.ERROR, inner(draft, path, *parts), message, "use it alone in `on`, with an `audience`")


def _mixed(draft: Draft, on: EventTrigger) -> Iterator[Finding]:
    known = [(index, draft.book.events[event]) for index, event in enumerate(on.events) if event in draft.book.events]
    for index, event in known[1:]:
        if event.broadcast != known[0][1].broadcast:
            first, here = ("a broadcast", "is none") if known[0][1].broadcast else ("an event of a user", "is a broadcast")
            message = f"{known[0][1].type} is {first}, {event.type} {here}: they cannot share a rule"
            yield at_value(draft, CODE, Severity.ERROR, inner(draft, on.path, "event", index), message, "write two rules")
            return
