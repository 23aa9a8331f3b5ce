"""What things of a book are called in a sentence: fields, values, durations, triggers. Texts of the book are used as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext

from engine.core.display import show_float
from engine.simulate.explain import shown
from rules.model import (
    CountTrigger,
    CronSchedule,
    Crossing,
    DateSchedule,
    Duration,
    EventTrigger,
    FestivalSchedule,
    FieldDef,
    JoinTrigger,
    OnceSchedule,
    QuietHours,
    Rule,
    Rulebook,
    Trait,
)

Tell = Callable[[int | str], str]  # an instant (microseconds, or as a trace has it), for people

_LONGEST_LABEL = 12  # characters: a longer description explains, it does not name
_PAUSE = re.compile(r"[，,。;；（(]")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z").fullmatch
_DURATION = re.compile(r"(\d+)([smhdw])").fullmatch


def _(text: str, **values: object) -> str:
    """In the visitor's language."""
    return str(gettext(text, **values))


class Naming:
    """The names of one book. `tell` says instants."""

    def __init__(self, book: Rulebook, tell: Tell) -> None:
        self._book = book
        self.tell = tell

    # ---- fields and values --------------------------------------------------------------------------------------------------------------

    def field(self, name: str, rule: Rule | None = None) -> str:
        """`90 天内「订单完成」的次数`, `常住城市`, or the field itself."""
        root, _dot, rest = name.partition(".")
        if root == "user" and rest in self._book.traits:
            return self._trait(self._book.traits[rest])
        declared = self.declared(name, rule)
        label = _PAUSE.split(declared.description, maxsplit=1)[0].strip() if declared is not None else ""
        return label if 0 < len(label) <= _LONGEST_LABEL else rest or name

    def declared(self, name: str, rule: Rule | None = None) -> FieldDef | None:
        """Where a field of a condition is declared."""
        root, _dot, rest = name.partition(".")
        if root == "user":
            return self._book.attributes.get(rest)
        for type_ in _types_of(rule, root):
            declared = self._book.events.get(type_)
            if declared is not None and rest in declared.data:
                return declared.data[rest]
        return None

    def event(self, type_: str) -> str:
        """`订单完成`, or its type where it has no name."""
        declared = self._book.events.get(type_)
        return declared.name if declared is not None and declared.name else type_

    def value(self, value: Any, declared: FieldDef | None = None) -> str:
        """`银卡`, `68.5`, `true`, `6月17日 周三 08:00`."""
        if value is None:
            return _("没有值")
        if isinstance(value, bool):
            return "true" if value else "false"  # as the book writes it: `new_device 是 是` would puzzle
        if isinstance(value, Mapping) and "ref" in value:
            name = self.field(str(value["ref"]))
            return f"{name} ({self.value(value['value'], declared)})" if "value" in value else name
        if declared is not None and declared.enum is not None and isinstance(value, str | int | float) and value in declared.enum:
            label = declared.enum[value]
            return str(label) if label != value else str(value)
        if isinstance(value, list | tuple):
            items = declared.items if declared is not None and declared.items is not None else declared
            return _("、").join(self.value(item, items) for item in value) or _("空")
        if isinstance(value, float):
            return show_float(value)
        if isinstance(value, str):
            return self.tell(value) if _INSTANT(value) else value
        return shown(value) if isinstance(value, Mapping) else str(value)

    def _trait(self, trait: Trait) -> str:
        event = _("、").join(f"「{self.event(type_)}」" for type_ in trait.events)
        of = (trait.of or "").removeprefix("event.")
        if trait.take == "count":
            if trait.within is not None:
                return _("%(span)s内%(event)s的次数", span=span(trait.within), event=event)
            return _("%(event)s的次数", event=event)
        if of in ("time", "received") and trait.take in ("latest", "first", "min", "max"):
            first = trait.take in ("first", "min")
            return _("第一次%(event)s的时间", event=event) if first else _("最近一次%(event)s的时间", event=event)
        texts = {
            "latest": _("最近一次%(event)s的 %(of)s", event=event, of=of),
            "first": _("第一次%(event)s的 %(of)s", event=event, of=of),
            "sum": _("%(event)s的 %(of)s 合计", event=event, of=of),
            "min": _("%(event)s里最小的 %(of)s", event=event, of=of),
            "max": _("%(event)s里最大的 %(of)s", event=event, of=of),
            "distinct": _("%(event)s里出现过的 %(of)s", event=event, of=of),
        }
        text = texts.get(trait.take, trait.name)
        return _("%(span)s内%(what)s", span=span(trait.within), what=text) if trait.within is not None else text

    # ---- triggers -----------------------------------------------------------------------------------------------------------------------

    def trigger(self, rule: Rule) -> str:
        """What, beside its event, starts the rule: `之后 1 小时`, `每月…`. "" for one that is judged at the event itself."""
        on = rule.on
        if isinstance(on, EventTrigger):
            return self._offset(on)
        if isinstance(on, JoinTrigger):
            names = _("、").join(f"「{self.event(step.event)}」" for step in on.steps)
            return _("%(events)s在 %(span)s内都到齐", events=names, span=span(on.within))
        if isinstance(on, CountTrigger):
            return _("%(span)s内「%(event)s」满 %(number)s 次", span=span(on.within), event=self.event(on.event), number=on.at_least)
        if isinstance(on, Crossing):
            segment = self._book.segments.get(on.segment)
            name = segment.name if segment is not None and segment.name else on.segment
            return _("进入人群 %(name)s", name=name) if on.enters else _("离开人群 %(name)s", name=name)
        if isinstance(on, CronSchedule):
            return _("定时 %(cron)s", cron=on.cron)
        if isinstance(on, OnceSchedule):
            return _("定在 %(at)s", at=self.tell(on.at))
        if isinstance(on, FestivalSchedule):
            before = _("、").join(span(one) for one in on.before if one.amount)
            names = _("、").join(on.festivals)
            return _("%(names)s前 %(span)s的 %(at)s", names=names, span=before, at=hours(on.at)) if before else f"{names} {hours(on.at)}"
        assert isinstance(on, DateSchedule)
        return _("%(field)s当天或之前的 %(at)s", field=self.field(on.date), at=hours(on.at))

    def _offset(self, on: EventTrigger) -> str:
        if on.before:
            lengths = _("、").join(span(one) for one in on.before)
            return _("%(field)s之前 %(span)s", field=(on.of or "").removeprefix("event."), span=lengths)
        if on.at is not None and on.after is not None:
            return _("%(span)s后的 %(at)s", span=span(on.after), at=hours(on.at))
        if on.at is not None:
            return _("下一个 %(at)s", at=hours(on.at))
        return _("之后 %(span)s", span=span(on.after)) if on.after is not None else ""


def _types_of(rule: Rule | None, root: str) -> tuple[str, ...]:
    """The event types that a root of a field may stand for in a rule."""
    on = rule.on if rule is not None else None
    if isinstance(on, EventTrigger):
        return on.events
    if isinstance(on, CountTrigger):
        return (on.event,)
    if isinstance(on, JoinTrigger):
        return tuple(step.event for step in on.steps if root in ("event", step.alias))
    return ()


def span(length: Duration | str) -> str:
    """`90 天`, `1 小时`."""
    match = _DURATION(str(length))
    if match is None:
        return str(length)
    units = {"s": _("秒"), "m": _("分钟"), "h": _("小时"), "d": _("天"), "w": _("周")}
    return f"{int(match[1])} {units[match[2]]}"


def window(per: str) -> str:
    """The window of a cap: `每天`, `60 秒内`, `总共`."""
    aligned = {"minute": _("每分钟"), "hour": _("每小时"), "day": _("每天"), "week": _("每周"), "month": _("每月"), "ever": _("总共")}
    return aligned.get(per) or _("%(span)s内", span=span(per))


def seconds(amount: float) -> str:
    """`3 分钟`, in the largest unit that does not lie."""
    for unit, name in ((86_400, _("天")), (3_600, _("小时")), (60, _("分钟"))):
        if amount >= unit:
            return f"{show_float(round(amount / unit, 1))} {name}"
    return f"{show_float(round(amount, 1))} {_('秒')}"


def hours(minutes: int) -> str:
    """`21:00` of minutes since midnight."""
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def quiet(hours_: QuietHours) -> str:
    """`21:00–08:00`."""
    return f"{hours(hours_.start)}–{hours(hours_.end)}"
