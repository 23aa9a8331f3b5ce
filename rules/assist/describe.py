"""What things of a book mean, in a sentence: fields, traits, events, segments, filters, operators. For completion and hover."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rules.assist.library import BUILTINS, Library
from rules.assist.shapes import DEFINITIONS, meaning
from rules.checks._fields import Known, Reach
from rules.model import FieldDef

Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Help:
    """`text` says what it is; `facts` are (label, value) beside it; `code` is the name itself, `type` its type in one word."""

    code: str
    kind: str
    type: str = ""
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For the page."""
        return {"code": self.code, "kind": self.kind, "type": self.type, "text": self.text, "facts": [list(fact) for fact in self.facts]}


def said(language: Language, english: str, chinese: str) -> str:
    """One of the two."""
    return chinese if language == "zh" else english


def field_help(name: str, reach: Reach, library: Library, language: Language) -> Help:
    """A field: its type, what it is, which values it has."""
    known = library.known(name, reach)
    type_ = " | ".join(sorted(known.types)) if known is not None else ""
    root, _, rest = name.partition(".")
    if root == "user" and rest in library.book.traits:
        return trait_help(rest, library, language, type_)
    kind = "attribute" if root == "user" else "field"
    builtin = BUILTINS.get(name if root in ("event", "user") else f"event.{rest}")
    declared = library.declaration(name, reach)
    text = declared.description if declared is not None else said(language, *builtin) if builtin else ""
    return Help(name, kind, type_, text, tuple(_facts_of_field(declared, known, language)))


def _facts_of_field(declared: FieldDef | None, known: Known | None, language: Language) -> Iterator[tuple[str, str]]:
    if declared is not None and declared.enum:
        values = [_labelled(value, label) for value, label in declared.enum.items()]
        yield said(language, "values", "取值"), ", ".join(values)
    if known is not None and (known.minimum is not None or known.maximum is not None):
        low = "" if known.minimum is None else f"≥ {known.minimum:g}"
        high = "" if known.maximum is None else f"≤ {known.maximum:g}"
        yield said(language, "range", "范围"), " ".join(part for part in (low, high) if part)
    if known is not None and not known.given and known.types != {"any"}:
        yield (
            said(language, "may be missing", "可缺"),
            said(language, "then only exists: false, is_not and not_in are true", "缺失时只有 exists: false、is_not、not_in 成立"),
        )
    if declared is not None and (declared.secret or declared.personal):
        yield said(language, "masked", "遮盖"), said(language, "in logs, traces and pages", "日志、轨迹、页面上都遮住")


def _labelled(value: object, label: str) -> str:
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return shown if label == shown else f"{shown} {label}"


_TAKES: Mapping[str, tuple[str, str]] = {
    "latest": ("the latest {of} of {on}", "最近一次 {on} 的{of}"),
    "first": ("the first {of} of {on}", "第一次 {on} 的{of}"),
    "count": ("how many {on} there were", "{on} 的次数"),
    "sum": ("the sum of {of} over {on}", "由 {on} 的{of}求和"),
    "min": ("the least {of} of {on}", "{on} 中最小的{of}"),
    "max": ("the greatest {of} of {on}", "{on} 中最大的{of}"),
    "distinct": ("the different values of {of} in {on}", "{on} 中出现过的不同{of}"),
}
_BEFORE_ANY: Mapping[str, str] = {"count": "0", "sum": "0", "distinct": "[]"}


def trait_help(name: str, library: Library, language: Language, type_: str) -> Help:
    """What a trait counts."""
    trait = library.book.traits[name]
    user = library.section("user").get("traits")
    written = user.get(name) if isinstance(user, Mapping) else None
    own = [str(written[key]) for key in ("name", "description") if isinstance(written, Mapping) and isinstance(written.get(key), str)]
    on = ", ".join(trait.events)
    counted = said(language, *_TAKES[trait.take]).format(on=on, of=_source(trait.of or "", language)).strip()
    facts = [(said(language, "counts", "算法"), counted)]
    if trait.within is not None:
        facts.append((said(language, "window", "窗口"), str(trait.within)))
    if trait.when is not None:
        facts.append((said(language, "only if", "只计"), shown(written.get("when")) if isinstance(written, Mapping) else ""))
    empty = _BEFORE_ANY.get(trait.take) or said(language, "missing", "缺失")
    facts.append((said(language, "before any event", "还没有事件时"), empty))
    return Help(f"user.{name}", "trait", type_, "；".join(own) if own else counted + said(language, ".", "。"), tuple(facts))


def _source(field: str, language: Language) -> str:
    name = field.removeprefix("event.")
    if language == "en":
        return name
    return "时间" if name == "time" else f" {name} "


def event_help(name: str, library: Library, language: Language) -> Help:
    """An event type: its name, key and fields."""
    event = library.book.events.get(name)
    if event is None:
        return Help(name, "event")
    facts = [(said(language, "key", "业务对象"), event.key or said(language, "the user", "用户"))]
    facts.append(
        (said(language, "fields", "字段"), ", ".join(f"{one.name}{'?' if one.optional else ''}" for one in event.data.values()) or "—")
    )
    type_ = "broadcast" if event.broadcast else ""
    return Help(name, "event", type_, event.name, tuple(facts))


def segment_help(name: str, library: Library, language: Language) -> Help:
    """A segment: its name and condition."""
    written = library.section("segments").get(name)
    written = written if isinstance(written, Mapping) else {}
    title = written.get("name") or written.get("description")
    facts = ((said(language, "condition", "条件"), shown(written.get("when"))),)
    return Help(name, "segment", "", title if isinstance(title, str) else "", facts)


def template_help(name: str, library: Library, language: Language) -> Help:
    """A template: its channels and its text."""
    written = library.section("templates").get(name)
    written = written if isinstance(written, Mapping) else {}
    text = written.get("sms")
    if isinstance(text, Mapping):
        text = next(iter(text.values()), "")
    return Help(name, "template", ", ".join(map(str, written)), text if isinstance(text, str) else "")


def rule_help(name: str, library: Library, language: Language) -> Help:
    """A rule: its name and description."""
    written = library.section("rules").get(name)
    written = written if isinstance(written, Mapping) else {}
    title, description = written.get("name"), written.get("description")
    facts = ((said(language, "description", "说明"), description),) if isinstance(description, str) and isinstance(title, str) else ()
    return Help(name, "rule", "", str(title or description or ""), facts)


def operator_help(name: str, language: Language) -> Help:
    """An operator of a condition, in the schema's words."""
    described = DEFINITIONS["operators"]["properties"][name]
    return Help(name, "operator", "", meaning(str(described.get("description", "")), language))


FILTERS: Mapping[str, tuple[str, str, str]] = {
    "money": ("12.00", "two digits after the point", "保留两位小数"),
    "date": ("2026-06-03", "the day, in the recipient's zone", "日期，按收信人时区"),
    "time": ("22:00", "the time of day, in the recipient's zone", "时刻，按收信人时区"),
    "datetime": ("2026-06-03 22:00", "day and time, in the recipient's zone", "日期和时刻，按收信人时区"),
    "duration": ("2天3小时", "a number of seconds, in words", "秒数写成时长"),
    "mask": ("138****8000", "the middle hidden", "遮住中间"),
    "upper": ("ABC", "in capitals", "转大写"),
    "lower": ("abc", "in small letters", "转小写"),
    "default": ('default("…")', "what stands where the value is missing", "缺失时写什么"),
    "truncate": ("truncate(12)", "at most so many characters", "最多多少个字，多的截掉"),
    "label": ("金卡", "the label of the value in its enum", "枚举值的中文名"),
}


def filter_help(name: str, language: Language) -> Help:
    """A filter of a text, with what it makes."""
    sample, english, chinese = FILTERS[name]
    return Help(name, "filter", "", said(language, english, chinese), ((said(language, "gives", "例如"), sample),))


def shown(value: Any, levels: int = 6) -> str:
    """Plain data on one line, as YAML's flow style would have it."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key}: {shown(item, levels - 1)}" for key, item in value.items()) if levels else "…"
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + (", ".join(shown(item, levels - 1) for item in value) if levels else "…") + "]"
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
