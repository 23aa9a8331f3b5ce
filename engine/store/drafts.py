"""The draft of the book: its standing, and the files in which it differs from the version that it began from."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from engine.store import bulk
from engine.store.schema import draft_files, drafts
from engine.store.store import Tx

_ID = "book"  # there is one


@dataclass(frozen=True, slots=True)
class Standing:
    """`base`: the version that the draft began from, None without one. `revision` grows with every change. `who`, `at`: the last one."""

    base: int | None
    revision: int
    who: str
    at: int


@dataclass(frozen=True, slots=True)
class Edit:
    """A file that differs from the base. `text` None: the file is gone. `revision`: the draft's, when this file was changed."""

    name: str
    text: str | None
    revision: int
    who: str
    at: int


def standing(tx: Tx) -> Standing | None:
    """How the draft stands; None: nobody has edited yet. In a writing transaction nobody else changes the draft until its end."""
    if tx.writing and tx.is_postgresql:
        tx.execute(_ONE_AT_A_TIME)  # a row to lock need not be there yet
    row = tx.execute(sa.select(drafts.c.base, drafts.c.revision, drafts.c.who, drafts.c.at).where(drafts.c.id == _ID)).one_or_none()
    return Standing(*row) if row is not None else None


_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtext('hongyan.drafts'))")


def stand(tx: Tx, now: Standing) -> None:
    """Keep how the draft stands."""
    values = {"id": _ID, "base": now.base, "revision": now.revision, "who": now.who, "at": now.at}
    bulk.insert(tx, drafts, [values], on_conflict="replace")


def edits(tx: Tx) -> list[Edit]:
    """Every file that differs, in order of name."""
    columns = draft_files.c
    rows = tx.execute(sa.select(columns.name, columns.text, columns.revision, columns.who, columns.at).order_by(columns.name))
    return [Edit(*row) for row in rows]


def put(tx: Tx, edit: Edit) -> None:
    """Keep a file as it is now."""
    values = {"name": edit.name, "text": edit.text, "revision": edit.revision, "who": edit.who, "at": edit.at}
    bulk.insert(tx, draft_files, [values], on_conflict="replace")


def clear(tx: Tx) -> None:
    """No file differs any more."""
    tx.execute(sa.delete(draft_files))
