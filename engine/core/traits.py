"""Traits: facts about a user that the engine keeps from events, counted by each event's own time.

A trait's state is plain data in the user's cell. Without a window: a number (count, sum), a value (min, max), a tuple of values in the
order they were first seen (distinct), or (time, value) (latest, first). With a window: a tuple of (time, value), oldest first, from which
the value is worked out for any instant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from operator import itemgetter
from typing import Any

from engine.core.facts import Event, Scope
from rules.model import Trait

State = Any
Update = Callable[[State, Scope, Event, int], State]  # (state, scope of the event, event, now)
Fold = Callable[[State, int, Any, int], State]  # (state, the event's time, value, now)
_time = itemgetter(0)

EMPTY: dict[str, Any] = {"count": 0, "sum": 0, "distinct": ()}  # the others are missing without an event


class CompiledTrait:
    """A trait ready to be updated and read. `value(event scope)` reads `of`; None passes the event over.

    `update` gives the state after an event, or the same object when the event does not count.
    """

    __slots__ = ("name", "take", "update", "window")

    def __init__(
        self,
        name: str,
        take: str,
        window: int | None,  # microseconds
        accepts: Callable[[Scope], bool] | None,
        value: Callable[[Scope], Any] | None,
    ) -> None:
        self.name = name
        self.take = take
        self.window = window
        update = _value_update(_fold(take, window), value)
        self.update = update if accepts is None else _choosing(accepts, update)

    def read(self, state: State, now: int) -> Any:
        """The trait's value at `now`; None when missing. A distinct is a list."""
        if self.window is not None:
            return self._read_window(state, now)
        if state is None:
            return _empty(self.take)
        if self.take in ("latest", "first"):
            return state[1]
        return list(state) if self.take == "distinct" else state

    def next_change(self, state: State, now: int) -> int | None:
        """The next instant after `now` at which a value enters or leaves the window by time alone."""
        if self.window is None or not state:
            return None
        instants = [moment for time, _ in state for moment in (time, time + self.window) if moment > now]
        return min(instants, default=None)

    def _read_window(self, state: State, now: int) -> Any:
        assert self.window is not None
        if not state:
            return _empty(self.take)
        low, high = bisect_right(state, now - self.window, key=_time), bisect_right(state, now, key=_time)
        if self.take == "count":
            return high - low
        inside = state[low:high]
        if not inside:
            return _empty(self.take)
        values = [value for _, value in inside]
        if self.take in ("latest", "first"):
            return values[-1] if self.take == "latest" else values[0]
        if self.take == "distinct":
            return list(dict.fromkeys(values))
        return _REDUCE[self.take](values)


# An update is put together once: every event of a user makes several of them.


def _value_update(fold: Fold, value: Callable[[Scope], Any] | None) -> Update:
    if value is None:
        return lambda state, scope, event, now: fold(state, event.time, True, now)

    def update(state: State, scope: Scope, event: Event, now: int) -> State:
        found = value(scope)
        return state if found is None else fold(state, event.time, found, now)

    return update


def _choosing(accepts: Callable[[Scope], bool], update: Update) -> Update:
    return lambda state, scope, event, now: update(state, scope, event, now) if accepts(scope) else state


def _fold(take: str, window: int | None) -> Fold:
    if window is None:
        return _FOLD[take]
    return lambda state, time, value, now: _into_window(state, time, value, now - window)


def _empty(take: str) -> Any:
    return [] if take == "distinct" else EMPTY.get(take)


def _into_window(state: State, time: int, value: Any, oldest: int) -> State:
    if not state:
        return ((time, value),) if time > oldest else state
    kept = state[bisect_right(state, oldest, key=_time) :] if state[0][0] <= oldest else state
    if time <= oldest:
        return kept
    if not kept or kept[-1][0] <= time:
        return (*kept, (time, value))
    at = bisect_right(kept, time, key=_time)  # events of one instant keep the order in which they came
    return (*kept[:at], (time, value), *kept[at:])


def _latest(state: State, time: int, value: Any, _now: int) -> State:
    return (time, value) if state is None or time >= state[0] else state


def _first(state: State, time: int, value: Any, _now: int) -> State:
    return (time, value) if state is None or time < state[0] else state


def _distinct(state: State, _time: int, value: Any, _now: int) -> State:
    seen = state or ()
    return seen if any(value == old and type(value) is type(old) for old in seen) else (*seen, value)


_FOLD: dict[str, Fold] = {
    "latest": _latest,
    "first": _first,
    "count": lambda state, _time, _value, _now: (state or 0) + 1,
    "sum": lambda state, _time, value, _now: (state or 0) + value,
    "min": lambda state, _time, value, _now: value if state is None else min(state, value),
    "max": lambda state, _time, value, _now: value if state is None else max(state, value),
    "distinct": _distinct,
}

_REDUCE: dict[str, Callable[[list[Any]], Any]] = {"sum": sum, "min": min, "max": max}

TRAIT_TYPES = {"count": "integer", "sum": "number", "distinct": "list"}


def trait_type(trait: Trait, of_type: str) -> str:
    """The declared type of a trait: that of its field for latest, first, min and max."""
    return TRAIT_TYPES.get(trait.take, of_type)
