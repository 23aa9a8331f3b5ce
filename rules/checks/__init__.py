"""The checks of a book, one file per finding code. Each reads a draft and reports; none decides anything or changes the book.

A check is a module with `CODE` and `check(draft)`, which yields findings in any order. They are independent: each sees every sound entry,
and none repeats what structure or another check says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from rules.checks import (
    always_true,
    bad_window,
    cycle,
    greeting_is_marketing,
    hot_cap,
    impossible_condition,
    missing_ending,
    missing_template_value,
    no_way_out,
    optional_template_value,
    overlapping_rules,
    structure,
    too_many_parts,
    type_mismatch,
    uncapped_marketing,
    unknown_name,
    unlike_keys,
    unsafe_pattern,
    untested_rule,
    unused,
    verification_rules,
    wrong_place,
)

if TYPE_CHECKING:
    from rules.draft import Draft
    from rules.findings import Finding


class Check(Protocol):
    """One of the modules below."""

    CODE: str

    def check(self, draft: Draft, /) -> Iterator[Finding]:
        """All findings of this code."""


# Names first, then what they stand for, then whole rules, then the book.
CHECKS: tuple[Check, ...] = (
    structure,
    unknown_name,
    wrong_place,
    type_mismatch,
    unsafe_pattern,
    cycle,
    impossible_condition,
    always_true,
    missing_template_value,
    optional_template_value,
    too_many_parts,
    verification_rules,
    unlike_keys,
    overlapping_rules,
    no_way_out,
    bad_window,
    hot_cap,
    uncapped_marketing,
    missing_ending,
    greeting_is_marketing,
    unused,
    untested_rule,
)
