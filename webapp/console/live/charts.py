"""Shapes of charts, as numbers for SVG: a line without axes, bars that start at zero, two marks on a scale that is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 88, 22


def line(points: Sequence[tuple[int, int]], since: int, until: int) -> str:
    """The path of a small line; "" for fewer than two points. It starts at zero, so that a flat queue looks flat."""
    if len(points) < 2 or until <= since:
        return ""
    top = max(max(value for _, value in points), 1)
    placed = [(WIDTH * (at - since) / (until - since), HEIGHT - 1 - (HEIGHT - 2) * value / top) for at, value in points]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)


@dataclass(frozen=True, slots=True)
class Scale:
    """A stretch of shares from `low` to 1, `width` units long."""

    low: float
    width: int = 240

    def x(self, share: float) -> float:
        """Where a share is; what lies below is at the left end."""
        return round(self.width * max(share - self.low, 0) / (1 - self.low), 1)


def scale_of(shares: Sequence[float]) -> Scale:
    """A scale that shows all shares: from the tenth below the least, at most 0.9."""
    least = min(shares, default=0.9)
    return Scale(min(max(int(least * 10 - 1e-9) / 10, 0.0), 0.9))
