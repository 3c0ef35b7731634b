"""Every operation beside PyTorch's of the same meaning, with the arguments that hypothesis chooses for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from chainrule import autodiff
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch.nn import functional

# ---- arguments: arrays that can be differentiated, and options that cannot

Arguments = tuple[list[np.ndarray], tuple[Any, ...]]
Domain = tuple[float, float]
REAL: Domain = (-2, 2)
POSITIVE: Domain = (0.25, 3)
LAYOUTS = ["contiguous", "strided", "transposed", "repeated", "read-only"]


@st.composite
def array(draw: st.DrawFn, shape: tuple[int, ...], domain: Domain = REAL) -> np.ndarray:
    """An array of either precision and any layout; every other time of quarters, so that there are ties and zeros."""
    low, high = domain
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    layout = draw(st.sampled_from(LAYOUTS))
    dtype = draw(st.sampled_from([np.float64, np.float64, np.float32]))
    whole = (*shape[:-1], 2 * shape[-1]) if layout == "strided" and shape else shape
    whole = shape[::-1] if layout == "transposed" else whole
    whole = tuple(min(n, 1) for n in shape) if layout == "repeated" else whole
    if draw(st.booleans()):
        a = rng.integers(round(4 * low), round(4 * high), whole, endpoint=True) / 4
    else:
        a = rng.uniform(low, high, whole)
    a = np.asarray(a, dtype)
    if layout == "strided" and shape:
        a = a[..., ::2]
    elif layout == "transposed":
        a = a.T
    elif layout == "repeated":
        a = np.broadcast_to(a, shape)
    elif layout == "read-only":
        a.setflags(write=False)
    return a


def shapes(least: int = 0, most: int = 3, side: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
    return hnp.array_shapes(min_dims=least, max_dims=most, min_side=side, max_side=3)


@st.composite
def broadcast(
    draw: st.DrawFn, *domains: Domain, options: Callable[[Sequence[Any]], Any] | None = None, side: int = 0
) -> Arguments:
    """Arrays of shapes that fit each other."""
    fit = hnp.mutually_broadcastable_shapes(num_shapes=len(domains), max_dims=3, min_side=side, max_side=3)
    sizes = draw(fit)
    arrays = [draw(array(s, d)) for s, d in zip(sizes.input_shapes, domains, strict=True)]
    return arrays, draw(options(sizes.result_shape)) if options else ()


@st.composite
def one(
    draw: st.DrawFn,
    options: Callable[[tuple[int, ...]], st.SearchStrategy[tuple[Any, ...]]] = lambda shape: st.just(()),
    least: int = 0,
    most: int = 3,
    side: int = 0,
    domain: Domain = REAL,
) -> Arguments:
    """One array, and options that depend on its shape."""
    shape = draw(shapes(least, most, side))
    return [draw(array(shape, domain))], draw(options(shape))


def axis_of(shape: tuple[int, ...]) -> st.SearchStrategy[int]:
    return st.integers(-len(shape), len(shape) - 1)


def single(shape: tuple[int, ...]) -> st.SearchStrategy[tuple[int]]:
    return st.tuples(axis_of(shape))


def single_or_none(shape: tuple[int, ...]) -> st.SearchStrategy[tuple[int | None]]:
    return st.tuples(st.none() | axis_of(shape)) if shape else st.just((None,))


@st.composite
def axes_of(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    """What a reduction takes: nothing, one axis, or some, and whether they are kept."""
    if not shape:
        return None, draw(st.booleans())
    some = hnp.valid_tuple_axes(len(shape), min_size=1)
    return draw(st.none() | axis_of(shape) | some), draw(st.booleans())


@st.composite
def stacks(draw: st.DrawFn, *ends: tuple[int, ...], well: bool = False) -> Arguments:
    """Stacks of matrices whose fronts fit; `well`: the first of them is far from singular."""
    fronts = draw(hnp.mutually_broadcastable_shapes(num_shapes=len(ends), max_dims=2, min_side=1, max_side=2))
    arrays = [draw(array((*f, *end))) for f, end in zip(fronts.input_shapes, ends, strict=True)]
    if well:
        arrays[0] = arrays[0] + 9 * np.eye(ends[0][-1], dtype=arrays[0].dtype)
    return arrays, ()


# ---- what they are compared with


class Op(NamedTuple):
    ours: Callable[..., Any]
    theirs: Callable[..., Any]
    inputs: st.SearchStrategy[Arguments]
    covers: tuple[Callable[..., Any], ...] = ()  # numpy's functions that Tensors take, or those of autodiff
    twice: bool = True  # whether theirs can be differentiated twice
    smooth: bool = True  # whether finite differences are close at random points


def moved(function: Callable[..., Any]) -> Callable[..., Any]:
    """The oracle of what only rearranges: PyTorch takes the elements at the places to which numpy moved their numbers.
    Number 0 is no element, but the constant 0."""

    def theirs(x: torch.Tensor, *options: Any) -> torch.Tensor:
        places = function(np.arange(1, x.numel() + 1).reshape(x.shape), *options)
        return torch.cat([x.new_zeros(1), x.reshape(-1)])[torch.from_numpy(np.array(places))]

    return theirs


def rearranged(function: Callable[..., Any], inputs: st.SearchStrategy[Arguments], covers: Any = None) -> Op:
    return Op(function, moved(function), inputs, (covers or function,))


def along(theirs: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., torch.Tensor]:
    """What PyTorch does to the last axis, done to the axes that numpy means."""

    def over(x: torch.Tensor, axis: Any, keepdims: bool = False) -> torch.Tensor:
        axes = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
        axes = [a % x.ndim for a in axes]
        rest = [a for a in range(x.ndim) if a not in axes]
        sizes = [x.shape[a] for a in rest]
        n = int(np.prod([x.shape[a] for a in axes]))
        z = theirs(x.permute([*rest, *axes]).reshape(*sizes, n))
        return z.reshape([1 if a in axes else n for a, n in enumerate(x.shape)]) if keepdims else z

    return over


def reduction(function: Callable[..., Any], theirs: Any, side: int = 0, domain: Domain = REAL, **more: Any) -> Op:
    def ours(x: Any, axis: Any, keepdims: bool) -> Any:
        return function(x, axis=axis, keepdims=keepdims)

    return Op(ours, along(theirs), one(axes_of, side=side, domain=domain), (function,), **more)


def unary(function: Callable[..., Any], theirs: Any, domain: Domain = REAL, **more: Any) -> Op:
    return Op(function, theirs, one(domain=domain), (function,), **more)


def binary(function: Callable[..., Any], theirs: Any, first: Domain = REAL, second: Domain = REAL, **more: Any) -> Op:
    return Op(function, theirs, broadcast(first, second), (function,), **more)


ELEMENTWISE = {
    "add": binary(np.add, torch.add),
    "subtract": binary(np.subtract, torch.sub),
    "multiply": binary(np.multiply, torch.mul),
    "divide": binary(np.divide, torch.div, REAL, POSITIVE),
    "divide by negative": binary(np.divide, torch.div, REAL, (-3, -0.25)),
    "power": binary(np.power, torch.pow, POSITIVE, POSITIVE),
    "negative power": binary(np.power, torch.pow, POSITIVE, (-3, -0.25)),
    "power of zero": binary(np.power, torch.pow, (0, 2), (2, 3), twice=False, smooth=False),
    "power to a number": Op(
        lambda x, p: x**p,
        lambda x, p: x ** float(p),
        one(lambda shape: st.tuples(st.sampled_from([0, 1, 2, 3, 2.0, 0.0]))),
    ),
    "power to an array of numbers": Op(
        lambda x, p: x ** np.array(p, np.float32),
        lambda x, p: x ** torch.tensor(p, dtype=x.dtype),
        one(lambda shape: st.tuples(st.sampled_from([0, [1], [2], 3, [[2.0]], 0.0]))),
        twice=False,
    ),
    "power of a number": Op(
        lambda p, x: x**p, lambda p, x: float(x) ** p, one(lambda shape: st.tuples(st.sampled_from([2, 0.5])))
    ),
    "negative": unary(np.negative, torch.neg),
    "absolute": unary(np.absolute, torch.abs, smooth=False),
    "fabs": unary(np.fabs, torch.abs, smooth=False),
    "reciprocal": unary(np.reciprocal, torch.reciprocal, POSITIVE),
    "square": unary(np.square, torch.square),
    "sqrt": unary(np.sqrt, torch.sqrt, POSITIVE),
    "cbrt": unary(np.cbrt, lambda x: x.sign() * x.abs() ** (1 / 3), (-3, -0.25)),
    "exp": unary(np.exp, torch.exp),
    "exp2": unary(np.exp2, torch.exp2),
    "expm1": unary(np.expm1, torch.expm1),
    "log": unary(np.log, torch.log, POSITIVE),
    "log2": unary(np.log2, torch.log2, POSITIVE),
    "log10": unary(np.log10, torch.log10, POSITIVE),
    "log1p": unary(np.log1p, torch.log1p, (-0.75, 3)),
    "sin": unary(np.sin, torch.sin),
    "cos": unary(np.cos, torch.cos),
    "tan": unary(np.tan, torch.tan, (-1, 1)),
    "arcsin": unary(np.arcsin, torch.arcsin, (-0.75, 0.75)),
    "arccos": unary(np.arccos, torch.arccos, (-0.75, 0.75)),
    "arctan": unary(np.arctan, torch.arctan),
    "sinh": unary(np.sinh, torch.sinh),
    "cosh": unary(np.cosh, torch.cosh),
    "tanh": unary(np.tanh, torch.tanh),
    "arcsinh": unary(np.arcsinh, torch.arcsinh),
    "arccosh": unary(np.arccosh, torch.arccosh, (1.25, 4)),
    "arctanh": unary(np.arctanh, torch.arctanh, (-0.75, 0.75)),
    "arctan2": binary(np.arctan2, torch.arctan2, REAL, POSITIVE),
    "hypot": binary(np.hypot, torch.hypot, REAL, POSITIVE),
    "logaddexp": binary(np.logaddexp, torch.logaddexp),
    "maximum": binary(np.maximum, torch.maximum, smooth=False),
    "minimum": binary(np.minimum, torch.minimum, smooth=False),
    "clip": Op(
        np.clip,
        lambda *xs: torch.clamp(*torch.broadcast_tensors(*xs)),
        broadcast(REAL, REAL, REAL),
        (np.clip,),
        smooth=False,
    ),
    "clip from below": Op(
        lambda x, low: np.clip(x, low, None),
        lambda x, low: torch.clamp(x, min=low),
        broadcast(REAL, REAL),
        smooth=False,
    ),
    "clip from above": Op(
        lambda x, high: np.clip(x, max=high),
        lambda x, high: torch.clamp(x, max=high),
        broadcast(REAL, REAL),
        smooth=False,
    ),
    "where": Op(
        lambda x, y, c: np.where(c, x, y),
        lambda x, y, c: torch.where(torch.from_numpy(c), x, y),
        broadcast(REAL, REAL, options=lambda shape: st.tuples(hnp.arrays(bool, shape))),
        (np.where,),
    ),
    "relu": unary(autodiff.relu, torch.relu, smooth=False),
    "sigmoid": unary(autodiff.sigmoid, torch.sigmoid),
    "silu": unary(autodiff.silu, functional.silu),
    "softplus": unary(autodiff.softplus, functional.softplus),
    "sinc": unary(np.sinc, torch.sinc, twice=False),  # PyTorch's second derivative at 0 is nan
    "sinc away from 0": unary(np.sinc, torch.sinc, POSITIVE),
}


# ---- reductions


def variance(x: Any, axis: Any, keepdims: bool, ddof: int) -> Any:
    return np.var(x, axis=axis, keepdims=keepdims, ddof=ddof)


def deviation(x: Any, axis: Any, keepdims: bool, ddof: int) -> Any:
    return np.std(x, axis=axis, keepdims=keepdims, ddof=ddof)


@st.composite
def varied(draw: st.DrawFn) -> Arguments:
    """Three or more numbers in each direction, no two of them equal, so that the deviation is not 0."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=2, min_side=3, max_side=4))
    x = draw(array(shape)) / 8 + np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)
    return [x], (*draw(axes_of(shape)), draw(st.sampled_from([0, 1])))


def softened(function: Callable[..., Any], theirs: Callable[..., Any]) -> Op:
    return Op(function, theirs, one(single, least=1, side=1), (function,))


def flattened(theirs: Callable[..., Any]) -> Callable[..., Any]:
    """PyTorch's function of one axis, with numpy's meaning of no axis."""
    return lambda x, axis: theirs(x.reshape(-1), 0) if axis is None else theirs(x, axis)


NORMS = st.sampled_from([1, 2, np.inf, None])

REDUCTIONS = {
    "sum": reduction(np.sum, lambda x: x.sum(-1)),
    "mean": reduction(np.mean, lambda x: x.mean(-1), side=1),
    "max": reduction(np.max, lambda x: x.amax(-1), side=1, smooth=False),
    "amax": reduction(np.amax, lambda x: x.amax(-1), side=1, smooth=False),
    "min": reduction(np.min, lambda x: x.amin(-1), side=1, smooth=False),
    "amin": reduction(np.amin, lambda x: x.amin(-1), side=1, smooth=False),
    "ptp": reduction(np.ptp, lambda x: x.amax(-1) - x.amin(-1), side=1, smooth=False),
    "prod": reduction(np.prod, lambda x: x.prod(-1)),
    "norm": reduction(np.linalg.norm, lambda x: torch.linalg.vector_norm(x, dim=-1), domain=POSITIVE, side=1),
    "norm of a vector": Op(
        np.linalg.norm,
        lambda x, order: torch.linalg.vector_norm(x, 2 if order is None else order),
        one(lambda shape: st.tuples(NORMS), least=1, most=1, side=1),
        twice=False,
        smooth=False,
    ),
    "norms of rows": Op(
        lambda x, order, axis, keepdims: np.linalg.norm(x, order, axis, keepdims),
        lambda x, order, axis, keepdims: torch.linalg.vector_norm(x, 2 if order is None else order, axis, keepdims),
        one(lambda shape: st.tuples(NORMS, axis_of(shape), st.booleans()), least=1, side=1),
        twice=False,
        smooth=False,
    ),
    "var": Op(variance, lambda x, a, k, ddof: torch.var(x, a, correction=ddof, keepdim=k), varied(), (np.var,)),
    "std": Op(deviation, lambda x, a, k, ddof: torch.std(x, a, correction=ddof, keepdim=k), varied(), (np.std,)),
    "cumsum": Op(np.cumsum, flattened(torch.cumsum), one(single_or_none), (np.cumsum,)),
    "cumprod": Op(np.cumprod, flattened(torch.cumprod), one(single_or_none), (np.cumprod,)),
    "logsumexp": reduction(autodiff.logsumexp, lambda x: x.logsumexp(-1), side=1),
    "softmax": softened(autodiff.softmax, torch.softmax),
    "log_softmax": softened(autodiff.log_softmax, torch.log_softmax),
    "method sum": Op(lambda x, a, k: x.sum(a, keepdims=k), along(lambda x: x.sum(-1)), one(axes_of)),
    "method mean": Op(lambda x, a, k: x.mean(a, keepdims=k), along(lambda x: x.mean(-1)), one(axes_of, side=1)),
    "method max": Op(
        lambda x, a, k: x.max(a, keepdims=k), along(lambda x: x.amax(-1)), one(axes_of, side=1), smooth=False
    ),
    "method min": Op(
        lambda x, a, k: x.min(a, keepdims=k), along(lambda x: x.amin(-1)), one(axes_of, side=1), smooth=False
    ),
}


# ---- shapes


@st.composite
def factors(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    n = int(np.prod(shape))
    return (draw(st.sampled_from([(n,), (1, n), (n, 1), -1] if n else [(n,), (0, 2), (3, 0)])),)


@st.composite
def indices(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    kinds = [hnp.basic_indices(shape, allow_newaxis=True)]
    if shape and 0 not in shape:
        kinds.append(hnp.integer_array_indices(shape, result_shape=shapes(1, 2)))
        kinds.append(st.lists(axis_of((1,) * shape[0]), max_size=4))
    kinds.append(hnp.arrays(bool, shape))
    return (draw(st.one_of(kinds)),)


@st.composite
def many(draw: st.DrawFn, least: int = 1, same: bool = True, count: int | None = None) -> Arguments:
    """Several arrays of one shape; or, if not the same, that differ along the axis at which they are joined."""
    shape = draw(shapes(least, side=1))
    axis = draw(axis_of(shape)) if shape else 0
    sizes = [list(shape) for _ in range(count or draw(st.integers(1, 3)))]
    for size in sizes if not same else ():
        size[axis] = draw(st.integers(0, 3))
    return [draw(array(tuple(size))) for size in sizes], (axis,)


def joined(function: Callable[..., Any]) -> Callable[..., Any]:
    """Functions of a list of arrays and an axis, which comes last here."""
    return lambda *arguments: function(list(arguments[:-1]), arguments[-1])


def listed(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: function(list(arguments[:-1]))


@st.composite
def taken(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    axis = draw(st.none() | axis_of(shape))
    n = int(np.prod(shape)) if axis is None else shape[axis]
    return draw(hnp.arrays(int, shapes(0, 2, 0), elements=st.integers(-n, n - 1))), axis


@st.composite
def gathered(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    axis = draw(axis_of(shape))
    sizes = [draw(st.sampled_from([n, 1])) for n in shape]
    sizes[axis] = draw(st.integers(0, 3))
    return draw(hnp.arrays(int, tuple(sizes), elements=st.integers(0, shape[axis] - 1))), axis


@st.composite
def repeated(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    axis = draw(st.none() | axis_of(shape)) if shape else None
    n = int(np.prod(shape)) if axis is None else shape[axis]
    return draw(st.integers(0, 3) | st.lists(st.integers(0, 3), min_size=n, max_size=n)), axis


@st.composite
def rolled(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    steps = st.integers(-4, 4)
    if not shape or draw(st.booleans()):
        return draw(steps), draw(st.none() | axis_of(shape)) if shape else None
    axes = draw(hnp.valid_tuple_axes(len(shape), min_size=1))
    shifts = [draw(steps) for _ in axes]
    return draw(st.sampled_from([tuple(shifts), shifts, np.array(shifts), shifts[0]])), axes


def permutations(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    signs = st.tuples(*(st.sampled_from([0, len(shape)]) for _ in shape))
    either = st.tuples(st.permutations(range(len(shape))), signs)
    return st.tuples(st.none() | either.map(lambda p: tuple(a - s for a, s in zip(*p, strict=True))))


@st.composite
def grown(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    n = len(shape)
    return (draw(st.integers(-n - 1, n) | hnp.valid_tuple_axes(n + 2, min_size=2, max_size=2)),)


@st.composite
def widths(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    pair = st.tuples(st.integers(0, 2), st.integers(0, 2))
    return (draw(st.integers(0, 2) | pair | st.tuples(*(pair for _ in shape))) if shape else 0,)


def squeezed(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    single = [i for i, n in enumerate(shape) if n == 1]
    return st.tuples(st.sampled_from([None, *single, tuple(single)]))


def pairs(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    return st.tuples(axis_of(shape), axis_of(shape))


@st.composite
def two_axes(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    first, second = draw(hnp.valid_tuple_axes(len(shape), min_size=2, max_size=2))
    return draw(st.integers(-3, 3)), first, second


@st.composite
def moves(draw: st.DrawFn, shape: tuple[int, ...]) -> Any:
    if draw(st.booleans()):
        return draw(pairs(shape))
    some = hnp.valid_tuple_axes(len(shape), min_size=1)
    source = draw(some)
    return source, draw(hnp.valid_tuple_axes(len(shape), min_size=len(source), max_size=len(source)))


def offsets(shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    return st.tuples(st.integers(-3, 3))


SHAPES = {
    "copy": rearranged(np.copy, one()),
    "matrix_transpose": rearranged(np.matrix_transpose, one(least=2)),
    "atleast_1d": rearranged(np.atleast_1d, one()),
    "atleast_2d": rearranged(np.atleast_2d, one()),
    "append": Op(np.append, lambda x, y, a: torch.cat([x, y], a), many(same=False, count=2), (np.append,)),
    "append flat": Op(
        lambda x, y, _: np.append(x, y),
        lambda x, y, _: torch.cat([x.reshape(-1), y.reshape(-1)]),
        many(least=0, count=2),
    ),
    "diff": Op(
        np.diff,
        lambda x, n, axis: torch.diff(x, n, axis),
        one(lambda shape: st.tuples(st.integers(1, 2), axis_of(shape)), least=1, side=2),
        (np.diff,),
    ),
    "reshape": rearranged(np.reshape, one(factors)),
    "method reshape": Op(lambda x: x.reshape(x.size, 1), lambda x: x.reshape(x.numel(), 1), one()),
    "ravel": rearranged(np.ravel, one()),
    "transpose": rearranged(np.transpose, one(permutations)),
    "transpose by axes from either end": rearranged(
        lambda x, axes: np.transpose(x, axes),
        one(lambda shape: st.tuples(st.sampled_from([(0, -1, 1), (-1, 0, -2), (2, -3, 1)])), least=3, side=2),
        np.transpose,
    ),
    "method transpose": Op(lambda x: x.T.transpose().transpose(1, -2), lambda x: x.T, one(least=2, most=2)),
    "swapaxes": rearranged(np.swapaxes, one(pairs, least=1)),
    "moveaxis": rearranged(np.moveaxis, one(moves, least=1)),
    "expand_dims": rearranged(np.expand_dims, one(grown)),
    "squeeze": rearranged(np.squeeze, one(squeezed)),
    "broadcast_to": rearranged(np.broadcast_to, one(lambda shape: st.just(((2, 3, *shape),)))),
    "concatenate": Op(joined(np.concatenate), joined(torch.cat), many(same=False), (np.concatenate,)),
    "concatenate flat": Op(
        lambda *xs: np.concatenate(xs[:-1], None),
        lambda *xs: torch.cat([x.reshape(-1) for x in xs[:-1]]),
        many(least=0),
    ),
    "stack": Op(joined(np.stack), joined(torch.stack), many(least=1), (np.stack,)),
    "vstack": Op(listed(np.vstack), listed(torch.vstack), many(least=0), (np.vstack,)),
    "hstack": Op(listed(np.hstack), listed(torch.hstack), many(least=0), (np.hstack,)),
    "column_stack": Op(listed(np.column_stack), listed(torch.column_stack), many(least=0), (np.column_stack,)),
    "split": rearranged(
        lambda x, where, axis: np.concatenate(np.split(x, where, axis)[::-1], axis),
        one(lambda shape: st.tuples(st.sampled_from([1, [1], [0, 2], [2, 1], [-1], []]), axis_of(shape)), least=1),
        np.split,
    ),
    "flip": rearranged(np.flip, one(lambda shape: axes_of(shape).map(lambda a: a[:1]))),
    "roll": rearranged(np.roll, one(rolled)),
    "tile": rearranged(np.tile, one(lambda shape: st.tuples(shapes(1, 4) | st.integers(0, 2)))),
    "repeat": rearranged(np.repeat, one(repeated)),
    "take": rearranged(np.take, one(taken, least=1, side=1)),
    "take_along_axis": rearranged(np.take_along_axis, one(gathered, least=1, side=1)),
    "sort": Op(
        np.sort,
        flattened(lambda x, axis: torch.sort(x, dim=axis, stable=True).values),
        one(single_or_none, least=1),
        (np.sort,),
        smooth=False,
    ),
    "diagonal": rearranged(np.diagonal, one(two_axes, least=2)),
    "diag": rearranged(np.diag, one(offsets, least=1, most=2)),
    "trace": Op(
        np.trace, lambda x, *options: moved(np.diagonal)(x, *options).sum(-1), one(two_axes, least=2), (np.trace,)
    ),
    "tril": rearranged(np.tril, one(offsets, least=2)),
    "triu": rearranged(np.triu, one(offsets, least=2)),
    "pad": rearranged(np.pad, one(widths)),
    "index": rearranged(lambda x, index: x[index], one(indices), np.ndarray.__getitem__),
}


# ---- products


def words(*sizes: tuple[int, ...]) -> st.SearchStrategy[Arguments]:
    return st.tuples(*(array(size) for size in sizes)).map(lambda arrays: (list(arrays), ()))


def einsums() -> dict[str, Op]:
    n = {"i": 2, "j": 3, "k": 1, "b": 2}
    texts = [
        "i->i", "ij->ji", "ij->j", "ij->", "ij", "ji", "ij,jk->ik", "ij,jk", "ij,ij->", "i,j->ij", "bij,bjk->bik",
        "ij,ij->ij", "i,ij,j->", "ii->i", "ii->", "ii", "iij->j", "ij,j,i,ij->", "i,i,i->i", "ii,ij->j", "ij,kj->",
        "ij, jk -> ki",
    ]  # fmt: skip
    found = {}
    for text in texts:
        terms = text.replace(" ", "").split("->")[0].split(",")
        found[text] = (text, [tuple(n[c] for c in term) for term in terms])
    return found | {
        "...ij->...ji": ("...ij->...ji", [(2, 1, 2, 3)]),
        "...ij,jk->...ik": ("...ij,jk->...ik", [(2, 2, 3), (3, 2)]),
        "...ij,...jk->...ik": ("...ij,...jk->...ik", [(3, 2, 3), (1, 3, 2)]),
        "...ij,...jk": ("...ij,...jk", [(2, 3), (2, 3, 2)]),
        "b...,b...->b...": ("b...,b...->b...", [(2, 3), (2, 3)]),
        "...,...->...": ("...,...->...", [(), (3,)]),
        "i...->...": ("i...->...", [(2, 3)]),
        ",i->i": (",i->i", [(), (3,)]),
        "ij,ij->j with one row": ("ij,ij->j", [(3, 2), (1, 2)]),
        "ij,j->i with one column": ("ij,j->i", [(3, 1), (2,)]),
    }


def einsum(text: str, sizes: list[tuple[int, ...]]) -> Op:
    return Op(lambda *xs: np.einsum(text, *xs), lambda *xs: torch.einsum(text, *xs), words(*sizes), (np.einsum,))


def tensordot(axes: Any, *sizes: tuple[int, ...]) -> Op:
    return Op(
        lambda x, y: np.tensordot(x, y, axes), lambda x, y: torch.tensordot(x, y, axes), words(*sizes), (np.tensordot,)
    )


def product(function: Any, theirs: Any, *sizes: tuple[int, ...]) -> dict[str, Op]:
    name = getattr(function, "__name__", "")
    each = zip(sizes[::2], sizes[1::2], strict=True)
    return {f"{name} {a} {b}": Op(function, theirs, words(a, b), (function,)) for a, b in each}


PRODUCTS = {
    "matmul of stacks": Op(np.matmul, torch.matmul, stacks((2, 3), (3, 1)), (np.matmul,)),
    "@ of stacks": Op(lambda x, y: x @ y, torch.matmul, stacks((1, 2), (2, 2))),
    **product(
        np.matmul, torch.matmul, (3,), (3,), (2, 3), (3,), (3,), (3, 2), (2, 2, 3), (3,), (3,), (2, 3, 1), (0, 3),
        (3, 2), (2, 0), (0, 3), (0,), (0,), (2, 1, 2, 3), (3, 3, 2),
    ),
    **product(np.dot, torch.matmul, (3,), (3,), (2, 3), (3,), (3,), (3, 2), (2, 3), (3, 4)),
    **product(np.dot, torch.mul, (), (), (), (2, 3), (3,), ()),
    **product(np.inner, torch.inner, (3,), (3,), (2, 3), (3,), (2, 3), (4, 3), (3,), (2, 2, 3), (), (3,), (2,), ()),
    **product(np.outer, torch.outer, (3,), (2,), (0,), (2,), (1,), (1,)),
    "outer of matrices": Op(np.outer, lambda x, y: torch.outer(x.reshape(-1), y.reshape(-1)), words((2, 2), (3,))),
    **product(np.vdot, torch.vdot, (3,), (3,), (0,), (0,)),
    "vdot of matrices": Op(np.vdot, lambda x, y: torch.vdot(x.reshape(-1), y.reshape(-1)), words((2, 3), (2, 3))),
    **product(
        np.kron, lambda x, y: torch.kron(x.contiguous(), y.contiguous()), (2, 3), (2, 2), (1, 2), (3, 1), (0, 2),
        (2, 2), (1, 1), (1, 1),
    ),
    "tensordot 0": tensordot(0, (2,), (3, 1)),
    "tensordot 1": tensordot(1, (2, 3), (3, 2)),
    "tensordot 2": tensordot(2, (2, 3, 2), (3, 2)),
    "tensordot lists": tensordot(([0, 2], [1, 0]), (2, 3, 1), (1, 2)),
    "tensordot negative": tensordot(([-1], [0]), (2, 3), (3, 1, 2)),
    "tensordot empty": tensordot(1, (2, 0), (0, 3)),
    **{f"einsum {name}": einsum(*spec) for name, spec in einsums().items()},
    "inv": Op(np.linalg.inv, torch.linalg.inv, stacks((3, 3), well=True), (np.linalg.inv,)),
    "det": Op(np.linalg.det, torch.linalg.det, stacks((3, 3), well=True), (np.linalg.det,)),
    "slogdet": Op(
        lambda x: np.linalg.slogdet(x).logabsdet,
        lambda x: torch.linalg.slogdet(x).logabsdet,
        stacks((3, 3), well=True),
        (np.linalg.slogdet,),
    ),
    "cholesky": Op(
        lambda x: np.linalg.cholesky(x @ np.swapaxes(x, -1, -2) + np.eye(3, dtype=np.float32)),
        lambda x: torch.linalg.cholesky(x @ x.mT + torch.eye(3)),
        stacks((3, 3)),
        (np.linalg.cholesky,),
    ),
    "solve": Op(np.linalg.solve, torch.linalg.solve, stacks((3, 3), (3, 2), well=True), (np.linalg.solve,)),
    "solve a vector": Op(
        lambda a, b: np.linalg.solve(a + 6 * np.eye(3, dtype=np.float32), b),
        lambda a, b: torch.linalg.solve(a + 6 * torch.eye(3), b),
        words((3, 3), (3,)),
    ),
    "solve a vector with a stack": Op(
        lambda a, b: np.linalg.solve(a + 6 * np.eye(3, dtype=np.float32), b),
        lambda a, b: torch.linalg.solve(a + 6 * torch.eye(3), b.expand(2, 3)),
        words((2, 3, 3), (3,)),
    ),
}  # fmt: skip


# ---- networks


@st.composite
def images(draw: st.DrawFn) -> Arguments:
    h, w, p, q = (draw(st.integers(1, n)) for n in (4, 4, 3, 3))
    n, c, k = (draw(st.integers(1, 2)) for _ in range(3))
    stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, 2))
    p, q = min(p, h + 2 * padding), min(q, w + 2 * padding)
    sizes = [(n, c, h, w), (k, c, p, q), (k,)][: draw(st.integers(2, 3))]
    return [draw(array(size)) for size in sizes], (stride, padding)


@st.composite
def pooled(draw: st.DrawFn) -> Arguments:
    h, w = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    size, stride = draw(st.integers(1, min(h, w))), draw(st.none() | st.integers(1, 3))
    return [draw(array((draw(st.integers(1, 2)), draw(st.integers(1, 2)), h, w)))], (size, stride)


@st.composite
def classified(draw: st.DrawFn) -> Arguments:
    n, k = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return [draw(array((n, k)))], (draw(hnp.arrays(np.int64, n, elements=st.integers(0, k - 1))),)


@st.composite
def layers(draw: st.DrawFn) -> Arguments:
    n, d, k = draw(st.integers(0, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return [draw(array(size)) for size in ((n, d), (d, k), (k,))], ()


def convolved(*arguments: Any) -> Any:
    *arrays, stride, padding = arguments
    return autodiff.conv2d(*arrays, stride=stride, padding=padding)


def convolved_there(*arguments: Any) -> Any:
    *arrays, stride, padding = arguments
    return functional.conv2d(*arrays, stride=stride, padding=padding)


@st.composite
def sequences(draw: st.DrawFn) -> Arguments:
    steps, n, d, width = (draw(st.integers(1, most)) for most in (4, 3, 3, 3))
    shapes = (steps, n, d), (d, 4 * width), (width, 4 * width), (4 * width,), (n, width), (n, width)
    return [draw(array(shape)) for shape in shapes], ()


def lstm_there(x: Any, W: Any, U: Any, b: Any, h: Any, c: Any) -> Any:
    weights = [W.T, U.T, b, torch.zeros_like(b)]
    return torch.lstm(x, (h[None], c[None]), weights, True, 1, 0.0, False, False, False)[0]


NETWORKS = {
    "linear": Op(autodiff.linear, lambda x, w, b: x @ w + b, layers(), (autodiff.linear,)),
    "cross_entropy": Op(
        autodiff.cross_entropy,
        lambda x, labels: functional.cross_entropy(x, torch.from_numpy(labels)),
        classified(),
        (autodiff.cross_entropy,),
    ),
    "lstm": Op(autodiff.lstm, lstm_there, sequences(), (autodiff.lstm,)),
    "conv2d": Op(convolved, convolved_there, images(), (autodiff.conv2d,)),
    "max_pool2d": Op(
        lambda x, size, stride: autodiff.max_pool2d(x, size, stride=stride),
        functional.max_pool2d,
        pooled(),
        (autodiff.max_pool2d,),
        smooth=False,
    ),
    "avg_pool2d": Op(
        lambda x, size, stride: autodiff.avg_pool2d(x, size, stride=stride),
        functional.avg_pool2d,
        pooled(),
        (autodiff.avg_pool2d,),
    ),
}

OPS = ELEMENTWISE | REDUCTIONS | SHAPES | PRODUCTS | NETWORKS
