"""`hongyan`: finds the subcommand and hands over. Exit codes: 0 fine, 1 findings, failures or differences, 2 wrong usage or input."""

from __future__ import annotations

import importlib
import io
import os
import sys
from argparse import ArgumentParser
from importlib.metadata import PackageNotFoundError, version
from typing import Protocol, cast

from cli.console import UsageError, say
from engine.nearest import did_you_mean
from engine.refusals import InputError
from engine.settings import SettingsError

# Name -> (module, what it does). Only the module that is asked for gets loaded.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("cli.init", "start a new book from the O2O one"),
    "check": ("cli.check", "report all findings of a book"),
    "test": ("cli.test", "run the rule tests of a book"),
    "simulate": ("cli.simulate", "run events through a book on a virtual clock"),
    "explain": ("cli.explain", "show why a rule did, or did not, send"),
    "compare": ("cli.compare", "show what a changed book would do differently"),
    "sample": ("cli.sample", "make realistic O2O users and events"),
    "serve": ("cli.serve", "run the service: API, worker, dispatcher"),
    "worker": ("cli.worker", "judge events and timers, and nothing else"),
    "dispatch": ("cli.dispatch", "hand messages to providers, and nothing else"),
    "publish": ("cli.publish", "put a book in force"),
    "versions": ("cli.versions", "list the published books"),
    "rollback": ("cli.rollback", "put an earlier version in force again"),
    "export": ("cli.export", "write the book in force as files"),
    "replay": ("cli.replay", "run recorded events through a book"),
    "import": ("cli.importing", "take over users from a file"),
    "keys": ("cli.keys", "make API keys"),
    "accounts": ("cli.accounts", "let people sign in to the console"),
    "doctor": ("cli.doctor", "say what is wrong and what to do"),
    "backup": ("cli.backup", "copy the database while it is in use"),
    "restore": ("cli.restore", "put a backup in the place of the database"),
    "export-user": ("cli.export_user", "print all that is held about a person"),
}
PROMISES = """exit codes: 0 fine, 1 findings, failed tests or refused lines, 2 wrong usage or unreadable input
`hongyan COMMAND --help` says more about one command"""


class Command(Protocol):
    """What the module of a subcommand holds."""

    def arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""

    def run(self, args: object) -> int:
        """Do it; the exit code."""


def entry() -> None:
    """The console script: `main` with the process around it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # the same bytes whatever the locale says
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(main())


def main(argv: list[str] | None = None) -> int:
    """Run one command line and return its exit code. Raises nothing."""
    try:
        code = _dispatch(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except SystemExit as stop:  # argparse: help, or wrong usage with its text already printed
        code = stop.code if isinstance(stop.code, int) else 2
    except BrokenPipeError:  # `hongyan ... | head`: the reader has what it wanted
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    except (UsageError, InputError, SettingsError) as error:
        say(f"hongyan: {error}")
        code = 2
    except KeyboardInterrupt:
        code = 130
    return code


def _dispatch(argv: list[str]) -> int:
    if not argv:
        say(_overview())
        return 2
    name, rest = argv[0], argv[1:]
    if name in ("-h", "--help", "help"):
        print(_overview())
        return 0
    if name in ("-V", "--version"):
        print(_version())
        return 0
    if name not in COMMANDS:
        raise UsageError(f'there is no command "{name}"{did_you_mean(name, COMMANDS)} (`hongyan --help` lists them)')
    module, purpose = COMMANDS[name]
    command = cast(Command, importlib.import_module(module))
    parser = ArgumentParser(prog=f"hongyan {name}", description=f"{purpose[0].upper()}{purpose[1:]}.", allow_abbrev=False)
    command.arguments(parser)
    return command.run(parser.parse_args(rest))


def _overview() -> str:
    lines = [f"  {name:<11} {purpose}" for name, (_, purpose) in COMMANDS.items()]
    return "usage: hongyan COMMAND ...\n\n" + "\n".join(lines) + "\n\n" + PROMISES


def _version() -> str:
    try:
        return f"hongyan {version('hongyan')}"
    except PackageNotFoundError:
        return "hongyan (not installed)"


if __name__ == "__main__":
    entry()
