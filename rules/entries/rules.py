"""Rules."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from rules import values
from rules.entries.conditions import condition, maybe_condition, required_duration
from rules.entries.messages import caps, send
from rules.entries.triggers import trigger
from rules.model import Condition, Everybody, Goal, InSegment, Path, Rule, Variant


def rule(name: str, tree: dict[str, Any], path: Path, local: ZoneInfo) -> Rule:
    """One entry of `rules`. `local` is the book's zone, for instants without an offset."""
    active = tree.get("active", {})
    return Rule(
        path,
        name,
        on=trigger(tree["on"], (*path, "on"), local),
        send=send(tree["send"], (*path, "send")),
        name=tree.get("name", ""),
        description=tree.get("description", ""),
        tags=tuple(tree.get("tags", [])),
        enabled=tree.get("enabled", True),
        active_from=values.instant(active.get("from"), local),
        active_until=values.instant(active.get("until"), local),
        when=maybe_condition(tree, "when", path),
        audience=_audience(tree["audience"], (*path, "audience")) if "audience" in tree else None,
        caps=caps(tree.get("caps", []), (*path, "caps")),
        priority=int(tree.get("priority", 0)),
        holdout=values.share(tree.get("holdout", 0)) or 0.0,
        variants=_variants(tree.get("variants", {}), (*path, "variants")),
        goal=_goal(tree["goal"], (*path, "goal")) if "goal" in tree else None,
    )


def _audience(tree: str | dict[str, Any], path: Path) -> Condition | Everybody:
    if isinstance(tree, dict):
        return condition(tree, path)
    return Everybody(path) if tree == "all" else InSegment(path, tree)


def _variants(tree: dict[str, Any], path: Path) -> tuple[Variant, ...]:
    return tuple(Variant((*path, name), name, tree[name]["weight"], tree[name].get("template")) for name in sorted(tree))


def _goal(tree: dict[str, Any], path: Path) -> Goal:
    return Goal(path, tree["event"], required_duration(tree["within"]), maybe_condition(tree, "when", path))
