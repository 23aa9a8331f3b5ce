"""The plain tree to the immutable model, for every entry that is sound. `rules.entries` has one file per section.

Nothing is validated here: structure has looked at each entry before, and an entry with an error is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from rules import values
from rules.draft import Draft
from rules.entries.facts import event_type, field, segment, trait
from rules.entries.messages import caps, message_type, template
from rules.entries.rules import rule
from rules.entries.stories import rule_test
from rules.model import Duration, Path, Rulebook
from rules.positions import Positions

__all__ = ["Draft", "book_zone", "build"]

T = TypeVar("T")
Bad = Collection[Path]


def build(tree: Mapping[str, Any], positions: Positions, bad: Bad = frozenset(), sources: Mapping[str, str] | None = None) -> Draft:
    """Make model objects of every entry whose path is not in `bad`.

    A path in `bad` is that of an entry: `("rules", "x")`, `("user", "traits", "spent")`, or of a setting, `("book", "caps")`.
    """
    return Draft(_book(tree, bad), _names(tree), positions, tree, sources or {})


def book_zone(tree: Mapping[str, Any]) -> ZoneInfo:
    """The zone of instants without an offset: `book.timezone`, or UTC while that is missing or wrong."""
    name = tree.get("book", {}).get("timezone")
    return (values.zone(name) if isinstance(name, str) else None) or ZoneInfo("UTC")


def _book(tree: Mapping[str, Any], bad: Bad) -> Rulebook:
    settings = {key: value for key, value in tree.get("book", {}).items() if ("book", key) not in bad}
    user = tree.get("user", {})
    local = book_zone(tree)
    plain = {key: settings[key] for key in ("id", "name", "timezone", "locale", "signature") if key in settings}
    return Rulebook(
        **plain,
        refuse_unknown_events=settings.get("unknown_events", "refuse") == "refuse",
        disorder=values.duration(settings.get("disorder")) or Duration(1, "h"),
        caps=caps(settings.get("caps", []), ("book", "caps")),
        events=_section(tree, "events", bad, event_type),
        attributes=_entries(user.get("attributes", {}), ("user", "attributes"), bad, field),
        traits=_entries(user.get("traits", {}), ("user", "traits"), bad, trait),
        segments=_section(tree, "segments", bad, segment),
        message_types=_section(tree, "message_types", bad, message_type),
        templates=_section(tree, "templates", bad, template),
        rules=_section(tree, "rules", bad, lambda name, entry, path: rule(name, entry, path, local)),
        tests=_section(tree, "tests", bad, lambda name, entry, path: rule_test(name, entry, path, local)),
    )


def _section(tree: Mapping[str, Any], name: str, bad: Bad, make: Callable[[str, Any, Path], T]) -> dict[str, T]:
    return _entries(tree.get(name, {}), (name,), bad, make)


def _entries(section: Mapping[str, Any], path: Path, bad: Bad, make: Callable[[str, Any, Path], T]) -> dict[str, T]:
    return {name: make(name, section[name], (*path, name)) for name in sorted(section) if (*path, name) not in bad}


def _names(tree: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    user = tree.get("user", {})
    sections = {name: tree.get(name, {}) for name in ("events", "segments", "message_types", "templates", "rules", "tests")}
    sections["attributes"] = user.get("attributes", {})
    sections["traits"] = user.get("traits", {})
    return {name: frozenset(section) for name, section in sections.items()}
