"""`hongyan rollback VERSION`: puts an earlier version in force again."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cli.console import say
from cli.parts import opened
from cli.publish import author_argument, author_of


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("version", metavar="VERSION", type=int, help="a number that `hongyan versions` lists")
    author_argument(parser)


def run(args: Namespace) -> int:
    """Pending timers keep their instants and are judged by the rules of that version."""
    with opened() as service:
        service.activate(args.version, author_of(args))
    say(f"version {args.version} is in force")
    return 0
