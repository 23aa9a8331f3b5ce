"""A person who is erased is found nowhere in the database; an opt-out of the number outlives them."""

from __future__ import annotations

from pathlib import Path

from engine.core.zones import parse_instant
from engine.runtime.clock import TestClock
from engine.runtime.service import Service
from engine.store.store import Store
from rules.loader import read_folder

BOOK = Path(__file__).parents[2] / "rules" / "books" / "o2o"
NOON = parse_instant("2026-06-01T12:00+08:00", None)


def order(number: int, user: str, second: int) -> dict[str, object]:
    data = {"order_id": f"A{number}", "item": f"花束{number}", "amount": 99}
    return {"id": f"e{number}", "type": "order.created", "time": f"2026-06-01T04:00:{second:02}Z", "user": user, "data": data}


def test_an_erased_person_is_found_nowhere(tmp_path: Path) -> None:
    """Neither in the database file nor in its log, byte by byte; the neighbour's rows stay."""
    store = Store(f"sqlite:///{tmp_path / 'hongyan.db'}")
    store.migrate()
    service = Service(store, TestClock(NOON), secret=b"pepper")
    service.publish({name: text.decode() for name, text in read_folder(BOOK).items()}, "first", "test")
    people = [
        {"id": "zhang-san-77", "phone": "+8613800138077", "attributes": {"city": "鹤岗市", "consent_marketing": True, "member": True}},
        {"id": "li-si", "phone": "+8613800138001", "attributes": {"consent_marketing": True, "member": True}},
    ]
    service.put_users("live", people)
    service.suppress("live", "+8613800138077", ["marketing"], "reply R", "sms")
    service.accept("live", [order(77, "zhang-san-77", 1), order(1, "li-si", 2)])
    flash = {"sale_id": "S1", "item": "樱桃", "price": 9.9, "starts_at": "2026-06-01T13:00+08:00", "link": "https://m.example.com/s"}
    service.accept("live", [{"id": "b1", "type": "flashsale.announced", "time": "2026-06-01T04:00:03Z", "data": flash}])
    for minutes in (1, 20, 70):
        service.set_clock(NOON + minutes * 60_000_000)
        service.settle()
    assert len(service.messages("live", user="zhang-san-77").items) >= 2

    assert service.erase_user("live", "zhang-san-77")

    assert not service.erase_user("live", "zhang-san-77")
    assert service.user("live", "zhang-san-77") is None
    assert service.messages("live", user="zhang-san-77").items == []
    assert service.verdicts("live", user="zhang-san-77").items == []
    assert {line["rule"] for line in service.verdicts("live", user="li-si").items} >= {"order-created", "flash-countdown"}
    service.close()
    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for trace in ("zhang-san-77", "13800138077", "鹤岗市", "花束77"):
        assert trace.encode() not in left, trace
    assert b"li-si" in left


def test_an_opt_out_outlives_the_person(tmp_path: Path) -> None:
    """The same number comes back under another id and still gets no marketing."""
    store = Store(f"sqlite:///{tmp_path / 'hongyan.db'}")
    store.migrate()
    service = Service(store, TestClock(NOON), secret=b"pepper")
    service.publish({name: text.decode() for name, text in read_folder(BOOK).items()}, "first", "test")
    consents = {"consent_marketing": True, "member": True}
    service.put_users("live", [{"id": "a", "phone": "+8613800138077", "attributes": consents, "suppressed": ["marketing"]}])
    service.erase_user("live", "a")
    service.put_users("live", [{"id": "b", "phone": "+8613800138077", "attributes": consents}])
    cart = {"cart_id": "C1", "item": "精油", "amount": 88}
    service.accept("live", [{"id": "c1", "type": "cart.abandoned", "time": "2026-06-01T04:00:03Z", "user": "b", "data": cart}])
    service.set_clock(NOON + 2 * 3_600_000_000)
    service.settle()

    reasons = {line["rule"]: line["reason"] for line in service.verdicts("live", user="b").items if line["outcome"] == "skip"}
    assert reasons["cart-reminder"] == "suppressed"
    service.close()
