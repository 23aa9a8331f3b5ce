"""Decisions in order, their verdicts newest first, and every page complete."""

from __future__ import annotations

import pytest

from engine.core.outcomes import Conversion, Verdict
from engine.store import decisions
from engine.store.decisions import NewDecision
from engine.store.store import Store


def verdict(rule: str, user: str | None = "u1", outcome: str = "send", phone: str | None = None) -> Verdict:
    return Verdict(5, rule, user, outcome, "ok", "o", {"n": 1}, phone)


def add(store: Store, *new: NewDecision) -> list[int]:
    with store.write() as tx:
        return list(decisions.add(tx, "live", new))


def test_they_are_kept_in_order_with_all_that_a_replay_needs(store: Store) -> None:
    first = add(
        store, NewDecision(5, "event", "e1", "api", 3, None, [verdict("a"), verdict("b", None)]), NewDecision(5, "event", "e2", "api")
    )
    second = add(store, NewDecision(6, "user", "u1", body={"profile": {"phone": "+86"}}))
    with store.read() as tx:
        found = decisions.history(tx, "live")
        later = decisions.history(tx, "live", since=6, until=6)
        caused = decisions.of_cause(tx, "live", "e1", "api")
        other = decisions.of_cause(tx, "live", "e1")

    assert [one.seq for one in found] == [*first, *second] == sorted([*first, *second])
    assert (found[0].at, found[0].cause, found[0].ref, found[0].source, found[0].book) == (5, "event", "e1", "api", 3)
    assert [(one.rule, one.user, one.detail) for one in found[0].verdicts] == [("a", "u1", {"n": 1}), ("b", None, {"n": 1})]
    assert later[0].body == {"profile": {"phone": "+86"}}
    assert [one.seq for one in caused] == first[:1]
    assert other == []


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_of_verdicts_leave_nothing_out(store: Store, limit: int) -> None:
    add(
        store,
        *[NewDecision(at, "event", f"e{at}", "api", verdicts=[verdict(f"r{part}", f"u{at % 2}") for part in range(3)]) for at in range(7)],
    )
    shown: list[str] = []
    cursor = None
    with store.read() as tx:
        while True:
            page = decisions.newest_verdicts(tx, "live", user="u1", cursor=cursor, limit=limit)
            shown += [f"{one.at}{one.rule}" for _, one in page.items]
            cursor = page.next
            if cursor is None:
                break
        by_rule = decisions.newest_verdicts(tx, "live", user="u1", rule="r1").items
        nobody = decisions.newest_verdicts(tx, "live", user="u9").items

    assert shown == [f"{at}r{part}" for at in (5, 3, 1) for part in range(3)]
    assert [one.at for _, one in by_rule] == [5, 3, 1]
    assert list(nobody) == []


def test_a_verdict_is_found_by_its_id(store: Store) -> None:
    add(store, NewDecision(5, "event", "e1", "api", verdicts=[verdict("a"), verdict("b")]))
    with store.read() as tx:
        ((_, _), (id, _)) = decisions.newest_verdicts(tx, "live").items
        found = decisions.verdict(tx, "live", id)
        none = [
            decisions.verdict(tx, "live", wrong) for wrong in ("", "1", "1.", ".", "1.99", "99.0", "a.b", "9" * 40 + ".0", "١.0", "-1.0")
        ]

    assert found is not None
    assert (found[0].ref, found[1].rule) == ("e1", "b")
    assert none == [None] * 10


def test_someone_who_is_only_a_phone_is_found(store: Store) -> None:
    add(store, NewDecision(5, "event", "e1", "api", verdicts=[verdict("a", None, phone="+861"), verdict("a", "u1"), verdict("b", None)]))
    with store.read() as tx:
        found = decisions.newest_verdicts(tx, "live", phone="+861").items

    assert [(one.rule, one.phone) for _, one in found] == [("a", "+861")]


def test_old_ones_are_forgotten_with_their_people(store: Store) -> None:
    add(store, *[NewDecision(at, "event", f"e{at}", "api", verdicts=[verdict("a")]) for at in range(5)])
    with store.write() as tx:
        assert decisions.forget_before(tx, "live", 3, 2) == 2
        assert decisions.forget_before(tx, "live", 3, 2) == 1
        left = decisions.newest_verdicts(tx, "live", user="u1").items

    assert [one.at for _, one in left] == [4, 3]


def test_conversions_are_counted_by_rule_and_group(store: Store) -> None:
    with store.write() as tx:
        decisions.add_conversions(
            tx, "live", [Conversion("r", "u1", "sent", 5), Conversion("r", "u2", "sent", 6), Conversion("r", "u3", "a", 9)]
        )

        assert decisions.conversion_counts(tx, "live", 5, 9) == {("r", "sent"): 2}
