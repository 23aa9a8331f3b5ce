"""Campaigns: an audience judged page by page, whatever happens between the pages."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from engine.core.zones import parse_instant
from engine.runtime.campaigns import Campaigns, CampaignSettings
from engine.runtime.clock import RealClock, TestClock
from engine.runtime.errors import Conflict, NotFound
from engine.runtime.service import Service
from engine.store.store import Store
from rules.model import DAY, HOUR, MINUTE, SECOND
from tests.runtime.conftest import NOON

BOOK = """
book: {id: shop, timezone: Asia/Shanghai}
events:
  sale: {broadcast: true, key: k, data: {k: string, city: {type: string, optional: true}}}
  late: {broadcast: true, key: k, data: {k: string}}
  made: {key: k, data: {k: string}}
user: {attributes: {fan: boolean, city: string, agreed: boolean}}
segments: {fans: {when: {user.fan: true}}}
message_types:
  marketing:
    quiet_hours: {from: "21:00", to: "08:00", then: defer}
    needs_consent: user.agreed
    caps: [{max: 1, per: 7d, by: user}]
rules:
  all: {on: sale, audience: all, send: {type: marketing, sms: "大促{{ event.k }}"}}
  fans: {on: sale, audience: fans, priority: 10, send: {type: marketing, sms: "粉丝{{ event.k }}", valid_for: 20h}}
  order: {on: made, send: {type: notification, sms: "订单{{ event.k }}"}}
  later: {on: {event: late, after: 1h}, audience: fans, send: {type: notification, sms: "稍后{{ event.k }}"}}
  daily: {on: {schedule: {cron: "0 18 8 * *"}}, audience: fans, send: {type: notification, sms: "晚上好"}}
"""
QUIET = 'quiet_hours: {from: "21:00", to: "08:00", then: defer}'
SMALL = CampaignSettings(inline=3, page=4)
Make = Callable[..., Service]


def people(number: int) -> list[dict[str, Any]]:
    """Every third is a fan, every fifth has not agreed, every seventh has the number of the one before, one has none."""
    lines: list[dict[str, Any]] = []
    for n in range(number):
        phone = f"+86138{n - (n % 7 == 6):08}"
        attributes = {"fan": n % 3 == 0, "agreed": n % 5 != 0, "city": "上海" if n == 11 else "北京"}
        lines.append({"id": f"u{n:03}", "phone": phone if n != 8 else None, "attributes": attributes})
    return lines


@pytest.fixture
def make(url: str) -> Iterator[Make]:
    """Makes services over one database, as a process would that starts again."""
    store = Store(url)
    store.migrate()
    clock = TestClock(NOON)
    made = []

    def make(settings: CampaignSettings = SMALL) -> Service:
        made.append(Service(Store(url), clock, secret=b"pepper", campaigns=settings))
        return made[-1]

    first = make()
    first.publish({"book.yaml": BOOK}, "first", "pm")
    yield make
    for service in made:
        service.close()
    store.close()


def announce(service: Service, type: str = "sale", id: str = "s1") -> None:
    service.accept("live", [{"id": id, "type": type, "time": "2026-06-01T12:00:00+08:00", "data": {"k": "618"}}])


def verdicts(service: Service) -> list[tuple[str, str | None, str, str]]:
    """(rule, user, outcome, reason), sorted."""
    found, cursor = [], None
    while True:
        page = service.verdicts("live", limit=500, cursor=cursor)
        found += [(line["rule"], line.get("user"), line["outcome"], line["reason"]) for line in page.items]
        cursor = page.next
        if cursor is None:
            return sorted(found, key=str)


def sent(service: Service, **asked: str) -> list[str]:
    """Who has a message, rule by rule."""
    return sorted(f"{line['rule']} {line['user']}" for line in service.messages("live", limit=1000, **asked).items)


def only(service: Service) -> dict[str, Any]:
    (campaign,) = service.campaigns("live").items
    return campaign


def pages(service: Service, number: int) -> None:
    """So many steps of the worker."""
    for _ in range(number):
        assert service.worker.step("live")


def test_a_small_audience_is_judged_at_once(make: Make) -> None:
    service = make(CampaignSettings(inline=30))
    service.put_users("live", people(30))
    announce(service)
    service.settle()

    assert service.campaigns("live").items == []
    assert len(sent(service)) > 10


@pytest.mark.parametrize("page", [1, 4, 7, 1000])
def test_page_by_page_is_decided_as_at_once(make: Make, page: int) -> None:
    """Two rules over one audience, caps between them, consent, shared numbers, a missing number: the same verdicts and messages."""
    at_once, paged = make(CampaignSettings(inline=100)), make(CampaignSettings(inline=3, page=page))
    at_once.put_users("live", people(30))
    at_once.put_users("test", people(30))
    announce(at_once)
    at_once.worker.step("live")
    paged.accept("test", [{"id": "s1", "type": "sale", "time": "2026-06-01T12:00:00+08:00", "data": {"k": "618"}}])
    while paged.worker.step("test"):
        pass
    assert at_once.campaigns("live").items == []
    (campaign,) = paged.campaigns("test").items

    expected = verdicts(at_once)
    got = sorted(((v["rule"], v.get("user"), v["outcome"], v["reason"]) for v in paged.verdicts("test", limit=1000).items), key=str)
    assert got == expected
    assert {reason for _, _, _, reason in expected} >= {"ok", "no_consent", "capped", "duplicate", "no_recipient"}
    texts = [
        sorted(str(line["text"]) for line in service.messages(env, limit=1000).items)
        for service, env in ((at_once, "live"), (paged, "test"))
    ]
    assert texts[0] == texts[1]
    assert campaign["state"] == "done"
    outcomes = Counter(outcome for _, _, outcome, _ in expected)
    assert campaign["counts"] == {
        "people": 30, "looked": 30, "judged": 30, "sent": outcomes["send"], "deferred": 0, "skipped": outcomes["skip"],
    }  # fmt: skip


def test_the_rules_of_one_instant_are_one_campaign(make: Make) -> None:
    service = make()
    service.put_users("live", people(20))
    announce(service)
    service.settle()

    assert [rule["rule"] for rule in only(service)["rules"]] == ["fans", "all"]
    assert {line["campaign"] for line in rows(service)} == {only(service)["id"]}


def rows(service: Service) -> list[dict[str, Any]]:
    from sqlalchemy import select

    from engine.store.schema import messages

    with service.store.read() as tx:
        return [dict(row._mapping) for row in tx.execute(select(messages))]


def test_events_are_served_between_pages(make: Make) -> None:
    """One page at most before what has come in; and its messages go behind everything else."""
    service = make()
    service.put_users("live", people(30))
    announce(service)
    pages(service, 2)
    before = len(verdicts(service))
    service.accept("live", [{"id": "e1", "type": "made", "time": "2026-06-01T12:00:00+08:00", "user": "u001", "data": {"k": "A"}}])
    pages(service, 1)

    assert sent(service, rule="order") == ["order u001"]
    assert only(service)["state"] == "running"
    assert len(verdicts(service)) == before + 1

    pages(service, 1)  # and on it goes

    assert len(verdicts(service)) > before + 1
    assert {line["priority"] for line in rows(service) if line["campaign"]} == {3}
    assert {line["priority"] for line in rows(service) if not line["campaign"]} == {1}


def test_a_page_that_fails_leaves_nothing_and_is_judged_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its last write and its commit; then another process goes on."""
    service = make()
    service.put_users("live", people(30))
    announce(service)
    pages(service, 2)
    known, looked = verdicts(service), only(service)["counts"]["looked"]
    with monkeypatch.context() as patched:
        patched.setattr("engine.store.campaigns.save", lambda *_: 1 / 0)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                service.worker.step("live")
    assert (verdicts(service), only(service)["counts"]["looked"]) == (known, looked)
    make().settle()

    assert_everybody_once(service, 30)


def assert_everybody_once(service: Service, number: int) -> None:
    """Everybody was judged once for each rule that selects them."""
    judged = Counter((rule, user) for rule, user, _, _ in verdicts(service) if rule in ("all", "fans"))
    users = [line["id"] for line in people(number)]
    assert judged == Counter([("all", user) for user in users] + [("fans", user) for user in users[::3]])
    twice = Counter((line["rule"], line["to"]) for line in service.messages("live", limit=1000).items)
    assert set(twice.values()) == {1}


def test_a_killed_process_goes_on_where_it_stopped(url: str) -> None:
    """kill -9, again and again, while it pages."""
    store = Store(url)
    store.migrate()
    service = Service(store, RealClock(), secret=b"pepper", campaigns=CampaignSettings(inline=3, page=2))
    try:
        # Quiet hours would leave the outcome to the hour of the test.
        service.publish({"book.yaml": BOOK.replace(QUIET, "")}, "first", "pm")
        service.put_users("live", people(200))
        announce(service)
        kills = 0
        until = time.monotonic() + 240  # each process takes its time to start, on a busy machine a long one
        while (not service.campaigns("live").items or only(service)["state"] == "running") and time.monotonic() < until:
            process = subprocess.Popen([sys.executable, "-m", "tests.runtime.test_campaigns", url])
            looked = progress(service)
            while process.poll() is None and progress(service) < looked + 30 and time.monotonic() < until:
                time.sleep(0.002)
            kills += process.poll() is None
            process.kill()
            process.wait()

        assert only(service)["state"] == "done"
        assert kills >= 3
        assert_everybody_once(service, 200)
    finally:
        service.close()


def progress(service: Service) -> int:
    """How many people have been looked at."""
    return sum(campaign["counts"]["looked"] for campaign in service.campaigns("live").items)


def work(url: str) -> None:
    """A process that judges until nothing is left."""
    service = Service(Store(url), RealClock(), secret=b"pepper", campaigns=CampaignSettings(inline=3, page=2))
    service.settle()
    service.close()


def test_paused_it_waits_and_resumed_it_goes_on(make: Make) -> None:
    service = make()
    service.put_users("live", people(30))
    announce(service)
    pages(service, 2)
    id = only(service)["id"]
    service.steer_campaign("live", id, "pause", "太快", "ops")
    service.steer_campaign("live", id, "pause", "太快", "ops")
    service.settle()
    assert only(service)["state"] == "paused"
    assert only(service)["counts"]["looked"] < 30
    service.steer_campaign("live", id, "resume", "", "ops")
    service.settle()

    assert only(service)["state"] == "done"
    assert_everybody_once(service, 30)
    for action in ("pause", "resume", "stop"):
        with pytest.raises(Conflict, match="is done"):
            service.steer_campaign("live", id, action, "", "ops")


def test_stopped_it_says_so_once(make: Make) -> None:
    """Whom it has not reached get no verdict; each of its rules gets one."""
    service = make()
    service.put_users("live", people(30))
    announce(service)
    pages(service, 2)
    before, counts = verdicts(service), only(service)["counts"]
    service.steer_campaign("live", only(service)["id"], "stop", "写错了", "ops")
    service.settle()

    new = Counter(verdicts(service)) - Counter(before)
    assert new == Counter({("all", None, "skip", "stopped"): 1, ("fans", None, "skip", "stopped"): 1})
    assert (only(service)["state"], only(service)["counts"]) == ("stopped", counts)
    with pytest.raises(Conflict):
        service.steer_campaign("live", only(service)["id"], "resume", "", "ops")


def test_what_is_not_there_cannot_be_steered(make: Make) -> None:
    with pytest.raises(NotFound):
        make().steer_campaign("live", "x", "pause", "", "ops")


def test_the_pace_is_kept(make: Make) -> None:
    """Four people a second: nobody more before the second is over."""
    service = make(CampaignSettings(inline=3, page=100, per_second=4))
    service.put_users("live", people(30))
    announce(service)
    looked = []
    for _ in range(9):
        service.settle()
        looked.append(only(service)["counts"]["looked"])
        service.advance_clock(SECOND)

    assert looked == [4, 8, 12, 16, 20, 24, 28, 30, 30]


def test_quiet_hours_begin_between_two_pages(make: Make) -> None:
    """Who comes after 21:00 waits until the morning; what is worth nothing by then is not sent."""
    service = make()
    service.put_users("live", people(30))
    service.set_clock(NOON + 8 * HOUR + 55 * MINUTE)
    announce(service)
    pages(service, 2)
    first = sent(service)
    service.advance_clock(10 * MINUTE)
    service.settle()
    assert sent(service) == first
    assert only(service)["counts"]["deferred"] > 10
    service.set_clock(NOON + 20 * HOUR + MINUTE)
    service.settle()

    assert len(sent(service)) > len(first) + 10


def test_validity_counts_from_the_occurrence(make: Make) -> None:
    """A campaign paused for longer than its message is worth."""
    service = make()
    service.put_users("live", people(30))
    announce(service)
    pages(service, 2)
    service.steer_campaign("live", only(service)["id"], "pause", "", "ops")
    service.advance_clock(DAY)
    service.settle()
    service.steer_campaign("live", only(service)["id"], "resume", "", "ops")
    service.settle()

    reasons = Counter((rule, reason) for rule, _, _, reason in verdicts(service) if rule in ("all", "fans"))
    assert reasons["fans", "expired"] > 3
    assert reasons["all", "expired"] == 0


@pytest.mark.parametrize(("rule", "instant"), [("later", NOON + HOUR), ("daily", NOON + 7 * DAY + 6 * HOUR)])
def test_timers_and_ticks_become_campaigns_too(make: Make, rule: str, instant: int) -> None:
    service = make()
    service.put_users("live", people(30))
    announce(service, "late")
    service.settle()
    service.set_clock(instant + 1)
    service.settle()

    (campaign,) = [one for one in service.campaigns("live").items if one["rules"][0]["rule"] == rule]
    assert (campaign["state"], parse_instant(campaign["at"], None)) == ("done", instant)
    assert len(sent(service, rule=rule)) == campaign["counts"]["sent"] > 5


def test_who_was_changed_in_the_same_batch_is_asked_as_changed(make: Make) -> None:
    """The database does not know yet, neither for a campaign nor for a small audience."""
    service = make(CampaignSettings(inline=100))
    service.put_users("live", people(12))
    new = {"id": "new", "phone": "+8613900000000", "attributes": {"fan": True, "agreed": True}}
    old = {"id": "u001", "attributes": {"fan": True}}
    for number, user in enumerate((new, old)):
        line = {"id": f"e{number}", "type": "made", "time": "2026-06-01T12:00:00+08:00", "user": user, "data": {"k": "A"}}
        service.accept("live", [line])
    announce(service)
    service.settle()

    assert {"fans new", "fans u001"} <= set(sent(service))


def test_a_new_number_leaves_nobody_out_and_serves_nobody_twice(make: Make) -> None:
    """One that the campaign has passed, and one that it is still to come to."""
    service = make()
    service.put_users("live", people(30))
    announce(service)
    pages(service, 2)
    service.put_users("live", [{"id": "u028", "phone": "+861380000"}, {"id": "u001", "phone": "+8613899999999"}])
    service.advance_clock(SECOND)
    service.settle()

    judged = Counter(user for rule, user, _, _ in verdicts(service) if rule == "all")
    assert judged.keys() == {line["id"] for line in people(30)}
    assert judged["u028"] == 1
    assert Counter(sent(service))["all u001"] == 1


def test_a_rule_that_is_gone_says_so_once(make: Make) -> None:
    """The others go on."""
    service = make()
    service.put_users("live", people(30))
    announce(service)
    pages(service, 2)
    without = "\n".join(line for line in BOOK.splitlines() if not line.startswith("  fans: {on"))
    service.publish({"book.yaml": without}, "second", "pm")
    service.settle()

    reasons = Counter((rule, reason) for rule, _, _, reason in verdicts(service))
    assert reasons["fans", "rule_removed"] == 1
    assert only(service)["state"] == "done"
    assert Counter(rule for rule, _, _, _ in verdicts(service))["all"] == 30


def test_an_erased_person_is_in_no_cursor(make: Make) -> None:
    """It goes back to the one before, and nobody is judged twice for it."""
    service = make(CampaignSettings(inline=3, page=1))
    service.put_users("live", people(20))
    announce(service)
    service.worker.step("live")
    for user in ("u000", "u002"):
        while (cursor := cursors(service)[0][1]) != user and cursor is not None:
            service.worker.step("live")
        service.erase_user("live", user)
        assert user not in str(cursors(service))
    service.settle()

    judged = Counter(user for rule, user, _, _ in verdicts(service) if rule == "all")
    assert max(judged.values()) == 1
    assert len([user for user in judged if user is not None and user.startswith("u")]) >= 18
    assert cursors(service) == [(None, None)]


def cursors(service: Service) -> list[tuple[str | None, str | None]]:
    from sqlalchemy import select

    from engine.store.schema import campaigns

    with service.store.read() as tx:
        return [(phone, user) for phone, user in tx.execute(select(campaigns.c.cursor_phone, campaigns.c.cursor_user))]


def test_a_rare_audience_makes_no_long_transactions(make: Make) -> None:
    """A page ends after so many people, however few it finds."""
    service = make(CampaignSettings(inline=0, page=1))
    service.put_users("live", people(30))
    announce(service, "late")
    service.set_clock(NOON + HOUR + 1)
    looked = []
    while service.worker.step("live"):
        looked += [one["counts"]["looked"] for one in service.campaigns("live").items]

    assert looked[-1] == 30
    assert all(after - before <= 10 for before, after in zip([0, *looked], looked, strict=False))


def test_campaigns_are_listed_newest_first(make: Make) -> None:
    service = make()
    service.put_users("live", people(10))
    for number in range(5):
        announce(service, id=f"s{number}")
        service.settle()
        service.advance_clock(MINUTE)
    found, cursor = [], None
    while True:
        page = service.campaigns("live", limit=2, cursor=cursor)
        found += [campaign["at"] for campaign in page.items]
        cursor = page.next
        if cursor is None:
            break

    assert found == sorted(found, reverse=True)
    assert len(found) == 5


@pytest.mark.parametrize("wrong", [{"inline": -1}, {"page": 0}, {"per_second": 0}, {"per_second": -2}, {"per_second": float("nan")}])
def test_settings_that_would_never_end_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="campaign"):
        CampaignSettings(**wrong)


def test_what_a_stopped_campaign_has_not_sent_ends(make: Make) -> None:
    """Nothing more leaves, and the caps are free again; what has left has left."""
    service = make()
    service.put_users("live", people(30))
    announce(service)
    pages(service, 2)
    service.way_out.step()
    left = {line["id"] for line in service.messages("live", state="delivered").items}
    pages(service, 2)
    service.steer_campaign("live", only(service)["id"], "stop", "wrong text", "ops")
    service.settle(sending=True)
    after = {line["id"]: (line["state"], line["state_reason"]) for line in service.messages("live", limit=1000).items}

    assert left
    assert len(after) > len(left)
    assert set(after.values()) == {("delivered", None), ("cancelled", "stopped")}
    assert {id for id, (state, _) in after.items() if state == "delivered"} == left

    service.accept("live", [{"id": "s2", "type": "sale", "time": "2026-06-01T12:00:00+08:00", "data": {"k": "again"}}])
    service.settle()
    again = {line["user"] for line in service.messages("live", limit=1000).items if line["occurrence"] == "s2"}
    assert again >= {line["user"] for line in service.messages("live", state="cancelled", limit=1000).items}


def test_two_processes_page_one_campaign(make: Make) -> None:
    """Whoever comes second to a page finds it done."""
    one, other = make(), make()
    one.put_users("live", people(30))
    announce(one)
    one.worker.step("live")
    second: Campaigns = other._campaigns
    while one.worker.step("live") | second.step("live"):
        pass

    assert_everybody_once(one, 30)


if __name__ == "__main__":
    work(sys.argv[1])
