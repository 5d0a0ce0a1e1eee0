"""Every small change of a module: one operator, number, condition or statement at a time.

Words are left alone: messages, docstrings, annotations and the names of files."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
}


@dataclass(frozen=True)
class Mutant:
    """A changed module, and the line that was changed."""

    line: int
    before: str
    after: str
    source: str

    @staticmethod
    def plain(source: str) -> str:
        """The text as `ast` writes it, without comments and line numbers of its own."""
        return ast.unparse(ast.parse(source))


def mutants(source: str) -> Iterator[Mutant]:
    """All changes of one place each, in the order of the text."""
    tree = ast.parse(source)
    places = [node for node in _meant(tree) if _changed(node) is not None]
    for number, place in enumerate(places):
        twin = copy.deepcopy(tree)
        target = [node for node in _meant(twin) if _changed(node) is not None][number]
        new = _changed(target)
        assert new is not None
        _replace(twin, target, new)
        yield Mutant(
            place.lineno,
            ast.unparse(place).splitlines()[0],
            ast.unparse(new).splitlines()[0],
            ast.unparse(ast.fix_missing_locations(twin)),
        )


def _meant(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """What is mutated: everything but words, types and decorators."""
    if isinstance(node, ast.expr | ast.stmt):
        yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        if isinstance(node, ast.Raise | ast.JoinedStr) or (
            isinstance(node, ast.Assign) and name == "targets"
        ):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _meant(child)


def _changed(node: ast.AST) -> ast.expr | ast.stmt | None:
    """Another node in its place; None where there is nothing to change."""
    new = copy.deepcopy(node)
    match new:
        case ast.Compare(ops=[operator, *rest]) if type(operator) in _OPERATORS:
            new.ops = [_OPERATORS[type(operator)](), *rest]  # type: ignore[list-item]
        case ast.BoolOp(op=operator) | ast.BinOp(op=operator) if type(operator) in _OPERATORS:
            new.op = _OPERATORS[type(operator)]()  # type: ignore[assignment]
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert(), operand=operand):
            return operand
        case ast.Constant(value=bool() as value):
            new.value = not value
        case ast.Constant(value=int() | float() as value):
            new.value = value + 1
        case ast.If(test=ast.Name() | ast.Call() | ast.Attribute() as test):
            new.test = ast.UnaryOp(ast.Not(), test)
        case ast.IfExp(test=ast.Name() | ast.Call() | ast.Attribute() as test):
            new.test = ast.UnaryOp(ast.Not(), test)
        case ast.Return(value=ast.expr() as value) if not _is_none(value):
            new.value = ast.Constant(None)
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.AugAssign():
            return ast.Pass(lineno=node.lineno, col_offset=node.col_offset)  # type: ignore[attr-defined]
        case ast.Continue():
            return ast.Break()
        case _:
            return None
    return new  # type: ignore[return-value]


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
            elif isinstance(value, list):
                value[:] = [new if item is old else item for item in value]
