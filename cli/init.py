"""`hongyan init DIR`: a new book from the O2O one."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path

import rules
from cli.console import UsageError, say

# Found from the package's file: a folder named `rules` where the command was started must not win.
O2O = Path(rules.__file__).parent / "books" / "o2o"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("dir", metavar="DIR", help="a new or empty folder")


def run(args: Namespace) -> int:
    """Copy the book; never into a folder that holds something."""
    target = Path(args.dir)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is there already and not empty")
    try:
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted(O2O.glob("*.yaml")):
            shutil.copyfile(file, target / file.name)
    except OSError as error:
        raise UsageError(f"{target}: {error.strerror}") from error
    say(f"{target} holds a copy of the O2O book. Next: hongyan check {target}; hongyan test {target}")
    return 0
