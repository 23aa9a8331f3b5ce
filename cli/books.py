"""Loading a book for a command that needs a good one."""

from __future__ import annotations

import sys

from cli.console import UsageError, plural, say
from cli.findings import as_text
from rules.checking import Checked, load_book
from rules.model import Rulebook


def checked(path: str) -> Checked:
    """The book in a folder with its findings. Raises UsageError where there is nothing to read."""
    try:
        return load_book(path)
    except OSError as error:
        raise UsageError(f"{error.filename or path}: {error.strerror or error}") from error


def usable(path: str) -> Rulebook | None:
    """The book, or None when it has errors; those stand on standard error then."""
    result = checked(path)
    for text in as_text(result.errors, path, result.sources, sys.stderr):
        say(text)
    if result.book is None:
        say(f"{path} cannot be used, it has {plural(len(result.errors), 'error')}")
    return result.book
