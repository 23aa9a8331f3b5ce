"""structure, as far as texts have one: a template that cannot be read, or that holds more than a template may. An error.

Everything else of this code is found when the files are read (rules.structure). An unknown filter is an `unknown-name`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._texts import all_texts, at_text
from rules.findings import Finding, Severity

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "structure"


def check(draft: Draft) -> Iterator[Finding]:
    """Every problem of every text but unknown filters."""
    for text in all_texts(draft):
        for problem in text.parsed.problems:
            if problem.kind != "filter":
                yield at_text(draft, CODE, Severity.ERROR, text, problem.line, problem.column, problem.message, problem.hint)
