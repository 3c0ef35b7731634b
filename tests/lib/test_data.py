"""Minibatches: every example once an epoch, in random order; and the mean and variance of their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from chainrule.data import minibatches
from hypothesis import given
from hypothesis import strategies as st

NUMBERS, SIZES, SEEDS = st.integers(0, 40), st.integers(1, 50), st.integers(0, 2**32 - 1)


@given(NUMBERS, SIZES, SEEDS)
def test_an_epoch_has_every_example_once_in_batches_of_one_size_and_a_rest(n: int, size: int, seed: int) -> None:
    batches = list(minibatches(n, size, np.random.default_rng(seed)))
    assert sorted(i for batch in batches for i in batch) == list(range(n))
    assert [len(batch) for batch in batches] == [size] * (n // size) + [n % size] * (n % size > 0)


@given(NUMBERS, SIZES, SEEDS)
def test_the_rest_can_be_dropped(n: int, size: int, seed: int) -> None:
    all_batches = list(minibatches(n, size, np.random.default_rng(seed)))
    kept = list(minibatches(n, size, np.random.default_rng(seed), drop_last=True))
    np.testing.assert_equal(kept, all_batches[: n // size])


@given(NUMBERS, SIZES)
def test_without_a_generator_the_order_stays(n: int, size: int) -> None:
    assert [i for batch in minibatches(n, size, None) for i in batch] == list(range(n))


@given(NUMBERS, SIZES, SEEDS)
def test_rows_of_several_arrays_stay_together(n: int, size: int, seed: int) -> None:
    X, y = np.arange(3 * n).reshape(n, 3), np.arange(n)
    indices = minibatches(n, size, np.random.default_rng(seed))
    for (X_batch, y_batch), rows in zip(minibatches((X, y), size, np.random.default_rng(seed)), indices, strict=True):
        np.testing.assert_array_equal(y_batch, rows)
        np.testing.assert_array_equal(X_batch, X[rows])
        X_batch[...] = -1  # a copy
    assert (X >= 0).all()


def test_each_epoch_is_shuffled_anew_by_the_generator_alone() -> None:
    def epochs(seed: int) -> list[list[int]]:
        rng = np.random.default_rng(seed)
        return [[int(i) for batch in minibatches(30, 7, rng) for i in batch] for _ in range(3)]

    assert epochs(1) == epochs(1) != epochs(2)
    assert len({tuple(epoch) for epoch in epochs(1)}) == 3


def test_every_order_is_equally_likely() -> None:
    rng, draws = np.random.default_rng(3), 6000
    orders = [tuple(int(batch[0]) for batch in minibatches(3, 1, rng)) for _ in range(draws)]
    counts = np.array([orders.count(order) for order in set(orders)])
    assert len(counts) == 6
    assert ((counts - draws / 6) ** 2 / (draws / 6)).sum() < 30.9  # chi-square with 5 degrees: exceeded once in 1e5


# The gradient of a linear regression at one point, of each of n examples.
N = 24
RNG = np.random.default_rng(4)
X, Y, W = RNG.normal(size=(N, 2)), RNG.normal(size=N), np.array([0.5, -1.0])
GRADIENTS = 2 * (X @ W - Y)[:, np.newaxis] * X
Z = 4.5  # standard errors; a right mean lies within them but for 7 in a million


@pytest.mark.parametrize("size", [1, 2, 6, 12])
def test_batch_gradients_are_unbiased_and_their_variance_falls_like_one_over_the_size(size: int) -> None:
    rng, epochs = np.random.default_rng(5), 4000
    batches = [GRADIENTS[next(minibatches(N, size, rng))].mean(axis=0) for _ in range(epochs)]  # the first: independent
    deviations = np.array(batches) - GRADIENTS.mean(axis=0)
    error = deviations.std(axis=0) / epochs**0.5
    assert (abs(deviations.mean(axis=0)) < Z * error).all()

    squares = deviations**2
    expected = GRADIENTS.var(axis=0) / size * (N - size) / (N - 1)
    assert (abs(squares.mean(axis=0) - expected) < Z * squares.std(axis=0) / epochs**0.5).all()


def test_the_batches_of_an_epoch_average_to_the_full_gradient_where_they_are_equally_large() -> None:
    batches = [GRADIENTS[rows].mean(axis=0) for rows in minibatches(N, 6, np.random.default_rng(6))]
    np.testing.assert_allclose(np.mean(batches, axis=0), GRADIENTS.mean(axis=0), rtol=1e-12)


REFUSED: list[tuple[Callable[[np.random.Generator], Any], type[Exception], str]] = [
    (lambda rng: minibatches(5, 0, rng), ValueError, "batch_size is 0; expected a whole number of at least 1"),
    (lambda rng: minibatches(5, 2.0, rng), ValueError, "batch_size is 2.0; expected"),  # type: ignore[call-overload]
    (lambda rng: minibatches(-1, 2, rng), ValueError, "data is -1; expected the number of examples, at least 0"),
    (lambda rng: minibatches(5, 2, 0), TypeError, r"rng is 0; .*np.random.default_rng\(seed\)"),  # type: ignore[call-overload]
    (lambda rng: minibatches(X, 2, rng), TypeError, r"data is of type ndarray; .*: \(X,\) for one"),  # type: ignore[call-overload]
    (lambda rng: minibatches((X, Y[:3]), 2, rng), ValueError, r"shapes \[\(24, 2\), \(3,\)\]; expected .* equally"),
    (lambda rng: minibatches((), 2, rng), ValueError, r"arrays of shapes \[\]"),
    (lambda rng: minibatches((1.0,), 2, rng), ValueError, r"arrays of shapes \[\(\)\]"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED)
def test_refused_before_the_first_batch(call: Callable[[Any], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call(np.random.default_rng(0))
