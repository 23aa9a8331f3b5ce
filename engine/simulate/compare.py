"""What a changed book would do differently: two simulations of the same events, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby, zip_longest
from typing import Any

from engine.core.outcomes import Message, Verdict
from engine.simulate.output import Prices, cost_of, message_line
from engine.simulate.simulation import Happening

Page = list[Happening]
Key = tuple[str, str, str, str]  # rule, occurrence, recipient, channel
MAX_EXAMPLES = 5  # of each kind and rule; the totals count all
NOTHING = "no verdict"


@dataclass(slots=True)
class RuleDifference:
    """One rule's messages before and after."""

    rule: str
    messages: list[int] = field(default_factory=lambda: [0, 0])
    cost: list[float] = field(default_factory=lambda: [0.0, 0.0])
    added: int = 0
    removed: int = 0
    changed: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        """Whether any message is not as before."""
        return bool(self.added or self.removed or self.changed)

    def as_dict(self, priced: bool) -> dict[str, Any]:
        """JSON-ready."""
        old_cost, new_cost = ([round(cost, 6) for cost in self.cost]) if priced else (None, None)
        return {
            "rule": self.rule,
            "old": self.messages[0],
            "new": self.messages[1],
            "added": self.added,
            "removed": self.removed,
            "changed": self.changed,
            "cost_old": old_cost,
            "cost_new": new_cost,
            "examples": self.examples,
        }

    def example(self, kind: str, before: Message | None, after: Message | None, prices: Prices, most: int) -> None:
        """Keep a few, so that people see what changed."""
        if sum(example["kind"] == kind for example in self.examples) < most:
            old = message_line(before, prices) if before is not None else None
            new = message_line(after, prices) if after is not None else None
            self.examples.append({"kind": kind, "old": old, "new": new})


class Comparison:
    """Runs two simulations side by side and counts what differs.

    A message is the same by rule, occurrence, recipient and channel; it is changed when its instant, text or anything else shown differs.
    Verdicts of one instant are paired by rule, occurrence and user. In memory are only messages that one side has and the other has not.
    """

    def __init__(self, prices: Prices, examples: int = MAX_EXAMPLES) -> None:
        self._prices = prices
        self._examples = examples
        self.rules: dict[str, RuleDifference] = {}
        self.shifts: Counter[tuple[str, str, str]] = Counter()  # (rule, from, to)
        self._waiting: tuple[dict[Key, Message], dict[Key, Message]] = ({}, {})

    def run(self, old: Iterator[Page], new: Iterator[Page]) -> None:
        """Take all pages of both, in order of time."""
        pages = merge(_timed(old, 0), _timed(new, 1), key=lambda page: page[0])
        for _, group in groupby(pages, key=lambda page: page[0]):
            sides: tuple[Page, Page] = ([], [])
            for _, side, page in group:
                sides[side].extend(page)
            self._pair_verdicts(*sides)
            for side, page in enumerate(sides):
                for happening in page:
                    if isinstance(happening, Message):
                        self._count(side, happening)
        self._settle()

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: totals, then the rules that differ by size of change, then the verdicts that shifted."""
        rows = list(self.rules.values())
        changed = sorted((row for row in rows if row.differs), key=lambda row: (-(row.added + row.removed + row.changed), row.rule))
        shifts = sorted(self.shifts.items(), key=lambda shift: (-shift[1], shift[0]))
        cost = {name: round(sum(row.cost[side] for row in rows), 6) for side, name in enumerate(("old", "new"))}
        return {
            "messages": {name: sum(row.messages[side] for row in rows) for side, name in enumerate(("old", "new"))},
            "cost": cost if self._prices else None,
            "rules": [row.as_dict(bool(self._prices)) for row in changed],
            "unchanged_rules": len(rows) - len(changed),
            "verdicts": [{"rule": rule, "from": before, "to": after, "count": count} for (rule, before, after), count in shifts],
        }

    def _row(self, rule: str) -> RuleDifference:
        return self.rules.setdefault(rule, RuleDifference(rule))

    def _pair_verdicts(self, old: Page, new: Page) -> None:
        sides = _verdicts(old), _verdicts(new)
        for key in sides[0].keys() | sides[1].keys():
            for before, after in zip_longest(sides[0].get(key, ()), sides[1].get(key, ()), fillvalue=None):
                if _label(before) != _label(after):
                    self.shifts[key[0], _label(before), _label(after)] += 1
                    self.shifted(before, after)

    def _count(self, side: int, message: Message) -> None:
        row = self._row(message.rule)
        row.messages[side] += 1
        row.cost[side] += cost_of(message, self._prices) or 0.0
        key = (message.rule, message.occurrence, message.user or message.to, message.channel)
        other = self._waiting[1 - side].pop(key, None)
        if other is None:
            self._waiting[side][key] = message
            return
        before, after = (other, message) if side else (message, other)
        if message_line(before, {}) != message_line(after, {}) or before.content != after.content:
            row.changed += 1
            row.example("changed", before, after, self._prices, self._examples)
            self.differed("changed", after)

    def _settle(self) -> None:
        """What met nobody was removed or added."""
        for message in self._waiting[0].values():
            row = self._row(message.rule)
            row.removed += 1
            row.example("removed", message, None, self._prices, self._examples)
            self.differed("removed", message)
        for message in self._waiting[1].values():
            row = self._row(message.rule)
            row.added += 1
            row.example("added", None, message, self._prices, self._examples)
            self.differed("added", message)

    # ---- for who wants to know more than the figures ------------------------------------------------------------------------------------

    def shifted(self, before: Verdict | None, after: Verdict | None) -> None:
        """Two verdicts of one rule, occurrence and user differ; None: there was none."""

    def differed(self, kind: str, message: Message) -> None:
        """A message was `added`, `removed` or `changed`."""


def _timed(pages: Iterator[Page], side: int) -> Iterator[tuple[int, int, Page]]:
    for page in pages:
        yield page[0].at, side, page


def _verdicts(page: Iterable[Happening]) -> dict[tuple[str, str, str], list[Verdict]]:
    found: dict[tuple[str, str, str], list[Verdict]] = {}
    for one in page:
        if isinstance(one, Verdict):
            found.setdefault((one.rule, one.occurrence, one.user or one.phone or ""), []).append(one)
    return found


def _label(verdict: Verdict | None) -> str:
    return f"{verdict.outcome} {verdict.reason}" if verdict is not None else NOTHING
