"""`hongyan compare OLD NEW --events FILE`: what a changed book would do differently over the same events."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from cli.books import usable
from cli.console import padded, progress, say, width
from cli.inputs import Inputs, file_arguments
from engine import settings
from engine.simulate.run import differences

HEADINGS = ("rule", "before", "after", "added", "removed", "changed", "cost")


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("old", metavar="OLD", help="the folder of the book as it is")
    parser.add_argument("new", metavar="NEW", help="the folder of the changed book")
    file_arguments(parser)
    parser.add_argument("--format", choices=("table", "json"), default="table", help="a table (default), or one JSON object")
    parser.add_argument("--threshold", type=int, metavar="N", help="exit 1 when more than N messages are added, removed or changed")


def run(args: Namespace) -> int:
    """1 when lines could not be used, or more changed than the threshold allows."""
    old, new = usable(args.old), usable(args.new)
    if old is None or new is None:
        return 1
    prices = settings.load(os.environ).prices
    with progress() as report:
        before, after = Inputs(args, old, report), Inputs(args, new, report)
        compared = differences(old, new, before.users(), after.users(), before.events, after.events, prices)
    found = {"events": after.events.events, **compared}
    if args.format == "json":
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
    else:
        for text in report_table(found):
            print(text)
    changes = sum(rule["added"] + rule["removed"] + rule["changed"] for rule in found["rules"])
    beyond = args.threshold is not None and changes > args.threshold
    if beyond:
        say(f"{changes} messages differ, more than {args.threshold}")
    return 1 if beyond or before.refused or after.refused else 0


def report_table(found: Mapping[str, Any]) -> Iterator[str]:
    """Totals, changed rules, shifts of verdicts; one line when nothing differs."""
    messages, cost = found["messages"], found["cost"]
    yield f"{found['events']:,} events; messages {messages['old']:,} → {messages['new']:,}" + (
        f"; cost {cost['old']:.2f} → {cost['new']:.2f}" if cost else ""
    )
    if not found["rules"] and not found["verdicts"]:
        yield "no difference"
        return
    yield from _columns([HEADINGS, *map(_cells, found["rules"])])
    for shift in found["verdicts"]:
        yield f"{shift['rule']}: {shift['from']} → {shift['to']}, {shift['count']:,} times"


def _cells(rule: Mapping[str, Any]) -> tuple[str, ...]:
    before, after = rule["cost_old"], rule["cost_new"]
    cost = f"{after - before:+.2f}" if before is not None and after is not None else ""
    counts = (f"{rule['old']:,}", f"{rule['new']:,}", f"+{rule['added']:,}", f"-{rule['removed']:,}", f"~{rule['changed']:,}")
    return (rule["rule"], *counts, cost)


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        numbers = (cell.rjust(columns) for cell, columns in zip(rest, widths[1:], strict=True))
        yield "  ".join((padded(first, widths[0]), *numbers)).rstrip()
