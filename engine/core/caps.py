"""Caps: at most N messages per window, counted by some fields. How slots are counted, taken and given back.

A counter's state depends on its cap: a tuple of instants (sliding windows; aligned ones of at most 200), a Bucket for larger aligned
ones, a number for `ever`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, NamedTuple, TypeVar, cast

from engine.core.case import NEVER, Case
from engine.core.facts import Cell, Scope
from engine.core.fields import Fields, Reader
from engine.core.networks import address_of
from engine.core.phones import prefix
from engine.core.plan import CapPlan
from engine.core.zones import Unit, aligned_end, aligned_start
from rules.model import DAY, Cap, path_text

From = TypeVar("From")
MAX_INSTANTS = 200  # language.md: a sliding max is at most 200
_LONGEST = {"minute": 60 * 1_000_000, "hour": DAY // 24, "day": DAY, "week": 7 * DAY, "month": 31 * DAY}
_ZONE_SLACK = 2 * DAY  # a recipient may move to another zone: instants are kept a little longer than the window


class Bucket(NamedTuple):
    """How many messages the running window has seen, where keeping every instant would be too much."""

    start: int
    messages: int


def plan_cap(cap: Cap, owner: str, fields: Fields) -> CapPlan | None:
    """A cap compiled for one rule. None: it counts by a field that the rule's occurrences never have, so it never applies."""
    readers = []
    for name in cap.by:
        reader = _key_reader(name, fields)
        if reader is None:
            return None
        readers.append(reader)
    by_user = "user" in cap.by
    window = cap.per
    keeps_instants = window.kind == "sliding" or (window.kind == "aligned" and cap.max <= MAX_INSTANTS)
    return CapPlan(
        name=path_text(cap.path),
        state=f"{owner}|{window.text}|{'+'.join(cap.by)}" + ("" if keeps_instants else "|number"),
        max=cap.max,
        kind=window.kind,
        micros=window.micros,
        unit=cast(Unit, window.unit),
        by=cap.by,
        by_user=by_user,
        keys=_keys(cap.by, readers),
        event_key=_event_key(cap.by, fields),
        keeps_instants=keeps_instants,
    )


def full(cap: CapPlan, cell: Cell | None, case: Case) -> tuple[int, int | None] | None:
    """None while a slot is free; else how many are taken now, and when one frees (None: never)."""
    state = cell.counters.get(cap.state) if cell is not None else None
    if state is None:
        return None if cap.max > 0 else (0, None)
    if cap.kind == "ever":
        return (state, None) if state >= cap.max else None
    if cap.keeps_instants and len(state) < cap.max:
        return None  # whatever the window is
    if cap.kind == "sliding":
        taken = len(state) - bisect_right(state, case.now - cap.micros)
        if taken < cap.max:
            return None
        return taken, state[-cap.max] + cap.micros if cap.max > 0 else None
    zone = _cap_zone(cap, case)
    start = aligned_start(case.now, cap.unit, zone)
    if cap.keeps_instants:
        taken = len(state) - bisect_right(state, start - 1)
    else:
        taken = state.messages if state.start == start else 0
    return (taken, aligned_end(case.now, cap.unit, zone)) if taken >= cap.max else None


def take(cap: CapPlan, case: Case, cell_id: str) -> tuple[str, str, int]:
    """Count a message that is committed now; the slot can be given back by what is returned."""
    now = case.now
    if cap.kind == "ever":
        cell = case.work.change(cell_id, NEVER)
        state: Any = cell.counters.get(cap.state, 0) + 1
    elif cap.keeps_instants:
        length = cap.micros if cap.kind == "sliding" else _LONGEST[cap.unit] + _ZONE_SLACK
        cell = case.work.change(cell_id, now + length)
        old = cell.counters.get(cap.state, ())
        state = (*old[bisect_right(old, now - length) :], now)
    else:
        start = aligned_start(now, cap.unit, _cap_zone(cap, case))
        cell = case.work.change(cell_id, now + _LONGEST[cap.unit] + _ZONE_SLACK)
        bucket = cell.counters.get(cap.state)
        state = Bucket(start, bucket.messages + 1 if bucket is not None and bucket.start == start else 1)
    cell.counters = {**cell.counters, cap.state: state}
    return cell_id, cap.state, now


def give_back(cell: Cell, state_name: str, instant: int) -> None:
    """Free the slot that was taken at the instant, on a cell that may be written on."""
    state = cell.counters.get(state_name)
    if state is None:
        return
    if isinstance(state, int):
        state = max(state - 1, 0)
    elif isinstance(state, Bucket):
        state = Bucket(state.start, max(state.messages - 1, 0)) if instant >= state.start else state
    else:
        at = bisect_right(state, instant) - 1
        if at >= 0 and state[at] == instant:
            state = (*state[:at], *state[at + 1 :])
    cell.counters = {**cell.counters, state_name: state}


def _cap_zone(cap: CapPlan, case: Case) -> Any:
    return case.text_scope.zone if cap.by_user else case.work.book.zone


def _event_key(by: tuple[str, ...], fields: Fields) -> Callable[[Scope], str | None] | None:
    reads = [_event_reader(name, fields) for name in by]
    known = [read for read in reads if read is not None]
    return _joined(by, known) if len(known) == len(by) else None


def _event_reader(name: str, fields: Fields) -> Reader | None:
    if name == "ip_network":
        read = fields["event.ip"].read
        return lambda scope: network(read(scope))
    return _plain(fields[name].read) if name in fields and fields[name].root == "event" else None


def _keys(by: tuple[str, ...], readers: list[Callable[[Case], Any]]) -> Callable[[Case], str | None]:
    if by == ("user",):
        return lambda case: "user:" + case.recipient_user if case.recipient_user is not None else "phone:" + (case.to or "")
    if by == ("phone",):
        return lambda case: "phone:" + case.to if case.to else None
    if by == ("all",):
        return lambda case: "cap:all"
    return _joined(by, readers)


def _joined(by: tuple[str, ...], readers: list[Callable[[From], Any]]) -> Callable[[From], str | None]:
    name = "cap:" + "+".join(by)
    if len(readers) == 1:
        only, prefix = readers[0], name + "\x1f"

        def key(of: From) -> str | None:
            value = only(of)
            return None if value is None else prefix + (value if type(value) is str else "#" + repr(value))

        return key

    def keys(of: From) -> str | None:
        parts = [name]
        for reader in readers:
            value = reader(of)
            if value is None:
                return None
            parts.append(value if type(value) is str else "#" + repr(value))
        return "\x1f".join(parts)

    return keys


def _key_reader(name: str, fields: Fields) -> Callable[[Case], Any] | None:
    if name == "user":
        return Case.person_key
    if name == "phone":
        return lambda case: case.to
    if name == "phone_prefix":
        return lambda case: prefix(case.to) if case.to else None
    if name == "all":
        return lambda case: "all"
    if name == "ip_network":
        return _network_reader(fields["event.ip"].read) if "event.ip" in fields else None
    return _field_reader(fields[name].read) if name in fields else None


def _field_reader(read: Reader) -> Callable[[Case], Any]:
    value = _plain(read)
    return lambda case: value(case.text_scope)


def _plain(read: Reader) -> Reader:
    def value(scope: Scope) -> Any:
        found = read(scope)
        return repr(found) if isinstance(found, (list, dict)) else found

    return value


def _network_reader(read: Reader) -> Callable[[Case], Any]:
    return lambda case: network(read(case.text_scope))


@lru_cache(maxsize=4096)
def network(ip: Any) -> str | None:
    """The /24 or /64 that an address lies in; None when it is no address."""
    address = address_of(ip)
    if address is None:
        return None
    return str(ip_network(f"{address}/{24 if address.version == 4 else 64}", strict=False))


class Standing(NamedTuple):
    """How a cap stands for somebody: slots taken now, when each was (where instants are kept), when one frees (None: none will)."""

    taken: int
    instants: tuple[int, ...]
    frees_at: int | None


def standing(cap: CapPlan, cell: Cell | None, now: int, zone: Any) -> Standing:
    """The slots of a cap that are taken now; `zone` is the one in which an aligned window is aligned. For people who ask: judging does
    not."""
    state = cell.counters.get(cap.state) if cell is not None else None
    if state is None:
        return Standing(0, (), None)
    if cap.kind == "ever":
        return Standing(state, (), None)
    start = now - cap.micros + 1 if cap.kind == "sliding" else aligned_start(now, cap.unit, zone)
    if not cap.keeps_instants:
        taken = state.messages if state.start == start else 0
        return Standing(taken, (), aligned_end(now, cap.unit, zone) if taken else None)
    instants = tuple([instant for instant in state if start <= instant <= now])
    if not instants:
        return Standing(0, (), None)
    # The oldest one that must go for the cap to be free again.
    leaver = instants[max(len(instants) - cap.max, 0)]
    return Standing(len(instants), instants, leaver + cap.micros if cap.kind == "sliding" else aligned_end(now, cap.unit, zone))
