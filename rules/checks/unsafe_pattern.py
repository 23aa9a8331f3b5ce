"""unsafe-pattern: a pattern that RE2 does not take. An error.

RE2 reads a text once, whatever the pattern; what would need more (backreferences, lookaround, thousands of repetitions) it refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import re2

from rules.checks._conditions import leaves, operand_path
from rules.checks._fields import FieldBook
from rules.checks._places import places
from rules.checks._spans import at_value, inner
from rules.findings import Finding, Severity
from rules.model import FieldDef, Path

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "unsafe-pattern"
MEMORY_BYTES = 1 << 20  # what the engine gives a pattern (engine.core.operators)


def check(draft: Draft) -> Iterator[Finding]:
    """The patterns of `matches`, and those of declared fields."""
    for path, pattern in _patterns(draft):
        problem = _problem(pattern)
        if problem:
            hint = "RE2 has no backreferences, no lookaround, and at most 1000 repetitions"
            yield at_value(draft, CODE, Severity.ERROR, path, f"not a pattern of RE2: {problem}", hint)


def _patterns(draft: Draft) -> Iterator[tuple[Path, str]]:
    for place in places(draft, FieldBook(draft)):
        for leaf in leaves(place.condition):
            if leaf.op == "matches" and isinstance(leaf.operand, str):
                yield operand_path(draft, leaf), leaf.operand
    for event in draft.book.events.values():
        for field in event.data.values():
            yield from _of_field(draft, field)
    for field in draft.book.attributes.values():
        yield from _of_field(draft, field)


def _of_field(draft: Draft, field: FieldDef) -> Iterator[tuple[Path, str]]:
    pattern = field.schema.get("pattern")
    if isinstance(pattern, str):
        yield inner(draft, field.path, "pattern"), pattern
    for below in (*((field.items,) if field.items else ()), *(field.properties or {}).values()):
        yield from _of_field(draft, below)


def _problem(pattern: str) -> str:
    """What RE2 says against it; empty if it takes it."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = MEMORY_BYTES
    try:
        re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return ""
