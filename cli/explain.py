"""`hongyan explain BOOK --rule R --events FILE`: why a rule did, or did not, send: its verdicts as a tree with values."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cli.books import usable
from cli.console import progress, say
from cli.inputs import Inputs, file_arguments, known
from engine.simulate.run import explanation


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("book", metavar="BOOK", help="the folder of the book")
    parser.add_argument("--rule", metavar="R", required=True, help="the rule's id")
    parser.add_argument("--user", metavar="U", help="only verdicts about this user")
    file_arguments(parser)


def run(args: Namespace) -> int:
    """1 when lines could not be used, or there is nothing to explain."""
    book = usable(args.book)
    if book is None:
        return 1
    rule = known(args.rule, book.rules, "rule")
    explained = False
    with progress() as report:
        inputs = Inputs(args, book, report)
        for text in explanation(book, inputs.users(), inputs.events, rule, args.user):
            explained = True
            print(text)
    if not explained:
        about = f" about {args.user}" if args.user else ""
        say(f"{rule} was not asked: no event of these files fits its trigger, or no verdict{about} came of it")
    return 1 if inputs.refused or not explained else 0
