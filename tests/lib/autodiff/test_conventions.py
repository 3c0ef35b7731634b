"""Derivatives where there is more than one right answer, or where digits or infinities get lost: PyTorch decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from chainrule import autodiff
from chainrule.autodiff import grad, hessian, vjp
from torch.nn import functional

INF = np.inf

# operation, what it is compared with (or the gradient itself), and the points; each result is differentiated with ones
KINKS: dict[str, tuple[Callable[..., Any], Any, list[Any]]] = {
    "abs at 0": (np.abs, [-1, 0, 1], [[-2.0, 0.0, 2.0]]),
    "relu at 0": (autodiff.relu, [0, 0, 1], [[-2.0, 0.0, 2.0]]),
    "maximum where equal": (np.maximum, torch.maximum, [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]]),
    "minimum where equal": (np.minimum, torch.minimum, [[1.0, 2.0, 3.0], [2.0, 2.0, 2.0]]),
    "max of equals": (np.max, [0, 1 / 3, 1 / 3, 1 / 3], [[1.0, 2.0, 2.0, 2.0]]),
    "min of equals": (np.min, [1 / 2, 1 / 2, 0], [[1.0, 1.0, 2.0]]),
    "clip at the bounds": (np.clip, torch.clamp, [[-2.0, -1.0, 0.0, 1.0, 2.0], [-1.0] * 5, [1.0] * 5]),
    "clip to nothing": (np.clip, torch.clamp, [[0.0, 1.0, 2.0], [1.0] * 3, [1.0] * 3]),
    "clip to crossed bounds": (np.clip, torch.clamp, [[0.0, 1.0, 2.0, 3.0, 4.0], [3.0] * 5, [1.0] * 5]),
    "x ** 0": (lambda x: x**0, [0, 0], [[0.0, 2.0]]),
    "x ** 0.0 in an array": (np.power, torch.pow, [[0.0, 2.0], [0.0, 0.0]]),
    "0 ** p": (np.power, torch.pow, [[0.0, 0.0, 0.0], [1.0, 2.0, 0.0]]),
    "norm at 0": (np.linalg.norm, [0, 0], [[0.0, 0.0]]),
    "norm of order 1 at 0": (lambda x: np.linalg.norm(x, 1), [1, 0, -1], [[2.0, 0.0, -2.0]]),
    "std of equals": (np.std, lambda x: torch.std(x, correction=0), [[2.0, 2.0, 2.0]]),
    "sort of equals": (
        lambda x: np.sort(x) * np.arange(3.0),
        lambda x: torch.sort(x, stable=True).values * torch.arange(3.0),
        [[1.0, 1.0, 0.0]],
    ),
    "max_pool2d of equals": (
        lambda x: autodiff.max_pool2d(x[None, None], 2),
        lambda x: functional.max_pool2d(x[None, None], 2),
        [[[1.0, 3.0, 0.0, 0.0], [3.0, 3.0, 0.0, 0.0]]],
    ),
    "prod with a zero": (np.prod, torch.prod, [[2.0, 0.0, 3.0]]),
    "prod with two zeros": (np.prod, torch.prod, [[2.0, 0.0, 0.0]]),
    "cumprod with zeros": (np.cumprod, lambda x: torch.cumprod(x, 0), [[2.0, 0.0, 3.0, 0.0, 4.0]]),
}

EXTREMES: dict[str, tuple[Callable[..., Any], Any, list[Any]]] = {
    "sigmoid": (autodiff.sigmoid, torch.sigmoid, [[-1000.0, -700.0, -40.0, 0.0, 40.0, 1000.0]]),
    "log of sigmoid": (lambda x: np.log(autodiff.sigmoid(x)), functional.logsigmoid, [[-700.0, -40.0, 0.0]]),
    "silu": (autodiff.silu, functional.silu, [[-1000.0, -700.0, -40.0, 0.0, 40.0, 1000.0]]),
    "sinc beside 0": (np.sinc, [0, -(np.pi**2) / 3 * 1e-300, -(np.pi**2) / 3 * 1e-9], [[0.0, 1e-300, 1e-9]]),
    "softplus": (autodiff.softplus, functional.softplus, [[-700.0, -40.0, 0.0, 15.0, 1000.0]]),
    "tanh": (np.tanh, torch.tanh, [[-1000.0, -20.0, 20.0, 1000.0]]),
    "logaddexp": (np.logaddexp, torch.logaddexp, [[1e10, 1000.0, -1000.0, 0.0], [1e10, 0.0, -1000.0, 80.0]]),
    "logsumexp": (autodiff.logsumexp, lambda x: torch.logsumexp(x, 0), [[1000.0, 1000.0, -1000.0]]),
    "logsumexp with -inf": (autodiff.logsumexp, lambda x: torch.logsumexp(x, 0), [[-INF, 1.0, 2.0]]),
    "logsumexp of -inf": (autodiff.logsumexp, [0, 0], [[-INF, -INF]]),
    "softmax": (autodiff.softmax, lambda x: torch.softmax(x, 0), [[1000.0, 999.0, -INF]]),
    "log_softmax": (autodiff.log_softmax, lambda x: torch.log_softmax(x, 0), [[1000.0, 999.0, -1000.0]]),
    "divide by little": (np.divide, torch.div, [[1e-200, 1.0], [1e-180, 1e-100]]),
    "divide by much": (np.divide, torch.div, [[1e200, 1.0], [1e180, 1e200]]),
    "cross_entropy": (
        lambda x: autodiff.cross_entropy(x, np.array([0, 1])),
        lambda x: functional.cross_entropy(x, torch.tensor([0, 1])),
        [[[1000.0, -1000.0], [1000.0, -1000.0]]],
    ),
}


@pytest.mark.parametrize(("ours", "theirs", "points"), [*KINKS.values(), *EXTREMES.values()], ids=[*KINKS, *EXTREMES])
def test_derivatives_at_kinks_and_extremes(ours: Any, theirs: Any, points: list[Any]) -> None:
    arrays = tuple(np.array(point) for point in points)
    z, pull = vjp(lambda xs: ours(*xs), arrays)
    found = pull(np.ones(np.shape(z)))
    if isinstance(theirs, list):
        expected = [np.array(theirs)]
    else:
        tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
        value = theirs(*tensors)
        np.testing.assert_allclose(z, value.detach(), rtol=1e-12)
        value.sum().backward()
        expected = [t.grad.numpy() for t in tensors]
    for d, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(d, e, rtol=1e-9)


def test_float32_keeps_its_digits_where_the_sigmoid_is_small() -> None:
    x = np.linspace(-80, 0, 100, dtype=np.float32)
    z = autodiff.sigmoid(x)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z, torch.sigmoid(torch.tensor(x, dtype=float)), rtol=2e-5)


def test_mixed_second_derivatives_of_a_power_are_the_same_in_either_order() -> None:
    for x, p in [(2.0, 0.0), (2.0, 1.0), (0.5, 3.0)]:
        found = hessian(lambda xp: xp[0] ** xp[1])(np.array([x, p]))
        mixed = x ** (p - 1) * (1 + p * np.log(x))
        expected = [[p * (p - 1) * x ** (p - 2), mixed], [mixed, x**p * np.log(x) ** 2]]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "f", [autodiff.sigmoid, autodiff.silu, autodiff.softplus, np.sinc, np.tanh, np.exp], ids=lambda f: f.__name__
)
def test_higher_derivatives_at_0(f: Callable[..., Any]) -> None:
    expected = {
        "sigmoid": [1 / 2, 1 / 4, 0, -1 / 8],
        "silu": [0, 1 / 2, 1 / 2, 0],
        "sinc": [1, 0, -(np.pi**2) / 3, 0],
        "softplus": [np.log(2), 1 / 2, 1 / 4, 0],
        "tanh": [0, 1, 0, -2],
        "exp": [1, 1, 1, 1],
    }
    derivatives = []
    for _ in range(4):
        derivatives.append(f(0.0))
        f = grad(f)
    assert any(np.allclose(derivatives, e, atol=1e-15) for e in expected.values())
