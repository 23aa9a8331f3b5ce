"""YAML 1.2 (core schema) to a tree of nodes that know where they stand. Nothing in it can run code, recurse or grow without bound.

libyaml's events are composed here instead of by PyYAML: its composer recurses, resolves by YAML 1.1 (`on` is true, `21:00` is 1260) and
forgets where keys stand.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from rules.model import Scalar
from rules.positions import START, Stretch

MAX_BYTES = 1024 * 1024
MAX_LEVELS = 50
_TOO_DEEP_TO_SCAN = "exceeded maximum nesting depth"  # of libyaml, at 1,000 levels
MAX_EXPANSIONS = 10_000
MAX_VALUES = 120_000  # keys and values; 1 MB in the density of the O2O book has 100,000
LARGEST_INTEGER = 2**63 - 1

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# What YAML does not allow in a file, and what libyaml takes for a line break although editors and YAML 1.2 do not.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_CONTROL = re.compile("[^\t\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CONSTANTS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_BLOCK_STYLES = ("|", ">")
_FIRST_OF_NUMBER = frozenset("0123456789+-.")
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_MARK = re.compile(r"(?:^|(?<=[ \t]))#")  # what begins a comment
_CHECK = re.compile(r"(?:^|(?<=[ \t]))#[ \t]*check:(.*)", re.MULTILINE)


@dataclass(slots=True)
class Fault:
    """What is wrong at a place of a file."""

    stretch: Stretch
    message: str
    hint: str = ""


class Node:
    """A mapping (`pairs`), a list (`items`) or a scalar (`value`).

    `size` and `height` count what an alias of it would add: nodes, and levels of containers. `text` is a scalar as written; None: not
    a scalar. An alias shares the content of its anchor and stands where the alias is written.
    """

    __slots__ = ("fault", "height", "is_merge", "items", "pairs", "size", "stretch", "text", "value")

    def __init__(self, stretch: Stretch) -> None:
        self.stretch = stretch
        self.pairs: list[tuple[Node, Node]] | None = None
        self.items: list[Node] | None = None
        self.value: Scalar = None
        self.text: str | None = None
        self.size = 1
        self.height = 0
        self.is_merge = False
        self.fault: Fault | None = None

    def standing_at(self, stretch: Stretch) -> Node:
        """The same content at another place: what an alias is."""
        twin = Node(stretch)
        for name in ("pairs", "items", "value", "text", "size", "height", "fault"):
            setattr(twin, name, getattr(self, name))
        return twin


@dataclass(frozen=True, slots=True)
class Directive:
    """A comment that begins with `check:`: its line, whether nothing else is on the line, and what follows the colon."""

    line: int
    alone: bool
    text: str


@dataclass(slots=True)
class Document:
    """What one file says. `root` None: nothing. `whole` False: a fault ended the reading early."""

    root: Node | None
    faults: list[Fault]
    directives: list[Directive]
    whole: bool = True


class _Refused(Exception):
    """Ends the reading of a file."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def read(text: str) -> Document:
    """Compose one file. Never raises: what is wrong comes back as faults, with as much of the tree as could be read."""
    text, faults = _printable(text)
    composer = _Composer(text)
    whole = True
    try:
        composer.run()
    except _Refused as refused:
        faults.append(refused.fault)
        whole = False
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        if _TOO_DEEP_TO_SCAN in str(error) and mark is not None and mark.index > 1:
            # libyaml reads ahead, and gave up before it told of the level that is one too many for us: that lies before where it stopped.
            return read(text[: mark.index - 1])
        faults.append(_syntax_fault(error, text))
        whole = False
    return Document(composer.root, faults + composer.faults, list(_directives(text, composer.texts)) if whole else [], whole)


def decode(data: bytes | str) -> tuple[str, Fault | None]:
    """UTF-8 to text with `\\n` as its only line end. With a fault the text is only good for being shown."""
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_BYTES:
        hint = f"at most {MAX_BYTES:,} bytes a file; spread the book over several files"
        return _lines_of(raw[:MAX_BYTES].decode("utf-8", "replace")), Fault(START, f"a file of {len(raw):,} bytes or more", hint)
    if isinstance(data, str):
        return _lines_of(data), None
    try:
        return _lines_of(data.decode("utf-8")), None
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        fault = Fault(_stretch_at(before, len(before)), f"the byte 0x{data[error.start]:02x}, which is not UTF-8", "save the file as UTF-8")
        return _lines_of(data.decode("utf-8", "replace")), fault


def _lines_of(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def resolve(text: str) -> tuple[Scalar, str]:
    """The value of a plain scalar by the core schema, and what is wrong with it ("" if nothing)."""
    if text in _CONSTANTS:
        return _CONSTANTS[text], ""
    if text[0] not in _FIRST_OF_NUMBER:
        return text, ""
    if _INTEGER.fullmatch(text) or _BASED.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _NOT_FINITE.fullmatch(text):
        return None, f"{text} is not a number that can be counted with"
    return text, ""


def _integer(text: str) -> tuple[Scalar, str]:
    if len(text) > 30:  # Python itself refuses very long ones, and slowly
        return None, f"a number of {len(text):,} digits"
    number = int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return (number, "") if abs(number) <= LARGEST_INTEGER else (None, f"the number {text} is too large")


def _float(text: str) -> tuple[Scalar, str]:
    number = float(text[:400]) if len(text) <= 400 else float("inf")
    if number in (float("inf"), float("-inf")):
        return None, f"the number {text[:40]} is too large"
    if "." not in text and abs(number) < 2**53 and number.is_integer():
        return int(number), ""  # 1e3 is the number 1000, and shows as it
    return number, ""


def _printable(text: str) -> tuple[str, list[Fault]]:
    """The text with a stand-in for each character that YAML does not allow, so that the rest can still be read."""
    faults = []
    for match in _UNPRINTABLE.finditer(text):
        name = "a byte order mark" if match[0] == "\ufeff" else f"the control character U+{ord(match[0]):04X}"
        hint = "save the file as UTF-8 without BOM" if match[0] == "\ufeff" else "remove it"
        faults.append(Fault(_stretch_at(text, match.start()), name, hint))
        if len(faults) == 5:
            break
    if not faults:
        return text, faults
    if text.startswith("\ufeff"):  # not replaced: it would begin the first key. The columns of line 1 count without it.
        text = text[1:]
    return _UNPRINTABLE.sub("\ufffd", text), faults


def _stretch_at(text: str, index: int) -> Stretch:
    line, column = text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
    return (line, column, line, column + 1)


def _syntax_fault(error: yaml.YAMLError, text: str) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    context = str(getattr(error, "context", None) or "")
    where = START if mark is None else (mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
    lines = text.split("\n")
    line = lines[where[0] - 1] if where[0] <= len(lines) else ""
    if "\t" in line[: where[1]] and not line[: where[1]].strip():
        return Fault(where, "a tab in the indentation", "YAML is indented with spaces")
    return Fault(where, f"not YAML: {problem}" + (f" {context}" if context else ""), _syntax_hint(problem))


def _syntax_hint(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "put a text that holds a colon and a space in quotes, or look at the indentation"
    if "cannot start any token" in problem:
        return "put a text that begins with this character in quotes"
    if "expected" in problem:
        return "look at the indentation and for a missing quote, bracket or comma just before"
    return ""


class _Open:
    """A container that is still being read."""

    __slots__ = ("anchor", "key", "node")

    def __init__(self, node: Node, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.key: Node | None = None


class _Composer:
    """Builds the nodes from the events of the parser, with a stack of its own."""

    def __init__(self, text: str) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self.texts: list[tuple[int, int]] = []  # where texts stand (start, end), as indices: a # inside is no comment
        self._keeps_texts = _CHECK.search(text) is not None
        self._text = text
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}  # None: still open
        self._expanded = 0
        self._documents = 0
        self._values = 0

    def run(self) -> None:
        handlers = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        for event in yaml.parse(self._text, Loader=_LOADER):
            handler = handlers.get(type(event))
            if handler:
                handler(event)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if event.tags or event.version not in (None, (1, 2)):
            self.faults.append(Fault(_stretch(event), "a YAML directive", "remove the line that starts with %"))
        if self._documents > 1:
            raise _Refused(Fault(_stretch(event), "a second YAML document", "one document a file: remove the ---"))

    def _scalar(self, event: Any) -> None:
        is_bare = not (event.anchor or event.tag or event.style in _BLOCK_STYLES)
        node = Node(_stretch(event) if is_bare else self._own_stretch(event))
        node.text = event.value
        if self._keeps_texts:
            self.texts.append(self._extent(event))
        if event.implicit[0]:
            self._plain(event.value, node)
        else:
            self._quoted(event.value, node)
        if event.tag is not None:
            self._refuse_tag(event, node)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._attach(node)

    def _plain(self, text: str, node: Node) -> None:
        node.value, wrong = resolve(text)
        node.is_merge = text == "<<"
        if wrong:
            node.fault = Fault(node.stretch, wrong, "a finite number of at most 18 digits, or a text in quotes")

    def _quoted(self, text: str, node: Node) -> None:
        node.value = text
        control = _CONTROL.search(text)
        if control:
            node.fault = Fault(node.stretch, f"the control character U+{ord(control[0]):04X} in a text", "remove it")

    def _open(self, event: Any) -> None:
        if len(self._stack) >= MAX_LEVELS:
            raise _Refused(Fault(_stretch(event), f"more than {MAX_LEVELS} levels of mappings and lists", "a flatter book"))
        node = Node(self._own_stretch(event))
        if isinstance(event, yaml.MappingStartEvent):
            node.pairs = []
        else:
            node.items = []
        if event.tag is not None:
            self._refuse_tag(event, node)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(node, event.anchor))

    def _close(self, event: Any) -> None:
        done = self._stack.pop()
        node = done.node
        node.stretch = _closed(node, event)
        children = node.items if node.items is not None else [child for pair in node.pairs or () for child in pair]
        node.size += sum(child.size for child in children)
        node.height = 1 + max((child.height for child in children), default=0)
        if done.anchor:
            self._anchors[done.anchor] = node
        self._attach(node)

    def _alias(self, event: Any) -> None:
        where = _stretch(event)
        if event.anchor not in self._anchors:
            node = Node(where)
            node.fault = Fault(where, f"the alias *{event.anchor} has no anchor", f"write &{event.anchor} before the value it repeats")
            self._attach(node)
            return
        target = self._anchors[event.anchor]
        if target is None:
            raise _Refused(Fault(where, f"the alias *{event.anchor} lies inside its own anchor", "a value cannot contain itself"))
        self._expanded += target.size
        if self._expanded > MAX_EXPANSIONS:
            raise _Refused(Fault(where, f"aliases expand to more than {MAX_EXPANSIONS:,} values", "fewer or smaller aliases"))
        if len(self._stack) + target.height > MAX_LEVELS:
            raise _Refused(Fault(where, f"more than {MAX_LEVELS} levels of mappings and lists", "a flatter book"))
        self._attach(target.standing_at(where))

    def _attach(self, node: Node) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            raise _Refused(Fault(node.stretch, f"more than {MAX_VALUES:,} values in one file", "spread the book over several files"))
        if not self._stack:
            self.root = node
            return
        parent = self._stack[-1]
        if parent.node.items is not None:
            parent.node.items.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            assert parent.node.pairs is not None
            parent.node.pairs.append((parent.key, node))
            parent.key = None

    def _refuse_tag(self, event: Any, node: Node) -> None:
        node.fault = Fault(_stretch(event), f"the YAML tag {event.tag[:60]}", "remove it: a book has no tags")

    def _own_stretch(self, event: Any) -> Stretch:
        """Where the value itself stands, without the anchor and tag before it."""
        line, column, end_line, end_column = _stretch(event)
        if event.anchor or event.tag:
            index = event.start_mark.index
            passed = _PROPERTIES.match(self._text, index)
            skipped = self._text[index : passed.end()] if passed else ""
            breaks = skipped.count("\n")
            line += breaks
            column = len(skipped) - skipped.rfind("\n") if breaks else column + len(skipped)
            if (line, column) > (end_line, end_column):
                end_line, end_column = line, column
        if getattr(event, "style", None) in _BLOCK_STYLES:
            end_line, end_column = self._trimmed(event)
        return (line, column, end_line, end_column)

    def _trimmed(self, event: Any) -> tuple[int, int]:
        """The end of a block text without the empty lines that libyaml counts to it."""
        body = self._text[event.start_mark.index : event.end_mark.index].rstrip()
        line = event.start_mark.line + 1 + body.count("\n")
        column = len(body) - body.rfind("\n") if "\n" in body else event.start_mark.column + len(body) + 1
        return line, column

    def _extent(self, event: Any) -> tuple[int, int]:
        """Where a text stands; a block text begins after its header line, which may hold a comment."""
        start = event.start_mark.index
        if event.style in _BLOCK_STYLES:
            end_of_header = self._text.find("\n", start)
            start = end_of_header if end_of_header >= 0 else start
        return start, event.end_mark.index


def _stretch(event: Any) -> Stretch:
    start, end = event.start_mark, event.end_mark
    return (start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _closed(node: Node, event: Any) -> Stretch:
    """A flow container ends at its bracket, a block one with its last child, and it starts at its first entry."""
    line, column = node.stretch[:2]
    if event.start_mark.index != event.end_mark.index:
        return (line, column, event.end_mark.line + 1, event.end_mark.column + 1)
    if node.pairs:
        return node.pairs[0][0].stretch[:2] + node.pairs[-1][1].stretch[2:]
    if node.items:
        return (line, column, *node.items[-1].stretch[2:])
    return node.stretch


def _directives(text: str, texts: list[tuple[int, int]]) -> Iterator[Directive]:
    """The comments that begin with `check:`. `texts` says, in order, where a # belongs to a text."""
    line, counted = 1, 0
    for found in _CHECK.finditer(text):
        at = found.start()
        line += text.count("\n", counted, at)
        counted = at
        before = text[text.rfind("\n", 0, at) + 1 : at]
        if not _is_inside(texts, at) and not any(not _is_inside(texts, at - len(before) + mark.start()) for mark in _MARK.finditer(before)):
            yield Directive(line, not before.strip(), found[1])


def _is_inside(texts: list[tuple[int, int]], index: int) -> bool:
    nearest = bisect_right(texts, (index, len(texts) and texts[-1][1])) - 1
    return nearest >= 0 and texts[nearest][0] <= index < texts[nearest][1]
