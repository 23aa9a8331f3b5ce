"""What every subcommand needs to talk to people: standard error, colours, widths of Chinese text, progress."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import environ
from typing import TextIO

from rich.cells import cell_len

_STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35", "cyan": "36"}

Paint = Callable[[str, str], str]  # (text, style)
Report = Callable[[str, int, int], None]  # progress: (what is being done, bytes read of the file, its size or 0 when unknown)


class UsageError(Exception):
    """Wrong usage, or something named that is not there: exit code 2."""


def say(text: str) -> None:
    """A line for people; standard output is for data."""
    print(text, file=sys.stderr)


def painter(stream: TextIO) -> Paint:
    """Colours where somebody is looking (https://no-color.org), plain text elsewhere."""
    if not stream.isatty() or environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return lambda text, _: text
    return lambda text, style: f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def width(text: str) -> int:
    """Columns on a terminal: two for a Chinese character."""
    return cell_len(text)


def padded(text: str, columns: int) -> str:
    """Filled up with spaces to so many columns."""
    return text + " " * (columns - width(text))


def plural(count: int, noun: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


class Refusals:
    """Names lines that cannot be used, on standard error, and counts them. Counted are all, named the first `shown`."""

    def __init__(self, file: str, shown: int = 1_000) -> None:
        self._file = "standard input" if file == "-" else file
        self._shown = shown
        self.count = 0

    def __call__(self, line: int, reason: str) -> None:
        self.count += 1
        if self.count <= self._shown:
            say(f"{self._file}: line {line}: {reason}")
        elif self.count == self._shown + 1:
            say(f"{self._file}: more than {self._shown:,} lines cannot be used; the rest is only counted")


@contextmanager
def progress() -> Iterator[Report | None]:
    """A bar on standard error while a file is read, where somebody is looking and no table scrolls by; None elsewhere."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    # Standard output is data and goes past the bar; lines for people are put above it.
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("", total=None)

        def report(doing: str, done: int, total: int) -> None:
            bar.update(task, description=doing, completed=done, total=total or None)

        yield report
