"""The bound on stochastic subgradients, (R^2 + L^2 sum eta^2) / (2 sum eta), by simulation and in its worst case.

For a convex loss F, a start w_0 at distance R from w*, and independent unbiased subgradients of length at most L, the
average of w_0, ..., w_(T-1) with weights eta_t has an expected F(average) - F(w*) of at most the bound (Nemirovski et
al., 2009, section 2.3). The constant step R / (L sqrt T) minimises it, at R L / sqrt T.
"""

from __future__ import annotations

import numpy as np
import pytest
from chainrule import optim, schedules

RUNS = 400
Z = 4.0  # standard errors


def bound(R: float, L: float, rates: np.ndarray) -> float:
    return float((R**2 + L**2 * (rates**2).sum()) / (2 * rates.sum()))


class MedianRegression:
    """F(w) = mean of |x_i . w - y_i|, with examples in pairs (x, x . w* + e) and (x, x . w* - e).

    At w* the subgradients of a pair cancel, so that w* is a minimum of F, and known without a fit.
    """

    def __init__(self, R: float, rng: np.random.Generator) -> None:
        x, errors, direction = rng.normal(size=(20, 3)), rng.exponential(size=20), rng.normal(size=3)
        self.minimum = R * direction / np.linalg.norm(direction)
        self.x = np.concatenate([x, x])
        self.y = self.x @ self.minimum + np.concatenate([errors, -errors])
        self.L = float(np.linalg.norm(x, axis=1).max())

    def loss(self, w: np.ndarray) -> np.ndarray:
        """(runs, 3) to (runs,)."""
        return abs(w @ self.x.T - self.y).mean(axis=1)

    def subgradient(self, w: np.ndarray, i: np.ndarray) -> np.ndarray:
        """That of example i[r], in run r: (runs, 3)."""
        residual = (w * self.x[i]).sum(axis=1) - self.y[i]
        return np.sign(residual)[:, np.newaxis] * self.x[i]


R = 2.0
RATES = {
    "constant, the best": lambda L, T: schedules.constant(R / (L * T**0.5)),
    "constant, ten times too large": lambda L, T: schedules.constant(10 * R / (L * T**0.5)),
    "constant, ten times too small": lambda L, T: schedules.constant(0.1 * R / (L * T**0.5)),
    "one over the root of the step": lambda L, T: schedules.polynomial(R / L, p=0.5),
    "one over the step": lambda L, T: schedules.polynomial(R / L, p=1),
}


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("T", [1, 20, 300])
def test_the_mean_over_many_runs_lies_under_the_bound(name: str, T: int) -> None:
    """By Z standard errors: were the expectation above the bound, 3 seeds of 100000 would still let the test pass."""
    rng = np.random.default_rng(11)
    problem = MedianRegression(R, rng)
    schedule = RATES[name](problem.L, T)
    rates = np.array([schedule(t) for t in range(T)])
    sgd, average, w = optim.SGD(0.0), optim.IterateAverage(), np.zeros((RUNS, 3))
    for rate in rates:
        sgd.lr = rate
        (mean,) = average.update([w], weight=rate)
        (w,) = sgd.step([w], [problem.subgradient(w, rng.integers(40, size=RUNS))])

    gaps = problem.loss(mean) - problem.loss(problem.minimum[np.newaxis])
    assert (gaps >= 0).all()
    assert gaps.mean() + Z * gaps.std(ddof=1) / RUNS**0.5 <= bound(R, problem.L, rates)


@pytest.mark.parametrize(("R", "L", "T"), [(1.0, 1.0, 4), (2.0, 3.0, 100), (0.5, 7.0, 30)])
def test_the_constant_step_gives_the_least_bound(R: float, L: float, T: int) -> None:
    best = R / (L * T**0.5)
    assert bound(R, L, np.full(T, best)) == pytest.approx(R * L / T**0.5, rel=1e-12)
    others = best * np.random.default_rng(12).lognormal(size=(1000, T))
    assert (
        min(bound(R, L, rates) for rates in [*others, np.full(T, 0.99 * best), np.full(T, 1.01 * best)])
        > R * L / T**0.5
    )


@pytest.mark.parametrize("T", [1, 4, 25, 400])
def test_the_bound_is_attained(T: int) -> None:
    """By F(w) = max(L w_1, ..., L w_T, -L R / sqrt T), with each subgradient that of a coordinate not yet moved.

    Nothing is random here. Half of the bound, as some texts print it, does not hold.
    """
    R, L = 2.0, 3.0
    rate = R / (L * T**0.5)
    sgd, average, w = optim.SGD(rate), optim.IterateAverage(), np.zeros(T)
    for t in range(T):
        (mean,) = average.update([w], weight=rate)
        assert w[t] == w.max()  # so that L times the unit vector t is a subgradient
        (w,) = sgd.step([w], [L * np.eye(T)[t]])
    gap = L * max(mean.max(), -R / T**0.5) - (-L * R / T**0.5)
    assert gap == pytest.approx(bound(R, L, np.full(T, rate)), rel=1e-12)
    assert gap == pytest.approx(R * L / T**0.5, rel=1e-12)
