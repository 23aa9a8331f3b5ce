"""A memory makes the next check faster, and changes nothing else."""

from __future__ import annotations

import copy
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.checking import check
from rules.known import Known

O2O = Path(__file__).resolve().parents[2] / "rules" / "books" / "o2o"
BOOK = {path.name: path.read_text("utf-8") for path in O2O.glob("*.yaml")}
SMALL = {name: BOOK[name] for name in ("book.yaml", "events.yaml", "users.yaml", "segments.yaml", "messages.yaml", "orders.yaml")}


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(SMALL)), st.integers(0, 6000), st.sampled_from(["", "x", " ", "\n", ": ", "}", "event", "#"])),
        max_size=4,
    )
)
def test_it_finds_what_a_check_without_it_finds(edits: list[tuple[str, int, str]]) -> None:
    """After any edits, one after the other."""
    memory, files = Known(), dict(SMALL)
    check(files, memory)
    for name, at, text in edits:
        files[name] = files[name][:at] + text + files[name][at + 1 :]
        remembered, fresh = check(files, memory), check(files)

        assert remembered.findings == fresh.findings
        assert remembered.book == fresh.book
        assert remembered.digest == fresh.digest
        assert list(remembered.positions.items()) == list(fresh.positions.items())


def test_what_is_kept_is_never_changed() -> None:
    """Two checks share the trees of what did not change."""
    memory = Known()
    before = copy.deepcopy(check(BOOK, memory).draft.tree)
    again = check({**BOOK, "z.yaml": "segments: {x: {when: {user.member: true}}}\n"}, memory).draft.tree

    assert again["rules"] == before["rules"]
    assert again["rules"]["order-created"] is check(BOOK, memory).draft.tree["rules"]["order-created"]


@pytest.mark.slow
def test_an_edited_book_is_checked_fast() -> None:
    """Under 150 ms of processor time for the O2O book after a change in its largest file. Measured: 40 to 65."""
    memory = Known()
    check(BOOK, memory)
    taken = []
    for number in range(5):
        began = process_time()
        check({**BOOK, "tests-limits.yaml": BOOK["tests-limits.yaml"] + f"# {number}\n"}, memory)
        taken.append(process_time() - began)

    assert sorted(taken)[2] < 0.15
