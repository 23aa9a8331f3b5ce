"""The reader that never gives up says of sound files what the strict one says, and something of any text at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.assist import cursor, loose
from rules.loader import parse

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted([*(ROOT / "rules" / "books").rglob("*.yaml"), *(ROOT / "tests" / "rules" / "language_book").glob("*.yaml")])


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_sound_files_are_read_alike(file: Path) -> None:
    """Every file of the books here."""
    text = file.read_text("utf-8")

    assert loose.plain(loose.read(text)) == parse({file.name: text}).tree


PIECES = st.sampled_from([
    "rules:", "a", "on:", "  ", "\n", "\n  ", "\n    ", "- ", "{", "}", "[", "]", ", ", ": ", '"', "'", "|", ">", "#", "&x ", "*x",
    "!t ", "\t", "订单", "event.a", "{{ ", " }}", "\\",
])  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join), st.data())
def test_any_text_is_read_to_an_end(text: str, data: Any) -> None:
    """And any place in it is somewhere, with offsets inside the text."""
    loose.plain(loose.read(text))
    offset = data.draw(st.integers(0, len(text)))
    place = cursor.at(text, offset)

    assert place is None or 0 <= place.start <= offset <= place.end <= len(text)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("a: {b: [1, x", {"a": {"b": [1, "x"]}}),
        ("a: {b: 1\nc: 2\n", {"a": {"b": 1}, "c": 2}),
        ("a: [x, y\n\nb: 1\n", {"a": ["x", "y"], "b": 1}),
        ('a: "open\nb: 1\n', {"a": "open", "b": 1}),
        ("a:\n  b\n  c: 1\n", {"a": {"c": 1}}),
        ("a:\n  - b: 1\n    c: 2\n  - d\n", {"a": [{"b": 1, "c": 2}, "d"]}),
        ("a:\n- 1\n- 2\nb: 3\n", {"a": [1, 2], "b": 3}),
        ("a: 1 # {\nb: 2\n", {"a": 1, "b": 2}),
        ("a: }\nb: 2\n", {"a": "}", "b": 2}),
        ("a: it's\n", {"a": "it's"}),
        ("a: 'it''s'\n", {"a": "it's"}),
        ("a: x\n  y\nb: |\n  p\n\n  q\n", {"a": "x y", "b": "p\n\nq\n"}),
    ],
)
def test_what_is_made_of_unfinished_texts(text: str, plain: Any) -> None:
    """The entries that can be told apart."""
    assert loose.plain(loose.read(text)) == plain
