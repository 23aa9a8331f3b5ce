"""untested-rule: a rule that no rule test speaks of. For information."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._spans import at_key
from rules.findings import Finding, Severity
from rules.model import RuleTest

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "untested-rule"


def check(draft: Draft) -> Iterator[Finding]:
    """Every rule that no `expect` and no `verdicts` names. Said of none while some test is broken."""
    if draft.names["tests"] - draft.book.tests.keys():
        return
    tested = {name for test in draft.book.tests.values() for name in _named(test)}
    for rule in draft.book.rules.values():
        if rule.id not in tested:
            message = f"no rule test expects a message or a verdict of {rule.id}"
            yield at_key(draft, CODE, Severity.INFO, rule.path, message, "save a story from the simulator as a test")


def _named(test: RuleTest) -> Iterator[object]:
    for item in (*(test.expect or ()), *test.verdicts):
        yield item.fields.get("rule")
