"""What would repair a finding: one replacement at one place, for hints that name what was meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rules.findings import Finding, Span, Suggestion


@dataclass(frozen=True, slots=True)
class Fix:
    """Put `text` where `span` is."""

    span: Span
    text: str
    label: str  # the word that comes in, for people


def fix_of(finding: Finding, sources: Mapping[str, str]) -> Fix | None:
    """The repair that the finding's hint speaks of; None where there is none, or where the word does not stand there exactly once."""
    hint = finding.hint
    if not isinstance(hint, Suggestion) or finding.span.file not in sources:
        return None
    lines = sources[finding.span.file].split("\n")
    found = [place for stretch in _stretches(finding.span, lines) if (place := _word_in(stretch, lines, hint.wrong)) is not None]
    return Fix(found[0], hint.right, hint.right) if len(found) == 1 else None


def applied(fix: Fix, text: str) -> str:
    """The file's text with the repair."""
    lines = text.split("\n")
    line, start, end = fix.span.line - 1, fix.span.column - 1, fix.span.end_column - 1
    lines[line] = lines[line][:start] + fix.text + lines[line][end:]
    return "\n".join(lines)


def _stretches(span: Span, lines: list[str]) -> list[Span]:
    """The span, line by line."""
    found = []
    for line in range(span.line, min(span.end_line, len(lines)) + 1):
        start = span.column if line == span.line else 1
        end = span.end_column if line == span.end_line else len(lines[line - 1]) + 1
        found.append(Span(span.file, line, start, line, end))
    return found


def _word_in(place: Span, lines: list[str], word: str) -> Span | None:
    """Where the word stands in this stretch; None unless once. `order` is no word of `order.created`, nor of `reorder`."""
    text = lines[place.line - 1][place.column - 1 : place.end_column - 1]
    whole = re.compile(rf"(?<![\w.-]){re.escape(word)}(?![\w.-]|[\w.-]*\.\w)" if word else "$^")
    found = list(whole.finditer(text))
    if len(found) != 1:
        return None
    start = place.column + found[0].start()
    return Span(place.file, place.line, start, place.line, start + len(word))
