"""A finding: one problem of a book, at its exact place. `check`, the console and CI comments show the same object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rules.model import Path, path_text


class Severity(StrEnum):
    """How bad a finding is. Only errors make a book unusable."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of text in one file of the book.

    Lines and columns count from 1, columns in characters (code points). `end_column` is the column after the last character.
    `file` is the path relative to the book's folder, with forward slashes.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


class Suggestion(str):
    """The hint `did you mean X?`, which keeps both words apart, so that a program can put one for the other (`rules.assist.fixes`)."""

    wrong: str
    right: str

    def __new__(cls, wrong: str, right: str, text: str = "") -> Suggestion:
        """`text`: where the sentence is another than usual."""
        hint = super().__new__(cls, text or f"did you mean {right}?")
        hint.wrong, hint.right = wrong, right
        return hint


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem: what was found (`message`), what would be right (`hint`, may be empty), and where."""

    code: str
    severity: Severity
    span: Span
    path: Path
    message: str
    hint: str = ""

    def as_dict(self) -> dict[str, object]:
        """The shape of `check --format json` (a promise of interfaces.md)."""
        return {
            "code": self.code,
            "severity": str(self.severity),
            "file": self.span.file,
            "line": self.span.line,
            "column": self.span.column,
            "end_line": self.span.end_line,
            "end_column": self.span.end_column,
            "path": path_text(self.path),
            "message": self.message,
            "hint": self.hint,
        }
