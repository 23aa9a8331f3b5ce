"""`hongyan publish BOOK --note TEXT`: puts a book in force, when it has no errors and passes its tests."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from getpass import getuser

from cli.books import checked
from cli.console import UsageError, plural, say
from cli.findings import as_text
from cli.parts import opened
from engine.runtime.errors import Conflict, Refused
from engine.runtime.service import Service
from rules.checking import Checked


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("book", metavar="BOOK", help="the folder of the book")
    parser.add_argument("--note", metavar="TEXT", required=True, help="why, for the list of versions")
    parser.add_argument("--expect-version", type=int, metavar="V", help="refuse when another version than V is in force by now")
    author_argument(parser)


def author_argument(parser: ArgumentParser) -> None:
    """Declare --author."""
    parser.add_argument("--author", metavar="NAME", help="who does it (default: you, as the system knows you)")


def author_of(args: Namespace) -> str:
    """Who does it."""
    try:
        return str(args.author or getuser())
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"


def run(args: Namespace) -> int:
    """1 when the book has errors, a test of it fails, or somebody published in between."""
    if not args.note.strip():
        raise UsageError("--note must say why")
    result = checked(args.book)
    with opened() as service:
        version = publish(service, args.book, result, args.note, author_of(args), args.expect_version)
    if version is None:
        return 1
    say(f"version {version} of {args.book} is in force")
    return 0


def publish(service: Service, name: str, result: Checked, note: str, author: str, expect: int | None = None) -> int | None:
    """The new version; None when it was refused, and standard error says why."""
    for text in as_text(result.errors, name, result.sources, sys.stderr):
        say(text)
    if result.errors:
        say(f"{name} is not published, it has {plural(len(result.errors), 'error')}")
        return None
    try:
        return int(service.publish(result.sources, note, author, expect)["version"])
    except Refused as refused:
        for test in refused.failed_tests:
            say(f"FAIL  {test['name']}")
            say("\n".join(f"      {line}" for line in str(test["message"]).splitlines()))
        say(f"{name} is not published, {plural(len(refused.failed_tests), 'test')} of it failed")
    except Conflict as conflict:
        say(f"{name} is not published: {conflict}; `hongyan export DIR` has the one in force")
    return None
