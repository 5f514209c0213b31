"""Where the product can be mutated, and how: found in the syntax tree, changed in the source, so that all else stays as it is."""

import ast
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tests.proofs.mutants.nursery import PACKAGES

_COMPARISONS = {
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
}  # fmt: skip
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# Nothing of these runs, or nobody means it to decide anything.
_PASSED_OVER = (ast.JoinedStr, ast.Assert)
_DECIDES_NOTHING = {"repr", "strict", "covariant", "bound"}


@dataclass(frozen=True)
class Site:
    """`start` and `end` are offsets in the source, `new` is what takes the place between them, `function` is a qualified name.

    `lines` are those that a test must reach to notice it; `names` are those that a value outside of functions goes by, with its class's.
    """

    file: str
    function: str
    start: int
    end: int
    new: str
    lines: tuple[int, ...]
    names: tuple[str, ...] = ()
    is_raise: bool = False

    @cached_property
    def source(self) -> str:
        return read(self.file)

    @property
    def line(self) -> int:
        return self.source.count("\n", 0, self.start) + 1

    @property
    def mutated(self) -> str:
        return self.source[: self.start] + self.new + self.source[self.end :]

    @property
    def before(self) -> str:
        """The lines that change, on one line."""
        return self._lines(self.source[self.start : self.end])

    @property
    def after(self) -> str:
        return self._lines(self.new)

    def _lines(self, middle: str) -> str:
        first = self.source.rfind("\n", 0, self.start) + 1
        last = self.source.find("\n", self.end)
        return " ".join((self.source[first : self.start] + middle + self.source[self.end : last]).split())


def read(file: str) -> str:
    """A file of the product, named as in `trustpress/core/trust.py`."""
    package, _, rest = file.partition("/")
    return (PACKAGES[package] / rest).read_text()


def files(*under: str) -> list[str]:
    """The files below these places, all of the product without any."""
    found = [f"{name}/{path.relative_to(package)}" for name, package in PACKAGES.items() for path in package.rglob("*.py")]
    return sorted(file for file in found if not under or file.startswith(under))


def sites(file: str) -> list[Site]:
    """Every mutation of a file, in the order of its source."""
    return sorted(_Finder(file).find(), key=lambda site: (site.start, site.end, site.new))


@dataclass(frozen=True)
class _Place:
    """Where in a file the walk is: `lines` are those of the statement, without the statements within it."""

    function: str = ""
    lines: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    runs: bool = False

    def within(self, node: ast.AST) -> "_Place":
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            # A default of a parameter is read once: whoever runs the body may notice it.
            lines = tuple(range(node.body[0].lineno, (node.end_lineno or 0) + 1))
            runs = not isinstance(node, ast.ClassDef)
            return _Place(f"{self.function}.{node.name}".lstrip("."), lines if runs else (), (node.name,), runs)
        if not isinstance(node, ast.stmt):
            return self
        if self.runs:
            return replace(self, lines=tuple(range(node.lineno, _end_of_head(node) + 1)), names=())
        stored = (found.id for found in ast.walk(node) if isinstance(found, ast.Name) and isinstance(found.ctx, ast.Store))
        return replace(self, names=(*self.names, *stored))


class _Finder:
    def __init__(self, file: str) -> None:
        self._file, self._source = file, read(file)
        starts = [0, *(match.end() for match in re.finditer("\n", self._source))]
        self._lines = [(start, self._source[start:end]) for start, end in zip(starts, [*starts[1:], len(self._source)], strict=True)]

    def find(self) -> Iterator[Site]:
        yield from self._walk(ast.parse(self._source), _Place())

    def _walk(self, node: ast.AST, place: "_Place") -> Iterator[Site]:
        for child in _children(node):
            inside = place.within(child)
            if isinstance(child, (ast.stmt, ast.expr)):
                for start, end, new in self._mutations(child):
                    is_raise = isinstance(child, ast.Raise)
                    yield Site(self._file, inside.function, start, end, new, inside.lines, inside.names, is_raise)
            yield from self._walk(child, inside)

    def _mutations(self, node: ast.stmt | ast.expr) -> Iterator[tuple[int, int, str]]:
        yield from self._left_out(node)
        yield from self._conditions(node)
        yield from self._operators(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, int):
            others = [not node.value] if isinstance(node.value, bool) else [node.value + 1, node.value - 1]
            yield from ((*self._span(node), str(other)) for other in others)

    def _left_out(self, node: ast.stmt | ast.expr) -> Iterator[tuple[int, int, str]]:
        match node:
            case ast.Raise() | ast.Expr(value=ast.Call()):
                yield *self._span(node), "pass"
            case ast.Return(value=value) if value is not None and not _is_none(value):
                yield *self._span(node), "return None"
            case _:
                pass

    def _conditions(self, node: ast.stmt | ast.expr) -> Iterator[tuple[int, int, str]]:
        """Negated, where another operator does not come to the same."""
        tests: list[ast.expr] = []
        match node:
            case ast.UnaryOp(op=ast.Not()):
                start, _ = self._span(node)
                yield start, start + len("not "), ""
            case ast.If() | ast.While() | ast.IfExp():
                tests = [node.test]
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                tests = [test for loop in node.generators for test in loop.ifs]
            case _:
                pass
        for test in tests:
            if not isinstance(test, (ast.Compare, ast.UnaryOp)):
                start, end = self._span(test)
                yield start, end, f"(not ({self._source[start:end]}))"

    def _operators(self, node: ast.stmt | ast.expr) -> Iterator[tuple[int, int, str]]:
        match node:
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                for (former, latter), operator in zip(itertools.pairwise([left, *comparators]), ops, strict=True):
                    yield self._swapped(former, latter, *_COMPARISONS[type(operator)])
            case ast.BoolOp(op=operator, values=values):
                words = ("and", "or") if isinstance(operator, ast.And) else ("or", "and")
                for former, latter in itertools.pairwise(values):
                    yield self._swapped(former, latter, *words)
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as operator, right=right) if not (_is_text(left) or _is_text(right)):
                signs = ("+", "-") if isinstance(operator, ast.Add) else ("-", "+")
                yield self._swapped(left, right, *signs)
            case _:
                pass

    def _swapped(self, former: ast.expr, latter: ast.expr, old: str, new: str) -> tuple[int, int, str]:
        """The operator between two operands, which may be in parentheses."""
        between, start = self._span(former)[1], self._span(latter)[0]
        pattern = re.escape(old).replace(r"\ ", r"\s+")
        found = re.search(rf"\b{pattern}\b" if old.isalpha() or " " in old else pattern, self._source[between:start])
        assert found is not None, f"{self._file}:{former.lineno}: no {old}"
        return between + found.start(), between + found.end(), new

    def _span(self, node: ast.stmt | ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def _offset(self, line: int, column: int) -> int:
        """Columns are counted in UTF-8 bytes."""
        start, text = self._lines[line - 1]
        return start + len(text.encode()[:column].decode())


def _children(node: ast.AST) -> Iterator[ast.AST]:
    """Without annotations, decorators, and what is only there for the type checker."""
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list", "bases", "keywords"} and not (
            name == "keywords" and isinstance(node, ast.Call)
        ):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, _PASSED_OVER):
                continue
            if isinstance(child, ast.keyword) and child.arg in _DECIDES_NOTHING:
                continue
            if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
                continue
            yield child


def _end_of_head(statement: ast.stmt) -> int:
    bodies = [getattr(statement, name, []) for name in ("body", "handlers", "orelse", "finalbody", "cases")]
    first = min((child.lineno for body in bodies for child in body if hasattr(child, "lineno")), default=None)
    return (statement.end_lineno or statement.lineno) if first is None else max(statement.lineno, first - 1)


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _is_text(value: ast.expr) -> bool:
    return isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str | bytes))


def in_product(path: str) -> str | None:
    """The name of a file of the product by its path, None for any other."""
    for name, package in PACKAGES.items():
        if Path(path).is_relative_to(package):
            return f"{name}/{Path(path).relative_to(package)}"
    return None
