"""Graphs of any form: results that are used many times, in parts and as a whole, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from chainrule.autodiff import Tensor
from hypothesis import given, settings
from hypothesis import strategies as st

from .oracle import agree

ORDER = [2, 0, 0]


class Step(NamedTuple):
    name: str
    first: int  # which of the results so far, from the youngest
    second: int


def joined(parts: list[Any]) -> Any:
    return torch.cat(parts) if isinstance(parts[0], torch.Tensor) else np.concatenate(parts)


# Of vectors of three numbers; they look the same in numpy and in PyTorch.
STEPS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b / 2,
    "same": lambda a, b: a * a / 2,
    "element": lambda a, b: a[0] + b,
    "slice": lambda a, b: a[1:].sum() * b / 2,
    "backwards": lambda a, b: a[ORDER] - b[1],
    "joined": lambda a, b: joined([a[:1], b[1:]]),
    "outer": lambda a, b: (a[:, None] * b).sum(1) / 2,
    "matrix": lambda a, b: a.reshape(3, 1) @ b.reshape(1, 3) @ a / 4,
    "view": lambda a, b: a.reshape(1, 3)[0] + 0 * b[2],
    "constant": lambda a, b: 1 - a * 0.5,
}


def run(steps: Sequence[Step], *leaves: Any) -> Any:
    results = list(leaves)
    for name, i, j in steps:
        results.append(STEPS[name](results[-1 - i % len(results)], results[-1 - j % len(results)]))
    return results[-1]


steps = st.lists(
    st.builds(Step, st.sampled_from(sorted(STEPS)), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12
)


@settings(max_examples=150)
@given(steps=steps, seed=st.integers(0, 2**32 - 1))
def test_graphs_of_any_form_agree_with_pytorch(steps: list[Step], seed: int) -> None:
    x, y = np.random.default_rng(seed).uniform(-1, 1, (2, 3))
    agree(lambda a, b: run(steps, a, b), lambda a, b: run(steps, a, b), [x, y], [0, 1], seed, twice=True)


@settings(max_examples=50)
@given(steps=steps, seed=st.integers(0, 2**32 - 1))
def test_leaves_add_up_what_two_passes_leave(steps: list[Step], seed: int) -> None:
    x, y = np.random.default_rng(seed).uniform(-1, 1, (2, 3))
    a, b = Tensor(x), Tensor(y)
    there = [torch.tensor(v, requires_grad=True) for v in (x, y)]
    for z in (run(steps, a, b).sum() + (a + b).sum(), run(steps[:1], a, b)[1] * b[0] + a[0]):
        z.backward()
    for z in (run(steps, *there).sum() + sum(there).sum(), run(steps[:1], *there)[1] * there[1][0] + there[0][0]):
        z.backward()
    for t, u in zip((a, b), there, strict=True):
        np.testing.assert_allclose(t.grad, u.grad, rtol=1e-9, atol=1e-9 * max(1, np.abs(u.grad.numpy()).max()))
