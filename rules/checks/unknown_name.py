"""unknown-name: an event, segment, template, field, trait, rule or filter that is declared nowhere. An error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from rules.checks._conditions import leaves, refs, segment_uses
from rules.checks._fields import FieldBook, Reach
from rules.checks._places import alias_reaches, places, trigger_event_paths
from rules.checks._spans import at_key, at_value, did_you_mean, inner
from rules.checks._texts import Text, all_texts, at_text, template_names
from rules.checks._uses import FieldUse, field_uses
from rules.findings import Finding, Severity
from rules.model import EVENT_BUILTINS, Crossing, Path

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "unknown-name"


def check(draft: Draft) -> Iterator[Finding]:
    """Every name that stands for nothing."""
    fields = FieldBook(draft)
    yield from _events(draft)
    yield from _segments(draft, fields)
    yield from _templates(draft)
    yield from _condition_fields(draft, fields)
    yield from _other_fields(draft, fields)
    yield from _text_fields(draft, fields)
    yield from _rules_in_tests(draft)


def _unknown(draft: Draft, path: Path, kind: str, name: str, known: Iterable[str]) -> Finding:
    return at_value(draft, CODE, Severity.ERROR, path, f"no {kind} is called {name}", did_you_mean(name, known))


def _events(draft: Draft) -> Iterator[Finding]:
    known = draft.names["events"]
    for path, name in _event_names(draft):
        if name not in known:
            yield _unknown(draft, path, "event", name, known)


def _event_names(draft: Draft) -> Iterator[tuple[Path, str]]:
    for trait in draft.book.traits.values():
        for index, event in enumerate(trait.events):
            yield inner(draft, trait.path, "on", index), event
    for rule in draft.book.rules.values():
        for event, path, parts in trigger_event_paths(rule):
            yield inner(draft, path, *parts), event
        if rule.goal is not None:
            yield inner(draft, rule.goal.path, "event"), rule.goal.event
    for test in draft.book.tests.values():
        for happening in test.events:
            yield inner(draft, happening.path, "type"), happening.type


def _segments(draft: Draft, fields: FieldBook) -> Iterator[Finding]:
    known = draft.names["segments"]
    for place in places(draft, fields):
        for use in segment_uses(place.condition):
            if use.segment not in known:
                yield _unknown(draft, use.path, "segment", use.segment, known)
    for rule in draft.book.rules.values():
        if isinstance(rule.on, Crossing) and rule.on.segment not in known:
            path = inner(draft, rule.on.path, "enter" if rule.on.enters else "leave")
            yield _unknown(draft, path, "segment", rule.on.segment, known)


def _templates(draft: Draft) -> Iterator[Finding]:
    known = draft.names["templates"]
    for rule in draft.book.rules.values():
        for path, name in template_names(draft, rule):
            if name not in known:
                yield _unknown(draft, path, "template", name, known)


def _condition_fields(draft: Draft, fields: FieldBook) -> Iterator[Finding]:
    for place in places(draft, fields):
        for leaf in leaves(place.condition):
            if _is_unknown(fields, leaf.field, place.reach):
                hint = did_you_mean(leaf.field, fields.names(place.reach))
                yield at_key(draft, CODE, Severity.ERROR, leaf.path, f"{leaf.field} is not declared", hint)
            for path, ref in refs(draft, leaf):
                if _is_unknown(fields, ref.field, place.reach):
                    yield _undeclared(draft, fields, FieldUse(path, ref.field, place.reach))


def _other_fields(draft: Draft, fields: FieldBook) -> Iterator[Finding]:
    for use in field_uses(draft, fields):
        if _is_unknown(fields, use.field, use.reach) and not (use.is_policy and _is_new(fields, use)):
            yield _undeclared(draft, fields, use)
    for event in draft.book.events.values():
        if event.key is not None and event.key not in event.data:
            yield _unknown(draft, inner(draft, event.path, "key"), f"field of {event.type}", event.key, event.data)


def _is_unknown(fields: FieldBook, name: str, reach: Reach) -> bool:
    """Whether the name is declared nowhere; one that only cannot be read here is another finding (wrong-place)."""
    root = name.partition(".")[0]
    if reach.has_root(root):
        return fields.find(name, reach) is None
    return root not in ("event", "user")


def _is_new(fields: FieldBook, use: FieldUse) -> bool:
    """Whether no declared field is spelt like this one, so that it is not a slip of the pen."""
    declared = fields.names(use.reach) - {f"event.{name}" for name in EVENT_BUILTINS}
    return not did_you_mean(use.field.partition(".")[2], (name.partition(".")[2] for name in declared))


def _undeclared(draft: Draft, fields: FieldBook, use: FieldUse) -> Finding:
    hint = did_you_mean(use.field, fields.names(use.reach))
    return at_value(draft, CODE, Severity.ERROR, use.path, f"{use.field} is not declared", hint)


def _text_fields(draft: Draft, fields: FieldBook) -> Iterator[Finding]:
    everything = fields.everything()
    reaches = [everything, *alias_reaches(draft, fields)]
    whole = draft.names["rules"] <= draft.book.rules.keys()  # else the alias may be that of a rule that is broken elsewhere
    for text in all_texts(draft):
        for use in text.parsed.fields:
            known = any(fields.find(use.name, reach) for reach in reaches)
            if not known and (whole or use.name.startswith(("event.", "user."))):
                hint = did_you_mean(use.name, fields.names(everything))
                yield _in_text(draft, text, use.line, use.column, f"{use.name} is not declared", hint)
        for problem in text.parsed.problems:
            if problem.kind == "filter":
                yield _in_text(draft, text, problem.line, problem.column, problem.message, problem.hint)


def _in_text(draft: Draft, text: Text, line: int, column: int, message: str, hint: str) -> Finding:
    return at_text(draft, CODE, Severity.ERROR, text, line, column, message, hint)


def _rules_in_tests(draft: Draft) -> Iterator[Finding]:
    known = draft.names["rules"]
    for test in draft.book.tests.values():
        for item in (*(test.expect or ()), *test.verdicts):
            name = item.fields.get("rule")
            if isinstance(name, str) and name not in known:
                yield _unknown(draft, inner(draft, item.path, "rule"), "rule", name, known)
        for receipt in test.receipts:
            if receipt.rule not in known:
                yield _unknown(draft, inner(draft, receipt.path, "rule"), "rule", receipt.rule, known)
