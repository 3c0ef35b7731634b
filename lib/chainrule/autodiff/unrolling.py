"""A loss and its gradients as the straight-line Python that one would write by hand.

The function is called once, and what it did is written down: each operation in the forward pass, each pullback in the
backward pass, in the order in which the engine goes. What runs afterwards has no graph and nothing to look up.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import EllipsisType
from typing import Any

import numpy as np

from chainrule.autodiff import engine, errors, shapes, spelling
from chainrule.autodiff.engine import Part, Tensor, value


def unroll(f: Callable[..., Any], *args: Any) -> Unrolled:
    """The forward and the backward pass of a scalar function, as one function without a graph.

    Args:
        f: returns a number, given the args. It is called with them once or a few times, and never again.
        args: the parameters first: one array or number, or a list, tuple or dict of them, also nested. The gradient is
            by them. Then what is constant, such as data. Arrays among it are arguments of the result as well; anything
            else (numbers, text, functions) is fixed.

    Returns:
        `step`, with `step(*args) -> (loss, gradient)` as value_and_grad(f) has it, and its text, `step.source`. It
        takes arrays of the shapes and dtypes given here, with any values.

    What f does is recorded once. If that depends on values (`if loss > 1`, a sort, max pooling), on chance (dropout),
    or on what f computes outside of the recorded operations (`np.eye(10)[labels]`), the text would be wrong for other
    values. f is called a second time, with other values, to find out; but not every case can be found.

    Raises:
        ValueError: f does not return one number; or it does something else for other values.
        TypeError: an argument is a Tensor, or f does not compute with the parameters at all.

    >>> def f(w, x, y):
    ...     return ((np.tanh(x @ w) - y) ** 2).sum()
    >>> step = unroll(f, np.ones(2), np.ones((3, 2)), np.zeros(3))
    >>> print(step.source)
    def step(w, x, y):
        # forward
        z1 = x @ w  # (3,) matmul
        z2 = np.tanh(z1)  # (3,) tanh
        z3 = z2 - y  # (3,) subtract
        z4 = z3 ** 2  # (3,) power
        loss = z4.sum(None, keepdims=False)  # () sum
    <BLANKLINE>
        # backward
        d_loss = np.float64(1.0)
        d_z4 = _spread(d_loss, z4, None)
        d_z3 = d_z4 * (2 * z3)
        d_z2 = d_z3
        d_z1 = d_z2 * (1 - z2 * z2)
        d_w = _sum_front(d_z1[..., None] * x, 1)
        return loss, d_w
    <BLANKLINE>
    >>> step(np.zeros(2), np.eye(3, 2), np.ones(3))
    (np.float64(3.0), array([-2., -2.]))
    """
    names = spelling.Names()
    called = _parameters(f, len(args))
    roots, unpacked = [names.new(name) for name in called], _unpacked(f)
    inputs = _inputs(roots, [unpacked.get(name) for name in called], args, names)
    out, boxes = _record(f, inputs)
    if out.__class__ is not Tensor:
        raise no_derivative(f)
    if out.size != 1:
        raise errors.no_scalar(out)
    _refuse_what_depends_on_values(f, inputs, out, boxes)
    source = _Writer(roots, inputs, names, out, boxes).source()
    exec(compile(_frugal(source), f"<unrolled {_called(f)}>", "exec"), names.namespace)
    return Unrolled(source, names.namespace["step"], tuple(inputs), _quick(inputs))


@dataclass(frozen=True, repr=False)
class Unrolled:
    """What `unroll` returns: call it with arguments of the same shapes, or print its `source`.

    Args:
        source: the text of the function.
        run: the function, which checks nothing. It also drops each array after its last use.
        inputs: what each array or number among the arguments has to be, in their structure.
        quick: whether arguments fit, for those that are arrays all; an error or False leaves it open.
    """

    source: str
    run: Callable[..., tuple[Any, Any]]
    inputs: tuple[Any, ...]
    quick: Callable[..., bool]

    def __call__(self, *args: Any) -> tuple[Any, Any]:
        """The loss and the gradient.

        Raises:
            ValueError: an argument is not as it was; the message says which, and how it was.
        """
        try:
            fits = self.quick(*args)
        except (TypeError, LookupError, AttributeError):
            fits = False
        if fits:
            return self.run(*args)
        if len(args) != len(self.inputs):
            raise not_as_it_was("the number of arguments", len(args), len(self.inputs))
        return self.run(*map(_fitted, self.inputs, args))

    def __repr__(self) -> str:
        names = ", ".join(i.place for i in _flat(self.inputs))
        return f"<unrolled step of {names}; print(step.source) shows it>"


@dataclass(frozen=True)
class Input:
    """An array or number among the arguments.

    Args:
        name: in the text.
        place: where the caller has it: "params['W1']".
        data: as it was given; of a parameter, as an array of floats.
        parameter: whether the gradient is by it.
        dtype: of the array; None if it is anything else, which then is fixed.
    """

    name: str
    place: str
    data: Any
    parameter: bool
    dtype: Any = field(init=False)

    def __post_init__(self) -> None:
        array = isinstance(self.data, np.ndarray | np.generic) and self.data.dtype.kind in "fiub"
        object.__setattr__(self, "dtype", self.data.dtype if array else None)

    def fitted(self, given: Any) -> Any:
        if self.dtype is None:
            if given is self.data or _same(given, self.data):
                return given
            raise not_as_it_was(self.place, repr(given), repr(self.data))
        array = given
        if given.__class__ is not np.ndarray and self.parameter and given.__class__ is not Tensor:
            array = engine._floats(given)
        elif self.parameter and array.dtype.kind in "iub":
            array = array.astype(np.float64)
        if not isinstance(array, np.ndarray | np.generic):
            raise not_as_it_was(self.place, f"a {type(given).__name__}", errors._shape(self.data))
        if array.dtype != self.dtype or array.shape != self.data.shape:
            raise not_as_it_was(self.place, errors._shape(array), errors._shape(self.data))
        return array


def _fitted(expected: Any, given: Any) -> Any:
    """The argument, if it has the structure of the inputs and each part fits."""
    if expected.__class__ is Input:
        return expected.fitted(given)
    first = next(_flat(expected), None)
    root = first.place.split("[")[0] if first else "an argument"
    if isinstance(expected, dict):
        if not isinstance(given, dict) or given.keys() != expected.keys():
            seen = f"keys {list(given)}" if isinstance(given, dict) else f"a {type(given).__name__}"
            raise not_as_it_was(root, seen, f"keys {list(expected)}")
        return {key: _fitted(part, given[key]) for key, part in expected.items()}
    if not isinstance(given, list | tuple) or len(given) != len(expected):
        seen = f"{len(given)} parts" if isinstance(given, list | tuple) else f"a {type(given).__name__}"
        raise not_as_it_was(root, seen, f"{len(expected)} parts")
    return [_fitted(part, g) for part, g in zip(expected, given, strict=True)]


def _quick(inputs: Sequence[Any]) -> Callable[..., bool]:
    """All comparisons in one expression, which takes a fifth of the time that _fitted takes."""
    names = {"array": np.ndarray}
    tests: list[str] = []

    def test(part: Any, place: str) -> None:
        if part.__class__ is Input:
            if part.data.__class__ is not np.ndarray:
                tests.append("False")
            else:
                kind = f"dtype_{part.dtype}"
                names[kind] = part.dtype
                here = f"(x := {place})"
                tests.append(f"{here}.__class__ is array and x.shape == {part.data.shape} and x.dtype is {kind}")
            return
        tests.append(f"len({place}) == {len(part)}")
        for key, inner in part.items() if isinstance(part, dict) else enumerate(part):
            test(inner, f"{place}[{key!r}]")

    arguments = [f"a{n}" for n in range(len(inputs))]
    for name, part in zip(arguments, inputs, strict=True):
        test(part, name)
    quick: Callable[..., bool] = eval(f"lambda {', '.join(arguments)}: {' and '.join(tests)}", names)
    return quick


def _frugal(source: str) -> ast.Module:
    """The same with `del` after the last use of each array: 1.2 times as fast where arrays have 100 kB or more."""
    tree = ast.parse(source)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    last: dict[str, int] = {}
    assigned: set[str] = set()
    for n, statement in enumerate(function.body):
        for node in ast.walk(statement):
            if isinstance(node, ast.Name):
                last[node.id] = n
                if isinstance(node.ctx, ast.Store):
                    assigned.add(node.id)
    body: list[ast.stmt] = []
    for n, statement in enumerate(function.body[:-1]):
        body.append(statement)
        if done := sorted(name for name in assigned if last[name] == n):
            body.append(ast.Delete([ast.Name(name, ast.Del()) for name in done]))
    function.body = [*body, function.body[-1]]
    return ast.fix_missing_locations(tree)


# ---- the arguments, and names for them


def _inputs(
    roots: Sequence[str], patterns: Sequence[ast.expr | None], args: Sequence[Any], names: spelling.Names
) -> list[Any]:
    """Each argument with an Input in the place of each array or number.

    Args:
        roots: the names of the arguments.
        patterns: how f names their parts, as the left side of an assignment.
        args: the arguments.
        names: get the names of the parts.
    """
    if not args:
        raise TypeError("unroll(f) differentiates by the first of the args of f; call it as unroll(f, params, ...)")

    def named(part: Any, wish: str, place: str, pattern: ast.expr | None, first: bool, top: bool) -> Any:
        if isinstance(pattern, ast.Name):
            wish = pattern.id
        if isinstance(part, dict):
            inner = "" if top else f"{wish}_"
            return {k: named(v, f"{inner}{k}", f"{place}[{k!r}]", None, first, False) for k, v in part.items()}
        if isinstance(part, list | tuple):
            match pattern:
                case ast.Tuple(elts=elts) | ast.List(elts=elts) if len(elts) == len(part):
                    parts = list[ast.expr | None](elts)
                case _:
                    parts = [None] * len(part)
            keys = getattr(part, "_fields", range(len(part)))
            items = [
                named(part[i], f"{wish}_{key}", f"{place}[{i}]", parts[i], first, False) for i, key in enumerate(keys)
            ]
            return _like(part, items)
        if part.__class__ is Tensor:
            raise TypeError(f"{place} is a Tensor; unroll takes arrays: give it {place}.data")
        data = engine._floats(part) if first else part
        return Input(wish if top else names.new(wish), place, data, first)

    return [
        named(arg, root, root, pattern, number == 0, True)
        for number, (arg, root, pattern) in enumerate(zip(args, roots, patterns, strict=True))
    ]


def _like(part: Any, items: list[Any]) -> Any:
    """A list or tuple of this kind."""
    return type(part)(*items) if hasattr(part, "_fields") else type(part)(items)


def _parameters(f: Callable[..., Any], n: int) -> list[str]:
    """What f calls its first n arguments."""
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    known = [p.name for p in parameters if p.kind in plain][:n]
    return known + [f"argument_{i}" for i in range(len(known), n)]


def _unpacked(f: Callable[..., Any]) -> dict[str, ast.expr]:
    """The names that f gives to the parts of an argument, where it says `W, b = params`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(f)))
    except (OSError, TypeError, SyntaxError):
        return {}
    found: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[(ast.Tuple() | ast.List()) as target], value=ast.Name(id=name)):
                found.setdefault(name, target)
    return found


def _flat(inputs: Any) -> Iterator[Input]:
    if inputs.__class__ is Input:
        yield inputs
    else:
        for part in inputs.values() if isinstance(inputs, dict) else inputs:
            yield from _flat(part)


def _map(call: Callable[[Input], Any], inputs: Any) -> Any:
    if inputs.__class__ is Input:
        return call(inputs)
    if isinstance(inputs, dict):
        return {key: _map(call, part) for key, part in inputs.items()}
    return _like(inputs, [_map(call, part) for part in inputs])


# ---- what f does


def _record(
    f: Callable[..., Any], inputs: Sequence[Any], other: Callable[[Input], Any] | None = None
) -> tuple[Any, list[Any]]:
    """The result of f, and what it was called with in the place of each input.

    Data that are floats are Tensors too, so that what is computed from them is recorded. Where f does with them what
    Tensors cannot do, they are arrays.
    """

    def call(traced: bool) -> tuple[Any, list[Any]]:
        boxes: list[Any] = []

        def box(i: Input) -> Any:
            data = other(i) if other else i.data
            if i.parameter or (traced and i.dtype is not None and i.dtype.kind == "f"):
                data = engine.leaf(data)
            boxes.append(data)
            return data

        return f(*(_map(box, part) for part in inputs)), boxes

    try:
        return call(traced=True)
    except (TypeError, AttributeError):
        return call(traced=False)


def _operations(out: Tensor, boxes: Sequence[Any]) -> list[tuple[Any, list[Any]]]:
    """The operations in their order, with numbers in the place of what is an input or result."""
    tape = [t for t in engine.history(out)[0] if t.args][::-1]
    numbers = {id(x): i for i, x in enumerate([*_arrays(boxes), *tape])}
    return [(t.fun, [_described(a, numbers) for a in t.args]) for t in tape]


@dataclass(frozen=True)
class _Number:
    n: int


def _described(a: Any, numbers: Mapping[int, int]) -> Any:
    if id(a) in numbers:
        return _Number(numbers[id(a)])
    if isinstance(a, tuple | list):
        return tuple(_described(part, numbers) for part in a)
    if isinstance(a, slice):
        return tuple(_described(part, numbers) for part in (a.start, a.stop, a.step))
    return value(a)


def _arrays(boxes: Sequence[Any]) -> list[Any]:
    """Those that are recognised by identity: numbers and text of Python may be shared."""
    return [box for box in boxes if isinstance(box, np.ndarray | np.generic | Tensor)]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, np.ndarray | np.generic) or isinstance(b, np.ndarray | np.generic):
        a, b = np.asarray(a), np.asarray(b)
        nan = a.dtype.kind == "f" and b.dtype.kind == "f"
        return a.dtype == b.dtype and bool(np.array_equal(a, b, equal_nan=nan))
    return a is b or bool(a == b)


def _refuse_what_depends_on_values(
    f: Callable[..., Any], inputs: Sequence[Any], out: Tensor, boxes: Sequence[Any]
) -> None:
    """Record f again with other values of all arguments, and compare."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again, other_boxes = _record(f, inputs, _other)
    except Exception:  # the other values may be none that f takes: then nothing can be told
        return
    ours = _operations(out, boxes)
    theirs = _operations(again, other_boxes) if again.__class__ is Tensor else []
    for n, ((fun, args), (other_fun, other_args)) in enumerate(zip(ours, theirs, strict=False), start=1):
        if fun is not other_fun or len(args) != len(other_args):
            raise another_path(n, fun.__name__, other_fun.__name__)
        for i, (a, b) in enumerate(zip(args, other_args, strict=True)):
            if not _same(a, b):
                raise computed_outside(n, fun.__name__, i, a)
    if len(ours) != len(theirs):
        raise another_path(min(len(ours), len(theirs)) + 1, f"{len(ours)} in all", f"{len(theirs)} in all")


def _other(i: Input) -> Any:
    """Other values, which f takes if it works on each element by itself: all rows become the first."""
    if i.dtype is None or i.data.size == 0:
        return i.data
    x = np.asarray(i.data)
    candidates = [np.full_like(x, x.flat[np.argmax(np.abs(x))])]
    if x.ndim:
        candidates.insert(0, np.repeat(x[:1], len(x), 0))
    if i.dtype.kind == "f":
        candidates.append(x * x.dtype.type(0.75))
    elif not x.ndim:
        candidates.append(np.zeros_like(x) if x else np.ones_like(x))
    return next((c for c in candidates if not np.array_equal(c, x)), x.copy())


# ---- the text


class _Writer:
    """Goes through the operations forward and backward, and writes down each step that it takes."""

    def __init__(
        self, roots: Sequence[str], inputs: Sequence[Any], names: spelling.Names, out: Tensor, boxes: Sequence[Any]
    ) -> None:
        self.roots, self.inputs, self.names, self.out = roots, inputs, names, out
        self.lines: list[str] = []
        self.tape = [t for t in engine.history(out)[0] if t.args][::-1]
        self.text: dict[int, str] = {}
        self.leaves: list[tuple[Input, Tensor]] = []
        for i, box in zip(_flat(inputs), boxes, strict=True):
            if isinstance(box, np.ndarray | np.generic | Tensor):
                self.text[id(box)] = i.name
            if i.parameter:
                self.leaves.append((i, box))
        self.needed = {leaf for _, leaf in self.leaves}
        self.needed |= {t for t in self.tape if self._depends(t)}
        # cotangents: their names, and their arrays in this call, which tell what can be added to in place
        self.cotangents: dict[Tensor, tuple[str, Any]] = {}
        self.shared = {id(value(x)) for x in [*boxes, *self.tape]}
        self.alive: list[Any] = [boxes]

    def source(self) -> str:
        self._unpack()
        self._write("# forward")
        pulls = [self._forward(t, n) for n, t in enumerate(self.tape, start=1)]
        loss = self.text[id(self.out)]
        self._write("", "# backward")
        seed = engine.seed(self.out)
        kind = f"np.{self.out.dtype}"
        self._let(self.out, f"np.ones({self.out.shape}, {kind})" if self.out.shape else f"{kind}(1.0)", seed)
        self.shared.add(id(seed))
        for t, spelt in zip(reversed(self.tape), reversed(pulls), strict=True):
            if t in self.needed and t in self.cotangents:
                self._backward(t, spelt)
        gradient = self._gradient()
        unboxed = "[()]" if value(self.out).__class__ is np.ndarray else ""
        self._write(f"return {loss}{unboxed}, {gradient}")
        lines = "".join(f"    {line}".rstrip() + "\n" for line in self.lines)
        return f"def step({', '.join(self.roots)}):\n{lines}"

    def _write(self, *lines: str) -> None:
        self.lines.extend(lines)

    def _depends(self, t: Tensor) -> bool:
        if any(a in self.needed for a in t.args if a.__class__ is Tensor):
            self.needed.add(t)
            return True
        return False

    def _unpack(self) -> None:
        for root, part in zip(self.roots, self.inputs, strict=True):
            if part.__class__ is Input:
                continue
            if pattern := _pattern(part):
                self._write(f"{pattern} = {root}")
            else:
                self._write(*(f"{i.name} = {i.place}" for i in _flat(part) if i.dtype is not None))
        if self.lines:
            self._write("")

    # -- forward

    def _forward(self, t: Tensor, n: int) -> spelling.Spelt | str:
        """Write one operation; return its pullbacks' text, or the name of its pullbacks."""
        fun: Any = t.fun
        name = "loss" if t is self.out else f"z{n}"
        name = self.text[id(t)] = self.names.new(name)
        texts = [self._spelled(a) for a in t.args]
        comment = f"  # {t.shape} {fun.__name__.strip('_')}"
        try:
            spelt = spelling.spell(fun, [value(a) for a in t.args], texts, name, n, self.names)
        except spelling.Unspelt:
            pulls = self.names.new(f"{name}_pulls")
            target = f"{name}, {pulls if t in self.needed else '_'}"
            self._write(f"{target} = {self.names.of(fun, fun.__name__)}({', '.join(texts)})  # {t.shape}")
            return pulls
        self._write(*spelt.forward[:-1], spelt.forward[-1] + comment)
        return spelt

    def _spelled(self, a: Any) -> str:
        if id(a) in self.text:
            return self.text[id(a)]
        if a.__class__ is tuple:
            return f"({', '.join(map(self._spelled, a))}{',' * (len(a) == 1)})"
        return spelling.literal(a, self._constant)

    def _constant(self, a: Any) -> str:
        if id(a) in self.text:
            return self.text[id(a)]
        return self.names.of(value(a), getattr(a, "__name__", "c1"))

    # -- backward

    def _backward(self, t: Tensor, spelt: spelling.Spelt | str) -> None:
        g, array = self.cotangents.pop(t)
        joint = None if t.pulls.__class__ is tuple else t.pulls(array)
        if joint is not None:
            parts = self.names.new("parts")
            self._write(f"{parts} = {spelt}({g})")
            self.alive.append(joint)
        for i, x in enumerate(t.args):
            if x.__class__ is not Tensor or x not in self.needed:
                continue
            if joint is not None:
                pull, d = spelling.Pull([], f"{parts}[{i}]"), joint[i]
            elif t.pulls[i] is None:
                raise errors.no_derivative(t, x)
            else:
                pull, d = self._pull(spelt, i, g), t.pulls[i](array)
            self._write(*pull.before)
            if d.__class__ is Part:
                self._add_part(x, pull, d)
            else:
                self._add(x, *self._unbroadcast(pull.cotangent, d, t, i))

    def _pull(self, spelt: spelling.Spelt | str, i: int, g: str) -> spelling.Pull:
        if isinstance(spelt, str):
            return spelling.Pull([], f"{spelt}[{i}]({g})")
        write = spelt.pulls[i]
        assert write is not None
        return write(g)

    def _unbroadcast(self, text: str, d: Any, t: Tensor, i: int) -> tuple[str, Any]:
        """As engine.unbroadcast, written out."""
        array, shape = d, t.args[i].shape
        if d.shape == shape:
            return text, d
        d = engine.unbroadcast(d, t, t.args[i])
        if not isinstance(ast.parse(text, mode="eval").body, ast.Name | ast.Call | ast.Subscript | ast.Attribute):
            text = f"({text})"
        text += ".sum(0)" * (array.ndim - len(shape))
        longer = array.shape[array.ndim - len(shape) :]
        axes = tuple(k for k, (n, m) in enumerate(zip(shape, longer, strict=True)) if n != m)
        return text + (f".sum({axes}, keepdims=True)" if axes else ""), d

    def _add(self, x: Tensor, text: str, d: Any) -> None:
        if x not in self.cotangents:
            self._let(x, text, d)
            return
        name, c = self.cotangents[x]
        plus = f"{name} += {text}" if self._ours(c) and (c + d).dtype == c.dtype else f"{name} = {name} + {text}"
        self._write(plus)
        self._keep(x, name, c + d)

    def _add_part(self, x: Tensor, pull: spelling.Pull, d: Part) -> None:
        """Add what is not zero where it belongs."""
        values, index = pull.cotangent, pull.place
        if index is None:
            part = self.names.new("part")
            self._write(f"{part} = {pull.cotangent}")
            values, index = f"{part}.values", f"{part}.index"
        if x not in self.cotangents:
            self._let(x, f"np.zeros({x.shape}, np.{d.values.dtype})", np.zeros(x.shape, d.values.dtype))
        elif not self._ours(self.cotangents[x][1]):
            name, c = self.cotangents[x]
            self._write(f"{name} = np.array({name})")
            self._keep(x, name, np.array(c))
        name, c = self.cotangents[x]
        if _basic(d.index):
            self._write(f"{name}[{index}] += {values}")
        else:
            add_at = self.names.of(shapes.add_at, "add_at")
            self._write(f"{add_at}({name}, {spelling.bracketed(index)}, {values})")

    def _let(self, x: Tensor, text: str, d: Any) -> None:
        name = self.names.new(f"d_{self.text[id(x)]}")
        self._write(f"{name} = {text}")
        self._keep(x, name, d)

    def _keep(self, x: Tensor, name: str, d: Any) -> None:
        if any(d is known for _, known in self.cotangents.values()) or any(d is known for known in self.alive):
            self.shared.add(id(d))
        self.cotangents[x] = name, d
        self.alive.append(d)

    def _ours(self, d: Any) -> bool:
        """Whether an array is nobody else's, and can be written into."""
        return id(d) not in self.shared and bool(d.flags.owndata and d.flags.writeable)

    def _gradient(self) -> str:
        """The gradient in the structure of the parameters: arrays of their own, as engine.own makes them."""
        texts: dict[int, str] = {}
        for i, leaf in self.leaves:
            name, d = self.cotangents.get(leaf, ("", None))
            if d is None:
                shape = f"np.zeros({leaf.shape}, np.{leaf.dtype})"
                texts[id(i)] = shape if leaf.shape else f"np.{leaf.dtype}(0.0)"
                continue
            if d.dtype != leaf.dtype:
                name += f".astype(np.{leaf.dtype})"
            elif d.__class__ is np.ndarray and d.ndim and not self._ours(d):
                name += ".copy()"
            texts[id(i)] = name + "[()]" if d.__class__ is np.ndarray and not d.ndim else name
        return self._structure(self.inputs[0], texts)

    def _structure(self, inputs: Any, texts: Mapping[int, str]) -> str:
        if inputs.__class__ is Input:
            return texts[id(inputs)]
        if isinstance(inputs, dict):
            return "{" + ", ".join(f"{key!r}: {self._structure(part, texts)}" for key, part in inputs.items()) + "}"
        parts = ", ".join(self._structure(part, texts) for part in inputs)
        if inputs.__class__ is list:
            return f"[{parts}]"
        if inputs.__class__ is tuple:
            return f"({parts}{',' * (len(inputs) == 1)})"
        kind = self.names.of(type(inputs), type(inputs).__name__)
        return f"{kind}({parts})" if hasattr(inputs, "_fields") else f"{kind}([{parts}])"


def _pattern(inputs: Any, top: bool = True) -> str:
    """`W1, b1, W2, b2` or `(W1, b1), (W2, b2)`, or "" where there are dictionaries or fixed parts."""
    if inputs.__class__ is Input:
        return "" if inputs.dtype is None else inputs.name
    if not isinstance(inputs, list | tuple) or not inputs:
        return ""
    parts = [_pattern(part, False) for part in inputs]
    text = f"{', '.join(parts)}{',' * (len(parts) == 1)}"
    return "" if not all(parts) else text if top else f"({text})"


def _basic(index: Any) -> bool:
    """Whether an index names no element twice, as numbers and slices do."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(isinstance(i, int | np.integer | slice | EllipsisType | None) for i in parts)


def _called(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", "function")


# ---- errors


def no_derivative(f: Callable[..., Any]) -> ValueError:
    return ValueError(f"the result of {_called(f)} is not computed from its first argument, so there is no gradient")


def not_as_it_was(what: str, seen: Any, expected: Any) -> ValueError:
    return ValueError(f"{what}: {seen}, and the step was unrolled for {expected}; unroll it again")


def another_path(n: int, ours: str, theirs: str) -> ValueError:
    return ValueError(
        f"for other values operation {n} is another one ({theirs} in place of {ours}), and an unrolled step has one "
        "order of operations. Use value_and_grad, or np.where in place of if"
    )


def computed_outside(n: int, name: str, i: int, seen: Any) -> ValueError:
    kind = errors._shape(seen) if isinstance(seen, np.ndarray | np.generic) else "another one each time"
    return ValueError(
        f"argument {i} of operation {n}, {name.strip('_')}, depends on values or on chance ({kind}), but not by an "
        "operation that is recorded: the step would keep it as it was. Compute it before and pass it as an argument, "
        "or use value_and_grad"
    )
