"""Regression problems whose noiseless target is known, so that bias can be measured against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import ArrayLike

from chainrule.data import _arguments as check

__all__ = ["Regression", "linear", "polynomial", "sine"]

Target = Callable[[np.ndarray], np.ndarray]


class Regression(NamedTuple):
    """A training set and what it hides: `y = f(X) + noise`. It unpacks as `X, y, f`.

    Args:
        X: (n, d).
        y: (n,).
        f: the noiseless target E[y | x], from (m, d) to (m,), for points of your own.
    """

    X: np.ndarray
    y: np.ndarray
    f: Target


def polynomial(
    n: int,
    rng: np.random.Generator,
    *,
    coefficients: ArrayLike = (0.0, -2.0, 0.0, 3.0),
    noise: float = 0.2,
    span: tuple[float, float] = (-1.0, 1.0),
    even: bool = False,
) -> Regression:
    """`f(x) = c0 + c1 x + c2 x^2 + ...` with Gaussian noise, at points that are uniform in an interval.

    Args:
        n: number of examples.
        rng: draws the points, then the noise.
        coefficients: (degree + 1,), the constant first.
        noise: the standard deviation of y around f.
        span: (low, high), where the points are.
        even: space the points evenly from low to high instead of drawing them.

    Returns:
        X (n, 1), y (n,) and f.

    Raises:
        ValueError, TypeError: an argument is out of its range; the message names it.

    >>> X, y, f = polynomial(3, np.random.default_rng(0), coefficients=[1, 0, 2], noise=0, even=True)
    >>> X[:, 0], y
    (array([-1.,  0.,  1.]), array([3., 1., 3.]))
    >>> f(np.array([[2.0]]))
    array([9.])
    """
    c = check.numbers("coefficients", coefficients, "one or more numbers, the constant first, as in (0, -2, 0, 3)")
    return _drawn(n, rng, lambda x: polyval(x, c), noise, span, even)


def sine(
    n: int,
    rng: np.random.Generator,
    *,
    amplitude: float = 1.0,
    frequency: float = 1.0,
    phase: float = 0.0,
    noise: float = 0.2,
    span: tuple[float, float] = (0.0, 1.0),
    even: bool = False,
) -> Regression:
    """`f(x) = amplitude sin(2 pi frequency x + phase)` with Gaussian noise, at points uniform in an interval.

    Args:
        n: number of examples.
        rng: draws the points, then the noise.
        amplitude: of the sine.
        frequency: periods for each unit of x.
        phase: in radians.
        noise: the standard deviation of y around f.
        span: (low, high), where the points are.
        even: space the points evenly from low to high instead of drawing them.

    Returns:
        X (n, 1), y (n,) and f.

    Raises:
        ValueError, TypeError: an argument is out of its range; the message names it.

    >>> X, y, f = sine(30, np.random.default_rng(0))
    >>> X.shape, y.shape, f(np.array([[0.25], [0.75]]))
    ((30, 1), (30,), array([ 1., -1.]))
    """
    height, angle = check.number("amplitude", amplitude), check.number("phase", phase)
    speed = 2 * np.pi * check.number("frequency", frequency)
    return _drawn(n, rng, lambda x: height * np.sin(speed * x + angle), noise, span, even)


def linear(
    n: int,
    rng: np.random.Generator,
    *,
    d: int = 200,
    intercept: float = 0.05,
    weights: ArrayLike = 0.01,
    noise: float = 0.01,
) -> Regression:
    """`f(x) = 0.05 + sum of 0.01 x_i` with standard normal x: with fewer rows than columns the data leave w open.

    From Zhang, Lipton, Li and Smola, Dive into Deep Learning, section "Weight decay": 20 rows, 200 columns.

    Args:
        n: number of examples.
        rng: draws X, then the noise.
        d: number of columns.
        intercept: f at the origin.
        weights: (d,), or one number for all columns.
        noise: the standard deviation of y around f.

    Returns:
        X (n, d), y (n,) and f.

    Raises:
        ValueError, TypeError: an argument is out of its range; the message names it.

    >>> X, y, f = linear(20, np.random.default_rng(0))
    >>> X.shape, f(np.zeros((1, 200))), f(np.ones((1, 200)))
    ((20, 200), array([0.05]), array([2.05]))
    """
    n, d, rng = check.whole("n", n), check.whole("d", d), check.generator(rng)
    b, sigma = check.number("intercept", intercept), check.number("noise", noise, 0)
    w = check.numbers("weights", weights, f"a number, or {d} numbers", ndim=np.ndim(weights))
    if w.shape not in ((), (d,)):
        raise ValueError(f"weights is an array of shape {w.shape}; expected a number, or {d} numbers, one a column")
    w = np.broadcast_to(w, d)
    X = rng.normal(size=(n, d))
    return Regression(X, b + X @ w + sigma * rng.normal(size=n), lambda X: b + _points(X, d) @ w)


def _drawn(
    n: int, rng: np.random.Generator, rule: Target, noise: float, span: tuple[float, float], even: bool
) -> Regression:
    n, rng, sigma = check.whole("n", n), check.generator(rng), check.number("noise", noise, 0)
    low, high = check.interval("span", span)
    x = np.linspace(low, high, n) if even else rng.uniform(low, high, n)
    return Regression(x[:, np.newaxis], rule(x) + sigma * rng.normal(size=n), lambda X: rule(_points(X, 1)[:, 0]))


def _points(X: np.ndarray, d: int) -> np.ndarray:
    X = np.asarray(X, dtype=float)
    if X.ndim != 2 or X.shape[1] != d:
        raise ValueError(f"f was given an array of shape {X.shape}; expected points in rows, (m, {d})")
    return X
