"""How facts are said: why nothing was sent, what a provider made of a message, how a cap stands. Plain text in the visitor's language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext

from engine.runtime.live.person import Entry, Slots
from engine.store.attempts import Attempt, Receipt
from engine.store.messages import Stored
from webapp.console import frame
from webapp.console.live import room
from webapp.console.words import clock, day, instant, is_chinese, moment, money, word

SECOND = 1_000_000
_SIGNS = {
    "is": "=", "is_not": "≠", "in": "∈", "not_in": "∉", "at_least": "≥", "at_most": "≤", "above": ">", "below": "<",
}  # fmt: skip


def why(outcome: str, reason: str, detail: Mapping[str, Any]) -> str:
    """The facts behind a verdict, in one line; "" where the reason says it all."""
    found = _WHY.get(f"{outcome} {reason}") or _WHY.get(reason)
    if found is None:
        return ""
    try:
        return str(room.shown(found(detail)))
    except (KeyError, TypeError, ValueError):  # written by an older version
        return ", ".join(f"{name} {room.shown(value)}" for name, value in detail.items())


def _at(text: Any) -> str:
    return str(instant(text)) if text else "—"


def _capped(detail: Mapping[str, Any]) -> str:
    frees = detail["frees_at"]
    stand = {"owner": owner(detail["cap"]), "per": window(detail["per"]), "count": detail["count"], "max": detail["max"]}
    if frees is None:
        return str(gettext("%(owner)s%(per)s %(count)s/%(max)s，不再有名额", **stand))
    return str(gettext("%(owner)s%(per)s %(count)s/%(max)s，%(at)s 再有名额", **stand, at=_at(frees)))


def _node(detail: Mapping[str, Any]) -> str:
    if detail.get("kind") == "segment" or "segment" in detail:
        return str(gettext("不属于人群 %(segment)s", segment=detail.get("segment")))
    if detail.get("kind") != "leaf":
        path = str(detail.get("path", ""))
        group = {"any": gettext("没有一项成立"), "all": gettext("有一项不成立"), "not": gettext("不该成立的成立了")}.get(
            str(detail.get("kind"))
        )
        return f"{path.partition('.when.')[2] or path}: {group}" if group else path
    field = _field(str(detail["path"]))
    if detail["op"] == "exists":
        actual = detail["actual"]
        return str(gettext("%(field)s 没有值", field=field) if actual is None else f"{field} = {_value(actual)}")
    sign = _SIGNS.get(detail["op"], detail["op"])
    told = {"field": field, "sign": sign, "operand": _value(detail["operand"]), "actual": _value(detail["actual"])}
    return str(gettext("%(field)s %(sign)s %(operand)s，实为 %(actual)s", **told))


def _field(path: str) -> str:
    """`rules.x.when.any[1].event.amount` -> `event.amount`."""
    for root in ("event.", "user."):
        at = path.rfind(root)
        if at >= 0:
            return path[at:]
    return path.rpartition(".when.")[2] or path


def _value(value: Any) -> str:
    if value is None:
        return str(gettext("没有"))
    if isinstance(value, bool):
        return str(gettext("是") if value else gettext("否"))
    if isinstance(value, list):
        return "、".join(map(_value, value))
    return str(value)


_WHY: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "schedule timer_set": lambda detail: gettext("%(at)s 再判", at=_at(detail["due"])),
    "defer quiet_hours": lambda detail: gettext("%(at)s 安静时段结束后再判", at=_at(detail["until"])),
    "skip quiet_hours": lambda detail: gettext("安静时段到 %(at)s，这类消息不等", at=_at(detail["until"])),
    "expired": lambda detail: gettext("只在 %(at)s 以前有用", at=_at(detail["valid_until"])),
    "capped": _capped,
    "condition_false": _node,
    "not_in_audience": _node,
    "no_recipient": lambda detail: gettext("缺少 %(what)s", what=detail["missing"]),
    "holdout": lambda detail: gettext("%(share)s%% 的人不发，用来量效果", share=round(detail["share"] * 100, 2)),
    "suppressed": lambda detail: gettext("范围 %(scope)s", scope=scope(detail["scope"])),
    "blocked": lambda detail: gettext("黑名单"),
    "no_consent": lambda detail: gettext("%(field)s 是 %(actual)s", field=detail["field"], actual=_value(detail["actual"])),
    "no_channel": lambda detail: gettext("模板 %(template)s 没有可用的通道", template=detail["template"]),
    "template_error": lambda detail: f"{detail['field']}: {detail['problem']}",
    "duplicate": lambda detail: gettext("同一次已发给 %(phone)s", phone=detail["phone"]),
    "late": lambda detail: gettext("应在 %(at)s，晚了 %(late)s", at=_at(detail["due"]), late=duration(detail["late_seconds"] * SECOND)),
    "unless": lambda detail: gettext("%(event)s 先到(%(at)s)", event=room.event_name(detail["event"]), at=_at(detail["time"])),
    "stopped": lambda detail: str(detail.get("switch") or detail.get("reason") or ""),
    "not_active": lambda detail: " – ".join(_at(detail.get(side)) for side in ("from", "until")),
}  # fmt: skip


# ---- words of small things --------------------------------------------------------------------------------------------------------------


def owner(path: str) -> str:
    """Whose cap it is, from its path: `message_types.marketing.caps[0]` the type, `rules.x.caps[0]` the rule, else the whole book."""
    root, _, rest = path.partition(".")
    if root == "message_types":
        return word(rest.partition(".")[0], "type")
    return str(gettext("本规则") if root == "rules" else gettext("全书"))


def window(per: str) -> str:
    """A cap's window: `day` each day, `7d` in 7 days, `ever` ever."""
    each: Mapping[str, str] = {
        "minute": gettext("每分钟"), "hour": gettext("每小时"), "day": gettext("每天"), "week": gettext("每周"), "month": gettext("每月"),
        "ever": gettext("总共"),
    }  # fmt: skip
    if per in each:
        return each[per]
    units = {"s": gettext("秒"), "m": gettext("分钟"), "h": gettext("小时"), "d": gettext("天"), "w": gettext("周")}
    return f" {per[:-1]} {units.get(per[-1:], per[-1:])}"


def scope(code: str) -> str:
    """What a suppression stops."""
    return {"all": gettext("全部消息"), "blocked": gettext("黑名单，全部拦截")}.get(code) or word(code, "type")


def duration(micros: float) -> str:
    """`0.8 秒`, `4.2 秒`, `3 分 20 秒`, `2 小时 5 分`, `3 天`."""
    seconds = micros / SECOND
    if seconds < 0.1:
        return str(gettext("不到 0.1 秒"))
    if seconds < 10:
        return str(gettext("%(n)s 秒", n=f"{seconds:.1f}"))
    if seconds < 60:
        return str(gettext("%(n)s 秒", n=round(seconds)))
    minutes = int(seconds // 60)
    if minutes < 60:
        return str(gettext("%(m)s 分 %(s)s 秒", m=minutes, s=int(seconds % 60)))
    if minutes < 48 * 60:
        return str(gettext("%(h)s 小时 %(m)s 分", h=minutes // 60, m=minutes % 60))
    return str(gettext("%(d)s 天", d=minutes // (24 * 60)))


def day_of(at: int) -> str:
    """A heading of a list: today and yesterday besides the date."""
    apart = (moment(frame.house().service.clock.now()).date() - moment(at).date()).days
    named = {0: gettext("今天"), 1: gettext("昨天")}.get(apart)
    return f"{named} {day(at)}" if named else day(at)


def until(at: int, now: int) -> str:
    """An instant ahead: the hour alone where it is today."""
    return clock(at) if day(at) == day(now) else instant(at)


# ---- messages ---------------------------------------------------------------------------------------------------------------------------


def message_facts(stored: Stored, tries: tuple[Attempt, ...] | list[Attempt], receipts: tuple[Receipt, ...] | list[Receipt]) -> str:
    """`smsc · 1 条 ¥0.045 · 2.1 秒`: who carried it, what it cost, how long until the receipt; or why it failed."""
    message = stored.message
    parts = [gettext("%(n)s 条", n=message.parts) + (f" {money(float(stored.cost))}" if stored.cost is not None else "")]
    if message.channel != "sms":
        parts.insert(0, word(message.channel, "channel"))
    if message.position:
        parts.insert(0, gettext("第 %(n)s 个通道", n=message.position + 1))
    if tries:
        last = tries[-1]
        parts.insert(0, last.provider)
        if len(tries) > 1:
            parts.append(gettext("共 %(n)s 次尝试", n=len(tries)))
        if last.outcome == "rejected":
            parts.append(gettext("拒绝：%(code)s", code=" ".join(filter(None, (last.code, last.raw)))))
        done = [one for one in receipts if one.effect == "moved" and one.provider == last.provider]
        if done:
            parts.append(duration(max(done[-1].received - last.at, 0)))
            if done[-1].status != "delivered":
                parts.append(" ".join(filter(None, (word(done[-1].status, "state"), done[-1].code, done[-1].raw))))
    if stored.reason and stored.state.value in ("expired", "cancelled", "rejected") and not tries:
        parts.append(word(stored.reason, "reason"))
    return " · ".join(parts)


def entry_code(entry: Entry) -> tuple[str, str]:
    """(code, kind) of the mark and word of an entry: a message's state or a verdict's outcome."""
    if entry.message is not None:
        return entry.message.state.value, "state"
    assert entry.verdict is not None
    return entry.verdict.outcome, "outcome"


# ---- caps -------------------------------------------------------------------------------------------------------------------------------


def slots_title(slots: Slots) -> str:
    """`营销 每天`, and for who reads with their ears how it stands and who took the slots."""
    per = slots.cap.state.split("|")[1]
    return f"{owner(slots.cap.name)} {window(per).strip()}"


def slots_told(slots: Slots, now: int) -> str:
    """Who took the slots, and when one frees."""
    told = []
    if slots.rules:
        told.append(gettext("被 %(rules)s 占用", rules="、".join(room.rule_name(rule) for rule in dict.fromkeys(slots.rules))))
    if slots.standing.frees_at is not None and slots.standing.taken >= slots.cap.max:
        told.append(gettext("%(at)s 再有名额", at=until(slots.standing.frees_at, now)))
    return ("," if is_chinese() else ", ").join(told)
