"""One engine at one size, in a process of its own: a crash, a leak or a busy thread of one engine touches no other.

Prints one line of JSON. `python -m benchmarks.decide.runner PEER RULES SECONDS [whole]`; `whole`: all rules are in one set.
"""

from __future__ import annotations

import gc
import importlib
import importlib.metadata
import json
import sys
import time
from types import ModuleType
from typing import Any

from benchmarks.decide.workload import Event, expected, in_one_set, make_events, make_rules

VERIFIED = 500  # events whose matches are compared before anything is timed
MOST = 20_000  # events of one repeat
REPEATS = 7


def measure(name: str, size: int, seconds: float, whole: bool) -> dict[str, Any]:
    """Microseconds of processor time per event, of several repeats over the same events: other work on the machine counts less so."""
    peer = importlib.import_module(f"benchmarks.decide.peers.{name}")
    rules, events = make_rules(size), make_events(size, MOST)
    if whole:
        rules, events = in_one_set(rules, events)
    began = time.perf_counter()
    prepared = peer.prepare(rules)
    preparation = time.perf_counter() - began
    try:
        checked = _verify(peer, prepared, rules, events, seconds)
        repeats, used = _repeats(peer, prepared, events, seconds)
    finally:
        getattr(peer, "close", lambda _: None)(prepared)
    wanted = expected(rules, events)
    return {
        "version": version(peer),
        "prepare_seconds": preparation,
        "verified_events": checked,
        "events": used,
        "matches_per_event": sum(map(len, wanted)) / len(wanted),
        "microseconds": repeats,
    }


def _verify(peer: ModuleType, prepared: Any, rules: list[Any], events: list[Event], seconds: float) -> int:
    began, checked = time.perf_counter(), 0
    while checked < VERIFIED and (checked < 20 or time.perf_counter() - began < seconds / 4):
        part = events[checked : checked + 20]
        got, wanted = peer.run(prepared, part), expected(rules, part)
        for event, mine, right in zip(part, got, wanted, strict=True):
            if mine != right:
                raise AssertionError(f"{event}: matched {mine}, not {right}")
        checked += len(part)
    return checked


def _repeats(peer: ModuleType, prepared: Any, events: list[Event], seconds: float) -> tuple[list[float], int]:
    timed = getattr(peer, "timed", None) or (lambda prepared, events: _timed(peer, prepared, events))
    trial = timed(prepared, events[:20]) / 20
    count = max(20, min(len(events), int(seconds / (REPEATS + 1) / trial)))
    timed(prepared, events[:count])  # a machine that compiles while it runs gets its time to do so
    results: list[float] = []
    end = time.perf_counter() + seconds
    while len(results) < 3 or (len(results) < REPEATS and time.perf_counter() < end):
        results.append(timed(prepared, events[:count]) / count * 1e6)
    return results, count


def _timed(peer: ModuleType, prepared: Any, events: list[Event]) -> float:
    gc.collect()
    began = time.process_time()
    peer.run(prepared, events)
    return time.process_time() - began


def version(peer: ModuleType) -> str:
    """The package's version as installed, as far as it says."""
    if hasattr(peer, "version"):
        return str(peer.version())
    try:
        return importlib.metadata.version(peer.PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        return ""


def main(name: str, size: str, seconds: str, whole: str = "") -> None:
    """Print the measurement, or why there is none."""
    try:
        result = measure(name, int(size), float(seconds), whole == "whole")
    except ImportError as error:
        result = {"error": f"not installed: {error}"}
    except Exception as error:
        result = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
