"""`hongyan simulate BOOK --events FILE`: events through a book on a virtual clock."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable

import orjson

from cli import collector
from cli.books import usable
from cli.console import progress, say
from cli.inputs import Inputs, file_arguments, span, span_arguments
from cli.timeline import Line, Tally, Timeline
from engine import settings
from engine.simulate.run import lines, simulation_of
from rules.model import Rulebook


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("book", metavar="BOOK", help="the folder of the book")
    file_arguments(parser, receipts=True)
    span_arguments(parser)
    parser.add_argument("--format", choices=("table", "jsonl"), default="table", help="a timeline (default), or lines for programs")
    parser.add_argument("--verdicts", action="store_true", help="also what was not sent, with the reason")
    parser.add_argument("--trace", action="store_true", help="with every condition's values (implies --verdicts)")


def run(args: Namespace) -> int:
    """1 when lines could not be used."""
    book = usable(args.book)
    if book is None:
        return 1
    prices = settings.load(os.environ).prices
    since, until = span(args, book)
    tally = Tally()
    with progress() as report:
        inputs = Inputs(args, book, report)
        verdicts = args.verdicts or args.trace
        simulation = simulation_of(
            book,
            inputs.users(),
            receipts=inputs.receipts(),
            start=since,
            until=until,
            verdicts=verdicts,
            traces=[] if args.trace else None,
        )
        collector.spare()
        print_lines(tally.count(lines(simulation, inputs.events, prices)), book, args.format)
    for text in tally.summary(book, inputs.events.events, inputs.refused, inputs.events.duplicates, len(simulation.pending())):
        say(text)
    return 1 if inputs.refused else 0


def print_lines(lines: Iterable[Line], book: Rulebook, form: str) -> None:
    """Lines for programs (`jsonl`), or a timeline, on standard output."""
    if form == "jsonl":
        put = sys.stdout.buffer.write  # JSON is bytes: text would be encoded once more
        for line in lines:
            put(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
    else:
        write = sys.stdout.write
        for row in Timeline(book, sys.stdout).rows(lines):
            write(row + "\n")
    sys.stdout.flush()  # before the summary, which goes to standard error
