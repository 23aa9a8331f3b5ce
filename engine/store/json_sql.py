"""Looking into JSON columns on both databases: each element says it in the words of each.

`x` is the value at a path, `c` and `p` column and path, `v` an operand. A value of another type than was asked for is NULL or false,
never an error: PostgreSQL evaluates a CASE in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Double, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

Key = str | int


def can_say(key: Key) -> bool:
    """Whether both databases find a value under this key without escapes."""
    return type(key) is int or (type(key) is str and key.isprintable() and not {'"', "\\"} & set(key))


class Json(FunctionElement[Any]):
    """`Element(column, path)`, or `Element(column, path, value)` where it has an operand."""

    inherit_cache = True
    type: TypeEngine[Any] = Boolean()
    postgresql = ""
    sqlite = ""
    operand: TypeEngine[Any] | None = None

    def __init__(self, column: sa.ColumnElement[Any], path: Sequence[Key], value: Any = None) -> None:
        written = "$" + "".join(f"[{key}]" if type(key) is int else f'."{key}"' for key in path)
        keys = [sa.bindparam(None, key, Integer() if type(key) is int else Text()) for key in path]
        operands = [] if self.operand is None else [sa.bindparam(None, value, self.operand)]
        super().__init__(column, sa.bindparam(None, written, Text()), *operands, *keys)


@compiles(Json)
def _json(element: Json, compiler: Any, **options: Any) -> str:
    column, path, *rest = [compiler.process(clause, **options) for clause in element.clauses]
    value = rest.pop(0) if element.operand is not None else ""
    if compiler.dialect.name == "postgresql":
        return "(" + element.postgresql.format(x=f"({' -> '.join([column, *rest])})", v=value) + ")"
    return "(" + element.sqlite.format(c=column, p=path, v=value) + ")"


class IsPresent(Json):
    """There is a value, other than null."""

    inherit_cache = True
    postgresql = "coalesce(jsonb_typeof({x}) <> 'null', false)"
    sqlite = "coalesce(json_type({c}, {p}) <> 'null', 0)"


class IsText(Json):
    """The value is a text."""

    inherit_cache = True
    postgresql = "coalesce(jsonb_typeof({x}) = 'string', false)"
    sqlite = "coalesce(json_type({c}, {p}) = 'text', 0)"


class IsNumber(Json):
    """The value is a number."""

    inherit_cache = True
    postgresql = "coalesce(jsonb_typeof({x}) = 'number', false)"
    sqlite = "coalesce(json_type({c}, {p}) IN ('integer', 'real'), 0)"


class IsBoolean(Json):
    """The value is true or false."""

    inherit_cache = True
    postgresql = "coalesce(jsonb_typeof({x}) = 'boolean', false)"
    sqlite = "coalesce(json_type({c}, {p}) IN ('true', 'false'), 0)"


class IsArray(Json):
    """The value is a list."""

    inherit_cache = True
    postgresql = "coalesce(jsonb_typeof({x}) = 'array', false)"
    sqlite = "coalesce(json_type({c}, {p}) = 'array', 0)"


class IsObject(Json):
    """The value is an object."""

    inherit_cache = True
    postgresql = "coalesce(jsonb_typeof({x}) = 'object', false)"
    sqlite = "coalesce(json_type({c}, {p}) = 'object', 0)"


class IsTrue(Json):
    """The value is true."""

    inherit_cache = True
    postgresql = "coalesce({x} = 'true'::jsonb, false)"
    sqlite = "coalesce(json_type({c}, {p}) = 'true', 0)"


class IsInteger(Json):
    """The value is exactly this whole number (of less than 2^53)."""

    inherit_cache = True
    operand = sa.BigInteger()
    postgresql = "coalesce({x} = to_jsonb({v}), false)"
    sqlite = "coalesce(json_type({c}, {p}) = 'integer' AND json_extract({c}, {p}) = {v}, 0)"


class TextOf(Json):
    """The text; NULL when the value is none."""

    inherit_cache = True
    type = Text()
    postgresql = "CASE WHEN jsonb_typeof({x}) = 'string' THEN ({x} #>> '{{}}') END COLLATE \"C\""
    sqlite = "CASE WHEN json_type({c}, {p}) = 'text' THEN json_extract({c}, {p}) END"


class NumberOf(Json):
    """The number as a double, off by a few units in the last place; NULL when the value is none."""

    inherit_cache = True
    type = Double()
    postgresql = "CASE WHEN jsonb_typeof({x}) = 'number' THEN CAST({x} #>> '{{}}' AS double precision) END"
    sqlite = "CASE WHEN json_type({c}, {p}) IN ('integer', 'real') THEN json_extract({c}, {p}) END"


class LengthOf(Json):
    """How many members a list has; 0 for anything else."""

    inherit_cache = True
    type = Integer()
    postgresql = "CASE WHEN jsonb_typeof({x}) = 'array' THEN jsonb_array_length({x}) ELSE 0 END"
    sqlite = "CASE WHEN json_type({c}, {p}) = 'array' THEN json_array_length({c}, {p}) ELSE 0 END"


class HasText(Json):
    """A list with this text among its members."""

    inherit_cache = True
    operand = Text()
    postgresql = "CASE WHEN jsonb_typeof({x}) = 'array' THEN jsonb_exists({x}, {v}) ELSE false END"
    sqlite = (
        "CASE WHEN json_type({c}, {p}) = 'array'"
        " THEN EXISTS (SELECT 1 FROM json_each({c}, {p}) AS member WHERE member.type = 'text' AND member.value = {v}) ELSE 0 END"
    )


class Within(FunctionElement[bool]):
    """`Within(text, part)`: the text contains the part, which is not empty."""

    inherit_cache = True
    type = Boolean()


@compiles(Within)
def _within(element: Within, compiler: Any, **options: Any) -> str:
    text, part = [compiler.process(clause, **options) for clause in element.clauses]
    return f"(strpos({text}, {part}) > 0)" if compiler.dialect.name == "postgresql" else f"(instr({text}, {part}) > 0)"


class EndOf(FunctionElement[str]):
    """`EndOf(text, length)`: its last characters, or all of it."""

    inherit_cache = True
    type = Text()


@compiles(EndOf)
def _end_of(element: EndOf, compiler: Any, **options: Any) -> str:
    text, length = [compiler.process(clause, **options) for clause in element.clauses]
    return f"right({text}, {length})" if compiler.dialect.name == "postgresql" else f"substr({text}, -{length})"
