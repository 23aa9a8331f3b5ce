"""uncapped-marketing: nothing limits how much marketing a person gets. A warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._marketing import at_type_or_rules, marketing_rules
from rules.findings import Finding

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "uncapped-marketing"


def check(draft: Draft) -> Iterator[Finding]:
    """Marketing rules without a cap of their own, where neither the message type nor the book has one."""
    type_ = draft.book.message_types.get("marketing")
    if draft.book.caps or (type_ is not None and type_.caps):
        return
    uncapped = [rule for rule in marketing_rules(draft) if not rule.caps]
    hint = "caps: [{max: 1, per: day, by: user}] in message_types.marketing"
    yield from at_type_or_rules(draft, CODE, uncapped, "no cap limits how much marketing a person gets", hint)
