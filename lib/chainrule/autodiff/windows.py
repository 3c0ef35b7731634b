"""Convolution and pooling: every window of an image becomes a column, and the rest is a matrix product or a maximum.

Images are (N, C, H, W): N examples, C channels, H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.autodiff.engine import Pullbacks, primitive, value


def conv2d(x: Any, w: Any, b: Any = None, *, stride: int = 1, padding: int = 0) -> Any:
    """Convolution as networks have it, that is cross-correlation:

        z[n, k, i, j] = b[k] + sum over c, p, q of x[n, c, i * stride + p, j * stride + q] * w[k, c, p, q]

    Args:
        x: (N, C, H, W).
        w: (K, C, P, Q), a kernel of P rows and Q columns for each channel out and in.
        b: (K,), or None for zeros.
        stride: how far the window moves, at least 1.
        padding: so many rows and columns of zeros are put around each image, at least 0.

    Returns:
        (N, K, (H + 2 * padding - P) // stride + 1, (W + 2 * padding - Q) // stride + 1).

    Raises:
        ValueError: the shapes do not fit, or the kernel is larger than the padded image.
    """
    if np.ndim(x) != 4 or np.ndim(w) != 4 or x.shape[1] != w.shape[1]:
        raise ValueError(
            f"conv2d of shapes {np.shape(x)} and {np.shape(w)}: expected (N, C, H, W) and (K, C, P, Q) with one C"
        )
    if padding:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    columns = unfold(x, w.shape[2:], stride)
    n, c, p, q, rows, cols = columns.shape
    z = w.reshape(len(w), -1) @ columns.reshape(n, c * p * q, rows * cols)
    if b is not None:
        z = z + b[:, None]
    return z.reshape(n, len(w), rows, cols)


def max_pool2d(x: Any, size: int, *, stride: int | None = None) -> Any:
    """The largest entry of each window; where several are, the derivative goes to the first.

    Args:
        x: (N, C, H, W).
        size: rows and columns of a window.
        stride: how far it moves; as far as it is long, if None.

    Returns:
        (N, C, (H - size) // stride + 1, (W - size) // stride + 1).
    """
    windows = _flat(unfold(x, (size, size), stride or size))
    first = np.argmax(value(windows), 2)[:, :, None]
    return np.take_along_axis(windows, first, 2)[:, :, 0]


def avg_pool2d(x: Any, size: int, *, stride: int | None = None) -> Any:
    """The mean of each window. Arguments and result as for max_pool2d."""
    return _flat(unfold(x, (size, size), stride or size)).mean(2)


def _flat(windows: Any) -> Any:
    n, c, p, q, rows, cols = windows.shape
    return windows.reshape(n, c, p * q, rows, cols)


def unfold(x: Any, size: tuple[int, int], stride: int = 1) -> Any:
    """All windows of (P, Q) pixels: (N, C, P, Q, rows, columns), where the last two axes say which window."""
    (p, q), (h, w) = size, np.shape(x)[-2:]
    if stride < 1 or p > h or q > w or p < 1 or q < 1:
        raise ValueError(
            f"a window of {p} x {q} pixels with stride {stride} does not fit an image of shape {np.shape(x)}"
        )
    return _unfold(x, size, stride)


@primitive
def _unfold(x: Any, size: Any, stride: Any) -> tuple[Any, Pullbacks]:
    (n, c, h, w), (p, q) = x.shape, size
    z = np.empty((n, c, p, q, (h - p) // stride + 1, (w - q) // stride + 1), x.dtype)
    for i, j, pixels in _offsets(z.shape, stride):
        z[:, :, i, j] = value(x)[pixels]
    return z, (lambda g: _fold(g, x.shape, stride), None, None)


@primitive
def _fold(z: Any, shape: Any, stride: Any) -> tuple[Any, Pullbacks]:
    """The transpose of _unfold: every window is added to the pixels that it was taken from."""
    x = np.zeros(shape, z.dtype)
    for i, j, pixels in _offsets(z.shape, stride):
        x[pixels] += value(z)[:, :, i, j]
    return x, (lambda g: _unfold(g, z.shape[2:4], stride), None, None)


def _offsets(shape: Any, stride: int) -> Iterator[tuple[int, int, Any]]:
    """Each place in a window, and the pixels that all windows have there."""
    _, _, p, q, rows, cols = shape
    for i in range(p):
        for j in range(q):
            yield i, j, np.s_[:, :, i : i + (rows - 1) * stride + 1 : stride, j : j + (cols - 1) * stride + 1 : stride]
