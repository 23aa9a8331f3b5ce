"""Judging by itself: an occurrence that is neither an event of the inbox nor a timer, in somebody's transaction."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.occurrences import Occurrence
from engine.runtime.books import Books
from engine.store.store import Tx

Cause = tuple[Occurrence, str, str]  # what happened, its kind in the record (receipt, user, opt_out ...), what it refers to


class Deciding:
    """Receipts, changes of users, opt-outs and cancellations are decided by the same core, and recorded like the rest."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def judge(self, tx: Tx, env: str, occurrences: Sequence[Cause], now: int) -> None:
        """Judge these in order and save what follows; nothing while no book is published."""
        if not occurrences:  # then others may go on judging
            return
        desk = self._books.desk(tx, env)
        if desk is None:
            return
        for occurrence, cause, ref in occurrences:
            desk.begin(now, cause, ref)
            desk.clockwork.judge(occurrence, now)
        desk.save()
