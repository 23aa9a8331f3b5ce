"""What a place of a book may read, and what a word there is the name of: by its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rules.assist import loose
from rules.assist.cursor import MARK
from rules.assist.library import Library, reach_of_rule, reach_of_trigger
from rules.assist.loose import Loose
from rules.checks._fields import Reach

Path = Sequence[str | int]


def plain_at(root: Loose, path: Path) -> Any:
    """The plain data at a path of a file that is being written; None where nothing is."""
    node: Loose | None = root
    for part in path:
        if isinstance(node, loose.Mapping):
            node = node.get(str(part))
        elif isinstance(node, loose.Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            return None
    return None if node is None else _unmarked(loose.plain(node))


def _unmarked(value: Any) -> Any:
    """Without the mark of the place itself."""
    if isinstance(value, dict):
        return {key.replace(MARK, ""): _unmarked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unmarked(item) for item in value]
    return value.replace(MARK, "") if isinstance(value, str) else value


def reach_at(root: Loose, path: Path, library: Library) -> Reach:
    """What may be read at a path: fields of the event or the events that may be meant, aliases, the user."""
    match tuple(path):
        case ("segments", *_):
            return library.reach(user=True)
        case ("user", "traits", name, *_):
            return library.reach(_names(plain_at(root, ("user", "traits", name, "on"))))
        case ("rules", name, *rest):
            return _in_rule(root, ("rules", name), rest, library)
        case ("templates", name, *_):
            return _of_template(str(name), library)
        case ("message_types" | "book", *_):
            return library.reach(library.draft.names["events"], user=True)
        case _:
            return Reach()


def _in_rule(root: Loose, rule: tuple[str | int, ...], rest: list[str | int], library: Library) -> Reach:
    tree = plain_at(root, rule)
    tree = tree if isinstance(tree, Mapping) else {}
    on = tree.get("on")
    match rest:
        case ["goal", *_]:
            return library.reach(_names(plain_at(root, (*rule, "goal", "event"))), user=True)
        case ["on", "unless", *inner]:
            item = inner[:1] if inner and isinstance(inner[0], int) else []
            return library.reach(_names(plain_at(root, (*rule, "on", "unless", *item, "event"))), user=True)
        case ["on", "sequence" | "together", *_]:
            reach = reach_of_trigger(on, library)
            return Reach((), True, reach.aliases, reach.unsure - {"event"})
        case ["when", *_] if "audience" in tree:
            reach = reach_of_trigger(on, library)
            return Reach(reach.events, False, reach.aliases, reach.unsure)
        case _:
            return reach_of_rule(tree, library)


def _of_template(name: str, library: Library) -> Reach:
    """What all rules that send it may read; of one that no rule sends, everything."""
    users = [reach_of_rule(rule, library) for rule in library.section("rules").values() if _sends(rule, name)]
    if not users:
        return library.reach(library.draft.names["events"], user=True)
    events = {event.type: event for reach in users for event in reach.events}
    aliases = {alias: event for reach in users for alias, event in reach.aliases.items()}
    return Reach(tuple(events.values()), True, aliases, frozenset[str]().union(*(reach.unsure for reach in users)))


def _sends(rule: Any, template: str) -> bool:
    if not isinstance(rule, Mapping):
        return False
    send, variants = rule.get("send"), rule.get("variants")
    arms = variants.values() if isinstance(variants, Mapping) else ()
    return any(isinstance(one, Mapping) and one.get("template") == template for one in (send, *arms))


def _names(value: Any) -> list[str]:
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item]
