"""Why a verdict came, in words made of its facts: a headline, what stands behind it, and the place in the book that says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.conditions import Node, first_failure
from engine.core.display import show_float
from engine.core.phones import mask
from engine.core.plan import RulePlan
from rules.model import EventTrigger, path_text
from webapp.console import words
from webapp.console.simulator.naming import Naming, _, quiet, seconds, window
from webapp.console.simulator.running import Judged, Run

MAX_FACTS = 3  # of a headline; the tree has them all


@dataclass(frozen=True, slots=True)
class Why:
    """`place`: the path of what in the book decided. `others`: verdicts that have to do with it (who took a cap's slots)."""

    headline: str
    facts: tuple[str, ...] = ()
    place: str = ""
    others: tuple[Judged, ...] = ()


def why(one: Judged, run: Run, naming: Naming) -> Why:
    """The verdict explained."""
    rule = run.plan.rules.get(one.verdict.rule)
    if rule is None:
        return Why(_("这条规则已经不在规则书里"))
    return _TELLERS[one.verdict.reason](_Asked(one, one.verdict.detail, rule, run, naming))


@dataclass(frozen=True, slots=True)
class _Asked:
    one: Judged
    detail: Mapping[str, Any]
    rule: RulePlan
    run: Run
    naming: Naming

    def tell(self, name: str) -> str:
        """The instant of a fact."""
        return self.naming.tell(self.detail[name])

    def path(self, *parts: str) -> str:
        """A place in the rule."""
        return ".".join((path_text(self.rule.rule.path), *parts))


# ---- conditions -------------------------------------------------------------------------------------------------------------------------


def culprits(node: Node, wanted: bool = False) -> Iterator[Node]:
    """The leaves because of which a node is what it is."""
    if node.kind == "leaf":
        yield node
        return
    if node.kind in ("not", "none"):
        wanted = not wanted
    decisive = [child for child in node.children if child.result is wanted]
    # One part decides an `all` that is false and an `any` that is true; else all of them do.
    one_is_enough = (node.kind == "all" and not wanted) or (node.kind in ("any", "none") and wanted)
    for child in decisive[:1] if one_is_enough else decisive:
        yield from culprits(child, wanted)


def leaf_fact(leaf: Node, naming: Naming, rule: RulePlan | None) -> str:
    """`tier 是 银卡`, `90 天内「订单完成」的次数是 1`."""
    assert leaf.field is not None
    declared = naming.declared(leaf.field, rule.rule if rule is not None else None)
    name = naming.field(leaf.field, rule.rule if rule is not None else None)
    if leaf.actual is None:
        return _("%(field)s没有值", field=_spaced(name))
    return _("%(field)s是 %(value)s", field=_spaced(name), value=naming.value(leaf.actual, declared))


def leaf_wish(leaf: Node, naming: Naming, rule: RulePlan | None) -> str:
    """What a leaf asks for: `至少 2`."""
    declared = naming.declared(leaf.field or "", rule.rule if rule is not None else None)
    operand = leaf.operand
    if leaf.op == "exists":
        return _("有值") if operand else _("没有值")
    if leaf.op == "between" and isinstance(operand, list) and len(operand) == 2:
        return _("在 %(low)s 到 %(high)s 之间", low=naming.value(operand[0], declared), high=naming.value(operand[1], declared))
    value = naming.value(operand, declared)
    wishes: Mapping[str, Callable[..., str]] = {
        "is": lambda: _("是 %(value)s", value=value),
        "is_not": lambda: _("不是 %(value)s", value=value),
        "in": lambda: _("属于 %(value)s", value=value),
        "not_in": lambda: _("不属于 %(value)s", value=value),
        "at_least": lambda: _("至少 %(value)s", value=value),
        "at_most": lambda: _("至多 %(value)s", value=value),
        "above": lambda: _("大于 %(value)s", value=value),
        "below": lambda: _("小于 %(value)s", value=value),
        "contains": lambda: _("含有 %(value)s", value=value),
        "starts_with": lambda: _("以 %(value)s 开头", value=value),
        "ends_with": lambda: _("以 %(value)s 结尾", value=value),
        "matches": lambda: _("符合 %(value)s", value=value),
        "older_than": lambda: _("早于 %(value)s 前", value=value),
        "newer_than": lambda: _("在最近 %(value)s 内", value=value),
        "within_next": lambda: _("在今后 %(value)s 内", value=value),
        "on_date": lambda: _("在 %(value)s 这一天", value=_("今天") if value == "today" else value),
        "same_day_as": lambda: _("与 %(value)s 同一天", value=value),
    }
    return wishes[leaf.op or "is"]()


def _wish(leaf: Node, asked: _Asked) -> str:
    name = _spaced(asked.naming.field(leaf.field or "", asked.rule.rule))
    return _("要求 %(field)s%(wish)s", field=name, wish=leaf_wish(leaf, asked.naming, asked.rule))


def _spaced(name: str) -> str:
    """A blank between Latin letters and the Chinese that follows; in English between all words."""
    return name + " " if name[-1:].isascii() or not words.is_chinese() else name


def _condition(asked: _Asked) -> Why:
    trace = asked.one.trace
    tree = None if trace is None else trace.audience if asked.one.verdict.reason == "not_in_audience" else trace.when
    path = str(asked.detail.get("path", ""))
    if tree is None or tree.result is not False:
        name = str(asked.detail.get("segment", path))
        return Why(_("不再属于人群 %(name)s", name=name) if "segment" in asked.detail else _("条件不成立"), place=path or asked.path())
    leaves = list(culprits(tree))
    facts = list(dict.fromkeys(leaf_fact(leaf, asked.naming, asked.rule) for leaf in leaves))
    more = _("等 %(count)s 项", count=len(facts)) if len(facts) > MAX_FACTS else ""
    headline = _("，").join(facts[:MAX_FACTS]) + more
    wishes = [_wish(leaf, asked) for leaf in leaves[:MAX_FACTS]]
    node = first_failure(tree)
    if node.kind == "any":
        wishes = [_("这 %(count)s 项要有一项成立，现在都不成立", count=len(node.children)), *wishes]
    elif node.kind in ("none", "not"):
        wishes = [_("这里要求它不成立")]
    return Why(headline or _("条件不成立"), tuple(wishes), node.path)


# ---- the other reasons ------------------------------------------------------------------------------------------------------------------


def _capped(asked: _Asked) -> Why:
    detail = asked.detail
    by = _("、").join(_counted_by(str(name)) for name in detail["by"])
    headline = _(
        "%(by)s%(window)s最多 %(max)s 条，已有 %(count)s 条", by=by, window=window(detail["per"]), max=detail["max"], count=detail["count"]
    )
    frees = detail.get("frees_at")
    facts = [_("%(at)s 空出一个名额", at=asked.naming.tell(frees)) if frees is not None else _("名额不会再空出来")]
    takers = tuple(_takers(asked))
    if len(takers) < detail["count"]:
        facts.append(_("其中 %(count)s 条在这个故事开始之前", count=detail["count"] - len(takers)))
    return Why(headline, tuple(facts), str(detail["cap"]), takers)


def _takers(asked: _Asked) -> Iterator[Judged]:
    """The verdicts whose messages stand in the cap's slots now, earliest first."""
    trace = asked.one.trace
    cap = next((cap for cap in asked.rule.caps if cap.name == asked.detail["cap"]), None)
    if trace is None or trace.case is None or cap is None:
        return
    cell = cap.keys(trace.case)
    # A slot that was given back (rejected everywhere) is counted by nobody; those that are left are the latest.
    found = [
        one
        for one in asked.run.judged[: asked.one.number]
        if one.messages and one.receipts[-1:] != [(one.verdict.at, "rejected")]
        if any(held == cell and state == cap.state for held, state, _at in one.messages[0].slots)
    ]
    yield from found[-int(asked.detail["count"]) :]


def _counted_by(name: str) -> str:
    names = {"user": _("每人"), "phone": _("每个号码"), "phone_prefix": _("每个号段"), "ip_network": _("每个网段"), "all": _("所有人合计")}
    return names.get(name) or _("同一 %(field)s", field=name.removeprefix("event.")) + " "


def _quiet_hours(asked: _Asked) -> Why:
    hours = asked.rule.quiet
    until = asked.tell("until")
    stretch = quiet(hours) if hours is not None else ""
    place = path_text(hours.path) if hours is not None else asked.path()
    facts = [_zone_of(asked)] if _zone_of(asked) else []
    if asked.one.verdict.outcome == "skip":
        return Why(_("%(hours)s 不打扰，规则说这时就不发了", hours=stretch), tuple(facts), place)
    return Why(_("%(hours)s 不打扰，等到 %(until)s", hours=stretch, until=until), tuple(facts), place)


def _zone_of(asked: _Asked) -> str:
    """Said where the person's clock is not the book's."""
    case = asked.one.trace.case if asked.one.trace is not None else None
    person = case.recipient if case is not None else None
    if person is None or person.timezone is None or person.zone is asked.run.plan.zone:
        return ""
    return _("按收件人自己的时区 %(zone)s", zone=person.timezone)


def _expired(asked: _Asked) -> Why:
    place = (
        asked.path("send", "valid_for") if asked.rule.rule.send.valid_for is not None else f"message_types.{asked.rule.type.id}.valid_for"
    )
    valid = asked.tell("valid_until")
    if "until" in asked.detail:
        text = _("安静时段到 %(until)s 才结束，消息只在 %(valid)s 以前有用", until=asked.tell("until"), valid=valid)
        return Why(text, tuple(filter(None, [_zone_of(asked)])), place)
    return Why(_("消息只在 %(valid)s 以前有用", valid=valid), (), place)


def _late(asked: _Asked) -> Why:
    on = asked.rule.rule.on
    allowed = seconds(asked.rule.late_by / 1_000_000)
    headline = _("该在 %(due)s 发，事件晚到了 %(late)s", due=asked.tell("due"), late=seconds(asked.detail["late_seconds"]))
    place = asked.path("on", "late") if isinstance(on, EventTrigger) and on.late is not None else asked.path("on")
    return Why(headline, (_("最多容许晚 %(allowed)s", allowed=allowed),), place)


def _unless(asked: _Asked) -> Why:
    name = asked.naming.event(str(asked.detail["event"]))
    text = _("「%(event)s」在 %(at)s 先到了，不再需要", event=name, at=asked.tell("time"))
    facts = [f"{asked.detail['event']} {asked.detail['id']}"]
    before = asked.one.before
    if before is not None and (due := before.verdict.detail.get("due") or before.verdict.detail.get("until")):
        facts.append(_("本来定在 %(at)s", at=asked.naming.tell(due)))
    return Why(text, tuple(facts), asked.path("on", "unless"))


def _no_consent(asked: _Asked) -> Why:
    name, actual = str(asked.detail["field"]), asked.detail["actual"]
    declared = asked.naming.declared(name)
    text = _("没有同意接收%(type)s", type=_type(asked))
    fact = (
        f"{name} {_('没有值')}"
        if actual is None
        else _("%(field)s是 %(value)s", field=name + " ", value=asked.naming.value(actual, declared))
    )
    return Why(text, (fact,), f"message_types.{asked.rule.type.id}.needs_consent")


def _suppressed(asked: _Asked) -> Why:
    scope = str(asked.detail["scope"])
    if scope == "blocked":
        return Why(_("号码在黑名单里"))
    named = _("所有消息") if scope == "all" else words.word(scope, "type")
    return Why(_("这个号码拒收%(what)s", what=named), (), asked.path("send", "type"))


def _no_recipient(asked: _Asked) -> Why:
    missing = asked.detail.get("missing")
    place = asked.path("send", "to") if asked.rule.rule.send.to is not None else asked.path("on")
    return Why(_("不知道发给谁") if missing == "user" else _("收件人没有可用的手机号"), (), place)


def _template_error(asked: _Asked) -> Why:
    field = str(asked.detail.get("field") or "")
    text = _("模板里的 %(field)s 用不了", field=field) if field else _("模板写不成消息")
    look = asked.rule.looks[0] if asked.rule.looks else None
    return Why(text, (str(asked.detail.get("problem", "")),), f"templates.{look.template}" if look is not None else asked.path("send"))


def _not_active(asked: _Asked) -> Why:
    facts = []
    if "from" in asked.detail:
        facts.append(_("从 %(at)s 起", at=asked.tell("from")))
    if "until" in asked.detail:
        facts.append(_("到 %(at)s 为止", at=asked.tell("until")))
    return Why(_("不在规则的生效期里"), tuple(facts), asked.path("active"))


def _timer_set(asked: _Asked) -> Why:
    facts = [_("其他条件到那时再看")]
    if asked.rule.rule.on and isinstance(asked.rule.rule.on, EventTrigger) and asked.rule.rule.on.unless:
        names = _("、").join(f"「{asked.naming.event(one.event)}」" for one in asked.rule.rule.on.unless)
        facts.append(_("在那之前来了%(events)s就取消", events=names))
    return Why(_("定在 %(due)s", due=asked.tell("due")), tuple(facts), asked.path("on"))


def _ok(asked: _Asked) -> Why:
    one = asked.one
    if not one.messages:
        return Why(_("已发送"), (), asked.path())
    facts = []
    for message in one.messages:
        channel = words.word(message.channel, "channel")
        parts = _("分 %(parts)s 条", parts=message.parts) if message.parts > 1 else ""
        facts.append(" ".join(filter(None, [asked.naming.tell(message.at), channel, parts, _("发给 %(to)s", to=mask(message.to))])))
    for at, status in one.receipts:
        receipts = {"delivered": _("回执：已送达"), "undelivered": _("回执：未送达"), "rejected": _("回执：被拒绝")}
        facts.append(f"{asked.naming.tell(at)} {receipts.get(status, status)}")
    failed = one.outcome == "failed"
    return Why(_("发出去了，但没有送到") if failed else _("各关都过了，已发送"), tuple(facts), asked.path())


def _plain(text: Callable[[], str], *place: str) -> Callable[[_Asked], Why]:
    return lambda asked: Why(text(), (), asked.path(*place))


def _holdout(asked: _Asked) -> Why:
    share = show_float(round(asked.detail["share"] * 100, 2))
    return Why(_("分在对照组里，%(share)s%% 的人不发、只计数", share=share), (), asked.path("holdout"))


def _duplicate(asked: _Asked) -> Why:
    return Why(_("同一次触发已经给 %(phone)s 发过", phone=asked.detail["phone"]), (_("两个用户留了同一个号码"),), asked.path("audience"))


def _no_channel(asked: _Asked) -> Why:
    return Why(_("模板 %(name)s 没有能用的通道", name=asked.detail["template"]), (), f"templates.{asked.detail['template']}")


def _type(asked: _Asked) -> str:
    word = words.word(asked.rule.type.id, "type")
    return word if words.is_chinese() else f" {word.lower()}"


_TELLERS: Mapping[str, Callable[[_Asked], Why]] = {
    "ok": _ok,
    "timer_set": _timer_set,
    "quiet_hours": _quiet_hours,
    "disabled": _plain(lambda: _("规则停用了"), "enabled"),
    "not_active": _not_active,
    "condition_false": _condition,
    "not_in_audience": _condition,
    "no_recipient": _no_recipient,
    "holdout": _holdout,
    "suppressed": _suppressed,
    "no_consent": _no_consent,
    "expired": _expired,
    "late": _late,
    "capped": _capped,
    "no_channel": _no_channel,
    "template_error": _template_error,
    "duplicate": _duplicate,
    "rule_removed": _plain(lambda: _("这条规则已经不在规则书里")),
    "stopped": _plain(lambda: _("被开关叫停了")),
    "blocked": _suppressed,
    "unless": _unless,
    "requested": _plain(lambda: _("有人要求取消")),
}
