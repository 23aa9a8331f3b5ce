"""Statements of every turn, put together once and then run by the driver.

SQLAlchemy takes some 50 µs of processor to recognise a statement that it knows and to wrap what comes back; the driver itself takes 2 on
SQLite. Its texts, its types and its errors stay: what is kept here is the statement compiled for the kind of database, and what makes
values ready both ways. Who listens to a connection's statements (tests do) hears these too: they go the long way then.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound
from sqlalchemy.sql.compiler import SQLCompiler

Process = Callable[[Any], Any]
Values = Mapping[str, Any]
_MOST = 2_000  # statements: there are some hundred


class Found(Protocol):
    """A result. SQLAlchemy's is one, too."""

    @property
    def rowcount(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def all(self) -> Sequence[Any]: ...
    def first(self) -> Any: ...
    def one(self) -> Any: ...
    def one_or_none(self) -> Any: ...
    def scalar(self) -> Any: ...
    def scalars(self) -> Iterable[Any]: ...


def run(connection: Connection, statement: sa.Executable, values: Values | None = None) -> Found:
    """Execute a statement that is made once, a constant or kept in a cache, since it is kept here too. Raises what SQLAlchemy would."""
    if connection.dispatch.before_cursor_execute:
        return cast(Found, connection.execute(statement, values))
    dialect = connection.dialect
    form = _FORMS.get((id(statement), dialect.name))
    if form is None:
        if len(_FORMS) >= _MOST:
            raise RuntimeError("a statement that is made anew each time is not run as prepared")
        form = _FORMS[id(statement), dialect.name] = _Form(statement, dialect)
    return form.run(connection, values or {})


def run_many(connection: Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Execute a text with the parameters of each row, ready for SQLite's driver."""
    if connection.dispatch.before_cursor_execute:
        connection.exec_driver_sql(text, list(rows))
        return
    driver: Any = connection.connection.driver_connection
    try:
        driver.executemany(text, rows)
    except connection.dialect.loaded_dbapi.Error as error:
        raise _wrapped(connection, text, error) from error


class _Form:
    """A statement for one kind of database. It holds the statement, so that no other one gets its id."""

    def __init__(self, statement: sa.Executable, dialect: Dialect) -> None:
        self.statement = statement
        compiled = cast(sa.ClauseElement, statement).compile(dialect=dialect)
        assert isinstance(compiled, SQLCompiler)
        self._text = str(compiled)
        self._is_positional = compiled.positiontup is not None
        self._names = list(compiled.positiontup or compiled.bind_names.values())
        self._given = [(name, *_way_in(compiled.binds[name], dialect)) for name in self._names]
        columns = compiled._result_columns
        ways: list[Process | None] = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._ways_out = ways if any(ways) else None
        self._row = _row([column.keyname for column in columns]) if columns else None  # of a text: when the driver has said

    def run(self, connection: Connection, values: Values) -> Found:
        ready = []
        for name, is_fixed, fixed, way in self._given:
            value = fixed if is_fixed else values[name]
            ready.append(value if way is None else way(value))
        driver: Any = connection.connection.driver_connection
        try:
            cursor = driver.execute(self._text, ready if self._is_positional else dict(zip(self._names, ready, strict=True)))
            found = cursor.fetchall() if cursor.description is not None else []
        except connection.dialect.loaded_dbapi.Error as error:
            raise _wrapped(connection, self._text, error) from error
        if self._ways_out is not None:
            found = [[value if way is None else way(value) for way, value in zip(self._ways_out, row, strict=True)] for row in found]
        if self._row is None and found:
            self._row = _row([column[0] for column in cursor.description])
        return _Rows(found, self._row, cursor.rowcount)


def _way_in(parameter: sa.BindParameter[Any], dialect: Dialect) -> tuple[bool, Any, Process | None]:
    """Whether the statement itself says the value, that value, and what makes a value ready."""
    return not parameter.required, parameter.value, parameter.type.dialect_impl(dialect).bind_processor(dialect)


def _row(names: Sequence[str]) -> Process:
    base: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # the names are known when it runs
    made: Any = type("Row", (base,), {"__slots__": (), "_mapping": property(lambda row: dict(zip(names, row, strict=True)))})
    return cast(Process, made._make)


def _wrapped(connection: Connection, text: str, error: Exception) -> BaseException:
    """The error as SQLAlchemy raises it, without values; after one connection is lost none of the others is used again."""
    dialect = connection.dialect
    lost = dialect.is_disconnect(cast(Any, error), cast(Any, connection.connection.driver_connection), None)
    if lost:
        connection.invalidate(error)
        connection.engine.dispose()  # those that others hold are closed when they are given back
    base = dialect.loaded_dbapi.Error
    made: BaseException = DBAPIError.instance(text, None, cast(Any, error), base, connection_invalidated=lost, dialect=dialect)
    return made


class _Rows:
    """All rows of a result."""

    __slots__ = ("_found", "_row", "rowcount")

    def __init__(self, found: Sequence[Sequence[Any]], row: Process | None, rowcount: int) -> None:
        self._found = found
        self._row = row
        self.rowcount = rowcount

    def all(self) -> Sequence[Any]:
        return [self._row(one) for one in self._found] if self._row is not None else self._found

    def __iter__(self) -> Iterator[Any]:
        return iter(self.all())

    def first(self) -> Any:
        return self._row(self._found[0]) if self._found and self._row is not None else None

    def one(self) -> Any:
        if not self._found:
            raise NoResultFound("no row where there must be one")
        return self.one_or_none()

    def one_or_none(self) -> Any:
        if len(self._found) > 1:
            raise MultipleResultsFound(f"{len(self._found)} rows where one may be")
        return self.first()

    def scalar(self) -> Any:
        return self._found[0][0] if self._found else None

    def scalars(self) -> Iterable[Any]:
        return [row[0] for row in self._found]


_FORMS: dict[tuple[int, str], _Form] = {}
