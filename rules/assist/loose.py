"""A reader of YAML that never gives up: for texts that are being written, where the strict one (`rules.yaml12`) stops at the first fault.

It knows what books use: block and flow mappings and lists, plain and quoted texts, block scalars, comments. A line without a colon where a
key belongs is a key that is not finished; a bracket that is not closed ends where the next entry begins. What it makes of a sound file is
what the strict reader makes of it (tests compare the two). Places are offsets in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rules.yaml12 import MAX_LEVELS, resolve

_KEY = re.compile(
    r'("(?:[^"\\\n]|\\.)*"|\'(?:[^\'\n]|\'\')*\'|[^\s#\-\[\]{},"\'|>&*!%@`:][^\n]*?|-[^\s\n][^\n]*?)[ \t]*:(?=[ \t]|$)', re.MULTILINE
)
_COMMENT = re.compile(r"(?:^|(?<=[ \t\n]))#[^\n]*")
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t]+)*")
_BLOCK = re.compile(r"[|>][-+0-9]*[ \t]*(?:#[^\n]*)?$", re.MULTILINE)
_PLAIN_END = re.compile(r"[ \t]+#|$", re.MULTILINE)
_FLOW_END = re.compile(r"[,\[\]{}\n]|:(?=[\s,\[\]{}]|$)|[ \t]#")


@dataclass(slots=True)
class Scalar:
    """A text, as far as it was written. `quote`: `"`, `'`, `|` for block scalars, or "" for a plain one."""

    start: int
    end: int
    text: str
    quote: str = ""

    @property
    def value(self) -> Any:
        """What it stands for."""
        return self.text if self.quote else resolve(self.text)[0]


@dataclass(slots=True)
class Entry:
    """A key and its value. `colon` -1: none was written yet."""

    key: Scalar
    colon: int
    value: Loose


@dataclass(slots=True)
class Mapping:
    """Entries in order. `flow`: in braces."""

    start: int
    end: int
    flow: bool
    entries: list[Entry] = field(default_factory=list)

    def get(self, name: str) -> Loose | None:
        """The value of a key."""
        return next((entry.value for entry in self.entries if entry.key.text == name), None)

    def names(self) -> list[str]:
        """The keys, in order."""
        return [entry.key.text for entry in self.entries]


@dataclass(slots=True)
class Items:
    """A list. `dashes`: where those of a block stand. `dashless`: its last item stands where a dash is missing."""

    start: int
    end: int
    flow: bool
    items: list[Loose] = field(default_factory=list)
    dashes: list[int] = field(default_factory=list)
    dashless: bool = False


Loose = Scalar | Mapping | Items


def read(text: str) -> Loose:
    """What a file says, with all that could be made out of it. An empty file is an empty text."""
    return _Reader(text).document()


def plain(node: Loose) -> Any:
    """The node as plain data. Of a key that is there twice, the first; keys that are not finished are left out."""
    if isinstance(node, Mapping):
        found: dict[str, Any] = {}
        for entry in node.entries:
            if entry.colon >= 0:
                found.setdefault(entry.key.text, plain(entry.value))
        return found
    return [plain(item) for item in node.items] if isinstance(node, Items) else node.value


def walk(node: Loose, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Loose]]:
    """The node and all below it, each with its path."""
    yield path, node
    if isinstance(node, Mapping):
        for entry in node.entries:
            yield from walk(entry.value, (*path, entry.key.text))
    elif isinstance(node, Items):
        for index, item in enumerate(node.items):
            yield from walk(item, (*path, index))


class _Reader:
    """Reads forward, once. `at` is the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.has_tabs = "\t" in text  # YAML refuses them as indentation; here one counts as two blanks
        self.at = 0
        self.levels = 0

    def document(self) -> Loose:
        self._space()
        if self.text.startswith("---", self.at):
            self.at += 3
            self._space()
        return self._node(0, -1)

    # ---- where we are ----

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _column(self, at: int) -> int:
        start = self._line_start(at)
        return len(self.text[start:at].expandtabs(2)) if self.has_tabs else at - start

    def _line_end(self, at: int) -> int:
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found

    def _space(self) -> None:
        """Past blanks, line ends and comments."""
        while self.at < len(self.text):
            if self.text[self.at] in " \t\n\r":
                self.at += 1
            elif self.text[self.at] == "#" and (self.at == 0 or self.text[self.at - 1] in " \t\n"):
                self.at = self._line_end(self.at)
            else:
                return

    def _blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1

    def _is_dash(self) -> bool:
        return self.text.startswith("-", self.at) and self.text[self.at + 1 : self.at + 2] in (" ", "\n", "", "\t")

    def _key(self) -> re.Match[str] | None:
        found = _KEY.match(self.text, self.at)
        return found if found and " #" not in found[1] else None

    def _begins_a_mapping(self) -> bool:
        """Whether a word without a colon is a key that is not finished: the next line is a key beside it."""
        here, column = self.at, self._column(self.at)
        if self.text[here : here + 1] in ("", '"', "'", "|", ">") or self.text[self._line_start(here) : here].strip(" -") != "":
            return False
        self.at = self._line_end(here)
        self._space()
        beside = self.at < len(self.text) and self._column(self.at) == column and self._key() is not None
        self.at = here
        return beside

    # ---- nodes ----

    def _node(self, least: int, floor: int) -> Loose:
        """The node that begins here, if it is indented by `least`; else an empty text. `floor`: the indentation of what holds it."""
        start = self.at
        if self.at >= len(self.text) or self._column(self.at) < least or self.levels >= MAX_LEVELS:
            return Scalar(start, start, "")
        self.at = _PROPERTIES.match(self.text, self.at).end()  # type: ignore[union-attr]
        self.levels += 1
        try:
            if self._is_dash():
                return self._list(self._column(self.at), floor)
            if self.text.startswith(("{", "["), self.at):
                return self._flow(floor)
            if self._key() or self._begins_a_mapping():
                return self._mapping(self._column(self.at))
            return self._scalar(floor)
        finally:
            self.levels -= 1

    def _mapping(self, column: int) -> Mapping:
        mapping = Mapping(self.at, self.at, flow=False)
        while self.at < len(self.text) and self._column(self.at) == column and not self._is_dash():
            mapping.entries.append(self._entry(column))
            mapping.end = self.at
            self._space()
            while self.at < len(self.text) and self._column(self.at) > column:  # indented by mistake
                self.at = self._line_end(self.at)
                self._space()
        return mapping

    def _entry(self, column: int) -> Entry:
        found = self._key()
        if found is None:
            start = self.at
            self.at = self._line_end(self.at)
            text = _COMMENT.sub("", self.text[start : self.at]).rstrip()
            return Entry(_unquoted(start, text), -1, Scalar(self.at, self.at, ""))
        key = _unquoted(found.start(1), found[1])
        colon = found.end() - 1
        self.at = found.end()
        self._blanks()
        if self.text[self.at : self.at + 1] not in ("", "\n", "#"):
            return Entry(key, colon, self._inline(column))
        place = self.at
        self._space()
        if self._is_dash() and self._column(self.at) == column:
            return Entry(key, colon, self._list(column, column))
        if self.at >= len(self.text) or self._column(self.at) <= column:
            return Entry(key, colon, Scalar(place, place, ""))
        return Entry(key, colon, self._node(column + 1, column))

    def _inline(self, floor: int) -> Loose:
        """A value on the line of its key."""
        self.at = _PROPERTIES.match(self.text, self.at).end()  # type: ignore[union-attr]
        if self.text.startswith(("{", "["), self.at):
            return self._flow(floor)
        return self._scalar(floor)

    def _list(self, column: int, floor: int) -> Items:
        items = Items(self.at, self.at, flow=False)
        while self.at < len(self.text) and self._column(self.at) == column:
            if not self._is_dash():
                if column <= floor or self._key():
                    break
                items.dashless = True
                items.items.append(self._scalar(column))
            else:
                items.dashes.append(self.at)
                self.at += 1
                place = self.at
                self._blanks()
                if self.text[self.at : self.at + 1] in ("", "\n", "#"):
                    self._space()
                if self.at < len(self.text) and self._column(self.at) > column:
                    items.items.append(self._node(column + 1, column))
                else:
                    items.items.append(Scalar(min(place + 1, len(self.text)), min(place + 1, len(self.text)), ""))
            items.end = self.at
            self._space()
        return items

    def _scalar(self, floor: int) -> Scalar:
        start = self.at
        if _BLOCK.match(self.text, start):
            return self._block_scalar(floor)
        if self.text[start : start + 1] in ('"', "'"):
            end = self._quote_end(start, floor)
            self.at = end
            return _unquoted(start, self.text[start:end])
        end = _PLAIN_END.search(self.text, start).start()  # type: ignore[union-attr]
        self.at = end
        while (line := self._continuation(floor)) is not None:
            end = _PLAIN_END.search(self.text, line).start()  # type: ignore[union-attr]
            self.at = end
        return Scalar(start, end, _folded(self.text[start:end]))

    def _continuation(self, floor: int) -> int | None:
        """Where a plain text goes on on the next line; None: it does not."""
        at = self._line_end(self.at)
        while at < len(self.text) and self.text[at] in "\n \t":
            at += 1
        if at >= len(self.text) or self._column(at) <= floor or self.text[at] == "#" or self.text[at - 1] == "":
            return None
        self.at, here = at, self.at
        goes_on = not self._key() and not self._is_dash()
        self.at = here
        return at if goes_on else None

    def _quote_end(self, start: int, floor: int) -> int:
        """Behind the closing quote; without one, the end of the line."""
        quote, at = self.text[start], start + 1
        line_end = self._line_end(start)
        while at < len(self.text):
            character = self.text[at]
            if character == "\\" and quote == '"':
                at += 2
                continue
            if character == quote:
                if quote == "'" and self.text.startswith("''", at):
                    at += 2
                    continue
                return at + 1
            if character == "\n":
                rest = self.text[at + 1 : self._line_end(at + 1)]
                indent = len(rest) - len(rest.lstrip(" "))
                if rest.strip() and (indent <= floor or _KEY.match(self.text, at + 1 + indent)):
                    return line_end
            at += 1
        return line_end

    def _block_scalar(self, floor: int) -> Scalar:
        start = self.at
        folds = self.text[start] == ">"
        header = self.text[start : self._line_end(start)].partition("#")[0].strip()
        self.at = self._line_end(start)
        lines: list[str] = []
        indent = -1
        while self.at < len(self.text):
            line = self.text[self.at + 1 : self._line_end(self.at + 1)]
            width = len(line) - len(line.lstrip(" "))
            if line.strip():
                if width <= floor or (indent >= 0 and width < indent):
                    break
                indent = width if indent < 0 else indent
            lines.append(line)
            self.at = self._line_end(self.at + 1)
        while lines and not lines[-1].strip() and "+" not in header:
            lines.pop()
        cut = [line[max(indent, 0) :] for line in lines]
        text = _folded("\n".join(cut)) if folds else "\n".join(cut)
        return Scalar(start, self.at, text + ("\n" if lines and "-" not in header else ""), "|")

    # ---- in brackets ----

    def _flow(self, floor: int) -> Loose:
        node: Mapping | Items
        node = Mapping(self.at, self.at, flow=True) if self.text[self.at] == "{" else Items(self.at, self.at, flow=True)
        close = "}" if isinstance(node, Mapping) else "]"
        self.levels += 1
        self.at += 1
        while self._flow_goes_on(floor):
            character = self.text[self.at]
            if character in "]}":
                if character == close or self.levels == 1:
                    self.at += 1
                break
            if character == ",":
                self.at += 1
            elif isinstance(node, Mapping):
                node.entries.append(self._flow_entry(floor))
            else:
                node.items.append(self._flow_item(floor))
        self.levels -= 1
        node.end = self.at
        return node

    def _flow_goes_on(self, floor: int) -> bool:
        """Past blanks; False where the next line belongs to something else, or nothing is left."""
        before = self.at
        self._space()
        if self.at >= len(self.text):
            self.at = before if "\n" in self.text[before : self.at] else self.at
            return False
        is_outside = "\n" in self.text[before : self.at] and self._column(self.at) <= floor and self.text[self.at] not in "]}"
        if is_outside or (
            "\n" in self.text[before : self.at] and floor < 0 and self._column(self.at) == 0 and self.text[self.at] not in "]}"
        ):
            self.at = before
            return False
        return True

    def _flow_entry(self, floor: int) -> Entry:
        key = self._flow_scalar(floor)
        place = self.at
        self._blanks()
        if not self.text.startswith(":", self.at):
            self.at = place
            return Entry(key, -1, Scalar(place, place, ""))
        colon = self.at
        self.at += 1
        return Entry(key, colon, self._flow_value(floor))

    def _flow_value(self, floor: int) -> Loose:
        place = self.at
        self._blanks()
        if self.text[self.at : self.at + 1] == "\n" and not self._flow_goes_on(floor):
            return Scalar(place, place, "")
        if self.text[self.at : self.at + 1] in ("", ",", "]", "}"):
            place = min(place + 1, self.at) if self.text[place : place + 1] == " " else place
            return Scalar(place, place, "")
        if self.text[self.at] in "{[" and self.levels < MAX_LEVELS:
            return self._flow(floor)
        return self._flow_scalar(floor)

    def _flow_item(self, floor: int) -> Loose:
        value = self._flow_value(floor)
        place = self.at
        self._blanks()
        if isinstance(value, Scalar) and self.text.startswith(":", self.at):  # [a: 1] is a list of a mapping
            colon = self.at
            self.at += 1
            return Mapping(value.start, self.at, True, [Entry(value, colon, self._flow_value(floor))])
        self.at = place
        return value

    def _flow_scalar(self, floor: int) -> Scalar:
        start = self.at = _PROPERTIES.match(self.text, self.at).end()  # type: ignore[union-attr]
        if self.text[start : start + 1] in ('"', "'"):
            end = self._quote_end(start, floor)
            self.at = end
            return _unquoted(start, self.text[start:end])
        found = _FLOW_END.search(self.text, start)
        end = found.start() if found else len(self.text)
        if end == start:  # a stray character; pass it, so that reading ends
            self.at = end = min(start + 1, len(self.text))
        else:
            self.at = end
        return Scalar(start, start + len(self.text[start:end].rstrip()), self.text[start:end].rstrip())


def _folded(text: str) -> str:
    """Lines that belong together as one."""
    return (
        "\n".join(" ".join(line.strip() for line in part.split("\n")) for part in re.split(r"\n(?:[ \t]*\n)+", text))
        if "\n" in text
        else text
    )


def _unquoted(start: int, text: str) -> Scalar:
    """A key or value as written, without its quotes (the closing one may be missing)."""
    quote = text[:1]
    if quote not in ('"', "'"):
        return Scalar(start, start + len(text), text)
    inner = text[1:-1] if len(text) > 1 and text.endswith(quote) else text[1:]
    inner = inner.replace("''", "'") if quote == "'" else re.sub(r"\\(.)", _escaped, inner)
    return Scalar(start, start + len(text), inner, quote)


def _escaped(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t"}.get(match[1], match[1])
