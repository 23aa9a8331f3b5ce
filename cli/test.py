"""`hongyan test BOOK`: the rule tests of a book, and what of it they reach."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from cli.books import usable
from cli.console import UsageError, painter, plural, say
from cli.junit import Result, junit_xml
from engine.nearest import did_you_mean
from engine.simulate.testing import Measure, TestRun, covered_percent
from rules.model import Rulebook, RuleTest

MISSING_SHOWN = 20


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("book", metavar="BOOK", help="the folder of the book")
    parser.add_argument("-k", dest="name", metavar="NAME", help="only tests with this in their name")
    parser.add_argument("--coverage", action="store_true", help="report rules, branches and reasons that no test reached")
    parser.add_argument("--min-coverage", type=_percent, metavar="PERCENT", help="fail below this (implies --coverage)")
    parser.add_argument("--junit", metavar="FILE", help="also write the results as JUnit XML")


def run(args: Namespace) -> int:
    """1 when a test failed or coverage is too low."""
    book = usable(args.book)
    if book is None:
        return 1
    tests = _chosen(book, args.name)
    wants_coverage = bool(args.coverage or args.min_coverage is not None)
    running = TestRun(book, tests, coverage=wants_coverage)
    results = _shown(running.results())
    measures = running.measures()
    failed = sum(not result.passed for result in results)
    say(f"{plural(len(results), 'test')}, {failed} failed, {sum(result.seconds for result in results):.2f} s")
    if args.junit:
        _write(args.junit, junit_xml(book.id, results))
    low = False
    if wants_coverage:
        for text in coverage_report(measures):
            print(text)
        percent = covered_percent(measures)
        low = args.min_coverage is not None and percent < args.min_coverage
        if low:
            say(f"coverage is {percent:.1f} %, less than {args.min_coverage:g} %")
    return 1 if failed or low else 0


def _percent(text: str) -> float:
    try:
        percent = float(text)
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise ArgumentTypeError(f"{text!r} is not a percentage between 0 and 100")
    return percent


def _chosen(book: Rulebook, name: str | None) -> Mapping[str, RuleTest]:
    if name is None:
        return book.tests
    tests = {id_: test for id_, test in book.tests.items() if name in id_}
    if not tests:
        raise UsageError(f'no test has "{name}" in its name{did_you_mean(name, book.tests)}')
    return tests


def _shown(arriving: Iterator[Result]) -> list[Result]:
    paint = painter(sys.stdout)
    results = []
    for result in arriving:
        results.append(result)
        if result.passed:
            print(f"{paint('ok', 'green')}    {result.name}")
        else:
            print(f"{paint('FAIL', 'red')}  {result.name}")
            print("\n".join(f"      {line}" for line in result.message.splitlines()))
    return results


def _write(path: str, content: bytes) -> None:
    try:
        Path(path).write_bytes(content)
    except OSError as error:
        raise UsageError(f"--junit {path}: {error.strerror}") from error


def coverage_report(measures: Sequence[Measure]) -> Iterator[str]:
    """A line per kind with its figures, then what is missing, then the total."""
    columns = max((len(measure.name) for measure in measures), default=0)
    for measure in measures:
        percent = covered_percent([measure])
        yield f"{measure.name:<{columns}}  {measure.covered:>5} of {measure.total:>5}  {percent:5.1f} %"
        for missing in measure.missing[:MISSING_SHOWN]:
            yield f"  not reached: {missing}"
        if len(measure.missing) > MISSING_SHOWN:
            yield f"  and {len(measure.missing) - MISSING_SHOWN} more"
    yield f"{'total':<{columns}}  {'':>14}  {covered_percent(measures):5.1f} %"
