"""What a folder of YAML files says, by the YAML 1.2 core schema, and where everything stands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rules import yaml12
from rules.findings import Span
from rules.loader import Parsed, parse, read_folder


def said(text: str) -> Parsed:
    """One file of settings, named so that its keys are free."""
    return parse({"a.yaml": text})


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("True", True),
        ("TRUE", True),
        ("tRUE", "tRUE"),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("nil", "nil"),
        ("12", 12),
        ("-12", -12),
        ("+12", 12),
        ("0123", 123),
        ("0o17", 15),
        ("0x1F", 31),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("1,000", "1,000"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000),
        ("1E-1", 0.1),
        ("-1.5e+2", -150.0),
        ("21:00", "21:00"),
        ("1:30:00", "1:30:00"),
        ("2026-06-01", "2026-06-01"),
        ("2026-06-01T10:00:00+08:00", "2026-06-01T10:00:00+08:00"),
        ("10%", "10%"),
        ("+25h", "+25h"),
        ("30d", "30d"),
        ("0x", "0x"),
        ("1e", "1e"),
        ("-", "-"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("=", "="),
    ],
)
def test_plain_scalars_follow_the_core_schema(written: str, value: object) -> None:
    """Only true and false are booleans, only numbers are numbers, all else is text."""
    if written == "-":
        assert yaml12.resolve("-") == ("-", "")
        return
    parsed = said(f"x:\n  value: {written}\n")

    assert parsed.findings == ()
    got = parsed.tree["x"]["value"]
    assert got == value
    assert type(got) is type(value)


def test_a_thousand_by_exponent_shows_as_a_whole_number() -> None:
    """`1e3` is the number 1000, not 1000.0."""
    assert repr(yaml12.resolve("1e3")[0]) == "1000"


def test_on_is_a_key_like_any_other() -> None:
    """YAML 1.1 would make it true."""
    assert said("rules: {r: {on: a}}").tree["rules"] == {"r": {"on": "a"}}


def test_sections_of_all_files_are_merged() -> None:
    """Parts of `user`, settings of `book` and all named entries may lie in several files."""
    parsed = parse(
        {
            "b.yaml": "user: {traits: {t: {}}}\nrules: {y: {}}\nbook: {id: o2o}\n",
            "a.yaml": "user: {attributes: {a: string}}\nrules: {x: {}}\nbook: {name: O2O}\n",
        }
    )

    assert parsed.findings == ()
    assert parsed.tree == {
        "user": {"attributes": {"a": "string"}, "traits": {"t": {}}},
        "rules": {"x": {}, "y": {}},
        "book": {"name": "O2O", "id": "o2o"},
    }


@pytest.mark.parametrize(
    ("first", "second", "path"),
    [
        ("rules: {x: {}}", "rules: {x: {}}", "rules.x"),
        ("book: {caps: []}", "book: {caps: []}", "book.caps"),
        ("user: {traits: {t: {}}}", "user: {traits: {t: {}}}", "user.traits.t"),
        ("message_types: {marketing: {}}", "message_types: {marketing: {}}", "message_types.marketing"),
    ],
)
def test_a_name_exists_once_over_all_files(first: str, second: str, path: str) -> None:
    """The finding stands at the second and names the first."""
    (finding,) = parse({"a.yaml": first, "sub/b.yaml": f"\n{second}"}).findings

    assert (finding.code, finding.span.file, finding.span.line) == ("structure", "sub/b.yaml", 2)
    assert finding.message.startswith(f"{path} is there twice: first at a.yaml:1:")


def test_order_of_files_changes_nothing() -> None:
    """Not even which of two is called the second."""
    files = {"a.yaml": "rules: {x: {}}", "b.yaml": "rules: {x: {}, y: {}}"}
    there, back = parse(files), parse(dict(reversed(files.items())))

    assert there.tree == back.tree
    assert there.findings == back.findings
    assert there.digest == back.digest


def test_the_digest_names_the_content() -> None:
    """Other bytes or another file name, another digest; text or bytes alike."""
    digests = [parse(files).digest for files in ({"a.yaml": "x: 1"}, {"b.yaml": "x: 1"}, {"a.yaml": "x: 2"}, {"a.yaml": "x: ", "1": ""})]

    assert len(set(digests)) == 4
    assert parse({"a.yaml": b"x: 1"}).digest == digests[0]


def test_a_folder_without_yaml_is_a_finding(tmp_path: Path) -> None:
    """An empty book is most likely the wrong folder."""
    (finding,) = parse(read_folder(tmp_path)).findings

    assert (finding.code, finding.message) == ("structure", "no YAML file")


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "---\n...\n", "~\n"])
def test_a_file_that_says_nothing_is_no_mistake(text: str) -> None:
    """Comments are for people."""
    parsed = said(text)

    assert parsed.findings == ()
    assert parsed.tree == {}


# ---- anchors and merges


def test_merged_keys_give_way_to_own_ones() -> None:
    """`<<` fills in what is not said; of several the first counts."""
    parsed = said("x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*y, *x], c: 3}\n")

    assert parsed.findings == ()
    assert parsed.tree["z"] == {"c": 3, "b": 2, "a": 1}


def test_a_quoted_merge_key_is_a_key() -> None:
    """Only the plain `<<` merges."""
    assert said('x: {"<<": 1}').tree == {"x": {"<<": 1}}


def test_an_alias_stands_where_it_is_written_its_content_where_the_anchor_is() -> None:
    """A finding points at the text that has to change."""
    parsed = said("x: &a\n  k: [1, 2]\ny: *a\n")

    assert parsed.positions.value(("y",)) == Span("a.yaml", 3, 4, 3, 6)
    assert parsed.positions.value(("y", "k", 1)) == Span("a.yaml", 2, 10, 2, 11)


def test_ten_thousand_expanded_values_are_the_limit() -> None:
    """An alias counts all values below it."""
    list_of_99 = "x: &a [" + "v, " * 99 + "]\n"
    hundred = said(list_of_99 + "y: [" + "*a, " * 100 + "]\n")
    more = said(list_of_99 + "y: [" + "*a, " * 101 + "]\n")

    assert hundred.findings == ()
    assert [finding.message for finding in more.findings] == ["aliases expand to more than 10,000 values"]


def test_fifty_levels_are_the_limit() -> None:
    """Of mappings and lists together."""
    assert said("x: " + "[" * 49 + "]" * 49).findings == ()
    assert len(said("x: " + "[" * 50 + "]" * 50).findings) == 1


# ---- positions


PLACES = """\
# 规则
rules:
  到店:
    on: {event: 自提.ready, after: 24h}
    send: &s
      sms: |
        两行
        文字

      tags:
      - 一
      - "二"
    note: folded
      over lines   # comment
    nothing:
"""


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("rules",), (2, 1, 2, 6), (3, 3, 15, 13)),
        (("rules", "到店"), (3, 3, 3, 5), (4, 5, 15, 13)),
        (("rules", "到店", "on"), (4, 5, 4, 7), (4, 9, 4, 38)),
        (("rules", "到店", "on", "event"), (4, 10, 4, 15), (4, 17, 4, 25)),
        (("rules", "到店", "on", "after"), (4, 27, 4, 32), (4, 34, 4, 37)),
        (("rules", "到店", "send"), (5, 5, 5, 9), (6, 7, 12, 12)),
        (("rules", "到店", "send", "sms"), (6, 7, 6, 10), (6, 12, 8, 11)),
        (("rules", "到店", "send", "tags"), (10, 7, 10, 11), (11, 7, 12, 12)),
        (("rules", "到店", "send", "tags", 1), (12, 9, 12, 12), (12, 9, 12, 12)),
        (("rules", "到店", "note"), (13, 5, 13, 9), (13, 11, 14, 17)),
        (("rules", "到店", "nothing"), (15, 5, 15, 12), (15, 13, 15, 13)),
    ],
    ids=str,
)
def test_keys_and_values_stand_where_an_editor_shows_them(
    path: tuple[str | int, ...], key: tuple[int, ...], value: tuple[int, ...]
) -> None:
    """Lines and columns from 1, in characters, the end exclusive; blocks start at their first entry and end with their last."""
    positions = said(PLACES).positions

    assert positions.key(path) == Span("a.yaml", *key)
    assert positions.value(path) == Span("a.yaml", *value)


def test_characters_beyond_the_basic_plane_count_as_one() -> None:
    """Columns are code points, not UTF-16 units or bytes."""
    assert said("x: {k: 😀, v: 1}").positions.key(("x", "v")).column == 11


def test_the_nearest_place_is_sought_upwards() -> None:
    """For what a model object has and the text has not."""
    positions = said("rules: {r: {on: a}}").positions

    assert positions.nearest(("rules", "r", "on", "event", 0)) == positions.key(("rules", "r", "on"))
    assert positions.nearest(("tests", "x")) == Span("a.yaml", 1, 1, 1, 1)
    assert ("rules", "r", "on") in positions
    assert ("rules", "q") not in positions


def test_windows_line_ends_change_no_place() -> None:
    """Nor a text."""
    unix, windows = said(PLACES), said(PLACES.replace("\n", "\r\n"))

    assert unix.tree == windows.tree
    assert list(unix.positions.items()) == list(windows.positions.items())


# ---- folders


def test_a_folder_is_read_by_relative_path(tmp_path: Path) -> None:
    """All YAML files below, sorted, and nothing else."""
    for name in ("b.yaml", "a/c.yml", "a/readme.md", "UPPER.YAML", ".hidden.yaml", ".git/x.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")

    assert list(read_folder(tmp_path)) == ["UPPER.YAML", "a/c.yml", "b.yaml"]


def test_a_single_file_is_a_book(tmp_path: Path) -> None:
    """Its name is its path."""
    (tmp_path / "book.yaml").write_text("book: {id: a}")

    assert read_folder(tmp_path / "book.yaml") == {"book.yaml": b"book: {id: a}"}


def test_links_out_of_the_folder_and_pipes_are_passed_over(tmp_path: Path) -> None:
    """A book cannot read other files, and a pipe cannot hold up the reader."""
    (tmp_path / "outside.yaml").write_text("{}")
    book = tmp_path / "book"
    book.mkdir()
    (book / "in.yaml").write_text("{}")
    (book / "out.yaml").symlink_to(tmp_path / "outside.yaml")
    (book / "nowhere.yaml").symlink_to(tmp_path / "missing.yaml")
    (book / "around").symlink_to(tmp_path)
    (book / "same.yaml").symlink_to(book / "in.yaml")
    os.mkfifo(book / "pipe.yaml")

    assert list(read_folder(book)) == ["in.yaml", "same.yaml"]


def test_a_missing_folder_is_an_oserror(tmp_path: Path) -> None:
    """Wrong usage, not a broken book."""
    with pytest.raises(OSError, match="there is no folder"):
        read_folder(tmp_path / "missing")


def test_no_more_is_read_than_shows_that_a_file_is_too_large(tmp_path: Path) -> None:
    """A sparse file of a terabyte does no harm."""
    with (tmp_path / "a.yaml").open("wb") as file:
        file.truncate(1 << 40)

    files = read_folder(tmp_path)
    assert len(files["a.yaml"]) == yaml12.MAX_BYTES + 1
    assert [finding.hint[:18] for finding in parse(files).findings] == ["at most 1,048,576 "]


def test_what_was_read_before_a_fault_is_kept() -> None:
    """Names before it stay known, and the book says that it is not whole."""
    parsed = parse({"a.yaml": "rules: {x: {}}", "b.yaml": "events: {a: {}}\n\tz: 1\n"})

    assert "rules" in parsed.tree
    assert not parsed.whole
