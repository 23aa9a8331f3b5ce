"""The input options that simulate, explain and compare share: events, users, receipts, a span of time."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator

from cli.console import Refusals, Report, UsageError
from engine.core.zones import parse_instant, zone
from engine.events import EventReader
from engine.people import ReceiptLine, ReceiptReader, UserLine, UserReader
from engine.simulate.lines import EventFile, read_receipts, read_users
from rules.model import Rulebook


def file_arguments(parser: ArgumentParser, *, receipts: bool = False) -> None:
    """Declare --events, --users, --strict-order and, where wanted, --receipts."""
    parser.add_argument("--events", metavar="FILE", required=True, help="events as JSON lines, plain or .gz; - is standard input")
    parser.add_argument("--users", metavar="FILE", help="users who are there from the start, as JSON lines")
    if receipts:
        parser.add_argument("--receipts", metavar="FILE", help="what providers say later, as JSON lines")
    parser.add_argument("--strict-order", action="store_true", help="refuse a file that is not in order of `received`")


def span_arguments(parser: ArgumentParser) -> None:
    """Declare --from and --until."""
    text = "an instant, or a date (00:00) or time in the book's zone; default: the {} event"
    parser.add_argument("--from", dest="since", metavar="INSTANT", help=text.format("first"))
    parser.add_argument("--until", metavar="INSTANT", help=text.format("last"))


class Inputs:
    """The input of one run, read while it is used. Lines that cannot be used are named on standard error and counted."""

    def __init__(self, args: Namespace, book: Rulebook, report: Report | None) -> None:
        self._book = book
        self._report = report
        self._receipts_path: str | None = getattr(args, "receipts", None)
        self._users_path: str | None = args.users
        if [self._receipts_path, self._users_path, args.events].count("-") > 1:
            raise UsageError("only one file can be standard input")
        self._refusals = [Refusals(args.events)]
        self.events = EventFile(args.events, EventReader(book), self._refusals[0], strict_order=args.strict_order, progress=report)

    def users(self) -> Iterator[UserLine]:
        """The users of --users; none without it."""
        if self._users_path is not None:
            yield from read_users(self._users_path, UserReader(self._book), self._counting(self._users_path), self._report)

    def receipts(self) -> Iterator[ReceiptLine]:
        """The receipts of --receipts; none without it."""
        if self._receipts_path is not None:
            yield from read_receipts(self._receipts_path, ReceiptReader(self._book), self._counting(self._receipts_path), self._report)

    @property
    def refused(self) -> int:
        """How many lines could not be used."""
        return sum(refusals.count for refusals in self._refusals)

    def _counting(self, path: str) -> Refusals:
        self._refusals.append(Refusals(path))
        return self._refusals[-1]


def span(args: Namespace, book: Rulebook) -> tuple[int | None, int | None]:
    """--from and --until as instants."""
    since, until = (_instant(text, option, book) for text, option in ((args.since, "--from"), (args.until, "--until")))
    if since is not None and until is not None and until < since:
        raise UsageError(f"--until {args.until} lies before --from {args.since}")
    return since, until


def _instant(text: str | None, option: str, book: Rulebook) -> int | None:
    if text is None:
        return None
    try:
        return parse_instant(text, zone(book.timezone))
    except ValueError:
        raise UsageError(f"{option} {text}: must be like 2026-06-01T10:00+08:00, 2026-06-01T10:00 or 2026-06-01") from None


def known(name: str, names: Iterable[str], what: str) -> str:
    """The name, or UsageError with the nearest one."""
    from engine.nearest import did_you_mean

    names = list(names)
    if name not in names:
        raise UsageError(f'there is no {what} "{name}" in the book{did_you_mean(name, names)}')
    return name
