"""The overview: on the left one person, on the right queues, campaigns, the funnel of a rule, delivery by provider.

Each pane has an address of its own, at which it is asked for again and again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request
from werkzeug.wrappers import Response

from engine.core.zones import next_quiet
from engine.runtime.live.campaigns import Progress
from engine.runtime.live.person import Asked, Who
from engine.runtime.live.queues import SHOWN
from engine.store import looking
from webapp.console import frame
from webapp.console.live import charts, room, telling
from webapp.console.live.room import blueprint

DAYS = (1, 7, 30, 90)
HOURS = (1, 24, 168)
TYPES: Mapping[str, frozenset[str]] = {
    "all": frozenset(),
    "marketing": frozenset({"marketing"}),
    "notification": frozenset({"notification"}),
    "verification": frozenset({"verification"}),
}
_DAY = 24 * 3600 * 1_000_000
_PAGE = 40
_NOW = 12  # events of the list that shows what has just come


@blueprint.get("")
def show() -> Response:
    """The page."""
    values = _strip() | _campaigns() | _funnel() | _rates() | (_person() if request.args.get("who", "").strip() else _recent())
    return frame.page("live/page.html", **values)


@blueprint.get("/strip")
def strip() -> Response:
    """The queues."""
    return _pane("live/strip.html", _strip())


@blueprint.get("/running")
def running() -> Response:
    """Campaigns that run or are paused."""
    return _pane("live/running.html", _campaigns())


@blueprint.get("/funnel")
def funnel() -> Response:
    """The funnel of a rule."""
    return _pane("live/funnel.html", _funnel())


@blueprint.get("/rates")
def rates() -> Response:
    """Delivery by provider."""
    return _pane("live/rates.html", _rates())


@blueprint.get("/recent")
def recent() -> Response:
    """The newest events."""
    return _pane("live/recent.html", _recent())


@blueprint.get("/timeline")
def timeline() -> Response:
    """What happened to a person."""
    return _pane("live/timeline.html", _person())


def _pane(template: str, values: dict[str, Any]) -> Response:
    """A pane for htmx; at the same address a page of its own for a browser without scripts."""
    if frame.is_htmx():
        return frame.partial(template, **values)
    return frame.page("live/alone.html", pane=template, **values)


# ---- the right side ---------------------------------------------------------------------------------------------------------------------


def _strip() -> dict[str, Any]:
    found = room.watch().strip(room.env())
    lines = {name: charts.line(points, found.at - SHOWN, found.at) for name, points in found.lines.items()}
    return {"strip": found, "lines": lines, "told": telling}


def _campaigns() -> dict[str, Any]:
    now = frame.house().service.clock.now()
    found = room.watch().campaigns(room.env())
    return {"running": found, "quiet": {one.campaign.id: _quiet(one, now) for one in found}, "room": room, "told": telling}


def _quiet(progress: Progress, now: int) -> tuple[int, bool] | None:
    """When quiet hours of one of its rules begin in the book's zone, and whether it ends before; None: there are none, or nobody knows."""
    book = room.plan()
    if book is None or progress.done_at is None:
        return None
    begins = []
    for item in progress.campaign.items:
        rule = book.rules.get(item.rule)
        if rule is not None and rule.quiet is not None:
            at = next_quiet(now, rule.quiet.start, rule.quiet.end, book.zone)
            begins += [at] if at is not None else []
    return (min(begins), progress.done_at < min(begins)) if begins else None


def _funnel() -> dict[str, Any]:
    days = _choice("days", DAYS, 7)
    book = room.plan()
    asked = request.args.get("rule", "")
    rule = asked if book is not None and asked in book.rules else room.watch().busiest_rule(room.env())
    found, waiting = room.watch().funnel(room.env(), rule, days) if rule is not None else (None, None)
    planned = room.rule_plan(rule) if rule is not None else None
    rules = sorted(book.rules, key=room.rule_name) if book is not None else []
    goal = planned.rule.goal if planned is not None else None
    return {"funnel": found, "waiting": waiting, "days": days, "rules": rules, "goal_of": goal, "room": room, "told": telling}


def _rates() -> dict[str, Any]:
    hours = _choice("hours", HOURS, 24)
    rows = room.watch().rates(room.env(), hours)
    shares = [share for row in rows for share in (row.of_accepted, row.of_final) if share is not None]
    return {"rates": rows, "hours": hours, "scale": charts.scale_of(shares), "told": telling}


def _choice(name: str, allowed: tuple[int, ...], otherwise: int) -> int:
    given = room.whole(request.args.get(name))
    return given if given in allowed else otherwise


# ---- the left side ----------------------------------------------------------------------------------------------------------------------


def _recent() -> dict[str, Any]:
    events, outcomes = room.watch().events(room.env(), looking.Asked(), limit=_NOW)
    return {"events": events, "outcomes": outcomes, "who": None, "asked_who": "", "room": room, "told": telling}


def _person() -> dict[str, Any]:
    asked_who = request.args.get("who", "").strip()[:200]
    found = room.watch().find(room.env(), asked_who) if asked_who else []
    values: dict[str, Any] = {"asked_who": asked_who, "people": found, "room": room, "told": telling, "who": None}
    if len(found) != 1:
        return values
    (who,) = found
    days = _choice("past", DAYS, 30)
    kind = request.args.get("type", "all")
    kind = kind if kind in TYPES else "all"
    show = request.args.get("show", "all")
    show = show if show in ("all", "sent", "unsent") else "all"
    now = frame.house().service.clock.now()
    asked = Asked(show, TYPES[kind], now - days * _DAY)
    upto = room.whole(request.args.get("upto"))
    cursor = room.checked_cursor(request.args.get("cursor"), int, int)
    watch, env = room.watch(), room.env()
    page = watch.timeline(env, who, asked, cursor=cursor, upto=upto, limit=_PAGE)
    newest = watch.events(env, looking.Asked(user=who.user), limit=1)[0].items if who.user is not None else ()
    decided = [entry.decision for entry in page.items if entry.decision is not None]
    top = upto if upto is not None else max(decided, default=0)
    return values | {
        "who": who,
        "profile": watch.profile(env, who),
        "page": page,
        "tally": watch.tally(env, who, asked),
        "newer": watch.newer(env, who, top) if upto is not None else 0,
        "top": top,
        "past": days,
        "type": kind,
        "show": show,
        "cursor": cursor,
        "address": _address(who, asked_who),
        "newest": newest[0].event if newest else None,
        "now": now,
    }


def _address(who: Who, asked: str) -> str:
    """How the person stands in addresses: a number only where it was asked by it."""
    return who.user if who.user is not None else asked
