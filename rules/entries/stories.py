"""Rule tests."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from rules import values
from rules.entries.messages import frozen
from rules.model import Expectation, Path, RuleTest, StoryEvent, StoryReceipt


def rule_test(name: str, tree: dict[str, Any], path: Path, local: ZoneInfo) -> RuleTest:
    """One entry of `tests`. Data, users and expected fields stay as written."""
    return RuleTest(
        path,
        name,
        users=dict(tree.get("users", {})),
        events=tuple(_event(item, (*path, "events", index), local) for index, item in enumerate(tree.get("events", []))),
        until=values.at(tree.get("until"), local),
        expect=_expected(tree, "expect", path, local) if "expect" in tree else None,
        verdicts=_expected(tree, "verdicts", path, local),
        receipts=tuple(_receipt(item, (*path, "receipts", index), local) for index, item in enumerate(tree.get("receipts", []))),
    )


def _event(tree: dict[str, Any], path: Path, local: ZoneInfo) -> StoryEvent:
    at = values.at(tree["at"], local)
    assert at is not None
    return StoryEvent(
        path,
        at,
        tree["type"],
        tree.get("user"),
        tree.get("data", {}),
        id=tree.get("id"),
        source=tree.get("source", "api"),
        received=values.at(tree.get("received"), local),
    )


def _expected(tree: dict[str, Any], key: str, path: Path, local: ZoneInfo) -> tuple[Expectation, ...]:
    return tuple(
        Expectation((*path, key, index), {name: frozen(item[name]) for name in item if name != "at"}, values.at(item.get("at"), local))
        for index, item in enumerate(tree.get(key, []))
    )


def _receipt(tree: dict[str, Any], path: Path, local: ZoneInfo) -> StoryReceipt:
    return StoryReceipt(path, tree["rule"], tree["status"], values.at(tree.get("at"), local), tree.get("user"))
