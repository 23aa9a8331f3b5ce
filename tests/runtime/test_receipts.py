"""Receipts move a message once and forwards only; replies opt numbers out."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from engine.store import attempts, suppressions
from engine.store.states import State
from providers.contract import Accepted, Inbound, Reason, Receipt, Submission, Unknown
from tests.runtime.house import HOUR, MINUTE, OTHER, PHONE, SECOND, House, house

__all__ = ["house"]  # a fixture


def sent(house: House) -> tuple[str, str]:
    """A notification that the first provider has taken: our id, its id."""
    house.one.script = [Accepted("p1")]
    house.order()
    house.step()
    return house.one.given[0].id, "p1"


def tell(house: House, *receipts: Receipt, provider: str = "one") -> None:
    house.receiver.receipts(provider, receipts)


class TestMoves:
    @pytest.mark.parametrize("status", ["delivered", "undelivered", "rejected"])
    def test_the_end_of_a_message(self, house: House, status: str) -> None:
        _, theirs = sent(house)
        tell(house, house.receipt(None, theirs, status))

        assert house.states() == [status]
        assert house.effects() == ["moved"]

    def test_by_our_id_where_the_gateway_gives_it_back(self, house: House) -> None:
        ours, _ = sent(house)
        tell(house, house.receipt(ours))

        assert house.states() == ["delivered"]

    def test_another_installations_id_is_nobodys(self, house: House) -> None:
        ours, _ = sent(house)
        tell(house, house.receipt(ours.split("-")[0] + "-0123456789"))

        assert house.states() == ["accepted"]

    def test_another_providers_id_is_nobodys(self, house: House) -> None:
        _, theirs = sent(house)
        tell(house, house.receipt(None, theirs), provider="two")

        assert house.states() == ["accepted"]

    def test_twice_late_and_out_of_order(self, house: House) -> None:
        _, theirs = sent(house)
        for status in ("delivered", "delivered", "accepted", "undelivered", "rejected"):
            tell(house, house.receipt(None, theirs, status))

        assert house.states() == ["delivered"]
        assert house.effects() == ["moved", "repeated", "late", "late", "late"]
        assert house.meters.receipts.labels("one", "late")._value.get() == 3

    def test_the_reason_is_kept(self, house: House) -> None:
        _, theirs = sent(house)
        tell(house, house.receipt(None, theirs, "undelivered", reason=Reason.DEAD_NUMBER, code="MK:0001"))

        assert house.only().reason == "dead_number"
        with house.store.read() as tx:
            (kept,) = attempts.receipts_of(tx, [house.only().seq])[house.only().seq]
        assert (kept.code, kept.raw) == ("dead_number", "MK:0001")

    def test_a_slot_comes_back_only_when_it_was_rejected(self, house: House) -> None:
        _, theirs = sent(house)
        tell(house, house.receipt(None, theirs, "undelivered"))
        assert house.slots() == 1

    def test_a_rejected_message_gives_its_slot_back_once(self, house: House) -> None:
        _, theirs = sent(house)
        house.order("A2")
        house.step()
        assert house.slots() == 2
        for _ in range(3):
            tell(house, house.receipt(None, theirs, "rejected"))

        assert house.slots() == 1


class TestWhoseItIs:
    def test_another_spelling_only_with_the_messages_phone(self, house: House) -> None:
        """Decimal of one may be hexadecimal of another."""
        _, theirs = sent(house)
        tell(house, house.receipt(None, "25", other_ids=(theirs,)))
        tell(house, house.receipt(None, "25", other_ids=(theirs,), phone=OTHER))
        assert house.states() == ["accepted"]

        tell(house, house.receipt(None, "25", other_ids=("x", theirs), phone=PHONE))
        assert house.states() == ["delivered"]

    def test_an_id_with_another_phone_is_not_believed(self, house: House) -> None:
        _, theirs = sent(house)
        tell(house, house.receipt(None, theirs, phone=OTHER))

        assert house.states() == ["accepted"]

    def test_unknown_ones_are_kept(self, house: House) -> None:
        tell(house, house.receipt(None, "nobody"))

        assert house.meters.receipts.labels("one", "unmatched")._value.get() == 1


class TestBeforeTheAnswer:
    def test_by_our_id(self, house: House) -> None:
        """As a fast gateway does: the receipt comes while `submit` runs."""
        house.order()
        house.one.before = lambda batch: tell(house, *[house.receipt(one.id) for one in batch])
        house.step()

        assert house.states() == ["delivered"]
        assert house.attempts() == [("one", "accepted")]
        assert house.effects() == ["moved"]

    @pytest.mark.parametrize("status", ["delivered", "undelivered"])
    def test_by_the_gateways_id_which_nobody_knows_yet(self, house: House, status: str) -> None:
        house.order()
        house.one.script = [Accepted("p7")]
        house.one.before = lambda batch: tell(house, house.receipt(None, "p7", status))
        house.step()

        assert house.states() == [status]
        assert house.effects() == ["moved"]

    def test_an_answer_and_a_receipt_that_cross_find_each_other(self, house: House) -> None:
        """Whichever is committed first."""
        house.restart("one")
        threads: list[threading.Thread] = []

        def at_the_same_time(batch: Sequence[Submission]) -> None:
            name = f"one-{len(house.one.given)}-{batch[0].id}"
            threads.append(threading.Thread(target=lambda: tell(house, house.receipt(None, name))))
            threads[-1].start()

        house.one.before = at_the_same_time
        for number in range(15):
            house.order(f"A{number}", user={"id": f"u{number}", "phone": f"+86138001{number:05}"})
            house.step()
        for thread in threads:
            thread.join()

        assert house.states() == ["delivered"] * 15

    def test_an_old_one_of_that_number_is_not_its(self, house: House) -> None:
        """Gateways use their numbers again."""
        tell(house, house.receipt(None, "p7", "undelivered"))
        house.advance(HOUR)
        house.order()
        house.one.script = [Accepted("p7")]
        house.step()

        assert house.states() == ["accepted"]

    def test_a_rejected_answer_after_a_delivered_receipt_changes_nothing(self, house: House) -> None:
        house.order()
        house.one.script = [Unknown("timeout")]
        house.one.before = lambda batch: tell(house, house.receipt(batch[0].id))
        house.step()

        assert house.states() == ["delivered"]


class TestUnknown:
    def test_a_receipt_settles_it(self, house: House) -> None:
        house.one.script = [Unknown("timeout")]
        house.order()
        house.step()
        tell(house, house.receipt(house.one.given[0].id))

        assert house.states() == ["delivered"]

    def test_good_news_of_the_first_attempt_ends_the_second(self, house: House) -> None:
        house.one.script = [Unknown("timeout")]
        house.post("login.attempted", place="x")
        house.step()
        house.advance(11 * SECOND)
        house.dispatcher._follow_up()  # it waits for another provider now
        assert house.states() == ["waiting"]
        tell(house, house.receipt(house.one.given[0].id))
        house.later(MINUTE)

        assert house.states() == ["delivered"]
        assert not house.two.given

    def test_bad_news_of_the_first_attempt_does_not(self, house: House) -> None:
        house.one.script = [Unknown("timeout")]
        house.post("login.attempted", place="x")
        house.step()
        house.later(11 * SECOND)
        tell(house, house.receipt(house.one.given[0].id, None, "undelivered"))
        assert house.states() == ["accepted"]
        assert house.effects() == ["late"]

        tell(house, house.receipt(house.two.given[0].id), provider="two")
        assert house.states() == ["delivered"]


class TestChains:
    def film(self, house: House) -> str:
        house.post("film.wanted", order_id="A1")
        house.step()
        return house.one.given[0].id

    def shown(self, house: House) -> list[tuple[str, State]]:
        return [(one.message.channel, one.state) for one in house.messages()]

    def test_delivered_ends_it(self, house: House) -> None:
        tell(house, house.receipt(self.film(house)))
        house.later(5 * MINUTE)

        assert self.shown(house) == [("video_sms", State.DELIVERED)]

    @pytest.mark.parametrize("status", ["undelivered", "rejected"])
    def test_bad_news_goes_on_once(self, house: House, status: str) -> None:
        id = self.film(house)
        for _ in range(3):
            tell(house, house.receipt(id, None, status))
        house.later(5 * MINUTE)

        assert self.shown(house) == [("video_sms", State(status)), ("sms", State.ACCEPTED)]

    def test_silence_goes_on_and_a_late_receipt_changes_nothing(self, house: House) -> None:
        id = self.film(house)
        house.later(2 * MINUTE + 1)
        house.later(1)
        tell(house, house.receipt(id, None, "undelivered"))
        house.later(MINUTE)

        assert self.shown(house) == [("video_sms", State.UNDELIVERED), ("sms", State.ACCEPTED)]


class TestReplies:
    @pytest.mark.parametrize(
        "text", ["R", "r", "Ｒ", " T ", "TD", "td.", "Ｔ Ｄ", "N", "退订", "退 订！", "【退订】", "拒收。", "“R”", "T\n", "\u200bTD\ufe0f"]
    )
    def test_an_opt_out_stops_marketing(self, house: House, text: str) -> None:
        house.receiver.inbound("one", [Inbound(PHONE, "1069", text, house.aware(0))])
        house.post("promo.wanted", promo_id="P")
        house.order()

        assert [one.message.rule for one in house.messages()] == ["created"]
        with house.store.read() as tx:
            (kept,) = suppressions.listed(tx, "live").items
        assert (kept.phone, kept.scope, kept.reason) == (PHONE, "marketing", "reply by one")

    @pytest.mark.parametrize("text", ["", "好的", "TDD", "不退订", "R2", "NO", "thanks", "收"])
    def test_other_texts_do_nothing(self, house: House, text: str) -> None:
        house.receiver.inbound("one", [Inbound(PHONE, "1069", text, house.aware(0))])
        house.post("promo.wanted", promo_id="P")

        assert len(house.messages()) == 1

    def test_a_number_without_its_country(self, house: House) -> None:
        house.receiver.inbound("one", [Inbound("13800138000", "1069", "TD", house.aware(0)), Inbound("1069", "1069", "TD", house.aware(0))])
        with house.store.read() as tx:
            assert [one.phone for one in suppressions.listed(tx, "live").items] == [PHONE]

    def test_a_captured_reply_stays_in_its_environment(self, house: House) -> None:
        """The magic number that answers TD opts out of tests alone."""
        magic = "+8619900000018"
        house.post("promo.wanted", env="test", promo_id="P", user={"id": "m", "phone": magic, "attributes": {"ok": True}})
        house.step()
        house.capture.release()

        assert house.states("test") == ["delivered"]
        with house.store.read() as tx:
            assert not suppressions.listed(tx, "live").items
            assert [one.phone for one in suppressions.listed(tx, "test").items] == [magic]
