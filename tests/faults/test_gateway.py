"""A gateway that hangs, drops, throttles, and reports as it likes, over SMPP, while hours turn quiet and people change their minds.

Nothing leaves late, nothing leaves twice. The gateway is npm's; the clock is the test's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from engine.core.zones import format_instant
from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.store.store import Store
from tests.faults.processes import until
from tests.providers.conftest import Smsc, smsc, smsc_process
from tests.runtime.house import BOOK, HOUR, MINUTE, PHONE, SECOND, START
from tests.store.conftest import postgresql, url

__all__ = ["postgresql", "smsc", "smsc_process", "url"]  # fixtures
pytestmark = pytest.mark.slow
THROTTLED, QUEUE_FULL = 0x58, 0x14
EVENING = START + 11 * HOUR - 2 * SECOND  # 20:59:58 in Shanghai: quiet hours begin in two seconds
MORNING = START + 22 * HOUR  # 08:00


class Line:
    """An installation whose messages leave by one SMPP account, or by the first of several."""

    def __init__(self, url: str, smsc: Smsc, accounts: Sequence[str] = ("smsc",)) -> None:
        self.smsc = smsc
        store = Store(url)
        store.migrate()
        shared = {
            "kind": "smpp", "channels": ["sms"], "host": "127.0.0.1", "port": smsc.port, "sender": "10690001",
            "reconnect_seconds": 0.02, "reconnect_longest_seconds": 0.1, "response_timeout_seconds": 0.5,
        }  # fmt: skip
        tables = [{"name": name, "system_id": name, **shared} for name in accounts]
        routes = [{"channel": "sms", "providers": list(accounts)}]
        self.service = Service(store, TestClock(START), secret=b"pepper", providers=tables, routes=routes)
        self.service.publish({"book.yaml": BOOK}, "first", "test")
        self.provider = self.service.way_out.providers[accounts[0]]
        self.provider.open()
        self.connected()
        self.numbered = 0

    def connected(self) -> None:
        until(lambda: self.provider.health().ok, "a connection", 20)

    def post(self, type: str, **data: Any) -> None:
        self.numbered += 1
        line = {
            "id": f"e{self.numbered}", "type": type, "time": format_instant(self.service.clock.now()), "user": {"id": "u1", "phone": PHONE},
            "data": data,
        }  # fmt: skip
        assert self.service.accept("live", [line])[0].status == "accepted"
        self.settle()

    def settle(self) -> None:
        self.service.settle(sending=True)

    def at(self, instant: int) -> None:
        """The clock moves there, and all that follows happens."""
        self.service.set_clock(instant)
        self.settle()

    def pass_by(self, until: int, step: int) -> None:
        """Time passes in steps."""
        while self.service.clock.now() < until:
            self.at(min(until, self.service.clock.now() + step))

    def submits(self) -> int:
        """How many submissions the gateway has seen."""
        self.smsc.mode()  # when it has answered, all that it has said before is here
        return sum(event["event"] == "submit" for event in self.smsc.events.items)

    def message(self) -> dict[str, Any]:
        """The newest message."""
        return dict(self.service.messages("live", limit=1).items[0])

    def states(self) -> list[tuple[str, str | None]]:
        """(state, reason) of all messages, oldest first."""
        return [(one["state"], one["state_reason"]) for one in reversed(self.service.messages("live").items)]

    def outcomes(self) -> list[str | None]:
        return [attempt["outcome"] for attempt in self.message()["attempts"]]

    def becomes(self, state: str) -> None:
        """Wait for a state that a receipt brings."""
        until(lambda: self.message()["state"] == state, f"{state}, not {self.message()['state']}", 20)

    def effects(self, count: int) -> list[str]:
        """What so many receipts came to."""
        until(lambda: len(self.message()["receipts"]) >= count, f"{count} receipts", 20)
        return [receipt["effect"] for receipt in self.message()["receipts"]]


@pytest.fixture
def line(url: str, smsc: Smsc) -> Iterator[Line]:
    line = Line(url, smsc)
    yield line
    line.service.close()


# ---- nothing leaves late ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [THROTTLED, QUEUE_FULL])
def test_throttled_until_the_quiet_hours_it_leaves_in_the_morning(line: Line, smsc: Smsc, status: int) -> None:
    """Whatever the gateway would take at night, it gets nothing before eight, and then one."""
    line.at(EVENING)
    smsc.mode(status=status)
    line.post("promo.wanted", promo_id="P1")
    line.pass_by(START + 11 * HOUR, SECOND // 2)
    before = line.submits()
    smsc.mode(status=None)
    line.pass_by(START + 11 * HOUR + 5 * MINUTE, 10 * SECOND)
    line.pass_by(MORNING - SECOND, HOUR)

    assert before >= 1
    assert line.submits() == before
    line.pass_by(MORNING + MINUTE, 5 * SECOND)
    line.becomes("delivered")
    assert line.submits() == before + 1
    assert line.states() == [("cancelled", "quiet_hours"), ("delivered", None)]


def test_what_hung_when_the_quiet_hours_began_is_never_sent_again(line: Line, smsc: Smsc) -> None:
    """Marketing whose outcome is unknown stays so, for days; a late answer still counts."""
    line.at(EVENING)
    smsc.mode(hang=True)
    line.post("promo.wanted", promo_id="P1")
    smsc.mode(hang=False)
    line.pass_by(MORNING + 48 * HOUR, HOUR)

    assert line.submits() == 1
    assert line.states() == [("unknown", "no_answer")]
    assert line.outcomes() == ["unknown"]
    smsc.order("answer")
    line.becomes("accepted")


def test_an_opt_out_between_two_tries_stops_it(line: Line, smsc: Smsc) -> None:
    """By a reply that comes while the gateway throttles."""
    smsc.mode(status=THROTTLED)
    line.post("promo.wanted", promo_id="P1")
    tried = line.submits()
    smsc.mode(status=None)
    smsc.deliver(source_addr=PHONE.removeprefix("+"), destination_addr="10690001", short_message="TD", source_addr_ton=1)
    until(lambda: line.service.suppressions("live").items, "the opt-out", 20)
    line.pass_by(START + HOUR, MINUTE)

    assert line.submits() == tried == 1
    assert line.states() == [("cancelled", "suppressed")]


def test_a_cancellation_between_two_tries_stops_it(line: Line, smsc: Smsc) -> None:
    """The order is closed while its confirmation waits for another try."""
    smsc.mode(status=THROTTLED)
    line.post("order.created", order_id="A1")
    tried = line.submits()
    line.service.clock.set(START + SECOND // 1000)
    smsc.mode(status=None)
    line.post("order.closed", order_id="A1")
    line.pass_by(START + HOUR, MINUTE)

    assert line.submits() == tried == 1
    assert line.states()[0][0] == "cancelled"


def test_a_cancellation_while_it_hangs_changes_nothing_and_nothing_follows(line: Line, smsc: Smsc) -> None:
    """Nobody knows whether it arrived: it is not taken back, and not sent again."""
    smsc.mode(hang=True)
    line.post("order.created", order_id="A1")
    smsc.mode(hang=False)
    line.service.clock.set(START + SECOND)
    line.post("order.closed", order_id="A1")
    line.pass_by(START + HOUR, MINUTE)

    assert line.submits() == 1
    assert line.states()[0] == ("unknown", "no_answer")


def test_a_switch_between_two_tries_stops_it(line: Line, smsc: Smsc) -> None:
    """Somebody stops marketing while the gateway throttles."""
    smsc.mode(status=THROTTLED)
    line.post("promo.wanted", promo_id="P1")
    tried = line.submits()
    smsc.mode(status=None)
    line.service.switch("live", "type", "marketing", True, "enough", "test")
    line.pass_by(START + HOUR, MINUTE)

    assert line.submits() == tried == 1
    assert line.states() == [("cancelled", "stopped")]


# ---- codes: another one by another account, in time and to whom it may go ----------------------------------------------------------------


@pytest.fixture
def two_lines(url: str, smsc: Smsc) -> Iterator[Line]:
    """The first account's code hangs; the gateway answers again afterwards."""
    line = Line(url, smsc, ("first", "second"))
    smsc.mode(hang=True)
    line.post("verification.requested", purpose="login")
    smsc.mode(hang=False)
    yield line
    line.service.close()


def test_a_code_that_hung_is_followed_by_another_code(two_lines: Line, smsc: Smsc) -> None:
    """By the second account, once, and counted."""
    two_lines.pass_by(START + 9 * MINUTE, 5 * SECOND)

    two_lines.becomes("delivered")
    first, second = [event for event in smsc.events.items if event["event"] == "submit"]
    assert (first["account"], second["account"]) == ("first", "second")
    assert first["text"] != second["text"]
    assert two_lines.outcomes() == ["unknown", "accepted"]
    assert two_lines.service.metrics.get_sample_value("hongyan_messages_resent_total", {"type": "verification"}) == 1


def test_no_other_code_leaves_when_it_is_too_late(two_lines: Line) -> None:
    """The service was busy elsewhere for as long as a code is good."""
    two_lines.pass_by(START + HOUR, 11 * MINUTE)

    assert two_lines.submits() == 1
    assert two_lines.outcomes() == ["unknown"]


def test_no_other_code_leaves_to_a_number_that_was_blocked_meanwhile(two_lines: Line) -> None:
    """Nor is it a secret why."""
    two_lines.service.suppress("live", PHONE, ["blocked"], "enough", "test")
    two_lines.pass_by(START + 9 * MINUTE, 5 * SECOND)

    assert two_lines.submits() == 1
    assert two_lines.outcomes() == ["unknown"]


# ---- nothing leaves twice ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["drop", "hang"])
def test_a_notification_whose_outcome_is_unknown_is_not_sent_again(line: Line, smsc: Smsc, way: str) -> None:
    """The gateway does not know our ids, so that the same again would be a second message. It is counted as unknown."""
    smsc.mode(**{way: True})
    line.post("order.created", order_id="A1")
    smsc.mode(**{way: False})
    line.pass_by(START + 30 * MINUTE, 30 * SECOND)
    line.pass_by(START + 72 * HOUR, 6 * HOUR)

    assert line.submits() == 1
    assert line.outcomes() == ["unknown"]
    assert line.states() == [("unknown", "no_answer")]


def test_after_a_drop_the_next_message_goes_by_a_new_connection(line: Line, smsc: Smsc) -> None:
    """One is unknown, the other delivered."""
    smsc.mode(drop=True)
    line.post("order.created", order_id="A1")
    smsc.mode(drop=False)
    line.connected()
    line.service.clock.set(START + MINUTE)
    line.post("order.created", order_id="A2")
    line.pass_by(START + 10 * MINUTE, 10 * SECOND)

    line.becomes("delivered")
    assert line.submits() == 2
    assert line.states() == [("unknown", "no_answer"), ("delivered", None)]


def test_every_throttled_try_is_an_attempt(line: Line, smsc: Smsc) -> None:
    """Each was refused, so each may be tried again; what the gateway has seen is what the attempts say."""
    smsc.mode(status=THROTTLED)
    line.post("order.created", order_id="A1")
    line.pass_by(START + 3 * SECOND, SECOND // 2)
    smsc.mode(status=None)
    line.pass_by(START + 30 * MINUTE, 5 * SECOND)

    line.becomes("delivered")
    outcomes = line.outcomes()
    assert line.submits() == len(outcomes)
    assert outcomes == ["rejected"] * (len(outcomes) - 1) + ["accepted"]


# ---- receipts ---------------------------------------------------------------------------------------------------------------------------


def test_receipts_that_come_twice_count_once(line: Line, smsc: Smsc) -> None:
    """And both are kept."""
    smsc.mode(repeat=2)
    line.post("order.created", order_id="A1")

    assert line.effects(2) == ["moved", "repeated"]
    assert line.states() == [("delivered", None)]


def test_a_receipt_before_the_answer_counts(line: Line, smsc: Smsc) -> None:
    """The gateway reports before it has said what it calls the message."""
    smsc.mode(early=True)
    line.post("order.created", order_id="A1")

    line.becomes("delivered")
    assert line.submits() == 1


def test_receipts_out_of_order_find_their_messages(line: Line, smsc: Smsc) -> None:
    """Two days late, the second one's first."""
    smsc.mode(hold=True)
    line.post("order.created", order_id="A1")
    line.post("order.created", order_id="A2")
    line.pass_by(START + 48 * HOUR, 12 * HOUR)
    assert line.states() == [("accepted", None)] * 2
    smsc.order("release", reversed=True)

    until(lambda: line.states() == [("delivered", None)] * 2, "delivered", 20)
    assert line.submits() == 2


def test_a_receipt_that_contradicts_an_earlier_one_is_counted_and_not_obeyed(line: Line, smsc: Smsc) -> None:
    """Delivered stays delivered."""
    smsc.mode(hold=True)
    line.post("order.created", order_id="A1")
    smsc.order("release")
    line.becomes("delivered")
    number = next(event["number"] for event in smsc.events.items if event["event"] == "submit")
    smsc.deliver(
        source_addr=PHONE.removeprefix("+"), destination_addr="10690001", esm_class=4, source_addr_ton=1,
        short_message=f"id:{number} sub:001 dlvrd:000 submit date:2606011200 done date:2606011201 stat:UNDELIV err:001 text:",
    )  # fmt: skip

    assert line.effects(2) == ["moved", "late"]
    assert line.states() == [("delivered", None)]


def test_without_a_receipt_accepted_is_not_delivered(line: Line, smsc: Smsc) -> None:
    """However long nobody says anything."""
    smsc.mode(receipts="none")
    line.post("order.created", order_id="A1")
    line.pass_by(START + 96 * HOUR, 12 * HOUR)

    assert line.states() == [("accepted", None)]
    assert line.submits() == 1
