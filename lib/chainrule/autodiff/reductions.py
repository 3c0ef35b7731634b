"""Primitives that combine the elements along axes, and functions made of them; all with numpy's names and arguments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.autodiff.engine import Pullbacks, Tensor, implements, primitive, value


@implements(np.sum)
def sum(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _sum(x, axis, keepdims)


@implements(np.mean)
def mean(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _mean(x, axis, keepdims)


@implements(np.max, np.amax)
def max(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Where several are largest, they share the derivative evenly."""
    return _extreme(x, np.max, axis, keepdims)


@implements(np.min, np.amin)
def min(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """Where several are smallest, they share the derivative evenly."""
    return _extreme(x, np.min, axis, keepdims)


@implements(np.var)
def var(x: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    """The mean of squared deviations, with n - ddof in place of n."""
    deviations = x - mean(x, axis, keepdims=True)
    return sum(deviations * deviations, axis, keepdims=keepdims) / (_count(x, axis) - ddof)


@implements(np.std)
def std(x: Any, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    """The root of the variance. Its derivative at 0 is 0."""
    deviations = x - mean(x, axis, keepdims=True)
    return _norm(deviations, axis, keepdims) / math.sqrt(_count(x, axis) - ddof)


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The root of the sum of squares, of vectors also the sum (order 1) and the largest (inf) of the absolute values.
    Its derivative at 0 is 0."""
    kind = {1: "vector", 2: "matrix"}.get(len(_axes(x, axis)), "tensor")
    if ord is None or (kind, ord) in (("vector", 2), ("matrix", "fro")):
        return _norm(x, axis, keepdims)
    if kind == "vector" and ord in (1, np.inf):
        return (sum if ord == 1 else max)(abs(x), axis, keepdims=keepdims)
    raise ValueError(
        f"the norm of order {ord!r} of a {kind} has no derivative here; the root of the sum of squares has"
    )


@implements(np.cumsum)
def cumsum(x: Any, axis: int | None = None) -> Any:
    return _cumsum(x.reshape(-1), 0) if axis is None else _cumsum(x, axis)


@implements(np.prod)
def prod(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """By halves: zeros need no care then, and neither do higher derivatives."""
    axes, shape = _axes(x, axis), np.shape(value(x))
    rest = [i for i in range(len(shape)) if i not in axes]
    n = _count(x, axis)
    x = np.transpose(x, (*axes, *rest)).reshape(n, *(shape[i] for i in rest))
    while (n := x.shape[0]) > 1:
        pairs = x[: n - n % 2 : 2] * x[1::2]
        x = np.concatenate([pairs, x[n - 1 :]]) if n % 2 else pairs
    x = x[0] if n else np.ones(x.shape[1:], x.dtype)
    return x.reshape([1 if i in axes else k for i, k in enumerate(shape)]) if keepdims else x


@implements(np.cumprod)
def cumprod(x: Any, axis: int | None = None) -> Any:
    """By doubling strides: entry i is multiplied by entries i - 1, i - 2 and i - 3, i - 4 to i - 7, and so on."""
    x = x.reshape(-1) if axis is None else np.moveaxis(x, axis, 0)
    stride = 1
    while stride < x.shape[0]:
        x = np.concatenate([x[:stride], x[stride:] * x[:-stride]])
        stride *= 2
    return x if axis is None else np.moveaxis(x, 0, axis)


@implements(np.ptp)
def ptp(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return max(x, axis, keepdims=keepdims) - min(x, axis, keepdims=keepdims)


def logsumexp(x: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) along axes, for any x: the largest entry is taken out first."""
    return _logsumexp(_array(x), axis, keepdims)


def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along an axis: probabilities from logits."""
    return _softmax(_array(x), axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """log(softmax(x)) along an axis, without the loss of digits of doing one after the other."""
    return _log_softmax(_array(x), axis)


def _array(x: Any) -> Any:
    return x if x.__class__ is Tensor else np.asarray(x)


# ---- the primitives: with an axis of None, an int or a tuple


@primitive
def _sum(x: Any, axis: Any, keepdims: Any) -> tuple[Any, Pullbacks]:
    """axis has to be one of x's axes, or a tuple of different ones."""
    return x.sum(axis, keepdims=keepdims), (lambda g: _spread(g, x, axis), None, None)


@primitive
def _mean(x: Any, axis: Any, keepdims: Any) -> tuple[Any, Pullbacks]:
    """axis has to be one of x's axes, or a tuple of different ones."""
    return x.mean(axis, keepdims=keepdims), (lambda g: _spread(g / _count(x, axis), x, axis), None, None)


@primitive
def _extreme(x: Any, best: Any, axis: Any, keepdims: Any) -> tuple[Any, Pullbacks]:
    """axis has to be one of x's axes, or a tuple of different ones, and none of them empty."""
    z = best(x, axis=axis, keepdims=keepdims)

    def pull(g: Any) -> Any:
        winners = value(x) == best(value(x), axis=axis, keepdims=True)
        return _spread(g, x, axis) * (winners / winners.sum(axis, keepdims=True, dtype=x.dtype))

    return z, (pull, None, None, None)


@primitive
def _norm(x: Any, axis: Any, keepdims: Any) -> tuple[Any, Pullbacks]:
    """axis has to be one of x's axes, or a tuple of different ones."""
    z = np.sqrt((x * x).sum(axis, keepdims=keepdims))
    zero = value(z) == 0
    return z, (lambda g: x * _spread(np.where(zero, 0, g) / np.where(zero, 1, z), x, axis), None, None)


@primitive
def _cumsum(x: Any, axis: Any) -> tuple[Any, Pullbacks]:
    """axis has to be one of x's axes."""
    return np.cumsum(x, axis), (lambda g: np.flip(np.cumsum(np.flip(g, axis), axis), axis), None)


@primitive
def _logsumexp(x: Any, axis: Any, keepdims: Any) -> tuple[Any, Pullbacks]:
    """axis has to be one of x's axes, or a tuple of different ones, and none of them empty."""
    top = value(x).max(axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):  # of nothing but -inf it is -inf
        z = np.log(np.exp(x - top).sum(axis, keepdims=keepdims)) + (top if keepdims else top.reshape(_kept(x, axis)))
    finite = np.where(np.isfinite(z), z, z.dtype.type(0))
    return z, (lambda g: _spread(g, x, axis) * np.exp(x - _spread(finite, x, axis)), None, None)


@primitive
def _softmax(x: Any, axis: Any) -> tuple[Any, Pullbacks]:
    """axis has to be one of x's axes, and not empty."""
    z = np.exp(x - value(x).max(axis, keepdims=True))
    z = z / z.sum(axis, keepdims=True)
    return z, (lambda g: z * (g - (g * z).sum(axis, keepdims=True)), None)


@primitive
def _log_softmax(x: Any, axis: Any) -> tuple[Any, Pullbacks]:
    """axis has to be one of x's axes, and not empty."""
    z = x - value(x).max(axis, keepdims=True)
    z = z - np.log(np.exp(z).sum(axis, keepdims=True))
    return z, (lambda g: g - np.exp(z) * g.sum(axis, keepdims=True), None)


# ---- axes


def _axes(x: Any, axis: Any) -> tuple[int, ...]:
    """The axes meant, as numbers from 0."""
    if axis is None:
        return tuple(range(x.ndim))
    return tuple(int(a) % x.ndim if x.ndim else 0 for a in (axis if isinstance(axis, tuple) else (axis,)))


def _count(x: Any, axis: Any) -> int:
    """How many elements go into one."""
    return math.prod(x.shape[a] for a in _axes(x, axis)) if x.ndim else 1


def _kept(x: Any, axis: Any) -> list[int]:
    axes = _axes(x, axis)
    return [n for i, n in enumerate(x.shape) if i not in axes]


def _spread(g: Any, x: Any, axis: Any) -> Any:
    """Undo a reduction: repeat `g` along the axes that went."""
    if axis is None and g.ndim == 0:
        return np.broadcast_to(g, x.shape)
    axes = _axes(x, axis)
    return np.broadcast_to(g.reshape([1 if i in axes else n for i, n in enumerate(x.shape)]), x.shape)
