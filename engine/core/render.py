"""Templates compiled to functions of a Scope. Every value is sanitised; what a message cannot do without and lacks is a TemplateError."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any

from engine.core.display import SECRET as SECRET
from engine.core.display import Step, Unfit, plain_step, step
from engine.core.display import TemplateError as TemplateError
from engine.core.display import masked as masked
from engine.core.facts import Json, Scope
from engine.core.fields import Field, Fields, Reader
from engine.core.sanitise import is_link, sanitise, suspect
from engine.core.zones import parse_date, parse_instant
from rules import template
from rules.model import Content, Tree
from rules.template import AllOf, AnyOf, Branch, Compare, Filter, Not, Operand, Part, TemplateSource, Test, Text, Truth, Value

Renderer = Callable[[Scope], str]
Mark = Callable[[str], str]  # puts something around the text of a value, so that it can be told from the author's
Check = Callable[[Scope], bool]

_MAX_LOCALES = 1000
_DIGIT_FILTERS = ("money", "date", "time", "datetime", "duration")
_DIGIT_TYPES = ("integer", "number", "boolean", "date", "datetime")
# Between two values these can make a link of what neither is: {{ a }}.{{ b }}
_is_glue = re.compile(r"[-._~:/?#@&=%。．｡：／＠\\]*").fullmatch

# ---- texts ----------------------------------------------------------------------------------------------------------------------


def compile_text(parsed: TemplateSource, fields: Fields, zone: tzinfo = UTC, mark: Mark | None = None) -> Renderer:
    """One template. `zone` is the book's, for times written in its tests. The renderer raises TemplateError, nothing else.

    With `mark`, what came from a value can be told in the text; without it the text is what leaves.
    Raises ValueError for a source with problems and KeyError for an unknown field; `check` refuses such books before.
    """
    if parsed.problems:
        raise ValueError(f"line {parsed.problems[0].line}: {parsed.problems[0].message}")
    if _values_touch(parsed.parts):
        return _Joined(parsed.parts, fields, zone, mark)
    return _sequence(parsed.parts, fields, zone, mark)


def _sequence(parts: Sequence[Part], fields: Fields, zone: tzinfo, mark: Mark | None) -> Renderer:
    """The parts one after the other, put into a ready pattern."""
    pattern = "".join(part.text.replace("%", "%%") if isinstance(part, Text) else "%s" for part in parts)
    pieces = [_piece(part, fields, zone, mark) for part in parts if not isinstance(part, Text)]
    if not pieces:
        text = pattern % ()
        return lambda scope: text
    if len(pieces) == 1:
        only = pieces[0]
        return only if pattern == "%s" else lambda scope: pattern % only(scope)
    return lambda scope: pattern % tuple([piece(scope) for piece in pieces])


def _piece(part: Value | Branch, fields: Fields, zone: tzinfo, mark: Mark | None) -> Renderer:
    if isinstance(part, Value):
        value = compile_value(part, fields)
        return value if mark is None else lambda scope: mark(value(scope))
    arms = [(_check(test, fields, zone), _sequence(parts, fields, zone, mark)) for test, parts in part.arms]
    otherwise = _sequence(part.otherwise, fields, zone, mark)

    def branch(scope: Scope) -> str:
        for holds, body in arms:
            if holds(scope):
                return body(scope)
        return otherwise(scope)

    return branch


# ---- values ---------------------------------------------------------------------------------------------------------------------


def compile_value(value: Value, fields: Fields) -> Renderer:
    """`{{ field | filter }}`, sanitised: all but links, the code, the author's own `default`, and what shows only digits."""
    if value.field == "code":
        return _filtered(value, Field("code", "", "string", _read_code), None)
    field = fields[value.field]
    if field.type == "link":
        return _filtered(value, field, _checked_link)
    if field.type in ("string", "phone") and not value.filters:
        return _plain_text(field)
    filters = [item.name for item in value.filters if item.name != "default"]
    only_digits = filters[-1] in _DIGIT_FILTERS if filters else field.type in _DIGIT_TYPES
    return _filtered(value, field, None if only_digits else sanitise)


def _read_code(scope: Scope) -> str | None:
    """The code, or the stars that stand for it until it is sent; made by us."""
    return scope.code or None


def _plain_text(field: Field) -> Renderer:
    """The commonest of all: a text as it is."""
    read, name = field.read, field.name

    def plain(scope: Scope) -> str:
        value: str | None = read(scope)
        if value is None:
            raise TemplateError(name, "is missing")
        return value if suspect(value) is None else sanitise(value)

    return plain


def _filtered(value: Value, field: Field, clean: Callable[[str], str] | None) -> Renderer:
    read, name = field.read, field.name
    steps = _steps(value.filters, field.type, field)
    if clean is not None:
        steps.append(lambda found, scope: clean(found))
    default = _default(value, field)
    first, rest = steps[0], steps[1:]

    def filtered(scope: Scope) -> str:
        found: Any = read(scope)
        try:
            if found is None:
                return default(scope)
            found = first(found, scope)
            for change in rest:
                found = change(found, scope)
        except Unfit as error:
            raise TemplateError(name, str(error)) from None
        return str(found)

    return filtered


def _steps(filters: Sequence[Filter], kind: str, field: Field) -> list[Step]:
    """What makes a text of a value of this type."""
    steps = []
    names = [item.name for item in filters if item.name != "default"]
    for item in filters:
        if item.name != "default":
            steps.append(step(item, kind, field))
            kind = "string"
    if not names or names[-1] == "label":  # the labels of a list are one; all other filters end in a text
        steps.append(plain_step(kind))
    return steps


def _default(value: Value, field: Field) -> Renderer:
    """What stands for a missing value: the author's own word, which may be a link, through the filters that follow it."""
    index = next((index for index, item in enumerate(value.filters) if item.name == "default"), None)
    if index is None:

        def missing(scope: Scope) -> str:
            raise Unfit("is missing")

        return missing
    literal = value.filters[index].args[0]
    kind = {str: "string", bool: "boolean"}.get(type(literal), "number")
    steps = _steps(value.filters[index + 1 :], kind, field)

    def default(scope: Scope) -> str:
        found: Any = literal
        for change in steps:
            found = change(found, scope)
        return str(found)

    return default


def _checked_link(text: str) -> str:
    if not is_link(text):
        raise Unfit("is not a plain http or https link")
    return text


# ---- values that touch ----------------------------------------------------------------------------------------------------------


class _Joined:
    """A template in which values can stand side by side: `http:` and `//x.com`, each harmless, are sanitised once more as one."""

    def __init__(self, parts: Sequence[Part], fields: Fields, zone: tzinfo, mark: Mark | None) -> None:
        self._parts = [self._compile(part, fields, zone) for part in parts]
        self._mark = mark

    def __call__(self, scope: Scope) -> str:
        pieces: list[tuple[str, bool]] = []  # text, whether it is a value that must be clean
        self._collect(self._parts, scope, pieces)
        done: list[str] = []
        run: list[str] = []  # ends with a value
        glue: list[str] = []
        for text, from_value in pieces:
            if from_value:
                run += [*glue, text] if run else [text]
                glue = []
            elif run and _is_glue(text):
                glue.append(text)
            else:
                done += [self._joined(run), *glue, text]
                run, glue = [], []
        return "".join([*done, self._joined(run), *glue])

    def _joined(self, run: list[str]) -> str:
        text = sanitise("".join(run)) if len(run) > 1 else "".join(run)
        return text if self._mark is None or not text else self._mark(text)

    def _compile(self, part: Part, fields: Fields, zone: tzinfo) -> Any:
        if isinstance(part, Text):
            return part.text
        if isinstance(part, Value):
            trusted = part.field == "code" or fields[part.field].type == "link"
            return compile_value(part, fields), not trusted
        arms = [(_check(test, fields, zone), [self._compile(inner, fields, zone) for inner in parts]) for test, parts in part.arms]
        return [*arms, (lambda scope: True, [self._compile(inner, fields, zone) for inner in part.otherwise])]

    def _collect(self, parts: list[Any], scope: Scope, pieces: list[tuple[str, bool]]) -> None:
        for part in parts:
            if isinstance(part, str):
                pieces.append((part, False))
            elif isinstance(part, tuple):
                text, must_be_clean = part[0](scope), part[1]
                pieces.append((text if must_be_clean or self._mark is None else self._mark(text), must_be_clean))
            else:
                body = next(body for holds, body in part if holds(scope))
                self._collect(body, scope, pieces)


def _values_touch(parts: Sequence[Part]) -> bool:
    """Whether two values can come to stand side by side, or with nothing but marks between them."""
    for index, part in enumerate(parts):
        if isinstance(part, Text):
            continue
        if isinstance(part, Branch) and any(_values_touch(body) for body in _bodies(part)):
            return True
        if "value" in _edge([part], -1) and "value" in _edge(parts[index + 1 :], 1):
            return True
    return False


def _edge(parts: Sequence[Part], direction: int) -> set[str]:
    """What the parts can begin (1) or end (-1) with: `text`, `value`, or `nothing`."""
    found: set[str] = set()
    for part in parts[::direction]:
        if isinstance(part, Branch):
            here = set[str]().union(*(_edge(body, direction) for body in _bodies(part)))
        elif isinstance(part, Value):
            here = {"value"}
        else:
            here = {"nothing" if _is_glue(part.text) else "text"}
        found |= here - {"nothing"}
        if "nothing" not in here:
            return found
    return found | {"nothing"}


def _bodies(branch: Branch) -> list[Sequence[Part]]:
    return [*(body for _, body in branch.arms), branch.otherwise]


# ---- tests ----------------------------------------------------------------------------------------------------------------------

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def _check(test: Test, fields: Fields, zone: tzinfo) -> Check:
    if isinstance(test, Truth):
        return _truth(test.field, fields)
    if isinstance(test, Compare):
        return _comparison(test, fields, zone)
    if isinstance(test, Not):
        inner = _check(test.item, fields, zone)
        return lambda scope: not inner(scope)
    checks = [_check(item, fields, zone) for item in test.items]
    if isinstance(test, AllOf):
        return lambda scope: all(check(scope) for check in checks)
    assert isinstance(test, AnyOf)
    return lambda scope: any(check(scope) for check in checks)


def _truth(name: str, fields: Fields) -> Check:
    read, kind = _reader(name, fields)
    if kind in ("datetime", "date"):
        return lambda scope: read(scope) is not None
    return lambda scope: bool(read(scope))


def _comparison(test: Compare, fields: Fields, zone: tzinfo) -> Check:
    """A missing field on either side makes it false. No coercion: a text is never a number, an instant only compares with instants."""
    left, left_kind = _side(test.left, fields)
    right, right_kind = _side(test.right, fields)
    if left_kind in ("datetime", "date") or right_kind in ("datetime", "date"):
        if not test.right.field:
            right, right_kind = _as_time(test.right.literal, left_kind, zone)
        elif not test.left.field:
            left, left_kind = _as_time(test.left.literal, right_kind, zone)
        if left_kind != right_kind:
            return lambda scope: False
    holds = _relation(test.op)

    def check(scope: Scope) -> bool:
        first = left(scope)
        second = right(scope)
        return first is not None and second is not None and holds(first, second)

    return check


def _side(side: Operand, fields: Fields) -> tuple[Reader, str]:
    if side.field:
        return _reader(side.field, fields)
    literal = side.literal
    return (lambda scope: literal), ""


def _reader(name: str, fields: Fields) -> tuple[Reader, str]:
    return (_read_code, "string") if name == "code" else (fields[name].read, fields[name].type)


def _as_time(literal: Any, kind: str, zone: tzinfo) -> tuple[Reader, str]:
    """A literal beside an instant or a date, read once; "" as kind when it is neither."""
    read: Callable[[str], Any] = parse_date if kind == "date" else lambda text: parse_instant(text, zone)
    try:
        if isinstance(literal, tuple):
            found: Any = tuple([read(member) for member in literal])
        else:
            found = read(literal)
    except (ValueError, TypeError, AttributeError):
        return (lambda scope: None), ""
    return (lambda scope: found), kind


def _relation(op: str) -> Callable[[Any, Any], bool]:
    if op == "==":
        return _equal
    if op == "!=":
        return lambda left, right: not _equal(left, right)
    if op == "in":
        return _member
    if op == "not in":
        return lambda left, right: not _member(left, right)
    order = _ORDERS[op]
    return lambda left, right: _class(left) == _class(right) != "other" and order(left, right)


def _equal(left: Any, right: Any) -> bool:
    return _class(left) == _class(right) and bool(left == right)


def _member(left: Any, right: Any) -> bool:
    if isinstance(right, str):
        return isinstance(left, str) and left in right
    return isinstance(right, list | tuple) and any(_equal(left, member) for member in right)


def _class(value: Any) -> str:
    """What may be compared with what."""
    kind = type(value)
    if kind is int or kind is float:
        return "number"
    if kind is str:
        return "text"
    return "other" if kind in (bool, list, tuple, dict) else kind.__name__


# ---- contents -------------------------------------------------------------------------------------------------------------------


def compile_content(
    content: Content, fields: Fields, book_locale: str, zone: tzinfo = UTC, mark: Mark | None = None
) -> Callable[[Scope], Any]:
    """An sms gives its text in the recipient's language, the other channels a plain dict with every text of theirs rendered.

    `mark` is for an sms.
    """
    if content.channel == "sms":
        texts = {name: compile_text(template.parse(text), fields, zone, mark) for name, text in content.texts.items()}
        return _in_language(texts, book_locale)
    return _compile_tree(content.data, fields, zone)


def _in_language(texts: Mapping[str, Renderer], book_locale: str) -> Renderer:
    if len(texts) == 1:
        return next(iter(texts.values()))
    named = {_locale(name): texts[name] for name in sorted(texts)}
    if not named:
        raise ValueError("a content without texts")
    chosen: dict[str, Renderer] = {}

    def render(scope: Scope) -> str:
        text = chosen.get(scope.locale)
        if text is None:
            text = _choose(named, scope.locale, book_locale)
            if len(chosen) < _MAX_LOCALES:
                chosen[scope.locale] = text
        return text(scope)

    return render


def _choose(texts: Mapping[str, Renderer], locale: str, book_locale: str) -> Renderer:
    """The locale, its language, any text of that language; the same for the book's; the text without locale; the first by name."""
    for wanted in (_locale(locale), _locale(book_locale)):
        if not wanted:
            continue
        language = wanted.split("_")[0]
        for name in (wanted, language, next((name for name in texts if name.split("_")[0] == language), "")):
            if name in texts and name:
                return texts[name]
    return texts[""] if "" in texts else next(iter(texts.values()))


def _locale(name: str) -> str:
    return name.replace("-", "_").lower()


def _compile_tree(tree: Tree, fields: Fields, zone: tzinfo) -> Callable[[Scope], Json]:
    if isinstance(tree, str):
        return compile_text(template.parse(tree), fields, zone)
    if isinstance(tree, Mapping):
        entries = [(name, _compile_tree(member, fields, zone)) for name, member in tree.items()]
        return lambda scope: {name: render(scope) for name, render in entries}
    if isinstance(tree, tuple | list):
        members = [_compile_tree(member, fields, zone) for member in tree]
        return lambda scope: [render(scope) for render in members]
    return lambda scope: tree
