"""missing-template-value: a text reads what the rule's trigger cannot supply. An error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._fields import FieldBook, Reach
from rules.checks._places import alias_reaches, text_reach
from rules.checks._spans import at_value
from rules.checks._texts import Look, Text, at_text, carriers, looks, texts
from rules.findings import Finding, Severity
from rules.model import Rule

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "missing-template-value"


def check(draft: Draft) -> Iterator[Finding]:
    """Per rule and template one finding for each field that is declared, but not by all that may trigger the rule."""
    fields = FieldBook(draft)
    reaches = [fields.everything(), *alias_reaches(draft, fields)]
    for rule in draft.book.rules.values():
        reach = text_reach(rule, fields)
        for look in looks(draft, rule):
            seen: set[str] = set()
            for text in texts(look.template, carriers(rule, look.template)):
                yield from _of_text(draft, rule, look, text, reach, seen, fields, reaches)


def _of_text(
    draft: Draft, rule: Rule, look: Look, text: Text, reach: Reach, seen: set[str], fields: FieldBook, reaches: list[Reach]
) -> Iterator[Finding]:
    for use in text.parsed.fields:
        # What no event, user or alias of the book has is an unknown name.
        if use.name in seen or fields.supplies(use.name, reach) or not any(fields.find(use.name, other) for other in reaches):
            continue
        seen.add(use.name)
        message = f"{_trigger_words(rule, use.name)} {use.name}, which the text shows"
        yield _finding(draft, look, text, use.line, use.column, message)
    if text.parsed.uses_code and rule.send.type != "verification" and "code" not in seen:
        seen.add("code")
        message = f"only a verification message has a code; {rule.id} is of type {rule.send.type}"
        yield _finding(draft, look, text, 1, 1, message)


def _finding(draft: Draft, look: Look, text: Text, line: int, column: int, message: str) -> Finding:
    hint = "use another template, or another trigger"
    if look.in_place:
        return at_text(draft, CODE, Severity.ERROR, text, line, column, message, "change the text, or the trigger")
    return at_value(draft, CODE, Severity.ERROR, look.path, f"{message} (template {look.template.id})", hint)


def _trigger_words(rule: Rule, name: str) -> str:
    root = name.partition(".")[0]
    if root == "event":
        return f"the trigger of {rule.id} does not always have"
    return f"{rule.id} has no alias {root}, so there is no"
