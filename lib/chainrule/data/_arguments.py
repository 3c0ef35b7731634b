"""What the functions of this package refuse, in one wording: the argument's name, what was given, what was expected."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np


def generator(rng: Any) -> np.random.Generator:
    """`rng` itself; TypeError unless it is a Generator."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng is {rng!r}; expected a generator: np.random.default_rng(seed)")
    return rng


def whole(name: str, value: Any, least: int = 1) -> int:
    """The value as an int; ValueError unless it is a whole number of at least `least`."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is {value!r}; expected a whole number of at least {least}")
    return int(value)


def number(name: str, value: Any, low: float = -math.inf, high: float = math.inf, *, above: bool = False) -> float:
    """The value as a float; ValueError unless it is finite and low <= value <= high, or low < value if `above`."""
    x = float(value) if isinstance(value, Real) else math.nan
    if not math.isfinite(x) or not low <= x <= high or (above and x == low):
        raise ValueError(f"{name} is {value!r}; expected {_range(low, high, above)}")
    return x


def numbers(name: str, values: Any, like: str, ndim: int = 1) -> np.ndarray:
    """The values as an array of floats; ValueError unless there are some, all finite, along `ndim` axes."""
    array = np.asarray(values)
    wrong = array.dtype.kind not in "biuf" or array.ndim != ndim or array.size == 0
    if wrong or not np.isfinite(array).all():
        raise ValueError(f"{name} is {values!r}; expected {like}")
    return array.astype(float)


def interval(name: str, value: Any) -> tuple[float, float]:
    """(low, high); ValueError unless these are two finite numbers, the first below the second."""
    ends = np.asarray(value)
    if ends.dtype.kind not in "iuf" or ends.shape != (2,) or not np.isfinite(ends).all() or not ends[0] < ends[1]:
        raise ValueError(f"{name} is {value!r}; expected two numbers, the lower first, as in (-1, 1)")
    return float(ends[0]), float(ends[1])


def _range(low: float, high: float, above: bool) -> str:
    if low == -math.inf:
        return "a number" if high == math.inf else f"a number of at most {high:g}"
    least = f"above {low:g}" if above else f"of at least {low:g}"
    return f"a number {least}" if high == math.inf else f"a number {least} and at most {high:g}"
