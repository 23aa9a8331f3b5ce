"""`# check: disable=code[,code]`: an author says that a finding is known and meant.

On a line it silences findings that begin (or end) on that line; alone on the lines directly before an entry, those in the whole entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from rules.findings import Finding
from rules.loader import Parsed
from rules.positions import Positions
from rules.yaml12 import Comment

# Without these a book could not run: names would lead nowhere, segments round in circles, patterns would not compile.
NEVER_SILENT = frozenset({"structure", "unknown-name", "cycle", "unsafe-pattern"})
_DIRECTIVE = re.compile(r"\s*check:\s*disable=([a-z-]+(?:\s*,\s*[a-z-]+)*)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class _Reach:
    """Codes silenced from a line to a line of a file."""

    file: str
    first: int
    last: int
    codes: frozenset[str]

    def covers(self, finding: Finding) -> bool:
        span = finding.span
        if span.file != self.file or finding.code not in self.codes:
            return False
        return self.first <= span.line <= self.last or (self.first == self.last == span.end_line)


class Silence:
    """What the comments of a book silence."""

    def __init__(self, parsed: Parsed) -> None:
        directives = {file: _directives(comments) for file, comments in parsed.comments.items()}
        ends = _ends(parsed.positions) if any(directives.values()) else {}
        self._reaches = [reach for file in directives for reach in _reaches(file, directives[file], parsed.comments[file], ends)]

    def hearable(self, broken: Iterable[Finding], checked: Iterable[Finding]) -> Iterator[Finding]:
        """The findings that remain. Those of structure are errors that left an entry out of the book: they always do."""
        for finding in broken:
            if finding.severity == "error" or not self._is_silenced(finding):
                yield finding
        for finding in checked:
            if finding.code in NEVER_SILENT or not self._is_silenced(finding):
                yield finding

    def _is_silenced(self, finding: Finding) -> bool:
        return any(reach.covers(finding) for reach in self._reaches)


def _directives(comments: Iterable[Comment]) -> dict[int, frozenset[str]]:
    """The codes of each line that has a directive."""
    found = ((comment.line, _DIRECTIVE.match(comment.text)) for comment in comments)
    return {line: frozenset(re.split(r"\s*,\s*", match[1])) for line, match in found if match}


def _ends(positions: Positions) -> dict[tuple[str, int], int]:
    """By file and line: where the entry (or item) that begins on the line ends."""
    ends: dict[tuple[str, int], int] = {}
    for _, key, value in positions.items():
        place = (key.file, key.line)
        if value.file == key.file:
            ends[place] = max(ends.get(place, 0), key.line, value.end_line)
    return ends


def _reaches(
    file: str, directives: Mapping[int, frozenset[str]], comments: Iterable[Comment], ends: Mapping[tuple[str, int], int]
) -> Iterator[_Reach]:
    alone = {comment.line for comment in comments if comment.alone}
    for line, codes in directives.items():
        if line not in alone:
            yield _Reach(file, line, line, codes)
            continue
        entry = line + 1
        while entry in alone:
            entry += 1
        if (file, entry) in ends:
            yield _Reach(file, entry, ends[file, entry], codes)
