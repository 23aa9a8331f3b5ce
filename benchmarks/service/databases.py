"""Databases of the benchmarks' own: a SQLite file, and on the local PostgreSQL one that is dropped afterwards."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

POSTGRESQL = os.environ.get("BENCH_POSTGRESQL", "postgresql://root@127.0.0.1:5432/postgres")


def kinds() -> list[str]:
    """What can be measured here."""
    try:
        psycopg.connect(POSTGRESQL, connect_timeout=3).close()
    except psycopg.OperationalError as error:
        sys.stderr.write(f"without PostgreSQL: {str(error).strip().splitlines()[-1]}\n")
        return ["sqlite"]
    return ["sqlite", "postgresql"]


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The address of an empty one."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="hongyan-bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'hongyan.db'}"
        return
    name = f"hongyan_bench_{secrets.token_hex(4)}"
    with psycopg.connect(POSTGRESQL, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    try:
        yield _within(name, "postgresql+psycopg")
    finally:
        with psycopg.connect(POSTGRESQL, autocommit=True) as admin:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _within(name: str, scheme: str) -> str:
    return f"{scheme}://{POSTGRESQL.partition('://')[2].rpartition('/')[0]}/{name}"


def for_psycopg(url: str) -> str:
    """The address as the bare driver wants it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def versions() -> dict[str, str]:
    """Of what takes part."""
    import sqlite3
    from importlib.metadata import version

    found = {"SQLite": sqlite3.sqlite_version, **{name: version(name) for name in ("SQLAlchemy", "psycopg", "Flask", "cheroot")}}
    if "postgresql" in kinds():
        with psycopg.connect(POSTGRESQL) as connection:
            row = connection.execute("SHOW server_version").fetchone()
            found["PostgreSQL"] = str(row[0]).split()[0] if row else "?"
            for setting in ("synchronous_commit", "fsync"):
                row = connection.execute(f"SHOW {setting}".encode()).fetchone()
                found[f"PostgreSQL's {setting}"] = str(row[0]) if row else "?"
    return found
