"""Small things to keep, and threads to keep them with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from engine.core.facts import Cell, Event, UserCell
from engine.core.outcomes import Item, Message, Timer
from engine.core.zones import zone
from engine.store import messages
from engine.store.messages import NewMessage, Stored
from engine.store.store import Store

SHANGHAI = zone("Asia/Shanghai")


def event(id: str, user: str | None = "u1", **given: Any) -> Event:
    return Event(id, "paid", given.pop("time", 1), {"n": 1}, user=user, **given)


def user(id: str, phone: str | None = "+8613800138000", **slots: Any) -> UserCell:
    cell = UserCell(id, SHANGHAI)
    cell.phone = phone
    for name, value in slots.items():
        setattr(cell, name, value)
    return cell


def counted(number: int, expires: int = 1 << 40) -> Cell:
    cell = Cell()
    cell.counters = {"n": number}
    cell.expires = expires
    return cell


def timer(id: str, due: int, *watch: str, rule: str = "r", key: str | None = "k", user: str | None = "u1") -> Timer:
    item = Item(rule, id, due, event=event("e", key=key), user=user, phone=None if user is not None else "+8613800138000")
    return Timer(id, "due", due, item=item, watch=watch)


def message(id: str, channel: str = "sms", **given: Any) -> Message:
    item = Item(given.pop("rule", "r"), given.pop("occurrence", id), 1, event=event("e", key=given.pop("key", "k")), user="u1")
    who = given.pop("user", "u1")
    phone = None if who is not None else "+8613800138000"
    return Message(
        id, 1, item, who, phone, "+8613800138000", "notification", channel, "t", None, "好", None, 1, given.pop("send_until", None), None,
        given.pop("rest", ()), (("user:u1", "c", 1),),
    )  # fmt: skip


def put(store: Store, *new: NewMessage, env: str = "live") -> list[Stored]:
    """Messages in the outbox, as they are kept."""
    with store.write() as tx:
        messages.add(tx, env, new)
        found = messages.get(tx, env, [one.message.id for one in new])
    return [found[one.message.id] for one in new]


def together(jobs: Iterable[Callable[[], Any]]) -> list[Any]:
    """Run the jobs at the same time; what they return, in order. Raises what the first failing one raised."""
    listed = list(jobs)
    gate = threading.Barrier(len(listed))
    results: list[Any] = [None] * len(listed)
    faults: list[BaseException] = []

    def run(at: int, job: Callable[[], Any]) -> None:
        try:
            gate.wait(20)
            results[at] = job()
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=run, args=(at, job)) for at, job in enumerate(listed)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if faults:
        raise faults[0]
    return results
