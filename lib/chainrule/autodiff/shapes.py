"""Primitives that rearrange: every element of the result is one of the arguments', or a constant."""

from __future__ import annotations

import builtins
import itertools
from collections.abc import Sequence
from types import EllipsisType
from typing import Any

import numpy as np

from chainrule.autodiff.engine import Part, Pullbacks, implements, primitive, value


@implements(np.reshape)
def reshape(x: Any, shape: Any) -> Any:
    return _reshape(x, shape)


@implements(np.ravel)
def ravel(x: Any) -> Any:
    return _reshape(x, -1)


@implements(np.transpose, np.permute_dims if hasattr(np, "permute_dims") else np.transpose)
def transpose(x: Any, axes: Any = None) -> Any:
    return _transpose(
        x, tuple(range(x.ndim))[::-1] if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    )


@implements(np.swapaxes)
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    axes = list(range(x.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return _transpose(x, tuple(axes))


@implements(np.moveaxis)
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    np.moveaxis(np.empty((1,) * x.ndim), source, destination)  # numpy checks the axes
    sources, destinations = np.atleast_1d(source) % x.ndim, np.atleast_1d(destination) % x.ndim
    axes = [i for i in range(x.ndim) if i not in sources]
    for to, since in sorted(zip(destinations.tolist(), sources.tolist(), strict=True)):
        axes.insert(to, since)
    return _transpose(x, tuple(axes))


@implements(np.expand_dims)
def expand_dims(x: Any, axis: Any) -> Any:
    return _reshape(x, np.expand_dims(np.empty(x.shape, bool), axis).shape)


@implements(np.squeeze)
def squeeze(x: Any, axis: Any = None) -> Any:
    return _reshape(x, np.squeeze(np.empty(x.shape, bool), axis).shape)


@implements(np.matrix_transpose)
def matrix_transpose(x: Any) -> Any:
    return swapaxes(x, -1, -2)


@implements(np.atleast_1d)
def atleast_1d(x: Any) -> Any:
    return x if x.ndim else _reshape(x, (1,))


@implements(np.atleast_2d)
def atleast_2d(x: Any) -> Any:
    return x if x.ndim > 1 else _reshape(x, (1, x.size))


@implements(np.broadcast_to)
def broadcast_to(x: Any, shape: Any) -> Any:
    return _broadcast_to(x, shape)


@implements(np.concatenate)
def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    if axis is None:
        return _concatenate(0, *(np.ravel(a) for a in arrays))
    return _concatenate(axis, *arrays)


@implements(np.append)
def append(x: Any, values: Any, axis: int | None = None) -> Any:
    return concatenate([x, values], axis)


@implements(np.stack)
def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    return _stack(axis, *arrays)


@implements(np.vstack)
def vstack(arrays: Sequence[Any]) -> Any:
    return concatenate([a if np.ndim(a) > 1 else np.reshape(a, (1, -1)) for a in arrays])


@implements(np.hstack)
def hstack(arrays: Sequence[Any]) -> Any:
    arrays = [a if np.ndim(a) else np.reshape(a, (1,)) for a in arrays]
    return concatenate(arrays, 0 if np.ndim(arrays[0]) == 1 else 1)


@implements(np.column_stack)
def column_stack(arrays: Sequence[Any]) -> Any:
    return concatenate([a if np.ndim(a) > 1 else np.reshape(a, (-1, 1)) for a in arrays], 1)


@implements(np.split)
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    before = (builtins.slice(None),) * (axis % x.ndim)
    parts = [part.tolist() for part in np.split(np.arange(x.shape[axis]), indices_or_sections)]
    return [x[(*before, builtins.slice(part[0], part[-1] + 1) if part else builtins.slice(0))] for part in parts]


@implements(np.diff)
def diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    """Each element less the one before it, n times."""
    before = (builtins.slice(None),) * (axis % x.ndim)
    for _ in range(n):
        x = x[(*before, builtins.slice(1, None))] - x[(*before, builtins.slice(None, -1))]
    return x


@implements(np.flip)
def flip(x: Any, axis: Any = None) -> Any:
    return _flip(x, axis)


@implements(np.roll)
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    return _roll(x, tuple(shift) if isinstance(shift, list) else shift, axis)


@implements(np.tile)
def tile(x: Any, reps: Any) -> Any:
    return np.ravel(x)[np.tile(np.arange(x.size).reshape(x.shape), reps)]


@implements(np.repeat)
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    if axis is None:
        x, axis = np.ravel(x), 0
    return np.take(x, np.repeat(np.arange(x.shape[axis]), repeats), axis)


@implements(np.take)
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    if axis is None:
        return np.ravel(x)[np.asarray(indices)]
    return x[(builtins.slice(None),) * (axis % x.ndim) + (np.asarray(indices),)]


@implements(np.take_along_axis)
def take_along_axis(x: Any, indices: Any, axis: int | None = -1) -> Any:
    if axis is None:
        x, axis = np.ravel(x), 0
    grid: list[Any] = list(np.ogrid[tuple(builtins.slice(n) for n in x.shape)])
    grid[axis] = indices
    return x[tuple(grid)]


@implements(np.sort)
def sort(x: Any, axis: int | None = -1) -> Any:
    """Equal elements keep their order, by which the derivative goes."""
    if axis is None:
        x, axis = np.ravel(x), 0
    return take_along_axis(x, np.argsort(value(x), axis, kind="stable"), axis)


@implements(np.diagonal)
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return np.ravel(x)[np.diagonal(np.arange(x.size).reshape(x.shape), offset, axis1, axis2)]


@implements(np.diag)
def diag(x: Any, k: int = 0) -> Any:
    if x.ndim == 2:
        return diagonal(x, k)
    n = len(x) + abs(k)
    rows = np.arange(len(x)) + builtins.max(-k, 0)
    return scatter(x, (rows, rows + k), (n, n))


@implements(np.trace)
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return diagonal(x, offset, axis1, axis2).sum(-1)


@implements(np.tril)
def tril(x: Any, k: int = 0) -> Any:
    return np.where(np.tri(x.shape[-2], x.shape[-1], k, dtype=bool), x, x.dtype.type(0))


@implements(np.triu)
def triu(x: Any, k: int = 0) -> Any:
    return np.where(np.tri(x.shape[-2], x.shape[-1], k - 1, dtype=bool), x.dtype.type(0), x)


@implements(np.pad)
def pad(x: Any, pad_width: Any, mode: str = "constant", *, constant_values: float = 0) -> Any:
    """With zeros, or another number: the only mode."""
    if mode != "constant":
        raise ValueError(
            f"pad in mode {mode!r} has no derivative here; pad with a number, or take the elements by index"
        )
    widths = np.broadcast_to(np.asarray(pad_width, int), (x.ndim, 2)).tolist()
    if np.min(widths, initial=0) < 0:
        raise ValueError(f"pad by {pad_width}: a width is at least 0; to cut instead, take a slice")
    return _pad(x, tuple(map(tuple, widths)), constant_values)


# ---- the primitives


@primitive
def getitem(x: Any, index: Any) -> tuple[Any, Pullbacks]:
    """The index has to fit the shape, as in numpy."""
    return x[index], (lambda g: Part(index, g), None)


@primitive
def scatter(g: Any, index: Any, shape: Any) -> tuple[Any, Pullbacks]:
    """Zeros of a shape, and `g` added at an index."""
    z = np.zeros(shape, g.dtype)
    add_at(z, index, value(g))
    return z, (lambda h: h[index], None, None)


def add_at(array: np.ndarray, index: Any, values: Any) -> None:
    """`array[index] += values`, where an element that the index names twice is added to twice."""
    if all(
        isinstance(i, int | np.integer | builtins.slice | EllipsisType | None)
        for i in (index if isinstance(index, tuple) else (index,))
    ):
        array[index] += values
    else:
        np.add.at(array, index, values)


@primitive
def _reshape(x: Any, shape: Any) -> tuple[Any, Pullbacks]:
    """The new shape has to hold as many elements."""
    return x.reshape(shape), (lambda g: g.reshape(x.shape), None)


@primitive
def _transpose(x: Any, axes: Any) -> tuple[Any, Pullbacks]:
    """The axes have to be a permutation of x's."""
    return x.transpose(axes), (lambda g: g.transpose(tuple(np.argsort([a % x.ndim for a in axes]).tolist())), None)


@primitive
def _broadcast_to(x: Any, shape: Any) -> tuple[Any, Pullbacks]:
    """Axes of length 1 can be repeated, and new ones begin at the front."""
    return np.broadcast_to(x, shape), (lambda g: g, None)


@primitive
def _concatenate(axis: Any, *xs: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal but along the axis."""
    z = np.concatenate(xs, axis)
    before = (builtins.slice(None),) * (axis % z.ndim)
    ends = np.cumsum([0, *(x.shape[axis] for x in xs)]).tolist()

    def pull(g: Any) -> list[Any]:
        return [None, *(g[(*before, builtins.slice(a, b))] for a, b in itertools.pairwise(ends))]

    return z, pull


@primitive
def _stack(axis: Any, *xs: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal."""
    z = np.stack(xs, axis)
    before = (builtins.slice(None),) * (axis % z.ndim)
    return z, lambda g: [None, *(g[(*before, i)] for i in range(len(xs)))]


@primitive
def _flip(x: Any, axis: Any) -> tuple[Any, Pullbacks]:
    """axis has to be one of x's axes, or a tuple of different ones."""
    return np.flip(x, axis), (lambda g: np.flip(g, axis), None)


@primitive
def _roll(x: Any, shift: Any, axis: Any) -> tuple[Any, Pullbacks]:
    """axis has to be one of x's axes, or a tuple of them, with a shift for each."""
    back = tuple(-s for s in shift) if isinstance(shift, tuple) else -shift
    return np.roll(x, shift, axis), (lambda g: np.roll(g, back, axis), None, None)


@primitive
def _pad(x: Any, widths: Any, constant: Any) -> tuple[Any, Pullbacks]:
    """A pair of widths for each axis, before and after, and one number."""
    z = np.full([a + n + b for n, (a, b) in zip(x.shape, widths, strict=True)], constant, x.dtype)
    inside = tuple(builtins.slice(a, a + n) for n, (a, _) in zip(x.shape, widths, strict=True))
    z[inside] = value(x)
    return z, (lambda g: g[inside], None, None)
