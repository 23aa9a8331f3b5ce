"""A judgement told stage by stage, for people: the console's rail and tree, `hongyan explain`, `simulate --trace`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.core.facts import Event, Scope

if TYPE_CHECKING:
    from engine.core.case import Case
    from engine.core.conditions import Node
    from engine.core.outcomes import Verdict
    from engine.core.plan import RulePlan

STAGES = (
    "enabled", "active", "unless", "when", "audience", "recipient", "holdout", "suppression", "consent", "quiet_hours", "validity",
    "duplicate", "caps", "channel", "render", "send",
)  # fmt: skip

# The stage that gives each reason. A timer is set between `when` and the rest.
STAGE_OF_REASON = {
    "disabled": "enabled", "stopped": "enabled", "not_active": "active", "unless": "unless", "condition_false": "when",
    "not_in_audience": "audience", "no_recipient": "recipient", "holdout": "holdout", "suppressed": "suppression",
    "blocked": "suppression", "no_consent": "consent", "quiet_hours": "quiet_hours", "expired": "validity", "duplicate": "duplicate",
    "capped": "caps", "no_channel": "channel", "template_error": "render", "ok": "send",
}  # fmt: skip


@dataclass(slots=True)
class Trace:
    """One judgement. `stages`: (name, "passed" | "ended" | "not_reached") for each stage of the order.

    `verdict` None: an audience did not select the person, which is no verdict.
    """

    rule: str
    occurrence: str
    user: str | None
    at: int
    verdict: Verdict | None
    event: Event | None = None
    stages: list[tuple[str, str]] = field(default_factory=list)
    when: Node | None = None
    audience: Node | None = None
    text: str | None = None
    case: Case | None = None  # as it was judged: what else could have come of it is asked of that (simulate/rehearse.py)

    @classmethod
    def of(cls, case: Case, verdict: Verdict) -> Trace:
        """What a finished case has to tell."""
        rule, item = case.rule, case.item
        return cls(
            rule.id,
            item.occurrence,
            verdict.user,
            case.now,
            verdict,
            item.event,
            _stages(verdict),
            rule.when.explain(case.scope) if rule.when is not None else None,
            rule.audience.explain(case.scope) if rule.audience is not None and case.user is not None else None,
            case.cut.text if case.cut is not None else None,
            case,
        )

    @classmethod
    def unselected(cls, rule: RulePlan, occurrence: str, scope: Scope) -> Trace:
        """Somebody whom the audience does not select."""
        user = scope.user.id if scope.user is not None else None
        audience = rule.audience.explain(scope) if rule.audience is not None else None
        return cls(rule.id, occurrence, user, scope.now, None, scope.event, audience=audience)


def _stages(verdict: Verdict) -> list[tuple[str, str]]:
    name = STAGE_OF_REASON.get(verdict.reason)
    if verdict.reason == "expired" and "until" in verdict.detail:
        name = "quiet_hours"  # found worthless while looking for the release
    ended = STAGES.index(name) if name is not None else STAGES.index("when") + 0.5
    return [(stage, "passed" if at < ended else "ended" if at == ended else "not_reached") for at, stage in enumerate(STAGES)]
