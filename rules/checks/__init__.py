"""The checks: one file per finding code. Each module has `CODE` and `check(draft) -> Iterator[Finding]`."""

from __future__ import annotations

from types import ModuleType

CHECKS: tuple[ModuleType, ...] = ()
