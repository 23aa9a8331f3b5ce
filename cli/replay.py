"""`hongyan replay BOOK --from T --to T`: the recorded events of the database through a book, as `simulate` does with files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cli.books import usable
from cli.console import say
from cli.inputs import span
from cli.parts import opened
from cli.simulate import print_lines
from cli.timeline import Tally
from engine.runtime.recorded import Record


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("book", metavar="BOOK", help="the folder of the book")
    text = "an instant, or a date (00:00) or time in the book's zone; default: the {} event"
    parser.add_argument("--from", dest="since", metavar="T", help=text.format("first"))
    parser.add_argument("--to", dest="until", metavar="T", help=text.format("last"))
    parser.add_argument("--test", action="store_true", help="the events of the environment of test keys")
    parser.add_argument("--format", choices=("table", "jsonl"), default="table", help="a timeline (default), or lines for programs")
    parser.add_argument("--verdicts", action="store_true", help="also what was not sent, with the reason")
    parser.add_argument("--trace", action="store_true", help="with every condition's values (implies --verdicts)")


def run(args: Namespace) -> int:
    """What is recorded was accepted once, so nothing is refused here. People are as they were. Changes nothing."""
    book = usable(args.book)
    if book is None:
        return 1
    since, until = span(args, book)
    env = "test" if args.test else "live"
    tally = Tally()
    with opened() as service:
        record = Record(service.store, env, until)
        replay, found = record.replay(
            book,
            service.prices,
            start=since,
            until=until,
            verdicts=args.verdicts or args.trace,
            traces=[] if args.trace else None,
        )
        print_lines(tally.count(found), book, args.format)
    for text in tally.summary(book, record.count, 0, 0, len(replay.pending())):
        say(text)
    return 0
