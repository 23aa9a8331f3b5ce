"""What the checks on marketing share: its rules, and where a missing policy is reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rules.checks._spans import at_key, at_value, inner
from rules.findings import Finding, Severity
from rules.model import Rule

if TYPE_CHECKING:
    from rules.draft import Draft

MARKETING = "marketing"


def marketing_rules(draft: Draft) -> list[Rule]:
    """The rules that send marketing; none while the type is stated but broken, since its policy is then unknown."""
    if MARKETING in draft.names["message_types"] and MARKETING not in draft.book.message_types:
        return []
    return [rule for rule in draft.book.rules.values() if rule.send.type == MARKETING]


def at_type_or_rules(draft: Draft, code: str, rules: Sequence[Rule], message: str, hint: str) -> Iterator[Finding]:
    """One warning at the message type if the book states it, else one at the type that each of the rules names."""
    type_ = draft.book.message_types.get(MARKETING)
    if type_ is None:
        for rule in rules:
            yield at_value(draft, code, Severity.WARNING, inner(draft, rule.send.path, "type"), message, hint)
    elif rules:
        names = ", ".join(rule.id for rule in rules[:3]) + (" ..." if len(rules) > 3 else "")
        yield at_key(draft, code, Severity.WARNING, type_.path, f"{message} ({names})", hint)
