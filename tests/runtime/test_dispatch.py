"""Dispatch: each message leaves once at most, as its type allows, and never late."""

from __future__ import annotations

import threading

import pytest

from engine.core.occurrences import OptOut
from engine.core.zones import format_instant
from engine.runtime.routing import Condition, Leg, Route
from engine.runtime.waiting import Policy
from engine.store import decisions, switches, timers
from engine.store.states import State
from engine.store.switches import Switch
from providers.contract import Reason, Rejected, Unknown
from tests.runtime.house import HOUR, LATER, MINUTE, OTHER, PHONE, SECOND, House, house, rejected

__all__ = ["house"]  # a fixture


def stop(house: House, what: str, env: str = "live") -> None:
    with house.store.write() as tx:
        switches.stop(tx, env, Switch(what, house.clock.now(), "me", "why"))


def opt_out(house: House, *scopes: str, phone: str = PHONE) -> None:
    with house.store.write() as tx:
        house.deciding.judge(tx, "live", [(OptOut(phone, frozenset(scopes)), "opt_out", phone)], house.clock.now())


class TestLeaving:
    def test_an_accepted_message_left_once(self, house: House) -> None:
        house.order()

        assert house.step() == 1
        (submission,) = house.one.given
        assert submission.text == "【秒信通】您的订单A1已提交"
        assert (submission.to, submission.channel, submission.signature) == (PHONE, "sms", "秒信通")
        assert PHONE not in submission.id
        assert "138" not in submission.id.replace(str(house.only().seq), "")
        assert house.states() == ["accepted"]
        assert house.attempts() == [("one", "accepted")]
        assert house.step() == 0

    def test_the_test_environment_captures(self, house: House) -> None:
        """Whatever the routes say."""
        house.order(env="test")
        house.step()

        assert not house.one.given
        assert [one.to for one in house.capture.captured] == [PHONE]
        assert house.states("test") == ["accepted"]

    def test_without_a_route_capture_has_it(self, house: House) -> None:
        house.routing._routes = ()
        house.order()
        house.step()

        assert len(house.capture.captured) == 1

    def test_the_most_urgent_goes_first(self, house: House) -> None:
        house.post("promo.wanted", promo_id="P")
        house.order()
        house.post("login.attempted", place="x")
        house.step()

        assert [one.template for one in house.one.given] == ["code", "created", "promo"]

    def test_the_rate_of_an_account_holds(self, house: House) -> None:
        house.per_second = {"one": 2}
        house.restart("one")
        for number in range(8):
            house.order(f"A{number}", user={"id": f"u{number}", "phone": f"+861380013{number:04}"})
        counts = []
        for _ in range(6):
            house.step()
            counts.append(len(house.one.given))
            house.advance(SECOND // 2)

        assert counts == [1, 2, 3, 4, 5, 6]


class TestRejected:
    def test_again_later_with_growing_distance(self, house: House) -> None:
        house.one.script = [LATER, LATER, LATER]
        house.order()
        house.step()
        assert house.states() == ["waiting"]
        delays = [house.only().not_before - house.clock.now()]
        for _ in range(3):
            house.later(delays[-1] - 1 if delays[-1] else 0)
            house.later(1)
            delays.append(house.only().not_before - house.clock.now())

        assert house.attempts() == [("one", "rejected")] * 3 + [("one", "accepted")]
        for number, delay in enumerate(delays[:3]):
            assert 0 <= delay <= 2 * 2**number * SECOND

    def test_after_all_tries_the_next_provider(self, house: House) -> None:
        house.one.script = [LATER] * 9
        house.restart()
        house.routing._limits = house.limits
        house.order()
        for _ in range(8):
            house.later(5 * MINUTE)

        assert [name for name, _ in house.attempts()] == ["one"] * 5 + ["two"]
        assert house.states() == ["accepted"]

    @pytest.mark.parametrize("reason", [Reason.OTHER_CHANNEL, Reason.MISCONFIGURED, Reason.UNKNOWN_CODE])
    def test_what_this_gateway_will_not_take_goes_to_the_next_at_once(self, house: House, reason: Reason) -> None:
        house.one.script = [rejected(reason)]
        house.order()
        house.step()

        assert house.attempts() == [("one", "rejected"), ("two", "accepted")]

    @pytest.mark.parametrize("reason", [Reason.DEAD_NUMBER, Reason.BLOCKED_CONTENT, Reason.UNSUBSCRIBED])
    def test_what_nobody_will_take_is_final_and_gives_the_slot_back(self, house: House, reason: Reason) -> None:
        house.one.script = [rejected(reason)]
        house.order()
        assert house.slots() == 1
        house.step()

        assert house.attempts() == [("one", "rejected")]
        assert house.states() == ["rejected"]
        assert house.only().reason == reason
        assert house.slots() == 0

    def test_refused_by_all_is_final(self, house: House) -> None:
        house.one.script = [rejected(Reason.OTHER_CHANNEL)]
        house.two.script = [rejected(Reason.MISCONFIGURED)]
        house.order()
        house.step()

        assert house.states() == ["rejected"]
        assert house.slots() == 0

    def test_the_gateways_word_on_retrying_counts(self, house: House) -> None:
        house.one.script = [Rejected(Reason.RETRY_LATER, "x", retryable=False)]
        house.order()
        house.step()

        assert house.attempts() == [("one", "rejected"), ("two", "accepted")]

    def test_a_code_does_not_wait_where_there_is_another_provider(self, house: House) -> None:
        house.one.script = [LATER]
        house.post("login.attempted", place="x")
        house.step()

        assert house.attempts() == [("one", "rejected"), ("two", "accepted")]
        first, second = house.one.given[0], house.two.given[0]
        assert first.id == second.id

    def test_the_chain_goes_on_at_once(self, house: House) -> None:
        house.one.script = [rejected(Reason.DEAD_NUMBER)]
        house.post("film.wanted", order_id="A1")
        house.step()

        assert [(one.message.channel, one.state) for one in house.messages()] == [("video_sms", State.REJECTED), ("sms", State.ACCEPTED)]
        assert house.slots() == 1


class TestNeverLate:
    def test_a_retry_that_meets_quiet_hours_waits_for_their_end(self, house: House) -> None:
        """Marketing at 20:59:50, refused for now: it leaves at 08:00, judged anew, and not before."""
        house.at(20, 59)
        house.one.script = [LATER] * 3
        house.post("promo.wanted", promo_id="P")
        house.step()
        assert house.states() == ["waiting"]
        house.at(21, 0)
        house.one.script = []
        house.later(0)
        assert house.states() == ["cancelled"]
        assert house.only().reason == "quiet_hours"
        assert house.slots() == 0
        for hour in (23, 24, 26, 31):
            house.at(hour)
            house.later(0)
        assert len(house.one.given) == 1

        house.at(32, 0)
        house.later(1)
        assert house.states() == ["cancelled", "accepted"]
        assert len(house.one.given) == 2
        assert house.slots() == 1

    def test_what_is_worthless_in_the_morning_expires(self, house: House) -> None:
        house.at(18)
        house.one.script = [LATER]
        house.restart("one")
        house.post("short.wanted", promo_id="P")
        house.step()
        house.at(21, 30)
        house.later(0)

        assert house.states() == ["expired"]  # of 06:00; the quiet hours end at 08:00
        assert house.slots() == 0
        house.at(32)
        house.later(1)
        assert house.states() == ["expired"]

    def test_an_opt_out_between_claim_and_retry(self, house: House) -> None:
        house.one.script = [LATER]
        house.post("promo.wanted", promo_id="P")
        house.step()
        opt_out(house, "marketing")
        house.later(5 * MINUTE)

        assert house.states() == ["cancelled"]
        assert house.only().reason == "suppressed"
        assert len(house.one.given) == 1
        assert house.slots() == 0

    def test_an_opt_out_of_marketing_leaves_notifications_alone(self, house: House) -> None:
        house.order()
        opt_out(house, "marketing")
        house.step()

        assert house.states() == ["accepted"]

    @pytest.mark.parametrize(("scope", "reason"), [("blocked", "blocked"), ("all", "suppressed"), ("notification", "suppressed")])
    def test_a_block_list_stops_what_is_queued(self, house: House, scope: str, reason: str) -> None:
        house.order()
        opt_out(house, scope)
        house.step()

        assert house.states() == ["cancelled"]
        assert house.only().reason == reason

    @pytest.mark.parametrize("what", ["rule:created", "type:notification", "channel:sms"])
    def test_a_switch_stops_what_is_queued(self, house: House, what: str) -> None:
        house.order()
        stop(house, what)
        house.step()

        assert house.states() == ["cancelled"]
        assert house.only().reason == "stopped"
        assert house.slots() == 0
        assert not house.one.given

    def test_a_stopped_provider_is_passed_over(self, house: House) -> None:
        house.order()
        stop(house, "provider:one")
        house.step()

        assert house.attempts() == [("two", "accepted")]

    def test_with_all_providers_stopped_it_waits(self, house: House) -> None:
        house.order()
        stop(house, "provider:one")
        stop(house, "provider:two")
        house.step()
        assert house.states() == ["queued"]

        with house.store.write() as tx:
            switches.resume(tx, "live", "provider:two")
        house.later(MINUTE)
        assert house.attempts() == [("two", "accepted")]

    def test_a_stopped_channel_passes_a_chain_on(self, house: House) -> None:
        house.post("film.wanted", order_id="A1")
        stop(house, "channel:video_sms")
        house.step()

        assert [(one.message.channel, one.state) for one in house.messages()] == [("video_sms", State.CANCELLED), ("sms", State.ACCEPTED)]

    def test_unless_cancels_a_message_at_a_providers_retry(self, house: House) -> None:
        house.one.script = [LATER]
        house.order("A1")
        house.step()
        house.post("order.closed", order_id="A1")

        assert (house.states(), house.only().reason, house.slots()) == (["cancelled"], "unless", 0)
        house.later(5 * MINUTE)
        assert len(house.one.given) == 1

    def test_unless_keeps_the_slot_of_what_somebody_may_have_got(self, house: House) -> None:
        house.one.script = [Unknown("timeout"), LATER]
        house.one.deduplicates = True
        house.order("A1")
        house.step()
        house.later(2 * MINUTE)
        assert (house.states(), len(house.one.given)) == (["waiting"], 2)
        house.post("order.closed", order_id="A1")

        assert (house.states(), house.only().reason, house.slots()) == (["cancelled"], "unless", 1)

    def test_unless_takes_back_a_message_that_was_never_tried(self, house: House) -> None:
        """At once, with its slot and a verdict; nobody is asked for it any more."""
        id = house.order("A1")
        assert house.slots() == 1
        house.post("order.closed", order_id="A1")

        assert (house.states(), house.only().reason, house.slots()) == (["cancelled"], "unless", 0)
        with house.store.read() as tx:
            found = [(one.outcome, one.reason, one.occurrence) for _, one in decisions.newest_verdicts(tx, "live", rule="created").items]
            assert timers.count(tx, "live") == {}
        assert found == [("cancel", "unless", id), ("send", "ok", id)]
        assert house.step() == 0
        assert not house.one.given

    def test_unless_in_the_same_batch(self, house: House) -> None:
        """Both were accepted before anybody judged."""
        for number, (type, data) in enumerate([("order.created", {"order_id": "A1"}), ("order.closed", {"order_id": "A1"})]):
            user = {"id": "u1", "phone": PHONE}
            line = {"id": f"b{number}", "type": type, "time": house.aware(0).isoformat(), "user": user, "data": data}
            assert house.accept(line).status == "accepted"
        house.work()

        assert (house.states(), house.only().reason, house.slots()) == (["cancelled"], "unless", 0)
        assert house.step() == 0

    def test_unless_comes_too_late_for_what_has_left(self, house: House) -> None:
        """No verdict says that it was taken back, and no timer is left over."""
        house.order("A1")
        house.step()
        house.post("order.closed", order_id="A1")

        assert (house.states(), house.slots()) == (["accepted"], 1)
        with house.store.read() as tx:
            assert [one.outcome for _, one in decisions.newest_verdicts(tx, "live", rule="created").items] == ["send"]
            assert timers.count(tx, "live") == {}

    def test_unless_waits_for_whoever_is_about_to_send(self, house: House) -> None:
        """While a provider is asked the message is submitting: it is not taken back, and no verdict says so."""
        house.one.before = lambda batch: house.post("order.closed", order_id="A1") and None
        house.order("A1")
        house.step()

        assert (house.states(), len(house.one.given), house.slots()) == (["accepted"], 1, 1)
        with house.store.read() as tx:
            assert [one.outcome for _, one in decisions.newest_verdicts(tx, "live", rule="created").items] == ["send"]

    def test_unless_while_a_provider_refuses_it_for_now(self, house: House) -> None:
        """Then it ends, with a verdict, and nobody is asked again."""
        house.one.script = [LATER]
        house.one.before = lambda batch: house.post("order.closed", order_id="A1") and None
        id = house.order("A1")
        house.step()

        assert (house.states(), house.only().reason, house.slots()) == (["cancelled"], "unless", 0)
        with house.store.read() as tx:
            found = [(one.outcome, one.reason, one.occurrence) for _, one in decisions.newest_verdicts(tx, "live", rule="created").items]
            assert timers.count(tx, "live") == {}
        assert found == [("cancel", "unless", id), ("send", "ok", id)]
        house.later(5 * MINUTE)
        assert len(house.one.given) == 1

    def test_unless_and_a_dispatcher_at_once(self, house: House) -> None:
        """Whoever is first: either it has left, or a verdict says that it was taken back; never both, and never neither."""
        orders = {}
        for number in range(30):
            who = {"id": f"u{number}", "phone": f"+861380013{number:04}"}
            orders[house.order(f"A{number}", user=who)] = number
            sender = threading.Thread(target=house.step)
            sender.start()
            house.post("order.closed", order_id=f"A{number}", user=who)
            sender.join()
        house.step()
        with house.store.read() as tx:
            found = decisions.newest_verdicts(tx, "live", rule="created", outcome="cancel", limit=1000).items
            assert timers.count(tx, "live") == {}
        taken_back = {verdict.occurrence for _, verdict in found}

        assert {one.message.occurrence for one in house.messages() if one.state is State.CANCELLED} == taken_back
        assert {one.to for one in house.one.given} == {f"+861380013{number:04}" for id, number in orders.items() if id not in taken_back}

    def test_unless_of_another_key_does_not(self, house: House) -> None:
        house.one.script = [LATER]
        house.order("A1")
        house.step()
        house.post("order.closed", order_id="A2")
        house.later(5 * MINUTE)

        assert house.states() == ["accepted"]

    def test_a_code_that_waited_too_long_expires(self, house: House) -> None:
        house.one.script = [LATER] * 20
        house.restart("one")
        house.post("login.attempted", place="x")
        house.step()
        house.later(10 * MINUTE + 1)

        assert house.states() == ["expired"]

    def test_a_chain_that_has_gone_on_is_not_overtaken(self, house: House) -> None:
        """The video waits for a retry; after two minutes the text has its turn, and the video must not leave any more."""
        house.one.script = [LATER] * 20
        house.two.script = [LATER] * 20
        house.post("film.wanted", order_id="A1")
        house.step()
        house.one.script = house.two.script = []
        stop(house, "provider:one")
        stop(house, "provider:two")
        house.later(MINUTE)
        house.later(MINUTE + 1)
        with house.store.write() as tx:
            switches.resume(tx, "live", "provider:one")
        house.later(MINUTE)

        assert [(one.message.channel, one.state) for one in house.messages()] == [("video_sms", State.EXPIRED), ("sms", State.ACCEPTED)]

    def test_an_audiences_message_is_judged_again_in_the_morning(self, house: House) -> None:
        """Its number carries a mark against duplicates, which must not hold it back."""
        house.order()
        house.step()
        house.at(20, 59)
        house.one.script = [LATER] * 3
        house.post("sale.announced", sale_id="S")
        house.step()
        house.at(21, 30)
        house.later(0)
        house.one.script = []
        house.at(32)
        house.later(1)

        sale = [one for one in house.messages() if one.message.rule == "sale"]
        assert [one.state for one in sale] == [State.CANCELLED, State.ACCEPTED], format_instant(house.clock.now())


class TestUnknown:
    def test_a_provider_that_can_say_is_asked(self, house: House) -> None:
        house.one.script = [Unknown("timeout")]
        house.one.can_query = True
        house.order()
        house.step()
        assert house.states() == ["unknown"]
        id = house.one.given[0].id
        house.one.answers[id] = house.receipt(id, "p1", "accepted")
        house.later(6 * SECOND)

        assert house.states() == ["accepted"]
        assert len(house.one.given) == 1

    def test_marketing_is_never_sent_again(self, house: House) -> None:
        house.one.script = [Unknown("timeout")]
        house.one.deduplicates = True
        house.post("promo.wanted", promo_id="P")
        house.step()
        for _ in range(20):
            house.later(10 * MINUTE)

        assert house.states() == ["unknown"]
        assert (len(house.one.given), len(house.two.given)) == (1, 0)
        assert house.slots() == 1

    def test_a_notification_only_where_our_id_is_known(self, house: House) -> None:
        house.one.script = [Unknown("timeout")] * 9
        house.order()
        house.step()
        for _ in range(20):
            house.later(10 * MINUTE)
        assert (len(house.one.given), len(house.two.given)) == (1, 0)

        house.one.deduplicates = True
        house.later(24 * HOUR)
        for _ in range(20):
            house.later(24 * HOUR)
        assert len(house.one.given) == 3  # the first, and two more
        assert len({one.id for one in house.one.given}) == 1
        assert not house.two.given
        assert house.states() == ["unknown"]
        assert house.meters.resent.labels("notification")._value.get() == 2

    @pytest.mark.parametrize("when", ["while a provider is asked", "afterwards"])
    def test_not_after_an_unless(self, house: House, when: str) -> None:
        """Somebody may have got it, which its state says; nobody else does."""
        house.one.script = [Unknown("timeout")]
        house.one.deduplicates = True
        if when == "while a provider is asked":
            house.one.before = lambda batch: house.post("order.closed", order_id="A1") and None
        house.order("A1")
        house.step()
        if when == "afterwards":
            house.post("order.closed", order_id="A1")
        house.later(10 * MINUTE)

        assert (house.states(), len(house.one.given)) == (["unknown"], 1)
        with house.store.read() as tx:
            assert timers.count(tx, "live") == {}

    @pytest.mark.parametrize("status", ["accepted", "delivered", "undelivered"])
    def test_a_receipt_leaves_nothing_for_an_unless(self, house: House, status: str) -> None:
        house.one.script = [Unknown("timeout")]
        house.order("A1")
        house.step()
        house.receiver.receipts("one", [house.receipt(house.one.given[0].id, None, status)])

        with house.store.read() as tx:
            assert timers.count(tx, "live") == {}

    def test_a_code_anew_by_the_next_provider(self, house: House) -> None:
        house.one.script = [Unknown("timeout")]
        house.one.deduplicates = True
        house.post("login.attempted", place="x")
        house.step()
        house.later(5 * SECOND)
        assert not house.two.given
        house.later(11 * SECOND)

        assert house.attempts() == [("one", "unknown"), ("two", "accepted")]
        assert house.states() == ["accepted"]

    def test_nothing_is_sent_again_in_quiet_hours(self, house: House) -> None:
        """A resend passes the same look as everything."""
        house.one.script = [Unknown("timeout")]
        house.one.deduplicates = True
        house.order()
        house.step()
        opt_out(house, "all")
        house.later(2 * MINUTE)
        house.later(2 * MINUTE)

        assert house.states() == ["cancelled"]
        assert len(house.one.given) == 1
        assert house.slots() == 1  # it may have arrived

    def test_a_provider_that_raises_leaves_it_unknown(self, house: House) -> None:
        house.one.script = [RuntimeError("defect")]
        house.order()
        house.step()

        assert house.states() == ["unknown"]


class TestCrash:
    def crash(self, house: House) -> None:
        """The process dies after the commit, while the provider is being called."""

        def die(batch: object) -> None:
            raise KeyboardInterrupt

        house.one.before = die
        with pytest.raises(KeyboardInterrupt):
            house.step()
        house.one.before = None
        house.restart()

    def test_what_was_submitting_becomes_unknown(self, house: House) -> None:
        house.order()
        self.crash(house)
        assert house.states() == ["submitting"]
        assert house.dispatcher.start(alone=True) == 1

        assert house.states() == ["unknown"]
        assert house.attempts() == [("one", "unknown")]
        assert house.meters.attempts.labels("one", "unknown", "interrupted")._value.get() == 1
        for _ in range(10):
            house.later(HOUR)
        assert len(house.one.given) == 1

    def test_beside_others_only_after_the_lease(self, house: House) -> None:
        house.order()
        self.crash(house)
        assert house.dispatcher.start(alone=False) == 0
        house.later(11 * MINUTE)

        assert house.states() == ["unknown"]

    def test_what_is_in_hand_is_not_taken_for_lost(self, house: House) -> None:
        """A test clock may leap while a provider is being called."""
        house.order()
        house.one.before = lambda batch: (house.advance(HOUR), house.dispatcher.step())
        house.step(1)

        assert house.attempts() == [("one", "accepted")]

    def test_an_answer_is_kept_while_the_database_is_away(self, house: House) -> None:
        house.order()
        transact = house.store.transact
        calls = iter([transact])  # the claim; then it fails once

        def flaky(work):  # type: ignore[no-untyped-def]
            call = next(calls, None)
            if call is None:
                house.store.transact = transact
                raise ConnectionError("away")
            return call(work)

        house.store.transact = flaky  # type: ignore[method-assign]
        with pytest.raises(ConnectionError):
            house.step()
        assert house.states() == ["submitting"]
        house.step()

        assert house.states() == ["accepted"]
        assert len(house.one.given) == 1


class TestFailingOver:
    def test_a_slow_account_does_not_hold_up_another(self, house: House) -> None:
        """A hundred for one, which takes one a minute, stand before one for two."""
        house.per_second = {"one": 1 / 60}
        house.restart()
        legs = (Leg("one", condition=Condition(countries=frozenset({"CN"}))), Leg("two", condition=Condition(countries=frozenset({"HK"}))))
        house.routing._routes = (Route("sms", legs),)
        house.dispatcher._policy = Policy(batch=5)
        for number in range(12):
            house.order(f"A{number}", user={"id": f"u{number}", "phone": f"+86138001{number:05}"})
        house.order("H", user={"id": "h", "phone": "+85261234567"})
        house.step()

        assert (len(house.one.given), len(house.two.given)) == (1, 1)

    def test_an_open_breaker_sends_the_rest_elsewhere(self, house: House) -> None:
        house.one.script = [Unknown("timeout")] * 5
        for number in range(8):
            house.order(f"A{number}", user={"id": f"u{number}", "phone": f"+861380013{number:04}"})
            house.step()

        assert len(house.one.given) == 5
        assert len(house.two.given) == 3

    def test_one_number_does_not_hold_up_another(self, house: House) -> None:
        house.one.script = [rejected(Reason.THROTTLED)]
        house.order("A1")
        house.order("A2", user={"id": "u2", "phone": OTHER})
        house.step()

        assert sorted(house.states()) == ["accepted", "waiting"]


def test_several_dispatchers_send_each_message_once(house: House) -> None:
    """Four threads, of two processes as it were, on one database."""
    for number in range(60):
        house.order(f"A{number}", user={"id": f"u{number}", "phone": f"+86138001{number:05}"})
    first = house.dispatcher
    house.restart()
    threads = [threading.Thread(target=one.step) for one in (first, first, house.dispatcher, house.dispatcher) for _ in range(2)]
    house.policy = Policy(batch=10)
    for dispatcher in (first, house.dispatcher):
        dispatcher._policy = house.policy
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.step(20)

    assert sorted(one.id for one in house.one.given) == sorted({one.id for one in house.one.given})
    assert house.states() == ["accepted"] * 60
