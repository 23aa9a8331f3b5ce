"""Running a book's rule tests, with what of the book they reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.core.compile import compile_book
from engine.core.trace import Trace
from engine.simulate.coverage import Coverage
from engine.simulate.story import StoryResult, run_test
from rules.model import Rulebook, RuleTest


@dataclass(frozen=True, slots=True)
class Measure:
    """One kind of thing that tests can reach; `missing` names what none reached, each with its place."""

    name: str
    covered: int
    total: int
    missing: Sequence[str]


def covered_percent(measures: Sequence[Measure]) -> float:
    """Everything that can be reached counts the same. 100 where there is nothing to reach."""
    total = sum(measure.total for measure in measures)
    return 100 * sum(measure.covered for measure in measures) / total if total else 100.0


class TestRun:
    """Runs the tests one by one, and knows afterwards what they reached. Only one of these counts what is asked for by `measures`."""

    __test__ = False  # not a test of pytest's

    def __init__(self, book: Rulebook, tests: Mapping[str, RuleTest], *, coverage: bool = True) -> None:
        self._plan = compile_book(book)
        self._tests = tests
        self._coverage = Coverage.of(self._plan) if coverage else None

    def results(self) -> Iterator[StoryResult]:
        """One result a test, in order of name."""
        for test in self._tests.values():
            traces: list[Trace] | None = [] if self._coverage is not None else None
            result = run_test(self._plan, test, traces)
            yield result
            if self._coverage is not None and traces is not None:
                self._coverage.add(traces)
                # A verdict of an event that cancelled something has no judgement of its own.
                self._coverage.seen_reasons |= {(line["rule"], line["reason"]) for line in result.verdicts}

    @property
    def sent(self) -> frozenset[str]:
        """Rules that sent in a test; complete once all tests have run."""
        return frozenset(self._coverage.sent) if self._coverage is not None else frozenset()

    @property
    def branches(self) -> Mapping[tuple[str, bool], bool]:
        """(path of a condition, answer) -> whether a test met it."""
        reached = self._coverage
        return {branch: branch in reached.seen_branches for branch in reached.branches} if reached is not None else {}

    def measures(self) -> tuple[Measure, ...]:
        """Rules that sent, answers of conditions, reasons; complete once all tests have run."""
        reached = self._coverage
        if reached is None:
            return ()
        rules, sent = set(reached.rules), reached.sent & set(reached.rules)
        reasons = reached.seen_reasons & reached.reasons
        return (
            Measure("rules", len(sent), len(rules), [f"rule {rule} never sent" for rule in sorted(rules - sent)]),
            Measure("branches", len(reached.seen_branches), len(reached.branches), list(reached.missing_branches())),
            Measure("reasons", len(reasons), len(reached.reasons), list(reached.missing_reasons())),
        )
