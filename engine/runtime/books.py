"""The active book: compiled once per version and set of switches; published only as a whole, with the check and the tests as a gate."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.core.compile import compile_book
from engine.core.networks import Networks
from engine.core.plan import BookPlan
from engine.events import EventReader
from engine.people import UserReader
from engine.runtime import adopting
from engine.runtime.desk import INLINE, Desk
from engine.runtime.errors import Conflict, NotFound, Refused
from engine.runtime.ticks import set_ticks
from engine.runtime.tombstones import Tombstones
from engine.simulate.testing import TestRun
from engine.store import audit, books, networks, switches
from engine.store.store import Store, Tx
from rules.checking import check
from rules.model import Rulebook

ENVIRONMENTS = ("live", "test")
RECENT_SECONDS = 0.2
_KEPT = 8  # compiled books; switches make a few of each version


@dataclass(frozen=True, slots=True)
class ActiveBook:
    """A version as it is judged with."""

    version: int
    plan: BookPlan
    events: EventReader
    users: UserReader


class Books:
    """What is in force, per environment. Workers ask in every transaction, so a change is seen at once and by everybody."""

    def __init__(self, tombstones: Tombstones, inline: int = INLINE) -> None:
        self._tombstones = tombstones
        self._inline = inline
        self._compiled: dict[tuple[int, frozenset[str]], ActiveBook] = {}
        self._blocked: dict[str, tuple[str, ActiveBook, ActiveBook]] = {}  # by environment: made of what, and what was made
        self._recent: dict[str, tuple[float, ActiveBook]] = {}
        self._lock = threading.Lock()

    def active(self, tx: Tx, env: str) -> ActiveBook | None:
        """The book in force; None: nothing has been published."""
        row = books.active(tx, env)
        if row is None:
            return None
        stopped, changes = switches.state(tx, env)
        key = (row.version, stopped)
        with self._lock:
            found = self._compiled.get(key)
            if found is None:
                found = _compiled(tx, row.version, stopped)
                while len(self._compiled) >= _KEPT:
                    del self._compiled[next(iter(self._compiled))]
                self._compiled[key] = found
            return self._blocking(tx, env, found, changes) if changes != "0" else found

    def _blocking(self, tx: Tx, env: str, active: ActiveBook, changes: str) -> ActiveBook:
        """The book with the networks that are blocked now; no rule is compiled anew for them."""
        known = self._blocked.get(env)
        if known is not None and known[0] == changes and known[1] is active:
            return known[2]
        made = replace(active, plan=replace(active.plan, blocked=Networks(networks.every(tx, env))))
        self._blocked[env] = (changes, active, made)
        return made

    def recent(self, store: Store, env: str) -> ActiveBook | None:
        """The book that was in force at most RECENT_SECONDS ago: for those who can ask again, and who ask so often that a look into the
        database each time would be most of their work."""
        with self._lock:
            known = self._recent.get(env)
        if known is not None and time.monotonic() - known[0] < RECENT_SECONDS:
            return known[1]
        at = time.monotonic()
        with store.read() as tx:
            found = self.active(tx, env)
        if found is not None:
            with self._lock:
                self._recent[env] = (at, found)
        return found

    def _forget_recent(self) -> None:
        with self._lock:
            self._recent.clear()

    def desk(self, tx: Tx, env: str) -> Desk | None:
        """A desk to judge on with the book in force, for the one transaction that judges now (`Tx.judge`); None: nothing has been
        published."""
        tx.judge(env)
        active = self.active(tx, env)
        return Desk(tx, env, active.plan, active.version, self._tombstones, self._inline) if active is not None else None

    def publish(
        self, store: Store, files: Mapping[str, str], *, note: str, author: str, at: int, expect: int | None = None
    ) -> dict[str, Any]:
        """Keep a book as a new version and put it in force. Raises Refused or Conflict; then nothing has changed."""
        book, findings = _gate(files)
        with store.write() as tx:
            old = self._hold(tx)
            version = books.add(tx, files, author=author, note=note, at=at)
            for env in ENVIRONMENTS:
                if not books.activate(tx, env, version, author=author, at=at, expect=expect):
                    raise Conflict(f"version {expect} is not the active one any more")
                self._adopt(tx, env, old[env], at)
            audit.add(tx, "live", audit.Entry(at, author, "book.publish", {"version": version, "note": note}))
        self._forget_recent()
        return {"version": version, "book": book.id, "findings": findings}

    def activate(self, store: Store, version: int, *, author: str, at: int, reason: str = "") -> None:
        """Put an earlier version in force again. Raises NotFound."""
        with store.write() as tx:
            old = self._hold(tx)
            for env in ENVIRONMENTS:
                try:
                    books.activate(tx, env, version, author=author, at=at)
                except KeyError:
                    raise NotFound(f"there is no version {version}") from None
                self._adopt(tx, env, old[env], at)
            audit.add(tx, "live", audit.Entry(at, author, "book.activate", {"version": version, "reason": reason}))
        self._forget_recent()

    def _hold(self, tx: Tx) -> dict[str, Rulebook | None]:
        """The books in force, with which nobody judges any more until the transaction ends."""
        for env in ENVIRONMENTS:
            tx.judge(env, waits=True)
        return {env: self._readable(tx, env) for env in ENVIRONMENTS}

    def _readable(self, tx: Tx, env: str) -> Rulebook | None:
        try:
            active = self.active(tx, env)
        except NotFound:  # kept by an older Hongyan, and no book any more: all the more reason to put another one in force
            return None
        return active.plan.book if active is not None else None

    def _adopt(self, tx: Tx, env: str, old: Rulebook | None, at: int) -> None:
        """What a new version needs and the old did not keep: next ticks at once, the rest by a job (adopting.py)."""
        desk = self.desk(tx, env)
        assert desk is not None
        desk.begin(at, "book", str(desk.version))
        set_ticks(desk, at)
        desk.save()
        adopting.begin(tx, env, old, desk.plan, desk.version, at)


def _compiled(tx: Tx, version: int, stopped: frozenset[str]) -> ActiveBook:
    row = books.get(tx, version)
    assert row is not None
    book = check(dict(row.files)).book
    if book is None:
        raise NotFound(f"version {version} can no longer be read: it has errors")
    return ActiveBook(version, compile_book(book, stopped), EventReader(book), UserReader(book))


def _gate(files: Mapping[str, str]) -> tuple[Rulebook, list[dict[str, Any]]]:
    checked = check(dict(files))
    findings = [finding.as_dict() for finding in checked.findings]
    if checked.book is None:
        raise Refused(findings)
    results = TestRun(checked.book, checked.book.tests, coverage=False).results()
    failed = [{"name": result.name, "message": result.message} for result in results if not result.passed]
    if failed:
        raise Refused(findings, failed)
    return checked.book, findings
