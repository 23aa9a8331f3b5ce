"""The outbox: sent once by id, claimed by one, moved only along states.ARROWS, traced from what a gateway says."""

from __future__ import annotations

from itertools import product

import pytest

from engine.store import attempts, messages
from engine.store.attempts import Answer, Receipt
from engine.store.messages import Move, NewMessage
from engine.store.paging import BadCursor
from engine.store.states import ARROWS, FINAL, Moved, State, move
from engine.store.store import Store

from .making import message, put, together


def claimed(store: Store, now: int = 10, limit: int = 100, channel: str = "sms") -> list[str]:
    with store.write() as tx:
        return [one.message.id for one in messages.claim(tx, "live", channel, now, limit)]


# ---- the outbox -----------------------------------------------------------------------------------------------------------------------


def test_a_message_is_kept_whole(store: Store) -> None:
    given = message("m\0" + "x" * 3000, rest=("email",), send_until=99, user=None)

    (stored,) = put(store, NewMessage(given, 1, decision=7, cost="0.045", campaign="c", not_before=5))

    assert stored.message.__getstate__().keys() == given.__getstate__().keys()
    assert {name: getattr(stored.message, name) for name in ("id", "phone", "to", "rest", "slots", "send_until", "text", "position")} == {
        name: getattr(given, name) for name in ("id", "phone", "to", "rest", "slots", "send_until", "text", "position")
    }
    assert stored.message.item.event is not None
    assert (stored.state, stored.tries, stored.cost, stored.decision, stored.campaign) == (State.QUEUED, 0, "0.045", 7, "c")


def test_an_id_is_sent_once(store: Store) -> None:
    with store.write() as tx:
        first = messages.add(tx, "live", [NewMessage(message("a"), 1), NewMessage(message("a"), 1), NewMessage(message("b"), 1)])
    with store.write() as tx:
        again = messages.add(tx, "live", [NewMessage(message("b"), 1), NewMessage(message("c"), 1)])

    assert (first, again) == ([True, False, True], [False, True])
    assert claimed(store) == ["a", "b", "c"]


def test_the_urgent_goes_first_then_what_has_waited_longest(store: Store) -> None:
    put(
        store,
        NewMessage(message("slow"), 2),
        NewMessage(message("second"), 1, not_before=5),
        NewMessage(message("first"), 1, not_before=4),
        NewMessage(message("code"), 0, not_before=9),
        NewMessage(message("tomorrow"), 0, not_before=99),
        NewMessage(message("mail", channel="email"), 0),
    )

    assert claimed(store) == ["code", "first", "second", "slow"]
    assert claimed(store, limit=2) == ["code", "first"]
    assert claimed(store, now=0) == ["slow"]
    with store.read() as tx:
        assert messages.next_ready(tx, "live", "sms") == 0
        assert messages.next_ready(tx, "live", "push") is None
        assert messages.depths(tx, "live") == {("email", "queued"): 1, ("sms", "queued"): 5}


def test_a_message_is_claimed_by_one(store: Store) -> None:
    """Four dispatchers: on PostgreSQL they pass over what another has, on SQLite they take turns."""
    put(store, *[NewMessage(message(f"m{number}"), 1) for number in range(40)])

    def dispatch() -> list[str]:
        sent = []
        while True:
            with store.write() as tx:
                found = messages.claim(tx, "live", "sms", 10, 3)
                attempts.begin(tx, [(one, "smsc") for one in found], 10)
                sent += [one.message.id for one in found]
            if not found:
                return sent

    sent = [id for some in together([dispatch] * 4) for id in some]

    assert sorted(sent) == sorted(f"m{number}" for number in range(40))


def test_claims_pass_over_what_another_holds(store: Store) -> None:
    if not store.is_postgresql:
        pytest.skip("SQLite has one writer")
    put(store, *[NewMessage(message(f"m{number}"), 1) for number in range(4)])
    with store.write() as first:
        mine = messages.claim(first, "live", "sms", 10, 2)

        assert claimed(store) == ["m2", "m3"]
    assert [one.message.id for one in mine] == ["m0", "m1"]


# ---- states ---------------------------------------------------------------------------------------------------------------------------


def test_every_state_has_its_row_of_arrows() -> None:
    assert set(ARROWS) == set(State)
    assert {State.DELIVERED, State.UNDELIVERED, State.REJECTED, State.EXPIRED, State.CANCELLED} == FINAL


@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_moves_are_those_of_the_table(state: State, to: State) -> None:
    expected = Moved.REPEATED if state is to else Moved.MOVED if to in ARROWS[state] else Moved.REFUSED

    assert move(state, to) is expected


def test_nothing_that_has_left_is_cancelled() -> None:
    """What a provider may have is not taken back."""
    assert not {State.CANCELLED} & (ARROWS[State.SUBMITTING] | ARROWS[State.ACCEPTED])


def test_the_database_obeys_the_table(store: Store) -> None:
    states = list(State)
    put(store, *[NewMessage(message(f"{state}>{to}"), 1, state=state) for state, to in product(states, states)])
    with store.write() as tx:
        known = messages.get(tx, "live", [f"{state}>{to}" for state, to in product(states, states)])
        asked = {f"{state}>{to}": Move(known[f"{state}>{to}"].seq, to, "why", 77) for state, to in product(states, states)}
        outcomes = messages.apply(tx, [*asked.values(), Move(999_999, State.QUEUED)], 50)
        after = messages.get(tx, "live", asked)

    assert outcomes.pop(999_999) is Moved.MISSING
    for id, asked_for in asked.items():
        state, to = (State(part) for part in id.split(">"))
        moved = to in ARROWS[state]
        stored = after[id]
        assert outcomes[asked_for.seq] is move(state, to)
        assert (stored.state, stored.changed, stored.not_before) == ((to, 50, 77) if moved else (state, 1, 0))
        assert stored.reason == ("why" if moved else None)


def test_a_late_receipt_moves_nothing(store: Store) -> None:
    (stored,) = put(store, NewMessage(message("a"), 1, state=State.ACCEPTED))
    with store.write() as tx:
        first = messages.apply(tx, [Move(stored.seq, State.UNDELIVERED)], 5)
        again = messages.apply(tx, [Move(stored.seq, State.UNDELIVERED)], 6)
        late = messages.apply(tx, [Move(stored.seq, State.DELIVERED)], 7)
        (found,) = messages.by_seq(tx, [stored.seq]).values()

    assert [*first.values(), *again.values(), *late.values()] == [Moved.MOVED, Moved.REPEATED, Moved.REFUSED]
    assert (found.state, found.changed) == (State.UNDELIVERED, 5)


def test_two_receipts_at_once_move_it_once(store: Store) -> None:
    (stored,) = put(store, NewMessage(message("a"), 1, state=State.ACCEPTED))

    def receive(state: State) -> Moved:
        with store.write() as tx:
            return messages.apply(tx, [Move(stored.seq, state)], 5)[stored.seq]

    outcomes = together([lambda: receive(State.DELIVERED), lambda: receive(State.UNDELIVERED), lambda: receive(State.DELIVERED)])

    assert outcomes.count(Moved.MOVED) == 1


# ---- attempts and receipts --------------------------------------------------------------------------------------------------------------


def test_attempts_are_numbered_and_found_by_the_providers_id(store: Store) -> None:
    (stored,) = put(store, NewMessage(message("a"), 1))
    with store.write() as tx:
        (first,) = attempts.begin(tx, messages_with(tx, "smsc"), 11)
    with store.write() as tx:
        attempts.finish(tx, [Answer(first.seq, "rejected", "throttled", "0x58")], 12)
        messages.apply(tx, [Move(stored.seq, State.WAITING, "throttled", 20)], 12)
    with store.write() as tx:
        (second,) = attempts.begin(tx, messages_with(tx, "other", now=20), 21)
        attempts.finish(tx, [Answer(second.seq, "accepted", provider_ids=("p1", "p2"))], 22)
        attempts.note_status(tx, "other", "p2", "delivered")
        traced = attempts.trace(tx, "other", "p2")
        found = attempts.of_messages(tx, [stored.seq])[stored.seq]

    assert [(one.number, one.provider, one.outcome, one.code, one.raw) for one in found] == [
        (1, "smsc", "rejected", "throttled", "0x58"),
        (2, "other", "accepted", None, None),
    ]
    assert traced is not None
    assert (traced.message, traced.attempt, traced.part, traced.statuses) == (stored.seq, second.seq, 2, [None, "delivered"])
    with store.read() as tx:
        assert attempts.trace(tx, "smsc", "p2") is None


def messages_with(tx: object, provider: str, now: int = 10) -> list[tuple[messages.Stored, str]]:
    return [(one, provider) for one in messages.claim(tx, "live", "sms", now, 10)]  # type: ignore[arg-type]


def test_a_providers_id_used_again_is_the_newer_ones(store: Store) -> None:
    put(store, NewMessage(message("a"), 1), NewMessage(message("b"), 1))
    with store.write() as tx:
        old, new = attempts.begin(tx, messages_with(tx, "smsc"), 11)
        attempts.finish(tx, [Answer(old.seq, "accepted", provider_ids=("7",)), Answer(new.seq, "accepted", provider_ids=("7",))], 12)
        traced = attempts.trace(tx, "smsc", "7")

    assert traced is not None
    assert traced.attempt == new.seq


def test_what_has_ended_is_not_begun_again(store: Store) -> None:
    (stored,) = put(store, NewMessage(message("a"), 1, state=State.DELIVERED))

    with pytest.raises(ValueError, match="delivered"), store.write() as tx:
        attempts.begin(tx, [(stored, "smsc")], 5)


def test_what_a_crash_left_behind_is_found(store: Store) -> None:
    put(store, NewMessage(message("a"), 1), NewMessage(message("b"), 1))
    with store.write() as tx:
        attempts.begin(tx, messages_with(tx, "smsc"), 11)
    with store.write() as tx:
        found = messages.open_since(tx, "live", State.SUBMITTING, 11)
        early = messages.open_since(tx, "live", State.SUBMITTING, 10)

    assert [one.message.id for one in found] == ["a", "b"]
    assert early == []


def test_receipts_are_kept_obeyed_or_not(store: Store) -> None:
    (stored,) = put(store, NewMessage(message("a"), 1))
    given = [
        Receipt("smsc", "p1", 5, 6, "delivered", "moved", stored.seq),
        Receipt("smsc", "p1", 5, 7, "delivered", "repeated", stored.seq),
        Receipt("smsc", "p9", 5, 8, "undelivered", "unmatched", None, "dead_number", "a\0b"),
    ]
    with store.write() as tx:
        attempts.add_receipts(tx, given)
        found = attempts.receipts_of(tx, [stored.seq])

    assert found == {stored.seq: given[:2]}


# ---- lists ------------------------------------------------------------------------------------------------------------------------------


def test_pages_leave_nothing_out_and_show_nothing_twice(store: Store) -> None:
    put(store, *[NewMessage(message(f"m{number:02}", rule="r" if number % 2 else "s"), 1) for number in range(25)])
    shown: list[str] = []
    cursor = None
    with store.read() as tx:
        while True:
            page = messages.newest(tx, "live", rule="r", states=[State.QUEUED, State.WAITING], cursor=cursor, limit=5)
            shown += [one.message.id for one in page.items]
            cursor = page.next
            if cursor is None:
                break
        other = messages.newest(tx, "live", user="nobody")

    assert shown == [f"m{number:02}" for number in reversed(range(25)) if number % 2]
    assert (list(other.items), other.next) == ([], None)


@pytest.mark.parametrize("cursor", ["x", "", "bnVsbA", "WyJhIl0", "WzEsMl0", "\0", "上", "W10="])
def test_a_cursor_of_ones_own_making_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(BadCursor), store.read() as tx:
        messages.newest(tx, "live", cursor=cursor)


def test_a_cancellation_finds_what_has_not_left(store: Store) -> None:
    put(
        store,
        NewMessage(message("a"), 1),
        NewMessage(message("b", key="other"), 1),
        NewMessage(message("c"), 1, state=State.WAITING),
        NewMessage(message("d"), 1, state=State.ACCEPTED),
    )
    with store.read() as tx:
        found = messages.waiting_of(tx, "live", "r", key="k")

    assert [one.message.id for one in found] == ["a", "c"]


def test_only_what_has_ended_is_forgotten(store: Store) -> None:
    put(store, *[NewMessage(message(state.value), 1, state=state) for state in State])
    with store.write() as tx:
        gone = messages.forget_before(tx, "live", 99, 100)
        attempts.forget(tx, gone)
        left = {one.message.id for one in messages.newest(tx, "live").items}

    assert left == {"queued", "waiting", "submitting", "unknown"}
    assert len(gone) == len(State) - 4
