"""Triggers: one builder for each key that `on` may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from rules import values
from rules.entries.conditions import maybe_condition, required_duration
from rules.festivals import ALIASES
from rules.model import (
    CountTrigger,
    CronSchedule,
    Crossing,
    DateSchedule,
    Duration,
    EventTrigger,
    FestivalSchedule,
    JoinTrigger,
    OnceSchedule,
    Path,
    Schedule,
    Step,
    Trigger,
    Unless,
)

Texts = str | list[Any]


def trigger(tree: Any, path: Path, local: ZoneInfo) -> Trigger:
    """`on`, short or long."""
    if isinstance(tree, str | list):
        return EventTrigger(path, _texts(tree))
    if "schedule" in tree:
        return _schedule(tree["schedule"], (*path, "schedule"), local)
    build = next(build for key, build in _BY_KEY.items() if key in tree)
    return build(tree, path)


def _texts(tree: Texts) -> tuple[str, ...]:
    return tuple(tree) if isinstance(tree, list) else (tree,)


def _durations(tree: Texts) -> tuple[Duration, ...]:
    return tuple(required_duration(text) for text in _texts(tree))


def _event(tree: dict[str, Any], path: Path) -> EventTrigger:
    return EventTrigger(
        path,
        _texts(tree["event"]),
        after=values.duration(tree.get("after")),
        before=_durations(tree.get("before", [])),
        of=tree.get("of"),
        at=values.time_of_day(tree.get("at")),
        unless=_unless(tree.get("unless", []), (*path, "unless")),
        late=tree.get("late"),
        late_by=required_duration(tree.get("late_by", "5m")),
    )


def _unless(tree: Any, path: Path) -> tuple[Unless, ...]:
    if isinstance(tree, list):
        return tuple(_canceller(item, (*path, index)) for index, item in enumerate(tree))
    return (_canceller(tree, path),)


def _canceller(tree: str | dict[str, Any], path: Path) -> Unless:
    if isinstance(tree, str):
        return Unless(path, tree)
    return Unless(path, tree["event"], maybe_condition(tree, "when", path), "by" in tree)


def _join(tree: dict[str, Any], path: Path) -> JoinTrigger:
    kind = "sequence" if "sequence" in tree else "together"
    steps = tuple(_step(item, index, (*path, kind, index)) for index, item in enumerate(tree[kind]))
    return JoinTrigger(path, steps, required_duration(tree["within"]), kind == "sequence", tree.get("by", "user"))


def _step(tree: str | dict[str, Any], index: int, path: Path) -> Step:
    alias = f"step{index + 1}"
    if isinstance(tree, str):
        return Step(path, tree, alias)
    return Step(path, tree["event"], tree.get("as", alias), maybe_condition(tree, "when", path))


def _count(tree: dict[str, Any], path: Path) -> CountTrigger:
    what = tree["count"]
    return CountTrigger(
        path,
        event=what if isinstance(what, str) else what["event"],
        at_least=int(tree["at_least"]),
        within=required_duration(tree["within"]),
        by=tree.get("by", "user"),
        when=None if isinstance(what, str) else maybe_condition(what, "when", (*path, "count")),
    )


def _enter(tree: dict[str, Any], path: Path) -> Crossing:
    return Crossing(path, tree["enter"], enters=True)


def _leave(tree: dict[str, Any], path: Path) -> Crossing:
    return Crossing(path, tree["leave"], enters=False)


_BY_KEY: dict[str, Callable[[dict[str, Any], Path], Trigger]] = {
    "event": _event,
    "sequence": _join,
    "together": _join,
    "count": _count,
    "enter": _enter,
    "leave": _leave,
}


def _schedule(tree: dict[str, Any], path: Path, local: ZoneInfo) -> Schedule:
    if "cron" in tree:
        return CronSchedule(path, tree["cron"])
    before = _durations(tree.get("before", "0d"))
    if "festival" in tree:
        festivals = tuple(ALIASES.get(name, name) for name in _texts(tree["festival"]))
        return FestivalSchedule(path, festivals, before, values.time_of_day(tree.get("at")) or 0)
    if "date" in tree:
        return DateSchedule(path, tree["date"], before, values.time_of_day(tree.get("at")) or 0, yearly="every" in tree)
    at = values.instant(tree["at"], local)
    assert at is not None
    return OnceSchedule(path, at)
