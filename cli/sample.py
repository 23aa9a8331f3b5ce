"""`hongyan sample --orders N --seed S`: realistic O2O users and events for trials."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from cli.console import UsageError, plural, say
from engine.simulate import sample


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--orders", type=_positive, default=100, metavar="N", help="how many orders (100); other events in proportion")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="another number, another sample (1)")
    parser.add_argument("--days", type=_positive, default=1, metavar="D", help="over how many days (1)")
    parser.add_argument("--start", type=_date, default=sample.START, metavar="DATE", help=f"the first day ({sample.START})")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--out", metavar="DIR", help="write users.jsonl and events.jsonl there, instead of printing")
    place.add_argument("--print", choices=("events", "users"), default="events", help="what to print without --out (events)")


def run(args: Namespace) -> int:
    """Write or print the sample."""
    users = sample.users(args.orders, args.seed, args.start)
    events = sample.events(args.orders, args.seed, args.start, args.days)
    if args.out is None:
        for line in users if args.print == "users" else events:
            sys.stdout.write(_text(line))
        return 0
    folder = Path(args.out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known, happened = _write(folder / "users.jsonl", users), _write(folder / "events.jsonl", events)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}") from error
    say(f"{folder}: {plural(known, 'user')}, {plural(happened, 'event')}; the sample's first day is {args.start}")
    return 0


def _text(line: dict[str, Any]) -> str:
    return orjson.dumps(line).decode() + "\n"


def _write(path: Path, lines: Iterable[dict[str, Any]]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(_text(line))
            count += 1
    return count


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a date like 2026-06-01") from None
