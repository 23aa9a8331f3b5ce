"""cycle: segments that ask about one another in a circle, so that none of them has a meaning. An error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._conditions import segment_uses
from rules.checks._spans import at_key
from rules.findings import Finding, Severity

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "cycle"
Graph = dict[str, tuple[str, ...]]


def check(draft: Draft) -> Iterator[Finding]:
    """Each circle once, at the segment of it that the files name first."""
    segments = draft.book.segments
    asks = {name: tuple(dict.fromkeys(use.segment for use in segment_uses(item.when))) for name, item in segments.items()}
    order = sorted(segments, key=lambda name: draft.positions.key(segments[name].path))
    told: set[str] = set()
    for name in order:
        circle = _circle(asks, name)
        if circle and told.isdisjoint(circle):
            told |= set(circle)
            words = " → ".join((*circle, name))
            yield at_key(draft, CODE, Severity.ERROR, segments[name].path, f"a circle of segments: {words}", "let one of them ask the user")


def _circle(asks: Graph, start: str) -> list[str]:
    """The shortest way from a segment back to itself; [] when there is none."""
    paths: list[list[str]] = [[start]]
    seen: set[str] = set()
    for path in paths:  # grows while it is walked
        for name in asks.get(path[-1], ()):
            if name == start:
                return path
            if name not in seen:
                seen.add(name)
                paths.append([*path, name])
    return []
