"""`# check: disable=code[,code]`: an author says that a warning is known and meant.

On a line it silences findings that begin (or end) on that line; alone on the lines directly before an entry, those in the whole entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rules.findings import Finding, Severity
from rules.loader import Parsed
from rules.positions import Positions
from rules.yaml12 import Directive

_DISABLE = re.compile(r"\s*disable=([a-z-]+(?:\s*,\s*[a-z-]+)*)(?=\s|$)")


Line = tuple[str, int]


class Silence:
    """What the comments of a book silence."""

    def __init__(self, parsed: Parsed) -> None:
        self._here: dict[Line, frozenset[str]] = {}  # by a directive behind something on the line
        self._within: dict[Line, frozenset[str]] = {}  # by a directive before the entry that the line belongs to
        ends = _ends(parsed.positions) if any(parsed.directives.values()) else {}
        for file, directives in parsed.directives.items():
            if directives:
                self._take(file, directives, parsed.sources[file].split("\n"), ends)

    def _take(self, file: str, directives: Iterable[Directive], lines: Sequence[str], ends: Mapping[Line, int]) -> None:
        entry = 0  # the first line that is no comment, at or after the directive
        for directive in directives:
            codes = _codes(directive.text)
            if not directive.alone:
                self._here[file, directive.line] = codes
                continue
            entry = max(entry, directive.line + 1)
            while entry <= len(lines) and lines[entry - 1].lstrip(" ").startswith("#"):
                entry += 1
            for line in range(entry, ends.get((file, entry), 0) + 1):
                self._within[file, line] = self._within.get((file, line), frozenset()) | codes

    def hearable(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """The findings that remain. An error always does: with it the book could not run, whoever means it."""
        for finding in findings:
            if finding.severity is Severity.ERROR or not self._is_silenced(finding):
                yield finding

    def _is_silenced(self, finding: Finding) -> bool:
        first, last = (finding.span.file, finding.span.line), (finding.span.file, finding.span.end_line)
        return any(finding.code in found.get(line, ()) for found, line in ((self._here, first), (self._here, last), (self._within, first)))


def _ends(positions: Positions) -> dict[Line, int]:
    """By file and line: where the entry (or item) that begins on the line ends."""
    ends: dict[Line, int] = {}
    for _, key, value in positions.items():
        place = (key.file, key.line)
        if value.file == key.file:
            ends[place] = max(ends.get(place, 0), key.line, value.end_line)
    return ends


def _codes(text: str) -> frozenset[str]:
    """The codes of `disable=a,b`, whatever reason stands behind them."""
    match = _DISABLE.match(text)
    return frozenset(re.split(r"\s*,\s*", match[1])) if match else frozenset()
