"""Derivatives of every operation against finite differences: no other library is asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from chainrule.autodiff import grad, hvp
from hypothesis import given, settings
from hypothesis import strategies as st

from .oracle import numerical
from .table import OPS, Op

SMOOTH = {name: op for name, op in OPS.items() if op.smooth}


@pytest.mark.parametrize("op", SMOOTH.values(), ids=SMOOTH)
@settings(max_examples=5)
@given(data=st.data())
def test_gradients_and_second_derivatives_are_the_limits_of_differences(op: Op, data: st.DataObject) -> None:
    arrays, options = data.draw(op.inputs.filter(lambda arguments: sum(x.size for x in arguments[0]) <= 40))
    xs = [np.array(x, float) for x in arrays]
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    g = rng.normal(size=np.shape(op.ours(*xs, *options)))

    def f(params: Any) -> Any:
        return (op.ours(*params, *options) * g).sum()

    along = [rng.normal(size=x.shape) for x in xs]

    def slope(params: Any) -> float:
        return sum((d * v).sum() for d, v in zip(grad(f)(params), along, strict=True))

    for found, expected in [(grad(f)(xs), numerical(f, xs)), (hvp(f, xs, along), numerical(slope, xs))]:
        for d, e in zip(found, expected, strict=True):
            np.testing.assert_allclose(d, e, rtol=1e-6, atol=1e-6 * max(1, np.abs(e).max(initial=0)))
