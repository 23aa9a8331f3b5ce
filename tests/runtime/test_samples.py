"""A sample shows what the template will look like, and leaves like any message; it touches nobody's caps and no rule's figures."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.zones import parse_instant
from engine.runtime import samples
from engine.runtime.errors import NoBook, NotFound, ServiceError
from engine.runtime.service import Service
from engine.store import audit
from rules.checking import check
from rules.model import HOUR
from tests.runtime.house import PHONE

BOOK = """
book: {id: shop, timezone: Asia/Shanghai, locale: zh_CN, signature: 花店}
events:
  made: {key: k, data: {k: string, amount: {type: number, optional: true}, at: {type: datetime, optional: true}}}
  paid: {key: k, data: {k: string}}
user:
  attributes: {name: string}
  traits:
    spent: {on: paid, take: count, within: 30d}
    last: {on: paid, take: latest, of: event.k}
message_types:
  verification: {code: {digits: 6, valid_for: 10m, checks: 5}}
  marketing: {caps: [{max: 1, per: 7d, by: user}], ending: 拒收请回复R}
templates:
  remind: {sms: {zh_CN: "请支付{{ event.k }}，共{{ event.amount | money }}元", en_US: "Pay {{ event.k }}"}}
  fans: {sms: "{{ user.name }}，您买过{{ user.spent }}次，最近{{ user.last }}"}
  code: {sms: "验证码{{ code }}"}
  pair: {sms: "{{ a.k }}和{{ b.k }}"}
  unused: {sms: "订单{{ event.k }}于{{ event.at | time }}"}
  rich: {video_sms: {media: V1, params: {k: "{{ event.k }}"}}}
rules:
  remind: {on: made, send: {type: notification, template: remind}}
  fans: {on: paid, send: {type: marketing, template: fans}}
  code: {on: made, send: {type: verification, template: code}}
  pair:
    on: {sequence: [{event: made, as: a}, {event: paid, as: b}], within: 1h}
    send: {type: notification, template: pair}
  rich: {on: made, send: {type: notification, template: rich}}
"""


@pytest.fixture
def shop(service: Service) -> Service:
    service.publish({"book.yaml": BOOK}, "first", "pm")
    service.prices = {"sms": {"CN": 0.045}}
    return service


def sample(service: Service, template: str, values: dict[str, Any] | None = None, locale: str | None = None) -> dict[str, Any]:
    return service.sample("live", template, locale, values or {}, PHONE, by="qa")


LOOKS = [
    ("remind", {"event.k": "K1", "amount": 12}, None, "【花店】请支付K1，共12.00元"),
    ("remind", {"k": "K1"}, "en_US", "【花店】Pay K1"),
    ("fans", {"user.name": "小鹿", "user.spent": 3, "user.last": "K9"}, None, "【花店】小鹿，您买过3次，最近K9拒收请回复R"),
    ("code", {}, None, "【花店】验证码******"),
    ("pair", {"a.k": "甲", "b.k": "乙"}, None, "【花店】甲和乙"),
    ("unused", {"k": "K1", "at": "2026-06-01T12:30:00+08:00"}, None, "【花店】订单K1于12:30"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "values", "locale", "text"), LOOKS)
def test_a_sample_looks_like_the_message(shop: Service, template: str, values: dict[str, Any], locale: str | None, text: str) -> None:
    """By every kind of trigger, also of a template that no rule sends yet."""
    sent = sample(shop, template, values, locale)

    assert (sent["text"], sent["parts"], sent["cost"], sent["state"]) == (text, 1, 0.045, "queued")


def test_it_leaves_like_any_message(shop: Service) -> None:
    """As a notification that names no rule; it stands among the messages, and not in the figures of rules."""
    sent = sample(shop, "remind", {"k": "K1", "amount": 1})
    shop.settle(sending=True)
    found = shop.message("live", sent["id"])

    assert found is not None
    assert found["state"] in ("accepted", "delivered")
    assert (found["rule"], found["type"], found["to"]) == (samples.SAMPLE, "notification", PHONE)
    assert shop.report("live", None, None) == []
    assert shop.verdicts("live").items == []


def test_other_channels_show_their_content(shop: Service) -> None:
    sent = sample(shop, "rich", {"k": "K1"})

    assert (sent["channel"], sent["text"], sent["content"]) == ("video_sms", None, {"media": "V1", "params": {"k": "K1"}})


def test_samples_take_no_caps(shop: Service) -> None:
    """Neither theirs nor anybody's: five are five, and the rule sends afterwards."""
    values = {"user.name": "小鹿", "user.spent": 1, "user.last": "K"}
    states = {sample(shop, "fans", values)["state"] for _ in range(5)}
    shop.put_users("live", [{"id": "u1", "phone": PHONE, "attributes": {"name": "小鹿"}}])
    shop.accept("live", [{"id": "e1", "type": "paid", "time": "2026-06-01T12:00:00+08:00", "user": "u1", "data": {"k": "K"}}])
    shop.settle()

    assert states == {"queued"}
    assert [verdict["reason"] for verdict in shop.verdicts("live", rule="fans").items] == ["ok"]


@pytest.mark.parametrize(
    ("scope", "template", "state"),
    [
        ("marketing", "fans", ("cancelled", "suppressed")),
        ("marketing", "unused", ("queued", None)),
        ("notification", "unused", ("cancelled", "suppressed")),
        ("all", "fans", ("cancelled", "suppressed")),
        ("blocked", "fans", ("cancelled", "blocked")),
    ],
)
def test_suppressions_of_the_number_hold(shop: Service, scope: str, template: str, state: tuple[str, str | None]) -> None:
    """A number that wants no marketing gets no sample of it either."""
    shop.suppress("live", PHONE, [scope], "reply R", "")
    values = {"user.name": "n", "user.spent": 1, "user.last": "K"} if template == "fans" else {"k": "K", "at": "2026-06-01T12:30:00Z"}
    sent = sample(shop, template, values)

    assert (sent["state"], sent["state_reason"]) == state


def test_what_cannot_be_rendered_is_refused(shop: Service) -> None:
    """With the field that is missing, or the name that was meant."""
    with pytest.raises(ServiceError, match=r"event\.k: is missing"):
        sample(shop, "remind")
    with pytest.raises(ServiceError, match=r'did you mean "event.amount"'):
        sample(shop, "remind", {"amuont": 1})
    with pytest.raises(NotFound, match='did you mean "remind"'):
        sample(shop, "remin")
    with pytest.raises(ServiceError, match="no time zone"):
        sample(shop, "remind", {"user.timezone": "Mars"})
    assert shop.messages("live").items == []


def test_without_a_book_there_is_no_template(service: Service) -> None:
    with pytest.raises(NoBook):
        sample(service, "remind")


def test_a_sample_is_audited_without_the_number(shop: Service) -> None:
    sample(shop, "code")
    with shop.store.read() as tx:
        (entry,) = audit.newest(tx, "live", what="sample.send").items

    assert (entry.who, entry.detail["template"]) == ("qa", "code")
    assert PHONE[4:] not in str(entry.detail)


def test_a_sample_that_could_not_leave_is_dropped(shop: Service) -> None:
    """Nobody waits for it a day later."""
    sent = sample(shop, "code")
    shop.set_clock(parse_instant("2026-06-01T12:00+08:00", None) + HOUR + 1)
    shop.settle(sending=True)
    found = shop.message("live", sent["id"])

    assert found is not None
    assert found["state"] == "expired"


def test_the_test_environment_has_samples_of_its_own(shop: Service) -> None:
    shop.sample("test", "code", None, {}, PHONE, by="qa")

    assert len(shop.messages("test").items) == 1
    assert shop.messages("live").items == []


def test_no_rule_can_be_called_a_sample() -> None:
    checked = check({"book.yaml": BOOK.replace("  remind: {on", f'  "{samples.SAMPLE}": {{on')})

    assert checked.book is None
