"""always-true: a condition that no value can fail. A warning: it says less than it seems to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._conditions import operand_path
from rules.checks._decided import decided_conditions, written
from rules.checks._spans import at_value
from rules.findings import Finding, Severity

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "always-true"


def check(draft: Draft) -> Iterator[Finding]:
    """Every condition that is true whatever happens, at the part that makes it so."""
    for found in decided_conditions(draft):
        if not found.holds:
            continue
        leaf, other = found.leaf, found.other
        together = f", or `{written(other)}`," if other else ""
        path = operand_path(draft, leaf)
        yield at_value(draft, CODE, Severity.WARNING, path, f"`{written(leaf)}`{together} always holds", "leave it out, or ask for less")
