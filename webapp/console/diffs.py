"""Two books' files against each other, line by line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

CONTEXT = 3  # lines around a change
Kind = Literal["same", "added", "removed", "gap"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference. `number`: in the new file; of a removed line, in the old one. `gap`: lines are left out here."""

    kind: Kind
    number: int | None
    text: str


@dataclass(frozen=True, slots=True)
class FileDifference:
    """A file that differs; `is_new` or `is_gone` as a whole."""

    name: str
    lines: tuple[Line, ...]
    added: int
    removed: int
    is_new: bool
    is_gone: bool


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[FileDifference]:
    """The files that differ, in order of name."""
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    return [_difference(name, old.get(name), new.get(name)) for name in names]


def size(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[int, int]:
    """Lines added and removed in all."""
    found = differences(old, new)
    return sum(one.added for one in found), sum(one.removed for one in found)


def _difference(name: str, old: str | None, new: str | None) -> FileDifference:
    lines = tuple(_lines((old or "").splitlines(), (new or "").splitlines()))
    counts = {kind: sum(line.kind == kind for line in lines) for kind in ("added", "removed")}
    return FileDifference(name, lines, counts["added"], counts["removed"], old is None, new is None)


def _lines(old: list[str], new: list[str]) -> Iterator[Line]:
    groups = list(difflib.SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(CONTEXT))
    for number, group in enumerate(groups):
        if number or group[0][3] > 0:
            yield Line("gap", None, "")
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                yield from (Line("same", at + 1, new[at]) for at in range(new_from, new_to))
            else:
                yield from (Line("removed", at + 1, old[at]) for at in range(old_from, old_to))
                yield from (Line("added", at + 1, new[at]) for at in range(new_from, new_to))
