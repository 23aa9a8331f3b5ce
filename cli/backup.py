"""`hongyan backup FILE`: the whole database in one file, consistent while the service runs."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url

from cli.console import UsageError, say
from cli.parts import effective, sqlite_path
from engine.secret import secret_path
from engine.settings import Settings


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", metavar="FILE", help="a new file")


def run(args: Namespace) -> int:
    """Never over a file that is there. Standard error names what else to keep."""
    settings = effective()
    target = Path(args.file)
    if target.exists():
        raise UsageError(f"{target} is there already")
    source = sqlite_path(settings)
    draft = target.with_name(target.name + ".part")
    try:
        if source is not None:
            _copy(source, draft)
        else:
            postgresql("pg_dump", settings, ["--format=custom", "--no-owner", f"--file={draft}"])
        os.chmod(draft, 0o600)  # it holds everybody's numbers
        os.replace(draft, target)
    except OSError as error:
        raise UsageError(f"{error.filename or target}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    say(f"{target}: {target.stat().st_size:,} bytes")
    if not settings.secret:
        say(f"keep {secret_path(settings)} too, elsewhere: codes under way and the opt-outs of erased people need it")
    return 0


def _copy(source: Path, draft: Path) -> None:
    if not source.is_file():
        raise UsageError(f"{source}: there is no database yet")
    try:
        with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as old, closing(sqlite3.connect(draft)) as new:
            old.backup(new)  # in one go: writers go on, and what they write is not in it
            new.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise UsageError(f"{source}: {error}") from error


def postgresql(program: str, settings: Settings, arguments: Sequence[str]) -> None:
    """Run one of PostgreSQL's own programs on the database. The password goes by the environment: other users see command lines."""
    if shutil.which(program) is None:
        raise UsageError(f"{program} is not installed here; it comes with PostgreSQL's client programs (Debian: postgresql-client)")
    address = make_url(settings.database)
    environment = dict(os.environ)
    if address.password is not None:
        environment["PGPASSWORD"] = str(address.password)
    plain = address.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    done = subprocess.run([program, f"--dbname={plain}", *arguments], env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise UsageError(f"{program}: {done.stderr.strip() or f'ended with {done.returncode}'}")
