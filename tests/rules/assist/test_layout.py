"""A file that is put in shape says the same, keeps its comments, and stays as it is the second time."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.assist.layout import CannotBeFormatted, comments, formatted
from rules.loader import parse

ROOT = Path(__file__).resolve().parents[3]
FILES = [path.read_text("utf-8") for path in sorted((ROOT / "rules" / "books").rglob("*.yaml"))]


def test_the_book_that_ships_is_in_shape() -> None:
    """Every file of it comes out as it went in."""
    assert [formatted(text) for text in FILES] == FILES


UGLY = """# top
rules:
    a:   # the rule
        name :   好
        # about on
        on:   {event: x,after: 1h ,  unless: [ a,b ]  }
        caps:
        -   {max: 1}
        -   max: 2
            per: 1d
        text: |
            hello
              there

            # no comment
        # last
    b: { }


# end

x: "a,b :c"\t
"""
NEAT = """# top
rules:
  a:   # the rule
    name: 好
    # about on
    on: {event: x, after: 1h, unless: [a, b]}
    caps:
      - {max: 1}
      - max: 2
        per: 1d
    text: |
        hello
          there

        # no comment
    # last
  b: {}

# end

x: "a,b :c"
"""


def test_it_puts_an_ugly_file_in_shape() -> None:
    """Indentation by two, one space where one belongs, one empty line at most."""
    assert formatted(UGLY) == NEAT
    assert formatted(NEAT) == NEAT


def messed(text: str, seed: int) -> str:
    """The same file, written carelessly: more indentation, more blanks, trailing spaces."""
    chance = random.Random(seed)
    factor = chance.choice((1, 2, 3))
    lines = []
    for line in text.split("\n"):
        width = len(line) - len(line.lstrip(" "))
        content = line.lstrip(" ")
        if chance.random() < 0.5:
            content = re.sub(r"^([\w.-]+):(?= )", lambda match: f"{match[1]}: " + " " * chance.randrange(3), content)
        lines.append(" " * (width * factor) + content + " " * chance.choice((0, 0, 2)) if content else "")
        if not content and chance.random() < 0.3:
            lines.append("")
    return "\n".join(lines)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([text for text in FILES if len(text) < 8_000]), st.integers(0, 2**32))
def test_it_never_changes_what_a_file_says(text: str, seed: int) -> None:
    """Nor its comments; where it cannot keep that promise it refuses."""
    ugly = messed(text, seed)
    made = formatted(ugly)

    assert repr(parse({"": made}).tree) == repr(parse({"": ugly}).tree)
    assert comments(made) == comments(ugly)
    assert formatted(made) == made


@pytest.mark.parametrize("text", ["a: [1", "a: 1\na: 2\n", "a: *x\n", "\ta: 1\n", "a: !!python/object:x 1\n"])
def test_what_is_no_sound_yaml_is_left_alone(text: str) -> None:
    """It says so."""
    with pytest.raises(CannotBeFormatted, match="not-yaml"):
        formatted(text)


LINES = [
    "a: 1\n", "b:\n", "  c: x\n", "  - d\n", "- e\n", "   f: {g: 1,h: [2 ]}\n", "# k\n", "   # l\n", "\n", "  m: |\n", "    n\n",
    "     o: p\n", "q: 'r # s' # t\n", "u: v\n   w\n",
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=12).map("".join))
def test_any_file_comes_out_with_its_meaning_or_not_at_all(text: str) -> None:
    """Whatever it looks like."""
    try:
        made = formatted(text)
    except CannotBeFormatted:
        return
    assert repr(parse({"": made}).tree) == repr(parse({"": text}).tree)
    assert comments(made) == comments(text)
