"""The first channel of the chain for which there is content and no stop; variants choose the content."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.chance import share
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, Look, RulePlan, Stage


def build(rule: RulePlan, book: BookPlan) -> Stage:
    """The stage; it also chooses the variant."""
    looks, prefix = rule.looks, f"variant|{rule.id}|"
    stopped = {switch.removeprefix("channel:") for switch in book.stopped if switch.startswith("channel:")}
    if len(looks) == 1 and looks[0].channels and not stopped:
        return _only_look

    def stage(case: Case) -> Verdict | None:
        look = looks[0] if len(looks) == 1 else _drawn(looks, share(prefix + case.person_key()))
        channels = look.channels
        if stopped:
            channels = tuple(channel for channel in channels if channel.name not in stopped)
        if not channels:
            return case.verdict("skip", "no_channel", {"template": look.template, "channels": list(rule.rule.send.channels)})
        case.look = look
        case.channels = channels
        return None

    return stage


def _only_look(case: Case) -> Verdict | None:
    case.look = look = case.rule.looks[0]
    case.channels = look.channels
    return None


def _drawn(looks: tuple[Look, ...], point: float) -> Look:
    return next((look for look in looks if point < look.share), looks[-1])
