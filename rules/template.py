"""Templates of messages: Jinja2 syntax, parsed by Jinja2's parser and then reduced to a short list of allowed nodes.

Nothing here renders, and Jinja2's own compiler is never reached: `engine.core.render` compiles the small tree below. `parse` never
raises; what it refuses it reports as problems, with the place in the source, so that `check` can turn them into findings.
"""

from __future__ import annotations

import difflib
import functools
import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, cast

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import Lexer
from jinja2.parser import Parser

from rules.findings import Suggestion
from rules.model import FILTERS, Scalar

MAX_SOURCE_CHARACTERS = 20_000  # a long e-mail; an sms ends at 500
MAX_BLOCKS = 20  # `if` inside `if`
MAX_BRACKETS = 10
MAX_TAG_TOKENS = 200  # in one `{{ }}` or `{% %}`; with the two above it keeps every recursion shallow
MAX_NUMBER_CHARACTERS = 30
SHOWN_CHARACTERS = 60  # of somebody's source, in a message of ours

# ---- the tree -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Filter:
    """`name(args)`. `default` has one literal, `truncate` one whole number, the others none."""

    name: str
    args: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """Written by the author, goes out as it stands."""

    text: str


@dataclass(frozen=True, slots=True)
class Value:
    """`{{ field | filter }}`. The field named `code` is the verification code."""

    field: str
    filters: tuple[Filter, ...]
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Operand:
    """One side of a comparison: a field, or (field "") a literal. A tuple only on the right of `in`."""

    field: str = ""
    literal: Scalar | tuple[Scalar, ...] = None


@dataclass(frozen=True, slots=True)
class Truth:
    """`if event.vip`: there, and neither false, 0, "" nor empty."""

    field: str


@dataclass(frozen=True, slots=True)
class Compare:
    """`==  !=  <  <=  >  >=  in  not in`; a missing field makes every one of them false."""

    left: Operand
    op: str
    right: Operand


@dataclass(frozen=True, slots=True)
class AllOf:
    """`a and b`, and the chain `1 < a < 3`."""

    items: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`a or b`."""

    items: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`not a`."""

    item: Test


Test = Truth | Compare | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True)
class Branch:
    """`if`, `elif` ...: the parts of the first arm whose test holds, else `otherwise`."""

    arms: tuple[tuple[Test, tuple[Part, ...]], ...]
    otherwise: tuple[Part, ...] = ()


Part = Text | Value | Branch


@dataclass(frozen=True, slots=True)
class FieldUse:
    """One place where a field is read. Lines and columns count from 1, columns in characters.

    `guarded`: a missing field does no harm here, because the place lies in an `if` that holds only when the field is there, or is itself
    the test of an `if` (`in_test`).
    """

    name: str
    guarded: bool
    has_default: bool
    line: int
    column: int
    filters: tuple[Filter, ...] = ()
    in_test: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a source is no template of ours. `hint` says what would be right, and may be empty."""

    kind: Literal["syntax", "forbidden", "filter"]
    message: str
    line: int
    column: int
    hint: str = ""


@dataclass(frozen=True, slots=True)
class TemplateSource:
    """A source, reduced. With problems, `parts` and `fields` hold what could still be understood, for further checks only."""

    source: str
    parts: tuple[Part, ...] = ()
    fields: tuple[FieldUse, ...] = ()
    uses_code: bool = False
    problems: tuple[Problem, ...] = ()


def parse(source: str) -> TemplateSource:
    """The source as our tree. Cached; never raises."""
    if len(source) > MAX_SOURCE_CHARACTERS:
        message = f"the text has {len(source)} characters; at most {MAX_SOURCE_CHARACTERS} are read"
        return TemplateSource("", problems=(Problem("forbidden", message, 1, 1),))
    return _parse(source)


@functools.lru_cache(maxsize=2048)
def _parse(source: str) -> TemplateSource:
    plain = source.replace("\r\n", "\n").replace("\r", "\n")
    reducer = _Reducer(plain)
    try:
        tree = Parser(_ENVIRONMENT, plain).parse()
        parts = reducer.parts(tree.body, frozenset())
    except _Refused as refused:
        reducer.problem(refused.kind, refused.message, refused.offset, refused.hint)
        parts = ()
    except TemplateSyntaxError as error:
        reducer.problem("syntax", str(error.message), error.lineno)
        parts = ()
    except Exception:  # the limits should leave nothing for this, but Jinja2's parser is not ours and hostile sources are inventive
        reducer.problem("syntax", "the text cannot be read as a template", 0)
        parts = ()
    uses = tuple(sorted(reducer.uses, key=lambda use: (use.line, use.column)))
    problems = tuple(sorted(reducer.problems, key=lambda problem: (problem.line, problem.column)))
    return TemplateSource(source, parts, uses, reducer.uses_code, problems)


# ---- Jinja2's lexer, with offsets and limits ------------------------------------------------------------------------------------


class _Refused(Exception):
    """Refused while reading tokens, before a tree exists."""

    def __init__(self, kind: Literal["syntax", "forbidden"], message: str, offset: int, hint: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.offset = offset
        self.hint = hint


class _Limits:
    """Watches the tokens of one source, so that neither Jinja2's parser nor the reduction can recurse deeply."""

    def __init__(self) -> None:
        self.blocks = 0
        self.brackets = 0
        self.tokens = 0
        self.opening = False  # the next name says which tag this is

    def look(self, offset: int, token: str, value: str) -> None:
        if token in ("variable_begin", "block_begin"):
            self.brackets = self.tokens = 0
            self.opening = token == "block_begin"
        elif token == "raw_begin":
            raise _Refused("forbidden", "`raw` is not allowed", offset)
        elif token == "name" and self.opening:
            self.opening = False
            self.blocks += -1 if value.startswith("end") else value not in ("elif", "else")
        elif token == "operator":
            self.brackets += (value in "([{") - (value in ")]}")
        elif token == "string" and "\\" in value:
            raise _Refused("forbidden", "backslashes in quotes are not allowed", offset)
        elif token in ("integer", "float") and len(value) > MAX_NUMBER_CHARACTERS:
            raise _Refused("syntax", "the number is too long", offset)
        self.tokens += token != "whitespace"
        if self.blocks > MAX_BLOCKS:
            raise _Refused("forbidden", f"more than {MAX_BLOCKS} blocks inside each other", offset)
        if self.brackets > MAX_BRACKETS:
            raise _Refused("forbidden", f"more than {MAX_BRACKETS} brackets inside each other", offset)
        if self.tokens > MAX_TAG_TOKENS:
            raise _Refused("forbidden", f"more than {MAX_TAG_TOKENS} words in one tag", offset)


class _OffsetLexer(Lexer):
    """Gives offsets instead of line numbers, which Jinja2's parser hands on to every node as `lineno`."""

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[tuple[int, str, str]]:
        limits = _Limits()
        end = 0
        try:
            for _, token, value in super().tokeniter(source, name, filename, state):
                # Jinja2 leaves out white space beside `{{-`, so a token is at or soon after the end of the one before.
                start = max(source.find(value, end), end)
                limits.look(start, token, value)
                yield start, token, value
                end = start + len(value)
        except TemplateSyntaxError as error:  # from the lexer itself: its line number is a real one
            raise _Refused("syntax", str(error.message), min(end, max(len(source) - 1, 0))) from None


class _OffsetEnvironment(Environment):
    """Jinja2's syntax and nothing else of it."""

    @property
    def lexer(self) -> Lexer:
        return _LEXER


_ENVIRONMENT = _OffsetEnvironment()
_LEXER = _OffsetLexer(_ENVIRONMENT)

# ---- reduction ------------------------------------------------------------------------------------------------------------------

_COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}
# Before these the value must still be what the event said, not yet a text.
_READS_VALUES = frozenset({"money", "date", "time", "datetime", "duration"})
_FORBIDDEN: tuple[tuple[type[nodes.Node] | tuple[type[nodes.Node], ...], str, str], ...] = (
    (nodes.For, "loops are not allowed", "a list shows its members by itself: {{ event.items }}"),
    (nodes.Macro, "macros are not allowed", ""),
    (nodes.CallBlock, "calls are not allowed", ""),
    ((nodes.Assign, nodes.AssignBlock, nodes.With), "names cannot be set", ""),
    ((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Block), "other templates cannot be used", ""),
    (nodes.FilterBlock, "filter blocks are not allowed", "write {{ field | filter }}"),
    (nodes.Call, "calls are not allowed", "write {{ field | filter }}"),
    (nodes.Getitem, "brackets on a field are not allowed", "write {{ event.field }}"),
    (nodes.CondExpr, "`if` inside a value is not allowed", "write {% if field %}...{% endif %}"),
    (nodes.Concat, "texts cannot be joined with ~", "write the values one after the other"),
    (nodes.Test, "`is` is not allowed", "write {% if field %}: a missing field is false"),
    ((nodes.BinExpr, nodes.UnaryExpr), "arithmetic is not allowed", ""),
    ((nodes.Tuple, nodes.List, nodes.Dict), "lists are only allowed on the right of `in`", ""),
)
_Present = frozenset[str]


@dataclass(slots=True)
class _Reducer:
    """One walk over Jinja2's tree. Notes uses and problems; what is not allowed yields no part."""

    source: str
    uses: list[FieldUse] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    uses_code: bool = False
    lines: list[int] = field(default_factory=list)

    def place(self, offset: int) -> tuple[int, int]:
        if not self.lines:
            self.lines.append(0)
            self.lines.extend(at + 1 for at, character in enumerate(self.source) if character == "\n")
        line = bisect_right(self.lines, offset)
        return line, offset - self.lines[line - 1] + 1

    def problem(self, kind: Literal["syntax", "forbidden", "filter"], message: str, offset: int, hint: str = "") -> None:
        line, column = self.place(max(offset, 0))
        self.problems.append(Problem(kind, message[:300], line, column, hint))

    def parts(self, body: list[nodes.Node], present: _Present) -> tuple[Part, ...]:
        found: list[Part] = []
        for node in body:
            if isinstance(node, nodes.Output):
                found.extend(part for item in node.nodes if (part := self.output(item, present)))
            elif isinstance(node, nodes.If):
                found.append(self.branch(node, present))
            else:
                self.forbid(node)
        return tuple(found)

    def output(self, node: nodes.Expr, present: _Present) -> Part | None:
        if isinstance(node, nodes.TemplateData):
            return Text(node.data)
        filters: list[Filter | None] = []
        inner: nodes.Expr | None = node
        while isinstance(inner, nodes.Filter):
            filters.append(self.filter(inner))
            inner = inner.node
        known = tuple(item for item in reversed(filters) if item)
        name, offset = _dotted(inner)
        if inner is None or not name:
            self.forbid(inner or node)
            return None
        self.check_name(name, offset)
        self.check_order(known, offset)
        line, column = self.place(offset)
        if name == "code":
            self.uses_code = True
        else:
            has_default = any(item.name == "default" for item in known)
            self.uses.append(FieldUse(name, name in present, has_default, line, column, known))
        return Value(name, known, line, column)

    def filter(self, node: nodes.Filter) -> Filter | None:
        if node.name not in FILTERS:
            near = difflib.get_close_matches(node.name[:SHOWN_CHARACTERS], FILTERS, 1)
            hint = Suggestion(node.name, near[0], f"did you mean `{near[0]}`?") if near else f"one of: {', '.join(FILTERS)}"
            self.problem("filter", f"unknown filter `{_shown(node.name)}`", node.lineno, hint)
            return None
        arguments = [_literal(item) for item in node.args]
        plain = not (node.kwargs or node.dyn_args or node.dyn_kwargs)
        if node.name == "default":
            right, hint = len(arguments) == 1 and isinstance(arguments[0], str | int | float), 'default("text")'
        elif node.name == "truncate":
            right, hint = len(arguments) == 1 and type(arguments[0]) is int and arguments[0] > 0, "truncate(20)"
        else:
            right, hint = not arguments, node.name
        if not (right and plain):
            self.problem("filter", f"wrong arguments for the filter `{node.name}`", node.lineno, f"write `{hint}`")
            return None
        return Filter(node.name, cast("tuple[Scalar, ...]", tuple(arguments)))

    def check_order(self, filters: tuple[Filter, ...], offset: int) -> None:
        """Refuse chains that could never succeed."""
        before = ""
        default: Scalar = None
        for item in filters:
            if item.name in _READS_VALUES and before:
                self.problem("filter", f"`{item.name}` cannot follow `{before}`, which gives a text", offset, f"put `{item.name}` first")
            wants_instant = item.name in ("date", "time", "datetime")
            if default is not None and (wants_instant or (item.name in _READS_VALUES and isinstance(default, str))):
                self.problem("filter", f"`{item.name}` cannot follow `default`, whose value it cannot read", offset, "put `default` last")
            if item.name == "default":
                default = item.args[0]
            else:
                before = item.name

    def branch(self, node: nodes.If, present: _Present) -> Branch:
        arms: list[tuple[Test, tuple[Part, ...]]] = []
        for arm in (node, *node.elif_):
            test = self.test(cast(nodes.Expr, arm.test))
            inside = present | _present(test, True) if test else present
            body = self.parts(arm.body, inside)
            if test:
                arms.append((test, body))
                present = present | _present(test, False)
        return Branch(tuple(arms), self.parts(node.else_, present))

    def test(self, node: nodes.Expr) -> Test | None:
        if isinstance(node, nodes.And | nodes.Or):
            left, right = self.test(node.left), self.test(node.right)
            if left is None or right is None:
                return None
            return (AllOf if isinstance(node, nodes.And) else AnyOf)((left, right))
        if isinstance(node, nodes.Not):
            item = self.test(node.node)
            return Not(item) if item else None
        if isinstance(node, nodes.Compare):
            return self.comparison(node)
        name, offset = _dotted(node)
        if not name:
            self.forbid(node, in_test=True)
            return None
        self.use_in_test(name, offset)
        return Truth(name)

    def comparison(self, node: nodes.Compare) -> Test | None:
        sides = [node.expr, *(item.expr for item in node.ops)]
        operands = [self.operand(side, in_list=index > 0 and node.ops[index - 1].op in ("in", "notin")) for index, side in enumerate(sides)]
        if any(operand is None for operand in operands):
            return None
        if not any(operand.field for operand in operands if operand):
            self.problem("forbidden", "a comparison needs a field", _start(node))
            return None
        known = cast("list[Operand]", operands)
        tests = tuple(Compare(known[index], _COMPARISONS[item.op], known[index + 1]) for index, item in enumerate(node.ops))
        return tests[0] if len(tests) == 1 else AllOf(tests)

    def operand(self, node: nodes.Expr, in_list: bool) -> Operand | None:
        name, offset = _dotted(node)
        if name:
            self.use_in_test(name, offset)
            return Operand(field=name)
        if in_list and isinstance(node, nodes.List | nodes.Tuple):
            members = [_literal(item) for item in node.items]
            if None not in members:
                return Operand(literal=cast("tuple[Scalar, ...]", tuple(members)))
            self.problem("forbidden", "a list in a comparison holds only texts, numbers, true and false", node.lineno)
            return None
        value = _literal(node)
        if value is None:
            self.forbid(node, in_test=True)
            return None
        return Operand(literal=value)

    def use_in_test(self, name: str, offset: int) -> None:
        self.check_name(name, offset)
        if name != "code":
            self.uses.append(FieldUse(name, True, False, *self.place(offset), in_test=True))

    def check_name(self, name: str, offset: int) -> None:
        if any(part.startswith("_") for part in name.split(".")):
            self.problem("forbidden", f"`{_shown(name)}` is no field: names do not start with _", offset)

    def forbid(self, node: nodes.Node, in_test: bool = False) -> None:
        message, hint = "this is not allowed in a template", ""
        for kinds, words, advice in _FORBIDDEN:
            if isinstance(node, kinds):
                message, hint = words, advice
                break
        else:
            if isinstance(node, nodes.Filter):
                message, hint = "filters are not allowed in an `if`", "compare the field itself"
            elif isinstance(node, nodes.Const) and node.value is None:
                message, hint = "there is no `none`", "write {% if field %}: a missing field is false"
            elif isinstance(node, nodes.Literal):
                message, hint = ("a test needs a field", "") if in_test else ("only fields stand in {{ }}", "write the text outside of it")
            elif isinstance(node, nodes.Compare | nodes.And | nodes.Or | nodes.Not):
                message, hint = "comparisons stand in an `if`", "write {% if field == 1 %}...{% endif %}"
        self.problem("forbidden", message, _start(node), hint)


def _start(node: nodes.Node) -> int:
    """Where the node begins; Jinja2 places some at the operator."""
    # Jinja2 leaves some without a place.
    places: list[int | None] = [node.lineno, *(inner.lineno for inner in node.find_all(nodes.Expr))]
    return min([place for place in places if place is not None], default=0)


def _dotted(node: nodes.Expr | None) -> tuple[str, int]:
    """`event.amount` and its offset, or "" for anything else."""
    names: list[str] = []
    while isinstance(node, nodes.Getattr):
        names.append(node.attr)
        node = node.node
    if not isinstance(node, nodes.Name):
        return "", 0
    return ".".join([node.name, *reversed(names)]), node.lineno


def _literal(node: nodes.Expr) -> str | int | float | bool | None:
    """The text, number or truth value written; None for anything else."""
    sign = 1
    if isinstance(node, nodes.Neg) and isinstance(node.node, nodes.Const) and type(node.node.value) in (int, float):
        sign, node = -1, node.node
    if not isinstance(node, nodes.Const):
        return None
    value = node.value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str | bool):
        return value
    return sign * value if isinstance(value, int | float) else None


def _present(test: Test, outcome: bool) -> _Present:
    """The fields that are certainly there when the test came out so."""
    if isinstance(test, Truth):
        return frozenset({test.field}) if outcome else frozenset()
    if isinstance(test, Compare):
        return frozenset(side.field for side in (test.left, test.right) if side.field) if outcome else frozenset()
    if isinstance(test, Not):
        return _present(test.item, not outcome)
    sets = [_present(item, outcome) for item in test.items]
    return frozenset.union(*sets) if isinstance(test, AllOf) is outcome else frozenset.intersection(*sets)


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
