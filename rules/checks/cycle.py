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
Graph = dict[str, set[str]]
LONGEST_SHOWN = 10


def check(draft: Draft) -> Iterator[Finding]:
    """Each circle once, at the segment of it that the files name first."""
    segments = draft.book.segments
    asks = {name: {use.segment for use in segment_uses(item.when)} & segments.keys() for name, item in segments.items()}
    asks = _only_circles(asks)
    told: set[str] = set()
    for name in sorted(asks, key=lambda name: draft.positions.key(segments[name].path)):
        circle = _circle(asks, name) if name not in told else []
        if circle:
            told |= set(circle)
            words = " → ".join((*circle[:LONGEST_SHOWN], *(("...",) if len(circle) > LONGEST_SHOWN else ()), name))
            yield at_key(draft, CODE, Severity.ERROR, segments[name].path, f"a circle of segments: {words}", "let one of them ask the user")


def _only_circles(asks: Graph) -> Graph:
    """Without the segments that lead to no circle, nor from one: what is left lies in circles, or between two."""
    return _reversed(_peeled(_reversed(_peeled(asks))))


def _peeled(asks: Graph) -> Graph:
    """Without those that ask nobody, then those that asked only them, and so on."""
    left = {name: len(others) for name, others in asks.items()}
    asked_by = _reversed(asks)
    ends = [name for name, count in left.items() if count == 0]
    for end in ends:  # grows while it is walked
        for name in asked_by[end]:
            left[name] -= 1
            if left[name] == 0:
                ends.append(name)
    gone = set(ends)
    return {name: others - gone for name, others in asks.items() if name not in gone}


def _reversed(asks: Graph) -> Graph:
    turned: Graph = {name: set() for name in asks}
    for name, others in asks.items():
        for other in others:
            turned[other].add(name)
    return turned


def _circle(asks: Graph, start: str) -> list[str]:
    """The shortest way from a segment back to itself; [] when there is none."""
    came_from: dict[str, str] = {}
    waiting = [start]
    for name in waiting:  # grows while it is walked
        for other in sorted(asks.get(name, ())):
            if other == start:
                return _way(came_from, start, name)
            if other not in came_from:
                came_from[other] = name
                waiting.append(other)
    return []


def _way(came_from: dict[str, str], start: str, end: str) -> list[str]:
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]
