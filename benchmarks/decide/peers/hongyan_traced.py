"""Hongyan's whole decision with the trace on: every rule of the type is judged, and every node of its conditions is kept."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.decide.peers.hongyan import PACKAGE, Bench, load_plan, run, timed
from benchmarks.decide.workload import Rule

LABEL = "**Hongyan, trace on**"

__all__ = ["LABEL", "PACKAGE", "prepare", "run", "timed"]


def prepare(rules: Sequence[Rule]) -> Bench:
    return Bench(load_plan(rules), traced=True)
