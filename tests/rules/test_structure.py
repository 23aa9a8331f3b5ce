"""The schema that is published is the one that judges, and it says what the model and the language say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from rules import model
from rules.checking import check, load_book
from rules.festivals import ALIASES, FESTIVALS
from rules.formats import FORMATS
from rules.judge import SCHEMA
from rules.loader import SECTIONS as SECTION_NAMES
from rules.relations import RELATIONS
from rules.structure import entry_of

DEFINITIONS = SCHEMA["$defs"]
O2O = Path(model.__file__).parent / "books" / "o2o"


def parts(schema: Any = SCHEMA) -> Iterator[dict[str, Any]]:
    """Every subschema of the schema (and some mappings that only look like one)."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts(value)


def test_the_schema_is_a_schema() -> None:
    """Of draft 2020-12, and self-contained."""
    Draft202012Validator.check_schema(SCHEMA)
    references = {part["$ref"] for part in parts() if isinstance(part.get("$ref"), str)}

    assert all(reference.removeprefix("#/$defs/") in DEFINITIONS for reference in references)
    assert set(DEFINITIONS) == {reference.removeprefix("#/$defs/") for reference in references}


def test_every_format_and_relation_of_the_schema_exists() -> None:
    """And is used."""
    assert {part["format"] for part in parts() if isinstance(part.get("format"), str)} == set(FORMATS)
    assert {part["x-check"] for part in parts() if "x-check" in part} == set(RELATIONS)


@pytest.mark.parametrize(
    ("words", "schema"),
    [
        (SECTION_NAMES, SCHEMA["properties"]),
        (model.MESSAGE_TYPES, DEFINITIONS["messageTypeName"]["enum"]),
        (model.MESSAGE_TYPES, SCHEMA["properties"]["message_types"]["properties"]),
        (model.CHANNELS, DEFINITIONS["channelName"]["enum"]),
        (model.CHANNELS, DEFINITIONS["template"]["properties"]),
        (model.FIELD_TYPES, DEFINITIONS["fieldType"]["enum"]),
        (model.OPERATORS, DEFINITIONS["operators"]["properties"]),
        (model.TAKES, DEFINITIONS["trait"]["properties"]["take"]["enum"]),
        ((*FESTIVALS, *ALIASES), DEFINITIONS["festivalName"]["enum"]),
    ],
)
def test_the_schema_has_the_words_of_the_model(words: tuple[str, ...], schema: Any) -> None:
    """Two lists that must agree."""
    assert sorted(words) == sorted(schema)


def test_every_alias_of_a_festival_leads_to_one() -> None:
    """The model holds only the names that the engine knows."""
    assert set(ALIASES.values()) <= set(FESTIVALS)
    assert not set(ALIASES) & set(FESTIVALS)


def test_every_key_has_hover_help_in_english_and_chinese() -> None:
    """An editor shows it."""
    sections = [SCHEMA["properties"][name] for name in SECTION_NAMES]
    helped = [part for part in sections + list(DEFINITIONS.values()) if "description" in part]
    keys = [
        DEFINITIONS[name]["properties"] for name in ("rule", "send", "cap", "book", "event", "eventTrigger", "messageType", "operators")
    ]

    for part in helped:
        assert part["description"].isascii() is False, part["description"]
    for properties in keys:
        for name, schema in properties.items():
            target = DEFINITIONS[schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else {}
            assert "description" in schema or "description" in target, name


@pytest.mark.parametrize("book", [O2O, Path(__file__).parent / "language_book"], ids=["o2o", "language"])
def test_sound_books_are_valid_by_the_plain_schema_too(book: Path) -> None:
    """An editor shows no squiggle in a good book, and neither do we."""
    checked = load_book(book)
    errors = [error.message for error in Draft202012Validator(SCHEMA).iter_errors(dict(checked.draft.tree))]

    assert errors == []
    assert [finding for finding in checked.findings if finding.code == "structure"] == []


def test_a_broken_entry_leaves_the_others_and_its_name() -> None:
    """One mistake does not make a second finding."""
    text = "segments: {bad: {whem: {}}, good: {when: {}}}\nrules:\n  r: {on: {enter: bad}, send: {type: notification, sms: x}}\n"
    checked = check({"a.yaml": text})

    assert list(checked.draft.book.segments) == ["good"]
    assert checked.draft.names["segments"] == {"bad", "good"}
    assert [finding.message for finding in checked.errors] == ["unknown key whem"]


def test_a_template_for_several_channels_needs_a_channel() -> None:
    """Whether the rule names it or a variant."""
    templates = "templates: {two: {video_sms: {media: m}, sms: x}, one: {sms: x}}\nrules:\n  r:\n    on: a\n"
    send = "    send: {type: notification, template: one}\n    variants: {a: {weight: 1, template: two}}\n"
    places = [(finding.span.line, finding.message) for finding in check({"a.yaml": templates + send}).errors if finding.code == "structure"]

    assert places == [(5, "no channel, and content for sms and video_sms")]


def test_a_required_key_misspelt_is_one_finding() -> None:
    """The unknown key says it all."""
    (finding,) = check({"a.yaml": "segments: {s: {wen: {}}}"}).errors

    assert (finding.message, finding.hint) == ("unknown key wen", "did you mean when?")


def test_all_problems_are_reported_at_once_and_in_order() -> None:
    """By file, line, column."""
    files = {
        "b.yaml": "book: {timezone: nowhere, disorder: soon}\n",
        "a.yaml": "rules:\n  r: {on: {event: a, after: 1x, late: no}, send: {type: m, sms: x}}\nrulez: {}\n",
    }
    places = [(finding.span.file, finding.span.line, finding.span.column) for finding in check(files).errors]

    assert places == [("a.yaml", 2, 29), ("a.yaml", 2, 39), ("a.yaml", 2, 57), ("a.yaml", 3, 1), ("b.yaml", 1, 18), ("b.yaml", 1, 37)]


def test_a_pattern_of_a_book_is_never_run_by_the_schema() -> None:
    """It is RE2, and for python's engine it could be a bomb."""
    text = 'events: {e: {data: {x: {type: string, pattern: "(a+)+$", enum: ["' + "a" * 40 + '!"]}}}}'

    assert check({"a.yaml": text}).errors == ()


@pytest.mark.parametrize(
    ("path", "entry"),
    [
        (("rules", "r", "on", "event"), ("rules", "r")),
        (("user", "traits", "t", "of"), ("user", "traits", "t")),
        (("book", "caps", 0), ("book", "caps")),
        (("rules",), ("rules",)),
    ],
)
def test_an_entry_is_the_smallest_part_that_can_be_left_out(path: model.Path, entry: model.Path) -> None:
    """A rule, a trait, a setting."""
    assert entry_of(path) == entry


def test_the_schema_file_is_written_as_it_is_read() -> None:
    """Two spaces, Chinese as Chinese: a change shows as a change."""
    file = Path(model.__file__).parent / "schema" / "rulebook.schema.json"

    assert file.read_text(encoding="utf-8") == json.dumps(SCHEMA, ensure_ascii=False, indent=2) + "\n"
