"""The service as its callers see it: what is accepted, decided, stopped, published and taken back."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from engine.runtime.errors import Conflict, NoBook, NotFound, Refused, Throttled
from engine.runtime.service import Service
from engine.store import messages, timers
from engine.store.states import State
from rules.model import DAY, HOUR, SECOND
from tests.runtime.conftest import o2o_files

BOOK = """
book: {id: shop, timezone: Asia/Shanghai}
events:
  made: {key: k, data: {k: string}}
  paid: {key: k, data: {k: string}}
segments: {fans: {when: {user.fan: true}}}
user: {attributes: {fan: boolean}}
rules:
  remind:
    on: {event: made, after: 1h, unless: paid}
    send: {type: notification, sms: "请支付{{ event.k }}"}
  thanks:
    on: {enter: fans}
    send: {type: notification, sms: 谢谢关注}
"""


def made(number: int, user: str = "u1", key: str | None = None) -> dict[str, Any]:
    return {"id": f"e{number}", "type": "made", "time": "2026-06-01T12:00:00+08:00", "user": user, "data": {"k": key or f"K{number}"}}


def verdicts(service: Service, **asked: str) -> list[tuple[str, str, str]]:
    """(rule, outcome, reason), oldest first."""
    found = service.verdicts("live", limit=1000, **asked).items
    return [(line["rule"], line["outcome"], line["reason"]) for line in reversed(found)]


def go(service: Service, micros: int) -> None:
    service.set_clock(service.clock.now() + micros)
    service.settle()


@pytest.fixture
def shop(service: Service) -> Service:
    """With a small book and one customer."""
    service.publish({"book.yaml": BOOK}, "first", "pm")
    service.put_users("live", [{"id": "u1", "phone": "+8613800138001"}])
    return service


def test_nothing_is_accepted_before_a_book_is_published(service: Service) -> None:
    with pytest.raises(NoBook, match="hongyan publish"):
        service.accept("live", [made(1)])


def test_good_lines_are_kept_where_others_are_refused(shop: Service) -> None:
    """Each with its place, and the place of the fault in it."""
    answers = shop.accept(
        "live", [made(1), {"id": "x", "type": "made", "time": "2026-06-01T12:00Z", "user": "u1", "data": {"k": 5}}, made(1)]
    )

    assert [answer.status for answer in answers] == ["accepted", "refused", "duplicate"]
    assert (answers[1].index, answers[1].pointer) == (1, "/data/k")


def test_the_same_event_again_is_decided_once(shop: Service) -> None:
    """However often it comes, before and after it was judged."""
    shop.accept("live", [made(1)])
    shop.accept("live", [made(1)])
    shop.settle()
    assert [answer.status for answer in shop.accept("live", [made(1)])] == ["duplicate"]
    shop.settle()

    assert verdicts(shop) == [("remind", "schedule", "timer_set")]


def test_posts_that_arrive_together_are_each_kept_once(shop: Service) -> None:
    """Eight threads post the same forty events: each is accepted for exactly one of them."""
    together = threading.Barrier(8)
    answers: list[str] = []

    def post() -> None:
        together.wait()
        for number in range(40):
            answers.extend(answer.status for answer in shop.accept("live", [made(number)]))

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shop.settle()

    assert (answers.count("accepted"), answers.count("duplicate")) == (40, 280)
    assert len(verdicts(shop)) == 40


def test_a_timer_fires_at_its_instant_unless_the_other_event_came(shop: Service) -> None:
    shop.accept("live", [made(1), made(2)])
    shop.settle()
    shop.accept("live", [{**made(3, key="K1"), "type": "paid"}])
    go(shop, HOUR + SECOND)

    assert verdicts(shop) == [("remind", "schedule", "timer_set")] * 2 + [("remind", "cancel", "unless"), ("remind", "send", "ok")]
    assert [line["text"] for line in shop.messages("live").items] == ["请支付K2"]
    told = shop.event("live", "api", "e2")
    assert told is not None
    assert [(line["outcome"], line["at"]) for line in told["verdicts"]] == [
        ("schedule", "2026-06-01T04:00:00Z"),
        ("send", "2026-06-01T05:00:00Z"),
    ]


def test_environments_do_not_meet(shop: Service) -> None:
    """What a test key does touches nothing live."""
    shop.put_users("test", [{"id": "u1", "phone": "+8613800138001"}])
    shop.accept("test", [made(1)])
    go(shop, 2 * HOUR)

    assert len(shop.messages("test").items) == 1
    assert shop.messages("live").items == []
    assert [answer.status for answer in shop.accept("live", [made(1)])] == ["accepted"]


def test_a_changed_user_crosses_and_an_imported_one_does_not(shop: Service) -> None:
    shop.put_users("live", [{"id": "u2", "phone": "+8613800138002", "attributes": {"fan": True}}])
    shop.put_users("live", [{"id": "u1", "attributes": {"fan": True}}])

    assert verdicts(shop) == [("thanks", "send", "ok")]
    assert shop.messages("live").items[0]["user"] == "u1"


def test_a_refused_book_leaves_the_old_one_in_force(shop: Service) -> None:
    """With its findings, or the tests that fail."""
    with pytest.raises(Refused) as refused:
        shop.publish({"book.yaml": BOOK.replace("after: 1h", "aftr: 1h")}, "typo", "pm")
    assert refused.value.findings[0]["line"] == 10
    failing = "\ntests:\n  t:\n    events: [{at: 2026-06-01T12:00, type: made, user: u1, data: {k: A}}]\n    expect: [{rule: remind}]\n"
    with pytest.raises(Refused) as refused:
        shop.publish({"book.yaml": BOOK + failing}, "fails", "pm")
    assert refused.value.failed_tests[0]["name"] == "t"

    assert [(one["version"], one["active"]) for one in shop.versions()] == [(1, True)]


def test_publishing_keeps_pending_timers_and_judges_them_by_the_new_book(shop: Service) -> None:
    shop.accept("live", [made(1)])
    shop.settle()
    shop.publish({"book.yaml": BOOK.replace("请支付", "别忘了").replace("after: 1h", "after: 2h")}, "words", "pm", expect_version=1)
    go(shop, HOUR + SECOND)

    assert [line["text"] for line in shop.messages("live").items] == ["别忘了K1"]
    with pytest.raises(Conflict):
        shop.publish({"book.yaml": BOOK}, "late", "pm", expect_version=1)


def test_a_timer_of_a_rule_that_is_gone_says_so(shop: Service) -> None:
    shop.accept("live", [made(1)])
    shop.settle()
    shop.publish({"book.yaml": BOOK.replace("  remind:", "  other:")}, "renamed", "pm")
    go(shop, 2 * HOUR)

    assert verdicts(shop)[-1] == ("remind", "skip", "rule_removed")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{event: made, after: 1h, unless: paid}", "{event: paid, after: 1h, unless: made}"),
        ("{key: k, data: {k: string}}", "{key: other, data: {k: string, other: {type: string, optional: true}}}"),
    ],
    ids=["another event", "another key"],
)
def test_a_timer_ends_when_its_event_would_not_begin_the_rule_any_more(shop: Service, old: str, new: str) -> None:
    assert old in BOOK
    shop.accept("live", [made(1)])
    shop.settle()
    shop.publish({"book.yaml": BOOK.replace(old, new)}, "another trigger", "pm")
    go(shop, 2 * HOUR)

    assert verdicts(shop)[-1] == ("remind", "skip", "rule_removed")
    assert shop.messages("live").items == []


def test_rolling_back_puts_the_earlier_book_in_force(shop: Service) -> None:
    shop.publish({"book.yaml": BOOK.replace("请支付", "别忘了")}, "words", "pm")
    shop.activate(1, "pm")

    files = shop.active_files("live")
    assert files is not None
    assert "请支付" in files["book.yaml"]
    with pytest.raises(NotFound):
        shop.activate(99, "pm")


def test_a_segment_that_a_new_version_watches_is_entered_silently(shop: Service) -> None:
    """Those who are in it already hear nothing; who enters later does."""
    shop.publish({"book.yaml": BOOK.replace("on: {enter: fans}", "on: made")}, "without", "pm")
    shop.put_users("live", [{"id": "u1", "attributes": {"fan": True}}])
    shop.publish({"book.yaml": BOOK}, "with", "pm")
    shop.put_users("live", [{"id": "u1", "attributes": {}}, {"id": "u3", "phone": "+8613800138003"}])
    shop.put_users("live", [{"id": "u3", "attributes": {"fan": True}}])

    assert [line["user"] for line in shop.messages("live").items] == ["u3"]


def test_a_switch_stops_a_rule_at_once_and_is_kept_with_its_reason(shop: Service) -> None:
    shop.switch("live", "rule", "remind", True, "wrong text", "li")
    shop.accept("live", [made(1)])
    shop.settle()
    assert verdicts(shop) == [("remind", "skip", "stopped")]
    assert [(one["what"], one["by"], one["reason"]) for one in shop.switches("live")] == [("rule:remind", "li", "wrong text")]

    shop.switch("live", "rule", "remind", False, "mended", "li")
    shop.accept("live", [made(2)])
    shop.settle()
    assert verdicts(shop)[-1] == ("remind", "schedule", "timer_set")


def test_a_cancellation_ends_timers_and_messages_of_a_key(shop: Service) -> None:
    shop.accept("live", [made(1), made(2)])
    shop.settle()

    assert shop.cancel("live", "remind", "K1") == {"timers": 1, "messages": 0}
    go(shop, 2 * HOUR)
    assert verdicts(shop) == [
        ("remind", "schedule", "timer_set"),
        ("remind", "schedule", "timer_set"),
        ("remind", "cancel", "requested"),
        ("remind", "send", "ok"),
    ]
    assert shop.cancel("live", "remind", "K2") == {"timers": 0, "messages": 1}
    assert shop.messages("live").items[0]["state"] == "cancelled"


def test_a_cancellation_says_nothing_of_what_a_provider_has(shop: Service) -> None:
    """It may arrive; but it is not tried again."""
    shop.accept("live", [made(1)])
    go(shop, 2 * HOUR)
    with shop.store.write() as tx:
        (sent,) = messages.newest(tx, "live").items
        messages.apply(tx, [messages.Move(sent.seq, State.SUBMITTING)], shop.clock.now())

    assert shop.cancel("live", "remind", "K1") == {"timers": 0, "messages": 0}
    assert verdicts(shop)[-1] == ("remind", "send", "ok")
    with shop.store.read() as tx:
        assert timers.count(tx, "live") == {}


def test_a_suppressed_number_gets_nothing_until_it_is_released(shop: Service) -> None:
    shop.suppress("live", "13800138001", ["notification"], "asked by phone", "li")
    shop.accept("live", [made(1)])
    go(shop, 2 * HOUR)
    assert verdicts(shop)[-1] == ("remind", "skip", "suppressed")
    assert [(one["phone"], one["scope"]) for one in shop.suppressions("live").items] == [("+8613800138001", "notification")]

    shop.release("live", "+8613800138001", ["notification"], "li")
    shop.accept("live", [made(2)])
    go(shop, 2 * HOUR)
    assert verdicts(shop)[-1] == ("remind", "send", "ok")
    assert shop.suppressions("live").items == []


def test_schedules_of_the_book_tick(service: Service) -> None:
    """A broadcast and a monthly member day reach the members; the ticks go on by themselves."""
    service.publish(o2o_files(), "first", "pm")
    members = {"member": True, "consent_marketing": True}
    service.put_users("live", [{"id": f"u{n}", "phone": f"+861380013800{n}", "attributes": members} for n in range(3)])
    go(service, 70 * DAY)

    days = sorted({line["at"][:10] for line in service.messages("live", rule="member-day", limit=1000).items})
    assert days == ["2026-06-08", "2026-07-08", "2026-08-08"]


def test_keys_open_their_environment(service: Service) -> None:
    token = service.create_key("till", "ingest", test=True)
    found = service.key(token)

    assert found is not None
    assert (found.name, found.role, found.env, found.personal) == ("till", "ingest", "test", False)
    assert service.key(token + "x") is None
    with pytest.raises(NotFound, match="ingest"):
        service.create_key("x", "boss")


def test_a_thread_judges_what_arrives(shop: Service) -> None:
    """With `start` nobody has to ask; somebody who waits for a decision is told."""
    shop.start()
    shop.accept("live", [made(1)])

    assert shop.await_decision("live", "api", "e1", timeout_seconds=20)
    assert not shop.await_decision("live", "api", "nobody", timeout_seconds=0.01)
    assert verdicts(shop) == [("remind", "schedule", "timer_set")]


def test_a_message_leaves_and_its_receipt_comes_back(shop: Service) -> None:
    """From the event to the phone: the captured text, the attempt, the state."""
    shop.accept("live", [made(1)])
    go(shop, HOUR + SECOND)
    shop.settle(sending=True)

    message = shop.messages("live").items[0]
    assert (message["state"], [one["provider"] for one in message["attempts"]]) == ("delivered", ["capture"])
    assert [one["status"] for one in message["receipts"]] == ["delivered"]
    assert [one.text for one in shop.way_out.providers["capture"].captured] == ["请支付K1"]  # type: ignore[attr-defined]


def test_a_code_is_asked_for_sent_and_checked_once(service: Service) -> None:
    """Through the book's rule; the code stands nowhere but in the text that left."""
    service.publish(o2o_files(), "first", "pm")
    started = service.start_verification("live", phone="13900001111", purpose="register", ip="203.0.113.7")
    service.settle(sending=True)
    left = service.way_out.providers["capture"].captured[-1].text  # type: ignore[attr-defined]
    code = re.search(r"\d{6}", left)[0]  # type: ignore[index]
    wrong = "000000" if code != "000000" else "111111"

    answers = [service.check_verification("live", id=started["id"], code=one) for one in (wrong, code, code)]

    assert [answer["status"] for answer in answers if answer is not None] == ["pending", "approved", "failed"]
    assert code not in str(service.messages("live").items) + str(service.verdicts("live").items)
    with pytest.raises(Throttled) as throttled:
        service.start_verification("live", phone="13900001111", purpose="register")
    assert throttled.value.retry_after_seconds == 60


def test_the_report_says_what_became_of_each_rule(shop: Service) -> None:
    shop.accept("live", [made(1), made(2), made(3, user="nobody")])
    shop.settle()
    shop.cancel("live", "remind", "K2")
    go(shop, HOUR + SECOND)
    shop.settle(sending=True)

    (row,) = shop.report("live", None, None)
    assert (row["rule"], row["judged"], row["sent"], row["delivered"], row["accepted"], row["final"]) == ("remind", 6, 1, 1, 1, 1)
    assert row["reasons"] == {"cancel requested": 1, "schedule timer_set": 3, "send ok": 1, "skip no_recipient": 1}
    assert shop.report("live", shop.clock.now() + 1, None) == []


def test_the_files_of_a_version_are_kept(service: Service) -> None:
    """Also of one that is not in force any more."""
    first = o2o_files()
    second = {name: text + "\n# second\n" for name, text in first.items()}
    service.publish(first, "first", "pm")
    service.publish(second, "second", "pm")

    assert service.version_files(1) == first
    assert service.version_files(2) == service.active_files("live") == second
    assert service.version_files(3) is None


def test_blocked_networks_and_suppressed_numbers_are_one_list(shop: Service) -> None:
    """Page by page; with who did it in the record."""
    for number in range(3):
        assert shop.block_network("live", f"10.{number}.0.0/16", "pumped", "li")
        shop.suppress("live", f"+861380013800{number}", ["marketing"], "asked", "li")
    assert not shop.block_network("live", "10.0.0.0/16", "pumped", "li")
    shown, cursor = [], None
    for limit in (2, 1, 1, 5):
        page = shop.suppressions("live", limit, cursor)
        shown += [one.get("network") or one["phone"] for one in page.items]
        cursor = page.next
        assert len(page.items) <= limit

    assert cursor is None
    assert shown == ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16", "+8613800138000", "+8613800138001", "+8613800138002"]
    assert shop.release_network("live", "10.1.0.0/16", "li")
    assert not shop.release_network("live", "10.1.0.0/16", "li")
    assert [one.get("network") for one in shop.suppressions("live").items[:3]] == ["10.0.0.0/16", "10.2.0.0/16", None]
    assert shop.suppressions("test").items == []
    assert shop.verification_abuse("live")["networks"] == []
