"""Codes: made once, kept as HMACs, right once, and dear to guess."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa

from engine.core.occurrences import OptOut
from engine.runtime import codes
from engine.runtime.errors import Throttled
from engine.runtime.verification import VerificationRefused
from engine.store import decisions, networks, verifications
from engine.store.schema import metadata
from providers.contract import Unknown
from tests.runtime.house import HOUR, LATER, MINUTE, OTHER, PEPPER, PHONE, SECOND, House, house

__all__ = ["house"]  # a fixture


def code_of(house: House, number: int = -1, provider: str = "one") -> str:
    """The code that a provider was given."""
    given = {"one": house.one, "two": house.two}[provider].given
    (code,) = re.findall(r"验证码(\d+)，", given[number].text or "")
    return str(code)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"


def started(house: House, phone: str = PHONE, purpose: str = "login") -> dict[str, Any]:
    """A code asked for, and sent."""
    answer = house.verifications().start("live", phone, purpose)
    house.step()
    return answer


class TestStart:
    def test_a_code_leaves(self, house: House) -> None:
        answer = started(house)

        assert re.fullmatch(r"\d{6}", code_of(house))
        assert house.one.given[0].text == f"【秒信通】验证码{code_of(house)}，10分钟内有效，请勿告知他人。"
        assert answer == {
            "id": answer["id"], "status": "pending", "expires_at": "2026-06-01T02:10:00Z", "retry_after_seconds": 60, "checks_left": 5,
        }  # fmt: skip

    def test_the_rule_says_how_it_is_made(self, house: House) -> None:
        answer = started(house, purpose="pay")

        assert re.fullmatch(r"\d{4}", code_of(house))
        assert answer["expires_at"] == "2026-06-01T02:05:00Z"
        assert answer["checks_left"] == 3

    def test_known_unknown_and_blocked_numbers_get_the_same_answer(self, house: House) -> None:
        house.order()  # of somebody known
        blocked = "+8613800138009"
        with house.store.write() as tx:
            house.deciding.judge(tx, "live", [(OptOut(blocked, frozenset({"blocked"})), "opt_out", blocked)], house.clock.now())
        answers = [house.verifications().start("live", phone, "pay") for phone in (PHONE, OTHER, blocked)]
        house.step()

        assert answers[0] | {"id": ""} == answers[1] | {"id": ""} == answers[2] | {"id": ""}
        assert blocked not in [one.to for one in house.one.given]

    def test_the_books_caps_answer_with_their_time(self, house: House) -> None:
        started(house)
        house.later(45 * SECOND)
        with pytest.raises(Throttled) as refused:
            house.verifications().start("live", PHONE, "login")

        assert refused.value.retry_after_seconds >= 15

    def test_waits_double_until_a_code_is_used(self, house: House) -> None:
        service = house.verifications()
        waits = []
        for _ in range(4):
            service.start("live", PHONE, "login")
            house.step()
            with pytest.raises(Throttled) as refused:
                service.start("live", PHONE, "pay")
            waits.append(refused.value.retry_after_seconds)
            house.later(max(waits[-1], 61) * SECOND)
        assert waits == [30, 60, 120, 240]

        service.check("live", phone=PHONE, purpose="login", code=code_of(house))
        assert service.start("live", PHONE, "login")["status"] == "pending"

    @pytest.mark.parametrize(("phone", "purpose"), [("12345", "login"), ("", "login"), (PHONE, "nonsense")])
    def test_what_cannot_be_is_refused(self, house: House, phone: str, purpose: str) -> None:
        with pytest.raises(VerificationRefused):
            house.verifications().start("live", phone, purpose)

    def test_a_resend_belongs_to_the_same_verification(self, house: House) -> None:
        first = started(house)
        house.later(61 * SECOND)

        assert started(house)["id"] == first["id"]


class TestCheck:
    def test_right_once(self, house: House) -> None:
        id = started(house)["id"]
        service = house.verifications()

        assert service.check("live", id=id, code=code_of(house)) == {
            "id": id, "status": "approved", "expires_at": "2026-06-01T02:10:00Z", "checks_left": 4,
        }  # fmt: skip
        assert (service.check("live", id=id, code=code_of(house)) or {})["status"] == "failed"

    def test_five_checks_in_all(self, house: House) -> None:
        id = started(house)["id"]
        service = house.verifications()
        answers = [service.check("live", id=id, code=wrong(code_of(house))) or {} for _ in range(5)]

        assert [answer["status"] for answer in answers] == ["pending"] * 4 + ["failed"]
        assert [answer["checks_left"] for answer in answers] == [4, 3, 2, 1, 0]
        assert (service.check("live", id=id, code=code_of(house)) or {})["status"] == "failed"

    def test_a_resend_does_not_renew_the_checks(self, house: House) -> None:
        id = started(house)["id"]
        service = house.verifications()
        for _ in range(4):
            service.check("live", id=id, code=wrong(code_of(house)))
        house.later(61 * SECOND)
        assert started(house)["checks_left"] == 1

        assert (service.check("live", id=id, code=wrong(code_of(house))) or {})["status"] == "failed"

    def test_the_last_two_codes_are_good(self, house: House) -> None:
        service = house.verifications()
        id = started(house)["id"]
        for wait in (61, 61):
            house.later(wait * SECOND)
            assert started(house)["id"] == id
        first, second, third = (code_of(house, number) for number in range(3))
        assert len({first, second, third}) == 3  # one in 300,000 runs has two alike

        assert (service.check("live", id=id, code=first) or {})["status"] == "pending"
        assert (service.check("live", id=id, code=second) or {})["status"] == "approved"
        assert (service.check("live", id=id, code=third) or {})["status"] == "failed"

    def test_each_code_has_its_own_end(self, house: House) -> None:
        service = house.verifications()
        id = started(house)["id"]
        house.later(9 * MINUTE)
        started(house)
        house.later(2 * MINUTE)

        assert (service.check("live", id=id, code=code_of(house, 0)) or {})["status"] == "pending"
        assert (service.check("live", id=id, code=code_of(house, 1)) or {})["status"] == "approved"

    def test_after_its_end_it_is_expired(self, house: House) -> None:
        service = house.verifications()
        id = started(house, purpose="pay")["id"]
        house.advance(5 * MINUTE + 1)

        assert (service.check("live", id=id, code=code_of(house)) or {})["status"] == "expired"

    def test_another_purpose_number_or_environment_fails(self, house: House) -> None:
        service = house.verifications()
        id = started(house)["id"]
        code = code_of(house)

        assert (service.check("live", id=id, purpose="pay", code=code) or {})["status"] == "pending"
        assert service.check("live", phone=PHONE, purpose="pay", code=code) is None
        assert service.check("live", phone=OTHER, purpose="login", code=code) is None
        assert service.check("test", id=id, code=code) is None
        assert service.check("live", code=code) is None

    def test_a_code_that_an_event_started(self, house: House) -> None:
        house.post("login.attempted", place="x")
        house.step()
        service = house.verifications()

        assert (service.check("live", user="u1", purpose="login", code=code_of(house)) or {})["status"] == "approved"

    def test_parallel_checks_give_one_success(self, house: House) -> None:
        id = started(house)["id"]
        service, code = house.verifications(), code_of(house)
        ready = threading.Barrier(8)
        answers: list[str] = []

        def check() -> None:
            ready.wait()
            answers.append((service.check("live", id=id, code=code) or {})["status"])

        threads = [threading.Thread(target=check) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert Counter(answers) == {"approved": 1, "failed": 7}

    def test_parallel_guesses_use_up_the_checks(self, house: House) -> None:
        id = started(house)["id"]
        service, code = house.verifications(), code_of(house)
        answers: list[dict[str, Any]] = []
        threads = [
            threading.Thread(target=lambda: answers.append(service.check("live", id=id, code=wrong(code)) or {})) for _ in range(8)
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert Counter(answer["status"] for answer in answers) == {"pending": 4, "failed": 4}
        assert (service.check("live", id=id, code=code) or {})["status"] == "failed"


class TestSecrecy:
    def test_no_column_holds_a_code(self, house: House) -> None:
        started(house)
        code = code_of(house)
        with house.store.read() as tx:
            for table in metadata.sorted_tables:
                for row in tx.execute(sa.select(table)):
                    for name, value in row._mapping.items():
                        assert code not in re.findall(r"(?<!\d)\d{6}(?!\d)", str(value)), (table.name, name)

    def test_it_is_kept_as_an_hmac_of_number_and_purpose(self, house: House) -> None:
        id = started(house)["id"]
        with house.store.read() as tx:
            kept = verifications.get(tx, "live", id)
        assert kept is not None
        assert kept.codes[0].startswith(codes.seal(PEPPER, "live", PHONE, "login", code_of(house)))

    def test_seals_differ_by_everything(self) -> None:
        seals = {
            codes.seal(*parts)
            for parts in (
                (PEPPER, "live", PHONE, "login", "000000"), (b"other", "live", PHONE, "login", "000000"),
                (PEPPER, "test", PHONE, "login", "000000"), (PEPPER, "live", OTHER, "login", "000000"),
                (PEPPER, "live", PHONE, "pay", "000000"), (PEPPER, "live", PHONE, "login0", "00000"),
            )
        }  # fmt: skip
        assert len(seals) == 6

    def test_every_digit_is_as_likely_as_another(self) -> None:
        made = [codes.make(4) for _ in range(20_000)]
        for place in range(4):
            counts = Counter(code[place] for code in made)
            assert len(counts) == 10
            assert all(1_700 < count < 2_300 for count in counts.values())

    def test_nothing_is_logged(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level("DEBUG"):
            house.one.script = [Unknown("timeout")]
            started(house)
            house.later(11 * SECOND)

        assert code_of(house) not in caplog.text
        assert code_of(house, provider="two") not in caplog.text
        assert PHONE not in caplog.text


class TestAttempts:
    def test_an_unknown_outcome_leaves_both_codes_good(self, house: House) -> None:
        house.one.script = [Unknown("timeout")]
        id = started(house)["id"]
        house.later(11 * SECOND)
        assert code_of(house) != code_of(house, provider="two")

        assert (house.verifications().check("live", id=id, code=code_of(house)) or {})["status"] == "approved"

    def test_refused_attempts_do_not_push_out_a_code_that_arrived(self, house: House) -> None:
        """The first code is on the phone; of the second only the last try gets through."""
        house.restart("one")
        id = started(house)["id"]
        house.one.script = [LATER, LATER]
        house.later(61 * SECOND)
        started(house)
        house.later(10 * SECOND)
        house.later(10 * SECOND)
        assert len(house.one.given) == 4

        service = house.verifications()
        assert (service.check("live", id=id, code=code_of(house, 1)) or {})["status"] == "pending"
        assert (service.check("live", id=id, code=code_of(house, 0)) or {})["status"] == "approved"


class TestAlarm:
    def test_codes_that_nobody_uses_ring_once(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
        service = house.verifications(alarm_least=5)
        for number in range(8):
            service.start("live", f"+861380013{number:04}", "login")
        house.advance(3 * MINUTE)
        with caplog.at_level("WARNING"):
            for number in range(8, 11):
                service.start("live", f"+861380013{number:04}", "login")

        assert house.meters.unverified.labels("numbers")._value.get() == 1
        assert "8 verifications asked for, 0 approved" in caplog.text
        assert "+861380013****" in caplog.text

    def test_codes_that_are_used_do_not(self, house: House) -> None:
        service = house.verifications(alarm_least=5)
        for number in range(8):
            phone = f"+861380013{number:04}"
            service.start("live", phone, "login")
            house.step()
            if number % 2:
                service.check("live", phone=phone, purpose="login", code=code_of(house))
        house.advance(3 * MINUTE)
        service.start("live", PHONE, "login")

        assert house.meters.unverified.labels("numbers")._value.get() == 0

    def test_codes_for_many_numbers_from_one_network_ring(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
        """Each number has neighbours of its own; what they share is the /24."""
        service = house.verifications(alarm_least=5)
        for number in range(8):
            service.start("live", f"+8613800{number:02}8000", "login", ip=f"203.0.113.{number}")
        house.advance(3 * MINUTE)
        with caplog.at_level("WARNING"):
            for number in range(8, 11):
                service.start("live", f"+8613800{number:02}8000", "login", ip=f"203.0.113.{number}")

        assert [record.message for record in caplog.records] == [
            "network 203.0.113.0/24: 8 verifications asked for, 0 approved in the last hour"
        ]
        assert house.meters.unverified.labels("network")._value.get() == 1

    def test_the_ratios_by_prefix_and_network_are_seen(self, house: House) -> None:
        """Those of the window that the alarm looks at, the worst first; of a single one nothing can be said."""
        service = house.verifications(alarm_least=4)
        for number in range(6):
            phone = f"+861380013{number:04}"
            service.start("live", phone, "login", ip="2001:db8::1" if number < 2 else f"203.0.113.{number}")
            house.step()
            if number == 5:
                service.check("live", phone=phone, purpose="login", code=code_of(house))
        service.start("live", "+8613911118000", "login")
        house.advance(3 * MINUTE)
        with house.store.write() as tx:
            networks.block(tx, "live", networks.Blocked("203.0.0.0/16", "", house.clock.now(), "me"))
        found = service.abuse("live")

        assert found["prefixes"] == [{"prefix": "+861380013****", "asked": 6, "approved": 1, "ratio": 0.1667, "alarm": True}]
        assert found["networks"] == [
            {"network": "203.0.113.0/24", "asked": 4, "approved": 1, "ratio": 0.25, "alarm": False, "blocked": True},
            {"network": "2001:db8::/64", "asked": 2, "approved": 0, "ratio": 0.0, "alarm": False, "blocked": False},
        ]
        house.advance(2 * HOUR)
        assert (service.abuse("live")["prefixes"], service.abuse("live")["networks"]) == ([], [])


class TestBlockedNetworks:
    def reasons(self, house: House) -> list[tuple[str, str]]:
        with house.store.read() as tx:
            found = decisions.newest_verdicts(tx, "live", rule="code").items
        return [(one.outcome, one.reason) for _, one in reversed(found)]

    def test_nobody_in_it_gets_a_code_and_nobody_learns_so(self, house: House) -> None:
        """At once, also for rules that were compiled before; and until it is released."""
        service = house.verifications()
        first = service.start("live", "+8613800138001", "login", ip="203.0.113.7")
        with house.store.write() as tx:
            assert networks.block(tx, "live", networks.Blocked("203.0.113.0/24", "pumped", house.clock.now(), "me"))
            assert not networks.block(tx, "live", networks.Blocked("203.0.113.0/24", "again", house.clock.now(), "me"))
        inside = service.start("live", "+8613800138002", "login", ip="::ffff:203.0.113.9")
        outside = service.start("live", "+8613800138003", "login", ip="203.0.114.7")
        nowhere = service.start("live", "+8613800138004", "login", ip="not an address")
        with house.store.write() as tx:
            assert networks.release(tx, "live", "203.0.113.0/24")
            assert not networks.release(tx, "live", "203.0.113.0/24")
        released = service.start("live", "+8613800138005", "login", ip="203.0.113.7")
        answers = [first, inside, outside, nowhere, released]

        assert self.reasons(house) == [("send", "ok"), ("skip", "blocked"), *[("send", "ok")] * 3]
        assert len({str({**answer, "id": ""}) for answer in answers}) == 1
        with house.store.read() as tx:
            ((_, verdict),) = decisions.newest_verdicts(tx, "live", rule="code", reason="blocked").items
        assert verdict.detail == {"scope": "network", "network": "203.0.113.0/24"}

    def test_what_is_no_code_is_not_stopped(self, house: House) -> None:
        """A login from a blocked network still warns its owner; environments do not meet."""
        with house.store.write() as tx:
            networks.block(tx, "test", networks.Blocked("203.0.113.0/24", "", house.clock.now(), "me"))
        house.verifications().start("live", PHONE, "login", ip="203.0.113.7")
        house.order()

        assert self.reasons(house) == [("send", "ok")]
        assert house.states() == ["queued", "queued"]
