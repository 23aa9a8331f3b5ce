"""Findings of structure: what is not shaped like a rulebook, each at the exact key or value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rules.build import book_zone
from rules.faults import Fault
from rules.findings import Finding, Severity, Span
from rules.judge import judge_in
from rules.known import Known
from rules.model import Path
from rules.positions import Positions

# Beyond so many nobody reads on, and each costs time (a nearest name is sought for each unknown one).
MOST_FINDINGS = 300


@dataclass(frozen=True, slots=True)
class Structure:
    """The findings, and the paths of the entries that cannot be built because of them. `whole` False: there are too many to go on."""

    findings: tuple[Finding, ...]
    bad: frozenset[Path]
    whole: bool


def examine(tree: Mapping[str, Any], positions: Positions, known: Known | None = None) -> Structure:
    """Judge a merged tree. One finding at a place: the first says what is wrong, the others would follow from it."""
    found: dict[Span, Finding] = {}
    bad: set[Path] = set()
    local = book_zone(tree)
    judge = judge_in(local) if known is None else known.judge(local)
    for fault in judge.faults(tree):
        finding = _finding(fault, positions)
        found.setdefault(finding.span, finding)
        if finding.severity is Severity.ERROR:
            bad.add(entry_of(finding.path))
        if len(found) == MOST_FINDINGS:
            return Structure(tuple(found.values()), frozenset(_entries(tree)), whole=False)
    return Structure(tuple(found.values()), frozenset(bad), whole=True)


def _entries(tree: Mapping[str, Any]) -> Iterator[Path]:
    """The paths of all entries."""
    for section, entries in tree.items():
        for name in entries if isinstance(entries, dict) else ():
            if section == "user" and isinstance(entries[name], dict):
                yield from (("user", name, fact) for fact in entries[name])
            else:
                yield (section, name)


def entry_of(path: Path) -> Path:
    """The path of the entry (or setting of the book) that a path lies in."""
    return path[:3] if path[:1] == ("user",) else path[:2]


def _finding(fault: Fault, positions: Positions) -> Finding:
    path = tuple(fault.path)
    if path not in positions:
        span = positions.nearest(path)
    else:
        span = positions.key(path) if fault.at_key else positions.value(path)
    severity = Severity.WARNING if fault.is_warning else Severity.ERROR
    return Finding(fault.code, severity, span, path, fault.message, fault.hint)
