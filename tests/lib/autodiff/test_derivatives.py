"""Derivatives of functions: their layout, structures of parameters, and derivatives inside of derivatives."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from chainrule.autodiff import Tensor, grad, hessian, hvp, jacobian, value_and_grad, vjp
from torch.autograd import functional

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 4))
V = RNG.normal(size=4)


# ---- derivatives inside of derivatives


def curve(x: Any, y: Any) -> Any:
    return np.sin(x * y) * x


NESTED = {
    "x * d/dy (x + y)": (grad(lambda x: x * grad(lambda y: x + y)(1.0)), 2.0, 1.0),
    "x * d/dy (x * y)": (grad(lambda x: x * grad(lambda y: x * y)(2.0)), 1.0, 2.0),
    "x * d/dy (y * x)": (grad(lambda x: x * grad(lambda y: y * x)(2.0)), 3.0, 6.0),
    "d/dy (x y**2) at y = x": (grad(lambda x: grad(lambda y: x * y * y)(x)), 3.0, 12.0),
    "d/dy of what has no y": (grad(lambda x: x * grad(lambda y: x * x)(1.0)), 3.0, 0.0),
    "d/dx of what has no x": (grad(lambda x: grad(lambda y: y * y)(3.0)), 1.0, 0.0),
    "three deep": (grad(lambda x: grad(lambda y: grad(lambda z: x * y * z * z)(y))(x)), 2.0, 16.0),
    "grad of the identity": (grad(grad(lambda x: x)), 2.0, 0.0),
    "grad of a constant": (grad(grad(lambda x: 1.0)), 2.0, 0.0),
    "fourth derivative": (grad(grad(grad(grad(lambda x: x**5)))), 2.0, 240.0),
    "fan-out": (grad(lambda x: np.sin(np.sin(x) + np.sin(x))), 0.0, 2.0),
    "value used outside": (grad(lambda x: value_and_grad(lambda y: x * y)(x)[0]), 3.0, 6.0),
    "inner x shadows": (grad(lambda x: grad(lambda x: x**3)(x) + x), 2.0, 13.0),
    "mixed by argument 1": (grad(lambda x: grad(curve, 1)(x, 0.0)), 2.0, 4.0),
    "jacobian inside": (grad(lambda x: jacobian(lambda y: x * y * y)(np.ones(2)).sum()), 3.0, 4.0),
    "hvp inside": (grad(lambda x: hvp(lambda y: x * (y * y).sum(), np.ones(2), np.ones(2)).sum()), 3.0, 4.0),
    "vjp inside": (grad(lambda x: vjp(lambda y: y * y, x * np.ones(2))[1](np.ones(2)).sum()), 3.0, 4.0),
    "cotangent that is differentiated": (
        grad(lambda x: vjp(lambda y: 3 * y, np.ones(2))[1](x * np.ones(2)).sum()),
        1.0,
        6.0,
    ),
    "a gradient step inside": (grad(lambda w: (w - 0.1 * grad(lambda v: v**2)(w)) ** 2), 1.0, 2 * 0.8**2),
}


@pytest.mark.parametrize(("f", "x", "expected"), NESTED.values(), ids=NESTED)
def test_derivatives_inside_of_derivatives(f: Any, x: float, expected: float) -> None:
    found = f(x)
    assert not isinstance(found, Tensor)
    assert found == pytest.approx(expected)


def test_a_tensor_from_outside_gets_its_part() -> None:
    w = Tensor(3.0)
    z = w * grad(lambda x: w * x * x)(2.0)  # 4 w^2
    z.backward()
    assert w.grad == 24


# ---- layout


def test_a_jacobian_has_a_row_for_each_input_and_a_column_for_each_output() -> None:
    np.testing.assert_allclose(jacobian(lambda x: A @ x)(V), A.T)
    assert jacobian(np.sum)(A).shape == (3, 4)
    assert jacobian(lambda x: np.outer(x, x))(V).shape == (4, 4, 4)
    assert jacobian(lambda x: x[:0])(V).shape == (4, 0)
    assert jacobian(lambda x: np.ones(2))(V).shape == (4, 2)
    assert jacobian(lambda x: x * x)(3.0) == 6


def test_the_chain_rule_reads_from_left_to_right() -> None:
    f, g = (lambda x: np.tanh(A @ x)), (lambda y: y * y[0])
    np.testing.assert_allclose(jacobian(lambda x: g(f(x)))(V), jacobian(f)(V) @ jacobian(g)(f(V)))


def bowl(x: Any) -> Any:
    return np.exp(np.sin(x[:2]) @ x[2:]) + (A @ x) @ (A @ x)


def bowl_there(x: torch.Tensor) -> torch.Tensor:
    a = torch.tensor(A)
    return torch.exp(torch.sin(x[:2]) @ x[2:]) + (a @ x) @ (a @ x)


def test_second_derivatives_fit_each_other() -> None:
    H, expected = hessian(bowl)(V), functional.hessian(bowl_there, torch.tensor(V))
    np.testing.assert_allclose(H, expected, rtol=1e-12)
    np.testing.assert_allclose(H, H.T, rtol=1e-12)
    np.testing.assert_allclose(hvp(bowl, V, A[0]), H @ A[0], rtol=1e-12)
    np.testing.assert_allclose(jacobian(jacobian(bowl))(V), H, rtol=1e-12)
    matrix = V.reshape(2, 2)
    assert hessian(lambda x: bowl(x.reshape(-1)))(matrix).shape == (2, 2, 2, 2)


def test_jacobians_of_jacobians() -> None:
    np.testing.assert_allclose(jacobian(jacobian(lambda x: x**3))(V)[2, 2, 2], 6 * V[2])
    third = jacobian(hessian(lambda x: (x**4).sum()))(V)
    np.testing.assert_allclose(np.einsum("iii->i", third), 24 * V)


# ---- structures of parameters


class Layer(NamedTuple):
    W: Any
    b: Any


def test_a_derivative_has_the_structure_of_its_parameters() -> None:
    params = {"layers": [Layer(A, np.ones(3)), (np.float32(2), 3)], "scale": 2.0, "empty": []}

    def f(p: Any) -> Any:
        layer, (a, b) = p["layers"]
        return ((layer.W @ V + layer.b) * a).sum() * p["scale"] + b * 0

    z, d = value_and_grad(f)(params)
    assert z == pytest.approx(((A @ V + 1) * 4).sum())
    assert isinstance(d["layers"][0], Layer)
    assert isinstance(d["layers"][1], tuple)
    np.testing.assert_allclose(d["layers"][0].W, np.outer(np.ones(3), 4 * V))
    np.testing.assert_allclose(d["layers"][0].b, np.full(3, 4.0))
    assert d["layers"][1][0].dtype == np.float32
    assert (d["layers"][1][1], d["empty"]) == (0, [])
    assert d["scale"] == pytest.approx(z / 2)
    v = {"layers": [Layer(A, np.ones(3)), (1.0, 1.0)], "scale": 1.0, "empty": []}
    curved = hvp(f, params, v)
    assert curved["scale"] == pytest.approx(2 * (A @ V + 1).sum() + (A @ V + 1).sum())


def test_the_same_array_at_two_places_gets_two_derivatives() -> None:
    d = grad(lambda p: (p[0] * 2 + p[1] * 3).sum())([V, V])
    np.testing.assert_array_equal(d, [np.full(4, 2), np.full(4, 3)])


def test_what_does_not_depend_on_a_parameter_has_zeros() -> None:
    d = grad(lambda p: p["a"] * 2.0)({"a": 1.0, "b": A, "c": np.float32(1)})
    assert d["a"] == 2
    np.testing.assert_array_equal(d["b"], np.zeros((3, 4)))
    assert d["c"].dtype == np.float32
    assert grad(lambda x: 1.0)(V).tolist() == [0] * 4
    assert grad(lambda x: np.sign(x).sum())(V).tolist() == [0] * 4


def test_other_arguments_and_options_are_constant() -> None:
    def f(x: Any, y: Any, *, power: int = 1) -> Any:
        return (x * y**power).sum()

    np.testing.assert_allclose(grad(f)(V, A, power=2), (A**2).sum(0))
    np.testing.assert_allclose(grad(f, 1)(V, A, power=2), 2 * A * V)


def test_a_vjp_can_be_called_again() -> None:
    _, pull = vjp(lambda x: A @ x, V)
    for e, row in zip(np.eye(3), A, strict=True):
        np.testing.assert_allclose(pull(e), row)
