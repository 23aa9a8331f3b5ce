"""A folder of YAML files to one plain tree with positions. What cannot be read is a finding, never an exception.

The sections of all files are merged; a named entry, or a setting of the book, exists once. What a value means is not looked at here: that
is `rules.structure`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from rules import yaml12
from rules.findings import Finding, Severity, Span
from rules.known import Entry, Known, Plain
from rules.model import Path, path_text
from rules.positions import START, Positions, Stretch
from rules.yaml12 import Directive, Node

# The sections. Their entries are merged by name; `book.caps` counts as one too.
SECTIONS = ("book", "events", "user", "segments", "message_types", "templates", "rules", "tests")
# Mappings whose entries are merged by name: the sections, and the two parts of `user`.
_MERGED = {(name,) for name in SECTIONS} | {("user", "attributes"), ("user", "traits")}
MOST_FINDINGS = 300  # beyond so many nobody reads on
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the files say. `whole` False: some file could not be read to its end, so what seems to be missing may be there."""

    tree: dict[str, Plain]
    positions: Positions
    findings: tuple[Finding, ...]
    sources: Mapping[str, str]
    directives: Mapping[str, tuple[Directive, ...]]
    digest: str
    whole: bool


def read_folder(path: str | os.PathLike[str]) -> dict[str, bytes]:
    """The YAML files below a folder (or the one file), by their path relative to it, sorted.

    Links that lead out of the folder, hidden files and what is no regular file are passed over. Of a file beyond the limit only as much
    is read as shows that it is too large. Raises OSError for what cannot be opened.
    """
    root = FilePath(path)
    if root.is_file():
        return {root.name: _read_start(root)}
    if not root.is_dir():
        raise FileNotFoundError(f"there is no folder {root}")
    home = root.resolve()
    files = (file for file in _yaml_files(root) if file.resolve().is_relative_to(home) and stat.S_ISREG(file.stat().st_mode))
    named = {_printable_name(file.relative_to(root)): file for file in files}
    return {name: _read_start(named[name]) for name in sorted(named)}


def parse(files: Mapping[str, bytes | str], known: Known | None = None) -> Parsed:
    """Read and merge the files of a book. Order of files: by name."""
    merger = _Merger(known)
    sources: dict[str, str] = {}
    directives: dict[str, tuple[Directive, ...]] = {}
    for name in sorted(files):
        merger.positions.start_at(name)
        text, fault = yaml12.decode(files[name])
        sources[name] = text
        if fault:
            merger.refuse_file(name, fault)
            continue
        document = yaml12.read(text) if known is None else known.document(text)
        directives[name] = tuple(document.directives)
        merger.add(name, document)
    if not files:
        merger.report((), Span("", *START), "no YAML file", "a book is a folder with at least one .yaml file")
    return Parsed(merger.tree, merger.positions, tuple(merger.findings), sources, directives, _digest(files), merger.whole)


def _yaml_files(root: FilePath) -> Iterator[FilePath]:
    for folder, folders, names in os.walk(root, followlinks=False):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.lower().endswith(SUFFIXES) and not name.startswith(".") and (FilePath(folder) / name).exists():
                yield FilePath(folder) / name


def _read_start(file: FilePath) -> bytes:
    with file.open("rb") as stream:
        return stream.read(yaml12.MAX_BYTES + 1)


def _printable_name(file: FilePath) -> str:
    return os.fsencode(file.as_posix()).decode("utf-8", "replace")


def _digest(files: Mapping[str, bytes | str]) -> str:
    """SHA-256 over names and contents; the same book has the same digest, whatever the order of files."""
    digest = hashlib.sha256()
    for name in sorted(files):
        content = files[name]
        data = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
        for part in (name.encode("utf-8", "surrogatepass"), data):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


class _Merger:
    """Turns the nodes of all files into one plain tree."""

    def __init__(self, known: Known | None = None) -> None:
        self._known = known
        self.tree: dict[str, Plain] = {}
        self.positions = Positions()
        self.findings: list[Finding] = []
        self.whole = True
        self._file = ""
        self._reported: set[tuple[Span, str]] = set()

    def add(self, file: str, document: yaml12.Document) -> None:
        """Merge one file."""
        self._file = file
        self.whole = self.whole and document.whole
        for fault in document.faults:
            self._fault((), fault)
        root = document.root
        if root is None or (root.text is not None and root.value is None and not root.fault):
            return  # an empty file, or one of comments
        if root.pairs is None:
            self._report_node((), root, f"{_kind(root)} at the top of the file", "sections: " + ", ".join(SECTIONS))
            return
        for name, key, value in self._entries(root, ()):
            self._merge(self.tree, (name,), key, value)

    def refuse_file(self, file: str, fault: yaml12.Fault) -> None:
        """Note a file that cannot be read at all."""
        self._file = file
        self.whole = False
        self._fault((), fault)

    def report(self, path: Path, span: Span, message: str, hint: str) -> None:
        """Add a finding, once (an alias shows the same place again)."""
        if (span, message) not in self._reported and len(self.findings) < MOST_FINDINGS:
            self._reported.add((span, message))
            self.findings.append(Finding("structure", Severity.ERROR, span, path, message, hint))

    def _merge(self, into: dict[str, Plain], path: Path, key: Node, value: Node) -> None:
        name = str(path[-1])
        if path in _MERGED:
            self._merge_section(into, path, key, value)
        elif name in into:
            self._twice(path, key, self.positions.key(path))
        else:
            into[name] = self._entry(value, path, key.stretch)

    def _merge_section(self, into: dict[str, Plain], path: Path, key: Node, value: Node) -> None:
        self._check_faults(path, value)
        if value.pairs is None:
            found = "nothing" if value.text is not None and value.value is None else _kind(value)
            self._report_node(path, value, f"{found} as {path_text(path)}", "a mapping; leave the section out if it is empty")
            return
        self.positions.add(path, self._file, key.stretch, value.stretch)
        section = into.setdefault(str(path[-1]), {})
        assert isinstance(section, dict)
        for child, child_key, child_value in self._entries(value, path):
            self._merge(section, (*path, child), child_key, child_value)

    def _entry(self, node: Node, path: Path, key: Stretch) -> Plain:
        """The value of an entry, as it was made of the same node before where that is known."""
        if self._known is None:
            return self._plain(node, path, key)
        before = self._known.entry(self._file, path, node)
        if before is not None:
            self.positions.add_all(before.places)
            return before.plain
        found, noted = len(self.findings), len(self.positions)
        plain = self._plain(node, path, key)
        if len(self.findings) == found and found < MOST_FINDINGS:
            self._known.keep(self._file, path, Entry(node, plain, self.positions.since(noted)))
        return plain

    def _plain(self, node: Node, path: Path, key: Stretch) -> Plain:
        """The value of a node; its positions are noted on the way. Depth is bounded by the composer."""
        self.positions.add(path, self._file, key, node.stretch)
        if node.fault:
            self._check_faults(path, node)
        if node.pairs is not None:
            return {name: self._plain(value, (*path, name), at.stretch) for name, at, value in self._entries(node, path)}
        if node.items is not None:
            return [self._plain(item, (*path, index), item.stretch) for index, item in enumerate(node.items)]
        return node.value

    def _entries(self, node: Node, path: Path) -> Iterable[tuple[str, Node, Node]]:
        """The entries of a mapping, each name once: its own first, then what `<<` brings in."""
        own: dict[str, tuple[Node, Node]] = {}
        merges: list[Node] = []
        for key, value in node.pairs or ():
            if key.is_merge:
                merges.append(value)
                continue
            name = self._name_of(key, path)
            if name is None:
                continue
            if name in own:
                self._twice((*path, name), key, Span(self._file, *own[name][0].stretch))
            else:
                own[name] = (key, value)
        for merged in merges:
            for source in merged.items if merged.items is not None else [merged]:
                if source.pairs is None:
                    self._report_node(path, source, f"<< with {_kind(source)}", "<< takes an alias of a mapping, or a list of them")
                    continue
                for name, key, value in self._entries(source, path):
                    own.setdefault(name, (key, value))
        return [(name, key, value) for name, (key, value) in own.items()]

    def _name_of(self, key: Node, path: Path) -> str | None:
        if key.fault:
            self._check_faults(path, key)
            return None
        if isinstance(key.value, str):
            return key.value
        if key.text and path and path[-1] == "enum":
            return key.text  # `enum: {1: 一星}`: the values of an integer field; build reads them by the field's type
        shown = f"the key {key.text}" if key.text else "an empty key" if key.text == "" else f"{_kind(key)} as a key"
        self._report_node(path, key, shown, f'a key is a text: "{key.text}"' if key.text else "a key is a text")
        return None

    def _twice(self, path: Path, key: Node, first: Span) -> None:
        what = path_text(path)
        message = f"{what} is there twice: first at {first.file}:{first.line}:{first.column}"
        self._report_node(path, key, message, "remove one, or rename it")

    def _check_faults(self, path: Path, node: Node) -> None:
        if node.fault:
            self._fault(path, node.fault)

    def _fault(self, path: Path, fault: yaml12.Fault) -> None:
        self.report(path, Span(self._file, *fault.stretch), fault.message, fault.hint)

    def _report_node(self, path: Path, node: Node, message: str, hint: str) -> None:
        self.report(path, Span(self._file, *node.stretch), message, hint)


def _kind(node: Node) -> str:
    if node.pairs is not None:
        return "a mapping"
    return "a list" if node.items is not None else "a single value"
