"""Functions to descend on, with gradient and Hessian: valleys, saddles, wells.

A point is the last axis of an array: (2,) for a function of two variables, (1,) for one of a single variable. Leading
axes hold many points at once, as a grid for a contour plot does.

>>> ROSENBROCK.value([1.0, 2.0])
array(100.)
>>> ROSENBROCK.gradient([[1.0, 2.0], [0.0, 0.0]])
array([[-400.,  200.],
       [  -2.,    0.]])
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = [
    "DOUBLE_WELL",
    "HIMMELBLAU",
    "MONKEY_SADDLE",
    "ROSENBROCK",
    "SADDLE",
    "WIGGLY",
    "Function",
    "huber",
    "quadratic",
]


@dataclass(frozen=True, eq=False)
class Function:
    """A function of d variables with its first two derivatives.

    The three rules take the d coordinates as arguments and return a number, the d entries of the gradient, and the d
    rows of the Hessian. `value`, `gradient` and `hessian` apply them to arrays of points.

    Attributes:
        name: for titles and legends.
        rule: f(x1, ..., xd).
        gradient_rule: the list of df/dxi.
        hessian_rule: the list of rows of d2f/dxi dxj.
        minima: (k, d), the points where the function is least; (0, d) where it has no least value. What else is flat,
            such as a saddle or a local minimum, is not listed.
        region: (d, 2), the interval of each coordinate that shows what the function is known for.

    >>> minima, region = np.zeros((1, 1)), np.array([[-1.0, 1.0]])
    >>> bowl = Function("bowl", lambda x: x**2, lambda x: [2 * x], lambda x: [[2]], minima, region)
    >>> bowl.value([3.0]), bowl.gradient([3.0]), bowl.hessian([3.0])
    (array(9.), array([6.]), array([[2.]]))
    """

    name: str
    rule: Callable[..., Any]
    gradient_rule: Callable[..., list[Any]]
    hessian_rule: Callable[..., list[list[Any]]]
    minima: np.ndarray
    region: np.ndarray

    @property
    def dimension(self) -> int:
        """d, the number of variables."""
        return len(self.region)

    def value(self, point: ArrayLike) -> np.ndarray:
        """f at each point: (..., d) to (...). Raises ValueError where the last axis is not of length d."""
        x = self._coordinates(point)
        return _stacked([self.rule(*x)], x)[..., 0]

    def gradient(self, point: ArrayLike) -> np.ndarray:
        """The gradient at each point: (..., d) to (..., d). Raises ValueError as `value` does."""
        x = self._coordinates(point)
        return _stacked(self.gradient_rule(*x), x)

    def hessian(self, point: ArrayLike) -> np.ndarray:
        """The Hessian at each point: (..., d) to (..., d, d). Raises ValueError as `value` does."""
        x = self._coordinates(point)
        return np.stack([_stacked(row, x) for row in self.hessian_rule(*x)], axis=-2)

    def _coordinates(self, point: ArrayLike) -> np.ndarray:
        """(..., d) to (d, ...)."""
        x = np.asarray(point)
        if x.ndim == 0 or x.shape[-1] != self.dimension:
            raise ValueError(
                f"{self.name} was given an array of shape {x.shape}; expected points of {self.dimension} coordinates "
                f"along the last axis, (..., {self.dimension})"
            )
        return np.moveaxis(x if x.dtype.kind == "f" else x.astype(float), -1, 0)


def _stacked(entries: list[Any], x: np.ndarray) -> np.ndarray:
    """The entries along a new last axis; one that is the same at all points, such as 2, is repeated for each."""
    return np.stack([np.broadcast_to(entry, x.shape[1:]) for entry in entries], axis=-1).astype(x.dtype, copy=False)


def quadratic(curvatures: ArrayLike) -> Function:
    """The quadratic `a1 x1^2 + ... + ad xd^2`, whose Hessian is constant, 2 a on its diagonal.

    Gradient descent converges for learning rates below 1 / max(a). The ratio of the largest to the smallest curvature
    is the condition number: the more it is above 1, the narrower the valley and the slower the descent along it.

    Args:
        curvatures: (d,), the positive numbers a.

    >>> quadratic([0.05, 1.0]).gradient([-8.0, 1.5])
    array([-0.8,  3. ])
    """
    a = np.asarray(curvatures, dtype=float)
    if a.ndim != 1 or a.size == 0 or not (a > 0).all():
        raise ValueError(f"curvatures is {curvatures!r}; expected one or more positive numbers, as in [0.05, 1.0]")
    coefficients = a.tolist()
    return Function(
        name="quadratic",
        rule=lambda *x: sum(ai * xi**2 for ai, xi in zip(coefficients, x, strict=True)),
        gradient_rule=lambda *x: [2 * ai * xi for ai, xi in zip(coefficients, x, strict=True)],
        hessian_rule=lambda *x: np.diag(2 * a).tolist(),
        minima=np.zeros((1, a.size)),
        region=np.tile([-10.0, 10.0], (a.size, 1)),
    )


def huber(delta: float = 1.0) -> Function:
    """Huber's function (1964) of one variable: x^2 / 2 where |x| <= delta, delta (|x| - delta / 2) further out.

    Its slope never exceeds delta; a small delta makes it delta |x|, rounded at the tip.

    >>> huber(0.5).value([[0.5], [-4.0]])
    array([0.125, 1.875])
    """
    if not 0 < delta < math.inf:
        raise ValueError(f"delta is {delta!r}; expected a positive number")
    return Function(
        name="Huber",
        rule=lambda x: np.where(np.abs(x) <= delta, x**2 / 2, delta * (np.abs(x) - delta / 2)),
        gradient_rule=lambda x: [np.clip(x, -delta, delta)],
        hessian_rule=lambda x: [[np.abs(x) <= delta]],
        minima=np.zeros((1, 1)),
        region=np.array([[-4 * delta, 4 * delta]]),
    )


ROSENBROCK = Function(  # Rosenbrock (1960)
    name="Rosenbrock",
    rule=lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
    gradient_rule=lambda x, y: [-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)],
    hessian_rule=lambda x, y: [[2 + 1200 * x**2 - 400 * y, -400 * x], [-400 * x, 200]],
    minima=np.array([[1.0, 1.0]]),
    region=np.array([[-2.0, 2.0], [-1.0, 3.0]]),
)
"""A valley along the parabola y = x^2: easily reached, and then almost flat towards its minimum."""

HIMMELBLAU = Function(  # Himmelblau (1972)
    name="Himmelblau",
    rule=lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
    gradient_rule=lambda x, y: [
        4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7),
        2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7),
    ],
    hessian_rule=lambda x, y: [
        [12 * x**2 + 4 * y - 42, 4 * (x + y)],
        [4 * (x + y), 12 * y**2 + 4 * x - 26],
    ],
    minima=np.array(
        [
            [3.0, 2.0],
            [-2.805118086952745, 3.131312518250573],
            [-3.779310253377747, -3.283185991286170],
            [3.584428340330492, -1.848126526964404],
        ]
    ),
    region=np.array([[-5.0, 5.0], [-5.0, 5.0]]),
)
"""Four equal minima, so that the start decides which one a path ends in; four saddles and a maximum between them."""

SADDLE = Function(
    name="saddle",
    rule=lambda x, y: x**2 - y**2,
    gradient_rule=lambda x, y: [2 * x, -2 * y],
    hessian_rule=lambda x, y: [[2, 0], [0, -2]],
    minima=np.empty((0, 2)),
    region=np.array([[-2.0, 2.0], [-2.0, 2.0]]),
)
"""Flat at the origin; up along x, down without end along y."""

MONKEY_SADDLE = Function(
    name="monkey saddle",
    rule=lambda x, y: x**3 - 3 * x * y**2,
    gradient_rule=lambda x, y: [3 * x**2 - 3 * y**2, -6 * x * y],
    hessian_rule=lambda x, y: [[6 * x, -6 * y], [-6 * y, -6 * x]],
    minima=np.empty((0, 2)),
    region=np.array([[-2.0, 2.0], [-2.0, 2.0]]),
)
"""Three ways down from the origin, for two legs and a tail; the Hessian there is zero and tells nothing."""

DOUBLE_WELL = Function(
    name="double well",
    rule=lambda x: (x**2 - 1) ** 2,
    gradient_rule=lambda x: [4 * x * (x**2 - 1)],
    hessian_rule=lambda x: [[12 * x**2 - 4]],
    minima=np.array([[-1.0], [1.0]]),
    region=np.array([[-1.6, 1.6]]),
)
"""Two equal minima and a maximum between them, at 0, where the gradient vanishes too."""

WIGGLY = Function(  # Rastrigin's function of one variable, with waves a tenth as high
    name="wiggly",
    rule=lambda x: x**2 + 1 - np.cos(2 * np.pi * x),
    gradient_rule=lambda x: [2 * x + 2 * np.pi * np.sin(2 * np.pi * x)],
    hessian_rule=lambda x: [[2 + 4 * np.pi**2 * np.cos(2 * np.pi * x)]],
    minima=np.zeros((1, 1)),
    region=np.array([[-4.0, 4.0]]),
)
"""A bowl with waves: one lowest minimum, at 0, among local ones near the whole numbers."""
