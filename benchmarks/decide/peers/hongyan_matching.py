"""Hongyan's matching alone, for comparison with the others': the index, then the compiled condition of each rule that it leaves."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence

from benchmarks.decide.peers.hongyan import PACKAGE, Bench, load_plan
from benchmarks.decide.workload import Event, Rule
from engine.core import facts
from engine.core.case import Work
from engine.core.facts import Scope
from engine.core.index import candidates

LABEL = "**Hongyan, matching alone**"

__all__ = ["LABEL", "PACKAGE", "prepare", "run", "timed"]


def prepare(rules: Sequence[Rule]) -> Bench:
    return Bench(load_plan(rules))


def run(prepared: Bench, events: Sequence[Event]) -> list[list[str]]:
    return [_matches(prepared, event) for event in prepared.events(events)]


def timed(prepared: Bench, events: Sequence[Event]) -> float:
    made = prepared.events(events)
    gc.collect()
    began = time.process_time()
    for event in made:
        _matches(prepared, event)
    return time.process_time() - began


def _matches(bench: Bench, event: facts.Event) -> list[str]:
    plan, now = bench.plan, event.received
    scope = Scope(now, plan.zone, event)
    rules = candidates(Work(plan, bench.memory, now, None), plan.events[event.type], event, scope)
    return sorted([rule.id for rule in rules if rule.when is None or rule.when.test(scope)])
