"""Timers: in order of setting, found by cell, by rule and key, by when they are due; as engine.simulate.memory has them."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.simulate.memory import Memory
from engine.store import timers
from engine.store.store import Store

from .making import timer, together


def ids(found: object) -> list[str]:
    return [one.id for one in found]  # type: ignore[attr-defined]


def test_due_ones_come_by_instant_then_in_the_order_of_setting(store: Store) -> None:
    with store.write() as tx:
        timers.add(tx, "live", [timer("c", 5), timer("a", 7), timer("b", 5)])
        timers.add(tx, "live", [timer("d", 5), timer("later", 9)])
        found = timers.due(tx, "live", 7, 10)

    assert ids(found) == ["c", "b", "d", "a"]
    with store.read() as tx:
        assert timers.next_due(tx, "live") == 5
        assert timers.next_due(tx, "test") is None
        assert ids(timers.due(tx, "live", 4, 2)) == []


def test_what_falls_due_together_for_somebody_comes_together(store: Store) -> None:
    """Also beyond the limit: one judgement has to see all of it."""
    with store.write() as tx:
        timers.add(tx, "live", [timer("before", 4, user="u4"), timer("a", 5), timer("b", 5, user="u2"), timer("c", 5, user="u3")])
        timers.add(tx, "live", [timer("d", 5), timer("e", 5, user="u2"), timer("f", 5, user="u4"), timer("g", 6), timer("other", 4)])
        timers.add(tx, "live", [timer("p", 8, user=None), timer("h", 8, user="u9"), timer("q", 8, user=None), timer("r", 8, user="u8")])
        timers.add(tx, "test", [timer("t", 5)])

        assert ids(timers.due(tx, "live", 9, 10)) == ["before", "other", "a", "b", "c", "d", "e", "f", "g", "p", "q"]
        assert ids(timers.due(tx, "live", 7, 4)) == ["before", "other", "a", "b", "d", "e"]
        assert ids(timers.due(tx, "live", 7, 2)) == ["before", "other"]
        assert ids(timers.due(tx, "live", 7, 1)) == ["before"]


def test_the_same_id_takes_the_others_place_at_the_end(store: Store) -> None:
    with store.write() as tx:
        timers.add(tx, "live", [timer("a", 5, "key:1"), timer("b", 5, "key:1")])
        timers.add(tx, "live", [timer("a", 6, "key:1"), timer("c", 5), timer("c", 4)])

        assert ids(timers.pending(tx, "live", ["key:1"])["key:1"]) == ["b", "a"]
        assert ids(timers.due(tx, "live", 9, 9)) == ["c", "b", "a"]


def test_pending_ones_are_found_by_either_cell(store: Store) -> None:
    with store.write() as tx:
        timers.add(tx, "live", [timer("a", 5, "key:1", "user:u1"), timer("b", 4, "user:u1"), timer("c", 3, "user:u1", "key:1")])
        found = timers.pending(tx, "live", ["key:1", "user:u1", "key:none"])

    assert {cell: ids(waiting) for cell, waiting in found.items()} == {"key:1": ["a", "c"], "user:u1": ["a", "b", "c"], "key:none": []}


def test_dropping_what_is_not_there_is_no_error(store: Store) -> None:
    with store.write() as tx:
        timers.add(tx, "live", [timer("a", 5), timer("b", 5)])

        assert timers.drop(tx, "live", ["a", "x"]) == 1
        assert timers.drop(tx, "live", []) == 0
        timers.add(tx, "live", [timer("长" * 700, 5)])
        assert timers.standing(tx, "live", ["a", "b", "长" * 700]) == {"b", "长" * 700}
        assert timers.count(tx, "live") == {"due": 2}


def test_a_cancellation_finds_rule_and_key(store: Store) -> None:
    with store.write() as tx:
        timers.add(tx, "live", [timer("a", 5), timer("b", 4, key="k2"), timer("c", 3, rule="other"), timer("d", 2)])

        assert ids(timers.of_rule(tx, "live", "r", "k")) == ["a", "d"]
        assert ids(timers.of_rule(tx, "live", "r")) == ["a", "b", "d"]


def test_a_third_cell_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="room for two"), store.write() as tx:
        timers.add(tx, "live", [timer("a", 5, "1", "2", "3")])


def test_a_due_timer_is_judged_by_one(store: Store) -> None:
    """Two workers wake at once: the second finds nothing."""
    with store.write() as tx:
        timers.add(tx, "live", [timer(f"t{number}", number) for number in range(20)])
    started = threading.Barrier(2)

    def judge() -> list[str]:
        started.wait()
        with store.write() as tx:
            found = ids(timers.due(tx, "live", 99, 100))
            time.sleep(0.05)
            timers.drop(tx, "live", found)
        return found

    first, second = together([judge, judge])

    assert sorted(first + second) == sorted(f"t{number}" for number in range(20))
    assert not first or not second


names = st.sampled_from("abcd")
steps = st.one_of(
    st.tuples(
        st.just("add"),
        st.lists(st.tuples(names, st.integers(0, 5), st.lists(st.sampled_from(("x", "y")), max_size=2, unique=True)), max_size=4),
    ),
    st.tuples(st.just("drop"), st.lists(names, max_size=2)),
    st.tuples(st.just("due"), st.integers(0, 5)),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(story=st.lists(steps, max_size=8))
def test_it_is_the_memory_of_a_simulation(store: Store, story: list[tuple[str, object]]) -> None:
    memory = Memory()
    with store.write() as tx:
        timers.drop(tx, "live", list("abcd"))
        for what, given in story:
            if what == "add":
                new = [timer(id, due, *watch) for id, due, watch in given]  # type: ignore[attr-defined]
                for one in new:
                    memory.add(one)
                timers.add(tx, "live", new)
            elif what == "drop":
                for id in given:  # type: ignore[attr-defined]
                    memory.drop(id)
                timers.drop(tx, "live", given)  # type: ignore[arg-type]
            else:
                # In the order of setting, in which `memory.timers` stands; its queue gives one that was set anew its old place.
                expected = ids(sorted((one for one in memory.timers.values() if one.due <= given), key=lambda one: one.due))  # type: ignore[operator]
                memory.take_due(given)  # type: ignore[arg-type]
                found = ids(timers.due(tx, "live", given, 100))  # type: ignore[arg-type]
                timers.drop(tx, "live", found)
                assert found == expected
            assert timers.next_due(tx, "live") == memory.next_due()
            pending = timers.pending(tx, "live", ["x", "y"])
            assert {cell: ids(waiting) for cell, waiting in pending.items()} == {cell: ids(memory.pending(cell)) for cell in "xy"}
