"""`hongyan export DIR`: the book in force as files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from cli.console import UsageError, say
from cli.parts import opened


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("dir", metavar="DIR", help="a new or empty folder")


def run(args: Namespace) -> int:
    """Write the files; never into a folder that holds something."""
    target = Path(args.dir)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} is there already and not empty")
    with opened() as service:
        version = next((one["version"] for one in service.versions() if one["active"]), None)
        files = service.active_files("live")
    if files is None:
        raise UsageError('nothing is published yet: hongyan publish BOOK --note "why"')
    try:
        for name, text in files.items():
            file = target / name
            if not file.resolve().is_relative_to(target.resolve()):
                raise UsageError(f"the book has a file {name}, which would lie outside of {target}")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{error.filename or target}: {error.strerror}") from error
    say(f"{target} holds version {version}; to put a change of it in force: hongyan publish {target} --note ... --expect-version {version}")
    return 0
