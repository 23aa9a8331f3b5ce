"""A file of O2O orders: the same users however long it is, so that only the history grows."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

USERS = 2_000
START = datetime(2026, 1, 1, tzinfo=UTC)
LIFE = (  # type, minutes after the one before, share of orders that get so far
    ("order.created", 0, 1.0),
    ("payment.succeeded", 3, 0.95),
    ("shipment.shipped", 600, 0.9),
    ("shipment.delivered", 2_000, 0.95),
    ("order.completed", 1_440, 0.98),
)
ITEMS = ("家电清洗", "鲜花", "火锅双人餐", "鲜奶", "洗衣")


def write_users(path: Path) -> None:
    """The users' file."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(USERS):
            attributes = {"city": ("上海", "北京", "成都")[number % 3], "consent_marketing": number % 3 != 0}
            file.write(_line({"id": f"u{number}", "phone": f"+86138{number:08}", "attributes": attributes}))


def write_events(path: Path, count: int, seed: int = 1) -> None:
    """`count` events in order of time; a longer file begins like a shorter one and goes on."""
    with path.open("w", encoding="utf-8") as file:
        for number, event in zip(range(count), _events(random.Random(seed)), strict=False):
            file.write(_line({"id": f"g{number}", **event}))


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _events(draw: random.Random) -> Iterator[dict[str, Any]]:
    waiting: list[tuple[datetime, int, int, dict[str, Any]]] = []  # (when, order, step, what stays of the order)
    number, opened = 0, START
    while True:
        while not waiting or waiting[0][0] > opened:
            order = {"user": f"u{draw.randrange(USERS)}", "amount": draw.randrange(1_000, 50_000) / 100, "item": draw.choice(ITEMS)}
            heappush(waiting, (opened, number, 0, order))
            number, opened = number + 1, opened + timedelta(seconds=draw.randrange(600))
        when, id, step, order = heappop(waiting)
        type = LIFE[step][0]
        yield {"type": type, "time": when.isoformat().replace("+00:00", "Z"), "user": order["user"], "data": _data(type, id, order)}
        if step + 1 < len(LIFE) and draw.random() < LIFE[step + 1][2]:
            later = timedelta(seconds=draw.randrange(1 + 2 * 60 * LIFE[step + 1][1]))
            heappush(waiting, (when + later, id, step + 1, order))


def _data(type: str, id: int, order: dict[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {"order_id": f"A{id}"}
    if type in ("order.created", "payment.succeeded", "order.completed"):
        data["amount"] = order["amount"]
    if type == "order.created":
        data["item"] = order["item"]
    elif type == "shipment.shipped":
        data |= {"carrier": "顺丰", "tracking_no": f"SF{id}"}
    elif type == "order.completed":
        data["category"] = order["item"]
    return data
