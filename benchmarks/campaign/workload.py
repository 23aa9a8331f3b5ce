"""The book, the people and the event that the campaign is measured with. Nothing but the arguments decides them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from engine.core.facts import UserCell
from engine.core.zones import parse_instant
from engine.store import cells
from engine.store.store import Store

NOW = parse_instant("2026-06-01T10:00+08:00", None)  # a Monday, hours before it is quiet
EVENT = {"id": "s1", "type": "sale", "time": "2026-06-01T10:00:00+08:00", "data": {"sale_id": "S618", "link": "https://m.example.cn/618"}}
CITIES = ("上海", "北京", "广州", "深圳", "杭州", "成都")
TIERS = ("basic", "basic", "silver", "gold")
BOOK = """
book: {id: bench, name: 促销, timezone: Asia/Shanghai, locale: zh_CN, signature: 鸿雁}
events:
  sale: {broadcast: true, key: sale_id, data: {sale_id: string, link: string}}
user: {attributes: {name: string, city: string, tier: string, member: boolean, agreed: boolean}}
segments: {members: {when: {user.member: true}}}
message_types:
  marketing:
    needs_consent: user.agreed
    quiet_hours: {from: "21:00", to: "08:00", then: defer}
    caps: [{max: 1, per: day, by: user}, {max: 3, per: 7d, by: user}]
    ending: 拒收请回复R
rules:
  sale:
    on: sale
    audience: members
    send: {type: marketing, sms: "{{ user.name }}，{{ user.city }}的618开始了，满100减20：{{ event.link }}", valid_for: 24h}
"""
_BATCH = 5_000


def agrees(number: int) -> bool:
    """Nineteen of twenty."""
    return number % 20 != 7


def _person(number: int, zone: ZoneInfo) -> UserCell:
    cell = UserCell(f"u{number:08}", zone)
    cell.phone = f"+86{13_000_000_000 + number * 7919 % 1_000_000_000:011}"
    cell.timezone = "Asia/Shanghai"
    attributes: dict[str, Any] = {"name": f"用户{number}", "city": CITIES[number % 6], "tier": TIERS[number % 4], "member": True}
    cell.attributes = attributes | {"agreed": agrees(number)}
    return cell


def batches(people: int) -> Iterator[dict[str, UserCell]]:
    """Cells by id, some thousands at a time."""
    zone = ZoneInfo("Asia/Shanghai")
    for first in range(0, people, _BATCH):
        made = (_person(number, zone) for number in range(first, min(first + _BATCH, people)))
        yield {f"user:{cell.id}": cell for cell in made}


def fill(url: str, people: int) -> None:
    """Make the tables and the people."""
    store = Store(url)
    store.migrate()
    for batch in batches(people):
        with store.write() as tx:
            cells.save(tx, "live", batch)
    store.close()
