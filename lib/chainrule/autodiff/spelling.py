"""The text of a primitive with other names put in: `d_x = d_z * (1 - z * z)`, from how tanh is written.

A primitive is written once, and this is how `unrolling` quotes it. What only depends on shapes and types is decided:
of `if x.ndim == 1: ... else: ...` one branch is left. Where the text is more than assignments and expressions, there
is nothing to quote, and the caller calls the primitive.
"""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import keyword
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np

from chainrule.autodiff import engine

Lines = list[str]
STATIC = {"ndim", "shape", "size", "dtype", "__class__"}  # what a call with other values has in common with this one
KNOWN = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Lambda, ast.NamedExpr, ast.Starred, ast.Await)


class Pull(NamedTuple):
    """The text of one pullback: statements that come first, and the cotangent; or its only part that is not zero."""

    before: Lines
    cotangent: str
    place: str | None = None


class Spelt(NamedTuple):
    """The text of a primitive: statements, the last of which sets the result; and each pullback, given the name of the
    result's cotangent."""

    forward: Lines
    pulls: tuple[Callable[[str], Pull] | None, ...]


class Unspelt(Exception):
    """There is nothing to quote."""


class Names:
    """Names of a namespace, each for one thing."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.namespace: dict[str, Any] = {"np": np}
        self.taken = {"np", "step", *taken}

    def new(self, wish: str) -> str:
        """The name itself, or with a number behind it if it is taken."""
        wish = re.sub(r"\W", "_", wish)
        wish = f"_{wish}" if not wish or wish[0].isdigit() else wish
        name, n = wish, 1
        while name in self.taken or keyword.iskeyword(name) or hasattr(builtins, name):
            n += 1
            name = f"{wish}_{n}"
        self.taken.add(name)
        return name

    def draft(self) -> Names:
        """A copy, to try with."""
        names = Names()
        names.namespace, names.taken = dict(self.namespace), set(self.taken)
        return names

    def of(self, thing: Any, wish: str) -> str:
        """The name of a thing in the namespace."""
        if getattr(builtins, wish, None) is thing:
            return wish
        for name, known in self.namespace.items():
            if known is thing:
                return name
        name = self.new(wish)
        self.namespace[name] = thing
        return name


def spell(
    fun: Callable[..., Any], values: Sequence[Any], texts: Sequence[str], result: str, number: int, names: Names
) -> Spelt:
    """The text of `fun(*values)` where its arguments are called `texts` and its result `result`.

    Args:
        fun: what @primitive was given.
        values: its arguments, from which shapes and types are seen.
        texts: an expression for each.
        result: the name of the result.
        number: is put behind the names of further variables.
        names: get the functions that the text calls.

    Raises:
        Unspelt: the text is not at hand, or is no straight line.
    """
    tree = _parsed(fun)
    parameters = [a.arg for a in tree.args.args]
    if len(parameters) != len(values):
        raise Unspelt
    given = dict(zip(parameters, values, strict=True))
    body, returned, functions = _straight(tree.body, given, fun.__globals__)
    if not (isinstance(returned, ast.Tuple) and len(returned.elts) == 2 and isinstance(returned.elts[1], ast.Tuple)):
        raise Unspelt
    out, pulls = returned.elts[0], returned.elts[1].elts
    renamed: dict[str, ast.expr] = {p: _expression(text) for p, text in zip(parameters, texts, strict=True)}
    if isinstance(out, ast.Name) and out.id not in renamed:
        renamed[out.id] = ast.Name(result, ast.Load())
    put = _Put(renamed, given, fun.__globals__, names)
    forward = _assignments(body, put, number)
    if not (isinstance(out, ast.Name) and out.id not in parameters):
        forward.append(f"{result} = {put.text(out)}")
    return Spelt(forward, tuple(_pull(p, functions, put, number) for p in pulls))


def literal(x: Any, name: Callable[[Any], str]) -> str:
    """An expression for a constant: numbers, text, tuples, lists and slices as they are written, else its name."""
    if x is None or x.__class__ in (bool, int, str) or isinstance(x, EllipsisType):
        return "..." if x is ... else repr(x)
    if x.__class__ is float and np.isfinite(x):
        return repr(x)
    if x.__class__ is slice:
        step = () if x.step is None else (x.step,)
        return f"slice({', '.join(literal(part, name) for part in (x.start, x.stop, *step))})"
    if x.__class__ is tuple:
        return f"({', '.join(literal(part, name) for part in x)}{',' * (len(x) == 1)})"
    if x.__class__ is list:
        return f"[{', '.join(literal(part, name) for part in x)}]"
    return name(x)


def bracketed(index: str) -> str:
    """What stands in brackets as an argument: `(rows, labels)`, and `np.s_[1:, labels]`."""
    return f"np.s_[{index}]" if ":" in index else f"({index})" if "," in index else index


@cache
def _parsed(fun: Callable[..., Any]) -> ast.FunctionDef:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(fun))).body[0]
    except (OSError, TypeError, SyntaxError):
        raise Unspelt from None
    if not isinstance(tree, ast.FunctionDef) or fun.__closure__ or fun.__defaults__:
        raise Unspelt
    rest = tree.args
    if rest.vararg or rest.kwarg or rest.kwonlyargs or rest.posonlyargs:
        raise Unspelt
    return tree


def _straight(
    body: Sequence[ast.stmt], given: Mapping[str, Any], seen: Mapping[str, Any]
) -> tuple[list[ast.Assign], ast.expr, dict[str, ast.FunctionDef]]:
    """The assignments up to the return statement that is reached, its expression, and functions defined on the way."""
    assignments: list[ast.Assign] = []
    functions: dict[str, ast.FunctionDef] = {}
    todo = list(body)
    while todo:
        match statement := todo.pop(0):
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.Assign(targets=[ast.Name(id=name)]) if name not in given:
                assignments.append(statement)
            case ast.FunctionDef():
                functions[statement.name] = statement
            case ast.If():
                todo = [*(statement.body if _decided(statement.test, given, seen) else statement.orelse), *todo]
            case ast.Return(value=ast.expr() as returned):
                return assignments, returned, functions
            case _:
                break
    raise Unspelt


def _decided(test: ast.expr, given: Mapping[str, Any], seen: Mapping[str, Any]) -> bool:
    """The truth of a condition on shapes, types and constants."""
    if not _static(test, given):
        raise Unspelt
    code = compile(ast.Expression(test), "<condition>", "eval")
    return bool(eval(code, dict(seen), dict(given)))


def _static(node: ast.AST, given: Mapping[str, Any]) -> bool:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr in STATIC:
        return node.value.id in given
    if isinstance(node, ast.Name):
        known = node.id in given and not isinstance(given[node.id], np.ndarray | np.generic)
        return known or hasattr(builtins, node.id)
    return not isinstance(node, KNOWN) and all(_static(child, given) for child in ast.iter_child_nodes(node))


def _pull(
    node: ast.expr, functions: Mapping[str, ast.FunctionDef], forward: _Put, number: int
) -> Callable[[str], Pull] | None:
    """One pullback: a lambda, or the name of a function that stands above it."""
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.Lambda):
        arguments, body, returned = node.args, list[ast.Assign](), node.body
    elif isinstance(node, ast.Name) and node.id in functions:
        arguments = functions[node.id].args
        body, returned, inner = _straight(functions[node.id].body, forward.given, forward.seen)
        if inner:
            raise Unspelt
    else:
        raise Unspelt
    if len(arguments.args) != 1 or arguments.args[0].arg in forward.renamed:
        raise Unspelt

    def text(g: str, names: Names = forward.names) -> Pull:
        here = {arguments.args[0].arg: _expression(g)}
        put = _Put(forward.renamed | here, forward.given, forward.seen, names)
        before = _assignments(body, put, number)
        match returned:
            case ast.Call(func=ast.Name(id=name), args=[index, values]) if forward.seen.get(name) is engine.Part:
                return Pull(before, put.text(values), put.index(index))
            case _:
                return Pull(before, put.text(returned))

    text("g", forward.names.draft())  # what cannot be spelt is found now
    return text


def _assignments(body: Sequence[ast.Assign], put: _Put, number: int) -> Lines:
    lines = []
    for statement in body:
        target = statement.targets[0]
        assert isinstance(target, ast.Name)
        right = put.text(statement.value)
        if target.id not in put.renamed:
            name = put.names.new(f"{target.id}{number}")
            put.renamed[target.id] = ast.Name(name, ast.Load())
        lines.append(f"{ast.unparse(put.renamed[target.id])} = {right}")
    return lines


class _Put(ast.NodeTransformer):
    """Puts names in; leaves out `value(...)`, of arrays the same; takes one side of a decided `a if b else c`."""

    def __init__(
        self, renamed: dict[str, ast.expr], given: Mapping[str, Any], seen: Mapping[str, Any], names: Names
    ) -> None:
        self.renamed, self.given, self.seen, self.names = renamed, given, seen, names

    def text(self, node: ast.expr) -> str:
        return ast.unparse(self.visit(copy.deepcopy(node)))

    def index(self, node: ast.expr) -> str:
        subscript = ast.Subscript(ast.Name("_", ast.Load()), _index(self.visit(copy.deepcopy(node))), ast.Load())
        return ast.unparse(subscript)[2:-1]

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, KNOWN):
            raise Unspelt
        return super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.renamed:
            return copy.deepcopy(self.renamed[node.id])
        if node.id in self.seen:
            return ast.Name(self.names.of(self.seen[node.id], node.id), ast.Load())
        if hasattr(builtins, node.id):
            return node
        raise Unspelt

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and self.seen.get(node.func.id) is engine.value:
            return self.visit(node.args[0])
        return self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        try:
            return self.visit(node.body if _decided(node.test, self.given, self.seen) else node.orelse)
        except Unspelt:
            return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant):
            return _expression(repr(eval(ast.unparse(node))))
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant) and node.right.value == 1:
            return node.left
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        node.slice = _index(node.slice)
        return node


def _index(node: ast.expr) -> ast.expr:
    """An index as it stands in brackets: `1:3` for slice(1, 3)."""
    match node:
        case ast.Tuple(elts=parts) if parts:
            return ast.Tuple([_index(part) for part in parts], ast.Load())
        case ast.Call(func=ast.Name(id="slice"), args=bounds):
            none = [None if isinstance(b, ast.Constant) and b.value is None else b for b in bounds]
            return ast.Slice(*none)
    return node


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
