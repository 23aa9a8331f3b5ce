"""What a book's check and tests say, remembered by its exact text: the editor, the tests page and the publishing gate ask the same once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.simulate.story import StoryResult
from engine.simulate.testing import Measure, TestRun, covered_percent
from engine.store.books import digest_of
from rules.checking import Checked, check

KEPT = 16  # books
MAX_SECONDS = 60.0  # of one run of tests


class TestsTooLong(Exception):
    """The tests of a book take longer than a page may wait."""

    __test__ = False


@dataclass(frozen=True, slots=True)
class TestsRun:
    """The tests of one text. `reached`: rule -> names of the tests in which it gave a verdict; `sent`: rules that sent in a test;
    `branches`: (path of a condition, answer) -> whether a test met it."""

    __test__ = False

    results: tuple[StoryResult, ...]
    measures: tuple[Measure, ...]
    reached: Mapping[str, tuple[str, ...]]
    sent: frozenset[str]
    branches: Mapping[tuple[str, bool], bool]
    seconds: float

    @property
    def passed(self) -> int:
        """How many did."""
        return sum(result.passed for result in self.results)

    @property
    def percent(self) -> float:
        """Of what the tests can reach."""
        return covered_percent(self.measures)


@dataclass(slots=True)
class _Known:
    checked: Checked | None = None
    run: TestsRun | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Gates:
    """What is known of the books that this process has seen lately."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def checked(self, files: Mapping[str, str]) -> Checked:
        """The check of a book."""
        known = self._of(files)
        with known.lock:
            if known.checked is None:
                known.checked = check(dict(files))
            return known.checked

    def tests_known(self, files: Mapping[str, str]) -> TestsRun | None:
        """The tests' results, if they were run for this very text."""
        return self._of(files).run

    def tests(self, files: Mapping[str, str]) -> TestsRun | None:
        """The tests' results, run now if need be; None for a book with errors. Raises TestsTooLong."""
        checked = self.checked(files)
        known = self._of(files)
        with known.lock:
            if known.run is None and checked.book is not None:
                known.run = _run(checked)
            return known.run

    def _of(self, files: Mapping[str, str]) -> _Known:
        digest = digest_of(files)
        with self._lock:
            known = self._known.setdefault(digest, _Known())
            self._known.move_to_end(digest)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            return known


def _run(checked: Checked) -> TestsRun:
    assert checked.book is not None
    began = time.monotonic()
    run = TestRun(checked.book, checked.book.tests)
    results = []
    for result in run.results():
        results.append(result)
        if time.monotonic() - began > MAX_SECONDS:
            raise TestsTooLong
    reached: dict[str, list[str]] = {}
    for result in results:
        for rule in sorted({line["rule"] for line in result.verdicts}):
            reached.setdefault(rule, []).append(result.name)
    return TestsRun(
        tuple(results),
        run.measures(),
        {rule: tuple(names) for rule, names in reached.items()},
        run.sent,
        run.branches,
        time.monotonic() - began,
    )
