"""`hongyan check BOOK`: all findings of a book at once."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from importlib.metadata import version

import orjson

from cli import findings as forms
from cli.books import checked
from cli.console import plural, say
from rules.findings import Severity


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("book", metavar="BOOK", help="the folder of the book")
    parser.add_argument("--format", choices=("text", "json", "sarif", "github"), default="text", help="text (default) has carets")


def run(args: Namespace) -> int:
    """1 when the book has errors; warnings and information do not count."""
    result = checked(args.book)
    found = result.findings
    if args.format == "text":
        for text in forms.as_text(found, args.book, result.sources, sys.stdout):
            print(text)
    elif args.format == "github":
        for text in forms.as_github(found, args.book):
            print(text)
    else:
        tree = forms.as_json(found, args.book) if args.format == "json" else forms.as_sarif(found, args.book, version("hongyan"))
        print(orjson.dumps(tree, option=orjson.OPT_INDENT_2).decode())
    errors = forms.counted(found, Severity.ERROR)
    warnings, notes = forms.counted(found, Severity.WARNING), forms.counted(found, Severity.INFO)
    say(f"{args.book}: {plural(errors, 'error')}, {plural(warnings, 'warning')}, {plural(notes, 'note')}")
    return 1 if errors else 0
