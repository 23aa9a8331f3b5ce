"""hot-cap: a cap that everybody shares. A warning: one person's messages use up another's, and all wait for one counter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from rules.checks._caps import cap_lists
from rules.checks._spans import at_value, inner
from rules.findings import Finding, Severity

if TYPE_CHECKING:
    from rules.draft import Draft

CODE = "hot-cap"


def check(draft: Draft) -> Iterator[Finding]:
    """Every cap counted by `all` and nothing else."""
    for cap in chain.from_iterable(cap_lists(draft)):
        if set(cap.by) == {"all"}:
            path = inner(draft, cap.path, "by", 0)
            message = f"{cap.max} per {cap.per.text} for everybody together: whoever comes first takes it from the others"
            yield at_value(draft, CODE, Severity.WARNING, path, message, "count by user or phone; pace a campaign with per_second")
