"""The entry point of `check`: files in, all findings and (without an error) the rulebook out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rules.build import Draft, build
from rules.checks import CHECKS
from rules.findings import Finding, Severity
from rules.known import Known
from rules.loader import parse, read_folder
from rules.model import Rulebook
from rules.positions import Positions
from rules.silence import Silence
from rules.structure import examine


@dataclass(frozen=True, slots=True)
class Checked:
    """A book after checking. `book` is None if any error remains. `digest` names the exact text of all files."""

    book: Rulebook | None
    findings: tuple[Finding, ...]
    positions: Positions
    sources: Mapping[str, str]
    draft: Draft
    digest: str

    def of_severity(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity, in order of place."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What makes the book unusable."""
        return self.of_severity(Severity.ERROR)


def load_book(path: str | os.PathLike[str]) -> Checked:
    """Read a folder (or a single file) and check it. Raises OSError when it cannot be read."""
    return check(read_folder(path))


def check(files: Mapping[str, bytes | str], known: Known | None = None) -> Checked:
    """Check a book given as its files by name. Findings are in order of file, line, column and code. `known` makes the next one fast."""
    parsed = parse(files, known)
    structure = examine(parsed.tree, parsed.positions, known)
    draft = build(parsed.tree, parsed.positions, structure.bad, parsed.sources)
    broken = {finding.span: finding for finding in (*structure.findings, *parsed.findings)}  # of two at a place, the loader's
    checked = _checked(draft) if parsed.whole and structure.whole else ()
    findings = sorted(Silence(parsed).hearable((*broken.values(), *checked)), key=_place)
    has_errors = any(finding.severity is Severity.ERROR for finding in findings)
    return Checked(None if has_errors else draft.book, tuple(findings), parsed.positions, parsed.sources, draft, parsed.digest)


def _checked(draft: Draft) -> Iterator[Finding]:
    """The findings of all checks. Not asked of a book that was not read to its end: which names are missing is not known then."""
    for module in CHECKS:
        yield from module.check(draft)


def _place(finding: Finding) -> tuple[str, int, int, str, str]:
    return (finding.span.file, finding.span.line, finding.span.column, finding.code, finding.message)
