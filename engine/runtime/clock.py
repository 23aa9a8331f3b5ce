"""The service's clock: the real one, or for tests one that stands until it is moved."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from engine.runtime.errors import ClockIsReal


class Clock(Protocol):
    """Instants in microseconds, UTC. Never runs backwards for its readers."""

    def now(self) -> int:
        """The present instant."""

    def set(self, instant: int) -> int:
        """Move to the instant, if it lies ahead. Raises ClockIsReal where nobody may."""


class RealClock:
    """The machine's clock. When that steps back, this one waits for it, so that what was accepted keeps its order."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def now(self) -> int:
        """The present instant, at least that of the last call."""
        with self._lock:
            self._last = max(self._last, time.time_ns() // 1_000)
            return self._last

    def set(self, instant: int) -> int:
        """Nobody may."""
        raise ClockIsReal('the service runs on the real clock (settings: clock = "test")')


class TestClock:
    """Stands still until it is moved, and never goes back."""

    __test__ = False  # not a test of pytest's

    def __init__(self, instant: int) -> None:
        self._now = instant

    def now(self) -> int:
        """The instant it was last set to."""
        return self._now

    def set(self, instant: int) -> int:
        """Move ahead; an earlier instant is ignored."""
        self._now = max(self._now, instant)
        return self._now
