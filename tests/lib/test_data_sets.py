"""The data sets against what is known of them: closed forms, moments, error rates, ranks.

Where numbers are random, Z standard errors are allowed; a right one lies outside for 7 in a million seeds.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from chainrule import data
from hypothesis import given, settings
from hypothesis import strategies as st

Z = 4.5
SEEDS = st.integers(0, 2**32 - 1)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def near(mean: np.ndarray, truth: Any, error: Any) -> None:
    assert (np.abs(mean - truth) < Z * np.asarray(error)).all(), (mean, truth, error)


# ---- the loan table


def test_the_loan_table() -> None:
    columns, defaulted = data.loans()
    assert {name: column.shape for name, column in columns.items()} == dict.fromkeys(
        ("home owner", "marital status", "income"), (10,)
    )
    assert defaulted.sum() == 3 and columns["income"].mean() == 104
    assert sorted(columns["marital status"][defaulted == 1]) == ["divorced", "single", "single"]
    assert (columns["home owner"] == "yes").sum() == 3


@pytest.mark.parametrize(
    ("options", "p", "rank"),
    [
        ({}, 7, 5),
        ({"intercept": False}, 6, 5),
        ({"drop_first": True}, 5, 5),
        ({"drop_first": True, "intercept": False}, 4, 4),
    ],
)
def test_the_rank_of_an_encoding(options: dict[str, bool], p: int, rank: int) -> None:
    X, names = data.one_hot(data.loans()[0], **options)
    assert X.shape == (10, p) and len(names) == p and np.linalg.matrix_rank(X) == rank


def test_the_encoding_of_a_row() -> None:
    X, names = data.one_hot(data.loans()[0])
    assert dict(zip(names, X[6], strict=True)) == {
        "intercept": 1,
        "home owner = no": 0,
        "home owner = yes": 1,
        "marital status = divorced": 1,
        "marital status = married": 0,
        "marital status = single": 0,
        "income": 220,
    }


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, r"columns have the shapes \{\}; expected one or more"),
        ({"a": [1, 2], "b": [1]}, r"'a': \(2,\), 'b': \(1,\)\}; expected one or more, all \(n,\)"),
        ({"a": [[1]]}, r"shapes \{'a': \(1, 1\)\}"),
        ({"a": [None, 1]}, r"columns\['a'\] is of dtype object; expected words or numbers"),
    ],
)
def test_columns_that_cannot_be_encoded(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.one_hot(columns)


# ---- regression


def test_polynomial_and_sine_are_their_target_and_noise_of_the_given_size() -> None:
    cubic = data.polynomial(20_000, rng(), coefficients=[1, 2, -3], noise=0.5, span=(-2, 1))
    wave = data.sine(20_000, rng(), amplitude=2, frequency=0.5, phase=1, noise=0.5)
    for (X, y, f), truth in (
        (cubic, lambda x: 1 + 2 * x - 3 * x**2),
        (wave, lambda x: 2 * np.sin(math.pi * x + 1)),
    ):
        np.testing.assert_allclose(f(X), truth(X[:, 0]), rtol=1e-12)
        noise = y - f(X)
        near(noise.mean(), 0, 0.5 / 20_000**0.5)
        near(noise.var(), 0.25, 0.25 * (2 / 20_000) ** 0.5)
    near(X.mean(), 0.5, 12**-0.5 / 20_000**0.5)  # uniform in [0, 1]


def test_points_can_be_even_and_noise_absent() -> None:
    X, y, f = data.sine(5, rng(), noise=0, even=True)
    assert X[:, 0].tolist() == [0, 0.25, 0.5, 0.75, 1]
    np.testing.assert_allclose(y, [0, 1, 0, -1, 0], atol=1e-15)
    assert (y == f(X)).all()


def test_the_high_dimensional_problem_is_learned_by_heart_from_few_rows() -> None:
    X, y, f = data.linear(20, rng())
    assert X.shape == (20, 200)
    w = np.linalg.lstsq(X, y - 0.05)[0]  # of minimum norm
    np.testing.assert_allclose(0.05 + X @ w, y, atol=1e-12)
    fresh, target, _ = data.linear(2000, rng(1))
    # It explains the 20 of 200 directions that it has seen: 9/10 of the weights' variance, 200 * 0.01^2, are left.
    assert 0.8 < ((0.05 + fresh @ w - target) ** 2).mean() / (0.9 * 200 * 0.01**2) < 1.3
    np.testing.assert_allclose(f(fresh), 0.05 + 0.01 * fresh.sum(axis=1), rtol=1e-9)


def test_the_noise_and_the_weights_of_the_linear_problem() -> None:
    X, y, f = data.linear(20_000, rng(2), d=3, weights=[1, 0, -2], intercept=4, noise=0.1)
    np.testing.assert_allclose(f(np.eye(3)), [5, 4, 2])
    near((y - f(X)).var(), 0.01, 0.01 * (2 / 20_000) ** 0.5)
    near(X.mean(axis=0), 0, 20_000**-0.5)


# ---- classification


@pytest.mark.parametrize("distance", [1.0, 3.0])
def test_two_clouds_have_the_error_of_bayes(distance: float) -> None:
    n, scale = 40_000, 0.8
    X, y = data.blobs(n, rng(), centers=[[0, 0], [distance * 0.6, distance * 0.8]], scale=scale)
    wrong = ((distance / 2 < X @ [0.6, 0.8]) != y).mean()
    bayes = 0.5 * math.erfc(distance / (2 * scale) / 2**0.5)
    near(wrong, bayes, (bayes * (1 - bayes) / n) ** 0.5)


def test_clouds_stand_on_a_circle_or_where_they_are_told() -> None:
    X, y = data.blobs(40, rng(), centers=4, scale=0, radius=2)
    np.testing.assert_allclose(np.hypot(*X.T), 2)
    np.testing.assert_allclose(X[y == 0][0], -X[y == 2][0], atol=1e-12)
    X, y = data.blobs(60_000, rng(), centers=[[0, 0, 1], [5, 0, 1]], scale=2)
    for k in (0, 1):
        near(X[y == k].mean(axis=0), [5 * k, 0, 1], 2 / 30_000**0.5)
        near(np.cov(X[y == k].T), 4 * np.eye(3), 4 * (2 / 30_000) ** 0.5)


def test_moons_lie_on_half_circles() -> None:
    X, y = data.moons(500, rng(), noise=0)
    np.testing.assert_allclose(np.hypot(*X[y == 0].T), 1)
    np.testing.assert_allclose(np.hypot(*(X[y == 1] - [1, 0.5]).T), 1)
    A = np.column_stack([X, np.ones(500)])
    line = np.linalg.lstsq(A, 2 * y - 1)[0]
    assert 0.8 < ((A @ line > 0) == y).mean() < 0.95


@pytest.mark.parametrize("classes", [1, 2, 5])
def test_spirals_lie_on_their_arms_apart_from_each_other(classes: int) -> None:
    X, y = data.spirals(500, rng(), classes=classes, turns=2, noise=0)
    radius = np.hypot(*X.T)
    angle = np.arctan2(X[:, 1], X[:, 0]) / (2 * np.pi)
    away = (angle - 2 * radius - y / classes) % 1
    np.testing.assert_allclose(np.minimum(away, 1 - away), 0, atol=1e-9)
    assert radius.min() >= 0.1 - 1e-12 and radius.max() <= 1 + 1e-12


@given(
    n=st.integers(1, 60),
    d=st.integers(1, 30),
    margin=st.floats(0.01, 0.9),
    radius=st.floats(0.5, 20),
    b=st.floats(-1, 1),
    seed=SEEDS,
)
@settings(deadline=None)
def test_the_margin_is_exact_and_the_ball_holds_all(
    n: int, d: int, margin: float, radius: float, b: float, seed: int
) -> None:
    rho, offset = margin * radius, b * radius * (1 - margin) * 0.99
    X, y, w, b_given, rho_given, r = data.separable(n, rng(seed), d=d, margin=rho, radius=radius, b=offset)
    assert (b_given, rho_given, r, X.shape) == (offset, rho, radius, (n, d))
    assert set(y.tolist()) <= {-1, 1} and abs(y.sum()) <= 1
    assert math.isclose(np.linalg.norm(w), 1)
    distance = y * (X @ w + offset)
    for label in set(y.tolist()):
        assert math.isclose(distance[y == label].min(), rho, rel_tol=1e-9)
    assert np.linalg.norm(X, axis=1).max() <= radius * (1 + 1e-12)


@pytest.mark.parametrize(("margin", "b", "d"), [(0.1, 0.0, 2), (0.05, 0.3, 2), (0.2, -0.2, 10)])
def test_the_perceptron_keeps_to_its_bound(margin: float, b: float, d: int) -> None:
    for seed in range(5):
        X, y, _, b, rho, r = data.separable(200, rng(seed), d=d, margin=margin, b=b)
        A, w, mistakes, last = np.column_stack([X, np.ones(200)]), np.zeros(d + 1), 0, -1
        while last != mistakes:
            last = mistakes
            for x, label in zip(A, y, strict=True):
                if label * (w @ x) <= 0:
                    w, mistakes = w + label * x, mistakes + 1
        assert 0 < mistakes <= (b**2 + 1) * (r**2 + 1) / rho**2


def test_no_line_separates_exclusive_or() -> None:
    X, y = data.xor()
    A = np.column_stack([X, np.ones(4)])
    # The best line in the least squares sense says 1/2 everywhere, and the classes' means coincide.
    np.testing.assert_allclose(A @ np.linalg.lstsq(A, y.astype(float))[0], 0.5)
    assert (X[y == 0].mean(axis=0) == X[y == 1].mean(axis=0)).all()
    X, y = data.noisy_xor(40_000, rng(), noise=0.3)
    wrong = ((X[:, 0] > 0.5) != (X[:, 1] > 0.5)) != y
    one = 0.5 * math.erfc(0.5 / 0.3 / 2**0.5)  # a coordinate on the wrong side; both cancel
    near(wrong.mean(), 2 * one * (1 - one), (2 * one * (1 - one) / 40_000) ** 0.5)


# ---- series


def autocovariance(x: np.ndarray, lag: int) -> tuple[float, float]:
    """The mean of products of a mean-zero process over independent series, and its standard error."""
    products = (x[:, lag:] * x[:, : x.shape[1] - lag]).mean(axis=1)
    return float(products.mean()), float(products.std() / len(x) ** 0.5)


@pytest.mark.parametrize("a", [0.9, -0.5, 0.0])
def test_the_covariance_of_a_first_order_process(a: float) -> None:
    x = data.ar(50, rng(), coefficients=[a], noise=2, series=4000)
    for lag in range(4):
        mean, error = autocovariance(x, lag)
        near(np.array(mean), 4 * a**lag / (1 - a**2), error)
    for part in (x[:, 0], x[:, -1]):  # stationary from the first step to the last
        near(part.var(), 4 / (1 - a**2), 4 / (1 - a**2) * (2 / 4000) ** 0.5)


@pytest.mark.parametrize(("a1", "a2"), [(1.5, -0.8), (0.3, 0.4), (0.0, 0.5)])
def test_the_covariance_of_a_second_order_process(a1: float, a2: float) -> None:
    x = data.ar(40, rng(1), coefficients=[a1, a2], series=4000)
    variance = (1 - a2) / ((1 + a2) * ((1 - a2) ** 2 - a1**2))  # Box and Jenkins (1970), 3.2.4
    gamma = [variance, variance * a1 / (1 - a2)]
    for _ in range(3):
        gamma.append(a1 * gamma[-1] + a2 * gamma[-2])
    for lag, truth in enumerate(gamma):
        mean, error = autocovariance(x, lag)
        near(np.array(mean), truth, error)


def test_continuations_have_the_forecast_s_moments() -> None:
    a, past = [0.5, 0.4, -0.3], [1.0, -2.0, 3.0, 5.0]
    mean, deviation = data.ar_forecast(past, 6, coefficients=a, noise=1.5)
    ahead = data.ar(6, rng(2), coefficients=a, noise=1.5, start=past, series=20_000)
    near(ahead.mean(axis=0), mean, deviation / 20_000**0.5)
    near(ahead.var(axis=0), deviation**2, deviation**2 * (2 / 20_000) ** 0.5)


@given(a=st.floats(-0.95, 0.95), x=st.floats(-10, 10), k=st.integers(1, 30))
def test_the_forecast_of_a_first_order_process(a: float, x: float, k: int) -> None:
    mean, deviation = data.ar_forecast([x], k, coefficients=[a], noise=0.7)
    j = np.arange(1, k + 1)
    np.testing.assert_allclose(mean, a**j * x, atol=1e-12)
    np.testing.assert_allclose(deviation**2, 0.49 * (1 - a ** (2 * j)) / (1 - a**2), rtol=1e-9)


def test_one_series_is_one_of_several() -> None:
    assert data.ar(7, rng()).shape == (7,)
    np.testing.assert_array_equal(data.ar(7, rng()), data.ar(7, rng(), series=1)[0])


def test_a_walk_that_is_not_stationary_starts_where_it_is_told() -> None:
    walk = data.ar(100, rng(), coefficients=[1.0], start=[10])
    steps = data.ar(100, rng(), coefficients=[0.0], start=[0])
    np.testing.assert_allclose(np.diff(walk, prepend=10.0), steps, atol=1e-12)
    with np.errstate(all="raise"):
        assert not np.isfinite(data.ar(3000, rng(), coefficients=[2.0], start=[1.0])).all()


def test_a_history_too_short_to_forecast() -> None:
    with pytest.raises(ValueError, match=r"history is \[1.0\]; expected 2 numbers or more, as many as coefficients"):
        data.ar_forecast([1], 3, coefficients=[0.5, 0.1])


# ---- the text


def test_the_verses_are_ascii_in_stanzas_of_four_and_six_lines() -> None:
    stanzas = [stanza.splitlines() for stanza in data.verses().strip().split("\n\n")]
    assert [len(stanza) for stanza in stanzas] == [4] * 7 + [6] * 18
    assert stanzas[0] == stanzas[6] and data.verses().isascii()
    assert all(line == line.strip() for stanza in stanzas for line in stanza)
    assert data.verses().count('"') % 2 == 1  # one speech goes on over two stanzas, and opens in both


@given(text=st.text(min_size=1))
def test_an_alphabet_turns_its_text_into_integers_and_back(text: str) -> None:
    alphabet = data.Alphabet.of(text)
    codes = alphabet.encode(text)
    assert codes.shape == (len(text),) and codes.dtype.kind == "i"
    assert set(codes.tolist()) == set(range(len(alphabet)))
    assert alphabet.decode(codes) == text
    assert alphabet.encode("").shape == (0,) and alphabet.decode([]) == ""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.Alphabet("aa"), "characters is 'aa'; expected one or more, each once; see Alphabet.of"),
        (lambda: data.Alphabet.of(""), "characters is ''; expected one or more"),
        (lambda: data.Alphabet("ab").encode("abc"), "text has 'c' at 2; expected characters of 'ab'"),
        (lambda: data.Alphabet("ab").decode([0, 2]), "codes has 2 at 1; expected integers from 0 to 1"),
        (lambda: data.Alphabet("ab").decode([-1]), "codes has -1 at 0"),
        (lambda: data.Alphabet("ab").decode([0.5]), r"shape \(1,\) and dtype float64; expected \(n,\) integers"),
    ],
)  # fmt: skip
def test_what_an_alphabet_refuses(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
