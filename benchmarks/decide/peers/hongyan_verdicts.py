"""Hongyan's whole decision, and every verdict of it unfolded: also those of the rules that its index passed over."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.decide.peers.hongyan import PACKAGE, Bench, load_plan, run, timed
from benchmarks.decide.workload import Rule

LABEL = "**Hongyan, with every verdict**"

__all__ = ["LABEL", "PACKAGE", "prepare", "run", "timed"]


def prepare(rules: Sequence[Rule]) -> Bench:
    return Bench(load_plan(rules), verdicts=True)
