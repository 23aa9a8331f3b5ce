"""unused: an event, segment or template that no rule needs. For information: it may be there for later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rules.checks._conditions import segment_uses
from rules.checks._fields import FieldBook
from rules.checks._places import places, trigger_event_paths
from rules.checks._spans import at_key
from rules.checks._texts import template_names
from rules.findings import Finding, Severity
from rules.model import Crossing, Rulebook

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "unused"


def check(draft: Draft) -> Iterator[Finding]:
    """Every such entry, at its name. What only rule tests mention is unused too."""
    book = draft.book
    used = {"event": _events(book), "segment": _segments(draft), "template": _templates(draft)}
    broken = _words_of_broken_entries(draft)
    for kind, entries in (("event", book.events), ("segment", book.segments), ("template", book.templates)):
        for name in entries:
            if name not in used[kind] and name not in broken:
                yield at_key(draft, CODE, Severity.INFO, (f"{kind}s", name), f"no rule needs the {kind} {name}", "remove it, or use it")


def _events(book: Rulebook) -> set[str]:
    used = {event for trait in book.traits.values() for event in trait.events}
    for rule in book.rules.values():
        used |= {event for event, _, _ in trigger_event_paths(rule)}
        if rule.goal is not None:
            used.add(rule.goal.event)
    return used


def _segments(draft: Draft) -> set[str]:
    asked = {use.segment for place in places(draft, FieldBook(draft)) for use in segment_uses(place.condition)}
    return asked | {rule.on.segment for rule in draft.book.rules.values() if isinstance(rule.on, Crossing)}


def _templates(draft: Draft) -> set[str]:
    return {name for rule in draft.book.rules.values() for _, name in template_names(draft, rule)}


def _words_of_broken_entries(draft: Draft) -> set[str]:
    """Every text in an entry that structure refused: what it names is not unused."""
    sound = {"rules": draft.book.rules, "segments": draft.book.segments}
    found: set[str] = set()
    for section, entries in sound.items():
        for name in draft.names[section] - entries.keys():
            found |= set(_words(draft.tree[section][name]))
    for name in draft.names["traits"] - draft.book.traits.keys():
        found |= set(_words(draft.tree["user"]["traits"][name]))
    return found


def _words(tree: Any) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict | list):
        for item in tree.values() if isinstance(tree, dict) else tree:
            yield from _words(item)
