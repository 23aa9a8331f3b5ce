"""How much of a book its rule tests reach: rules that sent and that did not, both answers of every condition, reasons that occurred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from engine.core.conditions import Node
from engine.core.plan import BookPlan, RulePlan
from engine.core.trace import Trace

# Reasons that a rule can give only because of a stage that it has.
STAGE_REASONS = {
    "enabled": ("disabled",), "active": ("not_active",), "unless": ("unless",), "when": ("condition_false",),
    "audience": (), "holdout": ("holdout",), "consent": ("no_consent",), "quiet_hours": ("quiet_hours",), "validity": ("expired",),
    "duplicate": ("duplicate",), "caps": ("capped",), "send": ("ok",),
}  # fmt: skip


@dataclass(slots=True)
class Coverage:
    """What was reached. Branches are (path of a condition, answer); reasons are (rule, reason)."""

    rules: tuple[str, ...]
    branches: frozenset[tuple[str, bool]]
    reasons: frozenset[tuple[str, str]]
    sent: set[str] = field(default_factory=set)
    seen_branches: set[tuple[str, bool]] = field(default_factory=set)
    seen_reasons: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of(cls, book: BookPlan) -> Coverage:
        """Nothing reached yet."""
        branches = frozenset(branch for rule in book.rules.values() for branch in _branches(rule))
        reasons = frozenset((rule.id, reason) for rule in book.rules.values() for reason in _reasons(rule))
        return cls(tuple(sorted(book.rules)), branches, reasons)

    def add(self, traces: Iterable[Trace]) -> None:
        """Count what these judgements reached."""
        for trace in traces:
            for tree in (trace.when, trace.audience):
                if tree is not None:
                    self.seen_branches |= set(_answers(tree)) & self.branches
            if trace.verdict is not None:
                self.seen_reasons.add((trace.rule, trace.verdict.reason))
                if trace.verdict.reason == "ok":
                    self.sent.add(trace.rule)

    def missing_branches(self) -> Iterator[str]:
        """Answers that no test met."""
        for path, answer in sorted(self.branches - self.seen_branches):
            yield f"{path} was never {'true' if answer else 'false'}"

    def missing_reasons(self) -> Iterator[str]:
        """Reasons that a rule can give and never gave."""
        for rule, reason in sorted(self.reasons - self.seen_reasons):
            yield f"rule {rule} never gave the reason {reason}"


def _branches(rule: RulePlan) -> Iterator[tuple[str, bool]]:
    for compiled in (rule.when, rule.audience):
        if compiled is not None:
            for path in compiled.leaf_paths():
                yield path, True
                yield path, False


def _answers(node: Node) -> Iterator[tuple[str, bool]]:
    if node.kind == "leaf" and node.result is not None:
        yield node.path, node.result
    for child in node.children:
        yield from _answers(child)


def _reasons(rule: RulePlan) -> Iterator[str]:
    for name, _ in rule.stages:
        yield from STAGE_REASONS.get(name, ())
    if rule.due is not None:
        yield "timer_set"
