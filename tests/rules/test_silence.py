"""`# check: disable=...` silences what it stands at, and nothing that would make the book unusable."""

from __future__ import annotations

import pytest

from rules.checking import Checked, check

# Two warnings from structure itself: quiet hours and a period of no length.
BOOK = """\
message_types:
  marketing:{0}
    quiet_hours: {{from: "21:00", to: "21:00"}}{1}
rules:
  r:
    on: a.b
    active: {{from: 2026-06-02, until: 2026-06-01}}
    send: {{type: marketing, sms: "{2}"}}
"""


def windows(checked: Checked) -> list[int]:
    """The lines of what `bad-window` found."""
    return [finding.span.line for finding in checked.findings if finding.code == "bad-window"]


def test_nothing_is_silent_by_itself() -> None:
    """Both are found."""
    assert windows(check({"a.yaml": BOOK.format("", "", "")})) == [3, 7]


@pytest.mark.parametrize(
    ("behind_type", "behind_hours", "in_text", "left"),
    [
        ("", "  # check: disable=bad-window", "", [7]),
        ("", "  # check: disable=unused,bad-window", "", [7]),
        ("", "  # check: disable=unused, bad-window", "", [7]),
        ("", "  # check: disable=bad-window  the shop never sleeps", "", [7]),
        ("", "  #check: disable=bad-window", "", [7]),
        ("", "  # check: disable=unused", "", [3, 7]),
        ("", "  # check: disable=bad-windows", "", [3, 7]),
        ("", "  # so # check: disable=bad-window", "", [3, 7]),
        ("  # check: disable=bad-window", "", "", [3, 7]),
        ("\n    # check: disable=bad-window", "", "", [8]),
        ("\n    # check: disable=bad-window\n    # because", "", "", [9]),
        ("\n    # check: disable=bad-window\n", "", "", [5, 9]),
        ("", "", "# check: disable=bad-window", [3, 7]),
        ("", "", "a\n      # check: disable=bad-window\n      b", [3, 7]),
    ],
)
def test_a_comment_silences_its_line_or_the_entry_below(behind_type: str, behind_hours: str, in_text: str, left: list[int]) -> None:
    """Not other codes, not other lines, not from inside a text or another comment."""
    assert windows(check({"a.yaml": BOOK.format(behind_type, behind_hours, in_text)})) == left


def test_a_comment_before_an_entry_silences_the_whole_entry() -> None:
    """Every line of it, and no line beyond."""
    text = BOOK.format("", "", "").replace("  r:\n", "  # check: disable=bad-window\n  r:\n")

    assert windows(check({"a.yaml": text})) == [3]


def test_a_block_text_with_a_directive_silences_nothing() -> None:
    """A message may speak of comments."""
    text = (
        BOOK.format("", "", "")
        .replace('sms: ""', "sms: x")
        .replace("    send:", "    description: |\n      # check: disable=bad-window\n    send:")
    )

    assert windows(check({"a.yaml": text})) == [3, 7]


def test_a_directive_behind_the_header_of_a_block_text_counts() -> None:
    """The header's line is no text yet."""
    text = "segments:\n  s: # check: disable=unused\n    name: |  # check: disable=unused\n      x\n    when: {}\n"
    silent = {finding.span.line for finding in check({"a.yaml": text}).findings if finding.code == "unused"}

    assert silent == set()


@pytest.mark.parametrize("code", ["structure", "unknown-name"])
def test_what_makes_a_book_unusable_cannot_be_silenced(code: str) -> None:
    """The entry is left out of the book; that must be heard."""
    text = f"rules:\n  # check: disable={code}\n  r:\n    onn: 1  # check: disable={code}\n    send: {{type: marketin, sms: x}}\n"
    checked = check({"a.yaml": text})

    assert checked.book is None
    assert any(finding.code == code for finding in checked.findings)
