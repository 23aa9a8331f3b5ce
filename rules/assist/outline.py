"""The contents of a book: every rule with its place, and whether its tests show that it sends and that it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rules.checking import Checked
from rules.findings import Span

_NOT_SENT = frozenset({"skip", "cancel"})


@dataclass(frozen=True, slots=True)
class Heading:
    """One rule. `name` is for people, and may be empty."""

    id: str
    name: str
    span: Span  # of the key
    end_line: int
    sends: bool  # a test expects a message of it
    holds_back: bool  # a test expects that it skips or cancels

    def as_dict(self) -> dict[str, Any]:
        """For the page."""
        place = {"file": self.span.file, "line": self.span.line, "end_line": self.end_line}
        return {"id": self.id, "name": self.name, **place, "sends": self.sends, "holds_back": self.holds_back}


def outline(checked: Checked) -> list[Heading]:
    """In order of file and line; broken rules too."""
    tree = checked.draft.tree
    sent, held = _tested(tree.get("tests"))
    rules = tree.get("rules")
    found = []
    for id, rule in rules.items() if isinstance(rules, Mapping) else ():
        path = ("rules", id)
        if path in checked.positions:
            name = rule.get("name") if isinstance(rule, Mapping) else None
            end = checked.positions.value(path).end_line
            found.append(Heading(id, name if isinstance(name, str) else "", checked.positions.key(path), end, id in sent, id in held))
    return sorted(found, key=lambda one: one.span)


def _tested(tests: Any) -> tuple[set[str], set[str]]:
    sent: set[str] = set()
    held: set[str] = set()
    for test in tests.values() if isinstance(tests, Mapping) else ():
        sent |= {rule for rule, _ in _named(test, "expect")}
        for rule, outcome in _named(test, "verdicts"):
            if outcome == "send":
                sent.add(rule)
            elif outcome in _NOT_SENT:
                held.add(rule)
    return sent, held


def _named(test: Any, part: str) -> Iterator[tuple[str, object]]:
    items = test.get(part) if isinstance(test, Mapping) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping) and isinstance(item.get("rule"), str):
            yield item["rule"], item.get("outcome")
