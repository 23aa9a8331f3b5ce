"""greeting-is-marketing: good wishes sent as a notification. A warning: operators count them as marketing.

So they must respect consent, quiet hours and the ending of marketing, and a person may refuse them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._spans import at_value, inner
from rules.findings import Finding, Severity
from rules.model import DateSchedule, FestivalSchedule, Rule

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "greeting-is-marketing"


def check(draft: Draft) -> Iterator[Finding]:
    """Notifications on festivals and on the yearly dates of users."""
    for rule in draft.book.rules.values():
        if rule.send.type == "notification" and _is_greeting(rule):
            path = inner(draft, rule.send.path, "type")
            message = f"{rule.id} sends greetings as a notification; operators count them as marketing"
            yield at_value(draft, CODE, Severity.WARNING, path, message, "type: marketing")


def _is_greeting(rule: Rule) -> bool:
    return isinstance(rule.on, FestivalSchedule) or (isinstance(rule.on, DateSchedule) and rule.on.yearly)
