"""Every operation against PyTorch's: value, gradient and second derivatives, for arguments that hypothesis chooses."""

from __future__ import annotations

import pytest
from chainrule import autodiff
from chainrule.autodiff import engine
from hypothesis import given, settings
from hypothesis import strategies as st

from .oracle import agree
from .table import OPS, Op

NO_OPERATIONS = {
    "Tensor", "draw", "grad", "hessian", "hvp", "implements", "jacobian", "primitive", "to_dot", "unroll",
    "value_and_grad", "vjp",
}  # fmt: skip


def test_the_table_has_every_operation() -> None:
    compared = {function for op in OPS.values() for function in op.covers}
    public = {getattr(autodiff, name) for name in autodiff.__all__ if name not in NO_OPERATIONS}
    assert {*engine.UFUNCS, *engine.FUNCTIONS, *public} - compared == set()


@pytest.mark.parametrize("op", OPS.values(), ids=OPS)
@settings(max_examples=20)
@given(data=st.data())
def test_operations_agree_with_pytorch(op: Op, data: st.DataObject) -> None:
    arrays, options = data.draw(op.inputs)
    chosen = data.draw(st.sets(st.integers(0, len(arrays) - 1), min_size=1).map(sorted))
    agree(
        lambda *xs: op.ours(*xs, *options),
        lambda *xs: op.theirs(*xs, *options),
        arrays,
        chosen,
        data.draw(st.integers(0, 2**32 - 1)),
        op.twice,
    )
