"""Webhooks and deliveries: told in the transaction that changes something, claimed once, forgotten with what they are about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.store import campaigns, deliveries, erasure, events, messages, verifications, webhooks
from engine.store.campaigns import Campaign
from engine.store.deliveries import Attempt, Delivery, Happened
from engine.store.messages import Move, NewMessage
from engine.store.states import State
from engine.store.store import Store, Tx
from engine.store.verifications import Verification
from engine.store.webhooks import Webhook
from tests.store.making import event, message, put, together


def hook(id: str = "w", *types: str, env: str = "live", created: int = 1, **more: object) -> Webhook:
    return Webhook(id, env, "https://hooks.example/", types or ("*",), "", created, "li", **more)  # type: ignore[arg-type]


def keep(store: Store, *hooks: Webhook) -> None:
    with store.write() as tx:
        for one in hooks:
            webhooks.add(tx, one)


def told(store: Store, id: str = "w") -> list[Delivery]:
    """Oldest first."""
    with store.read() as tx:
        return list(deliveries.newest(tx, id, limit=1000).items)[::-1]


def types_of(store: Store, id: str = "w") -> list[str]:
    return [one.type for one in told(store, id)]


@pytest.mark.parametrize(
    ("types", "heard"),
    [
        (("*",), ["message.queued", "message.cancelled"]),
        (("message.*",), ["message.queued", "message.cancelled"]),
        (("message.cancelled", "campaign.*"), ["message.cancelled"]),
        (("verification.*",), []),
    ],
)
def test_a_webhook_hears_what_it_wants(store: Store, types: tuple[str, ...], heard: list[str]) -> None:
    """Of its own environment, while it is enabled."""
    keep(store, hook("w", *types), hook("t", *types, env="test"), hook("off", *types, enabled=False))
    [stored] = put(store, NewMessage(message("m1"), 1))
    with store.write() as tx:
        messages.apply(tx, [Move(stored.seq, State.CANCELLED, "requested")], 7)

    assert types_of(store) == heard
    assert (types_of(store, "t"), types_of(store, "off")) == ([], [])
    for one in told(store):
        assert one.subject == f"message:{stored.seq}"
        assert (one.at, one.detail) in [(1, {"state": "queued", "reason": None}), (7, {"state": "cancelled", "reason": "requested"})]


def test_only_what_moved_is_told(store: Store) -> None:
    """A message that is there already, a move that is refused or repeated: nothing has happened."""
    keep(store, hook())
    [stored] = put(store, NewMessage(message("m1"), 1))
    put(store, NewMessage(message("m1"), 1))
    with store.write() as tx:
        for to in (State.CANCELLED, State.CANCELLED, State.ACCEPTED):
            messages.apply(tx, [Move(stored.seq, to)], 2)

    assert types_of(store) == ["message.queued", "message.cancelled"]


def test_what_is_rolled_back_was_never_told(store: Store) -> None:
    keep(store, hook())

    def fails(tx: Tx) -> None:
        messages.add(tx, "live", [NewMessage(message("m1"), 1)])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.transact(fails)

    assert told(store) == []


def test_two_webhooks_hear_of_two_environments(store: Store) -> None:
    keep(store, hook("a"), hook("b", "message.*"), hook("t", env="test"))
    put(store, NewMessage(message("m1"), 1), NewMessage(message("m2"), 1))
    put(store, NewMessage(message("m1"), 1), env="test")

    assert [types_of(store, id) for id in "abt"] == [["message.queued"] * 2, ["message.queued"] * 2, ["message.queued"]]
    ids = [one.id for id in "abt" for one in told(store, id)]
    assert len(set(ids)) == 5


def test_verifications_and_campaigns_are_told(store: Store) -> None:
    """Once each: a second code is no second start."""
    keep(store, hook())
    given = Verification("v", "+861", "login", "u1", "pending", 1, 9, 5)
    with store.write() as tx:
        verifications.save(tx, "live", given)
        verifications.save(tx, "live", replace(given, codes=("h",)))
        verifications.end(tx, "live", replace(given, state="approved"), 3)
        verifications.save(tx, "live", replace(given, id="w"))
        assert verifications.expire(tx, "live", 9, 10) == 0
        assert verifications.expire(tx, "live", 10, 10) == 1
        campaigns.add(tx, "live", Campaign("c", 1, (), created=4))
        campaigns.save(tx, "live", Campaign("c", 1, (), counts={"sent": 1}, changed=5))
        campaigns.save(tx, "live", Campaign("c", 1, (), "done", counts={"sent": 2}, changed=6), "finished")

    assert [(one.type, one.subject, one.at) for one in told(store)] == [
        ("verification.started", "verification:v", 1),
        ("verification.approved", "verification:v", 3),
        ("verification.started", "verification:w", 1),
        ("verification.expired", "verification:w", 10),
        ("campaign.started", "campaign:c", 4),
        ("campaign.finished", "campaign:c", 6),
    ]
    assert told(store)[-1].detail == {"state": "done", "counts": {"sent": 2}}


def test_a_delivery_is_claimed_once(store: Store) -> None:
    """By several at the same time; it is due again when the claim lapses, and not before."""
    keep(store, hook())
    put(store, *[NewMessage(message(f"m{number}"), 1) for number in range(20)])

    def claim() -> list[int]:
        return store.transact(lambda tx: [one.seq for one in deliveries.claim(tx, "w", 5, 100, 5)])

    taken = [seq for seqs in together([claim] * 4) for seq in seqs]

    assert sorted(taken) == [one.seq for one in told(store)]
    with store.read() as tx:
        assert (deliveries.is_due(tx, "w", 99), deliveries.is_due(tx, "w", 100)) == (False, True)


def test_what_came_of_it_is_kept(store: Store) -> None:
    """The last attempts alone; one that is done is not due."""
    keep(store, hook())
    put(store, NewMessage(message("m1"), 1))
    attempts = [Attempt(number, 10, "failed", "500") for number in range(30)]
    with store.write() as tx:
        [claimed] = deliveries.claim(tx, "w", 5, 100, 5)
        deliveries.save(tx, [replace(claimed, state="delivered", tries=30, attempts=attempts)])

    [kept] = told(store)
    assert (kept.state, kept.tries, kept.attempts) == ("delivered", 30, attempts[-20:])
    with store.read() as tx:
        assert not deliveries.is_due(tx, "w", 1000)
        assert deliveries.newest(tx, "w", state="pending").items == []
        assert deliveries.get(tx, "w", kept.id) == kept
        assert deliveries.get(tx, "x", kept.id) is None


def test_deliveries_page_by_page(store: Store) -> None:
    keep(store, hook())
    put(store, *[NewMessage(message(f"m{number}"), 1) for number in range(5)])
    with store.read() as tx:
        first = deliveries.newest(tx, "w", limit=3)
        rest = deliveries.newest(tx, "w", limit=3, cursor=first.next)

    assert [one.seq for one in (*first.items, *rest.items)][::-1] == [one.seq for one in told(store)]
    assert rest.next is None


def test_webhooks_are_kept_changed_and_removed(store: Store) -> None:
    keep(store, hook("a", created=1), hook("b", created=2), hook("c", created=2), hook("t", env="test"))
    changed = hook("a", "message.*", enabled=False, reason="gone", generation=2, old_until=9, failing_since=4)

    def listed(tx: Tx, cursor: str | None = None) -> tuple[list[str], str | None]:
        page = webhooks.newest(tx, "live", limit=2, cursor=cursor)
        return [one.id for one in page.items], page.next

    with store.write() as tx:
        webhooks.save(tx, changed)
        assert webhooks.get(tx, "live", "a") == changed
        assert webhooks.get(tx, "test", "a") is None
        first, cursor = listed(tx)
        assert (first, listed(tx, cursor)) == (["b", "c"], (["a"], None))
        assert [one.id for one in webhooks.enabled(tx)] == ["t", "b", "c"]
        assert (webhooks.count(tx, "live"), webhooks.count(tx, "test")) == (3, 1)
        assert [webhooks.remove(tx, env, "a") for env in ("test", "live", "live")] == [False, True, False]


def test_erasing_a_person_erases_what_was_told_of_them(store: Store) -> None:
    """Messages and verifications; the neighbour's stay."""
    keep(store, hook())
    put(store, NewMessage(message("m1"), 1), NewMessage(message("m2", user="u2"), 1))
    with store.write() as tx:
        events.add(tx, "live", [event("e", user="u1")])
        verifications.save(tx, "live", Verification("v", "+861", "login", "u1", "pending", 1, 9, 5))
        verifications.save(tx, "live", Verification("w", "+862", "login", "u2", "pending", 1, 9, 5))
        before = [one.subject for one in deliveries.newest(tx, "w").items][::-1]
        erasure.erase(tx, "live", "u1")

    assert [one.subject for one in told(store)] == [before[1], "verification:w"]


def test_old_ones_and_those_of_a_removed_webhook_go(store: Store) -> None:
    """At most so many at a time."""
    keep(store, hook("a"), hook("b"))
    with store.write() as tx:
        deliveries.add(tx, [(id, Happened("live", "campaign.started", "campaign:c", at)) for id in "ab" for at in (1, 2, 3)])
        assert [deliveries.forget_before(tx, "live", 3, limit) for limit in (3, 3, 3)] == [3, 1, 0]
        assert deliveries.forget_before(tx, "test", 9, 9) == 0
        assert [deliveries.forget_all(tx, "a", 9) for _ in range(2)] == [1, 0]

    assert [one.at for one in told(store, "b")] == [3]
