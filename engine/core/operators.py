"""What each operator means: a leaf of a condition made into one closure over a Scope.

No coercion: values of unlike kinds are never equal and never in order. A missing value makes every operator false except `exists: false`,
`is_not` and `not_in`; a missing `ref` makes every operator false. The kinds of a field and its operand are known from the declarations, so
that the closures of plain fields compare and do nothing else.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import date, tzinfo
from functools import lru_cache
from typing import Any

import re2

from engine.core.facts import Scope
from engine.core.fields import Field, Fields, Reader
from engine.core.zones import parse_date, parse_instant
from rules.model import Leaf, Operand, Ref

Test = Callable[[Scope], bool]
Compare = Callable[[Any, Any], bool]

LEAVES = 16_384  # closures of equal leaves that are remembered
PATTERN_MEMORY = 1 << 20  # bytes an RE2 pattern may use

# Field type -> how its values compare. "any" is whatever JSON an event brings.
KINDS = {
    "string": "text", "phone": "text", "link": "text", "integer": "number", "number": "number", "boolean": "boolean", "date": "date",
    "datetime": "instant", "list": "list", "object": "object", "any": "any",
}  # fmt: skip
_EQUAL_AS_IS = ("text", "number", "boolean", "date", "instant")
_ORDERED = ("text", "number", "date", "instant")
_TYPED_TIMES = ("date", "instant")  # read as Python values, which raw JSON never equals
_ORDERS: dict[str, Compare] = {"at_least": operator.ge, "at_most": operator.le, "above": operator.gt, "below": operator.lt}


def kind_of(field: Field) -> str:
    """How the values of a field compare."""
    return KINDS[field.type]


def never(_scope: Scope) -> bool:
    """The test of what can never hold."""
    return False


def always(_scope: Scope) -> bool:
    """The test of what always holds."""
    return True


def literal(value: Any, kind: str, zone: tzinfo) -> Any:
    """A value of the book in the form in which a field of this kind is read; None when it is not of the kind."""
    match kind:
        case "text":
            return value if type(value) is str else None
        case "number":
            return value if type(value) is int or type(value) is float else None
        case "boolean":
            return value if type(value) is bool else None
        case "any":
            return value
    if type(value) is str and kind in _TYPED_TIMES:
        try:
            return parse_date(value) if kind == "date" else parse_instant(value, zone)
        except ValueError:
            return None
    return None


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal: numbers by value, true is not 1, lists and objects by their parts."""
    if type(left) is not type(right):
        return type(left) in (int, float) and type(right) in (int, float) and bool(left == right)
    if type(left) is list:
        return len(left) == len(right) and all(map(same, left, right))
    if type(left) is dict:
        return left.keys() == right.keys() and all(same(value, right[key]) for key, value in left.items())
    return bool(left == right)


def value_test(leaf: Leaf, fields: Fields, zone: tzinfo) -> Test:
    """The closure of an operator that does not look at the clock or the calendar."""
    field = fields[leaf.field]
    match leaf.op:
        case "exists":
            return _exists(field.read, bool(leaf.operand))
        case "is" | "is_not":
            return _is(field, leaf.operand, fields, zone, negated=leaf.op == "is_not")
        case "in" | "not_in":
            return _in(field, leaf.operand, fields, zone, negated=leaf.op == "not_in")
        case "between":
            assert isinstance(leaf.operand, tuple)
            low, high = leaf.operand
            return _between(field, low, high, fields, zone)
        case "contains":
            return _contains(field, leaf.operand, fields)
        case "starts_with" | "ends_with":
            return _affix(field, leaf.operand, fields, str.startswith if leaf.op == "starts_with" else str.endswith)
        case "matches":
            return _matches(field, str(leaf.operand))
        case "at_least" | "at_most" | "above" | "below":
            return _order(field, leaf.op, leaf.operand, fields, zone)
        case _:
            raise ValueError(f"unknown operator {leaf.op!r}")


# ---- exists, is, in -------------------------------------------------------------------------------------------------------------------


def _exists(read: Reader, wanted: bool) -> Test:
    if wanted:
        return lambda scope: read(scope) is not None
    return lambda scope: read(scope) is None


def _equality(left: str, right: str) -> Compare | None:
    """How two kinds are compared for equality; None: never equal."""
    if left == right and left in _EQUAL_AS_IS:
        return operator.eq
    if left == right or ("any" in (left, right) and left not in _TYPED_TIMES and right not in _TYPED_TIMES):
        return same
    return None


def _is(field: Field, operand: Operand, fields: Fields, zone: tzinfo, *, negated: bool) -> Test:
    read, kind = field.read, kind_of(field)
    if isinstance(operand, Ref):
        return _is_ref(field, fields[operand.field], negated=negated)
    wanted = literal(operand, kind, zone)
    if wanted is None:
        return always if negated else never
    if kind == "any":
        return lambda scope: same(read(scope), wanted) is not negated
    return _equals(read, wanted, negated)


# Equal leaves of many rules are one closure: with thousands of rules the processor's caches hold it. Readers tell kinds apart, and among
# numbers 1 and 1.0 may share one.


@lru_cache(maxsize=LEAVES)
def _equals(read: Reader, wanted: Any, negated: bool) -> Test:
    def test(scope: Scope) -> bool:
        result: bool = read(scope) == wanted
        return result

    def test_not(scope: Scope) -> bool:
        result: bool = read(scope) != wanted
        return result

    return test_not if negated else test


def _is_ref(field: Field, other: Field, *, negated: bool) -> Test:
    read, read_other = field.read, other.read
    equal = _equality(kind_of(field), kind_of(other))
    if equal is None:
        return _exists(read_other, True) if negated else never

    def test(scope: Scope) -> bool:
        wanted = read_other(scope)
        if wanted is None:
            return False
        value = read(scope)
        if value is None:
            return negated
        return equal(value, wanted) is not negated

    return test


def _in(field: Field, operand: Operand, fields: Fields, zone: tzinfo, *, negated: bool) -> Test:
    if isinstance(operand, Ref):
        return _in_list_of(field, fields[operand.field], zone, negated=negated)
    assert isinstance(operand, tuple)
    if any(isinstance(item, Ref) for item in operand):
        return _in_mixed(field, operand, fields, zone, negated=negated)
    read, kind = field.read, kind_of(field)
    wanted = [value for item in operand if (value := literal(item, kind, zone)) is not None]
    if kind == "any":
        return _in_raw(read, wanted, negated=negated)
    if not wanted:
        return always if negated else never
    return _one_of(read, frozenset(wanted), negated)


@lru_cache(maxsize=LEAVES)
def _one_of(read: Reader, members: frozenset[Any], negated: bool) -> Test:
    if negated:
        return lambda scope: read(scope) not in members
    return lambda scope: read(scope) in members


def _in_raw(read: Reader, wanted: list[Any], *, negated: bool) -> Test:
    def test(scope: Scope) -> bool:
        value = read(scope)
        return any(same(value, item) for item in wanted) is not negated

    return test


def _in_list_of(field: Field, other: Field, zone: tzinfo, *, negated: bool) -> Test:
    read, read_other, kind = field.read, other.read, kind_of(field)

    def test(scope: Scope) -> bool:
        items = read_other(scope)
        if items is None:
            return False
        value = read(scope)
        if value is None or type(items) is not list:
            return negated
        return any(same(value, _member(item, kind, zone)) for item in items) is not negated

    return test


def _member(item: Any, kind: str, zone: tzinfo) -> Any:
    """A list's member in the form of a field of this kind: raw JSON where an event brought the list, already typed in a trait."""
    if (kind == "instant" and type(item) is int) or (kind == "date" and isinstance(item, date)):
        return item
    return literal(item, kind, zone) if kind in _TYPED_TIMES else item


def _in_mixed(field: Field, operand: tuple[Any, ...], fields: Fields, zone: tzinfo, *, negated: bool) -> Test:
    references = [fields[item.field].read for item in operand if isinstance(item, Ref)]
    tests = [_is(field, item, fields, zone, negated=False) for item in operand]

    def test(scope: Scope) -> bool:
        for read in references:
            if read(scope) is None:
                return False
        return any(single(scope) for single in tests) is not negated

    return test


# ---- order ----------------------------------------------------------------------------------------------------------------------------


def _ordering(left: str, right: str, compare: Compare) -> Compare | None:
    """How two kinds are put in order; None: never in order."""
    if left == right and left in _ORDERED:
        return compare
    if "any" in (left, right) and {left, right} <= {"any", "text", "number"}:

        def compare_raw(value: Any, limit: Any) -> bool:
            texts = type(value) is str and type(limit) is str
            return (texts or (type(value) in (int, float) and type(limit) in (int, float))) and compare(value, limit)

        return compare_raw
    return None


def _order(field: Field, op: str, operand: Any, fields: Fields, zone: tzinfo) -> Test:
    read, kind = field.read, kind_of(field)
    if isinstance(operand, Ref):
        return _order_ref(field, _ORDERS[op], fields[operand.field])
    compare = _ordering(kind, kind, _ORDERS[op]) or _ordering(kind, "any", _ORDERS[op])
    limit = literal(operand, kind, zone)
    if compare is None or limit is None:
        return never
    if kind == "any":
        return lambda scope: compare(read(scope), limit)
    return _compares(read, op, limit)


@lru_cache(maxsize=LEAVES)
def _compares(read: Reader, op: str, limit: Any) -> Test:
    # Written out four times: this is what a rule does most.
    def at_least(scope: Scope) -> bool:
        value = read(scope)
        return value is not None and value >= limit

    def at_most(scope: Scope) -> bool:
        value = read(scope)
        return value is not None and value <= limit

    def above(scope: Scope) -> bool:
        value = read(scope)
        return value is not None and value > limit

    def below(scope: Scope) -> bool:
        value = read(scope)
        return value is not None and value < limit

    return {"at_least": at_least, "at_most": at_most, "above": above, "below": below}[op]


def _order_ref(field: Field, order: Compare, other: Field) -> Test:
    read, read_other = field.read, other.read
    compare = _ordering(kind_of(field), kind_of(other), order)
    if compare is None:
        return never

    def test(scope: Scope) -> bool:
        limit = read_other(scope)
        if limit is None:
            return False
        value = read(scope)
        return value is not None and compare(value, limit)

    return test


def _between(field: Field, low: Any, high: Any, fields: Fields, zone: tzinfo) -> Test:
    read, kind = field.read, kind_of(field)
    if kind in _ORDERED and not isinstance(low, Ref) and not isinstance(high, Ref):
        least, most = literal(low, kind, zone), literal(high, kind, zone)
        if least is None or most is None:
            return never

        def test(scope: Scope) -> bool:
            value = read(scope)
            return value is not None and least <= value <= most

        return test
    at_least, at_most = _order(field, "at_least", low, fields, zone), _order(field, "at_most", high, fields, zone)
    return lambda scope: at_least(scope) and at_most(scope)


# ---- texts and lists ------------------------------------------------------------------------------------------------------------------


def _contains(field: Field, operand: Operand, fields: Fields) -> Test:
    read, kind = field.read, kind_of(field)
    if kind not in ("text", "list", "any"):
        return never
    if isinstance(operand, Ref):
        other = fields[operand.field]
        read_other = other.read
        if kind == "text" and kind_of(other) not in ("text", "any"):
            return never

        def test(scope: Scope) -> bool:
            wanted = read_other(scope)
            return wanted is not None and _holds(read(scope), wanted)

        return test
    if kind == "text":
        if type(operand) is not str:
            return never

        def test_text(scope: Scope) -> bool:
            value = read(scope)
            return value is not None and operand in value

        return test_text
    return never if operand is None else lambda scope: _holds(read(scope), operand)


def _holds(value: Any, wanted: Any) -> bool:
    if type(value) is str:
        return type(wanted) is str and wanted in value
    if type(value) is not list:
        return False
    if type(wanted) is str:
        return wanted in value
    return any(same(item, wanted) for item in value)


def _affix(field: Field, operand: Operand, fields: Fields, has: Callable[[str, str], bool]) -> Test:
    read = field.read
    if kind_of(field) not in ("text", "any"):
        return never
    if isinstance(operand, Ref):
        read_other = fields[operand.field].read

        def test_ref(scope: Scope) -> bool:
            affix, value = read_other(scope), read(scope)
            return type(affix) is str and type(value) is str and has(value, affix)

        return test_ref
    if not isinstance(operand, str):
        return never

    def test(scope: Scope) -> bool:
        value = read(scope)
        return type(value) is str and has(value, operand)

    return test


def compile_pattern(text: str) -> Any:
    """An RE2 pattern of bounded memory that logs nothing. Raises re2.error for one that is not RE2 or would need too much."""
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = PATTERN_MEMORY
    return re2.compile(text, options)


def _matches(field: Field, text: str) -> Test:
    read = field.read
    if kind_of(field) not in ("text", "any"):
        return never
    search = compile_pattern(text).search

    def test(scope: Scope) -> bool:
        value = read(scope)
        # As bytes it takes a third of the time; a lone surrogate, which UTF-8 cannot say, is matched as a question mark.
        return type(value) is str and search(value.encode(errors="replace")) is not None

    return test
