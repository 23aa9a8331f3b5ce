"""The draft as the editor shows it: checked with one file as it stands in somebody's browser, its files, its contents, what changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from engine.runtime.drafts import Draft, DraftFile
from rules.assist.fixes import fix_of
from rules.assist.library import Library, library_of
from rules.assist.outline import Heading, outline
from rules.checking import Checked, check
from rules.findings import Finding, Severity
from rules.known import Known
from webapp.console.editor import wording

# What was read before, for all who write: it is keyed by the texts themselves.
_MEMORY = Known()
SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Desk:
    """The draft, one file of it perhaps as it is being written."""

    draft: Draft
    texts: Mapping[str, str]
    checked: Checked

    @property
    def findings(self) -> list[Finding]:
        """The worst first, then in order of place."""
        rank = {severity: number for number, severity in enumerate(SEVERITIES)}
        return sorted(self.checked.findings, key=lambda one: rank[one.severity])

    @property
    def outline(self) -> list[Heading]:
        """Every rule."""
        return outline(self.checked)

    def counts(self, file: str | None = None) -> dict[str, int]:
        """How many findings of each severity there are (in a file)."""
        found = dict.fromkeys(map(str, SEVERITIES), 0)
        for finding in self.checked.findings:
            if file is None or finding.span.file == file:
                found[str(finding.severity)] += 1
        return found

    def rule_at(self, file: str, line: int) -> Heading | None:
        """The rule that a line belongs to."""
        return next((one for one in self.outline if one.span.file == file and one.span.line <= line <= one.end_line), None)

    def template_at(self, file: str, line: int) -> str | None:
        """The template that a line belongs to."""
        for name in self.checked.draft.names["templates"]:
            path = ("templates", name)
            if path in self.checked.positions:
                key, value = self.checked.positions.key(path), self.checked.positions.value(path)
                if key.file == file and key.line <= line <= max(value.end_line, key.line):
                    return name
        return None

    def place_of(self, name: str) -> tuple[str, int] | None:
        """Where something of that name is declared: file and line."""
        for section in ("rules", "templates", "segments", "events", "tests"):
            path = (section, name)
            if path in self.checked.positions:
                span = self.checked.positions.key(path)
                return span.file, span.line
        return None


def desk_of(draft: Draft, file: str | None = None, text: str | None = None) -> Desk:
    """The draft checked; with `text` for `file` where somebody is writing in it."""
    texts = draft.texts
    if file is not None and text is not None and file in texts:
        texts[file] = text
    return Desk(draft, texts, check(texts, _MEMORY))


def library(draft: Draft, file: str, text: str) -> Library:
    """What the draft declares, with a file as it is being written."""
    return library_of({**draft.texts, file: text}, _MEMORY)


def finding_line(finding: Finding, sources: Mapping[str, str], language: str) -> dict[str, Any]:
    """A finding for the page: as `check` has it, in the visitor's words, with its repair."""
    fix = fix_of(finding, sources)
    told = wording.of(finding, language)
    place = None if fix is None else {"line": fix.span.line, "column": fix.span.column, "end_column": fix.span.end_column, "text": fix.text}
    return {**finding.as_dict(), "said": told.message, "advice": told.hint, "fix": place}


def changed_lines(before: str | None, after: str) -> list[tuple[int, int, str]]:
    """Stretches of lines (from 1, both ends included) of the draft that are not in force so: `added`, `changed`, or `removed` below."""
    if before is None:
        return [(1, max(after.count("\n"), 1), "added")]
    old, new = before.split("\n"), after.split("\n")
    kinds = {"insert": "added", "replace": "changed", "delete": "removed"}
    return [
        (start + 1, max(end, start + 1), kinds[what])
        for what, _, _, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        if what in kinds
    ]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of the tree with its files."""

    folder: str
    files: tuple[str, ...]


def shelves(draft: Draft) -> list[Shelf]:
    """Files by folder, those without one first; files that the draft removes are not there."""
    folders: dict[str, list[str]] = {}
    for name in draft.files:
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    return [Shelf(folder, tuple(sorted(folders[folder]))) for folder in sorted(folders)]


def opened(draft: Draft, wanted: str | None) -> tuple[str, DraftFile]:
    """The file to show: the one asked for, else the first."""
    name = wanted if wanted is not None and wanted in draft.files else next(iter(draft.files), "")
    return name, draft.files.get(name, DraftFile(""))
