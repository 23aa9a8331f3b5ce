"""Routes, breakers, buckets: what an account may be given, by the clock of the caller."""

from __future__ import annotations

from typing import Any

import pytest

from engine.runtime.routing import SECOND, Breaker, Bucket, Leg, Limits, Route, Routing, read_routes
from engine.settings import SettingsError
from providers.contract import Accepted, Outcome, Reason, Rejected, Unknown

NOW = 1_000_000 * SECOND
GOOD, BAD = Accepted("x"), Unknown("timeout")
CN, HK = "+8613800138000", "+85261234567"
PROVIDERS = {"a": ("sms",), "b": ("sms",), "c": ("sms", "video_sms")}


def routes(*tables: dict[str, Any]) -> Routing:
    return Routing(read_routes([{"channel": "sms", **table} for table in tables], PROVIDERS))


def send(routing: Routing, provider: str, *outcomes: Outcome, now: int = NOW) -> bool:
    """One batch; False: it was not let in."""
    lane = routing.enter(provider, now)
    if lane is None:
        return False
    taken = [outcome for outcome in outcomes if lane.take(1)]
    lane.leave(taken, now)
    return len(taken) == len(outcomes)


class TestRoutes:
    @pytest.mark.parametrize(
        ("tables", "to", "type", "expected"),
        [
            ([], CN, "marketing", ("capture",)),
            ([{"providers": ["a", "b"]}], CN, "marketing", ("a", "b")),
            ([{"providers": ["a", {"name": "b", "countries": ["HK"]}]}], CN, "marketing", ("a",)),
            ([{"providers": ["a", {"name": "b", "countries": ["HK"]}]}], HK, "marketing", ("a", "b")),
            ([{"providers": [{"name": "b", "types": ["verification"]}, "a"]}], CN, "verification", ("b", "a")),
            ([{"providers": [{"name": "b", "prefixes": ["+86138", "+86139"]}, "a"]}], CN, "marketing", ("b", "a")),
            ([{"providers": ["a"], "countries": ["HK"]}, {"providers": ["b"]}], HK, "marketing", ("a",)),
            ([{"providers": ["a"], "countries": ["HK"]}, {"providers": ["b"]}], CN, "marketing", ("b",)),
            ([{"providers": ["a"], "countries": ["HK"]}], CN, "marketing", ()),
        ],
    )
    def test_who_may_carry_a_message(self, tables: list[dict[str, Any]], to: str, type: str, expected: tuple[str, ...]) -> None:
        assert routes(*tables).order("sms", to, type, "1") == expected

    def test_weights_share_a_place_stably(self) -> None:
        route = Route("sms", (Leg("a", 3), Leg("b", 1), Leg("c")))
        orders = [route.order(CN, "marketing", str(number)) for number in range(2000)]

        assert orders == [route.order(CN, "marketing", str(number)) for number in range(2000)]
        assert {order[2] for order in orders} == {"c"}
        assert 0.7 < sum(order[0] == "a" for order in orders) / 2000 < 0.8

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ({"channel": "smss", "providers": ["a"]}, 'did you mean "sms"'),
            ({"providers": []}, "must be a list"),
            ({"providers": ["x"]}, 'unknown provider "x"'),
            ({"channel": "video_sms", "providers": ["a"]}, "a does not carry video_sms"),
            ({"providers": [{"name": "a", "weight": 0}]}, "weight of a"),
            ({"providers": [{"name": "a", "wieght": 1}]}, 'did you mean "weight"'),
            ({"providers": ["a"], "countries": ["china"]}, "not a country"),
            ({"providers": ["a"], "prefixes": ["138"]}, "beginning of a number"),
            ({"providers": ["a"], "types": ["spam"]}, "unknown message type"),
            ({"providers": ["a"], "countries": "CN"}, "must be a list of texts"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, table: dict[str, Any], message: str) -> None:
        with pytest.raises(SettingsError, match=message):
            routes(table)


class TestBreaker:
    def opened(self, limits: Limits | None = None) -> Routing:
        routing = Routing([Route("sms", (Leg("a"), Leg("b")))], limits=limits or Limits(open_seconds=10))
        assert send(routing, "a", *[BAD] * 5)
        return routing

    def test_it_opens_after_failures_in_a_row(self) -> None:
        routing = self.opened()

        assert not send(routing, "a", GOOD)
        assert routing.choose(["a", "b"], NOW) == ("b", NOW)
        assert routing.choose(["a"], NOW) == (None, NOW + 10 * SECOND)
        assert routing.health(NOW)["a"]["breaker"] == "open"

    def test_a_success_in_between_keeps_it_closed(self) -> None:
        routing = Routing(limits=Limits(share=0.6))
        for _ in range(20):
            send(routing, "a", BAD, BAD, BAD, BAD, *[GOOD] * 5)

        assert send(routing, "a", GOOD)

    def test_it_opens_at_a_share_of_failures(self) -> None:
        routing = Routing()
        for _ in range(10):
            send(routing, "a", BAD, GOOD, BAD)

        assert not send(routing, "a", GOOD)

    @pytest.mark.parametrize("reason", [Reason.DEAD_NUMBER, Reason.UNSUBSCRIBED, Reason.BLOCKED_CONTENT, Reason.UNKNOWN_CODE])
    def test_what_is_the_messages_fault_does_not_count(self, reason: Reason) -> None:
        routing = Routing()
        send(routing, "a", *[Rejected.of(reason, "x")] * 50)

        assert send(routing, "a", GOOD)

    def test_half_open_lets_one_through_at_a_time(self) -> None:
        routing = self.opened()
        later = NOW + 10 * SECOND
        lane = routing.enter("a", later)
        assert lane is not None
        assert lane.take(1)
        assert not lane.take(1)
        assert routing.enter("a", later) is None
        lane.leave([GOOD], later)

        assert routing.health(later)["a"]["breaker"] == "half_open"

    def test_it_closes_after_enough_probes(self) -> None:
        routing = self.opened()
        later = NOW + 10 * SECOND
        for _ in range(3):
            assert send(routing, "a", GOOD, now=later)

        assert send(routing, "a", GOOD, GOOD, GOOD, now=later)

    def test_a_probe_that_fails_opens_it_for_twice_as_long(self) -> None:
        routing = self.opened()
        at = NOW
        lengths = []
        for _ in range(7):
            _, opens = routing.choose(["a"], at)
            lengths.append((opens - at) // SECOND)
            at = opens
            send(routing, "a", BAD, now=at)

        assert lengths == [10, 20, 40, 80, 160, 300, 300]

    def test_it_does_not_flap(self) -> None:
        """Closed by probes and opened again soon, it stays open longer; after a calm time it starts anew."""
        routing = self.opened()
        at = NOW + 10 * SECOND
        for _ in range(3):
            send(routing, "a", GOOD, now=at)
        send(routing, "a", *[BAD] * 5, now=at)
        assert routing.choose(["a"], at)[1] - at == 20 * SECOND
        at += 1000 * SECOND
        for _ in range(3):
            send(routing, "a", GOOD, now=at)
        send(routing, "a", *[BAD] * 5, now=at)

        assert routing.choose(["a"], at)[1] - at == 10 * SECOND

    def test_answers_to_what_was_under_way_change_nothing(self) -> None:
        breaker = Breaker(Limits())
        for _ in range(9):
            breaker.answered(False, NOW, probe=False)
        breaker.answered(True, NOW, probe=False)

        assert breaker.state == "open"
        assert breaker.ready_at(NOW) == NOW + 10 * SECOND

    def test_an_abandoned_probe_leaves_room_for_the_next(self) -> None:
        routing = self.opened()
        later = NOW + 10 * SECOND
        lane = routing.enter("a", later)
        assert lane is not None
        lane.leave((), later)

        assert send(routing, "a", GOOD, now=later)

    def test_a_fake_never_opens(self) -> None:
        routing = Routing()
        send(routing, "capture", *[BAD] * 50)

        assert send(routing, "capture", GOOD)


class TestRate:
    def test_no_second_sees_more_than_the_rate_and_its_burst(self) -> None:
        bucket = Bucket(50)
        taken = [at for at in range(0, 3 * SECOND, 1000) if bucket.take(1, NOW + at)]

        for start in range(0, 2 * SECOND, 100_000):
            assert sum(start <= at < start + SECOND for at in taken) <= 50 + 5
        assert len(taken) >= 150

    def test_parts_are_paid_for(self) -> None:
        bucket = Bucket(10)
        assert bucket.take(4, NOW)
        assert not bucket.take(1, NOW)

        assert bucket.ready_at(NOW) == NOW + 4 * SECOND // 10 + 1

    def test_a_slow_account(self) -> None:
        bucket = Bucket(0.5)
        assert bucket.take(1, NOW)
        assert not bucket.take(1, NOW + SECOND)
        assert bucket.take(1, NOW + 2 * SECOND)

    def test_lanes_bound_what_a_hanging_gateway_holds(self) -> None:
        routing = Routing()
        lanes = [routing.enter("a", NOW) for _ in range(3)]

        assert [lane is not None for lane in lanes] == [True, True, False]

    def test_many_throttled_in_a_row_pause_the_account(self) -> None:
        routing = Routing()
        throttled = Rejected.of(Reason.THROTTLED, "x")
        send(routing, "a", throttled, throttled)
        assert routing.choose(["a"], NOW)[0] == "a"
        send(routing, "a", throttled)
        assert routing.choose(["a"], NOW) == (None, NOW + SECOND // 2)
        later = NOW + SECOND // 2
        send(routing, "a", throttled, now=later)
        assert routing.choose(["a"], later) == (None, later + SECOND)
        later += SECOND
        send(routing, "a", GOOD, throttled, now=later)

        assert routing.choose(["a"], later)[0] == "a"


class TestPace:
    """What leaves was looked at about a second ago, at most."""

    def batch(self, routing: Routing, wanted: int, seconds: float, now: int = NOW) -> int:
        lane = routing.enter("a", now)
        assert lane is not None
        taken = sum(lane.take(1) for _ in range(wanted))
        lane.leave([GOOD] * taken, now + int(seconds * SECOND))
        return taken

    def test_a_gateway_that_turns_slow_gets_what_it_takes_in_a_second(self) -> None:
        routing = Routing()

        assert [self.batch(routing, 100, 8), self.batch(routing, 100, 1), self.batch(routing, 100, 8)] == [32, 4, 4]
        assert [self.batch(routing, 100, 2), self.batch(routing, 100, 2)] == [1, 1]

    def test_a_fast_one_gets_more_each_time(self) -> None:
        routing = Routing()

        assert [self.batch(routing, 100, 0.1) for _ in range(3)] == [32, 64, 100]

    def test_small_batches_say_nothing_of_large_ones(self) -> None:
        routing = Routing()

        assert [self.batch(routing, 5, 0.1), self.batch(routing, 100, 0.6), self.batch(routing, 100, 0.6)] == [5, 32, 32]


class TestSlowReceipts:
    def test_others_go_first_for_a_while(self) -> None:
        routing = Routing()
        for _ in range(20):
            routing.receipt_came("a", 300 * SECOND, NOW)
        assert routing.choose(["a", "b"], NOW) == ("b", NOW)
        assert routing.choose(["a"], NOW) == ("a", NOW)

        assert routing.choose(["a", "b"], NOW + 600 * SECOND) == ("a", NOW + 600 * SECOND)

    def test_a_few_slow_phones_do_not_count(self) -> None:
        routing = Routing()
        for number in range(40):
            routing.receipt_came("a", (3600 if number % 3 == 0 else 5) * SECOND, NOW)

        assert routing.choose(["a", "b"], NOW) == ("a", NOW)
