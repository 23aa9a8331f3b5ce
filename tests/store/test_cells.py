"""Cells are loaded under lock: what two transactions change is changed one after the other, also where there was nothing yet."""

from __future__ import annotations

import random
import threading
import time

import pytest

from engine.core.case import NEVER
from engine.core.facts import Cell, UserCell
from engine.store import cells, people, suppressions
from engine.store.store import Store
from engine.store.suppressions import Suppression

from .making import SHANGHAI, counted, together, user


def value_of(store: Store, id: str) -> int:
    with store.read() as tx:
        cell = cells.load(tx, "live", [id])[id]
    return cell.counters["n"] if cell is not None else 0


def test_what_says_nothing_is_none(store: Store) -> None:
    for transaction in (store.read, store.write):
        with transaction() as tx:
            assert cells.load(tx, "live", ["user:u1", "key:k:1"]) == {"key:k:1": None, "user:u1": None}


def test_what_is_saved_comes_back(store: Store) -> None:
    with store.write() as tx:
        cells.save(tx, "live", {"user:u1": user("u1", traits={"n": 3}), "key:k:1": counted(1)})
    with store.read() as tx:
        found = cells.load(tx, "live", ["user:u1", "key:k:1"], SHANGHAI)

    assert isinstance(found["user:u1"], UserCell)
    assert found["user:u1"].traits == {"n": 3}
    assert type(found["key:k:1"]) is Cell


def test_an_exception_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as tx:
            cells.save(tx, "live", {"key:k:1": counted(1)})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert value_of(store, "key:k:1") == 0


def test_additions_of_many_are_all_counted(store: Store) -> None:
    """Six workers add to overlapping cells that are not there at first, while a sweep deletes what says nothing."""
    ids = [f"key:k:{number}" for number in range(4)]
    over = threading.Event()

    def work(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(12):
            chosen = dice.sample(ids, 2)
            with store.write() as tx:
                found = cells.load(tx, "live", chosen)
                changed = {id: counted((cell.counters["n"] if cell is not None else 0) + 1) for id, cell in found.items()}
                cells.save(tx, "live", changed)

    def sweep() -> None:
        while not over.is_set():
            with store.write() as tx:
                cells.sweep(tx, 1)
            time.sleep(0.002)

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    try:
        together([lambda seed=seed: work(seed) for seed in range(6)])  # type: ignore[misc]
    finally:
        over.set()
        sweeper.join()

    assert sum(value_of(store, id) for id in ids) == 6 * 12 * 2


def test_a_loaded_cell_is_ours_until_the_end(store: Store) -> None:
    if not store.is_postgresql:
        pytest.skip("SQLite has one writer")
    order = []
    held = threading.Event()

    def first() -> None:
        with store.write() as tx:
            cells.load(tx, "live", ["key:k:new"])
            held.set()
            time.sleep(0.3)
            order.append("first")
            cells.save(tx, "live", {"key:k:new": counted(1)})

    def second() -> None:
        held.wait()
        with store.write() as other:
            cells.load(other, "live", ["key:k:another"])
            order.append("another is free")
        with store.write() as tx:
            found = cells.load(tx, "live", ["key:k:new"])["key:k:new"]
            order.append(f"second sees {found.counters['n'] if found is not None else None}")

    together([first, second])

    assert order == ["another is free", "first", "second sees 1"]


def test_a_reader_waits_for_nobody(store: Store) -> None:
    with store.write() as tx:
        cells.save(tx, "live", {"key:k:1": counted(1)})
    with store.write() as writing:
        cells.load(writing, "live", ["key:k:1"])
        cells.save(writing, "live", {"key:k:1": counted(2)})

        assert value_of(store, "key:k:1") == 1


def test_a_transaction_that_another_got_in_the_way_of_is_repeated(store: Store) -> None:
    """Two that lock the wrong way round: a deadlock on PostgreSQL, of which one is told, and tries again."""
    tries = []

    def work(ids: tuple[str, str]) -> None:
        def add(tx: object) -> None:
            tries.append(ids)
            for id in ids:
                cell = cells.load(tx, "live", [id])[id]  # type: ignore[arg-type]
                time.sleep(0.1)
                cells.save(tx, "live", {id: counted((cell.counters["n"] if cell is not None else 0) + 1)})  # type: ignore[arg-type]

        store.transact(add)

    together([lambda: work(("key:a", "key:b")), lambda: work(("key:b", "key:a"))])

    assert (value_of(store, "key:a"), value_of(store, "key:b")) == (2, 2)
    assert len(tries) == (3 if store.is_postgresql else 2)


def test_sweep_deletes_what_says_nothing_any_more(store: Store) -> None:
    aged = user("u1")
    aged.expires = 5
    forever, stopped = counted(1, NEVER), counted(1, NEVER)
    saved = {"key:k:old": counted(1, 10), "key:k:young": counted(1, 11), "cap:all": forever, "phone:+86": stopped, "user:u1": aged}
    with store.write() as tx:
        cells.save(tx, "live", saved)
        cells.load(tx, "live", ["key:k:nothing"])
    with store.write() as tx:
        cells.sweep(tx, 10)
    with store.read() as tx:
        left = [id for id, cell in cells.load(tx, "live", [*saved, "key:k:nothing"]).items() if cell is not None]

    assert left == ["cap:all", "key:k:young", "phone:+86", "user:u1"]


def test_sweep_passes_over_what_is_in_use(store: Store) -> None:
    if not store.is_postgresql:
        pytest.skip("SQLite has one writer")
    with store.write() as tx:
        cells.save(tx, "live", {"key:k:old": counted(1, 10)})
    with store.write() as using:
        cells.load(using, "live", ["key:k:old"])
        with store.write() as tx:
            assert cells.sweep(tx, 99) == 0
    with store.write() as tx:
        assert cells.sweep(tx, 99) == 1


def test_ids_of_any_length_and_content(store: Store) -> None:
    ids = ["key:k:" + "x" * 5000, "key:k:" + "x" * 5001, "key:k:a\0b", "phone:12\0"]
    with store.write() as tx:
        cells.save(tx, "live", {id: counted(number) for number, id in enumerate(ids)})
    with store.write() as tx:
        found = cells.load(tx, "live", ids)

    assert {id: cell.counters["n"] for id, cell in found.items() if cell is not None} == {id: number for number, id in enumerate(ids)}


# ---- what lists say of cells ----------------------------------------------------------------------------------------------------------


def test_people_follow_their_cells_in_order_of_phone_and_id(store: Store) -> None:
    crowd = [user("b", "+862"), user("a", "+862"), user("z", None), user("Z", None), user("ä", "+861"), user("é", "+861")]
    with store.write() as tx:
        cells.save(tx, "live", {"user:" + cell.id: cell for cell in crowd})
    with store.read() as tx:
        everybody = people.page(tx, "live")
        first = people.page(tx, "live", limit=3)
        rest = people.page(tx, "live", after=first[-1])
        number = people.count(tx, "live")

    assert everybody == sorted((cell.phone or "", cell.id) for cell in crowd)
    assert first + rest == everybody
    assert number == 6
    with store.read() as tx:
        assert people.page(tx, "test") == []


def test_a_new_phone_moves_a_person(store: Store) -> None:
    with store.write() as tx:
        cells.save(tx, "live", {"user:u1": user("u1", "+861")})
    with store.write() as tx:
        found = cells.load(tx, "live", ["user:u1"])["user:u1"]
        assert isinstance(found, UserCell)
        fresh = found.fork()
        fresh.phone = "+862"
        cells.save(tx, "live", {"user:u1": fresh})

        assert people.page(tx, "live") == [("+862", "u1")]


def test_suppressions_follow_their_cells(store: Store) -> None:
    stopped, other = Cell(), Cell()
    stopped.suppressed, other.suppressed = frozenset({"marketing", "blocked"}), frozenset({"all"})
    with store.write() as tx:
        suppressions.note(tx, "live", [Suppression("+861", "marketing", "replied R", 7)])
        cells.save(tx, "live", {"phone:+861": stopped, "phone:+862": other}, at=9)
    with store.read() as tx:
        first = suppressions.listed(tx, "live", limit=2)
        rest = suppressions.listed(tx, "live", cursor=first.next)
    released = stopped.fork()
    released.suppressed = frozenset({"blocked"})
    with store.write() as tx:
        cells.load(tx, "live", ["phone:+861"])
        cells.save(tx, "live", {"phone:+861": released}, at=10)
        after = suppressions.listed(tx, "live", phone="+861")

    assert first.items == [Suppression("+861", "blocked", "", 9), Suppression("+861", "marketing", "replied R", 7)]
    assert rest.items == [Suppression("+862", "all", "", 9)]
    assert after.items == [Suppression("+861", "blocked", "", 9)]
