"""Events are accepted once, by (source, id), and judged in the order of acceptance."""

from __future__ import annotations

import pytest

from engine.core.facts import Event
from engine.store import events
from engine.store.store import Store

from .making import event, together


def inbox(store: Store, env: str = "live") -> list[str]:
    with store.read() as tx:
        return [one.event.id for one in events.take(tx, env, 1000)]


def test_the_same_again_is_a_duplicate(store: Store) -> None:
    with store.write() as tx:
        first = events.add(tx, "live", [event("a"), event("b"), event("a")])
    with store.write() as tx:
        again = events.add(tx, "live", [event("b"), event("c"), event("a", source="pos")])

    assert first == ["accepted", "accepted", "duplicate"]
    assert again == ["duplicate", "accepted", "accepted"]
    assert inbox(store) == ["a", "b", "c", "a"]


def test_the_first_of_two_is_kept(store: Store) -> None:
    with store.write() as tx:
        events.add(tx, "live", [Event("a", "paid", 1, {"n": 1}), Event("a", "paid", 2, {"n": 2})])
        found = events.get(tx, "live", "api", "a")

    assert found is not None
    assert found.event.data == {"n": 1}


def test_environments_do_not_meet(store: Store) -> None:
    with store.write() as tx:
        both = events.add(tx, "live", [event("a")]) + events.add(tx, "test", [event("a")])

    assert both == ["accepted", "accepted"]
    assert inbox(store, "test") == ["a"]


def test_nothing_is_no_statement(store: Store) -> None:
    with store.write() as tx:
        assert events.add(tx, "live", []) == []
        events.mark_done(tx, [])


def test_an_identity_is_accepted_once_however_many_bring_it(store: Store) -> None:
    """Eight clients post the same fifty events at once, in two orders."""
    batch = [event(f"e{number}") for number in range(50)]

    def post(order: int) -> list[str]:
        chosen = batch if order % 2 else list(reversed(batch))
        with store.write() as tx:
            outcomes = dict(zip([one.id for one in chosen], events.add(tx, "live", chosen), strict=True))
        return [id for id, outcome in outcomes.items() if outcome == "accepted"]

    accepted = [id for ids in together([lambda at=at: post(at) for at in range(8)]) for id in ids]  # type: ignore[misc]

    assert sorted(accepted) == sorted(one.id for one in batch)
    assert sorted(inbox(store)) == sorted(accepted)


def test_posts_one_after_another_are_taken_in_that_order(store: Store) -> None:
    for number in range(30):
        with store.write() as tx:
            events.add(tx, "live", [event(f"e{number:02}.{part}") for part in range(3)])

    assert inbox(store) == [f"e{number:02}.{part}" for number in range(30) for part in range(3)]


def test_what_is_done_is_not_taken_again(store: Store) -> None:
    with store.write() as tx:
        events.add(tx, "live", [event(f"e{number}") for number in range(5)])
        taken = events.take(tx, "live", 2)
        events.mark_done(tx, [one.seq for one in taken])
        left = events.take(tx, "live", 10)
        waiting = events.count_waiting(tx, "live")

    assert [one.event.id for one in left] == ["e2", "e3", "e4"]
    assert waiting == 3
    with store.read() as tx:
        assert [one.done for one in events.history(tx, "live")] == [True, True, False, False, False]


def test_shards_part_people_and_keep_each_together(store: Store) -> None:
    batch = [event(f"e{number}", user=f"u{number % 10}") for number in range(40)]
    with store.write() as tx:
        events.add(tx, "live", batch)
        shards = events.waiting_shards(tx, "live")
        taken = {shard: [one.event for one in events.take(tx, "live", 100, shard)] for shard in shards}

    assert sum(map(len, taken.values())) == 40
    assert all(len({shard for shard in taken if any(one.user == f"u{number}" for one in taken[shard])}) == 1 for number in range(10))
    order = [one.id for one in batch]
    assert all([one.id for one in some] == sorted([one.id for one in some], key=order.index) for some in taken.values())


def test_one_worker_at_a_time_judges_a_shard(store: Store) -> None:
    if not store.is_postgresql:
        pytest.skip("SQLite has one writer")
    with store.write() as first:
        assert events.lock_inbox(first, "live", 3)
        with store.write() as second:
            assert not events.lock_inbox(second, "live", 3)
            assert events.lock_inbox(second, "live", 4)
            assert events.lock_inbox(second, "test", 3)
    with store.write() as later:
        assert events.lock_inbox(later, "live", 3)


def test_history_is_cut_by_time_user_and_place(store: Store) -> None:
    with store.write() as tx:
        events.add(tx, "live", [event(f"e{at}", user=f"u{at % 2}", time=at) for at in range(10)])
        some = events.history(tx, "live", since=2, until=8, user="u0")
        rest = events.history(tx, "live", since=2, until=8, user="u0", after=some[1].seq, limit=1)

    assert [one.event.id for one in some] == ["e2", "e4", "e6", "e8"]
    assert [one.event.id for one in rest] == ["e6"]


def test_names_of_any_length_and_content(store: Store) -> None:
    """An id longer than an index takes, and one that PostgreSQL cannot say, are still told apart and given back whole."""
    ids = ["x" * 5000, "x" * 5000 + "y", "a\0b", "a\ufffdb", "上" * 3000]
    with store.write() as tx:
        outcomes = events.add(tx, "live", [event(id, user=id, key=id) for id in ids])
        found = [events.get(tx, "live", "api", id) for id in ids]

    assert outcomes == ["accepted"] * 5
    assert [one.event.id for one in found if one is not None] == ids


def test_only_judged_events_are_forgotten(store: Store) -> None:
    with store.write() as tx:
        events.add(tx, "live", [event(f"e{at}", time=at) for at in range(6)])
        events.mark_done(tx, [one.seq for one in events.take(tx, "live", 4)])
        gone = events.forget_before(tx, "live", 3, 2) + events.forget_before(tx, "live", 99, 100)

    assert gone == 4
    assert inbox(store) == ["e4", "e5"]
