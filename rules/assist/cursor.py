"""Where in a book somebody writes: the path, whether a key or a value, and the word that is being written.

A mark is put into the text at the place and the text is read loosely; where the mark comes out is where the place is. So an empty line, the
space behind `key: ` and the middle of a bracket need no rules of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rules.assist import loose
from rules.assist.loose import Entry, Items, Loose, Mapping, Scalar

MARK = "\ue0ff"  # of the private use area: nobody's letter

Part = str | int


@dataclass(frozen=True, slots=True)
class Step:
    """One container on the way to the place, and which of its parts leads on."""

    node: Mapping | Items
    part: Part


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a text. `root` is the whole file, read with the mark in it; offsets are those of the text without it.

    key: `steps` end with the mapping that the key is (or will be) in; `node` is the key. value: `node` is the text at the end of `steps`.
    """

    role: Literal["key", "value"]
    root: Loose
    steps: tuple[Step, ...]
    node: Scalar
    has_colon: bool  # of a key: one stands behind it already
    start: int  # of the word
    at: int  # the place itself
    end: int  # of the word

    @property
    def path(self) -> tuple[Part, ...]:
        """Of a value: its own; of a key: that of the mapping."""
        parts = tuple(step.part for step in self.steps)
        return parts[:-1] if self.role == "key" else parts

    @property
    def parent(self) -> Mapping | Items | None:
        """The container that the place is in."""
        return self.steps[-1].node if self.steps else None

    @property
    def before(self) -> str:
        """What of the word stands before the place."""
        return self.node.text.partition(MARK)[0]

    @property
    def word(self) -> str:
        """The whole word."""
        return self.node.text.replace(MARK, "")


def offset_of(text: str, line: int, column: int) -> int:
    """The offset of a line and column (from 1, in characters); beyond the end of a line or text, that end."""
    lines = text.split("\n")
    line = min(max(line, 1), len(lines))
    before = sum(len(row) + 1 for row in lines[: line - 1])
    return before + min(max(column, 1) - 1, len(lines[line - 1]))


def at(text: str, offset: int) -> Cursor | None:
    """The place; None in a comment, and where nothing of a book can stand."""
    marked = text[:offset] + MARK + text[offset:]
    root = loose.read(marked)
    found = _find(root, ())
    if found is None:
        return None
    steps, node, entry = found
    start, end = _unmarked(node.start, offset), _unmarked(node.end, offset)
    if entry is not None:
        return Cursor("key", root, steps, node, entry.colon >= 0, start, offset, end)
    return Cursor("value", root, steps, node, False, start, offset, end)


def _unmarked(place: int, offset: int) -> int:
    return place - (place > offset)


Found = tuple[tuple[Step, ...], Scalar, Entry | None]


def _find(node: Loose, steps: tuple[Step, ...]) -> Found | None:
    """The text that holds the mark; with its entry where it is a key."""
    if isinstance(node, Scalar):
        return (steps, node, None) if MARK in node.text else None
    if isinstance(node, Mapping):
        for entry in node.entries:
            inside = (*steps, Step(node, entry.key.text.replace(MARK, "")))
            if MARK in entry.key.text:
                return inside, entry.key, entry
            found = _find(entry.value, inside)
            if found is not None:
                return found
        return None
    for index, item in enumerate(node.items):
        found = _find(item, (*steps, Step(node, index)))
        if found is not None:
            return found
    return None
