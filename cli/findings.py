"""Findings in four forms: text with carets, JSON, SARIF 2.1.0 and GitHub annotations. All from the same `Finding` objects."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from cli.console import painter, width
from rules.findings import Finding, Severity, Span
from rules.model import path_text

STYLES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "blue"}
SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
GITHUB_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
TAB = 4
MAX_COLUMNS = 160  # of a source line that is shown


def counted(findings: Iterable[Finding], severity: Severity) -> int:
    """How many there are of one severity."""
    return sum(finding.severity is severity for finding in findings)


def file_path(book: str, file: str) -> str:
    """The path of a finding's file from where the command was started, so that editors and CI find it."""
    path = os.path.normpath(os.path.join(book, file) if os.path.isdir(book) else book)
    if os.path.isabs(path) and Path(path).is_relative_to(Path.cwd()):
        path = os.path.relpath(path)
    return Path(path).as_posix()


# ---- text ---------------------------------------------------------------------------------------------------------------------------


def as_text(findings: Iterable[Finding], book: str, sources: Mapping[str, str], stream: TextIO) -> Iterator[str]:
    """One block of lines per finding: place, severity, code, message; the line with a caret under the text; the hint."""
    paint = painter(stream)
    for finding in findings:
        span = finding.span
        place = f"{file_path(book, span.file)}:{span.line}:{span.column}"
        severity = paint(str(finding.severity), STYLES[finding.severity])
        block = [f"{paint(place, 'bold')}: {severity} {paint(finding.code, 'cyan')}: {finding.message}"]
        line = _line(sources, span)
        if line is not None:
            shown, carets = underlined(line, span)
            block += [f"    {shown}", f"    {paint(carets, STYLES[finding.severity])}"]
        if finding.hint:
            block.append(f"    {paint('hint:', 'green')} {finding.hint}")
        yield "\n".join(block)


def _line(sources: Mapping[str, str], span: Span) -> str | None:
    # YAML ends lines at \r\n, \n and \r only; str.splitlines would also end them at a form feed or U+2028.
    lines = sources.get(span.file, "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[span.line - 1] if 0 < span.line <= len(lines) and lines[span.line - 1].strip() else None


def underlined(line: str, span: Span) -> tuple[str, str]:
    """A source line without its indentation, and the carets to be printed below it. Wide characters take two columns."""
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    start, end = span.column - 1, max(end, span.column)
    indent = min(len(line) - len(line.lstrip()), start)
    before, marked, after = (_plain(part) for part in (line[indent:start], line[start:end], line[end:]))
    if width(before) > MAX_COLUMNS // 2:
        before = "…" + _last(before, MAX_COLUMNS // 2)
    marked = _first(marked, MAX_COLUMNS)
    after = _first(after, max(0, MAX_COLUMNS - width(before) - width(marked)))
    return f"{before}{marked}{after}".rstrip(), " " * width(before) + "^" * max(1, width(marked.rstrip()))


def _plain(text: str) -> str:
    """With tabs as spaces, and without characters that would move the cursor or change colours."""
    return "".join(char if char.isprintable() else " " * TAB if char == "\t" else "�" for char in text)


def _first(text: str, columns: int) -> str:
    if width(text) <= columns:
        return text
    while width(text) > columns - 1 and text:
        text = text[:-1]
    return text + "…"


def _last(text: str, columns: int) -> str:
    while width(text) > columns - 1:
        text = text[1:]
    return text


# ---- for programs ---------------------------------------------------------------------------------------------------------------------


def as_json(findings: Sequence[Finding], book: str) -> dict[str, Any]:
    """The shape that interfaces.md promises."""
    return {
        "book": book,
        "errors": counted(findings, Severity.ERROR),
        "warnings": counted(findings, Severity.WARNING),
        "findings": [finding.as_dict() for finding in findings],
    }


def as_sarif(findings: Sequence[Finding], book: str, version: str) -> dict[str, Any]:
    """SARIF 2.1.0, which code hosts show beside the changed lines."""
    codes = sorted({finding.code for finding in findings})
    driver = {"name": "hongyan", "version": version, "rules": [{"id": code, "name": code} for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(finding, book, codes) for finding in findings],
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _sarif_result(finding: Finding, book: str, codes: Sequence[str]) -> dict[str, Any]:
    span = finding.span
    region = {"startLine": span.line, "startColumn": span.column, "endLine": span.end_line, "endColumn": span.end_column}
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": _uri(book, span.file)}, "region": region}}
    if finding.path:
        location["logicalLocations"] = [{"fullyQualifiedName": path_text(finding.path)}]
    return {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": SARIF_LEVELS[finding.severity],
        "message": {"text": _whole_message(finding)},
        "locations": [location],
    }


def _uri(book: str, file: str) -> str:
    from urllib.parse import quote

    return quote(file_path(book, file))


def as_github(findings: Iterable[Finding], book: str) -> Iterator[str]:
    """Workflow commands: GitHub shows each beside its line."""
    for finding in findings:
        span = finding.span
        # GitHub takes columns only where a finding stands on one line.
        columns = f",col={span.column},endColumn={span.end_column}" if span.end_line == span.line else ""
        where = f"file={_property(file_path(book, span.file))},line={span.line},endLine={span.end_line}{columns}"
        title = f"title={_property(finding.code)}"
        yield f"::{GITHUB_COMMANDS[finding.severity]} {where},{title}::{_data(_whole_message(finding))}"


def _whole_message(finding: Finding) -> str:
    return f"{finding.message} ({finding.hint})" if finding.hint else finding.message


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
