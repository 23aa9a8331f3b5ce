"""The store of a simulation: cells and timers in memory, small because what says nothing any more is dropped."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from engine.core.case import NEVER
from engine.core.facts import Cell, UserCell
from engine.core.outcomes import Decision, Timer
from rules.model import HOUR


class Memory:
    """Cells by id, timers by id and by due instant. Plain data: it can be pickled and gone on with."""

    def __init__(self) -> None:
        self.cells: dict[str, Cell] = {}
        self.timers: dict[str, Timer] = {}
        self.get = self.cells.get
        self._by_cell: dict[str, dict[str, Timer]] = {}
        self._queue: list[tuple[int, int, Timer]] = []  # (due, order in which set, timer); those that are gone are passed over
        self._set = 0
        self._expiring: dict[int, list[str]] = {}  # hour -> cells that may say nothing any more by its end
        self.sweep_at = 0  # the next hour of the clock; before it there is nothing to sweep
        self._people: list[tuple[str, str]] | None = None

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "get"}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self.get = self.cells.get

    def pending(self, cell_id: str, /) -> Iterable[Timer]:
        """Timers that this cell's events may cancel, in the order in which they were set."""
        return tuple(self._by_cell.get(cell_id, {}).values())

    def apply(self, decision: Decision) -> None:
        """Take over what a decision changed."""
        cells = self.cells
        for cell_id, cell in decision.cells.items():
            known = cells.get(cell_id)
            if type(cell) is UserCell:
                if known is None or known.phone != cell.phone:  # type: ignore[attr-defined]  # a user's cell stays one
                    self._people = None
            elif known is None and cell.expires < NEVER:
                # One place is enough: when its hour has passed the sweep looks how long it is kept by then.
                self._expiring.setdefault(cell.expires // HOUR, []).append(cell_id)
            cells[cell_id] = cell
        for timer_id in decision.cancelled:
            self.drop(timer_id)
        for timer in decision.timers:
            self.add(timer)

    def add(self, timer: Timer) -> None:
        """Set a timer, in place of one with the same id."""
        if timer.id in self.timers:
            self.drop(timer.id)
        self.timers[timer.id] = timer
        self._set += 1
        heappush(self._queue, (timer.due, self._set, timer))
        for cell_id in timer.watch:
            self._by_cell.setdefault(cell_id, {})[timer.id] = timer

    def drop(self, timer_id: str) -> None:
        """Forget a timer; an unknown one is no error."""
        timer = self.timers.pop(timer_id, None)
        if timer is not None and timer.watch:
            self._unwatch(timer)

    def _unwatch(self, timer: Timer) -> None:
        for cell_id in timer.watch:
            waiting = self._by_cell[cell_id]
            del waiting[timer.id]
            if not waiting:
                del self._by_cell[cell_id]

    def next_due(self) -> int | None:
        """The earliest due instant of a timer that still stands."""
        queue = self._queue
        while queue:
            due, _, timer = queue[0]
            if self.timers.get(timer.id) is timer:
                return due
            heappop(queue)
        return None

    def take_due(self, now: int) -> list[Timer]:
        """Take out every timer that is due by now, in order of due instant and of setting."""
        taken = []
        while self._queue and self._queue[0][0] <= now:
            timer = heappop(self._queue)[2]
            if self.timers.get(timer.id) is timer:
                del self.timers[timer.id]
                if timer.watch:
                    self._unwatch(timer)
                taken.append(timer)
        return taken

    def people(self) -> list[tuple[str, str]]:
        """(phone or "", user id) of every user, in the order in which an audience is judged."""
        if self._people is None:
            self._people = sorted([(cell.phone or "", cell.id) for cell in self.cells.values() if isinstance(cell, UserCell)])
        return self._people

    def sweep(self, now: int) -> None:
        """Drop the cells that say nothing any more: worth a call once an hour of the clock, from `sweep_at` on."""
        hour = now // HOUR
        self.sweep_at = (hour + 1) * HOUR
        for past in [bucket for bucket in self._expiring if bucket < hour]:
            for cell_id in self._expiring.pop(past):
                cell = self.cells.get(cell_id)
                if cell is not None and cell.expires <= now:
                    del self.cells[cell_id]
                elif cell is not None and cell.expires < NEVER:
                    self._expiring.setdefault(cell.expires // HOUR, []).append(cell_id)
