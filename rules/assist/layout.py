"""A file in good shape: indented by two, one space where one belongs, comments kept.

Only white space changes. What comes out is read again by the strict reader; unless it says the same and has the same comments, nothing is
changed at all.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator

from rules.assist import loose
from rules.assist.loose import Items, Loose, Mapping, Scalar
from rules.loader import parse

STEP = 2
_BLANKS = re.compile(r"[ \t]*")
_COMMENT = re.compile(r"(?:^|(?<=[ \t]))#[^\n]*", re.MULTILINE)


class CannotBeFormatted(Exception):
    """The file is left alone; the text says why."""


def formatted(text: str) -> str:
    """The file in good shape. Raises CannotBeFormatted."""
    before = parse({"": text})
    if not before.whole or before.findings:
        raise CannotBeFormatted("not-yaml")
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    made = _laid_out(plain)
    after = parse({"": made})
    if not after.whole or after.findings or not _same(before.tree, after.tree) or comments(plain) != comments(made):
        raise CannotBeFormatted("would-change")
    return made


def comments(text: str) -> list[str]:
    """The comments of a file, in order."""
    covered = _scalar_ranges(loose.read(text))
    found = []
    for match in _COMMENT.finditer(text):
        if not any(start <= match.start() < end for start, end in covered):
            found.append(match[0].rstrip())
    return found


def _same(left: object, right: object) -> bool:
    """Equal, and of the same kinds: 1 is not true, nor 1.0."""
    return repr(left) == repr(right)


def _laid_out(text: str) -> str:
    tree = loose.read(text)
    shape = _Shape(text)
    shape.place(tree, 0)
    lines = _edited(text, shape.edits).split("\n")
    old = text.split("\n")
    found: list[str] = []
    shift = 0
    for number, line in enumerate(lines):
        if number in shape.kept:
            width = len(line) - len(line.lstrip(" "))
            found.append(" " * max(width + shift, 0) + line.lstrip(" ") if line.strip() else line)
            continue
        content = line.strip()
        if not content:
            if found and found[-1]:
                found.append("")
            continue
        column = len(old[number]) - len(old[number].lstrip(" "))
        if number in shape.indents:
            shift = shape.indents[number] - column
        elif content.startswith("#"):
            found.append(" " * shape.column_of_comment(number, column, old) + content)
            continue
        found.append(" " * max(column + shift, 0) + content)
    while found and not found[-1].strip():
        found.pop()
    return "\n".join(found) + "\n" if found else ""


class _Shape:
    """Where each line belongs, and which blanks are too many."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.indents: dict[int, int] = {}  # line -> its new indentation
        self.kept: set[int] = set()  # lines inside a block scalar: moved as they are
        self.edits: list[tuple[int, int, str]] = []

    def line(self, offset: int) -> int:
        return bisect_right(self.starts, offset) - 1

    def is_first(self, offset: int) -> bool:
        """Whether nothing stands before it on its line."""
        return not self.text[self.starts[self.line(offset)] : offset].strip()

    def place(self, node: Loose, indent: int) -> None:
        """Note the lines of a node whose own lines begin at `indent`."""
        if isinstance(node, Scalar):
            self._keep(node)
        elif node.flow:
            self._flow(node)
        elif isinstance(node, Mapping):
            for entry in node.entries:
                if self.is_first(entry.key.start):
                    self.indents[self.line(entry.key.start)] = indent
                self._spaced(entry.key.end, entry.colon, "")
                self._after(entry.colon + 1, entry.value)
                self.place(entry.value, indent + STEP)
        else:
            for dash, item in zip(node.dashes, node.items, strict=False):
                if self.is_first(dash):
                    self.indents[self.line(dash)] = indent
                self._after(dash + 1, item)
                self.place(item, indent + STEP)

    def column_of_comment(self, number: int, column: int, old: list[str]) -> int:
        """A comment goes with the next line, or stays with the one before whose column it had."""
        following = next((line for line in sorted(self.indents) if line > number), None)
        if following is not None and len(old[following]) - len(old[following].lstrip(" ")) == column:
            return self.indents[following]
        before = next((line for line in sorted(self.indents, reverse=True) if line < number and _width(old[line]) == column), None)
        if before is not None:
            return self.indents[before]
        return self.indents[following] if following is not None else 0

    def _keep(self, node: Scalar) -> None:
        first, last = self.line(node.start), self.line(max(node.end - 1, node.start))
        if node.quote == "|":
            self.kept.update(range(first + 1, last + 1))

    def _after(self, start: int, value: Loose) -> None:
        """One space between a colon or dash and what follows on the line."""
        if value.start > start and not (isinstance(value, Scalar) and value.start == value.end):
            self._spaced(start, value.start, " ")

    def _spaced(self, start: int, end: int, blank: str) -> None:
        if 0 <= start < end and _BLANKS.fullmatch(self.text, start, end) and self.text[start:end] != blank:
            self.edits.append((start, end, blank))

    def _flow(self, node: Mapping | Items) -> None:
        pieces = list(_pieces(node))
        is_closed = self.text[node.end - 1 : node.end] in ("}", "]") and node.end - 1 > node.start
        if not pieces:
            if is_closed:
                self._spaced(node.start + 1, node.end - 1, "")
            return
        self._spaced(node.start + 1, pieces[0][0], "")
        for (_, end), (start, _) in itertools.pairwise(pieces):
            between = self.text[end:start]
            if between.strip(" \t") == "," and between != ", ":
                self.edits.append((end, start, ", "))
        if is_closed:
            self._spaced(pieces[-1][1], node.end - 1, "")
        for entry in node.entries if isinstance(node, Mapping) else ():
            if entry.colon >= 0:
                self._spaced(entry.key.end, entry.colon, "")
                self._after(entry.colon + 1, entry.value)
        for value in (entry.value for entry in node.entries) if isinstance(node, Mapping) else node.items:
            self.place(value, 0)


def _pieces(node: Mapping | Items) -> Iterator[tuple[int, int]]:
    """Start and end of each entry or item of a flow."""
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield entry.key.start, max(entry.key.end, entry.colon + 1, entry.value.end if _is_there(entry.value) else 0)
    else:
        for item in node.items:
            yield item.start, item.end


def _is_there(value: Loose) -> bool:
    return value.end > value.start


def _width(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, blank in sorted(edits, reverse=True):
        text = text[:start] + blank + text[end:]
    return text


def _scalar_ranges(node: Loose) -> list[tuple[int, int]]:
    return [(one.start, one.end) for _, one in loose.walk(node) if isinstance(one, Scalar) and one.quote]
