"""The test functions: value, gradient and Hessian against PyTorch's, written there a second time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from chainrule import functions
from chainrule.functions import Function
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch import Tensor
from torch.autograd import functional

CURVATURES = [0.05, 1.0, 3.0]
DELTA = 1.5


def huber(x: Tensor) -> Tensor:
    return torch.nn.functional.huber_loss(x, torch.zeros_like(x), reduction="sum", delta=DELTA)


PYTORCH: list[tuple[Function, Callable[[Tensor], Tensor]]] = [
    (functions.quadratic(CURVATURES), lambda x: x @ torch.diag(torch.tensor(CURVATURES, dtype=x.dtype)) @ x),
    (functions.quadratic([2.0]), lambda x: 2 * x.square().sum()),
    (functions.huber(DELTA), huber),
    (functions.ROSENBROCK, lambda x: torch.stack([1 - x[0], 10 * (x[1] - x[0] * x[0])]).square().sum()),
    (functions.HIMMELBLAU, lambda x: torch.stack([x[0] * x[0] + x[1] - 11, x[0] + x[1] * x[1] - 7]).square().sum()),
    (functions.SADDLE, lambda x: (x[0] + x[1]) * (x[0] - x[1])),
    (functions.MONKEY_SADDLE, lambda x: torch.complex(x[0], x[1]).pow(3).real),
    (functions.DOUBLE_WELL, lambda x: ((x[0] - 1) * (x[0] + 1)).square()),
    (functions.WIGGLY, lambda x: x[0].square() + 2 * torch.sin(torch.pi * x[0]).square()),
]
each = pytest.mark.parametrize(("function", "theirs"), PYTORCH, ids=[f.name for f, _ in PYTORCH])
every = pytest.mark.parametrize("function", [f for f, _ in PYTORCH], ids=[f.name for f, _ in PYTORCH])


def points(function: Function) -> st.SearchStrategy[np.ndarray]:
    leading = hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3)
    numbers = st.floats(-4, 4).filter(lambda x: abs(abs(x) - DELTA) > 1e-3)  # where Huber's Hessian jumps
    return leading.flatmap(lambda shape: hnp.arrays(float, (*shape, function.dimension), elements=numbers))


def test_the_table_has_every_function() -> None:
    constants = {name for name in functions.__all__ if isinstance(getattr(functions, name), Function)}
    listed = {name for name in constants if any(getattr(functions, name) is f for f, _ in PYTORCH)}
    assert listed == constants == set(functions.__all__) - {"Function", "quadratic", "huber"}


@each
@given(data=st.data())
def test_derivatives_are_those_of_pytorch_at_every_point_of_an_array(
    function: Function, theirs: Callable[[Tensor], Tensor], data: st.DataObject
) -> None:
    x, d = data.draw(points(function)), function.dimension
    value, gradient, hessian = function.value(x), function.gradient(x), function.hessian(x)
    assert (value.shape, gradient.shape, hessian.shape) == (x.shape[:-1], x.shape, (*x.shape, d))
    flat = value.reshape(-1), gradient.reshape(-1, d), hessian.reshape(-1, d, d)
    for point, f, df, d2f in zip(x.reshape(-1, d), *flat, strict=True):
        at = torch.tensor(point)
        np.testing.assert_allclose(f, theirs(at), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(df, functional.jacobian(theirs, at), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(d2f, functional.hessian(theirs, at), rtol=1e-10, atol=1e-10)


@every
def test_minima_are_the_lowest_points_of_the_region_and_flat(function: Function) -> None:
    axes = [np.linspace(low, high, 61) for low, high in function.region]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    if len(function.minima) == 0:
        assert function.value(grid).min() < 0  # and a polynomial of odd or indefinite form has no bound
        return
    np.testing.assert_allclose(function.gradient(function.minima), 0, atol=1e-12)
    assert (np.linalg.eigvalsh(function.hessian(function.minima)) > 0).all()
    lowest = function.value(function.minima)
    np.testing.assert_allclose(lowest, lowest[0], atol=1e-20)
    assert (function.value(grid) >= lowest[0]).all()
    low, high = function.region.T
    assert ((low <= function.minima) & (function.minima <= high)).all()


@pytest.mark.parametrize(
    ("function", "point", "eigenvalues"),
    [
        (functions.SADDLE, [0, 0], [-2, 2]),
        (functions.MONKEY_SADDLE, [0, 0], [0, 0]),
        (functions.DOUBLE_WELL, [0], [-4]),
        (functions.quadratic([0.05, 1]), [3, 4], [0.1, 2]),
    ],
)
def test_critical_points_are_of_the_kind_they_are_known_for(
    function: Function, point: list[float], eigenvalues: list[float]
) -> None:
    np.testing.assert_allclose(np.linalg.eigvalsh(function.hessian(point)), eigenvalues, atol=1e-12)


@every
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_floats_keep_their_type_and_whole_numbers_become_floats(function: Function, dtype: type) -> None:
    x: np.ndarray = np.ones((2, function.dimension), dtype)
    expected = np.float64 if dtype is np.int64 else dtype
    assert function.value(x).dtype == function.gradient(x).dtype == function.hessian(x).dtype == expected


@every
def test_points_of_another_dimension_are_refused(function: Function) -> None:
    d = function.dimension
    for wrong in (np.ones(d + 1), np.ones((d, d + 1)), 1.0):
        with pytest.raises(ValueError, match=rf"{function.name} was given .*; expected points of {d} coordinates"):
            function.gradient(wrong)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: functions.quadratic([1.0, -1.0]), r"curvatures is \[1.0, -1.0\]; expected one or more positive"),
        (lambda: functions.quadratic([]), r"curvatures is \[\]"),
        (lambda: functions.quadratic(2.0), r"curvatures is 2.0; .* as in \[0.05, 1.0\]"),
        (lambda: functions.huber(0), "delta is 0; expected a positive number"),
    ],
)
def test_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
