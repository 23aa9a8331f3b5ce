"""The funnel of a rule: how many times it was judged to an end, how many were lost at each step and why, what arrived, what it led to.

Counts are of verdicts that ended something: `send`, `skip` and `cancel`. What was scheduled or deferred counts when it has ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from engine.core.outcomes import REASONS
from engine.store import figures
from engine.store.figures import OPEN
from engine.store.store import Tx

# Step -> the verdicts that are lost there, in the order of judgement.
STEPS: Mapping[str, tuple[str, ...]] = {
    "in_force": ("skip disabled", "skip not_active", "skip rule_removed", "skip stopped"),
    "not_cancelled": ("cancel unless", "cancel requested"),
    "not_late": ("skip late",),
    "condition": ("skip condition_false", "skip not_in_audience"),
    "recipient": ("skip no_recipient",),
    "not_held_out": ("skip holdout",),
    "may_get": ("skip suppressed", "skip blocked", "skip no_consent"),
    "in_time": ("skip quiet_hours", "skip expired"),
    "not_twice": ("skip duplicate",),
    "has_slot": ("skip capped",),
    "can_be_made": ("skip no_channel", "skip template_error"),
}
# Of messages that were to be sent, what has not arrived: state, or OPEN.
NOT_ARRIVED = ("undelivered", "rejected", "expired", "cancelled", "unknown", "accepted", OPEN)


@dataclass(frozen=True, slots=True)
class Step:
    """How many are left after a step, and what was lost there: (outcome, reason, number) or for messages ("message", state, number)."""

    name: str
    left: int
    lost: Sequence[tuple[str, str, int]] = ()


@dataclass(frozen=True, slots=True)
class Goal:
    """What a rule led to, among those who got a message and those who were held out. Shares are of 1; None where nobody was."""

    reached: int
    sent: int
    held_out_reached: int
    held_out: int

    @property
    def share(self) -> float | None:
        """Of those who got a message."""
        return self.reached / self.sent if self.sent else None

    @property
    def held_out_share(self) -> float | None:
        """Of those who got none, to be compared with."""
        return self.held_out_reached / self.held_out if self.held_out else None

    @property
    def lift(self) -> float | None:
        """How much more."""
        return None if self.share is None or self.held_out_share is None else self.share - self.held_out_share

    @property
    def margin(self) -> float | None:
        """Half the width of the 95 % interval around the lift (two shares, normal approximation); None where too few say nothing."""
        if self.share is None or self.held_out_share is None or min(self.sent, self.held_out) < 30:
            return None
        parts = ((self.share, self.sent), (self.held_out_share, self.held_out))
        return 1.96 * sqrt(sum(max(share * (1 - share), 0) / number for share, number in parts))


@dataclass(frozen=True, slots=True)
class Funnel:
    """Of one rule. `steps` begin with `judged` and end with `arrived`; those without a loss are left out and counted in `lossless`."""

    rule: str
    since: int
    steps: Sequence[Step]
    lossless: int
    messages: int
    scheduled: int
    deferred: int
    goal: Goal | None


def funnel(tx: Tx, env: str, rule: str, since: int, *, has_goal: bool) -> Funnel:
    """The funnel of what was decided in the hours from `since` on."""
    return made(rule, since, figures.of(tx, env, f"rule:{rule}", figures.hour(since)), has_goal=has_goal)


def made(rule: str, since: int, counts: Counter[str], *, has_goal: bool) -> Funnel:
    """The funnel from what was counted."""
    ended = sum(number for what, number in counts.items() if what.split()[0] in ("send", "skip", "cancel"))
    steps = [Step("judged", ended)]
    left, lossless = ended, 0
    for name, reasons in STEPS.items():
        lost = [(what.partition(" ")[0], what.partition(" ")[2], counts[what]) for what in reasons if counts[what]]
        if not lost:
            lossless += 1
            continue
        left -= sum(number for _, _, number in lost)
        steps.append(Step(name, left, lost))
    states = {what.removeprefix("message "): max(number, 0) for what, number in counts.items() if what.startswith("message ")}
    missing = [("message", state, states[state]) for state in NOT_ARRIVED if states.get(state)]
    steps.append(Step("arrived", states.get("delivered", 0), missing))
    reached = Counter({what.removeprefix("goal "): number for what, number in counts.items() if what.startswith("goal ")})
    held_out = reached.pop("holdout", 0)
    goal = Goal(sum(reached.values()), counts["send ok"], held_out, counts["skip holdout"]) if has_goal else None
    return Funnel(rule, since, steps, lossless, sum(states.values()), counts["schedule timer_set"], counts["defer quiet_hours"], goal)


def unplaced() -> set[str]:
    """Verdicts that end something and belong to no step: none, which a test holds."""
    placed = {what for reasons in STEPS.values() for what in reasons}
    return {f"{outcome} {reason}" for outcome in ("skip", "cancel") for reason in REASONS[outcome]} - placed
