"""Published books: every version with its author and note, and which one is active in which environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

import orjson
import sqlalchemy as sa

from engine.store import codec
from engine.store.schema import active_books, books
from engine.store.store import Tx


@dataclass(frozen=True, slots=True)
class Version:
    """A published book. `files` is empty in lists."""

    version: int
    at: int
    author: str
    note: str
    digest: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Active:
    """Which version is in force, since when and by whom."""

    version: int
    at: int
    author: str


def digest_of(files: Mapping[str, str]) -> str:
    """What two books with the same files share."""
    return sha256(orjson.dumps(dict(files), option=orjson.OPT_SORT_KEYS)).hexdigest()


def add(tx: Tx, files: Mapping[str, str], *, author: str, note: str, at: int) -> int:
    """Keep a book as a new version; its number. Activating it is another step."""
    values = {"at": at, "author": author, "note": note, "digest": digest_of(files), "files": codec.dumps(dict(files))}
    return int(tx.execute(sa.insert(books).values(**values).returning(books.c.version)).scalar_one())


def activate(tx: Tx, env: str, version: int, *, author: str, at: int, expect: int | None = None) -> bool:
    """Put a version in force; False when `expect` is given and another one is in force by now. Raises KeyError for an unknown one."""
    if tx.execute(sa.select(books.c.version).where(books.c.version == version)).scalar() is None:
        raise KeyError(version)
    standing = sa.select(active_books.c.version).where(active_books.c.env == env)
    if tx.is_postgresql:
        tx.execute(_ONE_AT_A_TIME)
    known = tx.execute(standing).scalar()
    if expect is not None and (known or 0) != expect:
        return False
    values = {"version": version, "at": at, "author": author}
    if known is None:
        tx.execute(sa.insert(active_books).values(env=env, **values))
    else:
        tx.execute(sa.update(active_books).where(active_books.c.env == env).values(**values))
    return True


_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtext('hongyan.active_books'))")


def active(tx: Tx, env: str) -> Active | None:
    """What is in force; None: nothing has been published. Cheap: workers ask in every transaction."""
    row = tx.run(_ACTIVE, {"env": env}).one_or_none()
    return Active(*row) if row is not None else None


_ACTIVE = sa.select(active_books.c.version, active_books.c.at, active_books.c.author).where(active_books.c.env == sa.bindparam("env"))


def get(tx: Tx, version: int) -> Version | None:
    """A version with its files."""
    row = tx.execute(sa.select(books).where(books.c.version == version)).one_or_none()
    return Version(row.version, row.at, row.author, row.note, row.digest, codec.loads(row.files)) if row is not None else None


def listed(tx: Tx, before: int | None = None, limit: int = 100) -> list[Version]:
    """Versions without their files, newest first, before a version."""
    columns = books.c
    statement = sa.select(columns.version, columns.at, columns.author, columns.note, columns.digest)
    if before is not None:
        statement = statement.where(columns.version < before)
    rows = tx.execute(statement.order_by(columns.version.desc()).limit(limit))
    return [Version(row.version, row.at, row.author, row.note, row.digest, {}) for row in rows]
