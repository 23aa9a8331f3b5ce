"""Column types: names that may be looked up, texts from outside, and lists of names as one parameter.

A name comes from outside (an event's id, a key's value) and may be longer than an index takes, or hold what PostgreSQL refuses (NUL, a lone
surrogate). Such a name is kept as its beginning and its SHA-256; the original stands in the row's body.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import BigInteger, Boolean, Column, Dialect, Integer, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.type_api import TypeEngine

LONGEST_NAME = 600  # bytes; three of them fit into one entry of a PostgreSQL index (2,704)
_BEGINNING = 120  # characters


def key_of(name: str) -> str:
    """The name as it stands in the database: itself, or its beginning and hash."""
    if len(name) * 4 <= LONGEST_NAME and name.isascii() and "\0" not in name:
        return name
    written = name.encode("utf-8", "surrogatepass")
    if len(written) <= LONGEST_NAME and "\0" not in name and not _has_surrogate(name):
        return name
    return f"{clean(name[:_BEGINNING])}\ufffd{sha256(written).hexdigest()}"


def clean(text: str) -> str:
    """A text that every database takes: what none can say becomes U+FFFD."""
    text = text.replace("\0", "\ufffd")
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace") if _has_surrogate(text) else text


def _has_surrogate(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


class _Ordered(TypeDecorator[str]):
    """Compared by code point on both databases, as Python compares."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        # Not adapted to the dialect, which would make it a VARCHAR.
        return TEXT(collation="C") if dialect.name == "postgresql" else Text()


class Name(_Ordered):
    """What rows are found and ordered by."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else key_of(value)


class Prose(_Ordered):
    """A text to be shown."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)


def kept_as(column: Column[Any], value: Any) -> Any:
    """The form in which a column keeps a value."""
    if type(value) is not str:
        return value
    return key_of(value) if isinstance(column.type, Name) else clean(value) if isinstance(column.type, Prose) else value


class Facts(TypeDecorator[Any]):
    """JSON that the database looks into. Written as text (bulk.py), read by SQL alone."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else Text())


# JSON as text, written and read by codec.py alone. Text, so that it can be read with any tool.
Body = Text
# A serial number: the order of things.
Number = BigInteger().with_variant(Integer(), "sqlite")


class _NameList(TypeDecorator[Any]):
    """Many names as one parameter, so that the statement stays the same for any number of them."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Iterable[str] | None, dialect: Dialect) -> Any:
        names = [key_of(name) for name in value or ()]
        return names if dialect.name == "postgresql" else orjson.dumps(names).decode()


class _NumberList(TypeDecorator[Any]):
    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(BigInteger) if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Iterable[int] | None, dialect: Dialect) -> Any:
        numbers = list(value or ())
        return numbers if dialect.name == "postgresql" else orjson.dumps(numbers).decode()


class Among(FunctionElement[bool]):
    """`Among(column, parameter)`: the column is one of a parameter's names or numbers."""

    inherit_cache = True
    type = Boolean()

    def self_group(self, against: Any = None) -> Any:
        """Itself: for SQLite, which has no booleans, it would become `... = 1`, which goes by no index."""
        return self


@compiles(Among)
def _among(element: Among, compiler: Any, **options: Any) -> str:
    column, parameter = [compiler.process(clause, **options) for clause in element.clauses]
    if compiler.dialect.name == "postgresql":
        return f"({column} = ANY({parameter}))"
    return f"({column} IN (SELECT value FROM json_each({parameter})))"


def names(parameter: str) -> BindParameter[Any]:
    """A parameter that holds many names."""
    return BindParameter(parameter, type_=_NameList())


def numbers(parameter: str) -> BindParameter[Any]:
    """A parameter that holds many numbers."""
    return BindParameter(parameter, type_=_NumberList())


class Unsought(FunctionElement[Any]):
    """`Unsought(column)`: its value, which no index of SQLite is used for. Without statistics SQLite takes any index that begins with an
    equality, and sorts a million rows to show fifty; so the index that gives the order is the only one left to it."""

    inherit_cache = True

    def __init__(self, column: Column[Any]) -> None:
        self.type = column.type
        super().__init__(column)


@compiles(Unsought)
def _unsought(element: Unsought, compiler: Any, **options: Any) -> str:
    (column,) = [compiler.process(clause, **options) for clause in element.clauses]
    return str(column) if compiler.dialect.name == "postgresql" else f"+{column}"
