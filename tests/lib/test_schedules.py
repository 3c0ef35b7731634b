"""The schedules: against PyTorch's schedulers, and against their corners and their refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
import torch
from chainrule import schedules
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

STEPS = 60
COUNTS, RATES, SHARES = st.integers(1, STEPS), st.floats(1e-4, 10), st.floats(0, 1)


def theirs(lr: float, make: Callable[[torch.optim.Optimizer], Any], metrics: list[float] | None = None) -> list[float]:
    """The rates that one of PyTorch's schedulers gives to an optimiser, step by step."""
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=lr)
    scheduler, rates = make(optimiser), []
    for step in range(STEPS):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step(*([metrics[step]] if metrics else []))
    return rates


def ours(schedule: schedules.Schedule) -> list[float]:
    return [schedule(step) for step in range(STEPS)]


def close(rates: list[float], lr: float) -> Any:
    return pytest.approx(rates, rel=1e-9, abs=1e-12 * lr)


@given(RATES)
def test_constant(lr: float) -> None:
    assert ours(schedules.constant(lr)) == theirs(lr, lambda o: lr_scheduler.LambdaLR(o, lambda _: 1.0))


@given(st.lists(COUNTS, max_size=4, unique=True).map(sorted), RATES, st.floats(0.1, 1))
def test_piecewise(boundaries: list[int], lr: float, factor: float) -> None:
    rates = [lr * factor**i for i in range(len(boundaries) + 1)]
    expected = theirs(lr, lambda o: lr_scheduler.MultiStepLR(o, boundaries, factor))
    assert ours(schedules.piecewise(boundaries, rates)) == close(expected, lr)


@given(COUNTS, RATES, SHARES)
def test_linear(max_steps: int, lr: float, share: float) -> None:
    expected = theirs(lr, lambda o: lr_scheduler.LinearLR(o, 1.0, share, max_steps))
    assert ours(schedules.linear(max_steps, lr, share * lr)) == close(expected, lr)


@given(COUNTS, RATES, SHARES)
def test_cosine(max_steps: int, lr: float, share: float) -> None:
    expected = theirs(lr, lambda o: lr_scheduler.CosineAnnealingLR(o, max_steps, share * lr))
    clamped = [*expected[: max_steps + 1], *[share * lr] * STEPS][:STEPS]  # PyTorch's rises again
    assert ours(schedules.cosine(max_steps, lr, share * lr)) == close(clamped, lr)


@given(RATES, SHARES)
def test_exponential(lr: float, gamma: float) -> None:
    expected = theirs(lr, lambda o: lr_scheduler.ExponentialLR(o, gamma))
    assert ours(schedules.exponential(lr, gamma)) == close(expected, lr)


@pytest.mark.parametrize(
    ("a", "b", "p", "step", "rate"),
    [
        (6, 1, 1, 0, 6), (6, 1, 1, 5, 1), (6, 2, 1, 1, 2), (3, 1, 0.5, 0, 3), (3, 1, 0.5, 8, 1), (2, 4, 0.5, 12, 0.5),
        (5, 3, 0, 40, 5), (8, 1, 2, 3, 0.5), (0, 1, 1, 7, 0),
    ],
)  # fmt: skip
def test_polynomial(a: float, b: float, p: float, step: int, rate: float) -> None:
    assert schedules.polynomial(a, b, p)(step) == rate


@given(st.integers(1, 20), st.floats(0.01, 1), st.integers(21, 40), RATES)
def test_warm_up(steps: int, start: float, rest: int, lr: float) -> None:
    def rise_and_fall(o: torch.optim.Optimizer) -> lr_scheduler.SequentialLR:
        rise = lr_scheduler.LinearLR(o, start, 1.0, steps)
        fall = lr_scheduler.LinearLR(o, 1.0, 0.1, rest)
        return lr_scheduler.SequentialLR(o, [rise, fall], [steps])

    schedule = schedules.warm_up(schedules.linear(rest, lr, lr / 10), steps, start)
    assert ours(schedule) == close(theirs(lr, rise_and_fall), lr)


def test_without_steps_there_is_no_warm_up() -> None:
    cosine = schedules.cosine(10, 0.3)
    assert ours(schedules.warm_up(cosine, 0)) == ours(cosine)


METRICS = st.lists(st.sampled_from([-1.0, 0.0, 0.1, 0.2, 0.5, 0.9, 1.0, 2.0, math.nan]), min_size=STEPS, max_size=STEPS)


@given(METRICS, RATES, st.floats(0.1, 0.9), st.integers(0, 5), st.sampled_from([0.0, 0.3]), SHARES, COUNTS)
def test_plateau(
    metrics: list[float], lr: float, factor: float, patience: int, threshold: float, share: float, resumed_at: int
) -> None:
    def make(o: torch.optim.Optimizer) -> lr_scheduler.ReduceLROnPlateau:
        return lr_scheduler.ReduceLROnPlateau(
            o, factor=factor, patience=patience, threshold=threshold, threshold_mode="abs", min_lr=share * lr, eps=0
        )

    plateau, rates = schedules.Plateau(lr, factor, patience, threshold, share * lr), []
    for step, metric in enumerate(metrics):
        if step == resumed_at:
            state, plateau = plateau.state(), schedules.Plateau(1.0)
            plateau.load_state(state)
        rates.append(plateau(step))
        assert plateau.update(metric) == plateau(step + 1)
    assert rates == close(theirs(lr, make, metrics), lr)


@pytest.mark.parametrize("make", [schedules.linear, schedules.cosine])
@given(max_steps=COUNTS, lr=RATES, share=SHARES)
def test_the_ends_are_exact_and_the_way_leads_down(
    make: Callable[..., schedules.Schedule], max_steps: int, lr: float, share: float
) -> None:
    rates = ours(make(max_steps, lr, share * lr))
    assert rates[0] == pytest.approx(lr, rel=1e-15)
    assert set(rates[max_steps:]) <= {share * lr}
    assert all(b <= a * (1 + 1e-15) for a, b in pairwise(rates))  # equal ends: the last digit may differ


EVERY = {
    "constant": schedules.constant(0.1),
    "piecewise": schedules.piecewise([2], [0.1, 0.01]),
    "linear": schedules.linear(10, 0.1),
    "cosine": schedules.cosine(10, 0.1),
    "polynomial": schedules.polynomial(0.1),
    "exponential": schedules.exponential(0.1, 0.9),
    "warm_up": schedules.warm_up(schedules.constant(0.1), 5),
    "Plateau": schedules.Plateau(0.1),
}


def test_the_table_has_every_schedule() -> None:
    assert set(EVERY) == set(schedules.__all__)


@pytest.mark.parametrize("schedule", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("step", [-1, 0.5, 2.0, None, "3"])
def test_a_step_that_is_no_count_is_refused(schedule: schedules.Schedule, step: Any) -> None:
    with pytest.raises(ValueError, match=r"^step is .*; expected a whole number of at least 0: steps count from 0$"):
        schedule(step)


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: schedules.constant(-1), "lr is -1; expected a number of at least 0"),
    (lambda: schedules.constant(math.nan), "lr is nan; expected"),
    (lambda: schedules.piecewise([3, 3], [1, 2, 3]), r"boundaries is \[3, 3\]; expected steps of at least 1 that rise"),
    (lambda: schedules.piecewise([0], [1, 2]), r"boundaries is \[0\]; expected"),
    (lambda: schedules.piecewise([1], [1]), r"rates is \[1\]; expected 2 numbers, one more than there are boundaries"),
    (lambda: schedules.piecewise([1], [1, -1]), r"rates is \[1, -1\]; expected numbers of at least 0"),
    (lambda: schedules.linear(0, 1), "max_steps is 0; expected a whole number of at least 1"),
    (lambda: schedules.cosine(2.5, 1), "max_steps is 2.5; expected"),  # type: ignore[arg-type]
    (lambda: schedules.cosine(2, math.inf), "lr_max is inf; expected"),
    (lambda: schedules.linear(2, 0.1, 0.2), "lr_min is 0.2; expected a number from 0 to lr_max, which is 0.1"),
    (lambda: schedules.polynomial(-1), "a is -1; expected"),
    (lambda: schedules.polynomial(1, 0), "b is 0; expected a positive number"),
    (lambda: schedules.polynomial(1, 1, -0.5), "p is -0.5; expected"),
    (lambda: schedules.exponential(-0.1, 0.5), "lr is -0.1; expected"),
    (lambda: schedules.exponential(1, 1.5), "gamma is 1.5; expected a number from 0 to 1"),
    (lambda: schedules.warm_up(schedules.constant(1), -1), "steps is -1; expected a whole number of at least 0"),
    (lambda: schedules.warm_up(schedules.constant(1), 3, 2), "start is 2; expected a number from 0 to 1"),
    (lambda: schedules.Plateau(-1), "lr is -1; expected"),
    (lambda: schedules.Plateau(1, factor=1), "factor is 1; expected a number of at least 0 and below 1"),
    (lambda: schedules.Plateau(1, patience=-1), "patience is -1; expected a whole number"),
    (lambda: schedules.Plateau(1, threshold=-1), "threshold is -1; expected"),
    (lambda: schedules.Plateau(1, lr_min=2), "lr_min is 2; expected a number from 0 to lr, which is 1"),
    (lambda: schedules.Plateau(1).load_state({"lr": 1.0}), r"state is \['lr'\]; expected the keys \['bad', 'best'"),
]


@pytest.mark.parametrize(("call", "message"), REFUSED)
def test_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
