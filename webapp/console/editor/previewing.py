"""The preview beside the code: which rule, with which values, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.core.display import masked
from engine.core.phones import mask
from engine.core.sanitise import sanitise
from engine.runtime.previews import TO, NoPreview, Preview, Variable, as_text, desk_of
from engine.runtime.previews import Desk as Renderer
from engine.store import events as event_store
from rules.model import CountTrigger, EventTrigger, JoinTrigger, Rule, Rulebook
from webapp.console import frame
from webapp.console.editor.desk import Desk

RECORDED = 6  # of each event type
_FILLERS: Mapping[str, str] = {
    "integer": "3", "number": "128", "boolean": "true", "date": "2026-06-18", "datetime": "2026-06-18T10:00", "phone": TO,
    "link": "https://m.example/a1", "list": "[]", "object": "{}",
}  # fmt: skip
_ABOUT_VALUES = ("missing-template-value", "optional-template-value", "unknown-name")


@dataclass(frozen=True, slots=True)
class Sample:
    """Values that are known to occur together: of a story of the book, or of a recorded event (masked)."""

    id: str
    title: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the pane shows. `renderer` None: there is nothing to show, `why` says why."""

    rule: str | None = None
    template: str | None = None
    name: str = ""
    renderer: Renderer | None = None
    why: str = ""
    channel: str = ""
    locale: str | None = None
    samples: list[Sample] = field(default_factory=list)
    chosen: str = ""
    variables: list[tuple[Variable, str]] = field(default_factory=list)
    preview: Preview | None = None
    checks: list[tuple[str, bool]] = field(default_factory=list)


def show(desk: Desk, asked: Mapping[str, str]) -> Shown:
    """What is asked for: `rule` or `template` (or `file` and `line`), `channel`, `locale`, `sample`, and `value.<field>`."""
    rule, template = _subject(desk, asked)
    book = desk.checked.draft.book
    if rule is None and template is None:
        return Shown(why="nothing")
    name = book.rules[rule].name if rule is not None and rule in book.rules else ""
    if rule is not None and rule not in book.rules:
        return Shown(rule, template, why="broken")
    try:
        renderer = desk_of(book, rule, template)
    except NoPreview:
        return Shown(rule, template, name, why="broken")
    channel = asked["channel"] if asked.get("channel") in renderer.channels else renderer.channels[0]
    locales = renderer.locales(channel)
    locale = asked["locale"] if asked.get("locale") in locales else None
    samples = _samples(book, renderer)
    variables = renderer.variables(channel)
    chosen = asked.get("sample") or (samples[0].id if samples else "longest")
    values = _values(variables, samples, chosen, asked)
    to, now = frame.visitor().phone or TO, frame.house().service.clock.now()
    preview = renderer.render(channel, values, locale, to, now, frame.house().prices)
    return Shown(
        rule=renderer.rule.id if rule is not None else None,
        template=renderer.look.template or None,
        name=name,
        renderer=renderer,
        channel=channel,
        locale=locale,
        samples=samples,
        chosen=chosen,
        variables=[(one, values[one.name]) for one in variables],
        preview=preview,
        checks=_checks(desk, renderer, preview),
    )


def _subject(desk: Desk, asked: Mapping[str, str]) -> tuple[str | None, str | None]:
    if asked.get("rule"):
        return asked["rule"], asked.get("template") or None
    if asked.get("template"):
        return None, asked["template"]
    line = int(asked["line"]) if asked.get("line", "").isdigit() else 1
    heading = desk.rule_at(asked.get("file", ""), line)
    return (heading.id, None) if heading is not None else (None, desk.template_at(asked.get("file", ""), line))


# ---- samples ----------------------------------------------------------------------------------------------------------------------------


def _samples(book: Rulebook, renderer: Renderer) -> list[Sample]:
    """Stories first, then what really came in, as far as the rule is about it."""
    rule = renderer.rule.rule
    types = _types(rule)
    found = [*_of_stories(book, rule, types), *_of_records(renderer, types)]
    return list({tuple(sorted(one.values.items())): one for one in reversed(found)}.values())[::-1]


def _types(rule: Rule) -> dict[str, str]:
    """Event type -> the root by which texts name it."""
    on = rule.on
    if isinstance(on, JoinTrigger):
        return {step.event: step.alias for step in on.steps}
    events = on.events if isinstance(on, EventTrigger) else (on.event,) if isinstance(on, CountTrigger) else ()
    return dict.fromkeys(events, "event")


def _of_stories(book: Rulebook, rule: Rule, types: Mapping[str, str]) -> Iterator[Sample]:
    for test in book.tests.values():
        values: dict[str, str] = {}
        for event in test.events:
            root = types.get(event.type)
            if root is not None and (root != "event" or not any(name.startswith("event.") for name in values)):
                values |= {f"{root}.{name}": as_text(_plain(value)) for name, value in event.data.items()}
                if isinstance(event.user, str):
                    attributes = test.users.get(event.user, {}).get("attributes")
                    values |= {
                        f"user.{name}": as_text(_plain(value))
                        for name, value in (attributes if isinstance(attributes, Mapping) else {}).items()
                    }
        named = any(one.fields.get("rule") == rule.id for one in (*(test.expect or ()), *test.verdicts))
        if values or (not types and named):
            yield Sample(f"test:{test.id}", test.id, values)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _of_records(renderer: Renderer, types: Mapping[str, str]) -> Iterator[Sample]:
    """Recorded events, masked as everywhere: what a preview needs of a name is that there is one."""
    service, env = frame.house().service, frame.visitor().env
    if len(types) != 1:
        return
    ((type_, root),) = types.items()
    with service.store.read() as tx:
        page = event_store.newest(tx, env, type=type_, limit=RECORDED)
    for received in page.items:
        values = {}
        for name, value in received.event.data.items():
            known = renderer.rule.fields.by_name.get(f"{root}.{name}")
            values[f"{root}.{name}"] = as_text(masked(known, value) if known is not None else value)
        yield Sample(f"event:{received.event.id}", received.event.id, values)


def _values(variables: list[Variable], samples: list[Sample], chosen: str, asked: Mapping[str, str]) -> dict[str, str]:
    """What was typed, else the chosen sample's, else something of the type."""
    typed = {name.removeprefix("value."): text for name, text in asked.items() if name.startswith("value.")}
    sample = next((one.values for one in samples if one.id == chosen), {})
    values = {}
    for variable in variables:
        if variable.name in typed:
            values[variable.name] = typed[variable.name]
        elif chosen == "longest":
            values[variable.name] = _longest(variable, samples)
        else:
            values[variable.name] = sample.get(variable.name, "" if variable.optional and sample else _filler(variable))
    return values


def _longest(variable: Variable, samples: list[Sample]) -> str:
    if variable.choices:
        return max(variable.choices, key=lambda choice: len(choice[1]))[0]
    known = [one.values[variable.name] for one in samples if variable.name in one.values]
    return max(known, key=len) if known else _filler(variable)


def _filler(variable: Variable) -> str:
    if variable.choices:
        return variable.choices[0][0]
    return _FILLERS.get(variable.type, "示例")


# ---- checks of the text -----------------------------------------------------------------------------------------------------------------


def _checks(desk: Desk, renderer: Renderer, preview: Preview) -> list[tuple[str, bool]]:
    """What people look for in a text before it leaves: (name, whether it is so)."""
    if not preview.segments:
        return []
    kinds = {kind for kind, _ in preview.segments}
    body = "".join(text for kind, text in preview.segments if kind == "body")
    complete = "signature" in kinds and ("ending" in kinds or renderer.rule.type.id != "marketing")
    paths = {("rules", renderer.rule.id), ("templates", renderer.look.template)}
    supplied = not any(one.code in _ABOUT_VALUES and one.path[:2] in paths for one in desk.checked.findings)
    return [("complete", complete), ("supplied", supplied), ("plain", sanitise(body) == body)]


def my_phone() -> str | None:
    """The visitor's own number, masked."""
    phone = frame.visitor().phone
    return mask(phone) if phone else None
