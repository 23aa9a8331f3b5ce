"""A preview is what the rule would send, by the same renderer; what is wrong with a value is said, and faults elsewhere do not hide it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.core.compile import compile_book
from engine.runtime.previews import TO, NoPreview, as_text, desk_of
from engine.simulate.story import run_test
from rules.checking import check

O2O = Path(__file__).resolve().parents[2] / "rules" / "books" / "o2o"
FILES = {path.name: path.read_text("utf-8") for path in O2O.glob("*.yaml")}
CHECKED = check(FILES)
BOOK = CHECKED.draft.book
PRICES = {"sms": {"CN": 0.045}}
NOW = 1_780_000_000_000_000


def test_it_shows_what_the_simulation_sends() -> None:
    """For every sms of the tests of the O2O book that its event and attributes alone explain."""
    plan, compared = compile_book(BOOK), 0
    for test in BOOK.tests.values():
        result = run_test(plan, test)
        for message in result.messages:
            of_type = [one for one in test.events if isinstance(one.user, str) and one.user == message["user"]]
            rule = BOOK.rules[message["rule"]]
            events = [one for one in of_type if one.type in getattr(rule.on, "events", ())]
            if message["channel"] != "sms" or len(events) != 1 or rule.variants:
                continue
            desk = desk_of(BOOK, rule.id, None)
            variables = desk.variables("sms")
            known = {f"event.{name}": as_text(value) for name, value in events[0].data.items()}
            known["user.timezone"] = as_text(test.users.get(message["user"], {}).get("timezone"))
            if any(not one.name.startswith("event.") or one.name == "event.time" for one in variables):
                continue
            shown = desk.render("sms", known, None, message["to"], NOW, PRICES)

            assert (shown.text, shown.parts) == (message["text"], message["parts"]), rule.id
            compared += 1
    assert compared > 30


def test_the_text_comes_in_its_parts() -> None:
    desk = desk_of(BOOK, "cart-reminder", None)
    shown = desk.render("sms", {"event.item": "端午蛋黄鲜肉粽礼盒", "event.amount": "128"}, None, TO, NOW, PRICES)

    assert shown.segments[0] == ("signature", "【秒信通】")
    assert shown.segments[-1] == ("ending", "拒收请回复R")
    assert [text for kind, text in shown.segments if kind == "variable"] == ["端午蛋黄鲜肉粽礼盒", "128.00"]
    assert (shown.parts, shown.cost, shown.used, shown.room) == (1, 0.045, len(shown.text), 70)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"event.amount": "1"}, ("event.item", "is missing")),
        ({"event.item": "花", "event.amount": "viel"}, ("event.amount", "is no number")),
    ],
)
def test_it_says_which_value_is_missing_or_unfit(values: dict[str, str], problem: tuple[str, str]) -> None:
    assert desk_of(BOOK, "cart-reminder", None).render("sms", values, None, TO, NOW, PRICES).problem == problem


def test_a_fault_elsewhere_does_not_hide_it() -> None:
    """Nor one in the rule's own condition; one in what it needs does."""
    broken = {**FILES, "z.yaml": "rules:\n  z: {on: nothing, send: {type: marketing}}\n"}
    faulty = {**FILES, "marketing.yaml": FILES["marketing.yaml"].replace("audience: vip", "audience: vipp")}
    torn = {**FILES, "marketing.yaml": FILES["marketing.yaml"].replace("event.item | truncate(15)", "event.itm")}

    assert check(broken).book is None
    assert desk_of(check(broken).draft.book, "cart-reminder", None).channels == ("sms",)
    assert desk_of(check(faulty).draft.book, "vip-offer", None).channels == ("sms",)
    with pytest.raises(NoPreview):
        desk_of(check(torn).draft.book, "cart-reminder", None)


def test_a_template_by_itself_and_other_channels() -> None:
    by_itself = check({"a.yaml": "events: {e: {data: {x: string}}}\ntemplates: {t: {sms: '好{{ event.x }}'}}\n"}).draft.book
    video = desk_of(BOOK, "store-opening", None)

    assert desk_of(by_itself, None, "t").render("sms", {"event.x": "吧"}, None, TO, NOW, {}).text == "好吧"
    assert video.channels == ("video_sms", "sms")
    assert video.render("video_sms", {"event.store": "徐汇店"}, None, TO, NOW, PRICES).content == {
        "media": "VM_1001",
        "params": {"store": "徐汇店"},
    }
