"""`hongyan export-user ID`: all that is held about one person, as one JSON object."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from cli.console import UsageError
from cli.parts import opened
from engine.core.zones import format_instant
from engine.runtime.service import Service
from engine.store import changes, events, suppressions

_PAGE = 1000


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("id", metavar="ID", help="the user's id")
    parser.add_argument("--test", action="store_true", help="of the environment of test keys")


def run(args: Namespace) -> int:
    """On standard output, with whole phone numbers: handle it as what it is."""
    env = "test" if args.test else "live"
    with opened() as service:
        user = service.user(env, args.id)
        if user is None:
            raise UsageError(f"there is no user {args.id}")
        held = {
            "user": user,
            "suppressions": _suppressions(service, env, user["phone"]),
            "changes": _changes(service, env, args.id, user["phone"]),
            "events": list(_events(service, env, args.id)),
            "verdicts": list(_every(lambda cursor: service.verdicts(env, user=args.id, limit=_PAGE, cursor=cursor))),
            "messages": list(_every(lambda cursor: service.messages(env, user=args.id, limit=_PAGE, cursor=cursor))),
        }
    sys.stdout.write(orjson.dumps(held, option=orjson.OPT_INDENT_2).decode() + "\n")
    return 0


def _every(page_at: Callable[[str | None], Any]) -> Iterator[Any]:
    cursor = None
    while True:
        page = page_at(cursor)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def _events(service: Service, env: str, user: str) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        with service.store.read() as tx:
            page = events.history(tx, env, user=user, after=after, limit=_PAGE)
        for one in page:
            event = one.event
            yield {
                "id": event.id,
                "source": event.source,
                "type": event.type,
                "time": format_instant(event.time),
                "received": format_instant(event.received),
                "data": event.data,
            }
        if len(page) < _PAGE:
            return
        after = page[-1].seq


def _changes(service: Service, env: str, user: str, phone: str | None) -> list[dict[str, Any]]:
    """What was said of the person and of the number, before and after."""
    with service.store.read() as tx:
        found = changes.of_cells(tx, env, [f"user:{user}", *([f"phone:{phone}"] if phone is not None else [])])
    return [{"at": format_instant(one.at), "was": one.change.was, "became": one.change.became} for one in found]


def _suppressions(service: Service, env: str, phone: str | None) -> list[dict[str, Any]]:
    if phone is None:
        return []
    with service.store.read() as tx:
        found = suppressions.listed(tx, env, phone=phone)
    return [{"scope": one.scope, "reason": one.reason, "at": format_instant(one.at)} for one in found.items]
