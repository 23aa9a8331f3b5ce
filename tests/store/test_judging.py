"""Transactions that judge: one at a time in an environment, without ever waiting for each other in a circle."""

from __future__ import annotations

import threading

import pytest

from engine.store import cells
from engine.store.store import Crossed, Store, Tx

from .making import counted, together


def add(tx: Tx, id: str) -> None:
    cell = cells.load(tx, "live", [id])[id]
    cells.save(tx, "live", {id: counted((cell.counters["n"] if cell is not None else 0) + 1)})


def test_one_judges_at_a_time(store: Store) -> None:
    """Of six that want to, whatever they have locked before: none is left out, and no two are at it together."""
    at_it: list[int] = []
    most: list[int] = []

    def work(tx: Tx, number: int) -> None:
        add(tx, f"key:k:{number % 2}")
        tx.judge("live")
        at_it.append(number)
        most.append(len(at_it))
        add(tx, f"key:k:{1 - number % 2}")
        at_it.remove(number)

    together([lambda number=number: store.transact(lambda tx: work(tx, number)) for number in range(6)])  # type: ignore[misc]

    with store.read() as tx:
        found = cells.load(tx, "live", ["key:k:0", "key:k:1"])
    assert [cell.counters["n"] for cell in found.values() if cell is not None] == [6, 6]
    assert set(most) == {1}


def test_who_is_late_lets_go_of_what_it_has_and_begins_anew(store: Store) -> None:
    """It has locked a row that the one which judges will want: it must not wait with it in its hand."""
    if not store.is_postgresql:
        pytest.skip("SQLite has one writer")
    judging, locked = threading.Event(), threading.Event()
    begun: list[str] = []

    def first(tx: Tx) -> None:
        tx.judge("live")
        judging.set()
        assert locked.wait(10)
        add(tx, "key:k:1")

    def second(tx: Tx) -> None:
        begun.append("second")
        add(tx, "key:k:1")
        locked.set()
        tx.judge("live")

    def late() -> None:
        assert judging.wait(10)
        store.transact(second)

    together([lambda: store.transact(first), late])

    with store.read() as tx:
        cell = cells.load(tx, "live", ["key:k:1"])["key:k:1"]
    assert cell is not None
    assert cell.counters["n"] == 2
    assert begun == ["second", "second"]


def test_the_environments_are_apart(store: Store) -> None:
    """Who judges one, and then again, holds up nobody who judges the other."""
    if not store.is_postgresql:
        pytest.skip("SQLite has one writer")
    with store.write() as live:
        live.judge("live")
        live.judge("live")
        with store.write() as test:
            test.judge("test")
            with pytest.raises(Crossed):
                test.judge("live")
