"""What it means to agree with PyTorch: the value, the gradient, and the second derivatives in one direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from chainrule.autodiff import hvp, vjp

Function = Callable[..., Any]


def agree(
    ours: Function, theirs: Function, arrays: Sequence[np.ndarray], chosen: Sequence[int], seed: int, twice: bool
) -> None:
    """Compare `ours(*arrays)`, differentiated by the chosen arguments, with `theirs` of the same in float64.

    The scalar that is differentiated twice is sum(ours(*arrays) * g), by the arguments and by g: so the pullbacks'
    own pullbacks are asked for both of what they depend on.
    """
    rng = np.random.default_rng(seed)
    before = [a.copy() for a in arrays]
    params = tuple(arrays[i] for i in chosen)
    at = [torch.tensor(a.astype(float), requires_grad=i in chosen) for i, a in enumerate(arrays)]
    points = [at[i] for i in chosen]

    def f(replaced: Sequence[Any]) -> Any:
        return ours(*_replaced(arrays, chosen, replaced))

    z, pull = vjp(f, params)
    expected = theirs(*at)
    within = 1e-9 if all(a.dtype == float for a in arrays) else 3e-4
    assert z.dtype == np.result_type(*arrays)
    close(z, expected, within, "value")

    g = rng.normal(size=z.shape).astype(z.dtype)
    cotangent = torch.tensor(g.astype(float), requires_grad=True)
    found = pull(g)
    wanted = _gradient((expected * cotangent).sum(), [*points, cotangent])
    given_away(found, arrays, g)
    for i, d, w in zip(chosen, found, wanted, strict=False):
        assert d.dtype == arrays[i].dtype, f"the gradient of a {arrays[i].dtype} is {d.dtype}"
        close(d, w, within, f"gradient by argument {i}")

    if twice:
        along = [rng.normal(size=x.shape).astype(x.dtype) for x in (*params, g)]
        curved = hvp(lambda xs: (f(xs[:-1]) * xs[-1]).sum(), (*params, g), tuple(along))
        slope = sum((w * torch.tensor(v.astype(float))).sum() for w, v in zip(wanted, along, strict=True))
        for i, h, w in zip((*chosen, "g"), curved, _gradient(slope, [*points, cotangent]), strict=True):
            close(h, w, 10 * within, f"second derivative by argument {i}")
    for a, b in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(a, b, "an argument was written into")


def close(found: Any, expected: torch.Tensor, within: float, what: str) -> None:
    wanted = expected.numpy(force=True)
    assert np.shape(found) == wanted.shape, f"{what}: shape {np.shape(found)}, expected {wanted.shape}"
    scale = max(1.0, np.abs(wanted[np.isfinite(wanted)]).max(initial=0))
    np.testing.assert_allclose(found, wanted, rtol=within, atol=within * scale, err_msg=what)


def given_away(found: Sequence[Any], *others: Any) -> None:
    """Gradients belong to the caller: they can be written into, and nothing else changes when they are."""
    arrays = [d for d in found if isinstance(d, np.ndarray)]
    for i, d in enumerate(arrays):
        assert d.flags.writeable
        assert d.flags.owndata
        assert not any(np.shares_memory(d, other) for other in (*arrays[:i], *_flat(others)))


def numerical(
    f: Callable[[Sequence[np.ndarray]], float], xs: Sequence[np.ndarray], step: float = 1e-3
) -> list[np.ndarray]:
    """The gradient of a scalar function by central differences of fourth order."""
    gradient = []
    for k, x in enumerate(xs):
        slopes = np.zeros(x.shape)
        for i in np.ndindex(x.shape):
            values = {}
            for shift in (-2, -1, 1, 2):
                moved = x.copy()
                moved[i] += shift * step
                values[shift] = f([*xs[:k], moved, *xs[k + 1 :]])
            slopes[i] = (8 * (values[1] - values[-1]) - (values[2] - values[-2])) / (12 * step)
        gradient.append(slopes)
    return gradient


def _replaced(arrays: Sequence[Any], chosen: Sequence[int], new: Sequence[Any]) -> list[Any]:
    every = list(arrays)
    for i, x in zip(chosen, new, strict=True):
        every[i] = x
    return every


def _gradient(scalar: torch.Tensor, points: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
    if not scalar.requires_grad:
        return [torch.zeros_like(p) for p in points]
    return torch.autograd.grad(scalar, points, create_graph=True, allow_unused=True, materialize_grads=True)


def _flat(nested: Any) -> list[np.ndarray]:
    return [nested] if isinstance(nested, np.ndarray) else [a for part in nested for a in _flat(part)]
