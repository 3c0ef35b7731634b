"""PyTorch's own sample inputs, made for its own tests: value, gradient, and second derivatives in one direction.

A sample that asks for what we do not offer (an option, a kind of padding) is left out. The table says how many there
are to be compared, so that a translation cannot stop to work unnoticed.
"""

from __future__ import annotations

import inspect
import sys
import unittest
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from chainrule import autodiff
from chainrule.autodiff import Tensor, grad, hvp
from chainrule.autodiff.engine import value

from .oracle import close


def _samples() -> dict[str, Any]:
    """PyTorch's table of operations. It imports expecttest for a base class alone, which unittest has as well."""
    stand_in = ModuleType("expecttest")
    stand_in.TestCase = unittest.TestCase  # type: ignore[attr-defined]
    there = "expecttest" in sys.modules
    sys.modules.setdefault("expecttest", stand_in)
    try:
        from torch.testing._internal.common_methods_invocations import op_db
    finally:
        if not there:
            del sys.modules["expecttest"]
    return {info.name: info for info in reversed(op_db) if not info.variant_test_name} | {
        f"{info.name} {info.variant_test_name}": info for info in op_db if info.variant_test_name
    }


INFOS = _samples()


class NotOffered(Exception):
    """Our signature does not allow it."""


def need(condition: bool) -> None:
    if not condition:
        raise NotOffered


def axis(x: Any, dim: Any) -> Any:
    need(dim not in ((), []))  # all axes there, none in numpy
    if x.ndim == 0:  # has axes 0 and -1 there
        return None
    return tuple(dim) if isinstance(dim, list | torch.Size) else dim


def single(n: Any) -> int:
    """What PyTorch takes for rows and columns, and we for both."""
    if isinstance(n, int):
        return n
    need(len(set(n)) == 1 and not isinstance(n, str))
    return n[0]


def sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else shape


# ---- PyTorch's signatures in our words


def reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, dim=None, keepdim=False: function(x, axis=axis(x, dim), keepdims=keepdim)


def spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def ours(x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, correction: Any = None) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        ddof = int(unbiased) if correction is None else correction
        n = np.prod([x.shape[a] for a in np.atleast_1d(np.arange(x.ndim) if dim is None else dim)])
        need(n > ddof)
        return function(x, axis=axis(x, dim), ddof=ddof, keepdims=keepdim)

    return ours


def vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
    need(ord in (1, 2, np.inf) and x.ndim > 0 and (dim is None or isinstance(dim, int) or ord == 2))
    if dim is None and not keepdim:
        return np.linalg.norm(x.reshape(-1), ord)
    need(x.ndim == 1 or dim is not None or ord == 2)
    return np.linalg.norm(x, None if ord == 2 else ord, axis(x, dim), keepdims=keepdim)


def diff(x: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    need(n > 0)
    return np.diff(np.concatenate([part for part in (prepend, x, append) if part is not None], dim), n, dim)


def tensordot(x: Any, y: Any, dims: Any) -> Any:
    need(isinstance(dims, int) or [x.shape[a] for a in dims[0]] == [y.shape[a] for a in dims[1]])
    return np.tensordot(x, y, dims)


def solve(a: Any, b: Any, left: bool = True) -> Any:
    need(left and (b.ndim == 1 or b.ndim >= a.ndim))  # a stack of vectors is a matrix in numpy
    return np.linalg.solve(a, b)


def cat(xs: Any, dim: int = 0) -> Any:
    need(len({x.ndim for x in xs}) == 1)
    return np.concatenate(xs, dim)


def squeeze(x: Any, dim: Any = None) -> Any:
    need(x.ndim > 0 and all(x.shape[a] == 1 for a in np.atleast_1d([] if dim is None else dim).astype(int)))
    return np.squeeze(x, dim)


def masked_select(x: Any, mask: Any) -> Any:
    shape = np.broadcast_shapes(x.shape, mask.shape)
    return np.broadcast_to(x, shape)[np.broadcast_to(mask, shape)]


def of_axis(function: Callable[..., Any]) -> Callable[..., Any]:
    def ours(x: Any, dim: int) -> Any:
        need(x.ndim > 0 and x.shape[dim] > 0)
        return function(x, dim)

    return ours


def of_one(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: need(False) if isinstance(x, tuple | list) else function(x)


def linear(x: Any, w: Any, b: Any) -> Any:
    need(x.ndim == 2 and w.ndim == 2)
    return autodiff.linear(x, w.T, b)


def conv2d(x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    need(groups == 1 and single(dilation) == 1 and padding != "same")
    if x.ndim == 3:
        return conv2d(x[None], w, b, stride, padding)[0]
    return autodiff.conv2d(x, w, b, stride=single(stride), padding=0 if padding == "valid" else single(padding))


def max_pool2d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    need(x.ndim == 4 and single(dilation) == 1 and not ceil_mode and not return_indices)
    x = np.pad(x, [(0, 0), (0, 0), *[(single(padding),) * 2] * 2], constant_values=-np.inf)
    return autodiff.max_pool2d(x, single(kernel_size), stride=single(stride or kernel_size))


def avg_pool2d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: Any = None,
) -> Any:  # fmt: skip
    need(x.ndim == 4 and not ceil_mode and divisor_override is None)
    need(count_include_pad or single(padding) == 0)
    x = np.pad(x, [(0, 0), (0, 0), *[(single(padding),) * 2] * 2])
    return autodiff.avg_pool2d(x, single(kernel_size), stride=single(stride or kernel_size))


def cross_entropy(x: Any, target: Any, reduction: str = "mean") -> Any:
    need(x.ndim == 2 and target.dtype.kind == "i" and reduction != "none")
    return autodiff.cross_entropy(x, target) * (1 if reduction == "mean" else len(x))


def pad(x: Any, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    need(mode == "constant" and min(pad) >= 0)
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    return np.pad(x, [(0, 0)] * (x.ndim - len(pairs)) + pairs, constant_values=value or 0)


def gather(x: Any, dim: int, index: Any) -> Any:
    need(x.ndim > 0 and x.ndim == index.ndim)
    rest = [n for a, n in enumerate(x.shape) if a != dim % x.ndim]
    need(rest == [n for a, n in enumerate(index.shape) if a != dim % x.ndim])
    return np.take_along_axis(x, index, dim)


def tile(x: Any, *dims: Any) -> Any:
    return np.tile(x, sizes(dims))


def split(x: Any, size: Any, dim: int = 0) -> Any:
    n = x.shape[dim]
    return np.split(x, list(range(size, n, size)) if isinstance(size, int) else np.cumsum(size)[:-1].tolist(), dim)


def sort(x: Any, dim: int = -1, descending: bool = False, stable: bool = True) -> Any:
    need(not descending and x.ndim > 0)
    return np.sort(x, dim)


def expand(x: Any, *shape: Any) -> Any:
    shape = sizes(shape)
    before = (1,) * (len(shape) - x.ndim) + x.shape
    return np.broadcast_to(x, tuple(m if n == -1 else n for n, m in zip(shape, before, strict=True)))


def extreme(all_of: Callable[..., Any], of_two: Callable[..., Any]) -> Callable[..., Any]:
    def ours(x: Any, other: Any = None) -> Any:
        need(not isinstance(other, int))
        return all_of(x) if other is None else of_two(x, other)

    return ours


def roll(x: Any, shifts: Any, dims: Any = None) -> Any:
    return np.roll(x, shifts, dims or None if isinstance(dims, tuple) else dims)


def narrow(x: Any, dim: int, start: Any, length: int) -> Any:
    start = int(start)
    need(start >= 0)
    return x[(slice(None),) * (dim % x.ndim) + (slice(start, start + length),)]


def diag_of(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, diagonal=0: function(x, diagonal)


def diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    return np.diagonal(x, offset, dim1, dim2)


def repeat_interleave(x: Any, repeats: Any, dim: Any = None) -> Any:
    need(x.ndim > 0)
    return np.repeat(x, repeats, dim)


def product(x: Any, y: Any) -> Any:
    return x @ y


# Names are PyTorch's; the number says how many samples have to be comparable at least.
OURS: dict[str, tuple[Callable[..., Any], int]] = {
    **{name: (getattr(np, name), 1) for name in ["abs", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p"]},
    **{name: (getattr(np, name), 1) for name in ["sin", "cos", "tan", "sinh", "cosh", "tanh", "sqrt", "square"]},
    **{f"a{name}": (getattr(np, f"arc{name}"), 1) for name in ["sin", "cos", "tan", "sinh", "cosh", "tanh"]},
    "neg": (np.negative, 1),
    "reciprocal": (np.reciprocal, 3),
    "sigmoid": (autodiff.sigmoid, 3),
    "nn.functional.relu": (autodiff.relu, 4),
    "add": (lambda x, y: x + y, 9),
    "sub": (lambda x, y: x - y, 9),
    "mul": (lambda x, y: x * y, 9),
    "div no_rounding_mode": (lambda x, y: x / y, 9),
    "true_divide": (np.true_divide, 9),
    "pow": (lambda x, y: x**y, 9),
    "__radd__": (lambda x, y: y + x, 9),
    "__rsub__": (lambda x, y: y - x, 9),
    "__rmul__": (lambda x, y: y * x, 9),
    "__rdiv__": (lambda x, y: y / x, 9),
    "__rpow__": (lambda x, y: y**x, 9),
    "__rmatmul__": (lambda x, y: y @ x, 15),
    "atan2": (np.arctan2, 9),
    "hypot": (np.hypot, 9),
    "logaddexp": (np.logaddexp, 9),
    "maximum": (np.maximum, 9),
    "minimum": (np.minimum, 9),
    "clamp": (lambda x, min=None, max=None: np.clip(x, min, max), 7),
    "where": (lambda x, condition, y: np.where(condition, x, y), 6),
    "sum": (reduced(np.sum), 19),
    "mean": (reduced(np.mean), 19),
    "amax": (reduced(np.amax), 19),
    "amin": (reduced(np.amin), 19),
    "prod": (reduced(np.prod), 37),
    "var": (spread(np.var), 14),
    "std": (spread(np.std), 14),
    "max reduction_no_dim": (extreme(np.max, np.maximum), 2),
    "min reduction_no_dim": (extreme(np.min, np.minimum), 2),
    "max binary": (extreme(np.max, np.maximum), 9),
    "min binary": (extreme(np.min, np.minimum), 9),
    "cumsum": (of_axis(np.cumsum), 2),
    "cumprod": (of_axis(np.cumprod), 7),
    "logsumexp": (reduced(autodiff.logsumexp), 15),
    "softmax": (of_axis(autodiff.softmax), 5),
    "log_softmax": (of_axis(autodiff.log_softmax), 5),
    "linalg.vector_norm": (vector_norm, 36),
    "diff": (diff, 51),
    "matmul": (product, 15),
    "mm": (product, 3),
    "bmm": (product, 1),
    "mv": (product, 1),
    "dot": (np.dot, 1),
    "vdot": (np.vdot, 1),
    "inner": (np.inner, 2),
    "outer": (np.outer, 1),
    "tensordot": (tensordot, 2),
    "einsum": (lambda operands, text: np.einsum(text, *operands), 11),
    "linalg.inv": (np.linalg.inv, 8),
    "linalg.solve": (solve, 18),
    "linalg.det": (np.linalg.det, 9),
    "linalg.slogdet": (lambda x: list(np.linalg.slogdet(x)), 9),
    "linalg.cholesky": (lambda x, upper=False: need(False) if upper else np.linalg.cholesky(x), 8),
    "cat": (cat, 8),
    "stack": (lambda xs, dim=0: np.stack(xs, dim), 9),
    "vstack": (np.vstack, 2),
    "hstack": (np.hstack, 2),
    "column_stack": (np.column_stack, 3),
    "atleast_1d": (of_one(np.atleast_1d), 5),
    "atleast_2d": (of_one(np.atleast_2d), 5),
    "reshape": (lambda x, shape: x.reshape(shape), 7),
    "ravel": (np.ravel, 3),
    "permute": (lambda x, *dims: np.transpose(x, sizes(dims)), 4),
    "transpose": (lambda x, a, b: np.swapaxes(x, a, b) if x.ndim else need(False), 7),
    "movedim": (np.moveaxis, 2),
    "squeeze": (squeeze, 5),
    "squeeze multiple": (squeeze, 4),
    "unsqueeze": (np.expand_dims, 9),
    "expand": (expand, 9),
    "broadcast_to": (lambda x, shape: expand(x, shape), 7),
    "T": (lambda x: x.T, 2),
    "mT": (np.matrix_transpose, 5),
    "flip": (lambda x, dims: np.flip(x, tuple(dims)), 10),
    "roll": (roll, 17),
    "tile": (tile, 28),
    "repeat": (tile, 24),
    "repeat_interleave": (repeat_interleave, 3),
    "gather": (gather, 4),
    "take_along_dim": (lambda x, i, dim=None: np.take_along_axis(x, i if dim is not None else i.reshape(-1), dim), 5),
    "take": (lambda x, index: np.take(x, index), 10),
    "index_select": (lambda x, dim, index: np.take(x, index, dim) if x.ndim else need(False), 2),
    "select": (lambda x, dim, i: np.take(x, i, dim), 6),
    "narrow": (narrow, 10),
    "masked_select": (masked_select, 7),
    "__getitem__": (lambda x, index: x[index], 16),
    "diagonal": (diagonal, 15),
    "diag": (diag_of(np.diag), 16),
    "trace": (np.trace, 5),
    "tril": (diag_of(np.tril), 8),
    "triu": (diag_of(np.triu), 8),
    "sort": (lambda *args, **options: [sort(*args, **options)], 29),
    "split list_args": (split, 3),
    "split": (split, 2),
    "unbind": (lambda x, dim=0: list(np.moveaxis(x, dim, 0)), 6),
    "nn.functional.pad constant": (pad, 47),
    "nn.functional.linear": (linear, 4),
    "nn.functional.conv2d": (conv2d, 8),
    "nn.functional.max_pool2d": (max_pool2d, 48),
    "nn.functional.avg_pool2d": (avg_pool2d, 1),
    "nn.functional.cross_entropy": (cross_entropy, 3),
}  # fmt: skip


# ---- the comparison


def mapped(f: Callable[[Any], Any], nested: Any) -> Any:
    if isinstance(nested, torch.Tensor):
        return f(nested)
    if isinstance(nested, dict):
        return {key: mapped(f, part) for key, part in nested.items()}
    if isinstance(nested, list | tuple) and not isinstance(nested, torch.Size):
        return type(nested)(mapped(f, part) for part in nested)
    return nested


def compared(info: Any, ours: Callable[..., Any]) -> Iterator[bool]:
    """For each sample, whether it was comparable."""
    torch.manual_seed(0)
    for number, sample in enumerate(info.sample_inputs("cpu", torch.float64, requires_grad=True)):
        arguments = (sample.input, *sample.args)
        try:
            inspect.signature(ours).bind(*arguments, **sample.kwargs)
        except TypeError:
            yield False
            continue
        except ValueError:  # a ufunc has no signature
            need(not sample.kwargs)
        try:
            compare(info, ours, arguments, sample.kwargs, number)
        except NotOffered:
            yield False
        else:
            yield True


def compare(info: Any, ours: Callable[..., Any], arguments: Any, options: Any, number: int) -> None:
    points: list[torch.Tensor] = []
    mapped(lambda t: points.append(t) if t.requires_grad else None, (arguments, options))
    where = {id(t): i for i, t in enumerate(points)}
    need(bool(points) and all(t.dtype == torch.float64 for t in points))

    def outputs(params: Any) -> list[Any]:
        given = mapped(lambda t: params[where[id(t)]] if t.requires_grad else t.numpy(), (arguments, options))
        z = ours(*given[0], **given[1])
        return z if isinstance(z, list) else [z]

    params = [t.detach().numpy().copy() for t in points]
    found = outputs([Tensor(a) for a in params])
    expected = info.op(*arguments, **options)
    if not isinstance(expected, torch.Tensor):
        expected = [z for z in expected if z.requires_grad]
    expected = [expected] if isinstance(expected, torch.Tensor) else list(expected)
    assert len(found) == len(expected)
    for z, e in zip(found, expected, strict=True):
        close(value(z), e, 1e-9, f"value of sample {number}")
    rng = np.random.default_rng(number)
    g = [rng.normal(size=tuple(e.shape)) for e in expected]
    v = [rng.normal(size=a.shape) for a in params]

    def f(xs: Any) -> Any:
        return sum((z * c).sum() for z, c in zip(outputs(xs), g, strict=True))

    scalar = sum((z * torch.tensor(c)).sum() for z, c in zip(expected, g, strict=True))
    slopes = torch.autograd.grad(
        scalar, points, create_graph=info.supports_gradgrad, allow_unused=True, materialize_grads=True
    )
    for d, e in zip(grad(f)(params), slopes, strict=True):
        close(d, e, 1e-8, f"gradient of sample {number}")
    slope = sum((d * torch.tensor(c)).sum() for d, c in zip(slopes, v, strict=True))
    if slope.requires_grad:
        curved = torch.autograd.grad(slope, points, allow_unused=True, materialize_grads=True)
        for d, e in zip(hvp(f, params, v), curved, strict=True):
            close(d, e, 1e-7, f"second derivative of sample {number}")


@pytest.mark.parametrize("name", OURS)
def test_samples_of_pytorch(name: str) -> None:
    ours, least = OURS[name]
    with np.errstate(all="ignore"):
        comparable = list(compared(INFOS[name], ours))
    assert sum(comparable) >= least, f"{sum(comparable)} of {len(comparable)} samples were comparable"
