"""Primitives that work on each element by itself. numpy broadcasts their arguments; the engine undoes it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.autodiff.engine import CONSTANT, FUNCTIONS, Pullbacks, Tensor, implements, primitive, value

# fmt: off


@primitive
def add(x: Any, y: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast: from the last axis on, equal or 1."""
    return x + y, (lambda g: g, lambda g: g)


@primitive
def subtract(x: Any, y: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast: from the last axis on, equal or 1."""
    return x - y, (lambda g: g, lambda g: -g)


@primitive
def multiply(x: Any, y: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast: from the last axis on, equal or 1. (The matrix product is @.)"""
    return x * y, (lambda g: g * y, lambda g: g * x)


@primitive
def divide(x: Any, y: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast: from the last axis on, equal or 1."""
    z = x / y
    return z, (lambda g: g / y, lambda g: -g * z / y)


@primitive
def power(x: Any, p: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast: from the last axis on, equal or 1."""
    z = x**p

    def by_base(g: Any) -> Any:
        if p.__class__ in (int, float):
            return g * (p * x ** (p - 1)) if p else g * 0 * z
        flat = (value(x) == 0) & (value(p) == 0)  # 0 * 0**-1 would be 0 * inf
        return g * p * x ** np.where(flat, 1, p - 1)

    def by_exponent(g: Any) -> Any:
        flat = (value(x) == 0) & (value(p) >= 0)  # 0**p stays 0
        return g * np.where(flat, 0, z * np.log(np.where(flat, 1, x)))

    return z, (by_base, by_exponent)


@primitive
def negative(x: Any) -> tuple[Any, Pullbacks]:
    return -x, (lambda g: -g,)


@primitive
def absolute(x: Any) -> tuple[Any, Pullbacks]:
    """The derivative at 0 is 0."""
    return abs(x), (lambda g: g * np.sign(x),)


@primitive
def fabs(x: Any) -> tuple[Any, Pullbacks]:
    """The derivative at 0 is 0."""
    return abs(x), (lambda g: g * np.sign(x),)


@primitive
def reciprocal(x: Any) -> tuple[Any, Pullbacks]:
    z = 1 / x
    return z, (lambda g: -g * z * z,)


@primitive
def square(x: Any) -> tuple[Any, Pullbacks]:
    return x * x, (lambda g: g * (2 * x),)


@primitive
def sqrt(x: Any) -> tuple[Any, Pullbacks]:
    z = np.sqrt(x)
    return z, (lambda g: g / (2 * z),)


@primitive
def cbrt(x: Any) -> tuple[Any, Pullbacks]:
    z = np.cbrt(x)
    return z, (lambda g: g / (3 * z * z),)


@primitive
def exp(x: Any) -> tuple[Any, Pullbacks]:
    z = np.exp(x)
    return z, (lambda g: g * z,)


@primitive
def exp2(x: Any) -> tuple[Any, Pullbacks]:
    z = np.exp2(x)
    return z, (lambda g: g * (z * _LN2),)


@primitive
def expm1(x: Any) -> tuple[Any, Pullbacks]:
    z = np.expm1(x)
    return z, (lambda g: g * (z + 1),)


@primitive
def log(x: Any) -> tuple[Any, Pullbacks]:
    return np.log(x), (lambda g: g / x,)


@primitive
def log2(x: Any) -> tuple[Any, Pullbacks]:
    return np.log2(x), (lambda g: g / (x * _LN2),)


@primitive
def log10(x: Any) -> tuple[Any, Pullbacks]:
    return np.log10(x), (lambda g: g / (x * _LN10),)


@primitive
def log1p(x: Any) -> tuple[Any, Pullbacks]:
    return np.log1p(x), (lambda g: g / (1 + x),)


@primitive
def sin(x: Any) -> tuple[Any, Pullbacks]:
    return np.sin(x), (lambda g: g * np.cos(x),)


@primitive
def cos(x: Any) -> tuple[Any, Pullbacks]:
    return np.cos(x), (lambda g: -g * np.sin(x),)


@primitive
def tan(x: Any) -> tuple[Any, Pullbacks]:
    z = np.tan(x)
    return z, (lambda g: g * (1 + z * z),)


@primitive
def arcsin(x: Any) -> tuple[Any, Pullbacks]:
    return np.arcsin(x), (lambda g: g / np.sqrt(1 - x * x),)


@primitive
def arccos(x: Any) -> tuple[Any, Pullbacks]:
    return np.arccos(x), (lambda g: -g / np.sqrt(1 - x * x),)


@primitive
def arctan(x: Any) -> tuple[Any, Pullbacks]:
    return np.arctan(x), (lambda g: g / (1 + x * x),)


@primitive
def sinh(x: Any) -> tuple[Any, Pullbacks]:
    return np.sinh(x), (lambda g: g * np.cosh(x),)


@primitive
def cosh(x: Any) -> tuple[Any, Pullbacks]:
    return np.cosh(x), (lambda g: g * np.sinh(x),)


@primitive
def tanh(x: Any) -> tuple[Any, Pullbacks]:
    z = np.tanh(x)
    return z, (lambda g: g * (1 - z * z),)


@primitive
def arcsinh(x: Any) -> tuple[Any, Pullbacks]:
    return np.arcsinh(x), (lambda g: g / np.sqrt(x * x + 1),)


@primitive
def arccosh(x: Any) -> tuple[Any, Pullbacks]:
    return np.arccosh(x), (lambda g: g / np.sqrt(x * x - 1),)


@primitive
def arctanh(x: Any) -> tuple[Any, Pullbacks]:
    return np.arctanh(x), (lambda g: g / (1 - x * x),)


@primitive
def arctan2(y: Any, x: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast: from the last axis on, equal or 1."""
    return np.arctan2(y, x), (lambda g: g * x / (x * x + y * y), lambda g: -g * y / (x * x + y * y))


@primitive
def hypot(x: Any, y: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast: from the last axis on, equal or 1."""
    z = np.hypot(x, y)
    return z, (lambda g: g * x / z, lambda g: g * y / z)


@primitive
def logaddexp(x: Any, y: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast: from the last axis on, equal or 1."""
    return np.logaddexp(x, y), (lambda g: g * sigmoid(x - y), lambda g: g * sigmoid(y - x))


@primitive
def maximum(x: Any, y: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast. Where both are equal, each gets half of the derivative."""
    return np.maximum(x, y), (lambda g: g * _larger(x, y, g), lambda g: g * _larger(y, x, g))


@primitive
def minimum(x: Any, y: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast. Where both are equal, each gets half of the derivative."""
    return np.minimum(x, y), (lambda g: g * _larger(y, x, g), lambda g: g * _larger(x, y, g))


def _larger(x: Any, y: Any, g: Any) -> Any:
    """1 where x is larger, 1/2 where both are equal, 0 elsewhere."""
    return (value(x) > value(y)) + g.dtype.type(0.5) * (value(x) == value(y))


@primitive
def clip(x: Any, low: Any, high: Any) -> tuple[Any, Pullbacks]:
    """Shapes have to be equal, or be broadcast. At a bound the derivative is that of x."""
    u, a, b = value(x), value(low), value(high)
    a = -np.inf if a is None else a
    b = np.inf if b is None else b
    return np.clip(x, low, high), (
        lambda g: g * ((a <= u) & (u <= b)),
        lambda g: g * ((u < a) & (a < b)),
        lambda g: g * ((u > b) | (b < a)),
    )


@primitive
def where(condition: Any, x: Any, y: Any) -> tuple[Any, Pullbacks]:
    """Shapes of the condition and of both choices have to be equal, or be broadcast."""
    c = value(condition)
    return np.where(c, x, y), (
        None,
        lambda g: np.where(c, g, g.dtype.type(0)),
        lambda g: np.where(c, g.dtype.type(0), g),
    )


@primitive
def relu(x: Any) -> tuple[Any, Pullbacks]:
    """The rectified linear unit, max(x, 0). The derivative at 0 is 0."""
    z = np.maximum(x, 0)
    return z, (lambda g: g * (z > 0),)


@primitive
def sigmoid(x: Any) -> tuple[Any, Pullbacks]:
    """The logistic function 1 / (1 + exp(-x)), for any x."""
    z = sigmoid(x) if x.__class__ is Tensor else _logistic(x)
    return z, (lambda g: g * (z * (1 - z)),)


def _logistic(x: Any) -> Any:
    with np.errstate(over="ignore"):  # 1 / inf is right, and nothing else keeps the digits of small results as cheaply
        return 1 / (1 + np.exp(-x))


@primitive
def softplus(x: Any) -> tuple[Any, Pullbacks]:
    """log(1 + exp(x)), for any x."""
    return np.logaddexp(0, x), (lambda g: g * sigmoid(x),)


@primitive
def silu(x: Any) -> tuple[Any, Pullbacks]:
    """x * sigmoid(x), for any x."""
    s = sigmoid(x)
    return x * s, (lambda g: g * (s * (1 + x * (1 - s))),)


@primitive
def _sinc(x: Any, order: Any) -> tuple[Any, Pullbacks]:
    """The derivative of numpy's sinc of this order: a whole number, 0 for sinc itself."""
    return _derivative_of_sinc(value(x), order), (lambda g: g * _sinc(x, order + 1), None)


def _derivative_of_sinc(x: Any, order: int) -> Any:
    """x sinc(x) = sin(pi x) / pi, differentiated; within 1 of 0, where that loses digits, the power series."""
    if order == 0:
        return np.sinc(x)
    near = abs(x) < 1
    far = np.where(near, 1, x)
    z = np.sinc(far)
    for n in range(1, order + 1):
        z = (np.pi ** (n - 1) * np.sin(np.pi * (far + n / 2)) - n * z) / far
    series = np.zeros(32)
    for m in range(order % 2, len(series), 2):  # sinc(x) is the sum of (-1)^(k/2) (pi x)^k / (k + 1)! over even k
        k = m + order
        series[m] = (-1) ** (k // 2) * np.pi**k / ((k + 1) * math.factorial(m))
    return np.where(near, np.polynomial.polynomial.polyval(np.where(near, x, 0), series), z).astype(x.dtype)


@primitive
def identity(x: Any) -> tuple[Any, Pullbacks]:
    """x itself, as a Tensor of its own."""
    return x + 0, (lambda g: g,)


# fmt: on

_LN2, _LN10 = float(np.log(2)), float(np.log(10))

FUNCTIONS.update({np.where: where, np.copy: identity})


@implements(np.sinc)
def sinc(x: Any) -> Any:
    return _sinc(x, 0)


@implements(np.clip)
def _clip(x: Any, low: Any = None, high: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return clip(x, low if min is None else min, high if max is None else max)


CONSTANT |= {
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal, np.isnan, np.isfinite, np.isinf,
    np.signbit, np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.sign, np.floor, np.ceil, np.rint,
    np.trunc, np.round, np.shape, np.ndim, np.size, np.zeros_like, np.ones_like, np.full_like, np.empty_like, np.argmax,
    np.argmin, np.argsort, np.array_equal, np.allclose, np.isclose, np.count_nonzero, np.nonzero, np.flatnonzero,
    np.any, np.all, np.heaviside, np.floor_divide, np.argwhere, np.argpartition, np.result_type, np.searchsorted,
    np.array_repr, np.array_str, np.array2string,
}  # fmt: skip
