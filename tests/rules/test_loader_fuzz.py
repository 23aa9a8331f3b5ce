"""Whatever the bytes are, checking a book answers with findings: no exception, and places that lie in the text."""

from __future__ import annotations

from pathlib import Path

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules import yaml12
from rules.checking import Checked, check

SOUND = (Path(__file__).parent / "language_book" / "book.yaml").read_text(encoding="utf-8")
FEW = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Pieces that mean something to YAML or to a rulebook, so that chance finds its way past the first line.
PIECES = st.sampled_from(
    ["rules:", "events:", "user:", "book:", "tests:", "on:", "send:", "when:", "any:", "data:", "caps:", "before:", "enum:", "schedule:",
     "\n", "\n  ", "\n    ", "\n- ", " ", ": ", "- ", "? ", "{", "}", "[", "]", ", ", "&a ", "*a", "<<: ", "!x ", "|", ">", "'", '"', "#",
     "# check: disable=unused", "---", "...", "%YAML 1.2", "\t", "\0", "\ufeff", "\u2028", "😀", "1e999", ".inf", "0x1", "-1", "10m",
     '"10:00"', "2026-06-01", "true", "null", "x", "event.x", "{ref: event.x}", "{{ event.x }}", "{% if %}"]
)  # fmt: skip


def sound(checked: Checked) -> None:
    """What must hold of every answer."""
    for finding in checked.findings:
        span = finding.span
        lines = checked.sources[span.file].split("\n") if span.file else [""]
        assert 1 <= span.line <= len(lines) + 1
        assert span.column >= 1
        assert (span.line, span.column) <= (span.end_line, span.end_column)
        assert finding.message
    assert (checked.book is None) == bool(checked.errors)


@FEW
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Not even UTF-8."""
    sound(check({"a.yaml": data}))


@FEW
@given(st.lists(PIECES, max_size=40))
def test_any_pieces(pieces: list[str]) -> None:
    """Close to YAML, close to a rulebook."""
    sound(check({"a.yaml": "".join(pieces)}))


@FEW
@given(st.data())
def test_a_good_book_with_a_bad_stretch(data: st.DataObject) -> None:
    """A stretch of a sound book is replaced by pieces."""
    start = data.draw(st.integers(0, len(SOUND)))
    end = data.draw(st.integers(start, min(len(SOUND), start + 30)))
    middle = "".join(data.draw(st.lists(PIECES, max_size=4)))

    sound(check({"a.yaml": SOUND[:start] + middle + SOUND[end:]}))


TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**20) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ENTRY_KEYS = st.sampled_from(
    ["on", "send", "when", "data", "caps", "take", "of", "max", "per", "type", "sms", "events", "event", "any", "x"]
)


@FEW
@given(
    st.sampled_from(["book", "events", "user", "segments", "message_types", "templates", "rules", "tests"]),
    st.dictionaries(
        ENTRY_KEYS, st.recursive(TREES, lambda inner: st.dictionaries(ENTRY_KEYS, inner, max_size=4), max_leaves=10), max_size=4
    ),
)
def test_any_tree(section: str, entry: dict[str, object]) -> None:
    """Good YAML with anything in it; what the YAML library writes for it."""
    sound(check({"a.yaml": yaml.safe_dump({section: {"attributes" if section == "user" else "e": entry}}, allow_unicode=True)}))


@FEW
@given(
    st.recursive(
        st.booleans() | st.integers(-1000, 1000) | st.text("ab:#-\n é{}[]'\"", max_size=8),
        lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
        max_leaves=20,
    )
)
def test_what_json_writes_is_read_back(tree: object) -> None:
    """JSON is YAML 1.2."""
    import json

    document = yaml12.read(json.dumps({"x": tree}, ensure_ascii=False))

    assert document.faults == []
    assert document.root is not None
    assert plain(document.root) == {"x": tree}


def plain(node: yaml12.Node) -> object:
    """A node's value without its places."""
    if node.pairs is not None:
        return {key.value: plain(value) for key, value in node.pairs}
    return [plain(item) for item in node.items] if node.items is not None else node.value
