"""The simulator without a browser: stories, runs, the clock, reasons in words, masks, recorded orders, tests that pass, pages."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.compile import compile_book
from engine.core.plan import BookPlan
from engine.core.zones import format_instant, parse_instant
from engine.simulate.story import run_test
from rules.checking import check
from tests.console.house import Console, o2o
from webapp.console.simulator import book, clock, contrast, recorded, running, sources, testcase, timeline
from webapp.console.simulator import story as stories
from webapp.console.simulator.masked import masked
from webapp.console.simulator.naming import Naming
from webapp.console.simulator.story import BadStory, Story
from webapp.console.simulator.why import why

RULES = book.Shelf().rules(o2o())
assert RULES.plan is not None
PLAN: BookPlan = RULES.plan
EVENING = sources.samples(PLAN.book)["1-evening"]
FULL_NUMBER = re.compile(r"1[3-9]\d{9}")


def instant(text: str) -> int:
    return parse_instant(text, PLAN.zone)


def run(story: Story, until: str | None = None, plan: BookPlan = PLAN) -> running.Run:
    read = running.read(story, plan)
    return running.run(read, plan, clock.end_of(read, plan) if until is None else parse_instant(until, plan.zone))


def verdicts_of(found: running.Run, rule: str, user: str | None) -> list[running.Judged]:
    return [one for one in found.judged if one.verdict.rule == rule and one.verdict.user == user]


# ---- stories --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "users", "events", "receipts"),
    [
        ('{"users": [{"id": "u1"}], "events": [{"type": "a"}]}', 1, 1, 0),
        ('[{"type": "a"}, {"type": "b"}]', 0, 2, 0),
        ('{"id": "u1", "phone": "1"}\n\n{"type": "a"}\n{"rule": "r", "status": "none"}', 1, 1, 1),
        ('{"type": "a", "id": "e1"}', 0, 1, 0),
    ],
    ids=["an object", "a list of events", "JSONL of all kinds", "one event"],
)
def test_a_pasted_story_is_read(text: str, users: int, events: int, receipts: int) -> None:
    """Whichever of the usual shapes it has."""
    story = stories.read(text)

    assert (len(story.users), len(story.events), len(story.receipts)) == (users, events, receipts)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "nothing was given"),
        ('{"type": "a"}\nno json', "line 2"),
        ("[1]", "line 1: must be a JSON object"),
        ('{"what": 1}', "neither an event"),
        ('{"events": {}}', "events must be a list"),
        ('{"events": [], "rules": []}', "a story has no rules"),
    ],
)
def test_what_is_no_story_is_refused_with_its_place(text: str, reason: str) -> None:
    """Never half of it."""
    with pytest.raises(BadStory, match=reason):
        stories.read(text)


def test_an_exported_story_is_the_same_story_when_pasted() -> None:
    """But for its name and bounds, which JSONL has no place for."""
    again = stories.read(stories.export(EVENING))

    assert (again.users, again.events, again.receipts) == (EVENING.users, EVENING.events, EVENING.receipts)


def test_lines_that_the_book_cannot_read_are_named() -> None:
    """The rest of the story runs."""
    found = run(EVENING.with_event({"id": "x", "type": "order.createt", "time": "2026-06-16T09:00+08:00"}))

    assert [one["index"] for one in found.refused] == [len(EVENING.events)]
    assert "did you mean" in found.refused[0]["reason"]
    assert len(found.judged) == len(run(EVENING).judged)


def test_every_rule_test_of_the_book_can_be_looked_at() -> None:
    """As a story it gives the messages that the test expects."""
    for name, test in PLAN.book.tests.items():
        story = sources.of_test(PLAN, name)
        assert story is not None
        found = running.run(given_ := running.read(story, PLAN), PLAN, given_.until or max(event.received for event in given_.events))
        expected = run_test(PLAN, test).messages
        assert [(format_instant(one.at), one.rule, one.user) for one in found.messages] == [
            (one["at"], one["rule"], one["user"]) for one in expected
        ], name


# ---- the clock ------------------------------------------------------------------------------------------------------------------------


def shape(one: running.Judged) -> tuple[Any, ...]:
    return (one.id, one.number, one.verdict.at, one.verdict.rule, one.verdict.user, one.verdict.outcome, one.verdict.reason)


@settings(max_examples=40, deadline=None)
@given(st.integers(min_value=instant("2026-06-15T20:00"), max_value=instant("2026-06-19T12:00")))
def test_what_is_seen_at_an_instant_is_what_had_happened_by_then(now: int) -> None:
    """Running until T shows exactly the verdicts of the whole story up to T: nothing later reaches back."""
    whole, part = run(EVENING, "2026-06-20T00:00"), running.run(running.read(EVENING, PLAN), PLAN, now)

    assert [shape(one) for one in part.judged] == [shape(one) for one in whole.judged if one.verdict.at <= part.now]
    assert all(one.due > part.now for one in part.waiting)


def test_the_buttons_say_where_they_land() -> None:
    """One hour, the next timer, the end of quiet hours, the end of the story."""
    found = run(EVENING, "2026-06-16T21:30")
    jumps = clock.jumps(found, clock.end_of(running.read(EVENING, PLAN), PLAN))

    assert format_instant(jumps.hour) == "2026-06-16T14:30:00Z"
    assert jumps.timer == instant("2026-06-16T21:40")  # the other cart
    assert jumps.quiet_end == instant("2026-06-17T08:00")
    assert jumps.end == instant("2026-06-19T00:00")


def test_quiet_hours_end_by_the_clock_of_whoever_is_left_alone() -> None:
    """At 09:00 in Shanghai it is quiet in Urumqi only, until 08:00 there."""
    found = run(EVENING, "2026-06-17T09:00")

    assert not clock.is_quiet(PLAN, found.now)
    assert clock.jumps(found, found.now).quiet_end == instant("2026-06-17T10:00")


def test_a_story_without_an_end_leaves_time_for_a_day_and_a_morning() -> None:
    """It ends with the day after its last event."""
    story = stories.read('{"id": "e1", "type": "pickup.done", "time": "2026-06-16T10:00+08:00", "user": "u1", "data": {"order_id": "A"}}')

    assert clock.end_of(running.read(story, PLAN), PLAN) == instant("2026-06-18T00:00")


# ---- what belongs together ------------------------------------------------------------------------------------------------------------


def test_a_deferred_message_is_tied_to_its_timer_and_its_release() -> None:
    """The offer of the evening: set, deferred, sent in the morning."""
    timer, deferred, sent = verdicts_of(run(EVENING), "cart-reminder", "u1")

    assert [one.outcome for one in sent.chain] == ["scheduled", "deferred", "sent"]
    assert (timer.after, deferred.after, sent.after) == ([deferred], [sent], [])
    assert deferred.event is not None
    assert deferred.event.id == "e6"


def test_an_undelivered_message_is_a_failure() -> None:
    """The receipt is the story's own."""
    (one,) = verdicts_of(run(EVENING), "holiday-sale", "u1")

    assert one.outcome == "failed"


def test_a_broadcasts_timer_leads_to_everybody_it_reached() -> None:
    """Nobody's promise, four people's verdicts."""
    (timer,) = verdicts_of(run(EVENING), "flash-countdown", None)

    assert [one.verdict.user for one in timer.after] == ["u1", "u2", "u3", "u4"]


# ---- why ------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def speaking(console: Console) -> Iterator[Flask]:
    with console.app.test_request_context("/simulator"):
        yield console.app


def tell(at: int | str) -> str:
    return at if isinstance(at, str) else format_instant(at)


@pytest.mark.parametrize(
    ("rule", "user", "reason", "headline", "facts", "line"),
    [
        ("cart-reminder", "u1", "quiet_hours", "21:00–08:00 不打扰，等到 2026-06-17T00:00:00Z", (), "quiet_hours:"),
        ("dish-video", "u1", "capped", "每人每天最多 1 条，已有 1 条", ("2026-06-17T16:00:00Z 空出一个名额",), "max: 1, per: day"),
        ("holiday-sale", "u3", "no_consent", "没有同意接收营销", ("user.consent_marketing 是 false",), "needs_consent:"),
        (
            "pickup-overdue", "u3", "unless", "「已自提」在 2026-06-16T10:05:00Z 先到了，不再需要",
            ("pickup.done e5", "本来定在 2026-06-17T06:20:00Z"), "unless: [pickup.done, order.cancelled]",
        ),
        (
            "flash-countdown", "u1", "expired",
            "安静时段到 2026-06-18T00:00:00Z 才结束，消息只在 2026-06-17T14:00:00Z 以前有用", (), "valid_for: 10m",
        ),
    ],
)  # fmt: skip
def test_reasons_are_said_with_their_values_and_their_line(
    speaking: Flask, rule: str, user: str, reason: str, headline: str, facts: tuple[str, ...], line: str
) -> None:
    """What a person reads first, and the text of the book that decided."""
    found = run(EVENING)
    one = next(one for one in verdicts_of(found, rule, user) if one.verdict.reason == reason)
    told = why(one, found, Naming(PLAN.book, tell))
    span = RULES.place(told.place)

    assert (told.headline, told.facts) == (headline, facts)
    assert line in dict(RULES.lines(span))[span.line]


def test_a_full_cap_names_who_took_it(speaking: Flask) -> None:
    """The verdict whose message stands in the slot."""
    found = run(EVENING)
    (full,) = verdicts_of(found, "dish-video", "u1")

    assert [one.verdict.rule for one in why(full, found, Naming(PLAN.book, tell)).others] == ["cart-reminder"]


CONDITIONS = """
book: {id: t, timezone: Asia/Shanghai}
events:
  cart.abandoned: {name: 加购, data: {amount: number}}
  order.completed: {name: 订单完成, data: {amount: number}}
user:
  attributes: {tier: {type: string, enum: {silver: 银卡, gold: 金卡}}}
  traits: {orders_90d: {on: order.completed, take: count, within: 90d}}
message_types: {notification: {}}
rules:
  r:
    on: cart.abandoned
    when: {all: [{event.amount: {at_least: 50}}, {any: [{user.tier: [gold]}, {user.orders_90d: {at_least: 2}}]}]}
    send: {type: notification, sms: "好"}
"""


def test_a_false_condition_is_said_with_labels_and_actual_values(speaking: Flask) -> None:
    """`银卡`, and how often within 90 days; each with what was asked for."""
    rules = book.Shelf().rules({"b.yaml": CONDITIONS})
    assert rules.plan is not None
    lines = [
        {"id": "u1", "phone": "+8613800138000", "attributes": {"tier": "silver"}},
        {"id": "e1", "type": "order.completed", "time": "2026-06-01T10:00+08:00", "user": "u1", "data": {"amount": 1}},
        {"id": "e2", "type": "cart.abandoned", "time": "2026-06-02T10:00+08:00", "user": "u1", "data": {"amount": 68}},
    ]
    found = run(stories.read("\n".join(map(json.dumps, lines))), plan=rules.plan)
    told = why(found.judged[-1], found, Naming(rules.plan.book, tell))
    span = rules.place(told.place)

    assert told.headline == "tier 是 银卡，90 天内「订单完成」的次数是 1"
    assert told.facts == ("这 2 项要有一项成立，现在都不成立", "要求 tier 属于 金卡", "要求 90 天内「订单完成」的次数至少 2")
    assert told.place == "rules.r.when.all[1].any"
    assert rules.files["b.yaml"].splitlines()[span.line - 1][span.column - 1 :].startswith("any:")


# ---- the timeline -----------------------------------------------------------------------------------------------------------------------


def test_lanes_stand_in_the_order_of_the_story_and_shade_by_each_persons_zone() -> None:
    """Urumqi is two hours later."""
    found = run(EVENING)
    drawn = timeline.draw(found, found.judged, instant("2026-06-19T00:00"), width=552)

    assert [lane.name for lane in drawn.lanes] == ["u1", "u2", "u3", "u4", ""]
    assert drawn.lanes[0].quiet[0] == (0.0, 11.11)  # to 08:00 of three days
    assert drawn.lanes[3].quiet[0] == (0.0, 13.89)  # to 10:00


def test_marks_that_would_cover_each_other_are_put_together() -> None:
    """The earlier of two becomes a ring; of three a number. Minutes apart, in a story of minutes, they stand alone."""
    codes = sources.samples(PLAN.book)["4-codes"]
    found = run(codes)
    short = {row.rule: row for row in timeline.draw(found, found.judged, instant("2026-06-02T10:05"), width=552).lanes[0].rows}
    rows = {row.rule: row for row in timeline.draw(found, found.judged, instant("2026-06-03T00:00"), width=552).lanes[0].rows}
    evening = run(EVENING)
    cart = next(
        row
        for row in timeline.draw(evening, evening.judged, instant("2026-06-19T00:00"), width=552).lanes[0].rows
        if row.rule == "cart-reminder"
    )

    assert [(mark.size, mark.count) for mark in rows["register-code"].marks] == [("number", 4)]
    assert [mark.size for mark in short["register-code"].marks] == ["full"] * 4
    assert [mark.size for mark in cart.marks] == ["small", "full", "full"]


def test_a_promise_that_has_not_come_is_drawn_to_its_instant() -> None:
    """Open, up to the due instant."""
    found = run(EVENING, "2026-06-17T23:00")
    drawn = timeline.draw(found, found.judged, instant("2026-06-19T00:00"), width=552)
    (row,) = [row for row in drawn.lanes[2].rows if row.rule == "pickup-overdue"]

    assert [(thread.open, thread.x2) for thread in row.threads] == [(False, 25.12), (True, 89.12)]


# ---- two books ------------------------------------------------------------------------------------------------------------------------


def test_two_books_differ_where_an_occurrence_ends_otherwise() -> None:
    """Another text, a rule gone, a rule more; what only waits longer and comes to the same is not said."""
    files = {name: text for name, text in o2o().items() if not name.startswith("tests-")}
    files["marketing.yaml"] = files["marketing.yaml"].replace("      after: 1h\n", "      after: 2h\n")
    files["orders.yaml"] = files["orders.yaml"].replace("sms: 您已下单", "sms: 已收到您的订单")
    files["delivery.yaml"] = files["delivery.yaml"].replace("  pickup-ready:\n", "  pickup-prepared:\n")
    rules = book.Shelf().rules(files)
    assert rules.plan is not None
    found = contrast.differences(run(EVENING), run(EVENING, plan=rules.plan))

    assert {(one.one.verdict.rule, one.one.verdict.user, one.is_only_text, one.old is None, one.new is None) for one in found} == {
        ("order-created", "u1", True, False, False),
        *(("pickup-ready", user, False, False, True) for user in ("u1", "u3")),
        *(("pickup-prepared", user, False, True, False) for user in ("u1", "u3")),
    }
    assert contrast.differences(run(EVENING), run(EVENING)) == []


# ---- masks ----------------------------------------------------------------------------------------------------------------------------

REAL = Story(
    users=(
        {"id": "u1", "phone": "13912345678", "attributes": {"birthday": "1990-06-23", "city": "上海"}},
        {"id": "u2", "phone": "13987655678"},
    ),
    events=(
        {"id": "e1", "type": "pickup.ready", "time": "2026-06-16T10:00+08:00", "user": "u1",
         "data": {"order_id": "A1", "store": "徐汇店", "address": "淮海路1号", "code": "998877", "valid_until": "2026-06-18T22:00+08:00"}},
        {"id": "e2", "type": "login.attempted", "time": "2026-06-16T10:01+08:00", "user": {"phone": "+1 650 253 0000"},
         "data": {"ip": "114.247.50.2", "device_id": "device-of-mine", "new_device": True}},
    ),
)  # fmt: skip


def test_a_kept_story_holds_nothing_by_which_somebody_could_be_found() -> None:
    """Ends of numbers stay, so that `139****5678` is shown; two numbers stay two."""
    text = json.dumps(masked(REAL, PLAN.book).body(), ensure_ascii=False)

    for secret in ("12345678", "87655678", "998877", "114.247.50.2", "device-of-mine", "1990", "6502530000", "650 253"):
        assert secret not in text
    first, second = masked(REAL, PLAN.book).users
    assert (first["phone"], second["phone"]) == ("+8613900005678", "+8613900015678")
    assert first["attributes"] == {"birthday": "2000-06-23", "city": "上海"}


def test_a_masked_story_is_judged_like_the_real_one() -> None:
    """Equal stays equal, and every line can still be read."""
    real, made_up = run(REAL), run(masked(REAL, PLAN.book))

    assert made_up.refused == []
    assert [(one.verdict.rule, one.verdict.outcome) for one in made_up.judged] == [
        (one.verdict.rule, one.verdict.outcome) for one in real.judged
    ]


@pytest.mark.parametrize("story", [REAL, EVENING, *sources.samples(PLAN.book).values()], ids=lambda story: story.name or "real")
def test_masking_twice_is_masking_once(story: Story) -> None:
    """A kept story can be kept again."""
    once = masked(story, PLAN.book)

    assert masked(once, PLAN.book) == once


# ---- a recorded order -------------------------------------------------------------------------------------------------------------------


def test_a_recorded_order_becomes_a_story_without_its_people(console: Console) -> None:
    """By its number or an event's id: its events, its people under other names, what they did before that traits are made of."""
    console.service.put_users(
        "live", [{"id": "cust-881", "phone": "13912345678", "attributes": {"tier": "gold", "birthday": "1990-06-23"}}]
    )
    console.post("order.completed", "cust-881", order_id="B7", amount=30)
    console.clock.set(console.clock.now() + 86_400_000_000)
    first = console.post("order.created", "cust-881", order_id="A1", item="咖啡", amount=30)
    console.post("shipment.signed", "somebody", order_id="A1", signed_by="张三", sender_id="cust-881")
    console.post("order.created", "another", order_id="A2", item="茶", amount=3)
    console.settle()

    story = recorded.of_order(console.service, "live", PLAN.book, "A1")

    assert [line["type"] for line in story.events] == ["order.completed", "order.created", "shipment.signed"]
    assert story.since == format_instant(console.clock.now())
    assert "cust-881" not in json.dumps(story.body())
    assert "张三" not in json.dumps(story.body(), ensure_ascii=False)
    assert story.users[0] == {"id": "u1", "phone": "+8613900005678", "attributes": {"tier": "gold", "birthday": "2000-06-23"}}
    assert story.events[2]["data"]["sender_id"] == "u1"
    assert recorded.of_order(console.service, "live", PLAN.book, first).events == story.events
    found = run(story)
    assert [one.verdict.rule for one in found.judged if one.outcome == "sent"] == ["order-created", "signed-sender", "order-unpaid"]


# ---- saved as a test --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["messages", "verdict"])
@pytest.mark.parametrize("name", list(sources.samples(PLAN.book)))
def test_a_saved_test_passes(console: Console, name: str, scope: testcase.Scope) -> None:
    """`hongyan test` agrees with what was seen; the second one goes into the same file."""
    story = sources.samples(PLAN.book)[name]
    given_, found = running.read(story, PLAN), run(story)
    for number in (1, 2):
        text = testcase.entry(f"t{number}", given_, found, scope, found.judged[-1])
        saved = testcase.save(console.service.drafts, f"t{number}", text, "qa")
        assert saved.file == "tests-console.yaml"

    checked = check(console.service.drafts.files())
    assert checked.book is not None
    assert [run_test(compile_book(checked.book), checked.book.tests[f"t{number}"]).problems for number in (1, 2)] == [[], []]
    assert set(PLAN.book.tests) < set(checked.book.tests)


NASTY = "x: [y], # \"quoted\" 'single' \\ \n\t{{ 1 }} 1e3 \u2028 \U0001f600 yes"


def test_whatever_stands_in_a_story_stands_in_its_test(console: Console) -> None:
    """Texts that YAML would read otherwise come back as they were."""
    story = Story(
        users=({"id": "no", "phone": "+8613800138000"},),
        events=({"id": "1e3", "type": "order.created", "time": "2026-06-16T10:00:07.5+08:00", "user": "no",
                 "data": {"order_id": "0123", "item": NASTY, "amount": 1e-7, "extra": [None, True, {"a b": "12:30"}]}},),
    )  # fmt: skip
    given_, found = running.read(story, PLAN), run(story)
    testcase.save(console.service.drafts, "nasty", testcase.entry("nasty", given_, found, "messages", found.judged[0]), "qa")

    test = check(console.service.drafts.files()).draft.book.tests["nasty"]
    again = sources.of_test(compile_book(check(console.service.drafts.files()).book or PLAN.book), "nasty")
    assert again is not None
    assert again.events[0]["data"] == story.events[0]["data"]
    assert again.events[0]["id"] == "1e3"
    assert list(test.users) == ["no"]


def test_a_test_that_would_fail_on_the_draft_is_not_kept(console: Console) -> None:
    """What was seen with the live book is no test of a draft that decides otherwise."""
    files = o2o()
    draft = console.service.drafts
    draft.save("orders.yaml", files["orders.yaml"].replace("    name: 下单确认\n", "    name: 下单确认\n    enabled: false\n"), 0, "editor")
    given_, found = running.read(EVENING, PLAN), run(EVENING)

    with pytest.raises(BadStory, match="order-created"):
        testcase.save(draft, "t", testcase.entry("t", given_, found, "messages", None), "qa")
    assert "tests-console.yaml" not in draft.files()


# ---- pages ------------------------------------------------------------------------------------------------------------------------------

PAGE = "/simulator"


def test_the_page_says_everything_without_scripts(console: Console) -> None:
    """Clock, counts, marks with full names, the table, the reason, the line of the book; and never a whole number."""
    one = next(one for one in run(EVENING, "2026-06-17T23:00").judged if one.verdict.reason == "capped")
    text = console.as_("viewer").get(PAGE, story="sample:1-evening", at="2026-06-17T15:00:00Z", verdict=one.id).text

    for words in (
        "23:00",
        "安静时段",
        "已跳过，特色菜视频，u1，6月17日 周三 11:30，频次已满",
        "每人每天最多 1 条，已有 1 条",
        "messages.yaml:",
    ):
        assert words in text
    assert "138****8000" in text
    assert FULL_NUMBER.findall(text) == []


def test_a_pane_is_the_same_address(console: Console) -> None:
    """htmx gets what changes, and the address to show."""
    answer = console.as_("qa").get(PAGE, htmx=True, story="sample:2-overdue", only="unsent")

    assert "<html" not in answer.text
    assert 'id="sim"' in answer.text
    assert answer.headers["HX-Push-Url"] == "/simulator?story=sample:2-overdue&only=unsent"


@pytest.mark.parametrize(
    "query",
    [
        {
            "story": "sample:1-evening",
            "at": "never",
            "verdict": "x",
            "only": "?",
            "tab": "-",
            "view": "'",
            "day": "2026-13-01",
            "edit": "event-999",
        },
        {"story": "sample:1-evening", "edit": "user-x", "type": "<script>"},
        {"story": "sample:1-evening", "at": "9999-12-31T00:00:00Z"},
        {"story": "test:overdue-pickup-not-there"},
        {"story": "c-0000", "book": "v99"},
        {"book": "v99999999999999999999"},
        {"story": "\x00\ud800".encode("utf-8", "replace").decode()},
    ],
)
def test_odd_addresses_are_no_errors_of_ours(console: Console, query: dict[str, str]) -> None:
    """Each answers with a page, or with 404."""
    assert console.as_("qa").get(PAGE, **query).status_code in (200, 404)


HOSTILE = "<script>alert(1)</script>"


def test_hostile_texts_are_shown_as_text(console: Console) -> None:
    """Names of people, events, values and stories, and a book that is full of scripts."""
    story = Story(
        HOSTILE,
        ({"id": HOSTILE, "phone": "+8613800138000", "attributes": {"city": HOSTILE}},),
        ({"id": HOSTILE, "type": "order.created", "time": "2026-06-16T10:00+08:00", "user": HOSTILE,
          "data": {"order_id": HOSTILE, "item": HOSTILE, "amount": 3}},),
    )  # fmt: skip
    qa = console.as_("qa")
    address = qa.post(f"{PAGE}/new", {"kind": "paste", "text": json.dumps(story.body())}).headers["Location"]
    id_ = address.split("story=")[1].split("&")[0]
    files = o2o()
    evil = files["orders.yaml"].replace("name: 下单确认", f'name: "{HOSTILE}"').replace("已下单", f"已下单{HOSTILE}")
    console.service.drafts.save("orders.yaml", evil, 0, "editor")
    pages = [qa.get(PAGE, story=id_), qa.get(PAGE, story=id_, edit="event-0"), qa.get(PAGE, story=id_, edit="user-0"), qa.get(PAGE)]
    run_ = re.findall(r"verdict=([0-9a-f]{10})", pages[0].text)
    pages += [qa.get(PAGE, story=id_, verdict=one, edit=edit) for one in sorted(set(run_)) for edit in ("", "test")]

    assert len(run_) > 1
    for page in pages:
        assert page.status_code == 200
        assert "<script>alert" not in page.text
    assert any("&lt;script&gt;alert" in page.text for page in pages)


def test_a_draft_with_errors_leads_to_the_first_and_to_the_live_book(console: Console) -> None:
    """The story is kept in both links."""
    console.service.drafts.save("orders.yaml", "rules: {x: {on: nothing}}", 0, "editor")
    text = console.as_("qa").get(PAGE, story="sample:2-overdue").text

    assert "/editor?file=orders.yaml&amp;line=" in text
    assert "book=live" in text
    assert "自提逾期24小时提醒" in console.as_("qa").get(PAGE, story="sample:2-overdue", book="live").text


def test_the_page_compares_the_draft_with_the_live_book(console: Console) -> None:
    """What differs in a table; a chosen verdict with what the live book decides."""
    assert "没有不同" in console.as_("qa").get(PAGE, story="sample:2-overdue", book="both").text
    changed = o2o()["orders.yaml"].replace("    name: 下单确认\n", "    name: 下单确认\n    enabled: false\n")
    console.service.drafts.save("orders.yaml", changed, 0, "editor")
    text = console.as_("qa").get(PAGE, story="sample:2-overdue", book="both").text
    (link,) = set(re.findall(r"verdict=([0-9a-f]{10})", text.split('id="contrast"')[1].split("</table>")[0])) - {
        one.id for one in run(sources.samples(PLAN.book)["2-overdue"]).judged
    }
    told = console.as_("qa").get(PAGE, story="sample:2-overdue", book="both", verdict=link).text

    assert "1 处不同" in text
    assert "规则停用了" in told
    assert "各关都过了，已发送" in told.split('class="was"')[1]


@pytest.mark.parametrize(
    ("view", "data"),
    [
        ("new", {"kind": "blank"}),
        ("event", {}),
        ("user", {"id": "u1"}),
        ("case", {"name": "x"}),
        ("case/remove", {"id": "x"}),
        ("test", {"name": "x"}),
    ],
)
def test_a_viewer_looks_and_changes_nothing(console: Console, view: str, data: dict[str, str]) -> None:
    """The server refuses, whatever the page shows."""
    assert console.as_("viewer").post(f"{PAGE}/{view}?story=sample:2-overdue", data).status_code == 403
    assert 'name="csrf_token" value' in console.as_("viewer").get(PAGE, story="sample:2-overdue").text  # signing out, at least
    assert "存为测试" not in console.as_("viewer").get(PAGE, story="sample:2-overdue").text


def test_a_private_case_is_its_owners_and_a_link_is_everybodys(console: Console) -> None:
    """A shared one stands in everybody's list."""
    qa, editor = console.as_("qa"), console.as_("editor")
    private = qa.post(f"{PAGE}/case?story=sample:2-overdue", {"name": "我的私房故事"}).headers["Location"]
    shared = qa.post(f"{PAGE}/case?story=sample:3-cart", {"name": "大家的故事", "shared": "1"}).headers["Location"]
    linked = qa.post(f"{PAGE}/user?story=sample:2-overdue", {"id": "u9"}).headers["Location"]

    assert "我的私房故事" in qa.get(PAGE).text
    assert "我的私房故事" not in editor.get(PAGE).text
    assert "大家的故事" in editor.get(PAGE).text
    assert [editor.client.get(address).status_code for address in (private, shared, linked)] == [404, 200, 200]


def test_a_case_of_the_same_name_is_replaced(console: Console) -> None:
    """Only one's own."""
    qa = console.as_("qa")
    first = qa.post(f"{PAGE}/case?story=sample:2-overdue", {"name": "故事", "shared": "1"}).headers["Location"]
    again = qa.post(f"{PAGE}/case?story=sample:3-cart", {"name": "故事", "shared": "1"}).headers["Location"]
    others = console.as_("editor").post(f"{PAGE}/case?story=sample:3-cart", {"name": "故事"}).headers["Location"]

    assert first == again != others
    assert "cart.abandoned" in qa.client.get(first).text


def test_a_form_that_the_book_refuses_keeps_what_was_written(console: Console) -> None:
    """With the reason beside it."""
    form = {"type": "order.created", "time": "2026-06-16T10:00", "user": "u1", "data.order_id": "A77", "data.item": "咖啡"}
    answer = console.as_("qa").post(f"{PAGE}/event?story=sample:2-overdue&edit=event&type=order.created", form)

    assert answer.status_code == 422
    assert "data.amount: is missing" in answer.text
    assert 'value="A77"' in answer.text


def test_an_empty_story_begins_today(console: Console) -> None:
    """The first event is offered for ten in the morning."""
    address = console.as_("qa").post(f"{PAGE}/new", {"kind": "blank"}).headers["Location"]
    text = console.as_("qa").client.get(f"{address}&edit=event&type=order.created").text

    assert 'value="2026-06-16T10:00"' in text
    assert "6月18日" in text  # where it ends


def test_another_page_can_ask_for_an_order(console: Console) -> None:
    """`/simulator?edit=order&order=A1` has it written down already; a number that nobody knows says so."""
    qa = console.as_("qa")

    assert 'value="A1"' in qa.get(PAGE, edit="order", order="A1").text
    assert 'value="A1"' in qa.get(PAGE, story="sample:2-overdue", edit="order", order="A1").text
    answer = qa.post(f"{PAGE}/new", {"kind": "order", "order": "A1"})
    assert (answer.status_code, "没有找到" in answer.text) == (422, True)


def test_an_event_is_changed_and_taken_away(console: Console) -> None:
    """Each change is a story of its own: going back undoes it."""
    qa = console.as_("qa")
    form = {
        "index": "0",
        "type": "order.created",
        "time": "2026-06-16T08:00",
        "user": "u1",
        "data.order_id": "A1",
        "data.item": "茶",
        "data.amount": "5",
    }
    changed = qa.post(f"{PAGE}/event?story=sample:2-overdue", form).headers["Location"]
    without = qa.post(changed.replace("/simulator?", "/simulator/event?"), {"index": "0", "remove": "1"}).headers["Location"]

    assert "08:00" in qa.client.get(changed).text
    assert "order.created" not in qa.client.get(without).text.split('id="keep-middle"')[0].split('<ol class="events">')[1]
    assert "09:12" in qa.get(PAGE, story="sample:2-overdue").text


def test_the_export_can_be_simulated(console: Console) -> None:
    """The same lines as the story's."""
    text = console.as_("viewer").get(f"{PAGE}/export", story="sample:1-evening").text

    assert stories.read(text).events == EVENING.events


def test_english_is_english(console: Console) -> None:
    """But for what the book itself says."""
    one = next(one for one in run(EVENING).judged if one.verdict.reason == "capped")
    text = console.as_("qa", "en").get(PAGE, story="sample:1-evening", verdict=one.id).text

    assert "At most 1 a day per person, 1 taken" in text
    assert "判定" not in text
