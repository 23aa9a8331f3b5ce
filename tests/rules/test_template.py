"""Templates: what is understood, what is refused and where, and that nothing hostile gets through or raises."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.template import (
    MAX_SOURCE_CHARACTERS,
    AllOf,
    AnyOf,
    Branch,
    Compare,
    FieldUse,
    Filter,
    Not,
    Operand,
    Text,
    Truth,
    Value,
    parse,
)


def field(name: str) -> Operand:
    return Operand(field=name)


def literal(value: object) -> Operand:
    return Operand(literal=value)  # type: ignore[arg-type]


def test_a_text_becomes_text_and_values() -> None:
    parsed = parse("订单{{ event.order_id }}到{{ event.at | datetime }}")

    assert parsed.problems == ()
    assert parsed.parts == (
        Text("订单"),
        Value("event.order_id", (), 1, 6),
        Text("到"),
        Value("event.at", (Filter("datetime"),), 1, 27),
    )
    assert parsed.fields == (
        FieldUse("event.order_id", False, False, 1, 6),
        FieldUse("event.at", False, False, 1, 27, (Filter("datetime"),)),
    )


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("a.b", Truth("a.b")),
        ("not a.b", Not(Truth("a.b"))),
        ("a.b and c.d", AllOf((Truth("a.b"), Truth("c.d")))),
        ("a.b or c.d", AnyOf((Truth("a.b"), Truth("c.d")))),
        ("a.b == 'x'", Compare(field("a.b"), "==", literal("x"))),
        ("a.b != c.d", Compare(field("a.b"), "!=", field("c.d"))),
        ("3 < a.b", Compare(literal(3), "<", field("a.b"))),
        ("a.b >= -1.5", Compare(field("a.b"), ">=", literal(-1.5))),
        ("a.b == true", Compare(field("a.b"), "==", literal(True))),
        ("1 < a.b <= 3", AllOf((Compare(literal(1), "<", field("a.b")), Compare(field("a.b"), "<=", literal(3))))),
        ("a.b in ['x', 2]", Compare(field("a.b"), "in", literal(("x", 2)))),
        ("a.b not in ('x', 'y')", Compare(field("a.b"), "not in", literal(("x", "y")))),
        ("'x' in a.tags", Compare(literal("x"), "in", field("a.tags"))),
        ("(a.b)", Truth("a.b")),
    ],
)
def test_tests_are_fields_and_comparisons(test: str, expected: object) -> None:
    parsed = parse("{% if " + test + " %}x{% endif %}")

    assert parsed.problems == ()
    assert parsed.parts == (Branch(((expected, (Text("x"),)),)),)  # type: ignore[arg-type]


def test_if_elif_else() -> None:
    parsed = parse("{% if a.b %}1{% elif a.c == 2 %}2{% else %}3{% endif %}")

    assert parsed.parts == (Branch(((Truth("a.b"), (Text("1"),)), (Compare(field("a.c"), "==", literal(2)), (Text("2"),))), (Text("3"),)),)


@pytest.mark.parametrize(
    ("source", "guarded"),
    [
        ("{{ e.x }}", False),
        ("{% if e.x %}{{ e.x }}{% endif %}", True),
        ("{% if e.x > 3 %}{{ e.x }}{% endif %}", True),
        ("{% if e.x != 3 %}{{ e.x }}{% endif %}", True),
        ("{% if e.x and e.y %}{{ e.x }}{% endif %}", True),
        ("{% if e.x or e.y %}{{ e.x }}{% endif %}", False),
        ("{% if e.x == 1 or e.x == 2 %}{{ e.x }}{% endif %}", True),
        ("{% if e.y %}{{ e.x }}{% endif %}", False),
        ("{% if not e.x %}{{ e.x }}{% endif %}", False),
        ("{% if not e.x %}-{% else %}{{ e.x }}{% endif %}", True),
        ("{% if e.x %}-{% else %}{{ e.x }}{% endif %}", False),
        ("{% if not (e.x or e.y) %}-{% else %}{{ e.x }}{% endif %}", False),
        ("{% if not e.x or not e.y %}-{% else %}{{ e.x }}{% endif %}", True),
        ("{% if not e.x %}-{% elif e.y %}{{ e.x }}{% endif %}", True),
        ("{% if e.x %}{% if e.y %}{{ e.x }}{% endif %}{% endif %}", True),
        ("{% if e.x %}-{% endif %}{{ e.x }}", False),
    ],
)
def test_a_field_is_guarded_where_it_is_certainly_there(source: str, guarded: bool) -> None:
    parsed = parse(source)
    (use,) = [use for use in parsed.fields if use.name == "e.x" and not use.in_test]

    assert parsed.problems == ()
    assert use.guarded is guarded
    assert all(use.guarded for use in parsed.fields if use.in_test)


def test_default_and_code_are_noted() -> None:
    assert [use.has_default for use in parse("{{ e.x | default('') }}{{ e.y | money | default(0) }}{{ e.z }}").fields] == [
        True,
        True,
        False,
    ]
    assert (parse("{{ code }}").uses_code, parse("{{ code }}").fields) == (True, ())
    assert not parse("{% if code %}x{% endif %}").uses_code


def test_every_filter_is_known() -> None:
    names = ("money", "date", "time", "datetime", "duration", "mask", "upper", "lower", "default(1)", "truncate(3)", "label")

    assert [parse("{{ e.x | " + name + " }}").problems for name in names] == [()] * 11


def test_white_space_control_comments_and_line_ends() -> None:
    parsed = parse("a {#- 注 -#} b\r\n{{- e.x -}}\n c\n")

    assert parsed.parts == (Text("a"), Text("b"), Value("e.x", (), 2, 5), Text("c"))


@pytest.mark.parametrize(
    ("source", "kind", "line", "column", "hint"),
    [
        ("{{ e.x | mony }}", "filter", 1, 10, "money"),
        ("{{ e.x | safe }}", "filter", 1, 10, "one of"),
        ("{{ e.x | a.b }}", "filter", 1, 10, ""),
        ("{{ e.x | default }}", "filter", 1, 10, "default("),
        ("{{ e.x | default('a', true) }}", "filter", 1, 10, "default("),
        ("{{ e.x | default(e.y) }}", "filter", 1, 10, "default("),
        ("{{ e.x | default(value='a') }}", "filter", 1, 10, "default("),
        ("{{ e.x | truncate }}", "filter", 1, 10, "truncate("),
        ("{{ e.x | truncate(0) }}", "filter", 1, 10, "truncate("),
        ("{{ e.x | truncate(true) }}", "filter", 1, 10, "truncate("),
        ("{{ e.x | money(2) }}", "filter", 1, 10, "money"),
        ("{{ e.x | money(*e.y) }}", "filter", 1, 10, "money"),
        ("{{ e.x | upper | date }}", "filter", 1, 4, "first"),
        ("{{ e.x | default('无') | date }}", "filter", 1, 4, "last"),
        ("{{ e.x | default('无') | money }}", "filter", 1, 4, "last"),
        ("{% for x in e.y %}{% endfor %}", "forbidden", 1, 4, "list"),
        ("a\nb {{ e.x + 1 }}", "forbidden", 2, 6, ""),
        ("{{ e.x ~ 'a' }}", "forbidden", 1, 4, "values"),
        ("{{ -e.x }}", "forbidden", 1, 4, ""),
        ("{{ e.x() }}", "forbidden", 1, 4, "filter"),
        ("{{ e['x'] }}", "forbidden", 1, 4, "event.field"),
        ("{{ e.x[0] }}", "forbidden", 1, 4, "event.field"),
        ("{{ e.0 }}", "forbidden", 1, 4, ""),
        ("{{ e.x[1:2] }}", "forbidden", 1, 4, ""),
        ("{{ e.x if e.y else e.z }}", "forbidden", 1, 4, "{% if"),
        ("{{ 'text' }}", "forbidden", 1, 4, "outside"),
        ("{{ 1 }}", "forbidden", 1, 4, "outside"),
        ("{{ none }}", "forbidden", 1, 4, "missing"),
        ("{{ [e.x] }}", "forbidden", 1, 4, ""),
        ("{{ e.x, e.y }}", "forbidden", 1, 4, ""),
        ("{{ {'a': e.x} }}", "forbidden", 1, 4, ""),
        ("{{ e.x == 1 }}", "forbidden", 1, 4, "{% if"),
        ("{{ e.__class__ }}", "forbidden", 1, 4, ""),
        ("{{ e.x is defined }}", "forbidden", 1, 4, "missing"),
        ("{% if e.x is none %}{% endif %}", "forbidden", 1, 7, "missing"),
        ("{% if e.x == none %}{% endif %}", "forbidden", 1, 14, "missing"),
        ("{% if true %}{% endif %}", "forbidden", 1, 7, ""),
        ("{% if 1 < 2 %}{% endif %}", "forbidden", 1, 7, ""),
        ("{% if e.x | upper == 'A' %}{% endif %}", "forbidden", 1, 7, "field"),
        ("{% if e.x + 1 > 2 %}{% endif %}", "forbidden", 1, 7, ""),
        ("{% if e.x in [e.y] %}{% endif %}", "forbidden", 1, 14, ""),
        ("{% if e.x == ['a'] %}{% endif %}", "forbidden", 1, 14, ""),
        ("{% if e.x() %}{% endif %}", "forbidden", 1, 7, ""),
        ("{% set a = 1 %}", "forbidden", 1, 4, ""),
        ("{% set a %}x{% endset %}", "forbidden", 1, 4, ""),
        ("{% with %}x{% endwith %}", "forbidden", 1, 4, ""),
        ("{% macro m() %}x{% endmacro %}", "forbidden", 1, 4, ""),
        ("{% call m() %}x{% endcall %}", "forbidden", 1, 4, ""),
        ("{% filter upper %}x{% endfilter %}", "forbidden", 1, 4, "filter"),
        ("{% include 'x' %}", "forbidden", 1, 4, ""),
        ("{% import 'x' as y %}", "forbidden", 1, 4, ""),
        ("{% from 'x' import y %}", "forbidden", 1, 4, ""),
        ("{% extends 'x' %}", "forbidden", 1, 4, ""),
        ("{% block b %}x{% endblock %}", "forbidden", 1, 4, ""),
        ("{% autoescape true %}x{% endautoescape %}", "forbidden", 1, 15, ""),
        ("{% raw %}{{ e.x }}{% endraw %}", "forbidden", 1, 1, ""),
        ("{{ e.x | default('\\x41') }}", "forbidden", 1, 18, ""),
        ("{{ e.x", "syntax", 1, 4, ""),
        ("{{ }}", "syntax", 1, 4, ""),
        ("{{ e. }}", "syntax", 1, 7, ""),
        ("ab {{ e.x ! }}", "syntax", 1, 11, ""),
        ("{% if %}x{% endif %}", "syntax", 1, 7, ""),
        ("{% if e.x %}x", "syntax", 1, 11, ""),
        ("{% endif %}", "syntax", 1, 4, ""),
        ("{% do e.x %}", "syntax", 1, 4, ""),
        ("{# never closed", "syntax", 1, 3, ""),
    ],
)
def test_what_is_not_allowed_is_named_with_its_place(source: str, kind: str, line: int, column: int, hint: str) -> None:
    problem = parse(source).problems[0]

    assert (problem.kind, problem.line) == (kind, line)
    assert abs(problem.column - column) <= 2
    assert hint in problem.hint
    assert problem.message


def test_all_problems_of_a_text_are_named() -> None:
    parsed = parse("{{ a.b | mony }}\n{{ a.b + 1 }}\n{% for x in y %}{% endfor %}{{ a.c }}")

    assert [(problem.line, problem.kind) for problem in parsed.problems] == [(1, "filter"), (2, "forbidden"), (3, "forbidden")]
    assert [use.name for use in parsed.fields] == ["a.b", "a.c"]


HOSTILE = [    "{{ " + "(" * 50_000, "{{ " + "(" * 5_000 + "a" + ")" * 5_000 + " }}", "{% if a %}" * 20_000, "{% if a %}" * 1_500,
    "{% if a %}" * 21 + "{% endif %}" * 21, "{{ a" + ".b" * 100_000 + " }}", "{{ a" + ".b" * 5_000 + " }}",
    "{{ " + "not " * 4_000 + "a }}", "{{ " + "-" * 9_000 + "1 }}", "{{ a" + "|upper" * 3_000 + " }}", "{" * 1_000_000, "{" * 19_999,
    "{{ " * 6_000, "{% " * 6_000, "{#" * 9_000, "a" * 1_000_000, "{{ 9" + "9" * 9_000 + " }}", "{{ 1e999999999 }}",
    "{% if a == 1e999 %}{% endif %}", "{{" + "[" * 9_000 + "]" * 9_000 + "}}", "\r\n" * 500_000, " " * 19_999,
    "{{ '" + "\\" * 9_000 + "' }}", "{{ '\\ud800' }}", "{{ '\\N{DIGIT ONE}' }}", "\ud800{{ \udfff }}", "{{ a.\ud800 }}",
    "{{" + "a" * 19_000 + "}}", "{{ a." + "1" * 5_000 + " }}", "\x00{{ a }}", "{{ a }}{% raw %}", "{%- raw -%}",
    "{{ a|default(" + "'a'" * 3_000 + ") }}", "{% if " + "a or " * 3_000 + "a %}{% endif %}",
    "{% if a %}" + "{% elif a %}" * 1_500 + "{% endif %}", "{% if a < " + "b < " * 1_000 + "c %}{% endif %}", "{{ a if " * 2_000,
    "{{ a(" * 2_000, "{% macro " * 2_000, "{% for a in b recursive %}" * 500, "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}", "{{ self }}", "{{ a|attr('__class__') }}", "{% import os %}",
    "{{ lipsum.__globals__ }}", "{{ range(10**9) }}", "{{ 'a' * 10**9 }}", "{{ 9 ** 9 ** 9 }}",
]  # fmt: skip


@pytest.mark.parametrize("source", HOSTILE, ids=lambda source: ascii(source)[:30])
def test_hostile_sources_do_no_harm(source: str) -> None:
    started = time.process_time()
    parsed = parse(source)

    assert time.process_time() - started < 5  # seconds; what grows with the square would take minutes
    assert len(parsed.parts) <= 2
    assert all(problem.message and problem.line >= 1 and problem.column >= 1 and len(problem.message) <= 300 for problem in parsed.problems)


def test_a_source_too_long_is_one_problem() -> None:
    assert not parse("a" * MAX_SOURCE_CHARACTERS).problems
    assert parse("a" * (MAX_SOURCE_CHARACTERS + 1)).problems[0].kind == "forbidden"


def test_the_depth_does_not_depend_on_the_caller() -> None:
    """What is just allowed is understood from deep inside other calls too."""
    source = "{% if " + "(" * 10 + "a.b" + ")" * 10 + " %}" + "{% if a.c %}" * 19 + "x" + "{% endif %}" * 20

    def deep(levels: int) -> bool:
        return not parse(source).problems if levels == 0 else deep(levels - 1)

    assert deep(400)


WORDS = [
    "{{", "}}", "{%", "%}", "{#", "#}", "if", "elif", "else", "endif", "for", "in", "set", "raw", "endraw", "event.x", "e", ".", "|",
    "money", "default", "(", ")", "'a'", '"', "1", "2.5", "==", "<", "and", "or", "not", "is", "[", "]", ",", "+", "-", "~", "\n", "\r",
    "%", "文", "\\", "true", "none", "code", "_",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=30).flatmap(lambda words: st.sampled_from(["".join(words), " ".join(words)])))
def test_anything_parses_to_something(source: str) -> None:
    parsed = parse(source)
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    assert all(
        1 <= use.line <= len(lines) and lines[use.line - 1][use.column - 1 :].startswith(use.name.split(".")[0]) for use in parsed.fields
    )
    assert all(1 <= problem.line <= len(lines) and problem.column >= 1 for problem in parsed.problems)
    assert parse(source) is parsed or parse(source) == parsed
