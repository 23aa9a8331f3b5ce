"""impossible-condition: conditions on one field that can never hold together. A warning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rules.checks._conditions import operand_path
from rules.checks._decided import decided_conditions, written
from rules.checks._spans import at_value
from rules.findings import Finding, Severity

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "impossible-condition"


def check(draft: Draft) -> Iterator[Finding]:
    """Every condition that is false whatever happens, at the part that makes it so."""
    for found in decided_conditions(draft):
        if found.holds:
            continue
        leaf, other = found.leaf, found.other
        beside = f" beside `{written(other)}`" if other else ""
        path = operand_path(draft, leaf)
        yield at_value(
            draft,
            CODE,
            Severity.WARNING,
            path,
            f"`{written(leaf)}` can never hold{beside}",
            "change one of them, or take `any`" if other else "change it, or leave it out",
        )
