"""type-mismatch: a value, a field or a declaration that can never be of the type its place needs. An error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._conditions import leaves
from rules.checks._fields import FieldBook
from rules.checks._places import places
from rules.checks._spans import at_value, inner
from rules.checks._texts import all_texts, at_text
from rules.checks._types import described, mismatches
from rules.checks._uses import field_uses
from rules.findings import Finding, Severity

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "type-mismatch"
# What a filter can show; the others take anything. A `date` has no time of day.
FILTER_KINDS = {
    "date": frozenset({"date", "datetime"}),
    "datetime": frozenset({"date", "datetime"}),
    "time": frozenset({"datetime"}),
}


def check(draft: Draft) -> Iterator[Finding]:
    """Every operand, field and key of a type that cannot be meant."""
    fields = FieldBook(draft)
    for place in places(draft, fields):
        for leaf in leaves(place.condition):
            for mismatch in mismatches(draft, fields, place.reach, leaf):
                yield at_value(draft, CODE, Severity.ERROR, mismatch.path, mismatch.message, mismatch.hint)
    yield from _named_fields(draft, fields)
    yield from _keys(draft)
    yield from _filters(draft, fields)


def _named_fields(draft: Draft, fields: FieldBook) -> Iterator[Finding]:
    for use in field_uses(draft, fields):
        known = fields.find(use.field, use.reach)
        if known is not None and use.kinds is not None and not known.kinds <= use.kinds | {"any"}:
            yield at_value(draft, CODE, Severity.ERROR, use.path, f"{use.field} is {described(known)}: {use.wants}")


def _keys(draft: Draft) -> Iterator[Finding]:
    for event in draft.book.events.values():
        field = event.data.get(event.key) if event.key is not None else None
        if field is not None and field.type in ("list", "object"):
            path = inner(draft, event.path, "key")
            yield at_value(draft, CODE, Severity.ERROR, path, f"{event.key} is a {field.type}: a key is one value", "name a string field")


def _filters(draft: Draft, fields: FieldBook) -> Iterator[Finding]:
    """A filter that fails on every value of its field. Undeclared fields and aliases are left to other checks."""
    everything = fields.everything()
    for text in all_texts(draft):
        for use in text.parsed.fields:
            known = fields.find(use.name, everything)
            for item in use.filters[:1]:
                allowed = FILTER_KINDS.get(item.name)
                if known and allowed and "any" not in known.types and not known.kinds & allowed:
                    message = f"{item.name} shows times, {use.name} is {described(known)}"
                    yield at_text(draft, CODE, Severity.ERROR, text, use.line, use.column, message)
