"""Autoregressive processes: series drawn from them, and the best forecast that there is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from chainrule.data import _arguments as check

__all__ = ["ar", "ar_forecast"]

_LIKE = "one or more numbers, that of the last value first, as in (1.5, -0.8)"


def ar(
    n: int,
    rng: np.random.Generator,
    *,
    coefficients: ArrayLike = (0.9,),
    noise: float = 1.0,
    start: ArrayLike | None = None,
    series: int | None = None,
) -> np.ndarray:
    """An AR(p) process `x[t] = a1 x[t-1] + ... + ap x[t-p] + noise e[t]`, with standard normal e.

    Without a start the first values are drawn from the stationary distribution, so that every part of the series is
    like every other and no burn-in has to be cut off. With one, the series continues it.

    Args:
        n: number of steps to draw.
        rng: draws the start, and then e step by step.
        coefficients: (p,), a1 first.
        noise: the standard deviation of each step, sigma.
        start: (p or more,), the values before the first step, the most recent last; zeros for a start from rest. With
            one, any coefficients are allowed; without, they have to be stationary.
        series: how many independent series to draw; None for a single one.

    Returns:
        (n,), or (series, n), without the start.

    Raises:
        ValueError: the process has no stationary distribution and no start was given, or an argument is out of its
            range.
        TypeError: rng is not a Generator.

    >>> ar(4, np.random.default_rng(0), coefficients=(0.5, 0.25), noise=0, start=[4, 8]).tolist()
    [5.0, 4.5, 3.5, 2.875]
    >>> ar(100, np.random.default_rng(0), coefficients=(1.5, -0.8), series=3).shape
    (3, 100)
    """
    n, rng, sigma = check.whole("n", n), check.generator(rng), check.number("noise", noise, 0)
    a = check.numbers("coefficients", coefficients, _LIKE)
    m = 1 if series is None else check.whole("series", series)
    before = _stationary(a, sigma, m, rng) if start is None else _before("start", start, a)
    x = np.empty((m, len(a) + n))
    x[:, : len(a)] = before
    with np.errstate(over="ignore", invalid="ignore"):  # an explosive process may leave the numbers
        for t in range(len(a), len(a) + n):
            x[:, t] = x[:, t - len(a) : t] @ a[::-1] + sigma * rng.normal(size=m)
    return x[0, len(a) :] if series is None else x[:, len(a) :]


def ar_forecast(
    history: ArrayLike, k: int, *, coefficients: ArrayLike = (0.9,), noise: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """The truth about the next k values of an AR(p) process, given its past: they are normal, with these moments.

    The mean is what the recursion gives without noise. The variance of the j-th value is
    `sigma^2 (psi_0^2 + ... + psi_(j-1)^2)`, where psi is the response to a single shock of 1 (Box and Jenkins, 1970).

    Args:
        history: (p or more,), the series so far, the most recent value last.
        k: how far to look ahead.
        coefficients: (p,), a1 first.
        noise: the standard deviation of each step, sigma.

    Returns:
        The means and the standard deviations of the next values, (k,) each: one step ahead first.

    Raises:
        ValueError: history is shorter than p, or an argument is out of its range.

    >>> mean, deviation = ar_forecast([8.0], 3, coefficients=[0.5], noise=2.0)
    >>> mean, (deviation**2).round(6)
    (array([4., 2., 1.]), array([4.  , 5.  , 5.25]))
    """
    k, sigma = check.whole("k", k), check.number("noise", noise, 0)
    a = check.numbers("coefficients", coefficients, _LIKE)
    p = len(a)
    mean = np.concatenate([_before("history", history, a), np.zeros(k)])
    shock = np.zeros(p + k)
    shock[p - 1] = 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(p, p + k):
            mean[t] = mean[t - p : t] @ a[::-1]
            shock[t] = shock[t - p : t] @ a[::-1]
        return mean[p:], sigma * np.sqrt(np.cumsum(shock[p - 1 : -1] ** 2))


def _before(name: str, values: ArrayLike, a: np.ndarray) -> np.ndarray:
    """The last p values."""
    given = check.numbers(name, values, f"{len(a)} numbers or more, as many as coefficients, the most recent last")
    if len(given) < len(a):
        raise ValueError(f"{name} is {given.tolist()}; expected {len(a)} numbers or more, as many as coefficients")
    return given[len(given) - len(a) :]


def _stationary(a: np.ndarray, sigma: float, m: int, rng: np.random.Generator) -> np.ndarray:
    """(m, p), m draws of p successive values, the most recent last, from the distribution that the process keeps."""
    p = len(a)
    step = np.zeros((p, p))  # what a step makes of the last p values: they move up, and the recursion adds one
    step[:-1, 1:] = np.eye(p - 1)
    step[-1] = a[::-1]
    largest = float(np.abs(np.linalg.eigvals(step)).max())
    if largest >= 1 - 1e-9:
        raise ValueError(
            f"coefficients is {a.tolist()}, which is not stationary: a root of its characteristic polynomial has "
            f"modulus {largest:.4g}; expected all below 1. To draw it all the same, say where it starts: start=[0.0]"
            + (f" * {p}" if p > 1 else "")
        )
    shock = np.zeros(p * p)
    shock[-1] = sigma**2
    covariance = np.linalg.solve(np.eye(p * p) - np.kron(step, step), shock).reshape(p, p)  # C = step C step' + shock
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    root = vectors * np.sqrt(np.maximum(values, 0))
    drawn: np.ndarray = rng.normal(size=(m, p)) @ root.T
    return drawn
