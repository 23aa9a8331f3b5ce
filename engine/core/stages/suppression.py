"""Opt-outs and block lists: by number, where a reply of R stops marketing and never codes and a block list stops everything; by network,
from which nobody gets a code."""

from __future__ import annotations

from engine.core.case import Case
from engine.core.fields import Reader
from engine.core.outcomes import Verdict
from engine.core.plan import BookPlan, RulePlan, Stage


def build(rule: RulePlan, book: BookPlan) -> Stage:
    """The stage."""
    if rule.verification is not None and "event.ip" in rule.fields:
        return _with_networks(rule.fields["event.ip"].read)
    return _stage


def _with_networks(ip: Reader) -> Stage:
    def stage(case: Case) -> Verdict | None:
        networks = case.work.book.blocked
        network = networks.holding(ip(case.scope)) if networks else None
        if network is not None:
            return case.verdict("skip", "blocked", {"scope": "network", "network": network})
        return _stage(case)

    return stage


def _stage(case: Case) -> Verdict | None:
    cell = case.work.cell(f"phone:{case.to}")
    scopes = cell.suppressed if cell is not None else None
    if not scopes:
        return None
    if "blocked" in scopes:
        return case.verdict("skip", "blocked", {"scope": "blocked"})
    type_ = case.rule.type.id
    scope = type_ if type_ in scopes else "all" if "all" in scopes else None
    return case.verdict("skip", "suppressed", {"scope": scope}) if scope else None
