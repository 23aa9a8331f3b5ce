"""`hongyan restore FILE`: a backup becomes the database. The service must be stopped."""

from __future__ import annotations

import os
import sqlite3
from argparse import ArgumentParser, Namespace
from contextlib import closing
from pathlib import Path

from cli.backup import postgresql
from cli.console import UsageError, say
from cli.parts import effective, opened, sqlite_path
from engine.secret import secret_path
from engine.settings import Settings


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("file", metavar="FILE", help="what `hongyan backup` wrote")
    parser.add_argument("--replace", action="store_true", help="also when there is a database already: it is lost")


def run(args: Namespace) -> int:
    """The restored tables are brought to the newest form."""
    settings = effective()
    backup = Path(args.file)
    if not backup.is_file():
        raise UsageError(f"{backup}: there is no such file")
    target = sqlite_path(settings)
    if target is not None:
        _restore(backup, target, replace=args.replace)
    else:
        clean = ["--clean", "--if-exists"] if args.replace else []
        postgresql("pg_restore", settings, ["--single-transaction", "--exit-on-error", "--no-owner", *clean, str(backup)])
    _warn_of_secret(settings)
    with opened(settings) as service:
        active = next((one["version"] for one in service.versions() if one["active"]), None)
    say(f"{backup} is restored; " + (f"version {active} of the book is in force" if active is not None else "nothing is published in it"))
    return 0


def _warn_of_secret(settings: Settings) -> None:
    if not settings.secret and not secret_path(settings).exists():
        say(f"{secret_path(settings)} is not there: a new secret is made; codes under way and opt-outs of the erased go")


def _restore(backup: Path, target: Path, *, replace: bool) -> None:
    if target.exists() and target.stat().st_size:
        if not replace:
            raise UsageError(f"{target} is there already; --replace puts the backup in its place")
        _claim(target)
    draft = target.with_name(target.name + ".part")
    try:
        with closing(sqlite3.connect(f"{backup.resolve().as_uri()}?mode=ro", uri=True)) as old:
            if old.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('alembic_version', 'events', 'books')").fetchone()[0] != 3:
                raise UsageError(f"{backup} is no backup of Hongyan")
            fault = old.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if fault != "ok":
                raise UsageError(f"{backup} is damaged: {fault}")
            with closing(sqlite3.connect(draft)) as new:
                old.backup(new)
        os.chmod(draft, 0o600)
        for suffix in ("-wal", "-shm"):
            target.with_name(target.name + suffix).unlink(missing_ok=True)
        os.replace(draft, target)
    except sqlite3.Error as error:
        raise UsageError(f"{backup}: {error}") from error
    except OSError as error:
        raise UsageError(f"{error.filename or target}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _claim(target: Path) -> None:
    """Nobody else has the database open: leaving WAL needs it alone."""
    try:
        with closing(sqlite3.connect(target, timeout=0)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise UsageError(f"{target} is in use: stop the service first") from error
        # What is no database any more may be replaced.
