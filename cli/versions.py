"""`hongyan versions`: every published version, newest first."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import orjson

from cli.console import padded, say, width
from cli.parts import opened


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--format", choices=("table", "json"), default="table", help="a table (default), or one JSON list")


def run(args: Namespace) -> int:
    """The list; the one in force has a star."""
    with opened() as service:
        versions = service.versions()
    if args.format == "json":
        print(orjson.dumps(versions, option=orjson.OPT_INDENT_2).decode())
        return 0
    columns = max((width(one["author"]) for one in versions), default=0)
    for one in versions:
        print(f"{'*' if one['active'] else ' '} {one['version']:>5}  {one['at'][:19]}Z  {padded(one['author'], columns)}  {one['note']}")
    if not versions:
        say('nothing is published yet: hongyan publish BOOK --note "why"')
    return 0
