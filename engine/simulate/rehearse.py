"""What a recipient would get, whatever was decided: the same stages and the same rendering, for people who ask "and if it were sent?"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.core.case import Case
from engine.core.render import TemplateError
from engine.core.texts import cut, pieces
from engine.core.trace import Trace


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The message of a judgement. `problem` is empty, or says why none can be made: a reason, or what the template lacks."""

    template: str = ""
    channel: str = ""
    channels: tuple[str, ...] = ()  # the whole chain
    to: str = ""  # E.164
    text: str | None = None  # of an sms
    pieces: tuple[tuple[str, bool], ...] = ()  # of an sms: (text, whether it came from a value)
    content: Any = None  # of other channels
    parts: int = 1
    problem: str = ""
    facts: Mapping[str, Any] | None = None  # behind the problem


def rehearse(trace: Trace) -> Rehearsal | None:
    """None: nobody is to get anything (the part of a broadcast or of a tick that is nobody's; somebody whom an audience leaves out)."""
    judged = trace.case
    if judged is None or (judged.rule.has_audience and judged.user is None):
        return None
    case = Case(judged.work, judged.rule, judged.item, judged.user, judged.scope)
    for name, stage in judged.rule.stages:
        if name in ("recipient", "channel") and (verdict := stage(case)) is not None:
            return Rehearsal(problem=verdict.reason, facts=verdict.detail)
    assert case.to is not None
    assert case.look is not None
    channel, names = case.channels[0], tuple(one.name for one in case.channels)
    try:
        made = cut(channel, case.rule, case.text_scope, case.to, case.work.book)
        told = pieces(channel, case.rule, case.text_scope, case.to, case.work.book) if made.text is not None else ()
    except TemplateError as error:
        facts = {"field": error.field, "problem": error.reason}
        return Rehearsal(case.look.template, channel.name, names, case.to, problem="template_error", facts=facts)
    return Rehearsal(case.look.template, channel.name, names, case.to, made.text, told, made.content, made.parts)
