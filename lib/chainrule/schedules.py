"""Schedules: which learning rate to use at which step.

A schedule is a function of the step, an int that counts from 0, and returns the rate, a float of at least 0. Those with
an end, `max_steps`, are clamped: every later step has the rate of the end.

>>> schedule = warm_up(cosine(max_steps=4, lr_max=0.8), steps=2)
>>> [round(schedule(step), 2) for step in range(8)]
[0.0, 0.4, 0.8, 0.68, 0.4, 0.12, 0.0, 0.0]

In a loop, set `optimiser.lr = schedule(step)` before each step. All functions here raise ValueError for an argument out
of its range; the message names the argument and the range.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from numbers import Integral

__all__ = [
    "Plateau",
    "constant",
    "cosine",
    "exponential",
    "linear",
    "piecewise",
    "polynomial",
    "warm_up",
]

Schedule = Callable[[int], float]
"""From the step, counted from 0, to the learning rate."""


def constant(lr: float) -> Schedule:
    """The same rate at every step.

    >>> constant(0.1)(1000)
    0.1
    """
    _require(0 <= lr < math.inf, "lr", lr, "a number of at least 0")

    def rate(step: int) -> float:
        _counted(step)
        return lr

    return rate


def piecewise(boundaries: Sequence[int], rates: Sequence[float]) -> Schedule:
    """A constant rate in each of several stretches.

    Args:
        boundaries: (k,), the steps from which on the next rate holds, rising, each at least 1.
        rates: (k + 1,), the first from step 0 on, the next from boundaries[0] on, and so forth.

    >>> [piecewise([2, 3], [1.0, 0.1, 0.01])(step) for step in range(5)]
    [1.0, 1.0, 0.1, 0.01, 0.01]
    """
    edges, values = [0, *boundaries], list(rates)
    _require(all(a < b for a, b in pairwise(edges)), "boundaries", boundaries, "steps of at least 1 that rise")
    _require(len(values) == len(edges), "rates", rates, f"{len(edges)} numbers, one more than there are boundaries")
    _require(all(0 <= lr < math.inf for lr in values), "rates", rates, "numbers of at least 0")
    return lambda step: values[bisect_right(edges, _counted(step)) - 1]


def linear(max_steps: int, lr_max: float, lr_min: float = 0.0) -> Schedule:
    """A straight line from lr_max at step 0 to lr_min at max_steps.

    >>> [linear(4, lr_max=1.0)(step) for step in (0, 1, 2, 4, 9)]
    [1.0, 0.75, 0.5, 0.0, 0.0]
    """
    _require_descent(max_steps, lr_max, lr_min)

    def rate(step: int) -> float:
        progress = min(_counted(step), max_steps) / max_steps
        return (1 - progress) * lr_max + progress * lr_min

    return rate


def cosine(max_steps: int, lr_max: float, lr_min: float = 0.0) -> Schedule:
    """Half a cosine wave from lr_max at step 0 to lr_min at max_steps (Loshchilov and Hutter, 2017, without restarts).

    >>> [round(cosine(4, lr_max=0.8)(step), 3) for step in (0, 1, 2, 4, 9)]
    [0.8, 0.683, 0.4, 0.0, 0.0]
    """
    _require_descent(max_steps, lr_max, lr_min)

    def rate(step: int) -> float:
        progress = min(_counted(step), max_steps) / max_steps
        return lr_min + 0.5 * (lr_max - lr_min) * (1 + math.cos(math.pi * progress))

    return rate


def polynomial(a: float, b: float = 1.0, p: float = 1.0) -> Schedule:
    """The rate a / (b + step)^p, which has no end.

    Stochastic gradients (Robbins and Monro, 1951) ask for rates whose sum is infinite: p at most 1. For convex losses
    p = 1/2 is the usual choice, for strongly convex ones p = 1.

    Args:
        a: a number of at least 0; the rate at step 0 is a / b^p.
        b: a positive number, in steps; a larger one lets the rate fall later.
        p: a number of at least 0; 0 is a constant rate.

    >>> [polynomial(6.0, p=1)(step) for step in range(3)]
    [6.0, 3.0, 2.0]
    """
    _require(0 <= a < math.inf, "a", a, "a number of at least 0")
    _require(0 < b < math.inf, "b", b, "a positive number")
    _require(0 <= p < math.inf, "p", p, "a number of at least 0")
    return lambda step: a / (b + _counted(step)) ** p


def exponential(lr: float, gamma: float) -> Schedule:
    """The rate lr at step 0, and gamma times the last one at every further step.

    Args:
        lr: a number of at least 0.
        gamma: a number from 0 to 1. The rate halves every log(1/2) / log(gamma) steps.

    >>> [exponential(0.8, gamma=0.5)(step) for step in range(4)]
    [0.8, 0.4, 0.2, 0.1]
    """
    _require(0 <= lr < math.inf, "lr", lr, "a number of at least 0")
    _require(0 <= gamma <= 1, "gamma", gamma, "a number from 0 to 1")
    return lambda step: lr * gamma ** _counted(step)


def warm_up(after: Schedule, steps: int, start: float = 0.0) -> Schedule:
    """A straight rise to the first rate of another schedule, which then begins (Goyal et al., 2017).

    Args:
        after: the schedule that follows; its step 0 is our step `steps`.
        steps: length of the rise, an int of at least 0; 0 is no warm-up.
        start: the rate at step 0 as a share of after(0), a number from 0 to 1. With 0, step 0 moves nothing.

    >>> [warm_up(constant(1.0), steps=2, start=0.5)(step) for step in (0, 1, 2, 3)]
    [0.5, 0.75, 1.0, 1.0]
    """
    _require(_is_whole(steps) and steps >= 0, "steps", steps, "a whole number of at least 0")
    _require(0 <= start <= 1, "start", start, "a number from 0 to 1")

    def rate(step: int) -> float:
        if _counted(step) >= steps:
            return after(step - steps)
        return (start + (1 - start) * step / steps) * after(0)

    return rate


@dataclass(eq=False)
class Plateau:
    """A rate that falls when a metric has stopped falling: it is multiplied by `factor` after too many bad values.

    A value is good when it lies below the best so far by more than `threshold`; after more than `patience` bad ones in
    a row the rate falls, and the count begins anew. For an accuracy, which should rise, pass its negative.

    Args:
        lr: the first rate, and later the current one; a number of at least 0.
        factor: a number of at least 0 and below 1.
        patience: how many bad values in a row are borne, an int of at least 0.
        threshold: a number of at least 0, in the unit of the metric.
        lr_min: the rate does not fall below it; a number from 0 to lr.

    >>> plateau = Plateau(lr=0.8, factor=0.5, patience=1)
    >>> [plateau.update(loss) for loss in (3.0, 2.0, 2.0, 2.5, 1.0, 1.0)]
    [0.8, 0.8, 0.8, 0.4, 0.4, 0.4]

    It is a schedule like the others, except that its rate does not depend on the step:

    >>> plateau(step=100)
    0.4
    """

    lr: float
    factor: float = 0.1
    patience: int = 10
    threshold: float = 0.0
    lr_min: float = 0.0
    best: float = field(default=math.inf, init=False)
    bad: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        _require(0 <= self.lr < math.inf, "lr", self.lr, "a number of at least 0")
        _require(0 <= self.factor < 1, "factor", self.factor, "a number of at least 0 and below 1")
        _require(
            _is_whole(self.patience) and self.patience >= 0, "patience", self.patience, "a whole number, 0 or more"
        )
        _require(0 <= self.threshold < math.inf, "threshold", self.threshold, "a number of at least 0")
        _require(0 <= self.lr_min <= self.lr, "lr_min", self.lr_min, f"a number from 0 to lr, which is {self.lr:g}")

    def __call__(self, step: int) -> float:
        """The current rate, at any step."""
        _counted(step)
        return self.lr

    def update(self, metric: float) -> float:
        """Take in one more value of the metric, as a rule once an epoch; a NaN is a bad value. Returns the new rate."""
        if metric < self.best - self.threshold:
            self.best, self.bad = metric, 0
        else:
            self.bad += 1
        if self.bad > self.patience:
            self.lr, self.bad = max(self.lr * self.factor, self.lr_min), 0
        return self.lr

    def state(self) -> dict[str, float]:
        """Settings and counts, as a dict of numbers."""
        return asdict(self)

    def load_state(self, state: Mapping[str, float]) -> None:
        """Continue where the plateau that returned `state` was."""
        names = [f.name for f in fields(self)]
        _require(set(state) == set(names), "state", sorted(state), f"the keys {sorted(names)}")
        for name in names:
            setattr(self, name, state[name])


def _require_descent(max_steps: int, lr_max: float, lr_min: float) -> None:
    _require(_is_whole(max_steps) and max_steps >= 1, "max_steps", max_steps, "a whole number of at least 1")
    _require(0 <= lr_max < math.inf, "lr_max", lr_max, "a number of at least 0")
    _require(0 <= lr_min <= lr_max, "lr_min", lr_min, f"a number from 0 to lr_max, which is {lr_max:g}")


def _counted(step: int) -> int:
    _require(_is_whole(step) and step >= 0, "step", step, "a whole number of at least 0: steps count from 0")
    return int(step)


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral)


def _require(holds: bool, name: str, value: object, expected: str) -> None:
    if not holds:
        raise ValueError(f"{name} is {value!r}; expected {expected}")
