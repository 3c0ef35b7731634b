"""Difference quotients against closed forms; checks let right gradients pass, and say what is wrong with others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from chainrule import gradcheck
from chainrule.autodiff import conv2d, cross_entropy, linear, primitive, relu, softmax
from chainrule.checks import CheckFailed
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

RNG = np.random.default_rng(11)
A = RNG.normal(size=(3, 3))
X = RNG.normal(size=(4, 3))

POINTS = arrays(np.float64, array_shapes(min_dims=0, max_dims=3, max_side=3), elements=st.floats(-3, 3))


# ---- differences


@settings(derandomize=True, deadline=None)
@given(POINTS)
def test_gradient_of_closed_forms(x: np.ndarray) -> None:
    np.testing.assert_allclose(gradcheck.numerical_gradient(lambda z: np.sum(np.sin(z)), x), np.cos(x), atol=1e-8)
    np.testing.assert_allclose(gradcheck.numerical_gradient(lambda z: np.sum(z**3), x), 3 * x**2, atol=1e-7)


@settings(derandomize=True, deadline=None)
@given(POINTS)
def test_jacobian_and_hessian_of_closed_forms(x: np.ndarray) -> None:
    n, shape = x.size, (*x.shape, *x.shape)
    jacobian = gradcheck.numerical_jacobian(np.exp, x)
    np.testing.assert_allclose(jacobian, np.diag(np.exp(x).reshape(n)).reshape(shape), atol=1e-7)
    hessian = gradcheck.numerical_hessian(lambda z: np.sum(z) ** 2 + np.sum(z**3), x)
    np.testing.assert_allclose(hessian, (2 + np.diag(6 * x.reshape(n))).reshape(shape), atol=1e-4)


def test_a_jacobian_has_inputs_in_front() -> None:
    """The Jacobian of A'x is A, and the chain rule reads from left to right."""
    B = RNG.normal(size=(3, 2))
    x = RNG.normal(size=3)
    first = gradcheck.numerical_jacobian(lambda x: A.T @ x, x)
    np.testing.assert_allclose(first, A, atol=1e-8)
    both = gradcheck.numerical_jacobian(lambda x: B.T @ np.tanh(A.T @ x), x)
    outer = gradcheck.numerical_jacobian(lambda y: B.T @ np.tanh(y), A.T @ x)
    np.testing.assert_allclose(both, first @ outer, atol=1e-8)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
@pytest.mark.parametrize("dtype, within", [(np.float32, 1e-2), (np.float64, 1e-8)])
def test_the_default_step_suits_the_dtype_and_the_size(dtype: Any, within: float, size: float) -> None:
    x = np.array([size, -2 * size], dtype)
    got = gradcheck.numerical_gradient(lambda z: (z * z).sum() / z.dtype.type(size), x)
    assert got.dtype == dtype
    assert np.abs(got - 2 * x / size).max() < within * 4


def test_a_function_that_writes_into_its_argument_does_no_harm() -> None:
    def f(x: np.ndarray) -> Any:
        x *= 2
        return x.sum()

    x = np.ones(2)
    np.testing.assert_allclose(gradcheck.numerical_gradient(f, x), [2, 2])
    np.testing.assert_allclose(gradcheck.numerical_hessian(f, x), np.zeros((2, 2)), atol=1e-6)
    np.testing.assert_array_equal(x, [1, 1])


def test_a_step_of_your_own() -> None:
    assert gradcheck.numerical_gradient(lambda x: x**3, 0.0, h=0.5) == pytest.approx(0.25)
    assert gradcheck.numerical_gradient(lambda x: x**2, 3) == pytest.approx(6)
    assert gradcheck.numerical_jacobian(lambda x: x, np.zeros(0)).shape == (0, 0)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: gradcheck.numerical_gradient(lambda x: x * 2, np.ones(2)), r"shape \(2,\); a gradient is of one"),
        (lambda: gradcheck.numerical_gradient(np.sum, np.ones(2), h=0), "the step h is 0; it has to be positive"),
        (lambda: gradcheck.numerical_gradient(np.sum, [1j]), "dtype complex128"),
        (lambda: gradcheck.relative_error([1], [1, 2]), r"shapes \(1,\) and \(2,\)"),
        (lambda: gradcheck.check_grads(lambda x: x, 1), "0 of 1 arguments hold floats"),
        (lambda: gradcheck.step_study(np.exp, 1.0, [-1.0]), "positive"),
    ],
)
def test_what_is_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "a, b, error",
    [
        (1.0, 1.0, 0.0),
        (0.0, 0.0, 0.0),
        ([1.0, 2.0], [1.0, 4.0], 0.5),
        ([0.0, 100.0], [1.0, 100.0], 0.01),
        (0.0, 1e-10, 1e-2),
        ([], [], 0.0),
    ],
)
def test_relative_error(a: Any, b: Any, error: float) -> None:
    assert gradcheck.relative_error(a, b) == pytest.approx(error)
    assert gradcheck.relative_error(b, a) == pytest.approx(error)


# ---- checks

RIGHT: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "numbers": (lambda x, y: np.sin(x) * y**3, (0.5, 2.0)),
    "matrices": (lambda x, W, b: np.tanh(linear(x, W, b)), (X, A, A[0])),
    "labels are constant": (cross_entropy, (X, np.array([0, 2, 1, 1]))),
    "an array": (softmax, (X,)),
    "images": (lambda x, w: conv2d(x, w, padding=1), (RNG.normal(size=(1, 2, 3, 3)), RNG.normal(size=(2, 2, 2, 2)))),
    "linear in one": (lambda x, y: (x @ y).sum(), (X, A)),
    "single precision": (lambda x: (np.exp(x) * x).sum(), (X.astype(np.float32),)),
    "a kink far away": (lambda x: relu(x).sum(), (X,)),
}


@pytest.mark.parametrize("case", RIGHT)
def test_right_derivatives_pass_in_three_orders(case: str) -> None:
    f, args = RIGHT[case]
    gradcheck.check_grads(f, *args, order=3 if "single" not in case else 2, rng=np.random.default_rng(1))


@primitive
def wrong_cube(x: Any) -> Any:
    return x**3, (lambda g: g * x**2,)


@primitive
def wrong_later(x: Any) -> Any:
    """Its first derivative is right, and its second, taken of the text, is not."""
    return np.sin(x), (lambda g: g * np.cos(getattr(x, "_data", x)),)


@primitive
def wrong_entry(x: Any) -> Any:
    factors = np.array([2.0, 2.0, -2.0])
    return (x * x).sum(), (lambda g: g * x * factors,)


@pytest.mark.parametrize(
    "f, args, message",
    [
        (
            lambda a, w: a * wrong_cube(w),
            (2.0, 3.0),
            r"order 1 by argument 1 \(w\) differs; it is 18 .* give 54\. A fac",
        ),
        (wrong_later, (0.5,), r"the derivative of order 2 by argument 0 \(x\) of the gradient of order 1 along random"),
        (
            wrong_entry,
            (np.array([1.0, 2.0, 3.0]),),
            r"in 1 of 3 entries; the worst, at \[2\], is -6 and .* give 6\. It",
        ),
        (
            lambda x: relu(x).sum(),
            (np.array([1.0, 1e-6]),),
            r"the worst, at \[1\], .* a kink within 6e-06 of this point",
        ),
        (lambda x: abs(x - 1).sum(), (np.array([1.0, 3.0]) + 2e-6,), r"at \[0\], .* a kink"),
    ],
)
def test_wrong_derivatives_are_named(f: Any, args: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        gradcheck.check_grads(f, *args)


def square(x: np.ndarray) -> Any:
    return (x * x).sum()


@pytest.mark.parametrize(
    "f, df, x, message",
    [
        (
            square,
            lambda x: x,
            [1.0, 3.0],
            r"2 of 2 entries; the worst, at \[1\], is 3 and .* give 6\. A factor 2 is mis",
        ),
        (square, lambda x: 4 * x, [1.0, 3.0], r"A factor 2 is too much; is a mean meant\?"),
        (square, lambda x: -2 * x, [1.0, 3.0], "It has the other sign"),
        (square, lambda x: 2 * x + (x > 2) * 0.1, [1.0, 3.0], r"1 of 2 entries.*Check that term"),
        (square, lambda x: 2 * x.sum(), [1.0, 3.0], r"has shape \(\); expected that of x, \(2,\)"),
        (square, lambda x: x * np.nan, [1.0, 3.0], "One is not finite"),
        (lambda x: np.abs(x).sum(), np.sign, [1.0, 0.0, 1e-7], r"\[2\], is 1 .* f has a kink within"),
        (lambda x: np.maximum(x, 0).sum(), lambda x: 1.0 * (x > 0), [0.0], "f has a kink within"),
    ],
)
def test_a_wrong_gradient_by_hand_is_named(f: Any, df: Any, x: Any, message: str) -> None:
    with pytest.raises(CheckFailed, match=message):
        gradcheck.check_gradient(f, df, x)


@settings(derandomize=True, deadline=None)
@given(POINTS)
def test_a_right_gradient_by_hand_passes(x: np.ndarray) -> None:
    gradcheck.check_gradient(lambda z: np.sum(z * np.cos(z)), lambda z: np.cos(z) - z * np.sin(z), x)
    gradcheck.check_gradient(lambda z: np.sum(np.exp(z)), np.exp, x, rtol=1e-8, atol=1e-8)


# ---- steps


def test_errors_fall_with_the_step_and_grow_with_rounding() -> None:
    study = gradcheck.step_study(lambda x: np.sum(np.sin(x)), np.array([1.0, 2.0]))
    steps, curves, best = study.steps, study.curves(), study.best()
    assert study.errors.shape == (2, 2, len(steps))
    for kind, power, lowest in [("forward", 1, 1e-8), ("central", 2, 1e-5)]:
        errors = curves[f"{kind}, float64"]
        right = (steps > 30 * lowest) & (steps < 0.05)
        fit = np.polyfit(np.log(steps[right]), np.log(errors[right]), 1)[0]
        assert fit == pytest.approx(power, abs=0.1)
        assert lowest / 10 < best[f"{kind}, float64"][0] < lowest * 10
    for dtype in ("float32", "float64"):
        eps = float(np.finfo(dtype).eps)
        assert best[f"central, {dtype}"][1] < best[f"forward, {dtype}"][1] < 10 * eps**0.5
        assert eps ** (1 / 3) / 10 < best[f"central, {dtype}"][0] < eps ** (1 / 3) * 10


def test_an_exact_gradient_of_your_own() -> None:
    study = gradcheck.step_study(lambda x: float(np.exp(x)), 0.0, [1e-3], [np.float64], gradient=np.exp)
    np.testing.assert_allclose(study.errors[0, :, 0], [5e-4, 1.67e-7], rtol=1e-2)


def test_the_picture_says_which_step_is_best() -> None:
    picture = gradcheck.step_picture(gradcheck.step_study(np.exp, 1.0), "exp")
    assert "central, float64" in picture.alt
    assert "forward, float32" in picture.alt
    title = ElementTree.fromstring(picture.svg).find(".//{http://purl.org/dc/elements/1.1/}title")
    assert title is not None
    assert title.text is not None
    assert title.text.startswith("exp: least error ")
    assert len(picture.svg) < 100_000


@pytest.mark.parametrize("f", [lambda x: x * 0.0, lambda x: x * np.nan, lambda x: 2 * x])
def test_a_picture_of_errors_that_are_zero_or_none(f: Any) -> None:
    study = gradcheck.step_study(f, 1.0, [1e-3, 1e-2], gradient=lambda x: 2.0)
    assert gradcheck.step_picture(study).svg
